"""Where the pages lead: every link, every page that the code names, and the site's own list of pages."""

import re
from pathlib import Path

import pytest
import yaml
from page_links import anchors, dead, links

_ROOT = Path(__file__).parents[1]
_DOCS = _ROOT / "docs"
_PAGES = [_ROOT / "README.md", *sorted(_DOCS.rglob("*.md"))]
_NAMED = re.compile(r"\bdocs/[\w/-]+\.md(?:#[\w-]+)?")
_CODE = ("orchestrator", "methods", "search_spaces", "benchmarks")
_KINDS = {"tutorials", "howto", "reference", "explanation", "reports"}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_no_link_of_a_page_is_dead(page):
    assert [why for target in links(page) if (why := dead(target, page))] == []
    assert anchors(page)


def test_a_dead_link_is_noticed(tmp_path):
    page = tmp_path / "a.md"
    page.write_text(
        "# A b\n\n[x](b.md) [y](#a-b) [z](#c)\n`[no](link)`\n```text\n[no](link)\n```\n[w](https://x.y)\n"
    )
    assert links(page) == ["b.md", "#a-b", "#c", "https://x.y"]
    assert [bool(dead(target, page)) for target in links(page)] == [True, False, True, False]
    page.write_text("# A\n## A b\n## A `b`\n## C / d\n")
    assert anchors(page) == ["a"], "the others are not the same everywhere"


def test_every_page_is_reached_from_the_index():
    seen, ahead = set(), [_DOCS / "index.md"]
    while ahead:
        page = ahead.pop()
        if page in seen:
            continue
        seen.add(page)
        own = [link for link in links(page) if "://" not in link]
        files = [(page.parent / link.partition("#")[0]).resolve() for link in own]
        ahead += [file for file in files if file.suffix == ".md" and file.is_relative_to(_DOCS)]
    assert seen == set(_DOCS.rglob("*.md"))
    assert "docs/index.md" in links(_ROOT / "README.md")


def _named():
    files = [
        *(file for room in _CODE for file in (_ROOT / room).rglob("*")),
        *_DOCS.glob("kuberay/*"),
    ]
    for file in files:
        if file.suffix in (".py", ".yaml") or file.name == "Dockerfile":
            for name in _NAMED.findall(file.read_text(encoding="utf-8")):
                yield file.relative_to(_ROOT), name


def test_every_page_that_the_code_names_is_there():
    found = list(_named())
    assert [(str(file), why) for file, name in found if (why := dead(name, _ROOT / "README.md"))] == []
    lines = {name for file, name in found if file.suffix == ".py" and "#" in name}
    assert 3 <= len(lines) <= 10, "error lines name a page where the remedy needs more than the line, no more"


def _nav(entries):
    for entry in entries:
        for value in [entry] if isinstance(entry, str) else entry.values():
            yield from [value] if isinstance(value, str) else _nav(value)


def test_the_site_lists_every_page_once():
    site = yaml.safe_load((_DOCS / "site/mkdocs.yml").read_text())
    listed = list(_nav(site["nav"]))
    assert sorted(listed) == sorted(str(page.relative_to(_DOCS)) for page in _DOCS.rglob("*.md"))
    assert site["theme"]["font"] is False, "the pages ask nobody for a font"


def test_the_readme_is_a_page_that_is_read():
    assert len((_ROOT / "README.md").read_text().splitlines()) <= 100
    assert {path.name for path in _DOCS.iterdir() if path.is_dir() and list(path.rglob("*.md"))} == _KINDS
