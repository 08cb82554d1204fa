"""What commands resolve to, as the pages show it; ``generate.py`` writes it into them.

Between ``<!-- defaults METHOD -->`` and ``<!-- end -->`` a page has a table that is made here, between
``<!-- keys NAME -->`` and ``<!-- end -->`` the keys of a stream, a method, ``run``, ``replay`` or
``per_task``, and between ``<!-- keys all -->`` and ``<!-- end -->`` all keys that there are, with what their
fields' docstrings say.
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from methods import registry
from orchestrator.commands.key_facts import KeyFacts, key_facts, key_groups
from orchestrator.config import RunConfig, flatten
from orchestrator.per_task import PerTask
from orchestrator.replay.config import ReplayConfig
from orchestrator.run_options import RunOptions
from orchestrator.search.preset_values import with_preset
from orchestrator.search.space import Space
from orchestrator.streams import registry as streams

_PER_TASK = "per_task"
_BLOCK = re.compile(r"(<!-- (defaults|keys) ([\w-]+) -->\n).*?(<!-- end -->)", re.S)


def written(text: str) -> str:
    """A page's text with its tables and lists of keys made anew."""

    def made(found: re.Match[str]) -> str:
        lines = _table(found[3]) if found[2] == "defaults" else _keys(found[3])
        return found[1] + "\n".join(lines) + "\n" + found[4]

    return _BLOCK.sub(made, text)


def _keys(section: str) -> list[str]:
    """All keys that there are; or one line with a section's keys at the class's values, without a method's
    backbone.
    """
    if section == "all":
        return _all_keys()
    if section == _PER_TASK:
        return _rows(key_facts(_PER_TASK, PerTask))
    if section in registry.names():
        name, config, head = "method", registry.get(section).Config, "All keys, at the paper's values"
    else:
        sections = {"run": RunOptions, "replay": ReplayConfig}
        name, head = section if section in sections else "stream", "All keys, as they begin"
        config = sections[section] if section in sections else streams.get(section).Config
    pairs = [f"`{name}.{f.name}={_shown(f.default)}`" for f in fields(config) if f.name != "backbone"]
    return textwrap.wrap(f"{head}: {', '.join(pairs)}.", 145, break_long_words=False, break_on_hyphens=False)


def _all_keys() -> list[str]:
    """By room: names, run, replay, streams, methods, backbones. Methods of one ``Config`` share a table."""
    methods = {name: registry.get(name) for name in registry.names()}
    groups = key_groups(methods["ctp"], streams.get("p9d"), registry.names(), streams.names())
    names = groups["method"][:2] + groups["stream"][:1]
    names[1] = replace(names[1], allowed="paper, or another preset of the method")
    lines = ["## Names", "", *_rows(names), "", "## `run`", "", *_room("run", RunOptions)]
    lines += ["", "## `replay`", "", *_room("replay", ReplayConfig)]
    lines += ["", f"## `{_PER_TASK}`", "", *_room(_PER_TASK, PerTask), "", "## Streams"]
    for name in streams.names():
        lines += ["", f"### `{name}`", "", *_room("stream", streams.get(name).Config)]
    lines += ["", "## Methods"]
    for alike in _alike({name: method.Config for name, method in methods.items()}):
        presets = methods[alike[0]].presets
        config = methods[alike[0]].Config
        own = [facts for facts in key_facts("method", config, presets) if facts.key.count(".") == 1]
        lines += ["", f"### {_listed(alike)}", "", _about(config), "", *_rows(own)] if own else []
    lines += ["", "## Backbones"]
    backbones = {name: _backbone(method.Config) for name, method in methods.items()}
    for alike in _alike(backbones):
        lines += ["", f"### Backbone of {_listed(alike)}", ""]
        lines += _room("method.backbone", backbones[alike[0]])
    return lines


def _backbone(config: type) -> type:
    """The class of a method's backbone."""
    return type(config().backbone)


def _alike(configs: dict[str, type]) -> list[list[str]]:
    """Names with one and the same class, together, in their order."""
    found: dict[type, list[str]] = {}
    for name, config in configs.items():
        found.setdefault(config, []).append(name)
    return list(found.values())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _room(section: str, config: type) -> list[str]:
    return [_about(config), "", *_rows(key_facts(section, config))]


def _about(config: type) -> str:
    """The first paragraph of a class's docstring."""
    return _markdown(" ".join(inspect.getdoc(config).partition("\n\n")[0].split()))


def _rows(facts: list[KeyFacts]) -> list[str]:
    rows = []
    for one in facts:
        said = {
            "Paper": one.paper if one.paper != one.own else "",
            "Released code": one.released if one.released not in (one.own, one.paper) else "",
            "By size": _pairs(one.by_size),
            "By preset": _pairs(one.presets),
        }
        text = " ".join([one.text, *(f"{name}: {value}." for name, value in said.items() if value)])
        own = f"`{one.own}`" if one.own is not None else ""
        rows.append(f"| `{one.key}` | {_markdown(one.allowed)} | {own} | {_markdown(text)} |")
    return ["| key | allowed | own value | what it is |", "| --- | --- | --- | --- |", *rows]


def _pairs(values: Any) -> str:
    return ", ".join(f"{value} ({name})" for name, value in values.items())


def _markdown(text: str) -> str:
    return text.replace("``", "`").replace("`None`", "`null`")


def _table(method: str) -> list[str]:
    """A row for each of the method's values that are not the same in all columns: the paper's, which the
    method's class has, and what ``train METHOD`` runs without and with each preset.
    """
    presets = [name for name, values in registry.get(method).presets.items() if values]
    start = Space.load(method).start_config
    paper = RunConfig.from_dict({"method.name": method, "stream.name": start.stream_name})
    columns = {
        "paper": paper,
        f"`train {method}`": start,
        **{
            f"`--set method.preset={name}`": Space.load(
                method, values=with_preset(method, {"method.preset": name})
            ).start_config
            for name in presets
        },
    }
    flat = [_values(config) for config in columns.values()]
    keys = dict.fromkeys(key for values in flat for key in values)
    rows = [(key, [_shown(values.get(key)) for values in flat]) for key in keys]
    lines = [f"| key | {' | '.join(columns)} |", "| --- " * (len(columns) + 1) + "|"]
    lines += [f"| `method.{key}` | {' | '.join(row)} |" for key, row in rows if len(set(row)) > 1]
    given = _differing(start.to_dict()["replay"], paper.to_dict()["replay"], "replay")
    given += _differing(start.to_dict()["stream"], paper.to_dict()["stream"], "stream")
    said = f", with `{' '.join(given)}`" if given else ""
    return [*lines, "", f"`train {method}` runs on `{start.stream_name}`{said}."]


def _values(config: RunConfig) -> dict[str, Any]:
    return {key: v for key, v in flatten(config.to_dict()["method"]).items() if key not in ("name", "preset")}


def _differing(values: dict[str, Any], usual: dict[str, Any], section: str) -> list[str]:
    return [f"{section}.{key}={_shown(v)}" for key, v in values.items() if v != usual[key]]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
