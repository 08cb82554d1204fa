"""Classes by name: the project's own, those that installed packages offer, and ``module:Class``."""

from __future__ import annotations

import difflib
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, is_dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PROJECT = ("methods", "orchestrator")
_SAID: ContextVar[frozenset[str] | None] = ContextVar("said", default=None)


class NotSaid(Exception):
    """A name would import code from outside the project, where the user has to name it first.

    ``kind``: ``method`` or ``stream``; ``name``: the name.
    """

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name!r} is not the project's own")
        self.kind = kind
        self.name = name


@contextmanager
def only_said(names: Iterable[Any]) -> Iterator[None]:
    """Within the block only ``names`` may be imported from outside the project; other names raise
    :class:`NotSaid`.
    """
    token = _SAID.set(frozenset(name for name in names if isinstance(name, str)))
    try:
        yield
    finally:
        _SAID.reset(token)


@dataclass(frozen=True)
class NamedClasses:
    """The classes of one kind, by name.

    Args:
        kind: ``method`` or ``stream``, as errors call it.
        group: The entry point group by which installed packages offer more.
        table: The project's own: name -> ``module:Class``.
        problem: Says what a class from outside lacks, as the end of a sentence; empty where it is sound.
    """

    kind: str
    group: str
    table: Mapping[str, str]
    problem: Callable[[Any], str]

    def names(self) -> list[str]:
        """The project's own, in the order of the table, then those of installed packages, sorted."""
        return [*self.table, *sorted({name for name, _, _ in _offered(self.group)} - {*self.table})]

    def outside(self, name: str) -> bool:
        """Whether ``name`` stands for a class that is not in the table."""
        return name not in self.table

    def unknown(self, name: str) -> bool:
        """Whether ``name`` is none of :meth:`names`, nor of the form ``module:Class``."""
        return not _PATH.fullmatch(name) and name not in self.names()

    def get(self, name: str) -> Any:
        """The class of a name; a module is imported when it is asked for.

        Raises:
            ValueError: In one line. The name is not known, or two have it; or what it stands for cannot be
                imported, or lacks something.
            NotSaid: See :func:`only_said`.
        """
        offered = [one for one in _offered(self.group) if one[0] == name]
        if len(offered) + (name in self.table) > 1:
            owners = [f"the package {package}" for _, _, package in offered]
            owners = ["this project", *owners] if name in self.table else owners
            raise ValueError(
                f"{name!r}: is a {self.kind} of {' and of '.join(owners)} (entry point group {self.group}); "
                "allowed: one of a name"
            )
        if name in self.table:
            module, _, attribute = self.table[name].partition(":")
            return getattr(import_module(module), attribute)
        if self.unknown(name):
            raise ValueError(f"unknown {self.kind} {name!r}: one of {', '.join(self.names())}")
        said = _SAID.get()
        if said is not None and name not in said:
            raise NotSaid(self.kind, name)
        target = offered[0][1] if offered else name
        if offered and not (_NAME.fullmatch(name) and _PATH.fullmatch(target)):
            raise ValueError(
                f"{name!r}: is offered by the package {offered[0][2]} as {target!r}; allowed are names of "
                "letters, digits, '.', '_' and '-' that stand for module:Class"
            )
        try:
            loaded = _load(target)
        except ValueError as error:
            raise ValueError(f"{name!r}: {error}") from error
        if problem := self.problem(loaded):
            raise ValueError(f"{name!r}: {problem}")
        return loaded


def config_problem(cls: Any) -> str:
    """What is wrong with ``cls.Config``, as the end of a sentence; empty where nothing is."""
    config = getattr(cls, "Config", None)
    known = isinstance(config, type) and is_dataclass(config)
    # typeshed knows no name by which a dataclass says that it is frozen.
    if not known or not config.__dataclass_params__.frozen:  # type: ignore[union-attr]
        return "has no Config; allowed: a frozen dataclass of that name in the class"
    return ""


def code_of(name: str, cls: type) -> list[str]:
    """Files and folders of the top-level modules that a class from outside comes from; the project's are left
    out.

    Args:
        name: Its name, perhaps ``module:Class``.
        cls: The class, which may be defined elsewhere than where the name finds it.
    """
    places: dict[str, None] = {}
    for module in (*([name] if ":" in name else []), cls.__module__):
        package = re.split(r"[.:]", module)[0]
        if package in _PROJECT:
            continue
        top = import_module(package)
        file = getattr(top, "__file__", None)
        places |= dict.fromkeys(getattr(top, "__path__", None) or ([file] if file else []))
    return list(places)


@cache
def _offered(group: str) -> tuple[tuple[str, str, str], ...]:
    """(name, ``module:Class``, package) of each entry point of a group."""
    offered = {(one.name, one.value, one.dist.name if one.dist else "?") for one in entry_points(group=group)}
    return tuple(sorted(offered))


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # `python -m` has it there already, a console script has not
    try:
        imported = import_module(module)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and (module == missing or module.startswith(f"{missing}.")):
            raise ValueError(
                f"there is no module {missing!r}; allowed: one in the working folder, on PYTHONPATH or "
                "installed"
            ) from error
        raise ValueError(f"its module cannot be imported: {_told(error)}") from error
    except SystemExit as error:
        raise ValueError(f"its module cannot be imported: it ends Python ({_told(error)})") from error
    if not hasattr(imported, attribute):
        classes = [name for name, value in vars(imported).items() if isinstance(value, type)]
        near = difflib.get_close_matches(attribute, classes, n=3)
        meant = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"its module has no {attribute!r}{meant}")
    return getattr(imported, attribute)


def _told(error: BaseException) -> str:
    """Kind, words and place of what kept a module from being imported."""
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}"
    else:
        frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename[:1] != "<"]
        where = f"{frames[-1].filename}:{frames[-1].lineno}"  # a frame of the import machinery does not count
    words = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    return f"{type(error).__name__}: {words} ({where})"
