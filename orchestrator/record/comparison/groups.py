"""Runs that may be averaged, and groups that may be ranked together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

from .finished_runs import Run
from .labels import labels

# Those of scoring.HEADLINE, which would bring torch; a retrieval stream reports an average as well.
_HEADLINES = ("seen/r_mean", "average")


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone, at most one a seed.

    ``label``: the method and what sets the group apart from its neighbours; no two have the same.
    ``headline``: the metric, without its split, that they are ranked by. ``number``: the group's rank among
    them, from 1. ``replaced``: runs that do not count, each with the one that does.
    """

    label: str
    runs: Sequence[Run]
    headline: str
    number: int = 0
    replaced: Sequence[tuple[Run, Run]] = ()

    @property
    def method(self) -> str:
        return self.runs[0].method

    def score(self, split: str = "validation") -> float | None:
        """The mean over seeds of the headline; None where no run has it."""
        name = f"{split}/{self.headline}"
        found = [figures[name] for run in self.runs if name in (figures := run.figures(split))]
        return mean(found) if found else None

    def tested(self) -> list[Run]:
        """Those of its runs that were looked at on test data."""
        return [run for run in self.runs if run.test]


def group_runs(runs: Iterable[Run]) -> list[Group]:
    """Finished runs, grouped by everything in their configuration but ``run.seed``, by the stream's content
    and by the commit of the code; best on validation first, those without a figure last.

    Of runs that are equal in their seed too, one counts: one that was tested before one that was not, else
    the one that ended later.
    """
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(_key(run), []).append(run)
    ranked_by = _headlines(found.values())
    chosen = [_one_a_seed(group) for group in found.values()]
    groups = [Group("", kept, ranked_by[kept[0].stream], replaced=others) for kept, others in chosen]
    groups.sort(key=by_score)
    named = labels([group.runs[0] for group in groups])
    return [
        replace(group, label=label, number=n)
        for n, (group, label) in enumerate(zip(groups, named, strict=True), 1)
    ]


def by_score(group: Group, split: str = "validation") -> tuple[bool, float]:
    """A key that sorts the best group first. What was not measured is never best: it comes last."""
    score = group.score(split)
    return score is None, -(score or 0.0)


def best_by_method(groups: Iterable[Group]) -> list[Group]:
    """Of each method the group that is best on validation, the best first. Test data chooses nothing."""
    best: dict[str, Group] = {}
    for group in sorted(groups, key=by_score):
        best.setdefault(group.method, group)
    return list(best.values())


def settings(run: Run) -> Mapping[str, Any]:
    """What makes the run's stream: runs on another must not be ranked with it. Where its data lies is no part
    of it where its content is known.
    """
    stream = {key: value for key, value in run.config.items() if key.startswith("stream.")}
    return {k: v for k, v in stream.items() if not (run.content and k == "stream.data")}


def _headlines(groups: Iterable[Sequence[Run]]) -> dict[str, str]:
    """By stream: a run that lacks the headline is not ranked by another metric, which may be larger."""
    reported: dict[str, set[str]] = {}
    for run in (run for group in groups for run in group):
        reported.setdefault(run.stream, set()).update(run.figures("validation"))
    return {
        stream: next((name for name in _HEADLINES if f"validation/{name}" in names), "average")
        for stream, names in reported.items()
    }


def _key(run: Run) -> str:
    own = {key: value for key, value in run.config.items() if not key.startswith("stream.")}
    own |= settings(run)
    own.pop("run.seed")
    return json.dumps([own, run.content, run.commit], sort_keys=True, default=str)


def _one_a_seed(runs: Sequence[Run]) -> tuple[list[Run], list[tuple[Run, Run]]]:
    """Those that count, in the order of their seeds, and the others, each with the one that counts."""
    seeds: dict[str, list[Run]] = {}
    for run in runs:
        seeds.setdefault(json.dumps(run.config["run.seed"], default=str), []).append(run)
    kept, replaced = [], []
    for twins in seeds.values():
        counts = max(twins, key=lambda run: (run.test is not None, run.ended))
        kept.append(counts)
        replaced += [(run, counts) for run in twins if run is not counts]
    return kept, replaced
