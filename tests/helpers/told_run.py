"""A run that a recorder is told of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from methods.method import Scenario
from orchestrator.record.run_context import RunContext
from orchestrator.storage.identity import Identity
from orchestrator.streams.source import StreamSource, TaskSource


def told_run(
    folder: Path, config: Any, names: Sequence[str], scenario: Scenario, say: Callable[[str], None]
) -> RunContext:
    """A run in ``folder`` whose stream has the tasks ``names`` and nothing else. No storage keeps it."""
    tasks = [TaskSource(name, {}) for name in names]
    source = StreamSource("any", scenario, 0, [], tasks, "none", "")
    return RunContext(folder, Identity.new("c", "s"), config, source, None, (0,), say)
