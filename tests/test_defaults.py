"""Columns of the pages that name a default say what commands resolve to."""

import importlib.util
import re
from pathlib import Path

import pytest

_DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def defaults():
    spec = importlib.util.spec_from_file_location("defaults", _DOCS / "defaults.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["ctp", "mma", "clap4clip", "vqacl", "triplet"])
def test_a_pages_table_is_what_the_commands_resolve_to(page, defaults):
    text = _path(page).read_text()
    assert f"<!-- defaults {page} -->\n| key | paper | `train {page}` |" in text
    assert defaults.written(text) == text, "python docs/generate.py makes it anew"


def test_a_value_that_has_changed_is_written(defaults):
    text = _path("mma").read_text()
    row = re.search(r"\| `method.batch_size` \| 256 \| 64 \| 64 \|", text)[0]
    assert defaults.written(text.replace(row, row.replace("64", "65"))) == text
    for name, old in (
        ("streams", "`stream.train=480`"),
        ("keys", "| `run.workers` | an integer, at least 1"),
    ):
        text = _path(name).read_text()
        assert old in text
        assert defaults.written(text.replace(old, old.replace("1", "7").replace("480", "7"))) == text


@pytest.mark.parametrize("page", sorted(_DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_no_other_column_of_a_table_claims_a_default(page):
    heads = re.findall(r"^\|.*\|(?=\n\| ---)", page.read_text(), re.M)
    assert not [head for head in heads if re.search(r"\bdefault\b(?! of)", head)]


def test_the_pages_paper_settings_are_the_classes_own():
    """Each page that gives the paper's configuration as a command gives all of it."""
    from methods import registry
    from orchestrator.config import flatten, parse_set
    from orchestrator.schema.typed_values import plain
    from orchestrator.search.preset_values import with_preset
    from orchestrator.search.space import Space

    for page, apart in (("ctp", set()), ("vqacl", set()), ("triplet", {"rank", "modality_weight"})):
        command = re.search(rf"orchestrator.train {page} (--stream \S+ )?.*?```", _page(page), re.S)[0]
        values = with_preset(page, parse_set(re.findall(r"[\w.]+=\S+", command)))
        stream = re.search(r"--stream (\S+)", command)
        config = Space.load(page, stream and stream[1], stream and "/data", values).start_config
        paper = flatten(plain(registry.get(page).Config()))
        found = flatten(plain(config.method))
        differing = {key for key in paper if found[key] != paper[key] and not key.startswith("backbone.")}
        assert differing == apart, page
        assert found["backbone.size"] == "base" or found["backbone.flava"], page


def _path(name):
    (path,) = _DOCS.rglob(f"{name}.md")
    return path


def _page(name):
    return _path(name).read_text().replace("\\\n", " ")
