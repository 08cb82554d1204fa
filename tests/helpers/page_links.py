"""The links and the headings of a page."""

from __future__ import annotations

import re
from pathlib import Path

_FENCE = re.compile(r"^```.*?^```$", re.S | re.M)
_CODE = re.compile(r"`[^`]*`")
_LINK = re.compile(r"\]\(\s*([^)\s]+)\)")


def links(page: Path) -> list[str]:
    """The targets of a page's links, in their order; what stands in code is none."""
    return _LINK.findall(_CODE.sub("x", _FENCE.sub("", page.read_text(encoding="utf-8"))))


def anchors(page: Path) -> list[str]:
    """The anchors of a page's headings that GitHub and Python-Markdown make alike: not those of two headings
    with the same words, nor of one with marks between words, as in "a / b".
    """
    heads = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    found = [re.sub(r"[^\w\s-]", "", head).strip().lower().replace(" ", "-") for head in heads]
    return [
        anchor for anchor in found if found.count(anchor) == 1 and "--" not in anchor and anchor.isascii()
    ]


def dead(target: str, page: Path) -> str:
    """Why a link of a page leads nowhere; empty where it leads to a file and a heading, or to the web."""
    if target.startswith(("https://", "http://")):
        return ""
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    if not file.is_file():
        return f"{target}: there is no file {file}"
    if anchor and anchor not in anchors(file):
        return f"{target}: {file.name} has no heading of that anchor"
    return ""
