"""Ray Train's trainer, without what a lane has no use for."""

from __future__ import annotations

from typing import Any

from ray.train.torch import TorchTrainer


class LaneTrainer(TorchTrainer):
    """Without the processes that hand out Ray's data sets, of which a lane has none, and with
    ``dashboard=False`` without the one that sets a placement group free when Train's controller has died: it
    asks Ray's dashboard whether that lives, and where there is none waits ten seconds for an answer, at the
    end of the lane as well.
    """

    def __init__(self, *args: Any, dashboard: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self._left_out = {"DatasetsCallback"} | (set() if dashboard else {"PlacementGroupCleanerCallback"})

    def _create_default_callbacks(self) -> list[Any]:
        found = super()._create_default_callbacks()
        return [callback for callback in found if type(callback).__name__ not in self._left_out]
