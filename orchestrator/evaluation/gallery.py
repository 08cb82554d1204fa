"""Queries and galleries of the tasks, embedded once by a model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..metrics.retrieval import gallery_map_of_features
from ..streams.stream import Split, Stream

_NAMES = ("query", "gallery")


class Gallery:
    """The query and gallery splits of the first tasks of a stream. Each is embedded once.

    Args:
        stream: The stream.
        tasks: Tasks 0 .. ``tasks`` - 1 are embedded. They have query and gallery splits.
        embed: Gives the unit rows (N, D) of a split, by the split, its name and its task.
    """

    def __init__(self, stream: Stream, tasks: int, embed: Callable[[Split, str, int], Tensor]) -> None:
        self._splits = [task.splits for task in stream.tasks[:tasks]]
        self._features = [
            {name: embed(splits[name], name, k) for name in _NAMES} for k, splits in enumerate(self._splits)
        ]
        # As in the released code, relevant items are counted in all tasks, whichever tasks are searched.
        every = [t.splits["gallery"].label for t in stream.tasks if "gallery" in t.splits]
        self._counted = torch.from_numpy(np.concatenate(every))

    def precision(self, tasks: int) -> dict[str, float]:
        """Returns the metrics of :func:`~orchestrator.metrics.retrieval.gallery_map_of_features` over the
        union of tasks 0 .. ``tasks`` - 1, all of which are embedded.
        """
        query, gallery = (torch.cat([f[name] for f in self._features[:tasks]]) for name in _NAMES)
        query_label, gallery_label = (torch.from_numpy(self._column("label", n, tasks)) for n in _NAMES)
        own = torch.from_numpy(self._own(tasks))
        return gallery_map_of_features(query, gallery, query_label, gallery_label, own, self._counted)

    def _own(self, tasks: int) -> np.ndarray:
        """Each query's own index in the gallery; -1 where it is not there."""
        query, gallery = (self._column("record", name, tasks) for name in _NAMES)
        order = np.argsort(gallery)
        match = order[np.searchsorted(gallery, query, sorter=order).clip(max=len(gallery) - 1)]
        return np.where(gallery[match] == query, match, -1)

    def _column(self, column: str, name: str, tasks: int) -> np.ndarray:
        return np.concatenate([np.asarray(getattr(s[name], column)) for s in self._splits[:tasks]])
