"""Writes what commands resolve to into the pages: ``python docs/defaults.py``.

Between ``<!-- defaults METHOD -->`` and ``<!-- end -->`` a page has a table that is made here, and between
``<!-- keys NAME -->`` and ``<!-- end -->`` the keys of a section of the configuration: ``run``, ``replay``, a
stream's or a method's. A test fails where these are not what would be made.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from dataclasses import fields
from pathlib import Path
from typing import Any

from methods import registry
from orchestrator.config import RunConfig, flatten
from orchestrator.replay.config import ReplayConfig
from orchestrator.run_options import RunOptions
from orchestrator.search.space import Space
from orchestrator.streams import registry as streams

_PAGES = Path(__file__).parent
_BLOCK = re.compile(r"(<!-- (defaults|keys) ([\w-]+) -->\n).*?(<!-- end -->)", re.S)


def written(text: str) -> str:
    """A page's text with its tables and lists of keys made anew."""

    def made(found: re.Match[str]) -> str:
        lines = _table(found[3]) if found[2] == "defaults" else _keys(found[3])
        return found[1] + "\n".join(lines) + "\n" + found[4]

    return _BLOCK.sub(made, text)


def _keys(section: str) -> list[str]:
    """Of ``run`` a row a key, with what the class says of it; of the others a line with all keys at the
    class's values, but for a method's backbone.
    """
    if section == "run":
        said = _said(RunOptions)
        rows = [f"| `run.{f.name}` | {_shown(f.default)} | {said[f.name]} |" for f in fields(RunOptions)]
        return ["| key | begins as | what it is |", "| --- | --- | --- |", *rows]
    if section in registry.names():
        name, config, head = "method", registry.get(section).Config, "All keys, at the paper's values"
    else:
        name = "replay" if section == "replay" else "stream"
        config = ReplayConfig if section == "replay" else streams.get(section).Config
        head = "All keys, as they begin"
    pairs = [f"`{name}.{f.name}={_shown(f.default)}`" for f in fields(config) if f.name != "backbone"]
    return textwrap.wrap(f"{head}: {', '.join(pairs)}.", 145, break_long_words=False, break_on_hyphens=False)


def _said(config: type) -> dict[str, str]:
    """What stands below each field of a class, in one line."""
    body = ast.parse(inspect.getsource(config)).body[0].body
    return {
        field.target.id: " ".join(text.value.value.split()).replace("``", "`").replace("None:", "null:")
        for field, text in zip(body, body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


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
            f"`--set method.preset={name}`": Space.load(method, values={"method.preset": name}).start_config
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


if __name__ == "__main__":
    for page in sorted(_PAGES.rglob("*.md")):
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
