"""Every dotted key that a page names is one that a configuration has."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from methods import registry as methods
from orchestrator.config import RunConfig, flatten
from orchestrator.replay.config import ReplayConfig
from orchestrator.run_options import RunOptions
from orchestrator.schema.typed_values import plain
from orchestrator.streams import registry as streams

_ROOT = Path(__file__).parents[1]
_PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md"))]
_KEY = re.compile(r"(?<![\w./-])(?:method|stream|replay|run)(?:\.[a-z_]\w*)+(?![\w(/])")
_FILES = re.compile(r"\.(py|lock|md)$")


@pytest.fixture(scope="module")
def known():
    found = {"method.name", "method.preset", "stream.name"}
    for name in methods.names():
        config = methods.get(name).Config()
        found |= {f"method.{key}" for key in (*flatten(plain(config)), *(f.name for f in fields(config)))}
    for name in streams.names():
        found |= {f"stream.{field.name}" for field in fields(streams.get(name).Config)}
    for section, config in (("replay", ReplayConfig), ("run", RunOptions)):
        found |= {f"{section}.{field.name}" for field in fields(config)}
    return found


def _keys(text):
    code = re.findall(r"```.*?```|`[^`]*`", text, re.S)
    return {key for part in code for key in _KEY.findall(part) if not _FILES.search(key)}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_a_pages_keys_are_there(page, known):
    text = page.read_text()
    # A page that shows a method and a stream of one's own has their keys too.
    own = re.findall(r"^    (\w+): \w+ = ", text, re.M)
    shown = {f"{section}.{name}" for section in ("method", "stream") for name in own}
    assert _keys(text) - known - shown == set()


def test_a_key_that_is_not_there_is_noticed(known):
    text = "the `method.batch_size` and method.none, `--set stream.tsaks=3`, `run.lock`, `methods/method.py`"
    assert _keys(text) - known == {"stream.tsaks"}
    assert {"method.backbone", "method.backbone.size", "run.seed"} <= known
    assert (
        RunConfig.from_dict({"method.name": "ctp", "stream.name": "shapes-retrieval"}).flat().keys() <= known
    )
