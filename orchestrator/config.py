"""The typed run configuration: YAML <-> objects <-> --set key=value."""

from __future__ import annotations

import difflib
import functools
import json
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

from methods import registry as methods

from . import strict_yaml
from .errors import UserError
from .parameter import is_number
from .replay.config import ReplayConfig
from .run_options import RunOptions
from .streams import registry as streams


class ConfigError(UserError):
    """A value of a configuration is wrong.

    ``key``: the dotted key; ``problem``: what was found and what is allowed, without the place; ``where``:
    the file or option that it came from. The message is the three in one line.
    """

    def __init__(self, key: str, problem: str, where: str = "") -> None:
        super().__init__(f"{where + ' ' if where else ''}{key}: {problem}")
        self.key = key
        self.problem = problem
        self.where = where

    def __reduce__(self):
        return type(self), (self.key, self.problem, self.where)


@dataclass(frozen=True)
class RunConfig:
    """Everything that one trial is: a method on a stream with a replay memory, and how it is run.

    Written as YAML or as dotted keys it has four sections: ``method`` (``name``, ``preset`` and the fields
    of the method's ``Config``, nested ones dotted: ``method.backbone.size``), ``stream`` (``name`` and the
    fields of the stream's ``Config``), ``replay`` (:class:`~orchestrator.replay.config.ReplayConfig`) and
    ``run`` (:class:`RunOptions`). Only the two names are required. A preset's values come before all
    others: what is given by itself wins.

    Wrong keys, types and ranges are a :class:`ConfigError` naming key, what was found and what is allowed.
    An int may stand for a float, never a bool for an int, never text for a number. A list of numbers may be
    written as text, ``"0, 1, 2"``, so that a search can choose among lists.
    """

    method_name: str
    preset: str
    method: Any
    stream_name: str
    stream: Any
    replay: ReplayConfig
    run: RunOptions

    def __post_init__(self) -> None:
        allowed = methods.get(self.method_name).scenarios
        scenario = streams.get(self.stream_name).scenario
        if scenario not in allowed:
            raise ConfigError(
                "stream.name",
                f"'{self.stream_name}' is a {scenario} stream; {self.method_name} learns "
                f"{_listed(sorted(allowed))}",
            )
        batch, parts = getattr(self.method, "batch_size", None), self.run.workers * self.run.accumulate
        if batch is not None and batch % parts:
            raise ConfigError(
                "method.batch_size",
                f"{batch} cannot be divided over run.workers {self.run.workers} x run.accumulate "
                f"{self.run.accumulate}: allowed are multiples of {parts}",
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "") -> RunConfig:
        """The configuration of a mapping, nested or dotted or both. ``where`` goes before the key in
        errors."""
        return _placed(where, lambda: _build(flatten(values), None))

    def with_values(self, values: Mapping[str, Any], where: str = "") -> RunConfig:
        """This configuration with other values, nested or dotted.

        A new ``method.preset`` takes back what the present one set, then sets its own, then ``values``
        apply. Another ``stream.name`` starts the stream's section anew. The method's name cannot change.
        """
        return _placed(where, lambda: _build(flatten(values), self))

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Nested plain values (mappings, lists, text, numbers, booleans, None), all of them;
        :meth:`from_dict` of it is equal."""
        return {
            "method": {"name": self.method_name, "preset": self.preset, **_plain(self.method)},
            "stream": {"name": self.stream_name, **_plain(self.stream)},
            "replay": _plain(self.replay),
            "run": _plain(self.run),
        }

    def flat(self) -> dict[str, str | int | float | bool | None]:
        """Dotted key -> scalar, in the order of :meth:`to_dict`; a list is written as JSON. What MLflow
        gets as parameters."""
        return {
            key: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
            for key, value in flatten(self.to_dict()).items()
        }

    def dump_yaml(self, path: Path | str) -> None:
        """Writes the configuration to a file that :meth:`load_yaml` reads back as an equal one."""
        Path(path).write_text(strict_yaml.dump(self.to_dict()), encoding="utf-8")

    @classmethod
    def load_yaml(cls, path: Path | str) -> RunConfig:
        """The configuration of a YAML file. A key given twice is an error; errors name file and line."""
        values, lines = strict_yaml.read(path)
        if not isinstance(values, Mapping):
            raise UserError(f"{path}: expected the sections {_listed(_SECTIONS)}, found {_shown(values)}")
        try:
            return cls.from_dict(values)
        except ConfigError as error:
            raise ConfigError(error.key, error.problem, place(path, lines, error.key)) from None


def parse_set(pairs: Iterable[str]) -> dict[str, Any]:
    """The values of ``--set key=value ...``, by dotted key; a value is read as YAML (``1e-4``, ``true``,
    ``null``, ``[a, b]``).

    Keys and types are checked where the values are used, by :class:`RunConfig`. :class:`UserError`: no
    ``=``, a value that is not YAML, a key given twice.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UserError(f"--set {pair}: expected key=value, as in method.learning_rate=1e-3")
        if key in values:
            raise UserError(f"--set {pair}: {key} is given twice")
        values[key], _ = strict_yaml.parse(text, f"--set {pair}")
    return values


