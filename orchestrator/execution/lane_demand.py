"""Decides how many lanes a sweep needs, and which it gives up to others."""

from __future__ import annotations

from .fair_share import LaneGifts, SweepShare
from .job_table import JobTable
from .lane_table import LaneEntry, LaneTable


class LaneDemand:
    """Weighs a sweep's lanes against its jobs and against the other sweeps on the cluster."""

    def __init__(self, lanes: LaneTable, jobs: JobTable) -> None:
        self._lanes = lanes
        self._jobs = jobs
        self._gifts = LaneGifts()
        self.others: list[SweepShare] = []
        """What the other sweeps have."""

    def share(self) -> SweepShare:
        """The sweep's lanes on the cluster."""
        up = self._lanes.count("up")
        return SweepShare(up, min(self._lanes.count("starting"), max(0, self._work() - up)))

    def spare(self) -> bool:
        """Whether there are more lanes than jobs. One lane stays, since a look at test data may follow."""
        return not self._jobs.waiting and self._lanes.count("up") > max(1, self._work())

    def leaves(self, entry: LaneEntry) -> bool:
        """Whether a lane that holds no job is given up to another sweep."""
        return self._gifts.leaves(self.share(), self.others, entry.used)

    def wanted(self) -> bool:
        """Whether one more lane would have work, and may be had."""
        if self._work() <= self._lanes.count("up", "starting"):
            return False
        return self._gifts.may_ask(self.share(), self.others)

    def _work(self) -> int:
        """The number of jobs that are held, that wait and that are to come."""
        return len(self._lanes.held()) + len(self._jobs.waiting) + max(0, self._jobs.to_come)
