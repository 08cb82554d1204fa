"""The page of a comparison: tables, pictures, and what was left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill
from urllib.parse import quote, unquote

from ...errors import UserError
from ...storage.atomic_write import write_text
from ...storage.run_files import COMPARISON_FOLDER
from ..plot_style import pdf_of
from .finished_run import FinishedRun
from .finished_runs import read_runs, unfinished
from .groups import Group, group_runs
from .labels import differences
from .pictures import pictures
from .references import kind_of, with_references
from .run_rows import SPLITS, run_rows
from .sections import Section, sections
from .table import WIDTH, table

_REPLACED = 5  # runs that do not count but are named in plain text


_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)/]+\.png)\)")
_ROWS = re.compile(r"\]\(([^)/]+-runs\.csv)\)")


def compare(folder: Path, stream: str | None = None) -> str:
    """Writes ``FOLDER/comparison/``: ``README.md`` with the tables, each run's values as CSV, and the
    pictures as PNG and PDF.

    Streams that differ in a setting or in their content have tables of their own.

    Args:
        folder: The runs folder, or one run's folder.
        stream: The stream that is compared; None: all.

    Returns:
        The tables as plain text.

    Raises:
        UserError: As of :func:`read_runs`; or there is no finished run, no run has the ``stream``, or the
            folder cannot be written.
    """
    every = with_references(read_runs(folder))
    # A reference is no row beside methods: nothing was chosen for it.
    runs = [run for run in every if not kind_of(run)] or every
    streams = sorted({run.stream for run in runs})
    if stream is not None and stream not in streams:
        raise UserError(
            f"--stream {stream}: no run of it in {folder}; there are {', '.join(streams) or 'none'}"
        )
    if not any(run.status == "finished" for run in runs):
        raise UserError(f"{folder}: no finished run yet")
    out = folder / COMPARISON_FOLDER
    try:
        if out.is_symlink():
            raise UserError(f"{out}: is a link; allowed: a folder, or none (remove the link)")
        out.mkdir(parents=True, exist_ok=True)
        _clear(out)
        plain, marked = [], ["# Comparison"]
        for section in sections([run for run in runs if stream in (None, run.stream)]):
            told, written = _section(section, out)
            plain += told
            marked += written
        left = _left(len(every) - len(runs), unfinished(folder))
        plain += left
        marked += left
        write_text(out / "README.md", "\n\n".join(marked) + "\n")
    except OSError as error:
        raise UserError(f"{error.filename or out}: cannot be written ({error.strerror or error})") from error
    return "\n\n".join([*plain, f"Tables in Markdown, each run's values as CSV, and pictures: {out}"])


def _left(references: int, unfinished: int) -> list[str]:
    """A line for each kind of run that is no row of a table."""
    some = "s" if references > 1 else ""
    return [
        *(
            [f"left out: {references} reference run{some}, beside which others have metrics"]
            if references
            else []
        ),
        *(
            [f"left out: {unfinished} trial{'s' if unfinished > 1 else ''} that did not come to an end yet"]
            if unfinished
            else []
        ),
    ]


def _section(section: Section, out: Path) -> tuple[list[str], list[str]]:
    """A section's paragraphs in plain text and in Markdown."""
    groups = group_runs(run for run in section.runs if run.status == "finished")
    about = [_counts(section.runs), *_mixed(groups)]
    replaced = [_instead(*pair) for group in groups for pair in group.replaced]
    replaced += [_chose(run, group) for group in groups for run in group.chose]
    replaced += [_looked_at_before(run) for run in section.runs if run.chosen]
    more = [f"... and {len(replaced) - _REPLACED} more such runs"] if len(replaced) > _REPLACED else []
    told = [*about, *replaced[:_REPLACED], *more]
    plain = ["\n".join(fill(line, WIDTH) for line in [f"{section.title}: {told[0]}", *told[1:]])]
    marked = [f"## {section.title}", *about, *replaced]
    explained = 10
    for split in SPLITS:
        if text := table(groups, split, explained=explained):
            if "\n#" in text:
                explained = 0  # the best groups of the next table are mostly the same
            heading = f"{split}, {_explained(groups, split)}"
            plain.append(f"{fill(heading, WIDTH)}\n{text}")
            marked += [f"### {split}", _explained(groups, split), table(groups, split, markdown=True)]
    if groups:
        rows = out / f"{section.file}-runs.csv"
        write_text(rows, run_rows(groups))
        marked.append(f"Each run's seed, order and values: [{rows.name}]({quote(rows.name)})")
    for drawn in pictures(out, section, groups):
        pdf = quote(pdf_of(drawn.path).name)
        marked.append(f"![]({quote(drawn.path.name)})\n\n{' '.join(drawn.caption.split())} ([PDF]({pdf}))")
    if groups:
        marked += ["### Runs, by their rank on validation", "\n".join(_places(groups))]
    return plain, marked


