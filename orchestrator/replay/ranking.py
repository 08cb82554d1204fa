"""What a trial's own model says of training rows, for the policies that ask."""

from __future__ import annotations

import numpy as np
import torch

from methods.method import Method

from ..evaluate import embed_split
from ..ranks import gather_rows, own_batches
from ..scoring import Evaluation
from ..streams.stream import Stream
from .policies.policy import Ranker
from .rows import RowReader


class ModelRanker(Ranker):
    """Answers with ``method`` as it is when asked. ``classes``: those seen so far.

    Collective: in a process group every rank asks, and has the same answer.
    """

    def __init__(
        self, method: Method, stream: Stream, reader: RowReader, classes: range, how: Evaluation
    ) -> None:
        self._method = method
        self._stream = stream
        self._reader = reader
        self._classes = classes
        self._how = how

    def features(self, rows: np.ndarray) -> np.ndarray:
        """float32 (n, D), unit rows: in recognition, the frozen encoder's of the pictures; in retrieval, the
        method's of pictures and texts together.
        """
        split = self._reader.split(rows)
        if self._stream.scenario == "retrieval":
            return embed_split(self._method, split, ("pair",), self._how)["pair"].cpu().numpy()
        found = [(batch.feature, batch.row) for batch in own_batches(self._method, split, self._how)]
        return self._gather(found, len(rows)).numpy()

    @torch.no_grad()
    def logits(self, rows: np.ndarray) -> np.ndarray:
        """float32 (M, n, C), the rows in batches as in evaluation."""
        self._method.eval()
        found = []
        cast = torch.autocast(self._how.device.type, torch.bfloat16, enabled=self._how.precision == "bf16")
        for batch in own_batches(self._method, self._reader.split(rows), self._how):
            with cast:
                samples = self._method.sample(batch, self._classes)
            found.append((samples.transpose(0, 1).flatten(1), batch.row))
        whole = self._gather(found, len(rows))
        return whole.unflatten(1, (-1, len(self._classes))).transpose(0, 1).numpy()

    def herding(self, rows: np.ndarray) -> np.ndarray | None:
        """int32 (n,), ranked once for all trials; None where nobody has."""
        return None if self._stream.herding is None else self._stream.herding[rows]

    def _gather(self, found: list[tuple[torch.Tensor, torch.Tensor]], total: int) -> torch.Tensor:
        parts, places = [part for part, _ in found], [place for _, place in found]
        return gather_rows(parts, places, total, self._how.device).cpu()
