"""What a study knows of its runs that have ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..commands.run_result import RunResult
from ..errors import UserError
from ..storage.atomic_write import write_text

BOOK_FILE = "parts.json"
"""The file's name in a study's folder."""


@dataclass(frozen=True)
class Part:
    """One run of a study that has ended.

    Attributes:
        name: The run's name.
        trial: The id of the trial that was chosen, or that a pair has; empty where there is none.
        score: The chosen trial's objective on validation data; None where there is none.
        test: Metric -> value on test data, without ``test/``; empty for a search, which looks at none.
        trials: How many trials have ended.
        reason: Why the run failed, in one line; empty where it did not.
    """

    name: str
    trial: str = ""
    score: float | None = None
    test: Mapping[str, float] = field(default_factory=dict)
    trials: int = 0
    reason: str = ""

    @classmethod
    def of(cls, result: RunResult) -> Part:
        """What is kept of a run's result."""
        best = result.best
        test = {k.removeprefix("test/"): v for k, v in result.test.items() if k.startswith("test/")}
        reason = "" if result.status == "finished" else result.reason or result.status
        ended = sum(trial.status != "interrupted" for trial in result.trials)
        return cls(result.name, best.id if best else "", best.score if best else None, test, ended, reason)


class StudyBook:
    """The study's runs that have ended, in a file that is whole at any time.

    It saves a resumed study from opening each of its runs. A run that failed is in it, with its reason, and
    is tried again when the study is resumed.

    Args:
        folder: The study's folder.

    Raises:
        UserError: The file has something else.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / BOOK_FILE
        self.parts: dict[str, Part] = {}
        if not self._path.exists():
            return
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            self.parts = {name: Part(**part) for name, part in content.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            raise UserError(
                f"{self._path}: is not what a study writes; allowed: none, by which it is made anew from the "
                "study's runs"
            ) from None

    def done(self, name: str) -> Part | None:
        """The run ``name``, where it has ended and did not fail."""
        part = self.parts.get(name)
        return part if part is not None and not part.reason else None

    def add(self, part: Part) -> None:
        """Takes a run down that has ended."""
        self.parts[part.name] = part
        content = {name: asdict(kept) for name, kept in self.parts.items()}
        write_text(self._path, json.dumps(content, indent=1))
