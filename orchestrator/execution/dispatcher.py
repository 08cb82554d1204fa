"""Stands between the driver and the lanes. The driver hands jobs in; lanes take them and report. No process
is ever killed.
"""

from __future__ import annotations

from .driver_calls import DriverCalls
from .lane_calls import LaneCalls


class Dispatcher(DriverCalls, LaneCalls):
    """The state of one sweep's jobs and lanes. It is an asyncio actor in Ray, and a plain object in tests.

    Reports are numbered by the tasks done. A job whose workers died starts again, and may report its finished
    tasks once more without being heard twice. A lane's messages carry its worker group's ``attempt``, a name
    that the group made for itself. A message from a group that has been replaced, or of a job that the lane
    does not hold, is dropped.

    A dispatcher that Ray started again, because the process of the first one died, knows nothing. The driver
    hands in anew the stream, the jobs, its answers and what Tune's trials were told. The lanes join it once
    their tasks under way are finished.

    Args:
        jobs: How many jobs are to come in all. Lanes that no job will need any more are let go.
        alive: Gives the ids of the cluster's living nodes; None: all nodes live.
    """
