"""Gives a trial's model's features and logits of its training samples, for policies that rank them."""

from __future__ import annotations

import numpy as np
import torch

from methods.method import Method

from ..data.row_reader import RowReader
from ..evaluation.distributed import gather_rows, of_rank_0, own_batches
from ..evaluation.protocol import Evaluation
from ..evaluation.retrieval import embed_split
from ..numerics.finite import check_rows
from ..streams.stream import Stream


class ExemplarRanker:
    """The :class:`~orchestrator.replay.policies.policy.Ranker` of a trial.

    With several ranks every call is collective, and all ranks get the same. A value of the model that is not
    finite raises :class:`~orchestrator.numerics.diverged.Diverged`.

    Args:
        method: The trial's method.
        stream: The trial's stream.
        reader: Reads the stream's training samples.
        classes: How many classes, the first ones, the model has learnt.
        how: How the method is evaluated.
    """

    def __init__(
        self, method: Method, stream: Stream, reader: RowReader, classes: int, how: Evaluation
    ) -> None:
        self._method = method
        self._stream = stream
        self._reader = reader
        self._classes = classes
        self._how = how

    @torch.no_grad()
    def features(self, rows: np.ndarray) -> np.ndarray:
        """Returns the features of global training rows.

        Returns:
            float32 (n, D): unit rows of the frozen image encoder where there is one, else unit rows of the
            model's embeddings of pictures and texts together.
        """
        split = self._reader.split(rows)
        if "image" not in self._method.frozen:
            embedded = embed_split(self._method, split, ("pair",), self._how, self._where(rows))
            return embedded["pair"].cpu().numpy()
        if split.feature is not None:
            return np.asarray(split.feature, np.float32)
        encoded = [(batch.feature, batch.row) for batch in own_batches(self._method, split, self._how)]
        parts, order = [feature for feature, _ in encoded], [row for _, row in encoded]
        table = gather_rows(parts, order, len(split), self._how.device)
        check_rows(table, "the feature", self._where(rows))
        return table.cpu().numpy()

    @torch.no_grad()
    def logits(self, rows: np.ndarray) -> np.ndarray:
        """Returns the logits of global training rows.

        Returns:
            float32 (M, n, C): logits of the C classes learnt, in M samples of the classifier.
        """
        self._method.eval()
        split = self._reader.split(rows)
        parts, order = [], []
        for batch in own_batches(self._method, split, self._how):
            with torch.autocast(self._how.device.type, torch.bfloat16, enabled=self._how.precision == "bf16"):
                drawn = self._method.sample(batch, range(self._classes)).float()
            parts.append(drawn.transpose(0, 1).flatten(1))
            order.append(batch.row)
        table = gather_rows(parts, order, len(split), self._how.device)
        check_rows(table, "a logit", self._where(rows))
        return table.cpu().numpy().reshape(len(split), -1, self._classes).transpose(1, 0, 2)

    @torch.no_grad()
    def kept(self, rows: np.ndarray) -> np.ndarray:
        """Returns what the method keeps of global training rows.

        Returns:
            float32 (n, ...), as of :meth:`~methods.method.Method.keep`.
        """
        self._method.eval()
        split = self._reader.split(rows)
        parts, order, shape = [], [], np.empty(0, np.int64)
        for batch in own_batches(self._method, split, self._how):
            with torch.autocast(self._how.device.type, torch.bfloat16, enabled=self._how.precision == "bf16"):
                values = self._method.keep(batch).float()
            shape = np.array(values.shape[1:], np.int64)
            parts.append(values.flatten(1))
            order.append(batch.row)
        table = gather_rows(parts, order, len(split), self._how.device)
        check_rows(table, "a value that the method keeps", self._where(rows))
        # A rank without a batch does not know the shape. Rank 0 has the first batch.
        return table.cpu().numpy().reshape(len(split), *of_rank_0(shape, self._how.device))

    def _where(self, rows: np.ndarray) -> str:
        tasks = ", ".join(str(k + 1) for k in np.unique(self._stream.task_of(rows)))
        return f"{self._stream.scenario}, candidates for the memory, of the training split of task {tasks}"

    def herding(self, rows: np.ndarray) -> np.ndarray | None:
        """Returns each row's rank in its class's herding order, int32 (n,), ranked once for all trials; None
        without such orders.
        """
        return None if self._stream.herding is None else self._stream.herding[rows]
