"""One sweep from its first to its last line: search, choice, the look at test data, the record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import UserError
from ..execution.job import Job, Outcome
from ..execution.ray_watch import RayLost
from ..execution.session import Session
from ..execution.stopped_by import stopped_by
from ..metrics.measures import shown_metrics, unit
from ..record.notes import search_note
from ..record.recorder import RunRecorder
from ..record.run_context import RunContext
from ..record.trial_entry import TrialEntry
from ..schema.shown import shown_score, shown_value
from ..search.space import Space
from ..search.tuner import search
from ..storage.full_disk import full_disk, is_full
from ..storage.identity import Identity
from ..storage.run_files import CONFIG_FILE, TOKENIZER_FOLDER, trials_of
from ..storage.run_folder import short_path
from ..storage.trial_files import TEST_FOLDER
from ..storage.url_folder import Storage
from ..streams.text.fit_tokenizer import fit_tokenizer
from .in_rows import in_rows
from .last_lines import last_lines
from .run_result import RunResult


def search_run(run: RunContext, space: Space, trials: int) -> RunResult:
    """Runs, or goes on with, a sweep of so many ``trials`` over ``space``.

    The exit status is 0 where some trial walked the whole stream, and the best was tested; 1 where none did,
    the look at test failed, or something ended the sweep (a full disk); 130 where it was interrupted.
    """
    folder, config, source, say = run.folder, run.config, run.source, run.say
    watch = RunRecorder.open(
        run,
        space.trial_config,
        space.objective,
        trials,
        check_values=space.check_values,
        searched=[parameter.key for parameter in space.parameters],
    )
    book = watch.book
    status, tested, unforeseen = "interrupted", {}, None

    def last_words(line: str) -> None:
        watch.fatal = line
        watch.catch_up()
        record = watch.finish("interrupted", {}, {})
        run.last(_closing(folder, space, watch, {}, "failed", record))

    try:
        best = book.best()
        tested = watch.known_test(best.id) if best is not None else {}
        if book.is_over(trials):
            ended = "the one trial has" if trials == 1 else f"all {trials} trials have"
            say(f"{ended} ended{', and the best was tested' if tested else ''}")
            say(f"for more: python -m orchestrator.sweep --resume {folder.name} --trials {trials + 1}")
            status = "finished"
        else:
            tokenizer = fit_tokenizer(source, config.stream, folder / TOKENIZER_FOLDER)
            with Session(
                folder,
                run.identity,
                config,
                source,
                tokenizer,
                wanted=run.concurrent,
                at_most=run.at_most,
                jobs=max(1, trials - book.ended),
                seeds=run.seeds,
                largest_memory=space.largest_memory(len(source.categories)),
                say=say,
                last_words=last_words,
            ) as session:
                status, tested = _search_and_test(run, space, session, watch, trials)
        if status == "interrupted":
            watch.catch_up()  # with the tasks that the lanes had under way
    except KeyboardInterrupt:
        watch.catch_up()  # with what the lanes had under way
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
    run.last(_closing(folder, space, watch, tested, status, record))
    if unforeseen is not None:
        raise unforeseen
    exit_status = 130 if status == "interrupted" else 0 if status == "finished" and tested else 1
    reason = watch.fatal
    if exit_status == 1 and not reason:
        reason = "no trial walked the whole stream" if best is None else "the look at test failed"
    return RunResult.of(run, book, tested, exit_status, reason)


def _search_and_test(
    run: RunContext, space: Space, session: Session, watch: RunRecorder, trials: int
) -> tuple[str, dict[str, float]]:
    """(status, what the look at test found)."""
    folder, identity, kept, say = run.folder, run.identity, run.kept, run.say
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


def _test(
    session: Session,
    identity: Identity,
    space: Space,
    watch: RunRecorder,
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
    return short_path(trials_of(folder) / best.id / CONFIG_FILE)


def _files_of(place: Path) -> list[tuple[Path, str]]:
    """What the whole run shows of its best trial, which lies in ``place``."""
    own = [(place / name, "best") for name in (CONFIG_FILE, "matrix.png", "curves.png")]
    return [*own, (place / TEST_FOLDER / "matrix.png", "best/test")]


def _closing(
    folder: Path, space: Space, watch: RunRecorder, tested: dict, status: str, record: list[str]
) -> str:
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
