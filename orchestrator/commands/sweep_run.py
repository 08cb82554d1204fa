"""One sweep from its first to its last line: search, choice, the look at test data, the record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..execution.job import Job, Outcome
from ..execution.session import Session
from ..execution.session_request import SessionRequest
from ..record.memory_table import memory_choice, memory_table
from ..record.noted_references import against_noted
from ..record.notes import search_note
from ..record.pareto_lines import pareto_lines
from ..record.per_task_lines import per_task_lines
from ..record.recorder import RunRecorder
from ..record.run_context import RunContext
from ..record.trial_entry import TrialEntry
from ..search.budget import Budget
from ..search.search_protocol import SearchProtocol
from ..search.space import Space
from ..search.start_point import starts_said
from ..search.tuner import search
from ..search.what_trials_find import what_trials_find
from ..storage.full_disk import full_disk, is_full
from ..storage.run_files import TOKENIZER_FOLDER
from ..streams.text.fit_tokenizer import fit_tokenizer
from .best_files import best_files
from .best_lines import best_lines
from .config_of import config_of
from .last_lines import last_lines
from .nothing_chosen import nothing_chosen
from .pareto_record import pareto_record
from .run_end import RunEnd
from .run_result import RunResult
from .sessions import Sessions
from .shared_session import SharedSession
from .sweep_budget import SweepBudget
from .sweep_references import SweepReferences
from .what_mattered import what_mattered


def search_run(
    run: RunContext,
    space: Space,
    trials: int,
    *,
    test: bool = True,
    sessions: Sessions | None = None,
    budget: Budget | None = None,
    references: SweepReferences | None = None,
) -> RunResult:
    """Runs, or goes on with, a sweep.

    Args:
        run: The run.
        space: The search space.
        trials: How many trials the sweep is to have. With a budget that is still open: how many at most.
        test: Whether the best trial is tested.
        sessions: Opens the session in which the trials run; None: one of the run's own.
        budget: What its trials may spend; None: it has a number of trials.
        references: The reference runs beside the best trial, which are run once it was tested; None: none.

    Returns:
        The run's result. Its exit status is 0 where some trial walked the whole stream, and the best was
        tested if it was to be; 1 where none did, the look at test failed, or something ended the sweep (a
        full disk); 130 where it was interrupted. A reference that failed changes none of this.

    Raises:
        UserError: The sweep cannot begin.
    """
    return _SweepRun(run, space, trials, test, sessions, budget, references).run()


class _SweepRun:
    def __init__(
        self,
        run: RunContext,
        space: Space,
        trials: int,
        test: bool,
        sessions: Sessions | None,
        budget: Budget | None,
        references: SweepReferences | None,
    ) -> None:
        self._run = run
        self._budget = SweepBudget(run.folder, budget, trials, space.trials)
        self._space = space
        self._trials = trials
        self._test = test
        self._sessions = sessions
        self._plan = space.plan(trials if budget is None else None, run.concurrent)
        self._recorder = RunRecorder.open(
            replace(run, live=self._live),
            space.trial_config,
            space.objective,
            0 if self._budget.open else trials,
            check_values=space.check_values,
            searched=[parameter.key for parameter in space.parameters],
        )
        self._store = self._recorder.store
        self._protocol = SearchProtocol.of(run.protocol or None, "the run").said
        self._said: list[str] = []  # of what mattered
        self._tested: dict[str, float] = {}  # what a look at test found of the best trial
        self._references = references

    def run(self) -> RunResult:
        """Searches and tests, and ends the record whatever happens."""
        run, recorder, end = self._run, self._recorder, RunEnd()
        try:
            with end.caught(recorder):
                end.status = self._searched() if self._references is None else self._with_references()
        finally:
            record = self._finish(end)
        run.last(self._closing(self._tested, end.status, record))
        if end.unforeseen is not None:
            raise end.unforeseen
        status, tested = end.status, self._tested
        none = self._store.best() is None
        done = status == "finished" and bool(tested if self._test else not none)
        exit_status = 130 if status == "interrupted" else 0 if done else 1
        reason = recorder.fatal
        if exit_status == 1 and not reason:
            reason = nothing_chosen(self._store) if none else "the look at test failed"
        return RunResult.of(run, self._store, tested, exit_status, reason, fatal=bool(recorder.fatal))

    def _searched(self) -> str:
        """Runs what is left of the sweep, and records what it found; returns its status."""
        if (status := self._sweep()) == "finished":
            self._said = what_mattered(self._run, self._space, self._recorder)
            pareto_record(self._run, self._recorder)
        return status

    def _with_references(self) -> str:
        """Runs what is left of the sweep and of its references, in one session; returns its status."""
        run, references = self._run, self._references
        assert references is not None
        with SharedSession(run.folder, self._request, run.say, self._last_words) as shared:
            self._sessions = shared.lend
            status, best = self._searched(), self._store.best()
            if status == "finished" and best is not None and self._tested:
                try:
                    status = references.run(run.folder, run.source, shared, run.say, run.live)
                    self._recorder.fatal = self._recorder.fatal or references.fatal
                finally:
                    self._tested = {**self._tested, **against_noted(run.folder, best.id)}
        return status

    def _sweep(self) -> str:
        """Runs what is left of the sweep; returns its status."""
        run, store, best = self._run, self._store, self._store.best()
        self._tested = self._recorder.known_test(best.id) if best is not None else {}
        if store.is_over(self._trials, test=self._test):
            ended = "the one trial has" if self._trials == 1 else f"all {self._trials} trials have"
            more = self._budget.more or f"--trials {self._trials + 1}"
            run.say(f"{ended} ended{', and the best was tested' if self._tested else ''}")
            # A sweep that is tested elsewhere is also given more trials there. A walk that chooses is one.
            if self._test and self._space.config.per_task is None:
                run.say(f"for more: python -m orchestrator.sweep --resume {run.folder.name} {more}")
            return "finished"
        run.say(f"{self._plan.at_once}; {self._plan.proposals}")
        if not self._plan.given and (finds := what_trials_find(self._space, self._trials)):
            run.say(finds)
        how = {"say": run.say, "last_words": self._last_words}
        with (self._sessions or Session)(self._request(), **how) as session:
            return self._search_and_test(session)

    def _request(self) -> SessionRequest:
        run, left = self._run, 0 if self._references is None else self._references.left
        return SessionRequest(
            run.folder,
            run.identity,
            run.config,
            run.source,
            fit_tokenizer(run.source, run.config.stream, run.folder / TOKENIZER_FOLDER),
            jobs=max(1, self._trials - self._store.ended, left),
            seeds=run.seeds,
            largest_memory=self._space.largest_memory(len(run.source.categories)),
            lanes=run.concurrent or self._plan.lanes,
            at_most=run.at_most or run.concurrent is None,
            follow_ups=2 * left,  # each is trained and tested
        )

    def _search_and_test(self, session: Session) -> str:
        """Searches, and looks at test with the best trial; returns the sweep's status."""
        run, recorder = self._run, self._recorder
        tested: dict[str, float] = {}
        try:
            self._budget.check(run.config.run)
            spending = self._budget.spending(recorder)
            status = search(run, self._space, session, recorder, self._trials, spending)
            self._trials = self._budget.trials()
            best = self._store.best()
            look = status == "finished" and self._test
            if look and best is not None and not (tested := recorder.known_test(best.id)):
                several = bool(self._space.objective.others)
                why = "the knee of the Pareto set" if several else memory_choice(self._store)
                why = why or "best on validation"
                run.say(f"trial {best.number + 1} is {why}; looking at test")
                tested = _look_at_test(run, self._space, session, recorder, best)
                if tested:
                    recorder.tested(best.id, tested)
        except Exception as error:
            if not is_full(error):
                raise
            status, recorder.fatal = "failed", full_disk(run.folder)
        self._tested = tested
        return "failed" if recorder.fatal else status

    def _last_words(self, line: str) -> None:
        self._recorder.fatal = line
        self._recorder.catch_up()
        record = self._recorder.finish("interrupted", {}, {})
        self._run.last(self._closing({}, "failed", record))

    def _live(self, text: str) -> None:
        spent = self._budget.said(self._store) if self._budget.open else ""
        self._run.live(f"{spent}  {text}" if spent else text)

    def _closing(self, tested: dict[str, float], status: str, record: list[str]) -> str:
        """What the sweep prints last."""
        recorder, best = self._recorder, self._store.best()
        blocks = [["Trials (validation; best first)", self._store.table()]] if self._store.trials else []
        if (spent := self._budget.said(self._store)) and self._store.trials:
            summed = f"summed over {len(self._store.trials)} trials"
            blocks.append([f"Training and evaluation, {summed}: {spent}"])
        if self._store.trials and (pareto := pareto_lines(self._store)):
            blocks.append(pareto)
        if worth := memory_table(self._store):
            blocks.append(["What the memory is worth (validation; the best trial at each size)", worth])
        if best is not None:
            again = f"python -m orchestrator.train --config {config_of(self._run.folder, best)}"
            which = "suggested" if self._space.objective.others else "best"
            own = self._space.config.run.seed
            others = " ".join([str(seed) for seed in range(4) if seed != own][-3:])
            how = self._protocol, self._test
            blocks += [
                best_lines(self._run.folder, self._space, self._store, best, tested, *how),
                per_task_lines(self._space.config, best.reports),
                self._said,
                self._references.lines(self._run.folder.name) if self._references and tested else [],
                [
                    f"Run the {which} one again, with seeds that chose nothing (--seeds {others}):",
                    f"  {again}",
                ],
            ]
        elif status == "finished":
            blocks.append([f"{nothing_chosen(self._store).capitalize()}."])
        untested = self._test and best is not None and not tested
        left = status != "finished" or recorder.fatal or untested
        resume = f"python -m orchestrator.sweep --resume {self._run.folder.name}" if left else ""
        return last_lines([*blocks, record], recorder.fatal, status == "interrupted", resume)

    def _finish(self, end: RunEnd) -> list[str]:
        """Ends the record, and returns its lines for the user."""
        run, space, recorder = self._run, self._space, self._recorder
        best, tested = self._store.best(), self._tested
        again = f"python -m orchestrator.sweep --resume {run.folder.name}"
        if best is not None and (tested or not self._test):
            again = f"python -m orchestrator.train --config {config_of(run.folder, best)}"
        how = tested, again, self._protocol, starts_said(space.starts), self._budget.said(self._store)
        trials = len(self._store.trials) if self._budget.open else self._trials
        finished = end.status == "finished" and not recorder.fatal
        more: dict[str, Any] = {"question": run.question, "finished": finished, "by": run.protocol}
        note = search_note(run.config, space.objective, trials, self._store, *how, **more)
        tags: dict[str, Any] = {"mlflow.note.content": note}
        chosen, files = {}, []
        if self._budget.open and self._trials == self._store.ended:
            tags["trials"] = self._trials
        if begun := [point.said for point in space.starts if point.trial]:
            tags["begins"] = ", ".join(begun)
        if best is not None:
            tags["best"] = best.id
        if self._references is not None and tested:
            tags["references"] = self._references.runs
        if space.objective.others:
            tags["objectives"] = "; ".join(goal.said for goal in space.objective.all)
            tags["pareto_set"] = ", ".join(entry.id for entry in self._store.pareto_set().trials)
        if best is not None and tested:
            flat = space.trial_config(best.values).flat()
            chosen = {parameter.key: flat[parameter.key] for parameter in space.parameters}
            files = best_files(self._store.trial_folder(best.id))
        record = recorder.finish("interrupted" if recorder.fatal else end.status, tested, tags, chosen, files)
        if recorder.hurried and not recorder.fatal:
            end.status = "interrupted"
        return record


def _look_at_test(
    run: RunContext, space: Space, session: Session, recorder: RunRecorder, best: TrialEntry
) -> dict[str, float]:
    """The best trial's test metrics; empty where the look failed."""
    folder, stamp = recorder.store.trial_folder(best.id), run.identity.stamp(best.id, best.values)
    kept = run.kept and run.kept.trial(best.id)
    job = Job(f"test-{best.id}", "test", space.config.to_dict(), best.values, folder, kept, stamp)
    outcomes: list[Outcome] = []
    session.run([job], on_end=lambda _, outcome: outcomes.append(outcome))
    if outcomes[0].status != "finished":
        run.say(f"test failed: {outcomes[0].reason}")
        recorder.fatal = outcomes[0].reason if outcomes[0].fatal else ""
    return outcomes[0].metrics