def data_values(stream: str, folder: Path | str) -> dict[str, str]:
    """What ``--data FOLDER`` sets: ``stream.data``, as an absolute path, so that a saved configuration runs
    from anywhere.

    :class:`UserError` where the stream reads no data.
    """
    known(stream, "stream.name", streams.names(), "stream")
    if "data" not in {f.name for f in fields(streams.get(stream).Config)}:
        raise UserError(f"--data {folder}: the stream '{stream}' generates its data and reads no folder")
    return {"stream.data": str(Path(folder).expanduser().resolve())}


def known(name: Any, key: str, allowed: Sequence[str], kind: str) -> str:
    """``name`` itself where it is one of ``allowed``; else a :class:`ConfigError` at ``key`` with the
    nearest names first."""
    if name in allowed:
        return name
    raise ConfigError(key, f"unknown {kind} {_shown(name)}{_nearest(str(name), allowed)}")


def place(path: Path | str, lines: Mapping[str, int], key: str) -> str:
    """``file:line:`` of a dotted key, or of the innermost mapping around it that the file has."""
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return f"{path}:{lines[key]}:" if key else f"{path}:"


_SECTIONS = ("method", "stream", "replay", "run")


def _placed(where: str, build: Any) -> RunConfig:
    try:
        return build()
    except ConfigError as error:
        raise ConfigError(error.key, error.problem, where) from None


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested or dotted keys, or both, as dotted keys -> values that are no mappings."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if not isinstance(key, str):
            raise ConfigError(f"{prefix}{key}", "a key must be text")
        inner = flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
        for name, leaf in inner.items():
            if name in flat:
                raise ConfigError(name, "the key is given twice, once dotted and once nested")
            flat[name] = leaf
    return flat


