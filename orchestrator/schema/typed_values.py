"""A dataclass from plain values under dotted keys, checked against its type hints, and back."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal

from ..errors import UserError
from . import strict_yaml
from .config_error import ConfigError, nearest, shown
from .scalars import is_number


def construct(config: type, given: Mapping[str, Any], path: str, base: Any, extra: Sequence[str] = ()) -> Any:
    """``config`` from dotted keys over the values of ``base`` (or over its defaults), nested dataclasses too.

    An int may stand for a float, never a bool for an int, never text for a number; a list of numbers may be
    written as text. ``path``: what goes before a key in errors. ``extra``: keys that the caller takes itself,
    named in what is allowed. :class:`~orchestrator.schema.config_error.ConfigError`: a wrong key, type or
    range.
    """
    hints = _hints(config)
    own = {f.name: f for f in fields(config) if f.init}
    nested: dict[str, dict[str, Any]] = {}
    values = {name: getattr(base, name) for name in own} if base is not None else {}
    for key, value in given.items():
        name, dot, rest = key.partition(".")
        if name not in own:
            raise ConfigError(f"{path}.{key}", f"unknown key{nearest(name, [*extra, *own])}")
        inner = _dataclass(hints[name])
        if dot and inner is None:
            raise ConfigError(f"{path}.{key}", f"unknown key; {path}.{name} is a single value")
        if dot:
            nested.setdefault(name, {})[rest] = value
        elif inner is not None and not isinstance(value, inner):
            names = ", ".join([f"{path}.{name}.{f.name}" for f in fields(inner)])
            raise ConfigError(f"{path}.{key}", f"expected keys below it ({names}), found {shown(value)}")
        else:
            values[name] = _coerce(value, hints[name], f"{path}.{name}")
    for name, below in nested.items():
        before = values.get(name)
        if before is None:
            before = _field_default(own[name])
        inner = _dataclass(hints[name])
        assert inner is not None, "by which its keys were put aside"
        values[name] = construct(inner, below, f"{path}.{name}", before)
    for name, field in own.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{path}.{name}", f"missing; expected {_described(hints[name])}")
    try:
        return config(**values)
    except ValueError as error:
        # The dataclasses begin their messages with the field's name: put the key in its place.
        problem = " ".join(str(error).split())
        word, _, rest = problem.partition(" ")
        if word.rstrip(":") in own:
            raise ConfigError(f"{path}.{word.rstrip(':')}", rest) from None
        raise ConfigError(path, problem) from None


@functools.cache
def _hints(config: type) -> dict[str, Any]:
    return typing.get_type_hints(config)


def _field_default(field: Any) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _dataclass(hint: Any) -> type | None:
    options = [hint, *typing.get_args(hint)] if _is_union(hint) else [hint]
    return next((o for o in options if isinstance(o, type) and is_dataclass(o)), None)


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _coerce(value: Any, hint: Any, key: str) -> Any:
    """``value`` as the type that a field's hint asks for, or a :class:`ConfigError`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or (isinstance(hint, type) and is_dataclass(hint) and isinstance(value, hint)):
        return value
    if _is_union(hint):
        for option in arguments:
            try:
                return _coerce(value, option, key)
            except ConfigError:
                continue
    elif origin is Literal:
        # 1 == True in Python, so equality alone would let one stand for the other.
        if any(value == choice and type(value) is type(choice) for choice in arguments):
            return value
    elif origin in (list, tuple, Sequence):
        if isinstance(value, str) and arguments[0] in (int, float):
            value = _numbers(value)
        if isinstance(value, list | tuple):
            fixed = origin is tuple and arguments[-1] is not Ellipsis
            if not fixed or len(value) == len(arguments):
                inner = arguments if fixed else (arguments[0],) * len(value)
                items = [
                    _coerce(v, h, f"{key}[{i}]") for i, (v, h) in enumerate(zip(value, inner, strict=True))
                ]
                return items if origin is list else tuple(items)
    elif hint is float:
        if is_number(value):
            return float(value)
    elif hint is int:
        if isinstance(value, int) and is_number(value):
            return value
    elif hint in (bool, str, type(None)):
        if isinstance(value, hint):
            return value
    else:
        raise TypeError(f"{key}: fields of type {hint} cannot be configured")
    raise ConfigError(key, f"expected {_described(hint)}, found {shown(value)}")


def _numbers(value: str) -> Any:
    """A list of numbers written as text, "0, 1, 2": a search chooses among scalars."""
    try:
        return strict_yaml.parse(f"[{value}]", "")[0]
    except UserError:
        return value


def _described(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if _is_union(hint):
        return " or ".join(_described(option) for option in arguments)
    if origin is Literal:
        return " or ".join(str(choice) for choice in arguments)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f"a list of {len(arguments)} ({', '.join(_described(option) for option in arguments)})"
    if origin in (list, tuple, Sequence):
        return f"a list, each {_described(arguments[0])}"
    names = {float: "a number", int: "an integer", bool: "true or false", str: "text", type(None): "null"}
    return names.get(hint, f"a {getattr(hint, '__name__', hint)}")


def plain(value: Any) -> Any:
    """A dataclass as nested mappings, lists and scalars, from which :func:`construct` makes an equal one."""
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.init}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
