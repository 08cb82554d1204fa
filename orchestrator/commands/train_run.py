"""Fixed configurations, each walked over the stream and then tested: no search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..evaluation.headline_objective import headline_objective
from ..evaluation.protocol import validation_metrics
from ..execution.job import Job, Outcome
from ..execution.session import Session
from ..execution.session_request import SessionRequest
from ..metrics.measures import shown_metrics, unit
from ..record.notes import seeds_note
from ..record.over_seeds import over_seeds
from ..record.recorder import RunRecorder
from ..record.run_context import RunContext
from ..schema.shown import shown_score
from ..storage.full_disk import full_disk, is_full
from ..storage.run_files import CONFIG_FILE, TOKENIZER_FOLDER, trials_of
from ..storage.run_folder import short_path
from ..storage.trial_files import TEST_MATRIX_FILE, TEST_MATRIX_PICTURE
from ..streams.text.fit_tokenizer import fit_tokenizer
from .checkpoint_lines import checkpoint_lines
from .last_lines import last_lines
from .run_end import RunEnd
from .run_result import RunResult
from .sessions import Sessions


def train_run(
    run: RunContext,
    variants: dict[str, dict[str, Any]],
    *,
    test: bool = True,
    sessions: Sessions | None = None,
) -> RunResult:
    """Runs, or goes on with, a configuration in each of its variants. A variant that was tested before is
    not run again.

    Args:
        run: The run.
        variants: Trial id -> the dotted values in which the variant differs.
        test: Whether trained variants are tested. Otherwise resuming the run tests them.
        sessions: Opens the session in which the variants run; None: one of the run's own.

    Returns:
        The run's result. Its exit status is 0 where all variants finished, 1 where one failed, 130 where the
        run was interrupted.

    Raises:
        UserError: The run cannot begin.
    """
    return _TrainRun(run, variants, test, sessions).run()


class _TrainRun:
    def __init__(
        self, run: RunContext, variants: dict[str, dict[str, Any]], test: bool, sessions: Sessions | None
    ) -> None:
        several = len(run.seeds) > 1
        shared = run.config if several else run.config.with_values({"run.seed": run.seeds[0]})
        self._run = run
        self._variants = variants
        self._test = test
        self._sessions = sessions
        self._recorder = RunRecorder.open(
            replace(run, config=shared),
            run.config.with_values,
            headline_objective(run.source.scenario),
            len(variants),
            check_values=self._check_values,
            searched=["run.seed"] if several else [],
            all_tested=True,
        )
        self._store = self._recorder.store

    def _check_values(self, where: str, values: Mapping[str, Any]) -> None:
        if values != self._variants.get(Path(where).name):
            raise UserError(f"{where}: is no variant of the run; allowed: what the run wrote there")

    def run(self) -> RunResult:
        """Trains and tests, and ends the record whatever happens."""
        run, recorder, end = self._run, self._recorder, RunEnd()
        try:
            with end.caught(recorder):
                self._train()
                failed = recorder.fatal or any(t.status == "failed" for t in self._store.trials.values())
                end.status = "failed" if failed else "finished"
        finally:
            tested = [known for trial_id in self._store.trials if (known := recorder.known_test(trial_id))]
            means = over_seeds(tested)
            record = self._finish(end, tested, means)
        run.last(self._closing(len(tested), means, end.status, record))
        if end.unforeseen is not None:
            raise end.unforeseen
        reasons = [f"{t.id}: {t.reason}" for t in self._store.trials.values() if t.status == "failed"]
        exit_status = {"finished": 0, "interrupted": 130}.get(end.status, 1)
        why = recorder.fatal or "; ".join(reasons)
        return RunResult.of(run, self._store, means, exit_status, why, fatal=bool(recorder.fatal))

    def _train(self) -> None:
        self._recorder.catch_up()  # with what was finished when the driver died
        jobs = self._jobs()
        if not jobs:
            done = "tested" if self._test else "trained"
            self._run.say(f"all have been {done}: nothing is left to do")
            return
        how = {"say": self._run.say, "last_words": self._last_words}
        with (self._sessions or Session)(self._request(jobs), **how) as session:
            try:
                for trial_id, values in self._variants.items():  # their numbers are their order
                    self._recorder.safely(self._recorder.propose, trial_id, values)
                session.run(
                    jobs,
                    on_start=self._on_start,
                    on_report=lambda job, metrics: self._recorder.task(job.id, metrics),
                    on_end=self._on_end,
                    go=lambda: not self._recorder.fatal,
                )
            except Exception as error:
                if not is_full(error):
                    raise
                self._recorder.fatal = full_disk(self._run.folder)

    def _jobs(self) -> list[Job]:
        """One job for each variant that was not tested yet."""
        run, base = self._run, self._run.config.to_dict()
        return [
            Job(
                trial_id,
                "train",
                base,
                values,
                self._store.trial_folder(trial_id),
                run.kept and run.kept.trial(trial_id),
                run.identity.stamp(trial_id, values),
            )
            for trial_id, values in self._variants.items()
            if not self._is_over(trial_id)
        ]

    def _is_over(self, trial_id: str) -> bool:
        """Whether nothing is left to do of a variant."""
        if trial_id in self._store.trials:
            self._recorder.known_test(trial_id)  # brought from the storage where only that has it
        return self._store.is_done(trial_id, test=self._test)

    def _request(self, jobs: list[Job]) -> SessionRequest:
        run = self._run
        return SessionRequest(
            run.folder,
            run.identity,
            run.config,
            run.source,
            fit_tokenizer(run.source, run.config.stream, run.folder / TOKENIZER_FOLDER),
            jobs=len(jobs),
            seeds=[run.config.with_values(job.values).run.seed for job in jobs],
            largest_memory=run.config.replay.most(len(run.source.categories)),
            lanes=run.concurrent,
            at_most=run.at_most,
            follow_ups=len(jobs) if self._test else 0,
        )

    def _on_start(self, job: Job) -> None:
        if job.kind == "train":
            self._recorder.safely(self._recorder.start, job.id, job.values)

    def _on_end(self, job: Job, outcome: Outcome) -> Job | None:
        """Records the end of a job. A trial that has been trained is followed by its look at test."""
        recorder, trial_id = self._recorder, job.folder.name
        if outcome.fatal:
            recorder.fatal = recorder.fatal or outcome.reason
        if recorder.fatal:
            return None  # it stays unfinished, so that it can be resumed
        if job.kind == "test":
            if outcome.status == "finished":
                recorder.safely(recorder.tested, trial_id, outcome.metrics)
        elif outcome.status == "finished" and self._test:
            self._run.say(f"{trial_id}: all tasks done, looking at test")
            return replace(job, id=f"test-{trial_id}", kind="test")
        if outcome.status != "interrupted":
            recorder.safely(recorder.end, trial_id, outcome.status, outcome.reason)
        return None

    def _last_words(self, line: str) -> None:
        self._recorder.fatal = line
        self._recorder.catch_up()
        record = self._recorder.finish("interrupted", {}, {})
        self._run.last(self._closing(0, {}, "failed", record))

    def _finish(self, end: RunEnd, tested: list[dict[str, float]], means: dict[str, float]) -> list[str]:
        """Ends the record, and returns its lines for the user."""
        run, recorder, seeds = self._run, self._recorder, list(self._run.seeds)
        # A mean over some of the seeds would be compared with means over all.
        whole = means if len(tested) == len(self._variants) else {}
        again = f"python -m orchestrator.train --resume {run.folder.name}"
        if whole:
            again = f"python -m orchestrator.train --config {short_path(run.folder / CONFIG_FILE)}"
            again += f" --seeds {' '.join(map(str, seeds))}"
        first = "" if run.continues is None else run.continues.said
        of = run.config, seeds, self._store, whole, again, first
        tags = {"mlflow.note.content": seeds_note(*of, run.question)}
        folders = [self._store.trial_folder(trial_id) for trial_id in self._store.trials]
        files = [(folder / TEST_MATRIX_PICTURE, f"test/{folder.name}") for folder in folders]
        record = recorder.finish("interrupted" if recorder.fatal else end.status, whole, tags, files=files)
        if recorder.hurried and not recorder.fatal:
            end.status = "interrupted"
        return record

    def _closing(self, runs: int, means: Mapping[str, float], status: str, record: list[str]) -> str:
        """What the command prints last; ``means`` are over the ``runs`` seeds that were tested."""
        folder, recorder = self._run.folder, self._recorder
        lines = self._figures("Test", runs, means)
        if means:
            lines.append(f"  matrices: {short_path(trials_of(folder))}/*/{TEST_MATRIX_FILE}")
            lines += checkpoint_lines(means)
        lines += [f"failed: {t.id}: {t.reason}" for t in self._store.trials.values() if t.status == "failed"]
        again = f"python -m orchestrator.train --resume {folder.name}"
        if status == "finished" and not self._test:
            lines = [*self._validation(), f"Test data was not looked at. For that: {again}"]
        resume = "" if status == "finished" else again if self._test else f"{again} --no-test"
        return last_lines([lines, record], recorder.fatal, status == "interrupted", resume)

    def _validation(self) -> list[str]:
        """The figures on validation data after the last task."""
        figures = [
            {f"test/{name}": value for name, value in validation_metrics(entry.reports[-1]).items()}
            for entry in self._store.trials.values()
            if entry.status == "finished"
        ]
        return self._figures("Validation", len(figures), over_seeds(figures))

    def _figures(self, split: str, runs: int, means: Mapping[str, float]) -> list[str]:
        """A line for each figure that is shown; ``means`` are over so many ``runs``, as
        :func:`~orchestrator.record.over_seeds.over_seeds` names them.
        """
        if not means:
            return []
        several = "mean and sample standard deviation over"
        lines = [f"{split}, {several} {runs} runs" if runs > 1 else f"{split}, one run"]
        for name in shown_metrics(self._run.config.method_name, means):
            spread = means.get(f"test_deviation/{name}")
            after = "" if spread is None else f" +- {shown_score(spread)}"
            lines.append(f"  {name:<25} {shown_score(means[f'test/{name}']):>6}{after} {unit(name)}")
        return lines
