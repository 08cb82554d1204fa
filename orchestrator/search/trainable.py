"""What one Tune trial does: it tells Tune what the driver says that its trial has come to."""

from __future__ import annotations

from typing import Any

from ray import tune

from ..execution.calls import ask
from ..execution.ray_private import keep_aws_keys
from .result_keys import RUNNING, STATUS, TASK, TRIAL

# Tune gives the driver's AWS keys to each trial's process, through a Ray that writes them into its log, which
# all may read. Here such a process relays and needs none.
keep_aws_keys()


def run_trial(values: dict[str, Any], *, dispatcher: Any, scope: str) -> None:
    """A Tune function trainable. ``values``: what was proposed, and which trial it is; ``scope``: what the
    dispatcher has before its id.

    Each finished task is a Tune result with the objective alone: Tune keeps in memory every metric's history
    of every trial. A failure is a result too, by its ``status``. A scheduler's stop ends the thread inside
    ``tune.report``. What Tune says to a result the lane hears from the driver: no end of this process is any
    of the job's, which goes on, and whose newest result the next process is told.
    """
    trial_id, task = scope + values[TRIAL]["id"], 0
    while True:
        told = ask(dispatcher, "next_told", trial_id, task)
        if told is None:
            continue
        if told[STATUS] in (RUNNING, "failed"):
            tune.report(told)
        if told[STATUS] != RUNNING:
            return
        task = told[TASK]
