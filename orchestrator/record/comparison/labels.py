"""What groups of runs are called in tables and pictures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .finished_runs import Run

_KEYS = 4  # settings that a label names
_LONGEST = 44  # letters of a label
_VALUE = 24  # letters of a value
_ALWAYS = ("replay.size", "replay.budget", "commit")  # what a cut label names all the same
_UNSAID = ("method.name", "run.seed", "stream.data")
_ABSENT = object()


def labels(runs: Sequence[Run], numbers: Sequence[int] = (), beside: Collection[str] = ()) -> list[str]:
    """Of each run, which stands for its group, the method and what sets it apart from the others of its
    method and, of the stream, from all others. No two are alike.

    A label of many settings is cut to the stream's, the memory and the commit, with the group's number behind
    a # (by default its place, from 1); :func:`differences` has all of them. ``beside``: settings that stand
    beside the label, which it then leaves out.
    """
    numbers = numbers or range(1, len(runs) + 1)
    found = []
    for run, number, values in zip(runs, numbers, differences(runs), strict=True):
        label = _named(run.method, values)
        if len(values) > _KEYS or len(label) > _LONGEST:
            short = {key: value for key, value in values.items() if _is_kept(key) and key not in beside}
            label = f"{_named(run.method, short)} #{number}"
        found.append(label)
    alike = Counter(found)
    return [f"{label} #{n}" if alike[label] > 1 else label for label, n in zip(found, numbers, strict=True)]


def is_cut(label: str) -> bool:
    """Whether a label does not say all that sets its group apart."""
    return " #" in label


def differences(runs: Sequence[Run], keys: str = "") -> list[dict[str, str]]:
    """Of each run, by key, the values of the settings in which it differs from others of its method, or of
    the stream from any other: the stream's and the memory's first. ``keys``: what they begin with.

    A number has as few digits as tell all of them apart.
    """
    settings = [_settings(run) for run in runs]
    known = [key for key in dict.fromkeys(k for own in settings for k in own) if key.startswith(keys)]
    known.sort(key=lambda key: (not key.startswith("stream."), not _is_kept(key)))
    texts = {key: _texts([own.get(key, _ABSENT) for own in settings]) for key in known}
    # Of the stream any two runs may differ, of other settings those of one method.
    values: dict[tuple[str, str], set[str]] = {}
    for run, own in zip(runs, settings, strict=True):
        for key in known:
            values.setdefault((_scope(run, key), key), set()).add(_plain(own.get(key, _ABSENT)))
    return [
        {key: texts[key][n] for key in known if len(values[_scope(run, key), key]) > 1}
        for n, run in enumerate(runs)
    ]


def _scope(run: Run, key: str) -> str:
    return "" if key.startswith("stream.") else run.method


def _settings(run: Run) -> dict[str, Any]:
    own = {key: value for key, value in run.config.items() if key not in _UNSAID}
    return {**own, "commit": run.commit} if run.commit else own


def _is_kept(key: str) -> bool:
    return key.startswith("stream.") or key in _ALWAYS


def _named(method: str, values: Mapping[str, str]) -> str:
    return " ".join([method, *(f"{key.removeprefix('method.')}={value}" for key, value in values.items())])


def _texts(values: Sequence[Any]) -> list[str]:
    different = len(set(map(_plain, values)))
    texts: list[str] = []
    for digits in range(3, 18):
        texts = [_text(value, digits) for value in values]
        if len(set(texts)) == different:
            break
    return [text if len(text) <= _VALUE else f"{text[: _VALUE - 1]}…" for text in texts]


def _text(value: Any, digits: int) -> str:
    if value is _ABSENT:
        return "-"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> str:
    return "" if value is _ABSENT else json.dumps(value, default=str)
