"""Divides runs into those that are ranked together, on one stream with the same settings and the same
content.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ...storage.plain_name import file_name
from .finished_run import FinishedRun
from .groups import settings
from .labels import differences


@dataclass(frozen=True)
class Section:
    """The runs on one stream.

    Attributes:
        title: The stream, and the settings that set it apart from others of its name.
        file: A plain name for the section's files.
        runs: The runs.
    """

    title: str
    file: str
    runs: Sequence[FinishedRun]


def sections(runs: Sequence[FinishedRun]) -> list[Section]:
    """Divides ``runs`` by their streams. No two sections share a title, and no section has two streams."""
    by_stream: dict[str, list[FinishedRun]] = {}
    for run in sorted(runs, key=lambda run: run.stream):
        key = json.dumps([settings(run), run.content], sort_keys=True, default=str)
        by_stream.setdefault(key, []).append(run)
    titles, files = _titles([there[0] for there in by_stream.values()]), []
    for there in by_stream.values():
        stream = file_name(there[0].stream)
        taken = sum(file == stream or file.startswith(f"{stream}-") for file in files)
        files.append(f"{stream}-{taken + 1}" if taken else stream)
    return [Section(*one) for one in zip(titles, files, by_stream.values(), strict=True)]


def _titles(runs: Sequence[FinishedRun]) -> list[str]:
    apart = {}
    for stream in dict.fromkeys(run.stream for run in runs):
        own = [n for n, run in enumerate(runs) if run.stream == stream]
        for n, values in zip(own, differences([runs[n] for n in own], "stream."), strict=True):
            said = ", ".join(f"{key.removeprefix('stream.')}={value}" for key, value in values.items())
            apart[n] = f"{stream} ({said})" if said else stream
    named = [apart[n] for n in range(len(runs))]
    # These have equal settings and different data.
    named = [
        f"{title}, data {run.content[:10] or run.config.get('stream.data', 'unknown')}"
        if named.count(title) > 1
        else title
        for title, run in zip(named, runs, strict=True)
    ]
    return [f"{t} #{n}" if named.count(t) > 1 else t for n, t in enumerate(named, 1)]
