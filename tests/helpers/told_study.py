"""Results of studies that are made up, and pages that are taken apart."""

from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np

from orchestrator.report.comparison_result import ComparisonResult
from orchestrator.report.method_result import MethodResult
from orchestrator.report.pair_result import PairResult
from orchestrator.report.stream_result import StreamResult
from orchestrator.report.study_result import StudyResult
from orchestrator.report.trial_curve import TrialCurve
from orchestrator.statistics.holm import holm
from orchestrator.statistics.paired_comparison import compare_pairs
from orchestrator.statistics.verdict import verdict

_EMPTY = ("meta",)
TRIALS = (
    TrialCurve("trial_0001", "finished", (60.0, 40.0), chosen=True),
    TrialCurve("trial_0002", "stopped", (50.0,)),
    TrialCurve("trial_0003", "failed", (), reason="loss is nan"),
)


def method(label, figures, tasks=2, memory="40", searched=TRIALS, **more):
    """A method with a figure for each pair. Task k has the figure less k after each task from k on."""
    pairs = [
        PairResult(
            n,
            n,
            n,
            {"average": value, "forgetting": 2.0 * n, "task_01/accuracy": 1.0},
            {"replay/items": float(memory), "seconds/train": 1.5 * n},
            np.tril(value - np.arange(tasks)[None, :].repeat(tasks, 0)) if tasks else None,
        )
        for n, value in enumerate(figures, 1)
    ]
    chosen = {"method.learning_rate": 0.1}
    commands = {"search": f"python -m orchestrator.sweep {label}"}
    how = {"score": 44.0, "searched": searched, "chosen": chosen, "commands": commands} | more
    return MethodResult(label, 3, 1, memory, tuple(pairs), **how)


def stream(*methods, title="digits", **more):
    """A stream with its comparisons of the first method with each other one."""
    first, *others = methods
    had = first.figures("average")
    both = [(m.label, {n: had[n] - v for n, v in m.figures("average").items() if n in had}) for m in others]
    both = [(label, differences) for label, differences in both if differences]
    found = [compare_pairs(list(d.values()), [0.0] * len(d)) for _, d in both]
    corrected = holm([one.p for one in found])
    compared = [
        ComparisonResult(
            first.label,
            label,
            one,
            p,
            verdict(one, first.label, label, corrected_p=p, comparisons=len(found)),
            differences,
        )
        for (label, differences), one, p in zip(both, found, corrected, strict=True)
    ]
    return StreamResult(title, "average", "validation/average", "About it.", methods, tuple(compared), **more)


def study(*streams, question="Which is better?", name="s"):
    """A study of streams."""
    return StudyResult(name, question, 8, "question: Which?\n", streams)


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = SimpleNamespace(tables={}, words=[], attributes=[], tags=[], heads=[])
        self._open = []
        self._table = None

    def handle_starttag(self, tag, attrs):
        self.found.tags.append(tag)
        self.found.attributes += [(tag, key, value) for key, value in attrs]
        if tag not in _EMPTY:
            self._open.append(tag)
        if tag == "table":
            self._table = self.found.tables.setdefault(dict(attrs)["data-table"], [])
        if tag == "tr":
            self._table.append([])
        if tag in ("td", "th"):
            self._table[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.found.tags.append(tag)
        self.found.attributes += [(tag, key, value) for key, value in attrs]

    def handle_endtag(self, tag):
        assert self._open and self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.found.words.append(data)
        if self._open and self._open[-1] in ("td", "th"):
            self._table[-1][-1] += data
        if self._open and self._open[-1] in ("h1", "h2", "h3"):
            self.found.heads.append(data)

    def close(self):
        super().close()
        assert self._open == [], f"not closed: {self._open}"


def read_page(text):
    """A page's tables by name, its words, headings, tags, and attributes (tag, name, value). All its elements
    are closed.
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.found
