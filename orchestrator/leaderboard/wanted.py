"""Which runs of a record are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ..tracking.recorded_run import RecordedRun
from .recorded_value import recorded_value


@dataclass(frozen=True)
class Wanted:
    """Which runs of a record are compared. An empty field leaves nothing out.

    Attributes:
        stream: The name of a stream.
        methods: Names of methods.
        runs: Names of runs, where ``*`` stands for any letters.
        where: Dotted key -> the value that the configuration has.
    """

    stream: str = ""
    methods: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)

    def has(self, trial: RecordedRun) -> bool:
        """Whether a trial is among them."""
        params = trial.params
        return (
            self.stream in ("", params.get("stream.name"))
            and (not self.methods or params.get("method.name") in self.methods)
            and (not self.runs or any(fnmatchcase(trial.name, name) for name in self.runs))
            and all(
                key in params and recorded_value(params[key]) == recorded_value(str(value))
                for key, value in self.where.items()
            )
        )

    def missed(self, trials: Iterable[RecordedRun]) -> list[str]:
        """The options whose method or runs have none of the ``trials``, such as ``--methods NAME``."""
        found = list(trials)
        methods = {trial.params.get("method.name") for trial in found}
        return [f"--methods {name}" for name in self.methods if name not in methods] + [
            f"--runs {name}"
            for name in self.runs
            if not any(fnmatchcase(trial.name, name) for trial in found)
        ]

    def text(self) -> str:
        """The options that ask for them."""
        given = {"--stream": [self.stream] if self.stream else [], "--methods": self.methods}
        given |= {"--runs": self.runs, "--where": [f"{key}={value}" for key, value in self.where.items()]}
        return " ".join(f"{option} {' '.join(words)}" for option, words in given.items() if words)
