"""Checks what the folder of a run that came from a storage may name, before it counts as the user's own."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from methods.outside import NotSaid, only_said

from ..config import RunConfig, flatten
from ..errors import UserError
from ..schema.config_error import ConfigError
from ..storage.user_path import user_path


@contextmanager
def said_code(said: Mapping[str, Any], url: str | None) -> Iterator[None]:
    """Within the block the only methods and streams from outside the project that may be imported are those
    that the command line repeats. Otherwise anyone who can write to a storage could choose what runs here.

    Args:
        said: Dotted key -> value, repeated on the command line.
        url: Where the run was restored from; None: it was not.

    Raises:
        UserError: The run uses another class from outside the project. The message is one line.
    """
    try:
        with only_said((said.get("method.name"), said.get("stream.name"))):
            yield
    except NotSaid as error:
        again = shlex.quote(f"{error.kind}.name={error.name}")
        raise UserError(
            f"{url}: the run there imports the {error.kind} {error.name!r} from this machine; allowed where "
            f"you say so yourself, beside --resume and --storage: --set {again}"
        ) from None


def check_restored(
    config: RunConfig, searched: Mapping[str, Iterable[Any]], said: Mapping[str, Any], url: str | None
) -> None:
    """Checks that a restored run reads only those files and folders of this machine that the command line
    names.

    What is read ends in checkpoints, and so in the storage. Anyone who can write to the storage must not be
    able to choose what is read.

    Args:
        config: The run's configuration.
        searched: What its search chooses among, by dotted key.
        said: Dotted key -> value, repeated on the command line (:func:`check_said`).
        url: The storage; None: the run was not restored.

    Raises:
        UserError: The run would read something else. The message is one line.
    """
    for key, values in searched.items():
        for value in values:
            if _is_place(value):
                raise UserError(
                    f"{url}: the run there searches {key} over {value!r}, which is a place on this machine; "
                    "allowed: a search over no files (for a word: another working folder)"
                )
    named = {"method.name": config.method_name, "stream.name": config.stream_name}
    try:
        usual = flatten(RunConfig.from_dict(named).to_dict())
    except ConfigError:  # a class of one's own may have fields that must be given
        usual = named
    unnamed = {
        key: value
        for key, value in flatten(config.to_dict()).items()
        if key not in said and value != usual.get(key) and _is_place(value)
    }
    if unnamed:
        again = " ".join(
            f"--data {shlex.quote(value)}"
            if key == "stream.data"
            else f"--set {shlex.quote(f'{key}={value}')}"
            for key, value in unnamed.items()
        )
        raise UserError(
            f"{url}: the run there reads {', '.join(map(repr, unnamed.values()))} on this machine; allowed "
            f"where you say so yourself, beside --resume and --storage: {again}"
        )


def check_said(config: RunConfig, said: Mapping[str, Any]) -> None:
    """Checks that what the command line repeats is what the run was started with.

    Raises:
        UserError: The command line repeats another value. The message is one line.
    """
    flat = flatten(config.to_dict())
    for key, value in said.items():
        if key == "stream.data" and flat.get(key) and value == str(user_path(flat[key])):
            continue
        if key not in flat or flat[key] != value:
            raise UserError(
                f"--resume with {key} {value!r}: the run was started with {flat.get(key)!r}; allowed: that"
            )


def _is_place(value: Any) -> bool:
    """Whether the value is text that names a file or folder of this machine, with or without a prefix such as
    timm's, or has such a text among others.
    """
    if isinstance(value, list | tuple):
        return any(map(_is_place, value))
    if not isinstance(value, str) or not value.strip():
        return False
    path = value.rpartition(":")[2]
    if path[:1] in ("/", "~") or ".." in path.split("/"):
        return True
    return os.path.exists(value) or bool(path) and os.path.exists(path)
