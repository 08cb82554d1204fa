"""The function of a Tune trial. It passes the driver's news of the trial on to Tune."""

from __future__ import annotations

from typing import Any

from ray import tune

from ..execution.calls import ask
from ..execution.train_private import keep_aws_keys
from .result_keys import RUNNING, STATUS, TASK, TRIAL

# Tune gives the driver's AWS keys to each trial's process, through a Ray that writes them into its log, which
# all may read. Here such a process relays and needs none.
keep_aws_keys()


def run_trial(values: dict[str, Any], *, dispatcher: Any, scope: str) -> None:
    """A Tune function trainable.

    Each finished task is a Tune result with only the objective, since Tune keeps every metric's history of
    every trial in memory. A failure is a result too, by its ``status``. A scheduler's stop ends the thread
    inside ``tune.report``. The driver tells the lane Tune's answer to a result. The end of this process is
    not the end of the job. The job goes on, and the next process is told its newest result.

    Args:
        values: The proposed values, and the trial's id under the key of the proposal.
        dispatcher: The dispatcher's actor.
        scope: The prefix of the trial's id at the dispatcher.
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
