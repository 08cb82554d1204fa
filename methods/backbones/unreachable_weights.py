"""Finds weights that are neither in a cache of this machine nor to be had from the Hub."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from .hub_weights import HubWeights, hub_weights
from .load_reason import load_reason

_SECONDS = 10.0  # that the Hub may take for an answer
_AGAIN = (1.0, 2.0, 4.0, 8.0)  # seconds before each further try, as the Hub's client makes them when it loads
_NO = (
    DisabledRepoError,
    EntryNotFoundError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
_UNCONNECTED = {"ConnectError", "ProxyError"}  # of the client's transport, whichever it is


class _Answer(NamedTuple):
    sure: bool
    reason: str


def unreachable_weights(backbone: Any, say: Callable[[str], None]) -> str | None:
    """Describes the first weights of a backbone that would be downloaded and surely cannot be: they are not
    in the Hub's cache, and the Hub does not have them, or no connection to it can be made. No weights are
    downloaded.

    A Hub that is slow, or has a fault of its own, may answer by the time that the weights are read. Then the
    user is told, and the weights are taken to be there.

    Args:
        backbone: The backbone's configuration. :func:`~.missing_weights.missing_weights` has found nothing
            missing.
        say: Takes a line for the user: that the Hub is asked, and what it does not answer.

    Returns:
        One line, which begins with the field; None where there are none.
    """
    for weights in hub_weights(backbone):
        if _is_cached(weights):
            continue
        what = f"{weights.files[0]} of the Hub's {weights.repository}"
        say(f"asking for {what}")
        answer = _asked(weights)
        if answer is not None and answer.sure:
            return (
                f"{weights.field} {weights.value!r}: {what} is not in this machine's cache, and cannot be "
                f"fetched ({answer.reason}); allowed: a file or folder"
            )
        if answer is not None:
            say(f"{what} may be missing: {answer.reason}. It is asked for again when the weights are read")
    return None


def _is_cached(weights: HubWeights) -> bool:
    """Whether one of the files is in the Hub's cache. Where the file is a list of files, these have to be
    there too.
    """

    def cached(file: str) -> str | None:
        path = try_to_load_from_cache(weights.repository, file, revision=weights.revision)
        return path if isinstance(path, str) else None

    try:
        for file in weights.files:
            path = cached(file)
            if path is not None and (not file.endswith(".index.json") or all(map(cached, _listed(path)))):
                return True
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False  # no repository has such a name, or the list is none
    return False


def _listed(index: str) -> list[str]:
    """The files that an index lists."""
    return list(json.loads(Path(index).read_text(encoding="utf-8"))["weight_map"].values())


def _asked(weights: HubWeights) -> _Answer | None:
    """Why none of the files can be had from the Hub; None where the Hub has one.

    A thread asks, since nothing limits how long the look-up of a host's name takes.
    """
    said: list[_Answer | None] = []
    asking = Thread(target=lambda: said.append(_against(weights)), daemon=True)
    asking.start()
    asking.join(2 * _SECONDS + sum(_AGAIN))
    return said[0] if said else _Answer(False, "the Hub has not answered")


def _against(weights: HubWeights) -> _Answer | None:
    first = None
    for file in weights.files:
        answer, gone = _try(weights, file)
        if answer is None or not gone:
            return answer
        first = first or answer
    other = _configured(weights) if weights.configured else None
    return first if other is None else _try(weights, other)[0]


def _try(weights: HubWeights, file: str) -> tuple[_Answer | None, bool]:
    """Why a file cannot be had, and whether the reason is that the repository lacks it."""
    error = _error(weights, file)
    for seconds in _AGAIN:
        if error is None or not _is_unconnected(error):
            break
        time.sleep(seconds)
        error = _error(weights, file)
    if error is None:
        return None, False
    status = getattr(getattr(error, "response", None), "status_code", None)
    sure = isinstance(error, _NO) or status in (401, 403) or _is_unconnected(error)
    slow = any("Timeout" in cls.__name__ for cls in type(error).__mro__)
    reason = f"the Hub did not answer within {_SECONDS:g} seconds" if slow else load_reason(error)
    return _Answer(sure, reason), isinstance(error, EntryNotFoundError)


def _error(weights: HubWeights, file: str) -> Exception | None:
    try:
        url = hf_hub_url(weights.repository, file, revision=weights.revision)
        get_hf_file_metadata(url, timeout=_SECONDS)
    except Exception as error:  # noqa: BLE001 - the Hub's client and its transport each raise their own
        return error
    return None


def _is_unconnected(error: Exception) -> bool:
    return any(cls.__name__ in _UNCONNECTED for cls in type(error).__mro__)


def _configured(weights: HubWeights) -> str | None:
    """The file that the repository's ``config.json`` names for transformers; None: it names none."""
    try:
        path = hf_hub_download(weights.repository, "config.json", revision=weights.revision)
        name = json.loads(Path(path).read_text(encoding="utf-8")).get("transformers_weights")
    except Exception:  # noqa: BLE001 - the model cannot be read without it, which is said where it is read
        return None
    return name if isinstance(name, str) else None
