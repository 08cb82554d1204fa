"""What one Tune trial does: hands its configuration to a lane and relays the reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ray import tune

from ..execution.calls import ask
from ..execution.job import Job, Outcome
from ..execution.ray_private import keep_aws_keys
from ..storage.identity import Identity
from ..storage.url_folder import Storage
from .result_keys import STATUS, TASK, TRIAL

# Tune gives the driver's AWS keys to each trial's process, through a Ray that writes them into its log, which
# all may read. Here such a process relays and needs none.
keep_aws_keys()


def run_trial(
    values: dict[str, Any],
    *,
    base: dict[str, Any],
    folder: str,
    storage: Storage | None,
    identity: Identity,
    dispatcher: Any,
    metric: str,
) -> None:
    """A Tune function trainable. ``values``: searched keys, dotted, and which trial it is; ``base``: the rest
    of the configuration, nested.

    ``folder`` and ``storage``: where trials keep their folders. ``identity``: the run's. Each finished task
    is a Tune result with the objective ``metric`` alone: Tune keeps in memory every metric's history of every
    trial. A scheduler's stop ends the thread inside ``tune.report`` and the lane is told at its next task
    boundary; any other end of this process is none of the job's, which goes on and is attached to again. A
    failure is a result too (``status`` and ``reason``), so that it is recorded in one line and the sweep goes
    on.
    """
    values = dict(values)
    trial_id = values.pop(TRIAL)["id"]
    # The two are joined by the lane: to check them here would import torch into every trial's process.
    kept, stamp = storage and storage.below(trial_id), identity.stamp(trial_id, values)
    job = Job(trial_id, "train", base, values, Path(folder) / trial_id, kept, stamp)
    ask(dispatcher, "submit", job)
    try:
        task = 0
        while True:
            kind, found = ask(dispatcher, "next_report", trial_id, task)
            if kind == "report":
                task += 1
                told = {metric: found[metric]} if metric in found else {}
                tune.report({**told, TASK: task, STATUS: "running"})
                ask(dispatcher, "answer", trial_id, task)
            elif kind == "unknown":
                ask(dispatcher, "submit", job)
            elif kind == "end":
                _say_end(found, task)
                return
    except SystemExit:  # by which Tune ends a trial that the scheduler stops
        ask(dispatcher, "stop", trial_id)
        raise


def _say_end(outcome: Outcome, task: int) -> None:
    if outcome.status == "failed":
        tune.report({TASK: task, STATUS: "failed", "reason": outcome.reason, "fatal": outcome.fatal})
