"""The keys of what a Tune trial reports."""

from __future__ import annotations

TASK = "task"
"""Time attribute of a sweep: tasks done."""


STATUS = "status"
"""What a trial's last result says of it: ``running``, ``finished``, ``stopped`` or ``failed``."""


RUNNING = "running"
"""The status of a trial whose last result was not its last."""


TRIAL = "trial"
"""The key of a proposal under which its trial's id and number stand, beside the searched values."""
