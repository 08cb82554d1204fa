"""A run that lies in the runs folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..commands.sweep_request import SweepRequest
from ..commands.train_request import TrainRequest
from ..errors import UserError, one_line
from ..evaluation.objective import Objective
from ..evaluation.recorded_objective import recorded_objective
from ..record.manifest import asked_for, budget_of
from ..record.noted_references import references_left
from ..record.seen_trials import SeenTrials
from ..schema import strict_yaml
from ..schema.flatten import flatten
from ..storage.run_files import CONFIG_FILE, SPACE_FILE, STUDY_FILE, SWEEP_FILE, TRAIN_FILE, trials_of
from ..storage.run_lock import lock_holder
from ..storage.trial_files import STATUS_FILE
from ..study.run_request import BEST, BUDGET, TRIALS
from ..study.study_book import StudyBook
from ..study.study_request import StudyRequest
from .run_note import run_note
from .studies import runs_asked_for, untested_runs

Kind = Literal["sweep", "train", "study"]
State = Literal["under way", "finished", "interrupted", "failed", "unreadable"]

_FILES: Mapping[str, Kind] = {SWEEP_FILE: "sweep", TRAIN_FILE: "train", STUDY_FILE: "study"}
# The values of protocol.HEADLINE, which would import torch. A retrieval stream reports an average as well.
_HEADLINES = ("validation/seen/r_mean", "validation/average")


@dataclass(frozen=True)
class FoundRun:
    """A run in the runs folder, as far as its files describe it.

    Attributes:
        folder: Its folder.
        kind: The command that made it.
        method: The method; for a study its methods.
        stream: The stream; for a study its streams.
        state: ``under way`` (a process works on it), ``finished``, ``interrupted`` (something is left, which
            ``--resume`` does), ``failed`` (it, or a part of it, has no result) or ``unreadable``.
        done: How many trials have ended; for a study, how many of its runs.
        asked: How many trials or runs there will be; 0: that is not known, since they have a budget.
        study: The study that it belongs to; empty: none.
        trials: Its trials; None: it is a study, or cannot be read.
        storage: The URL at which it is kept as well; None: nowhere.
        reason: Why it cannot be read; empty where it can.
        budget: What a sweep's trials may spend; empty: there is a number of trials, or it is a study.
    """

    folder: Path
    kind: Kind
    method: str = "-"
    stream: str = "-"
    state: State = "unreadable"
    done: int = 0
    asked: int = 0
    study: str = ""
    trials: SeenTrials | None = field(default=None, repr=False)
    storage: str | None = None
    reason: str = ""
    budget: str = ""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def score(self) -> float | None:
        """The objective of the trial that a sweep chose; for ``train`` the mean over its finished trials;
        None where there is none.
        """
        if self.trials is None:
            return None
        if self.kind == "sweep":
            best = self.trials.best()
            return None if best is None else self.trials.value(best)
        ended = [t for t in self.trials.trials.values() if t.status == "finished"]
        values = [value for t in ended if (value := self.trials.value(t)) is not None]
        return sum(values) / len(values) if values else None

    @classmethod
    def of(cls, folder: Path, study: str = "") -> FoundRun | None:
        """The run in ``folder``; None where none lies there, or only another user may look.

        Args:
            folder: The folder.
            study: The study that the run belongs to; empty: none.
        """
        try:
            kind = next((kind for file, kind in _FILES.items() if (folder / file).is_file()), None)
        except OSError:
            return None
        if kind is None:
            return None
        try:
            return _READ[kind](folder, study)
        except (UserError, OSError) as error:
            state = _now(folder, "unreadable")
            return cls(folder, kind, state=state, study=study, reason=one_line(str(error)))


def _sweep(folder: Path, study: str) -> FoundRun:
    request, space = SweepRequest.read(folder / SWEEP_FILE), _mapping(folder / SPACE_FILE)
    objective = recorded_objective(space, request.margin)
    if objective is None:
        raise UserError(f"{folder / SPACE_FILE}: has no objective; allowed: what the run wrote there")
    trials = SeenTrials(folder, objective)
    # A space may have fewer points than trials were asked for. The journal has the number that counts.
    own = space.get("trials")
    asked = run_note(folder).trials or asked_for(folder) or request.trials or (own if type(own) is int else 0)
    budget = (budget_of(folder) or request.budget) if request.budget else ""
    if budget:
        asked = asked_for(folder)
    done, best = _ended(folder), trials.best()
    state: State = "interrupted"
    whole = bool(asked) and done >= asked
    if whole and best is None:
        state = "failed"
    elif whole and (study or not request.test or (best is not None and trials.tested(best.id))):
        # The references beside the best trial are the sweep's own runs too, until each is tested or failed.
        state = "interrupted" if references_left(folder, request.references or ()) else "finished"
    method, stream = str(space.get("method")), str(request.stream or space.get("stream"))
    how = _now(folder, state), done, asked, study, trials, request.storage
    return FoundRun(folder, "sweep", method, stream, *how, budget=budget)


def _train(folder: Path, study: str) -> FoundRun:
    request, config = TrainRequest.read(folder / TRAIN_FILE), flatten(_mapping(folder / CONFIG_FILE))
    trials = SeenTrials(folder, Objective(_HEADLINES[-1], "max"))
    reported = {name for one in trials.trials.values() for report in one.reports for name in report}
    headline = next((name for name in _HEADLINES if name in reported), _HEADLINES[-1])
    trials.objective = Objective(headline, "max")
    done, asked = _ended(folder), len(request.seeds)
    untested = [one.status for one in trials.trials.values() if not trials.tested(one.id)]
    state: State = "interrupted"
    if done >= asked and "failed" in untested:
        state = "failed"
    elif done >= asked and (not untested or run_note(folder).status == "finished"):
        state = "finished"  # where it is untested, --no-test was given
    method, stream = str(config.get("method.name")), str(config.get("stream.name"))
    where = request.storage
    return FoundRun(folder, "train", method, stream, _now(folder, state), done, asked, study, trials, where)


def _study(folder: Path, study: str) -> FoundRun:
    request, book = StudyRequest.read(folder / STUDY_FILE), StudyBook(folder)
    references = [name for name in book.references if request.references != ()]
    names = [*runs_asked_for(folder), *references]
    # Other studies share a reference, and whoever removes one of them may remove it.
    gone = {name for name in references if not (folder.parent / name).exists()}
    untested = untested_runs(folder)
    done = sum(_is_done(book, name, request) for name in names if name not in untested | gone)
    failed = sum(bool(part.reason) for name, part in book.parts.items() if name in names)
    state: State = "interrupted"
    if done + failed >= len(names):
        state = "failed" if failed else "finished"
    method = ", ".join(arm.label for arm in request.methods)
    stream = ", ".join(arm.label for arm in request.streams) or "-"
    return FoundRun(folder, "study", method, stream, _now(folder, state), done, len(names), study)


def _is_done(book: StudyBook, name: str, request: StudyRequest) -> bool:
    """Whether a run of a study has ended without failing. A search that was given more trials or
    a larger budget since then has not ended.
    """
    if (part := book.done(name)) is None:
        return False
    before, trials = part.asked.values.get(TRIALS), request.trials
    if {TRIALS, BUDGET} & part.asked.values.keys() and part.asked.values.get(BEST, 1) != request.best:
        return False
    if request.budget is not None and (given := part.asked.values.get(BUDGET)) is not None:
        return bool(given == request.budget.text)
    return not (type(before) is int and trials is not None and before < trials)


_READ = {"sweep": _sweep, "train": _train, "study": _study}


def _now(folder: Path, state: State) -> State:
    return "under way" if lock_holder(folder) else state


def _ended(folder: Path) -> int:
    return sum(1 for _ in trials_of(folder).glob(f"*/{STATUS_FILE}"))


def _mapping(path: Path) -> dict[str, Any]:
    content, _ = strict_yaml.read(path)
    if not isinstance(content, Mapping):
        raise UserError(f"{path}: is not what a run wrote; allowed: a mapping")
    return dict(content)
