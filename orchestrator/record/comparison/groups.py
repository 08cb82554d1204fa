"""Groups runs: decides which runs are averaged, and which groups are ranked together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

from .finished_run import FinishedRun
from .labels import labels

# The values of protocol.HEADLINE, which would import torch. A retrieval stream reports an average as well.
_HEADLINES = ("seen/r_mean", "average")


@dataclass(frozen=True)
class Group:
    """Runs that differ only in their seed and in the order of their stream, with at most one run for each
    seed and order.

    Attributes:
        label: The method, and the settings that set the group apart from other groups. No two labels are
            equal.
        runs: The runs.
        headline: The metric, without its split, by which groups are ranked.
        number: The group's rank, from 1.
        replaced: Runs that do not count, each with the run that does.
        chose: Trials that do not count because their sweeps chose them by their own figures, while other
            tested runs have their values.
    """

    label: str
    runs: Sequence[FinishedRun]
    headline: str
    number: int = 0
    replaced: Sequence[tuple[FinishedRun, FinishedRun]] = ()
    chose: Sequence[FinishedRun] = ()

    @property
    def method(self) -> str:
        return self.runs[0].method

    def score(self, split: str = "validation") -> float | None:
        """The mean of the headline over the runs; None where no run has it."""
        name = f"{split}/{self.headline}"
        scores = [figures[name] for run in self.runs if name in (figures := run.figures(split))]
        return mean(scores) if scores else None

    def measured(self, split: str) -> list[FinishedRun]:
        """The runs that have metrics of a split."""
        return [run for run in self.runs if run.figures(split)]

    def tested(self) -> list[FinishedRun]:
        """The runs that were evaluated on test data."""
        return [run for run in self.runs if run.test]


def group_runs(runs: Iterable[FinishedRun]) -> list[Group]:
    """Groups finished runs. The best group on validation comes first, and groups without the metric come
    last.

    Runs of a group agree in everything in their configuration but ``run.seed`` and ``stream.order``, in the
    stream's content, and in the commit of the code. An order alone sets no runs apart, except in VQACL's
    novel composition: the task that comes first is the only one that trains on the group held out, so that
    orders with another first task have other content, and are groups and sections of their own.

    Where runs agree in seed and order too, only one counts: a tested run rather than an untested one, else
    the one that ended later.

    A trial that its sweep chose and tested does not count where other tested runs were given its values: its
    seed and order chose them.
    """
    equal: dict[str, list[FinishedRun]] = {}
    for run in runs:
        equal.setdefault(_key(run), []).append(run)
    ranked_by = _headlines(equal.values())
    groups = []
    for group in equal.values():
        chose = _chose(group)
        kept, others = _one_of_each([run for run in group if run not in chose])
        groups.append(Group("", kept, ranked_by[kept[0].stream], replaced=others, chose=chose))
    groups.sort(key=by_score)
    named = labels([group.runs[0] for group in groups])
    return [
        replace(group, label=label, number=n)
        for n, (group, label) in enumerate(zip(groups, named, strict=True), 1)
    ]


def by_score(group: Group, split: str = "validation") -> tuple[bool, float]:
    """A sort key that puts the best group first. A group without a score is never best and comes last."""
    score = group.score(split)
    return score is None, -(score or 0.0)


def best_by_method(groups: Iterable[Group]) -> list[Group]:
    """For each method the group that is best on validation, the best first. Test data chooses nothing."""
    best: dict[str, Group] = {}
    for group in sorted(groups, key=by_score):
        best.setdefault(group.method, group)
    return list(best.values())


def settings(run: FinishedRun) -> Mapping[str, Any]:
    """The settings of the run's stream without its order. Runs on another stream must not be ranked with it.

    Where the stream's content is known, it does not matter where its data lies.
    """
    unsaid = ("stream.order", "stream.data") if run.content else ("stream.order",)
    return {k: v for k, v in run.config.items() if k.startswith("stream.") and k not in unsaid}


def order_of(run: FinishedRun) -> str:
    """The key of the order of the run's stream. Two keys may stand for one order."""
    return run.arranged or run.order


def _headlines(groups: Iterable[Sequence[FinishedRun]]) -> dict[str, str]:
    """The headline of each stream, which all of the stream's runs share. A run that lacks it is not ranked by
    another metric, which may be larger.
    """
    reported: dict[str, set[str]] = {}
    for run in (run for group in groups for run in group):
        figures = run.figures("validation") or run.figures("test")  # nothing may have been held out
        reported.setdefault(run.stream, set()).update(name.partition("/")[2] for name in figures)
    return {
        stream: next((name for name in _HEADLINES if name in names), "average")
        for stream, names in reported.items()
    }


def _key(run: FinishedRun) -> str:
    own = {key: value for key, value in run.config.items() if not key.startswith("stream.")}
    own |= settings(run)
    own.pop("run.seed")
    return json.dumps([own, run.content, run.commit], sort_keys=True, default=str)


def _chose(runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """The trials that their sweeps chose and tested, where other runs of the group were tested."""
    given = any(run.kind == "train" and run.test is not None for run in runs)
    return [run for run in runs if given and run.kind == "sweep" and run.test is not None]


def _one_of_each(
    runs: Sequence[FinishedRun],
) -> tuple[list[FinishedRun], list[tuple[FinishedRun, FinishedRun]]]:
    """The runs that count, one for each seed and order; and the others, each with the run that counts."""
    alike: dict[str, list[FinishedRun]] = {}
    for run in runs:
        alike.setdefault(json.dumps([run.seed, order_of(run)], default=str), []).append(run)
    kept, replaced = [], []
    for twins in alike.values():
        counts = max(twins, key=lambda run: (run.test is not None, run.ended))
        kept.append(counts)
        replaced += [(run, counts) for run in twins if run is not counts]
    return kept, replaced
