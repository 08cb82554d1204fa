"""Runs a search in Tune, from its first trial to its last."""

from __future__ import annotations

import signal
import tempfile
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..execution.job import Job
from ..execution.session import Session
from ..execution.train_private import count_no_callbacks
from ..record.recorder import RunRecorder
from ..record.run_context import RunContext
from ..storage.run_files import trials_of
from .grid import grid
from .space import Space

if TYPE_CHECKING:
    from ray.tune import Tuner

    from .spending import Spending


def search(
    run: RunContext,
    space: Space,
    session: Session,
    recorder: RunRecorder,
    trials: int,
    spending: Spending | None = None,
) -> str:
    """Runs the Tuner over the trials that have not ended.

    Args:
        run: The run.
        space: The search space.
        session: The session.
        recorder: The run's record.
        trials: How many trials the search has; with a budget, how many it may have at most.
        spending: Decides whether another trial is begun; None: the number of trials alone does.

    Returns:
        ``finished``, or ``interrupted``, which is also the answer where ``recorder`` heard of
        something fatal.
    """
    from .interrupt import on_first_interrupt
    from .tune_callback import EndOfTune

    def interrupted() -> None:
        # A search whose trials have all ended may wait for another one, which began inside it.
        recorder.interrupted = session.beside is None or recorder.store.ended < _count(trials, spending)
        session.finish_tasks()

    _quiet()
    usual = signal.getsignal(signal.SIGUSR1)
    with tempfile.TemporaryDirectory(prefix="vlcl-tune-") as scratch, on_first_interrupt(interrupted):
        try:
            over = recorder.interrupted or recorder.store.ended >= trials
            if not over and not _is_spent(recorder, spending):
                with suppress(EndOfTune):
                    _tuner(run, space, session, recorder, trials, scratch, spending).fit()
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGUSR1, usual)
    if spending is not None:
        if recorder.store.ended >= trials:
            spending.end()
        trials = spending.count or trials
    return "finished" if recorder.store.ended >= trials and not recorder.interrupted else "interrupted"


def _count(trials: int, spending: Spending | None) -> int:
    """How many trials the search has; with a budget that is still open, how many at most."""
    return trials if spending is None else spending.count or trials


def _is_spent(recorder: RunRecorder, spending: Spending | None) -> bool:
    """Whether no trial is under way and the budget is used up: a driver may die before it notes that."""
    store = recorder.store
    return spending is not None and store.ended == len(store.trials) and spending.more() is False


def _quiet() -> None:
    """Silences the reports of Tune and Optuna, since the sweep prints its own lines."""
    import logging

    import optuna

    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    # These report that Tune was interrupted, as intended, or could not write files that are never read.
    for chatty in ("ray.tune.tune", "ray.tune.execution.experiment_state"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def _tuner(
    run: RunContext,
    space: Space,
    session: Session,
    recorder: RunRecorder,
    trials: int,
    scratch: str,
    spending: Spending | None,
) -> Tuner:
    """Makes the Tuner. ``scratch`` is a folder for what Tune writes."""
    from ray import tune

    from .sampler import TaskSearch
    from .scheduler import TaskScheduler
    from .trainable import run_trial
    from .tune_bridge import TuneBridge
    from .tune_callback import TuneCallback

    count_no_callbacks()
    objective, tasks, sizes = space.objective, len(recorder.names), space.turns

    def proposed() -> bool:
        return len(recorder.store.trials) >= trials if spending is None else spending.more() is not True

    job_of = _job_of(run, space)
    judged = {*space.scheduler.stops_after(tasks), tasks}
    bridge = TuneBridge(
        recorder, session, job_of, objective.metric, objective, proposed, session.beside, judged
    )
    trainable = tune.with_parameters(run_trial, dispatcher=session.dispatcher, scope=session.scope)
    # Tune finds it by its name, and another search may have one with another scope at the same time.
    trainable.__name__ = f"{run_trial.__name__}_{session.scope}".strip("_/")
    known = sorted(recorder.store.trials.values(), key=lambda entry: entry.number)
    proposals = TaskSearch(
        space.suggest,
        objective.metric,
        objective.mode,
        seed=space.config.run.seed,
        tasks=tasks,
        starts=space.start_points(),
        sizes=sizes,
        known=known,
        write_down=bridge.propose,
        choice=space.sampler,
        grid=grid(space) if space.sampler.name == "grid" else (),
        objective=objective,
        **({} if spending is None else {"more": spending.more}),
    )
    verdicts = TaskScheduler(
        objective.metric,
        objective.mode,
        tasks,
        known,
        write_down=bridge.decide,
        answer=bridge.answer,
        sizes=sizes,
        choice=space.scheduler,
        objective=objective,
        follow=bridge.follow,
    )
    return tune.Tuner(
        # No CPU is requested: a CPU of a trial's own process would be missing for its lane's workers.
        tune.with_resources(trainable, {"memory": 1e6}),
        tune_config=tune.TuneConfig(
            search_alg=proposals,
            scheduler=verdicts,
            num_samples=trials - recorder.store.ended,
            max_concurrent_trials=session.lanes,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=scratch,
            failure_config=tune.FailureConfig(max_failures=3),
            callbacks=[TuneCallback(bridge)],
            verbose=0,
        ),
    )


def _job_of(run: RunContext, space: Space) -> Callable[[str, dict[str, Any]], Job]:
    """A trial's id and proposed values -> its job."""
    base, trials = space.config.to_dict(), trials_of(run.folder)

    def job_of(trial_id: str, values: dict[str, Any]) -> Job:
        kept = None if run.kept is None else run.kept.trial(trial_id)
        stamp = run.identity.stamp(trial_id, values)
        return Job(trial_id, "train", base, values, trials / trial_id, kept, stamp)

    return job_of
