"""One sweep from its first to its last line: search, choice, the look at test data, the record."""

from __future__ import annotations

import signal
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .cli import short_path
from .errors import UserError
from .full_disk import full_disk, is_full
from .identity import Identity
from .in_rows import in_rows
from .job import Job, Outcome
from .last_lines import last_lines
from .measures import shown_metrics, unit
from .notes import search_note
from .ray_watch import RayLost
from .run_storage import RunStorage
from .session import Session
from .shown import shown_score, shown_value
from .space import Space
from .stopped_by import stopped_by
from .storage import Storage
from .streams.fit_tokenizer import fit_tokenizer
from .streams.source import StreamSource
from .trial_book import TrialEntry
from .watch import Watch

if TYPE_CHECKING:
    from ray.tune import Tuner


def search_run(
    folder: Path,
    identity: Identity,
    space: Space,
    source: StreamSource,
    trials: int,
    concurrent: int | None,
    kept: RunStorage | None,
    say: Callable[[str], None],
    *,
    at_most: bool = False,
) -> int:
    """Runs or goes on with the sweep in ``folder``; returns the command's exit status. ``concurrent``: trials
    at once; ``at_most``: fewer do.

    0: some trial walked the whole stream, and the best was tested; 1: none did, the look at test failed, or
    something ended the sweep (a full disk); 130: interrupted.
    """
    config = space.config
    names = [task.name for task in source.tasks]
    watch = Watch.open(
        folder,
        identity,
        config,
        space.trial_config,
        space.objective,
        names,
        trials,
        kept,
        say,
        check_values=space.check_values,
        searched=[parameter.key for parameter in space.parameters],
        seeds=[config.run.seed],
    )
    book = watch.book
    status, tested, unforeseen = "interrupted", {}, None

    def last_words(line: str) -> None:
        watch.fatal = line
        watch.catch_up()
        record = watch.finish("interrupted", {}, {})
        print("\n" + _closing(folder, space, watch, {}, "failed", record), flush=True)

    try:
        best = book.best()
        tested = watch.known_test(best.id) if best is not None else {}
        if book.is_over(trials):
            ended = "the one trial has" if trials == 1 else f"all {trials} trials have"
            say(f"{ended} ended{', and the best was tested' if tested else ''}")
            say(f"for more: python -m orchestrator.sweep --resume {folder.name} --trials {trials + 1}")
            status = "finished"
        else:
            tokenizer = fit_tokenizer(source, config.stream, folder / "tokenizer")
            with Session(
                folder,
                identity,
                config,
                source,
                tokenizer,
                wanted=concurrent,
                at_most=at_most,
                jobs=max(1, trials - book.ended),
                seeds=[config.run.seed],
                largest_memory=space.largest_memory(len(source.categories)),
                say=say,
                last_words=last_words,
            ) as session:
                status, tested = _search_and_test(folder, identity, space, session, watch, trials, kept, say)
        if status == "interrupted":
            watch.catch_up()  # with the tasks that the lanes had under way
    except KeyboardInterrupt:
        status = "interrupted"
    except UserError as error:  # as no lane that comes up
        if not any(entry.reports for entry in book.trials.values()):
            raise
        watch.fatal, status = str(error), "failed"
    except (Exception, RayLost) as error:  # whatever it is, the run has its last lines
        watch.fatal, foreseen = stopped_by(error)
        status = "interrupted" if watch.interrupted and foreseen else "failed"
        unforeseen = None if foreseen else error
        watch.catch_up()
    finally:
        best = book.best()
        again = f"python -m orchestrator.sweep --resume {folder.name}"
        if best is not None and tested:
            again = f"python -m orchestrator.train --config {_config_of(folder, best)}"
        tags = {"mlflow.note.content": search_note(config, space.objective, trials, book, tested, again)}
        chosen, files = {}, []
        if best is not None:
            tags["best"] = best.id
        if best is not None and tested:
            flat = space.trial_config(best.values).flat()
            chosen = {parameter.key: flat[parameter.key] for parameter in space.parameters}
            files = _files_of(book.place(best.id))
        ended = "interrupted" if watch.fatal else status
        record = watch.finish(ended, tested, tags, chosen, files)
        if watch.hurried and not watch.fatal:
            status = "interrupted"
    print("\n" + _closing(folder, space, watch, tested, status, record), flush=True)
    if unforeseen is not None:
        raise unforeseen
    if status == "interrupted":
        return 130
    return 0 if status == "finished" and tested else 1


