"""Ray Train's trainer without the parts that a lane does not need."""

from __future__ import annotations

from typing import Any

from ray.train.torch import TorchTrainer

from .train_private import spare_actors


class LaneTrainer(TorchTrainer):
    """Starts fewer helper processes than Train's own trainer.

    It leaves out the processes that hand out Ray's data sets, since a lane has no such data sets. With
    ``dashboard=False`` it also leaves out the process that frees a placement group once Train's controller
    has died. That process asks Ray's dashboard whether the controller lives. Without a dashboard it waits ten
    seconds for an answer, at the end of the lane too.

    It also leaves out the process in which workers wait for each other as they report to Train. Where Ray has
    this machine ``alone``, it leaves out the one that asks for more machines.
    """

    def __init__(self, *args: Any, dashboard: bool, alone: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self._alone = alone
        self._left_out = {"DatasetsCallback"} | (set() if dashboard else {"PlacementGroupCleanerCallback"})

    def _create_default_callbacks(self) -> list[Any]:
        callbacks = super()._create_default_callbacks()
        return [callback for callback in callbacks if type(callback).__name__ not in self._left_out]

    def _initialize_and_run_controller(self, **controller: Any) -> Any:
        spare_actors(controller, self._alone)
        return super()._initialize_and_run_controller(**controller)
