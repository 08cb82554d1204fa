"""The typed run configuration: YAML <-> objects <-> --set key=value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from methods import registry as methods
from methods.own_preset import own_preset

from .errors import UserError
from .per_task import PerTask
from .replay.config import ReplayConfig
from .run_options import RunOptions
from .schema import strict_yaml
from .schema.config_error import ConfigError, known, nearest, shown
from .schema.flatten import flatten
from .schema.registered import Registry, registered
from .schema.typed_values import construct, plain
from .storage.user_path import user_path
from .streams import registry as streams


@dataclass(frozen=True)
class RunConfig:
    """Everything that one trial is: a method on a stream with a replay memory, and how it is run.

    Written as YAML or as dotted keys it has four sections, ``method``, ``stream``, ``replay`` and ``run``,
    and ``per_task`` where values are chosen at each task.
    Nested fields are dotted (``method.backbone.size``), and only the two names are required.

    Wrong keys, types and ranges raise a :class:`ConfigError`, which names the key, what was found and what is
    allowed. An int may stand for a float, never a bool for an int, never text for a number. A list of numbers
    may be written as text, ``"0, 1, 2"``, so that a search can choose among lists.
    """

    method_name: str
    """The method, one of ``python -m orchestrator.sweep methods``."""

    preset: str
    """A set of the method's values by name: ``paper`` as the paper has it, ``reference`` as the released code
    does it. Without a preset the class's own values hold: they are ``paper``, or ``fair`` for replay
    baselines whose papers mix the memory in differently. A preset's values are set before all others, so that
    a value that is given by itself wins.
    """

    method: Any
    """The method's own keys, an object of its ``Config``."""

    stream_name: str
    """The stream, one of ``python -m orchestrator.sweep methods``."""

    stream: Any
    """The stream's own keys, an object of its ``Config``."""

    replay: ReplayConfig
    """What the trial keeps of past tasks."""

    run: RunOptions
    """How the trial is run."""

    per_task: PerTask | None = None
    """How the walk chooses values at each task; None: its values are the same at all tasks. A configuration
    with it has a fifth section, ``per_task``."""

    def __post_init__(self) -> None:
        allowed = methods.get(self.method_name).scenarios
        scenario = streams.get(self.stream_name).scenario
        if scenario not in allowed:
            raise ConfigError(
                "stream.name",
                f"'{self.stream_name}' is a {scenario} stream; {self.method_name} learns "
                f"{', '.join(sorted(allowed))}",
            )
        batch, parts = getattr(self.method, "batch_size", None), self.run.workers * self.run.accumulate
        if batch is not None and batch % parts:
            raise ConfigError(
                "method.batch_size",
                f"{batch} cannot be divided over run.workers {self.run.workers} x run.accumulate "
                f"{self.run.accumulate}: allowed are multiples of {parts}",
            )
        if self.per_task is not None:
            self.per_task.check(self.method, fresh=self.run.fresh)

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
            "method": {"name": self.method_name, "preset": self.preset, **plain(self.method)},
            "stream": {"name": self.stream_name, **plain(self.stream)},
            "replay": plain(self.replay),
            "run": plain(self.run),
            # Configurations without it are as they were before there was one, to the digit of a digest.
            **({} if self.per_task is None else {_PER_TASK: plain(self.per_task)}),
        }

    def flat(self) -> dict[str, str | int | float | bool | None]:
        """Dotted key -> scalar, in the order of :meth:`to_dict`; a list is written as JSON. MLflow gets them
        as parameters.
        """
        return {
            key: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
            for key, value in flatten(self.to_dict()).items()
        }

    def yaml(self) -> str:
        """The text of a file that :meth:`load_yaml` reads back as an equal configuration."""
        return strict_yaml.dump(self.to_dict())

    @classmethod
    def load_yaml(cls, path: Path | str) -> RunConfig:
        """The configuration of a YAML file.

        Args:
            path: The file.

        Raises:
            ConfigError: A key, type or range is wrong. The message names file and line.
            UserError: The file cannot be read, is no YAML mapping, or has a key twice. The message names the
                file.
        """
        values, lines = strict_yaml.read(path)
        if not isinstance(values, Mapping):
            raise UserError(f"{path}: expected the sections {', '.join(_SECTIONS)}, found {shown(values)}")
        try:
            return cls.from_dict(values)
        except ConfigError as error:
            raise ConfigError(error.key, error.problem, where_in(path, lines, error.key)) from None