def _build(given: dict[str, Any], base: RunConfig | None) -> RunConfig:
    sections: dict[str, dict[str, Any]] = {name: {} for name in _SECTIONS}
    for key, value in given.items():
        section, dot, rest = key.partition(".")
        if section in sections and not dot:
            raise ConfigError(key, f"expected a mapping of keys, found {_shown(value)}")
        sections.setdefault(section, {})[rest] = value

    method, stream = sections["method"], sections["stream"]
    method_name = _name(method, base and base.method_name, "method", methods.names())
    if base and method_name != base.method_name:
        raise ConfigError("method.name", f"'{method_name}' cannot replace '{base.method_name}' here")
    stream_name = _name(stream, base and base.stream_name, "stream", streams.names())
    method_class, stream_class = methods.get(method_name), streams.get(stream_name)

    configs = (method_class.Config, stream_class.Config, ReplayConfig, RunOptions)
    for key in given:
        section = key.partition(".")[0]
        if section not in _SECTIONS:
            # The likeliest slip is to leave the section out.
            homes = [
                f"{s}.{section}" for s, c in zip(_SECTIONS, configs, strict=True) if section in _hints(c)
            ]
            meant = f"; did you mean {' or '.join(homes)}?" if homes else _nearest(section, _SECTIONS)
            raise ConfigError(key, f"unknown section '{section}'{meant}")

    presets = method_class.presets
    preset = method.pop("preset", base.preset if base else "paper")
    known(preset, "method.preset", list(presets), "preset")
    old = base.method if base else None
    if base is None or preset != base.preset:
        # Fields that only the former preset set go back to the method's defaults.
        back = (
            {key: _default(method_class.Config, key) for key in flatten(presets[base.preset])} if base else {}
        )
        method = {**back, **flatten(presets[preset]), **method}

    same_stream = base is not None and stream_name == base.stream_name
    return RunConfig(
        method_name=method_name,
        preset=preset,
        method=_construct(method_class.Config, method, "method", old, extra=("name", "preset")),
        stream_name=stream_name,
        stream=_construct(
            stream_class.Config, stream, "stream", base.stream if same_stream else None, extra=("name",)
        ),
        replay=_construct(ReplayConfig, sections["replay"], "replay", base.replay if base else None),
        run=_construct(RunOptions, sections["run"], "run", base.run if base else None),
    )


def _name(section: dict[str, Any], base: str | None, kind: str, allowed: Sequence[str]) -> str:
    name = section.pop("name", base)
    if name is None:
        raise ConfigError(f"{kind}.name", f"missing; allowed are {_listed(allowed)}")
    return known(name, f"{kind}.name", allowed, kind)


def _default(config: type, key: str) -> Any:
    value = config()
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _construct(
    config: type, given: Mapping[str, Any], path: str, base: Any, extra: Sequence[str] = ()
) -> Any:
    """A dataclass from dotted keys over the values of ``base`` (or over its defaults)."""
    hints = _hints(config)
    own = {f.name: f for f in fields(config) if f.init}
    nested: dict[str, dict[str, Any]] = {}
    values = {name: getattr(base, name) for name in own} if base is not None else {}
    for key, value in given.items():
        name, dot, rest = key.partition(".")
        if name not in own:
            raise ConfigError(f"{path}.{key}", f"unknown key{_nearest(name, [*extra, *own])}")
        inner = _dataclass(hints[name])
        if dot and inner is None:
            raise ConfigError(f"{path}.{key}", f"unknown key; {path}.{name} is a single value")
        if dot:
            nested.setdefault(name, {})[rest] = value
        elif inner is not None and not isinstance(value, inner):
            names = _listed([f"{path}.{name}.{f.name}" for f in fields(inner)])
            raise ConfigError(f"{path}.{key}", f"expected keys below it ({names}), found {_shown(value)}")
        else:
            values[name] = _coerce(value, hints[name], f"{path}.{name}")
    for name, below in nested.items():
        before = values.get(name)
        if before is None:
            before = _field_default(own[name])
        values[name] = _construct(_dataclass(hints[name]), below, f"{path}.{name}", before)
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
    return next((option for option in options if is_dataclass(option)), None)


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _coerce(value: Any, hint: Any, key: str) -> Any:
    """``value`` as the type that a field's hint asks for, or a :class:`ConfigError`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or (is_dataclass(hint) and isinstance(value, hint)):
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
    raise ConfigError(key, f"expected {_described(hint)}, found {_shown(value)}")


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


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.init}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _nearest(name: str, allowed: Iterable[str]) -> str:
    """The end of an error: what was probably meant, then all that is allowed."""
    allowed = list(allowed)
    near = [word for word in allowed if name and word.startswith(name)]
    near = near or difflib.get_close_matches(name, allowed, n=3, cutoff=0.6)
    meant = f"; did you mean {' or '.join(near)}?" if near else "; "
    return f"{meant}{' A' if near else 'a'}llowed are {_listed(allowed)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _shown(value: Any) -> str:
    """A value as its writer would know it again, on one line."""
    if isinstance(value, Mapping):
        return f"a mapping ({_listed(str(key) for key in value)})" if value else "an empty mapping"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return repr(value)
