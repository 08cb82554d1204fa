"""Records the runs of a study that have ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..storage.atomic_write import write_text
from ..storage.reference_name import reference_kind
from ..storage.run_files import BOOK_FILE
from .candidate import Candidate
from .run_request import RunRequest

_FORMAT = 2  # 2: each part has its run's request
_NEW = {"candidates": (), "mode": "", "validation": None}  # left out, as a study of one candidate has none


@dataclass(frozen=True)
class Part:
    """One run of a study that has ended.

    Attributes:
        name: The run's name.
        asked: The run's request.
        trial: The id of the trial that was chosen, or that a pair has; empty where there is none.
        config: The sha256 of the chosen trial's configuration, as a search found it; empty for a pair.
        score: The chosen trial's objective on validation data; None where there is none.
        test: Metric -> value on test data, without ``test/``; empty for a search, which looks at no test
            data.
        content: The hash of the stream's content (:func:`~orchestrator.streams.identity.stream_content`);
            empty where the run did not begin.
        stream: The hash of its content and its order
            (:func:`~orchestrator.streams.identity.stream_identity`).
        trials: How many trials have ended.
        failed_trials: How many of them failed.
        reason: Why the run failed, in one line; empty where it did not.
        first: The id of the trial that a search chose first, with the number of trials with which it began,
            or with the least number that had a trial to choose; empty for a pair, and where there was none.
        commit: The code that made it (:func:`~orchestrator.record.made_by.made_by`); empty where that is not
            known, as in a study that an earlier version began.
        candidates: The best trials of a search, the best one first, where several are run with every pair;
            else empty.
        mode: Which end of the search's objective is better, ``max`` or ``min``; empty without candidates.
        validation: The search's objective on validation data of a candidate's run with a pair; None for
            every other run.
    """

    name: str
    asked: RunRequest
    trial: str = ""
    config: str = ""
    score: float | None = None
    test: Mapping[str, float] = field(default_factory=dict)
    content: str = ""
    stream: str = ""
    trials: int = 0
    failed_trials: int = 0
    reason: str = ""
    first: str = ""
    commit: str = ""
    candidates: tuple[Candidate, ...] = ()
    mode: str = ""
    validation: float | None = None

    @property
    def later(self) -> str:
        """The id of the chosen trial, where the search grew and chose another one at first; else empty."""
        return self.trial if self.first and self.trial != self.first else ""

    @property
    def each_candidate(self) -> tuple[Part, ...]:
        """The search as if it had chosen each of its candidates; itself where it has none."""
        found = [
            replace(self, trial=one.trial, config=one.config, score=one.score) for one in self.candidates
        ]
        return tuple(found) or (self,)


class StudyBook:
    """The study's runs that have ended, in a file that is whole at any time.

    It saves a resumed study from opening each of its runs. A run that failed is in it, with its reason, and
    is tried again when the study is resumed.

    Args:
        folder: The study's folder.

    Attributes:
        path: The file.
        parts: Name -> the run.
        references: The names of the reference runs that the study asked for when it last ran.

    Raises:
        UserError: The file has another content or another format. The message is one line.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / BOOK_FILE
        self.parts: dict[str, Part] = {}
        self.references: tuple[str, ...] = ()
        if self.path.exists():
            self._read()

    def _read(self) -> None:
        anew = "none, by which it is made anew from the study's runs (remove it, and --resume)"
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            version = content.get("format", 1)
            if version == _FORMAT:
                self.parts = {name: _part(name, said) for name, said in content["parts"].items()}
                noted = filter(reference_kind, self.parts)  # all that an earlier version knew
                self.references = tuple(map(str, content.get("references", noted)))
                return
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            raise UserError(f"{self.path}: is not what a study writes; allowed: {anew}") from None
        older = "an older" if version == 1 else "another"
        raise UserError(
            f"{self.path}: is of {older} version (format {version}, not {_FORMAT}); allowed: {anew}"
        )

    def done(self, name: str, asked: RunRequest | None = None) -> Part | None:
        """The run ``name``, where it has ended and did not fail.

        Args:
            name: The run's name.
            asked: The request that it must have had; None: any request.
        """
        part = self.parts.get(name)
        return part if part is not None and not part.reason and asked in (None, part.asked) else None

    def add(self, part: Part) -> None:
        """Records a run that has ended."""
        self.parts[part.name] = part
        self._write()

    def ask(self, references: Sequence[str]) -> None:
        """Records which reference runs the study asks for.

        Args:
            references: Their names.
        """
        if self.references != tuple(references):
            self.references = tuple(references)
            self._write()

    def _write(self) -> None:
        content: dict[str, Any] = {"format": _FORMAT}
        content["parts"] = {name: _plain(kept) for name, kept in self.parts.items()}
        if self.references or any(map(reference_kind, self.parts)):
            content["references"] = self.references
        write_text(self.path, json.dumps(content, indent=1))


def _plain(part: Part) -> dict[str, Any]:
    """What :func:`_part` reads."""
    plain = {**asdict(part), "asked": part.asked.values}
    return {key: value for key, value in plain.items() if key not in _NEW or value != _NEW[key]}


def _part(name: str, said: Mapping[str, Any]) -> Part:
    candidates = tuple(Candidate(**one) for one in said.get("candidates", ()))
    part = Part(**{**said, "asked": RunRequest(dict(said["asked"])), "candidates": candidates})
    if part.name != name:
        raise ValueError(f"{part.name} under the name {name}")
    return part