def parse_set(pairs: Iterable[str]) -> dict[str, Any]:
    """The values of ``--set key=value ...``, by dotted key.

    A value is read as YAML (``1e-4``, ``true``, ``null``, ``[a, b]``). :class:`RunConfig` checks keys and
    types when the values are used.

    Args:
        pairs: ``key=value`` each.

    Raises:
        UserError: There is no ``=`` or no key, a value is not YAML, or a key is given twice. The message is
            one line.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UserError(f"--set {pair}: expected key=value, as in method.learning_rate=1e-3")
        if key in values:
            raise UserError(f"--set {pair}: {key} is given twice")
        value, _ = strict_yaml.parse(text, f"--set {pair}")
        values[key] = at_home(value)
    return values


def data_values(stream: str, folder: Path | str) -> dict[str, str]:
    """What ``--data FOLDER`` sets: ``stream.data``, as an absolute path, so that a saved configuration runs
    from anywhere.

    Args:
        stream: The stream's name.
        folder: FOLDER.

    Raises:
        ConfigError: There is no such stream.
        UserError: The stream reads no data. The message is one line.
    """
    registered(stream, "stream.name", streams, "stream")
    if "data" not in {f.name for f in fields(streams.get(stream).Config)}:
        raise UserError(f"--data {folder}: the stream '{stream}' generates its data and reads no folder")
    return {"stream.data": str(user_path(folder))}


def at_home(value: Any) -> Any:
    """Puts the user's home in the place of ``~/`` at the beginning of a text.

    It may stand behind a prefix such as timm's ``local-dir:``. No shell replaces it behind ``key=``, and
    nothing else does so in a file. Other values are returned as they are.
    """
    if not isinstance(value, str) or "~/" not in value:
        return value
    return re.sub(r"^([\w-]+:)?~/", rf"\g<1>{Path.home()}/", value)


def where_in(path: Path | str, lines: Mapping[str, int], key: str) -> str:
    """``file:line:`` of a dotted key, or of the innermost mapping around it that the file has."""
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return f"{path}:{lines[key]}:" if key else f"{path}:"


_SECTIONS = ("method", "stream", "replay", "run")
_PER_TASK = "per_task"  # a section that few configurations have


def _placed(where: str, build: Any) -> RunConfig:
    try:
        return build()
    except ConfigError as error:
        raise ConfigError(error.key, error.problem, where) from None


def _build(given: dict[str, Any], base: RunConfig | None) -> RunConfig:
    sections: dict[str, dict[str, Any]] = {name: {} for name in _SECTIONS}
    for key, value in given.items():
        value = at_home(value)
        section, dot, rest = key.partition(".")
        if section in (*sections, _PER_TASK) and not dot:
            raise ConfigError(key, f"expected a mapping of keys, found {shown(value)}")
        sections.setdefault(section, {})[rest] = value

    method, stream = sections["method"], sections["stream"]
    method_name = _name(method, base and base.method_name, "method", methods)
    if base and method_name != base.method_name:
        raise ConfigError("method.name", f"'{method_name}' cannot replace '{base.method_name}' here")
    stream_name = _name(stream, base and base.stream_name, "stream", streams)
    method_class, stream_class = methods.get(method_name), streams.get(stream_name)

    configs = (method_class.Config, stream_class.Config, ReplayConfig, RunOptions)
    for key in given:
        section = key.partition(".")[0]
        if section not in (*_SECTIONS, _PER_TASK):
            # The likeliest slip is to leave the section out.
            homes = [
                f"{s}.{section}"
                for s, config in zip(_SECTIONS, configs, strict=True)
                if section in {f.name for f in fields(config)}
            ]
            meant = f"; did you mean {' or '.join(homes)}?" if homes else nearest(section, _SECTIONS)
            raise ConfigError(key, f"unknown section '{section}'{meant}")

    presets = method_class.presets
    preset = method.pop("preset", base.preset if base else own_preset(presets))
    known(preset, "method.preset", list(presets), "preset")
    old = base.method if base else None
    if base is None or preset != base.preset:
        # Fields that only the former preset set go back to the method's defaults.
        back = (
            {key: _default(method_class.Config, key) for key in flatten(presets[base.preset])} if base else {}
        )
        method = {**back, **flatten(presets[preset]), **method}

    per_task = base.per_task if base else None
    if choosing := sections.get(_PER_TASK):
        if per_task is None and "learning_rate" not in choosing:
            key = f"{_PER_TASK}.{next(iter(choosing))}"
            raise ConfigError(key, "nothing is chosen at each task here; allowed in a search space's file")
        per_task = construct(PerTask, choosing, _PER_TASK, per_task)
    same_stream = base is not None and stream_name == base.stream_name
    return RunConfig(
        method_name=method_name,
        preset=preset,
        method=construct(method_class.Config, method, "method", old, extra=("name", "preset")),
        stream_name=stream_name,
        stream=construct(
            stream_class.Config, stream, "stream", base.stream if same_stream else None, extra=("name",)
        ),
        replay=construct(ReplayConfig, sections["replay"], "replay", base.replay if base else None),
        run=construct(RunOptions, sections["run"], "run", base.run if base else None),
        per_task=per_task,
    )


def _name(section: dict[str, Any], base: str | None, kind: str, registry: Registry) -> str:
    if base is not None and "name" not in section:
        return base
    name = section.pop("name", None)
    if name is None:
        raise ConfigError(f"{kind}.name", f"missing; allowed are {', '.join(registry.names())}")
    return registered(name, f"{kind}.name", registry, kind)


def _default(config: type, key: str) -> Any:
    value = config()
    for name in key.split("."):
        value = getattr(value, name)
    return value
