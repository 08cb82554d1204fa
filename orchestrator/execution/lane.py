"""A lane: a warm Ray Train worker group that runs one job after another."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Train is imported here, and LaneTrainer when a lane is made, both by the driver's first thread. Otherwise
# lanes' threads would import Train while the first thread imports Tune, and one thread would find a module
# that the other one has only half imported.
from ray import train

from ..storage.full_disk import full_disk, is_full
from ..storage.run_files import LANES_FOLDER, TOKENIZER_FOLDER
from .calls import ask
from .lane_resources import LaneResources
from .process_group import LaneGroup
from .worker import work

if TYPE_CHECKING:
    from .start_ray import StartedRay


class Lane(threading.Thread):
    """Runs ``TorchTrainer.fit`` on a thread of the driver for as long as the dispatcher has work for it.

    Ray Train restarts a worker group that dies. The group asks the dispatcher for the unfinished job and
    continues it from its last finished task. A lane that was given up because another sweep wanted its room
    begins again when the dispatcher says so.

    Args:
        number: The lane's number.
        dispatcher: The dispatcher's actor.
        resources: What the lane asks Ray for.
        folder: The run's folder.
        started: The session's Ray.
    """

    def __init__(
        self, number: int, dispatcher: Any, resources: LaneResources, folder: Path, started: StartedRay
    ) -> None:
        # It is not imported above, because it brings torch, which Train's controller does not need; the
        # controller imports this module.
        from .lane_trainer import LaneTrainer

        super().__init__(name=f"lane-{number}", daemon=True)
        self._trainer = LaneTrainer
        self._number = number
        self._dispatcher = dispatcher
        self._resources = resources
        self._folder = folder
        self._ray = started

    def run(self) -> None:
        try:
            while self._begin_again(self._fit()):
                pass
        except Exception:  # noqa: BLE001 - the session is over, and nobody is left to tell
            return

    def _begin_again(self, reason: str) -> bool:
        answer = ask(self._dispatcher, "ended", self._number, reason, uuid.uuid4().hex)
        while answer == "wait":
            answer = ask(self._dispatcher, "turn", self._number)
        return answer == "again"

    def _fit(self) -> str:
        """One Train run, for as long as the dispatcher keeps it. Returns why it ended."""
        logging.getLogger("ray.train").setLevel(logging.ERROR)
        use_gpu = self._resources.gpus > 0
        per_worker = {"CPU": self._resources.cpus} | ({"GPU": self._resources.gpus} if use_gpu else {})
        try:
            trainer = self._trainer(
                work,
                dashboard=self._ray.dashboard,
                alone=self._ray.alone,
                train_loop_config={
                    "lane": self._number,
                    "dispatcher": self._dispatcher,
                    # The files' contents, since a folder of the driver's machine need not exist on another
                    # one.
                    "tokenizer": {
                        p.name: p.read_bytes() for p in (self._folder / TOKENIZER_FOLDER).glob("*")
                    },
                    "threads": max(1, int(self._resources.cpus)),
                    "gpus": self._resources.gpus,
                    "device": "cuda" if use_gpu else "cpu",
                    "started": time.time(),
                },
                scaling_config=train.ScalingConfig(
                    num_workers=self._resources.workers, use_gpu=use_gpu, resources_per_worker=per_worker
                ),
                # A single worker talks to nobody. NCCL would only take memory of a GPU that the worker may
                # share.
                torch_config=LaneGroup("nccl" if use_gpu and self._resources.workers > 1 else "gloo"),
                run_config=train.RunConfig(
                    name=f"lane-{self._number}-{uuid.uuid4().hex[:8]}",
                    storage_path=str(self._folder / LANES_FOLDER),
                    failure_config=train.FailureConfig(max_failures=-1),
                ),
            )
            trainer.fit()
            return "its Train run ended early"
        except Exception as error:  # noqa: BLE001 - its trials must hear of whatever ends a lane
            if is_full(error):
                return full_disk(self._folder)
            lines = str(error).strip().splitlines() or [""]
            return f"{type(error).__name__}: {lines[0]}"
