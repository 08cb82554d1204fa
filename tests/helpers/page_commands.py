"""The commands that a page shows, as a shell would take them apart."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
_INLINE = re.compile(r"`((?:[A-Z_]+=\S+ )*(?:python |pip |pytest\b|ray \w+ [\w.]+ )[^`]*)`")
_WITHIN = re.compile(r"\$\(([^()]*)\)")
_BETWEEN = set("();<>|&")
_KEYWORDS = ("do", "done", "then", "fi", "if")


def commands(page: Path) -> list[list[str]]:
    """The words of each simple command of a page: of its fenced blocks, but those marked ``text``, and of
    what it has in backticks that begins with ``python``, ``pip``, ``pytest`` or ``ray``.

    AssertionError: a block of another kind; CalledProcessError: one that no shell takes.
    """
    text = page.read_text(encoding="utf-8")
    found = []
    for kind, block in _FENCE.findall(text):
        assert kind in ("", "text"), f"{page}: a block of {kind!r}; allowed are commands (no word) and text"
        if not kind:
            subprocess.run(["bash", "-n"], input=block, text=True, check=True)
            found += simple(block)
    for command in _INLINE.findall(re.sub(r"\s+", " ", _FENCE.sub("", text))):
        found += simple(re.sub(r"\[[A-Z-][^]]*\]", "", command))  # without what may be left out
    return found


def simple(text: str) -> list[list[str]]:
    """The words of each simple command in a shell's text. Assignments before it, keywords, heads of loops,
    redirections and comments are left out.
    """
    found: list[list[str]] = []
    for inner in _WITHIN.findall(text):
        found += simple(inner)
    for line in _WITHIN.sub("...", text).replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        redirected = False
        for token in [*lexer, ";"]:
            if token and set(token) <= _BETWEEN:
                redirected = ">" in token
                if words and not redirected:
                    found.append(words)
                    words = []
            elif redirected:
                redirected = False
            elif words or not (token in _KEYWORDS or re.match(r"\w+=", token)):
                words.append(token)
    return [words for words in found if words[0] != "for"]
