"""Collects what the code says of each key of a configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from methods.own_preset import own_preset

from ..config import RunConfig
from ..replay.config import ReplayConfig
from ..run_options import RunOptions
from ..schema import scalars
from ..schema.field_docs import field_docs
from ..schema.flatten import flatten
from ..schema.typed_values import described, plain

_LABELLED = re.compile(r"(?:^|(?<=\s))(Range|Paper|Released code): (.+?)\.(?:\s|$)")


@dataclass(frozen=True)
class KeyFacts:
    """A key of a configuration. Values are text, as they would be written in YAML."""

    key: str
    """The dotted key, ``method.backbone.size``."""

    allowed: str
    """Type and range of its values, in words."""

    own: str | None
    """The value of the class. ``None``: the class has none, and one has to be given."""

    by_size: Mapping[str, str]
    """For a backbone's key whose own value is null: size of the backbone -> the value that null stands for.
    """

    paper: str
    """The value that is published; empty where none is known."""

    released: str
    """The value of the released code; empty where none is known."""

    presets: Mapping[str, str]
    """Other presets of the method that set the key -> their value."""

    text: str
    """What the key is, with ``code`` in double backticks."""


def key_groups(
    method: Any, stream: Any, methods: Sequence[str], streams: Sequence[str]
) -> dict[str, list[KeyFacts]]:
    """All keys of a configuration of a method on a stream.

    Args:
        method: A class with ``Config`` and ``presets``.
        stream: A class with ``Config``.
        methods: Names that ``method.name`` may have.
        streams: Names that ``stream.name`` may have.

    Returns:
        ``method``, the method's nested sections, ``stream``, ``replay``, ``run`` -> their keys, in order.
    """
    names = {
        "method": [_named("method.name", "method_name", methods), preset_facts(method.presets)],
        "stream": [_named("stream.name", "stream_name", streams)],
    }
    groups: dict[str, list[KeyFacts]] = {}
    for section, config, presets in (
        ("method", method.Config, method.presets),
        ("stream", stream.Config, None),
        ("replay", ReplayConfig, None),
        ("run", RunOptions, None),
    ):
        groups[section] = names.get(section, [])
        for facts in key_facts(section, config, presets):
            groups.setdefault(facts.key.rpartition(".")[0], []).append(facts)
    return groups


def key_facts(
    section: str, config: Any, presets: Mapping[str, Mapping[str, Any]] | None = None
) -> list[KeyFacts]:
    """The keys of a section, nested ones after the others.

    Args:
        section: What goes before each key.
        config: A dataclass, or an object of one, whose values then are the keys' own.
        presets: A method's presets. Its own values are then a paper's, unless the docstring of a field says
            otherwise. ``None``: ``config`` is not a method's.
    """
    flat = None if presets is None else {name: flatten(values) for name, values in presets.items()}
    return sorted(_facts(section, config, flat, ""), key=lambda facts: facts.key.count("."))


def preset_facts(presets: Mapping[str, Any]) -> KeyFacts:
    """``method.preset``."""
    return replace(_named("method.preset", "preset", list(presets)), own=own_preset(presets))


def value_text(value: Any) -> str:
    """A value as it would be written in YAML, on one line."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(_quoted(item) for item in value)}]"
    return scalars.text(value) if value != "" else '""'


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else value_text(value)


def _named(key: str, field: str, names: Sequence[str]) -> KeyFacts:
    text, _ = _read(field_docs(RunConfig)[field])
    return KeyFacts(key, " or ".join(names), None, {}, "", "", {}, text)


def _read(docstring: str) -> tuple[str, dict[str, str]]:
    """A docstring without its labelled sentences, and these by label."""
    labelled = {match[1]: match[2].replace("``None``", "``null``") for match in _LABELLED.finditer(docstring)}
    return _LABELLED.sub("", docstring).strip().replace("``None``", "``null``"), labelled


def _facts(
    section: str, config: Any, presets: Mapping[str, Mapping[str, Any]] | None, above: str
) -> Iterator[KeyFacts]:
    """``above``: what stands between ``method`` and the keys of a nested section, with its dot."""
    hints, docs = get_type_hints(config if isinstance(config, type) else type(config)), _docs(config)
    sizes = _by_size(config)
    for field in fields(config):
        if not field.init:
            continue
        value = _value(config, field)
        if is_dataclass(hints[field.name]):
            nested = hints[field.name] if value is MISSING else value
            yield from _facts(f"{section}.{field.name}", nested, presets, f"{above}{field.name}.")
            continue
        text, labelled = _read(docs[field.name])
        own = None if value is MISSING else value_text(plain(value))
        set_by = {
            name: value_text(plain(values[f"{above}{field.name}"]))
            for name, values in (presets or {}).items()
            if f"{above}{field.name}" in values
        }
        # A backbone's values are not a paper's. They are the ones that train here.
        paper = set_by.pop("paper", own if presets is not None and not above else "")
        released = set_by.pop("reference", paper if presets and presets.get("reference") else "")
        in_sizes = {size: full[field.name] for size, full in sizes.items() if field.name in full}
        yield KeyFacts(
            key=f"{section}.{field.name}",
            allowed=", ".join(filter(None, (described(hints[field.name]), labelled.get("Range")))),
            own=own,
            by_size={size: value_text(v) for size, v in in_sizes.items()} if own == "null" else {},
            paper=labelled.get("Paper", "" if paper in (None, "null") else paper),
            released=labelled.get("Released code", "" if released in (None, "null") else released),
            presets=set_by,
            text=text,
        )


def _docs(config: Any) -> dict[str, str]:
    return field_docs(config if isinstance(config, type) else type(config))


def _value(config: Any, field: Field[Any]) -> Any:
    if not isinstance(config, type):
        return getattr(config, field.name)
    return field.default if field.default_factory is MISSING else field.default_factory()


def _by_size(config: Any) -> dict[str, dict[str, Any]]:
    """Size of a backbone -> what its values are, where it has sizes by name."""
    cls = config if isinstance(config, type) else type(config)
    hint = get_type_hints(cls).get("size")
    if get_origin(hint) is not Literal or not hasattr(cls, "resolved"):
        return {}
    base = cls() if config is cls else config
    return {size: vars(replace(base, size=size).resolved()) for size in get_args(hint)}