def _explained(groups: Sequence[Group], split: str) -> str:
    how = "percent after the last task, angles in degrees, mean ± sample standard deviation over n runs"
    if split == "validation":
        return f"{how}, of every finished run:"
    return f"{how}, of {_chosen({run.kind for group in groups for run in group.tested()})}:"


def _chosen(kinds: set[str]) -> str:
    said = {
        "sweep": "runs that a sweep chose on validation",
        "train": "configurations that were given to train, not searched",
        "": "runs whose folder does not say what chose them",
    }
    chosen = [words for kind, words in said.items() if kind in kinds]
    return " and ".join(chosen) + (" (column from)" if len(chosen) > 1 else "")


def _counts(runs: Sequence[FinishedRun]) -> str:
    counts = Counter(run.status for run in runs)
    others = [f"{count} {status}" for status, count in counts.most_common() if status != "finished"]
    left = f"; left out: {', '.join(others)}" if others else ""
    return f"{counts['finished']} finished{left}"


def _mixed(groups: Sequence[Group]) -> list[str]:
    """Whether the rows of one table have their memory and their commit in common."""
    runs = [run for group in groups for run in group.runs]
    lines = []
    memories = sorted({run.memory for run in runs}, key=lambda size: (len(size), size))
    if len(memories) > 1:
        lines.append(f"memories of {', '.join(memories)} samples are in one ranking (column memory)")
    elif memories not in ([], ["0"]):
        lines.append(f"a memory of {memories[0]} samples in every row")
    commits = Counter(run.commit or "unknown" for run in runs)
    days = sorted({datetime.fromtimestamp(run.ended, UTC).date().isoformat() for run in runs})
    when = " to ".join(dict.fromkeys([*days[:1], *days[-1:]]))
    if len(commits) > 1:
        each = ", ".join(f"{commit} ({count})" for commit, count in commits.items())
        lines.append(f"of several commits, which are not averaged: {each}; runs of {when}")
    elif runs:
        lines.append(f"commit {next(iter(commits))}; runs of {when}")
    return lines


def _instead(run: FinishedRun, counts: FinishedRun) -> str:
    why = "it was tested" if counts.test is not None and run.test is None else "it ended later"
    equal = "all is equal, seed and order too"
    return f"left out: {run.name}, in whose place {counts.name} counts: {equal}, and {why}"


def _chose(run: FinishedRun, group: Group) -> str:
    given = group.runs[0].name
    more = f" and {len(group.runs) - 1} more" if len(group.runs) > 1 else ""
    return f"left out: {run.name}, which its sweep chose by its own figures: {given}{more} have its values"


def _looked_at_before(run: FinishedRun) -> str:
    return (
        f"left out: the look at test of {run.name}, the best until its sweep was given more trials, of which "
        f"{run.chosen} is chosen"
    )


def _places(groups: Sequence[Group]) -> list[str]:
    """The folder of each group, and all settings that set it apart."""
    lines = []
    for group, values in zip(groups, differences([g.runs[0] for g in groups]), strict=True):
        said = "".join(f", {key.removeprefix('method.')}={value}" for key, value in values.items())
        runs = ", ".join(run.name for run in group.runs)
        lines.append(f"- #{group.number} {group.method}{said}: {runs}")
    return lines


def _clear(out: Path) -> None:
    """Removes what the README of an earlier comparison shows, since its runs may be gone."""
    page = out / "README.md"
    if not page.is_file():
        return
    text = page.read_text(encoding="utf-8", errors="replace")
    for name in map(unquote, [*_PICTURE.findall(text), *_ROWS.findall(text)]):
        if "/" not in name:
            (out / name).unlink(missing_ok=True)
            if name.endswith(".png"):
                pdf_of(out / name).unlink(missing_ok=True)
