"""Tune's run of a search, from its first trial to its last."""

from __future__ import annotations

import signal
import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..execution.session import Session
from ..record.recorder import RunRecorder
from ..storage.identity import Identity
from ..storage.url_folder import Storage
from .space import Space

if TYPE_CHECKING:
    from ray.tune import Tuner


def search(
    folder: Path,
    identity: Identity,
    space: Space,
    session: Session,
    watch: RunRecorder,
    trials: int,
    storage: Storage | None,
) -> str:
    """Runs the Tuner over the trials that have not ended.

    Args:
        folder: The run's folder.
        identity: The run's identity.
        space: The search space.
        session: The session.
        watch: The run's record.
        trials: How many trials the search has.
        storage: The run's folder at a storage; None: it has none.

    Returns:
        ``finished``, or ``interrupted``, which is also the answer where ``watch`` heard of something fatal.
    """
    from .interrupt import first_interrupt
    from .tune_callback import TuneCallback

    _quiet()
    TuneCallback.watches[str(folder)] = watch
    watch.tick = session.tick
    watch.report_of = session.report_of
    watch.abandon = session.abandon

    def interrupted() -> None:
        watch.interrupted = True
        session.finish_tasks()

    TuneCallback.signals["usual"] = signal.getsignal(signal.SIGUSR1)
    with tempfile.TemporaryDirectory(prefix="vlcl-tune-") as place, first_interrupt(interrupted):
        try:
            if watch.book.ended < trials:
                _tuner(folder, identity, space, session, watch, trials, storage, place).fit()
        finally:
            signal.signal(signal.SIGUSR1, TuneCallback.signals["usual"])
            del TuneCallback.watches[str(folder)]
    return "finished" if watch.book.ended >= trials and not watch.interrupted else "interrupted"


def _quiet() -> None:
    """Silences Tune and Optuna, which report what nobody asked for. The sweep prints its own lines."""
    import logging

    import optuna

    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    # These report that Tune was interrupted, as it was asked to be, or could not write what nobody reads.
    for chatty in ("ray.tune.tune", "ray.tune.execution.experiment_state"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def _tuner(
    folder: Path,
    identity: Identity,
    space: Space,
    session: Session,
    watch: RunRecorder,
    trials: int,
    storage: Storage | None,
    place: str,
) -> Tuner:
    """Makes the Tuner. ``place`` is a folder for what Tune writes."""
    from ray import tune

    from .sampler import TaskSearch
    from .scheduler import TaskScheduler
    from .trainable import run_trial
    from .tune_callback import TuneCallback, write_proposal, write_verdict

    trainable = tune.with_parameters(
        run_trial,
        base=space.config.to_dict(),
        folder=str(folder / "trials"),
        storage=storage and storage.below("trials"),
        identity=identity,
        dispatcher=session.dispatcher,
        metric=space.objective.metric,
    )
    known = sorted(watch.book.trials.values(), key=lambda entry: entry.number)
    objective, tasks = space.objective, len(watch.names)
    proposals = TaskSearch(
        space.suggest,
        objective.metric,
        objective.mode,
        seed=space.config.run.seed,
        tasks=tasks,
        trials=trials,
        start=space.start_params(),
        known=known,
        write_down=partial(write_proposal, str(folder)),
    )
    verdicts = partial(write_verdict, str(folder))
    return tune.Tuner(
        # No CPU is asked for: what a trial's own process took would be missing where its lane's workers must
        # fit.
        tune.with_resources(trainable, {"memory": 1e6}),
        tune_config=tune.TuneConfig(
            search_alg=proposals,
            scheduler=TaskScheduler(objective.metric, objective.mode, tasks, known, verdicts),
            num_samples=trials - watch.book.ended,
            max_concurrent_trials=session.lanes,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=place,
            failure_config=tune.FailureConfig(max_failures=3),
            callbacks=[TuneCallback(str(folder))],
            verbose=0,
        ),
    )
