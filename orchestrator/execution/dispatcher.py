"""What stands between the driver and the lanes: jobs are handed in, lanes take them and report; nobody is
ever killed.
"""

from __future__ import annotations

from .driver_calls import DriverCalls
from .lane_calls import LaneCalls


class Dispatcher(DriverCalls, LaneCalls):
    """State of one sweep's jobs and lanes; an asyncio actor in Ray, a plain object in tests.

    Reports are numbered by the tasks done, so that a job that starts again (its workers died) may report its
    finished tasks once more without being heard twice. A lane's messages carry its worker group's
    ``attempt``, a name that the group made for itself: what comes from a group that has been replaced, or of
    a job that the lane does not hold, is dropped.

    A dispatcher that Ray started again, the process of the first having died, knows nothing. The driver hands
    in anew the stream, the jobs, what it answered and what Tune's trials were told; the lanes join it, once
    what they were at has come to its next task boundary.

    Args:
        jobs: How many are to come in all; lanes that no job will need any more are let go.
        alive: The ids of the cluster's living nodes; None: all live.
    """
