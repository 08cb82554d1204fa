"""One trial on disk, read for a comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FinishedRun:
    """One trial on disk. Metrics have finite values only.

    Attributes:
        folder: The trial's folder.
        config: Dotted key -> value.
        status: How the trial ended.
        tasks: The metrics after each finished task.
        test: The test metrics; None where the test splits were not evaluated.
        kind: ``sweep``, which tests the trial that it chose on validation data, or ``train``, which tests the
            given configuration; empty where the run's folder says neither.
        ended: When the trial ended, in seconds since 1970.
        commit: The commit of the code, abbreviated, with ``+`` where files had been changed; empty where it
            was not noted.
        content: The sha256 of the stream's content, which does not depend on its order. In a run of an
            earlier version it does; in a run of the earliest versions it is empty.
        arranged: The sha256 of the stream's content and order; empty where ``content`` is.
        chosen: The trial that the sweep chose instead once it was given more trials; empty where it kept its
            choice. Where it chose another trial, ``test`` is None, though the test results stay on disk.
    """

    folder: Path
    config: Mapping[str, Any]
    status: str
    tasks: Sequence[Mapping[str, float]]
    test: Mapping[str, float] | None
    kind: str = ""
    ended: float = 0.0
    commit: str = ""
    content: str = ""
    arranged: str = ""
    chosen: str = ""

    @property
    def method(self) -> str:
        return str(self.config["method.name"])

    @property
    def stream(self) -> str:
        return str(self.config["stream.name"])

    @property
    def seed(self) -> Any:
        return self.config["run.seed"]

    @property
    def order(self) -> str:
        """The order of the stream's classes or tasks, as text; empty where the configuration has none."""
        order = self.config.get("stream.order", "")
        return order if isinstance(order, str) else json.dumps(order, ensure_ascii=False)

    @property
    def name(self) -> str:
        """The run and the trial: ``RUN/TRIAL``."""
        return f"{self.folder.parent.parent.resolve().name}/{self.folder.name}"

    @property
    def memory(self) -> str:
        """How many samples of past tasks the trial keeps."""
        size = self.config.get("replay.size", 0)
        return f"{size}/class" if size and self.config.get("replay.budget") == "per_class" else str(size)

    def figures(self, split: str) -> Mapping[str, float]:
        """The metrics of a split: ``test``, where it was evaluated, or ``validation`` after the last task."""
        if split == "test":
            return self.test or {}
        last = self.tasks[-1] if self.tasks else {}
        return {name: value for name, value in last.items() if name.startswith("validation/")}
