"""The keys of the results that a Tune trial reports."""

from __future__ import annotations

TASK = "task"
"""How many tasks are done; the time attribute of a sweep."""


STATUS = "status"
"""The state of a trial in its last result: ``running``, ``finished``, ``stopped`` or ``failed``."""


RUNNING = "running"
"""The status of a trial that goes on after its newest result."""


INFEASIBLE = "infeasible"
"""Whether a trial's own values made it fail, in its last result."""


TRIAL = "trial"
"""The key of a proposal that has the trial's id and number, beside the searched values."""
