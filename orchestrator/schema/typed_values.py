"""Makes a dataclass from plain values under dotted keys, checked against its type hints, and turns it back
into them.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Literal

from ..errors import UserError
from . import strict_yaml
from .config_error import ConfigError, nearest, shown
from .scalars import is_number


def construct(config: type, given: Mapping[str, Any], path: str, base: Any, extra: Sequence[str] = ()) -> Any:
    """Makes a ``config`` from ``given``, nested dataclasses included.

    An int may stand for a float, but no bool for an int and no text for a number. A list of numbers may be
    written as text.

    Args:
        config: The dataclass.
        given: Values under dotted keys.
        path: The text before a key in errors.
        base: An instance whose values hold where ``given`` has none; None: the dataclass's defaults.
        extra: Keys that the caller reads itself. Errors name them among the allowed ones.

    Raises:
        ConfigError: A key, a type or a value is wrong.
    """
    if not given and type(base) is config:
        return base  # it was checked when it was made
    hints, own, inners = _told(config)
    nested: dict[str, dict[str, Any]] = {}
    values = {name: getattr(base, name) for name in own} if base is not None else {}
    for key, value in given.items():
        name, dot, rest = key.partition(".")
        if name not in own:
            raise ConfigError(f"{path}.{key}", f"unknown key{nearest(name, [*extra, *own])}")
        inner = inners[name]
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
        inner = inners[name]
        assert inner is not None, "by which its keys were put aside"
        values[name] = construct(inner, below, f"{path}.{name}", before)
    for name, field in own.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{path}.{name}", f"missing; expected {described(hints[name])}")
    try:
        return config(**values)
    except ValueError as error:
        # The dataclasses begin their messages with the field's name, which is replaced by the key here.
        problem = " ".join(str(error).split())
        word, _, rest = problem.partition(" ")
        if word.rstrip(":") in own:
            raise ConfigError(f"{path}.{word.rstrip(':')}", rest) from None
        raise ConfigError(path, problem) from None


@functools.cache
def unusable_field(config: type) -> str:
    """Names, in words, the field of a dataclass with a type that :func:`construct` cannot handle; empty where
    there is none.
    """
    try:
        hints = _hints(config)
    except Exception as error:  # noqa: BLE001 - whatever a hint that is evaluated raises
        return f"the types of its Config are not known where it is defined ({error})"
    for field in fields(config):
        if field.init and not _is_usable(hints[field.name]):
            called = getattr(hints[field.name], "__name__", hints[field.name])
            return (
                f"field {field.name} of its Config is of type {called}; allowed: float, int, bool, str, "
                "Literal, lists and tuples of these, None, frozen dataclasses"
            )
    return ""


def _is_usable(hint: Any) -> bool:
    arguments = typing.get_args(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return not unusable_field(hint)
    if _is_union(hint) or typing.get_origin(hint) in (list, tuple, Sequence):
        return all(_is_usable(argument) for argument in arguments if argument is not Ellipsis)
    return hint in (Any, float, int, bool, str, type(None)) or typing.get_origin(hint) is Literal


@functools.cache
def _told(config: type) -> tuple[dict[str, Any], dict[str, Field[Any]], dict[str, type | None]]:
    """A dataclass' hints; and, by name, its fields that can be given, with the dataclass of a nested one."""
    hints = _hints(config)
    own = {f.name: f for f in fields(config) if f.init}
    return hints, own, {name: _dataclass(hints[name]) for name in own}


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
    """``value`` as the type that a field's hint asks for. Raises :class:`ConfigError` where it cannot be
    that.
    """
    if hint is float and is_number(value):
        return float(value)
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
        # 1 == True in Python, so that equality alone would let one stand for the other.
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
    elif hint is int:
        if isinstance(value, int) and is_number(value):
            return value
    elif hint in (bool, str, type(None)):
        if isinstance(value, hint):
            return value
    elif hint is not float:
        raise TypeError(f"{key}: fields of type {hint} cannot be configured")
    raise ConfigError(key, f"expected {described(hint)}, found {shown(value)}")


@functools.lru_cache(1024)  # a search tries the same few texts hundreds of times
def _numbers(value: str) -> Any:
    """Parses a list of numbers that is written as text, "0, 1, 2". It is written so because a search chooses
    among scalars.
    """
    try:
        return strict_yaml.parse(f"[{value}]", "")[0]
    except UserError:
        return value


def described(hint: Any) -> str:
    """The values that a field of type ``hint`` may have, in words: ``a number``, ``base or small``."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if _is_union(hint):
        return " or ".join(described(option) for option in arguments)
    if origin is Literal:
        return " or ".join(str(choice) for choice in arguments)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f"a list of {len(arguments)} ({', '.join(described(option) for option in arguments)})"
    if origin in (list, tuple, Sequence):
        return f"a list, each {described(arguments[0])}"
    names = {float: "a number", int: "an integer", bool: "true or false", str: "text", type(None): "null"}
    return names.get(hint, f"a {getattr(hint, '__name__', hint)}")


def plain(value: Any) -> Any:
    """A dataclass as nested mappings, lists and scalars. :func:`construct` makes an equal dataclass from
    them.
    """
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.init}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
