"""Checks that arguments do not contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import flatten
from ..errors import UserError
from .storage_of import storage_url


def check_once(values: Mapping[str, Any], stream: str | None, data: str | Path | None) -> None:
    """Checks that neither the stream nor its data are given twice.

    Args:
        values: Dotted key -> value of ``--set``.
        stream: ``--stream``; None: it is not given.
        data: ``--data``; None: it is not given.

    Raises:
        UserError: One of them is given by its option and by ``--set``. The message is one line.
    """
    for option, given, key in (("stream", stream, "stream.name"), ("data", data, "stream.data")):
        if given is not None and (other := flatten(values).get(key)) is not None:
            raise UserError(
                f"--{option} {given}: --set {key}={other} is given as well; allowed: one of the two"
            )


def check_beside(resume: str, storage: str | None, with_storage: Mapping[str, Any], **others: Any) -> None:
    """Checks that nothing is given beside the name of a resumed run that would have no effect.

    Args:
        resume: The run's name.
        storage: The URL where it is kept, as it is given now.
        with_storage: Name -> value of what is allowed where there is a storage.
        others: Name -> value of what is not allowed.

    Raises:
        UserError: Something is. The message is one line.
    """
    if not storage_url(storage):
        others |= with_storage
    if left := [name for name, value in others.items() if value is not None and value != {}]:
        raise UserError(
            f"--resume {resume}: goes on with what the run was started with; leave out {', '.join(left)}"
        )


def check_continued(run: str, **others: Any) -> None:
    """Checks that nothing is given beside a continued run that this run decides.

    Args:
        run: The run's name.
        **others: Name -> value of what is not allowed.

    Raises:
        UserError: Something is. The message is one line.
    """
    if left := [name for name, value in others.items() if value is not None]:
        raise UserError(
            f"--continue {run}: goes on with the run's own method, memory and seeds; leave out "
            f"{', '.join(left)} (allowed beside it: --data, --set of stream.* and run.*, --name, --storage, "
            "--concurrent, --no-test, --dry-run)"
        )


def check_one_walk(others: Mapping[str, Any]) -> None:
    """Checks that nothing is given beside ``--per-task`` that is about several trials or about a search.

    Args:
        others: Name -> value of what is not allowed; None: it is not given.

    Raises:
        UserError: Something is. The message is one line.
    """
    if left := [name for name, value in others.items() if value is not None]:
        raise UserError(
            f"--per-task: is one trial, which chooses at each task; leave out {', '.join(left)} (allowed "
            "beside it: --stream, --data, --space, --recipe, --set, --name, --storage, --dry-run)"
        )


def said_again(values: Mapping[str, Any], folder: str | None) -> dict[str, Any]:
    """Dotted key -> value of what is repeated for a resumed run."""
    return {**flatten(values), **({"stream.data": folder} if folder else {})}
