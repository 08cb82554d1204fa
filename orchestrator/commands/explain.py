"""``python -m orchestrator.sweep METHOD --explain [KEY]``: what a key is, and its values in the class, the
paper, the released code and the search space.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from methods import registry as methods

from ..config import parse_set
from ..schema.config_error import known
from ..search.preset_values import with_preset
from ..search.space import Space
from ..streams import registry as streams
from .key_facts import KeyFacts, key_groups, value_text
from .named_space import named_space

_WIDTH, _INDENT = 98, " " * 4


def explain(
    method: str,
    key: str | None = None,
    stream: str | None = None,
    pairs: Sequence[str] = (),
    space: str | Path | None = None,
) -> str:
    """Describes the keys of a sweep's configuration, as plain text for 98 columns.

    Args:
        method: A method's name.
        key: A dotted key, or a section of keys such as ``replay`` or ``method.backbone``. ``None``: all keys.
        stream: The stream in the place of the search space's.
        pairs: What ``--set`` gives, ``key=value`` each: the search space then has these keys fixed.
        space: The file of a search space, in the place of the method's.

    Raises:
        UserError: There is no such method, stream or key. The message is one line, with what was probably
            meant.
    """
    values = with_preset(method, parse_set(pairs))
    searched_space = Space.load(named_space(method, space), stream, values=values, method=method)
    config = searched_space.config
    groups = key_groups(
        methods.get(config.method_name), streams.get(config.stream_name), methods.names(), streams.names()
    )
    heads = {"method": f"method: {config.method_name}", "stream": f"stream: {config.stream_name}"}
    if key is not None and key not in groups:
        facts = {facts.key: facts for group in groups.values() for facts in group}
        section = key.partition(".")[0]
        near = [name for name in facts if name.startswith(f"{section}.")] if section in groups else [*facts]
        return _told(facts[known(key, "--explain", near, "key")], searched_space)
    lines = []
    for name, group in groups.items():
        if key is None or f"{name}.".startswith(f"{key}."):
            lines += [heads.get(name, name), "", *(f"{_told(facts, searched_space)}\n" for facts in group)]
    return "\n".join(lines).rstrip("\n")


def _told(facts: KeyFacts, space: Space) -> str:
    values = {
        "default": facts.own,
        "by size": _listed(facts.by_size),
        "paper": facts.paper,
        "released code": facts.released,
        "presets": _listed(facts.presets),
        "search space": searched(facts.key, space),
    }
    told = "; ".join(f"{name} {value}" for name, value in values.items() if value)
    head = f"{facts.key}: {facts.allowed}"
    parts = [_wrapped(head, "", _INDENT * 2), _wrapped(told, _INDENT, _INDENT)]
    return "\n".join(filter(None, (*parts, _wrapped(facts.text, _INDENT, _INDENT))))


def _wrapped(text: str, first: str, later: str) -> str:
    return textwrap.fill(
        text.replace("``", ""),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _listed(values: Mapping[str, str]) -> str:
    return ", ".join(f"{value} ({name})" for name, value in values.items())


def searched(key: str, space: Space) -> str:
    """What a search space says of a key: the fixed value; or the range, the search's start and the condition
    under which the key is searched. It is empty where the key stays at its default.
    """
    for parameter in space.parameters:
        if parameter.key == key:
            start: Any = (space.start or {}).get(key)
            said = f"start {value_text(start)}" if key in (space.start or {}) else ""
            return ", ".join(filter(None, (parameter.range, said, parameter.condition)))
    return f"fixed {value_text(space.fixed[key])}" if key in space.fixed else ""
