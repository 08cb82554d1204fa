"""Fixed configurations, each walked over the stream and then tested: no search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..evaluation.objective import Objective
from ..evaluation.protocol import HEADLINE
from ..execution.job import Job, Outcome
from ..execution.ray_watch import RayLost
from ..execution.session import Session
from ..execution.stopped_by import stopped_by
from ..metrics.measures import shown_metrics, unit
from ..record.notes import seeds_note
from ..record.over_seeds import over_seeds
from ..record.recorder import RunRecorder
from ..record.run_context import RunContext
from ..schema.shown import shown_score
from ..storage.full_disk import full_disk, is_full
from ..storage.run_files import CONFIG_FILE, TOKENIZER_FOLDER, trials_of
from ..storage.run_folder import short_path
from ..storage.trial_files import TEST_FOLDER, TEST_MATRIX_FILE
from ..streams.text.fit_tokenizer import fit_tokenizer
from .last_lines import last_lines
from .run_result import RunResult


def train_run(run: RunContext, variants: dict[str, dict[str, Any]]) -> RunResult:
    """Runs, or goes on with, a configuration in each of its ``variants`` (trial id -> dotted values).

    The exit status is 0 where all finished, 1 where one failed, 130 where it was interrupted. A variant that
    was tested before is not run again.
    """
    folder, config, source, kept, say = run.folder, run.config, run.source, run.kept, run.say
    seeds = list(run.seeds)
    objective = Objective(f"validation/{HEADLINE[source.scenario]}", "max")

    def check_values(place: str, values: Mapping[str, Any]) -> None:
        if values != variants.get(Path(place).name):
            raise UserError(f"{place}: is no variant of the run; allowed: what the run wrote there")

    watch = RunRecorder.open(
        run if len(seeds) > 1 else replace(run, config=config.with_values({"run.seed": seeds[0]})),
        config.with_values,
        objective,
        len(variants),
        check_values=check_values,
        searched=["run.seed"] if len(seeds) > 1 else [],
        all_tested=True,
    )
    book = watch.book
    base = config.to_dict()

    def on_end(job: Job, outcome: Outcome) -> Job | None:
        trial_id = job.folder.name
        if outcome.fatal:
            watch.fatal = watch.fatal or outcome.reason
        if watch.fatal:
            return None  # it stays unfinished, so that it can be gone on with
        if job.kind == "test":
            if outcome.status == "finished":
                watch.safely(watch.tested, trial_id, outcome.metrics)
        elif outcome.status == "finished":
            say(f"{trial_id}: all tasks done, looking at test")
            return Job(f"test-{trial_id}", "test", base, job.values, job.folder, job.storage, job.stamp)
        if outcome.status != "interrupted":
            watch.safely(watch.end, trial_id, outcome.status, outcome.reason)
        return None

    def on_start(job: Job) -> None:
        if job.kind == "train":
            watch.safely(watch.start, job.id, job.values)

    status, unforeseen = "interrupted", None

    def last_words(line: str) -> None:
        watch.fatal = line
        watch.catch_up()
        record = watch.finish("interrupted", {}, {})
        run.last(_closing(folder, config.method_name, watch, 0, {}, "failed", record))

    try:
        watch.catch_up()  # with what was finished when the driver died
        jobs = [
            Job(
                trial_id,
                "train",
                base,
                values,
                book.place(trial_id),
                kept and kept.trial(trial_id),
                run.identity.stamp(trial_id, values),
            )
            for trial_id, values in variants.items()
            if trial_id not in book.trials or not watch.known_test(trial_id)
        ]
        if jobs:
            tokenizer = fit_tokenizer(source, config.stream, folder / TOKENIZER_FOLDER)
            with Session(
                folder,
                run.identity,
                config,
                source,
                tokenizer,
                wanted=run.concurrent,
                at_most=run.at_most,
                jobs=len(jobs),
                seeds=[config.with_values(job.values).run.seed for job in jobs],
                follow_ups=len(jobs),  # each is tested
                largest_memory=config.replay.most(len(source.categories)),
                say=say,
                last_words=last_words,
            ) as session:
                try:
                    for trial_id, values in variants.items():  # their numbers are their order
                        watch.safely(watch.propose, trial_id, values)
                    session.run(
                        jobs,
                        on_start=on_start,
                        on_report=lambda job, metrics: watch.task(job.id, metrics),
                        on_end=on_end,
                        go=lambda: not watch.fatal,
                    )
                except Exception as error:
                    if not is_full(error):
                        raise
                    watch.fatal = full_disk(folder)
        else:
            say("all have been tested: nothing is left to do")
        status = (
            "failed" if watch.fatal or any(t.status == "failed" for t in book.trials.values()) else "finished"
        )
    except KeyboardInterrupt:
        watch.catch_up()  # with what the lanes had under way
    except UserError as error:  # as no lane that comes up
        if not any(entry.reports for entry in book.trials.values()):
            raise
        watch.fatal, status = str(error), "failed"
    except (Exception, RayLost) as error:  # whatever it is, the run has its last lines
        watch.fatal, foreseen = stopped_by(error)
        status = "failed"
        unforeseen = None if foreseen else error
        watch.catch_up()
    finally:
        tested = [found for trial_id in book.trials if (found := watch.known_test(trial_id))]
        means = over_seeds(tested)
        # A mean over some of the seeds would be compared with means over all.
        whole = means if len(tested) == len(variants) else {}
        again = f"python -m orchestrator.train --resume {folder.name}"
        if whole:
            again = f"python -m orchestrator.train --config {short_path(folder / CONFIG_FILE)}"
            again += f" --seeds {' '.join(map(str, seeds))}"
        tags = {"mlflow.note.content": seeds_note(config, seeds, book, whole, again)}
        places = [book.place(trial_id) for trial_id in book.trials]
        files = [(place / TEST_FOLDER / "matrix.png", f"test/{place.name}") for place in places]
        ended = "interrupted" if watch.fatal else status
        record = watch.finish(ended, whole, tags, files=files)
        if watch.hurried and not watch.fatal:
            status = "interrupted"
    run.last(_closing(folder, config.method_name, watch, len(tested), means, status, record))
    if unforeseen is not None:
        raise unforeseen
    failed = [f"{trial.id}: {trial.reason}" for trial in book.trials.values() if trial.status == "failed"]
    exit_status = {"finished": 0, "interrupted": 130}.get(status, 1)
    return RunResult.of(run, book, means, exit_status, watch.fatal or "; ".join(failed))


def _closing(
    folder: Path,
    method: str,
    watch: RunRecorder,
    runs: int,
    found: Mapping[str, float],
    status: str,
    record: list[str],
) -> str:
    """What the command prints last; ``found``: over the ``runs`` seeds that were tested."""
    lines = []
    if found:
        lines.append(f"Test, mean and standard deviation over {runs} runs" if runs > 1 else "Test, one run")
        for name in shown_metrics(method, found):
            spread = found.get(f"test_deviation/{name}")
            after = "" if spread is None else f" +- {shown_score(spread)}"
            lines.append(f"  {name:<25} {shown_score(found[f'test/{name}']):>6}{after} {unit(name)}")
        lines.append(f"  matrices: {short_path(trials_of(folder))}/*/{TEST_MATRIX_FILE}")
    lines += [f"failed: {t.id}: {t.reason}" for t in watch.book.trials.values() if t.status == "failed"]
    resume = f"python -m orchestrator.train --resume {folder.name}" if status != "finished" else ""
    return last_lines([lines, record], watch.fatal, status == "interrupted", resume)
