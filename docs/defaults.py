"""Writes what commands resolve to into the pages: ``python docs/defaults.py``.

Between ``<!-- defaults METHOD -->`` and ``<!-- end -->`` a page has a table that is made here; a test fails
where it is not what would be made.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from methods import registry
from orchestrator.config import RunConfig, flatten
from orchestrator.space import Space

_PAGES = Path(__file__).parent
_BLOCK = re.compile(r"(<!-- defaults ([\w-]+) -->\n).*?(<!-- end -->)", re.S)


def written(text: str) -> str:
    """A page's text with its tables made anew."""
    return _BLOCK.sub(lambda found: found[1] + "\n".join(_table(found[2])) + "\n" + found[3], text)


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
    for page in sorted(_PAGES.glob("*.md")):
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