def _search_and_test(
    folder: Path,
    identity: Identity,
    space: Space,
    session: Session,
    watch: Watch,
    trials: int,
    kept: RunStorage | None,
    say: Callable[[str], None],
) -> tuple[str, dict[str, float]]:
    """(status, what the look at test found)."""
    book, tested = watch.book, {}
    try:
        status = search(folder, identity, space, session, watch, trials, kept and kept.storage)
        best = book.best()
        if status == "finished" and best is not None and not (tested := watch.known_test(best.id)):
            say(f"trial {best.number + 1} is best on validation; looking at test")
            tested = _test(session, identity, space, watch, best, kept and kept.trial(best.id), say)
            if tested:
                watch.tested(best.id, tested)
    except Exception as error:
        if not is_full(error):
            raise
        status, watch.fatal = "failed", full_disk(folder)
    return "failed" if watch.fatal else status, tested


def search(
    folder: Path,
    identity: Identity,
    space: Space,
    session: Session,
    watch: Watch,
    trials: int,
    storage: Storage | None,
) -> str:
    """Runs the Tuner over the trials that have not ended; ``finished``, or ``interrupted``, also where
    ``watch`` heard of something fatal.
    """
    from .first_interrupt import first_interrupt
    from .follow import Follow

    _quiet()
    Follow.watches[str(folder)] = watch
    watch.tick = session.tick
    watch.report_of = session.report_of
    watch.abandon = session.abandon

    def interrupted() -> None:
        watch.interrupted = True
        session.finish_tasks()

    Follow.signals["usual"] = signal.getsignal(signal.SIGUSR1)
    with tempfile.TemporaryDirectory(prefix="vlcl-tune-") as place, first_interrupt(interrupted):
        try:
            if watch.book.ended < trials:
                _tuner(folder, identity, space, session, watch, trials, storage, place).fit()
        finally:
            signal.signal(signal.SIGUSR1, Follow.signals["usual"])
            del Follow.watches[str(folder)]
    return "finished" if watch.book.ended >= trials and not watch.interrupted else "interrupted"


def _quiet() -> None:
    """Tune and Optuna say what nobody asked: the sweep prints its own."""
    import logging

    import optuna

    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    # What these say is that Tune was interrupted, as asked, or could not write what nobody reads.
    for chatty in ("ray.tune.tune", "ray.tune.execution.experiment_state"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def _tuner(
    folder: Path,
    identity: Identity,
    space: Space,
    session: Session,
    watch: Watch,
    trials: int,
    storage: Storage | None,
    place: str,
) -> Tuner:
    """``place``: a folder for what Tune writes."""
    from ray import tune

    from .follow import Follow, write_proposal, write_verdict
    from .search import TaskScheduler, TaskSearch
    from .trial import run_trial

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
        # No CPU: what a trial's own process took would be missing where its lane's workers must fit.
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
            callbacks=[Follow(str(folder))],
            verbose=0,
        ),
    )


def _test(
    session: Session,
    identity: Identity,
    space: Space,
    watch: Watch,
    best: TrialEntry,
    storage: Storage | None,
    say: Callable[[str], None],
) -> dict[str, float]:
    place, stamp = watch.book.place(best.id), identity.stamp(best.id, best.values)
    job = Job(f"test-{best.id}", "test", space.config.to_dict(), best.values, place, storage, stamp)
    outcomes: list[Outcome] = []
    session.run([job], on_end=lambda _, outcome: outcomes.append(outcome))
    if outcomes[0].status != "finished":
        say(f"test failed: {outcomes[0].reason}")
        watch.fatal = outcomes[0].reason if outcomes[0].fatal else ""
    return outcomes[0].metrics


def _config_of(folder: Path, best: TrialEntry) -> str:
    return short_path(folder / "trials" / best.id / "config.yaml")


def _files_of(place: Path) -> list[tuple[Path, str]]:
    """What the whole run shows of its best trial, which lies in ``place``."""
    own = [(place / name, "best") for name in ("config.yaml", "matrix.png", "curves.png")]
    return [*own, (place / "test" / "matrix.png", "best/test")]


def _closing(folder: Path, space: Space, watch: Watch, tested: dict, status: str, record: list[str]) -> str:
    """What the sweep prints last."""
    book, best = watch.book, watch.book.best()
    blocks = [["Trials (validation; best first)", book.table()]] if book.trials else []
    if best is not None:
        lines = [
            f"Best configuration: trial {best.number + 1}, {space.objective.metric} {book.value(best):.2f}",
            *(f"  {key} = {shown_value(value)}" for key, value in best.values.items()),
        ]
        names = shown_metrics(space.config.method_name, tested)
        found = [f"{name} {shown_score(tested[f'test/{name}'])} {unit(name)}" for name in names]
        if found:
            lines += in_rows("  on test: ", found)
        again = f"python -m orchestrator.train --config {_config_of(folder, best)}"
        blocks += [
            lines,
            ["Run the best one again (with --seeds 0 1 2: once for each of these seeds):", f"  {again}"],
        ]
    elif status == "finished":
        blocks.append(["No trial walked the whole stream."])
    left = status != "finished" or watch.fatal or (best is not None and not tested)
    resume = f"python -m orchestrator.sweep --resume {folder.name}" if left else ""
    return last_lines([*blocks, record], watch.fatal, status == "interrupted", resume)
