"""Tags that are longer than MLflow keeps: their beginning, and a file with all of it."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Protocol

from .names import LONGEST_TAG
from .recorded_run import RecordedRun

_CUT = re.compile(r"… \[cut: (\d+) letters, sha256 ([0-9a-f]{12}); all of it is in tags/[^\]/]+\.txt\]\Z")


class _Reader(Protocol):
    def text(self, run: RecordedRun, path: str, /) -> str: ...


def tag_file(name: str) -> str:
    """The file among a run's artifacts that has the whole text of a tag which is cut."""
    return f"tags/{name.replace('/', '_')}.txt"


def cut_tag(name: str, text: str) -> str:
    """A tag's text as MLflow keeps it: whole, or its beginning with a note of how long it is and where all of
    it is.

    Args:
        name: The tag.
        text: Its text.
    """
    if len(text) <= LONGEST_TAG:
        return text
    digest = sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]
    note = f"… [cut: {len(text)} letters, sha256 {digest}; all of it is in {tag_file(name)}]"
    return text[: LONGEST_TAG - len(note)] + note


def whole_tag(reader: _Reader, run: RecordedRun, name: str) -> str:
    """The whole text of a tag; empty where the run has none.

    Args:
        reader: The record, which is asked for a file where the tag is cut.
        run: The run.
        name: The tag.

    Raises:
        LookupError: The tag is cut, and what it was cut from is not in the record. The message is one line.
    """
    text, of = run.tags.get(name, ""), f"{run.name}: the tag {name}"
    if (cut := _CUT.search(text)) is None:
        if len(text) >= LONGEST_TAG:
            raise LookupError(f"{of} has {len(text)} letters, as many as MLflow keeps: it was cut")
        return text
    try:
        whole = reader.text(run, tag_file(name))
    except LookupError as error:
        raise LookupError(f"{of} is cut after {cut.start()} of {cut[1]} letters: {error}") from error
    if cut_tag(name, whole) != text:
        raise LookupError(f"{of} is cut, and {tag_file(name)} has another text")
    return whole
