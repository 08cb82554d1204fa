"""The tables of a study, and the sentence that each comparison comes to."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from ..evaluation.protocol import HEADLINE
from ..metrics.measures import better
from ..statistics.holm import holm
from ..statistics.paired_comparison import PairedComparison, compare_pairs
from ..statistics.summary import summarise
from ..statistics.verdict import verdict
from ..streams import registry as streams
from .asked import TRIALS
from .study import Study
from .study_arm import StudyArm
from .study_book import StudyBook

RESULT_FILE = "result.md"
"""The file's name in a study's folder."""

_COLUMNS = ("method", "trials", "memory", "pairs", "mean", "interval")


def study_table(study: Study, book: StudyBook) -> str:
    """The study's result as Markdown: a table and sentences for each stream.

    The first method is compared with each other one, over the pairs that both have, by an exact Wilcoxon
    signed-rank test whose p is corrected for the stream's comparisons (Holm). A sentence says that all were
    tuned alike, or had one memory, where that is so of the methods as they were run.

    Args:
        study: The study.
        book: Its runs that have ended.
    """
    blocks = [f"# {study.request.question}"] if study.request.question else []
    for arms in study.on_streams():
        blocks += _OnStream(study, book, arms).blocks()
    return "\n\n".join(blocks) + "\n"


class _OnStream:
    def __init__(self, study: Study, book: StudyBook, arms: Sequence[StudyArm]) -> None:
        self._study = study
        self._book = book
        self._arms = arms
        self._measure = HEADLINE[streams.get(arms[0].space.config.stream_name).scenario]
        self._figures = [self._figures_of(arm) for arm in arms]

    def blocks(self) -> list[str]:
        arms = self._arms
        title = arms[0].space.config.stream_name if arms[0].stream is None else arms[0].stream.label
        protocol = self._study.request.protocol
        by = f" {protocol.said}" if protocol.said else ""
        rows = [self._row(arm, found) for arm, found in zip(arms, self._figures, strict=True)]
        sentences, failed = self._sentences(), self._failed()
        return [
            f"## {title}",
            f"`{self._measure}` on test data, in percent: mean and sample standard deviation over pairs of "
            f"seed and order, and the mean's 95 % interval. Values were chosen on validation data{by} "
            f"({protocol.text}).{self._held()}{self._orders()}",
            "\n".join(_line(cells) for cells in (_COLUMNS, ["---"] * len(_COLUMNS), *rows)),
            *(["\n".join(f"- {line}." for line in sentences)] if sentences else []),
            *(["\n".join(["Failed, and tried again by `--resume`:", "", *failed])] if failed else []),
        ]

    def _held(self) -> str:
        """What is said of the memories above the table, where all that have one have the same."""
        sizes = {arm.memory for arm in self._arms} - {"0"}
        if len(sizes) != 1 or "searched" in sizes:
            return ""
        return f" Every method with a memory has {_samples(*sizes)}."

    def _orders(self) -> str:
        """What is said above the table where pairs have one order, or that of the searches: a stream of two
        tasks has two.
        """
        said = ""
        for arm in self._arms:
            search = self._book.done(self._study.name_of(arm))
            names = [self._study.pair_name(arm, n, search) for n in self._study.numbers] if search else []
            orders = [part.stream for name in names if (part := self._book.done(name)) and part.stream]
            if search is None or not orders:
                continue
            if len(set(orders)) < len(orders):
                said = f" The {len(orders)} pairs have {len(set(orders))} different orders."
            if search.stream in orders:
                said += (
                    f" {orders.count(search.stream)} of {len(orders)} pairs have the order of the searches."
                )
            break
        return said

    def _figures_of(self, arm: StudyArm) -> dict[int, float]:
        """Pair -> figure on test data, of what the search has chosen and the pairs that have ended."""
        if (chosen := self._book.done(self._study.name_of(arm))) is None:
            return {}
        names = {n: self._study.pair_name(arm, n, chosen) for n in self._study.numbers}
        parts = {n: self._book.done(name) for n, name in names.items()}
        return {
            n: part.test[self._measure] for n, part in parts.items() if part and self._measure in part.test
        }

    def _row(self, arm: StudyArm, found: dict[int, float]) -> list[str]:
        search = self._book.parts.get(self._study.name_of(arm))
        trials = str(search.trials if search else 0)
        if search and search.failed_trials:
            trials += f", {search.failed_trials} failed"
        cells = [arm.method.label, trials, arm.memory, str(len(found))]
        if not found:
            return [*cells, "", ""]
        told = summarise(list(found.values()))
        spread = "" if isnan(told.deviation) else f" ± {told.deviation:.1f}"
        interval = "" if isnan(told.low) else f"{told.low:.1f} to {told.high:.1f}"
        return [*cells, f"{told.mean:.1f}{spread}", interval]

    def _failed(self) -> list[str]:
        """A line for each run that failed."""
        names = []
        for arm in self._arms:
            chosen = self._book.done(self._study.name_of(arm))
            names += [self._study.name_of(arm)]
            names += [self._study.pair_name(arm, n, chosen) for n in self._study.numbers]
        parts = [part for name in names if (part := self._book.parts.get(name)) and part.reason]
        return [f"- {part.name}: {part.reason}" for part in parts]

    def _sentences(self) -> list[str]:
        """A sentence for each comparison of the first method with another one."""
        compared: list[tuple[StudyArm, PairedComparison]] = []
        first, *others = self._figures
        for arm, figures in zip(self._arms[1:], others, strict=True):
            if shared := [n for n in first if n in figures]:
                found = compare_pairs([first[n] for n in shared], [figures[n] for n in shared])
                compared.append((arm, found))
        corrected = holm([found.p for _, found in compared])
        return [
            verdict(
                found,
                self._arms[0].method.label,
                other.method.label,
                over=f"{found.n} seeds and orders",
                corrected_p=p,
                comparisons=len(compared),
                less_is_better=better(self._measure) == "min",
                condition=self._tuned(other),
                cost=self._cost(other),
            )
            for (other, found), p in zip(compared, corrected, strict=True)
        ]

    def _tuned(self, other: StudyArm) -> str:
        """How the first method and another one were tuned, as a sentence begins with it."""
        first = self._arms[0]
        ended = all(self._book.done(self._study.name_of(arm)) for arm in self._arms)
        if ended and len({self._asked_for(arm) for arm in self._arms}) == 1:
            return "With everyone tuned alike"
        mine, its = self._asked_for(first), self._asked_for(other)
        if mine == its:
            return f"With {mine} trials each"
        return f"With {mine} trials of {first.method.label} and {its} of {other.method.label}"

    def _asked_for(self, arm: StudyArm) -> int:
        """How many trials the search was asked for whose choice the figures are of. A study that grows is
        asked for more.
        """
        search = self._book.done(self._study.name_of(arm))
        found = arm.trials if search is None else search.asked.values.get(TRIALS, arm.trials)
        return int(found)

    def _cost(self, other: StudyArm) -> str:
        """The memory of the first method and of another one; empty where it is not the same."""
        memory = self._arms[0].memory
        if memory in ("0", "searched") or memory != other.memory:
            return ""
        return _samples(memory).replace("samples", "replayed samples")


def _samples(memory: str) -> str:
    """``40`` as ``40 samples``, ``20 a class`` as ``20 samples a class``."""
    size, *of = memory.split(maxsplit=1)
    return " ".join([size, "samples", *of])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
