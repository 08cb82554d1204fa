"""A row of a leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..record.comparison.finished_run import FinishedRun
from ..record.comparison.groups import Group, settings
from .recorded_search import RecordedSearch
from .tested_trial import TestedTrial

GIVEN = "none, values were given"
"""The protocol of runs that no search chose."""

EVERY_POINT = "every point of the space"
"""The trials of searches that had nothing more to search. They are like any number of trials."""

UNKNOWN = "not recorded"
"""A condition of which the record says nothing."""


@dataclass(frozen=True)
class Row:
    """Runs of one configuration, with seeds and orders of their own.

    Attributes:
        group: The runs, which are trials of a record.
        searches: The sweeps of the record that chose the configuration.
        tuned: Runs that do not count: they have the seed and the order with which the values were chosen,
            while other runs of the row do not.
        unknown: Whether some run does not say where its values came from.
    """

    group: Group
    searches: tuple[RecordedSearch, ...] = field(default=())
    tuned: tuple[TestedTrial, ...] = ()
    unknown: bool = False

    @classmethod
    def of(cls, group: Group, known: Mapping[str, RecordedSearch | None]) -> Row:
        """Makes the row of a group. Where it has runs whose seed and order chose nothing, only these count.

        Args:
            group: The runs.
            known: The searches by their identity; None: the record does not have that search.
        """
        runs = [run for run in group.runs if isinstance(run, TestedTrial)]
        found = [known.get(name) for name in dict.fromkeys(run.search for run in runs if run.search)]
        searches = tuple(search for search in found if search is not None)
        unknown = any(known.get(run.search) is None and not run.given for run in runs)
        tuned = tuple(
            run
            for run in group.runs
            if isinstance(run, TestedTrial) and any(search.chose_by(run) for search in searches)
        )
        if len(tuned) == len(group.runs):
            return cls(group, searches, unknown=unknown)
        counts = [run for run in group.runs if run not in tuned]
        return cls(replace(group, runs=counts), searches, tuned, unknown)

    @property
    def trials(self) -> tuple[TestedTrial, ...]:
        """The runs."""
        return tuple(run for run in self.group.runs if isinstance(run, TestedTrial))

    @property
    def spent_trials(self) -> int | None:
        """How many trials searches spent on the configuration; None where nothing says so."""
        return None if self.unknown else sum(search.trials for search in self.searches)

    @property
    def _budget(self) -> str:
        """What each search might spend, where all had a budget in the place of trials; else empty."""
        budgets = [search.budget for search in self.searches]
        return " and ".join(sorted(budgets)) if all(budgets) else ""

    @property
    def _trials(self) -> str:
        """The trials of its searches, as rows must have them alike."""
        if (spent := self.spent_trials) is None:
            return UNKNOWN
        begins = sorted({search.begins for search in self.searches if search.begins})
        if self.searches and not begins and all(search.whole for search in self.searches):
            return EVERY_POINT
        return ", begun at ".join([self._budget or str(spent), *begins])

    def conditions(self) -> Mapping[str, str]:
        """The conditions that must be alike for rows to be compared, by name: ``stream.content``, each of the
        stream's settings, ``protocol``, ``trials``, ``backbone`` and ``memory``.
        """
        run = self.group.runs[0]
        protocols = sorted({_protocol(search, run.stream) for search in self.searches})
        backbone = {k: v for k, v in run.config.items() if k.startswith("method.backbone.")}
        named = [f"{key.removeprefix('method.backbone.')}={value}" for key, value in backbone.items()]
        return {
            **stream_of(run),
            "protocol": UNKNOWN if self.unknown else " and ".join(protocols) or GIVEN,
            "trials": self._trials,
            "backbone": " ".join(sorted(named)) or "none named",
            "memory": run.memory,
        }


def stream_of(run: FinishedRun) -> dict[str, str]:
    """What tells a run's stream from others without regard to its order: ``stream.content`` and each of its
    settings.
    """
    told = {key: str(value) for key, value in settings(run).items() if key != "stream.name"}
    return {"stream.content": run.content[:12] or UNKNOWN, **told}


def _protocol(search: RecordedSearch, stream: str) -> str:
    """The protocol of a search, for runs on ``stream``."""
    return search.protocol if search.stream in ("", stream) else f"{search.protocol} of {search.stream}"
