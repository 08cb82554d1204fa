"""The names of groups of runs in tables and pictures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .finished_run import FinishedRun

_KEYS = 4  # settings that a label has at most
_LONGEST = 44  # letters of a label
_VALUE = 24  # letters of a value
_ALWAYS = ("replay.size", "replay.budget", "commit")  # settings that a shortened label keeps
_UNSAID = ("method.name", "run.seed", "stream.data", "stream.order")
_ABSENT = object()


def labels(
    runs: Sequence[FinishedRun], numbers: Sequence[int] = (), beside: Collection[str] = ()
) -> list[str]:
    """Names groups of runs. No two names are equal.

    A name has the method and the settings that set the group apart from others of its method. The stream's
    settings set it apart from all other groups. A name of many settings is shortened to the stream's
    settings, the memory and the commit, with the group's number behind a #. :func:`differences` has all
    settings.

    Args:
        runs: A run of each group.
        numbers: The groups' numbers; by default 1, 2, ...
        beside: Settings that are shown beside the name. A shortened name leaves them out.
    """
    numbers = numbers or range(1, len(runs) + 1)
    named = []
    for run, number, values in zip(runs, numbers, differences(runs), strict=True):
        label = _named(run.method, values)
        if len(values) > _KEYS or len(label) > _LONGEST:
            short = {key: value for key, value in values.items() if _is_kept(key) and key not in beside}
            label = f"{_named(run.method, short)} #{number}"
        named.append(label)
    alike = Counter(named)
    return [f"{label} #{n}" if alike[label] > 1 else label for label, n in zip(named, numbers, strict=True)]


def is_cut(label: str) -> bool:
    """Whether a name was shortened, so that it lacks some of what sets its group apart."""
    return " #" in label


def differences(runs: Sequence[FinishedRun], keys: str = "") -> list[dict[str, str]]:
    """The settings that set each run apart, by key. The stream's and the memory's settings come first.

    A setting of the stream counts where it differs from that of any other run. Another setting counts where
    it differs from that of a run of the same method. A number has only as many digits as tell all of them
    apart.

    Args:
        runs: The runs.
        keys: The text that the keys begin with.
    """
    settings = [_settings(run) for run in runs]
    known = [key for key in dict.fromkeys(k for own in settings for k in own) if key.startswith(keys)]
    known.sort(key=lambda key: (not key.startswith("stream."), not _is_kept(key)))
    texts = {key: _texts([own.get(key, _ABSENT) for own in settings]) for key in known}
    # Any two runs may differ in the stream, but only those of one method in other settings.
    values: dict[tuple[str, str], set[str]] = {}
    for run, own in zip(runs, settings, strict=True):
        for key in known:
            values.setdefault((_scope(run, key), key), set()).add(_plain(own.get(key, _ABSENT)))
    return [
        {key: texts[key][n] for key in known if len(values[_scope(run, key), key]) > 1}
        for n, run in enumerate(runs)
    ]


def _scope(run: FinishedRun, key: str) -> str:
    return "" if key.startswith("stream.") else run.method


def _settings(run: FinishedRun) -> dict[str, Any]:
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
