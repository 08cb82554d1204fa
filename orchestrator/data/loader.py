"""Batches for training and for evaluation, which threads prepare ahead of the step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch

from methods.method import Batch

from ..errors import UserError
from ..seeding import hashed
from ..streams.augment import augment, augment_view, crop_draws
from ..streams.pictures.substitute import SubstitutePictures
from ..streams.prefetch import Prefetch
from ..streams.stream import Split
from .row_reader import RowReader, Samples


class Loader:
    """One rank's share of the micro-batches of one phase: ``accumulate`` micro-batches in each of ``steps``
    steps.

    Each epoch walks ``rows`` in a random order that is a function of ``(seed, epoch)`` and alike on all
    ranks. It walks in global batches of ``batch_size``, and each batch is cut into ``accumulate`` equal
    micro-batches. Rank r takes the r-th of ``ranks`` equal parts of a micro-batch. What is left at the end of
    an epoch is dropped, or is a smaller batch (``keep_last``). Epochs are counted on until all steps are
    taken, so that no epoch comes twice.

    A micro-batch holds a row as often as ``rows`` does: losses between samples would take a copy for a
    negative. Where there are fewer rows than ``batch_size``, an epoch is one batch, of as many rows as can be
    shared equally. Where there are fewer rows than ``ranks * accumulate``, an epoch has fewer micro-batches,
    none of them larger than a micro-batch of a whole batch.

    A sample's augmentation is a function of ``(seed, epoch, row)``, so that neither ranks nor threads change
    a number. ``Batch.seed`` is a function of ``seed`` and the micro-batch's number. ``len()`` is the number
    of micro-batches. An error of the reader is raised in place of the batch.

    Args:
        reader: Reads training samples by global row.
        rows: int (n,), different global training rows.
        batch_size: Rows of a global batch.
        steps: How many optimiser steps the phase has.
        seed: Decides the order of rows and the augmentations.
        weight: float (n,), each row's ``Batch.weight``; None: batches have none.
        kept: Returns the ``Batch.kept`` of rows, or None where no row has any yet; None: batches have none.
        augment: The name of a transform of :func:`~orchestrator.streams.augment.augment`.
        accumulate: How many micro-batches make one step.
        keep_last: Whether the rows that are left at the end of an epoch make a smaller batch
            (:func:`last_rows`).
        views: V, where the pictures go through a frozen encoder. A sample's augmentation is then one of V
            that all runs share (:func:`~orchestrator.streams.augment.augment_view`), and which one is a
            function of ``(seed, epoch, row)``. Where the reader has features, ``Batch.feature`` holds that
            view's feature, and no picture is read. None: each sample is augmented afresh each time.
        rank: This process's rank.
        ranks: The number of ranks.
        pin: Whether each batch is copied into page-locked memory, for a GPU.
        threads: How many threads prepare batches.
        depth: How many batches are prepared ahead, at most.

    Raises:
        UserError: ``batch_size`` cannot be shared equally, or there are fewer rows than ranks.
    """

    def __init__(
        self,
        reader: RowReader,
        rows: np.ndarray,
        *,
        batch_size: int,
        steps: int,
        seed: int,
        augment: str,
        weight: np.ndarray | None = None,
        kept: Callable[[np.ndarray], np.ndarray | None] | None = None,
        accumulate: int = 1,
        keep_last: bool = False,
        views: int | None = None,
        rank: int = 0,
        ranks: int = 1,
        pin: bool = False,
        threads: int = 2,
        depth: int = 4,
    ) -> None:
        if batch_size < 1 or batch_size % (ranks * accumulate):
            parts = f"{ranks} workers" + (f" x {accumulate} micro-batches" if accumulate > 1 else "")
            raise UserError(f"batch_size {batch_size} cannot be shared equally among {parts}")
        if not len(rows):
            raise UserError("there are no training rows to make a batch of")
        if len(rows) < ranks:
            raise UserError(
                f"{len(rows)} training rows cannot be shared among {ranks} workers: allowed are {ranks} rows "
                "or more"
            )
        self._reader = reader
        self._rows = np.asarray(rows, np.int64)
        self._weight = weight
        self._kept = kept
        self._batches_in_all = steps * accumulate
        self._size, self._full = _sizes(len(rows), batch_size, accumulate, ranks)
        self._last = last_rows(len(rows), batch_size, accumulate, ranks) // accumulate if keep_last else 0
        self._batches_an_epoch = self._full + (accumulate if self._last else 0)
        self._seed = seed
        self._augment = augment
        self._views = reader.views if reader.encoded else views
        self._rank = rank
        self._ranks = ranks
        device = torch.cuda.current_device() if pin else None
        self._pin = pin
        self._batches = Prefetch(
            self._batch, self._draw, threads=threads, depth=depth, initializer=_on_device(device)
        )

    def __len__(self) -> int:
        return self._batches_in_all

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)

    @property
    def waited(self) -> float:
        """Seconds for which the consumer waited for batches, without the first batch."""
        return self._batches.waited

    def close(self) -> None:
        """Stops the threads."""
        self._batches.close()

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _draw(self) -> Iterator[tuple[int, np.ndarray, int]]:
        """Yields, for each micro-batch, its number, where this rank's rows stand and the epoch."""
        for number in range(self._batches_in_all):
            epoch, within = divmod(number, self._batches_an_epoch)
            if within == 0:
                order = np.argsort(hashed(self._seed, epoch, np.arange(len(self._rows))), kind="stable")
            left = within - self._full  # below 0: a whole micro-batch
            size, begin = self._size, within * self._size
            if left >= 0:
                size, begin = self._last, self._full * self._size + left * self._last
            share = size // self._ranks
            begin += self._rank * share
            yield number, order[begin : begin + share], epoch

    def _batch(self, drawn: tuple[int, np.ndarray, int]) -> Batch:
        number, chosen, epoch = drawn
        rows = self._rows[chosen]
        # The last 0 keeps the numbers of runs from the time when a batch could hold a row several times.
        seeds = hashed(self._seed, epoch, rows, 0)
        view = None if self._views is None else (seeds % np.uint64(self._views)).astype(np.int64)
        if self._reader.encoded:
            samples = self._reader.read(rows, view)
        else:
            samples = self._reader.read(rows, crops=crop_draws(self._augment, seeds))
            pictures = samples.pictures
            assert pictures is not None
            if view is None:
                pictures = augment(self._augment, pictures, seeds)
            else:
                own = self._reader.origin(samples.rows)
                pictures = augment_view(self._augment, pictures, own, view)
            samples = samples._replace(pictures=pictures)
        batch = _to_batch(samples, self._pin)
        batch.seed = int(hashed(self._seed, number) >> np.uint64(1))
        batch.offset = self._rank * len(rows)
        if self._weight is not None:
            batch.weight = _tensor(self._weight[chosen], torch.float32, self._pin)
        if self._kept is not None and (kept := self._kept(rows)) is not None:
            batch.kept = _tensor(kept, torch.float32, self._pin)
        batch.total = self._ranks * len(rows)
        return batch


def last_rows(rows: int, batch_size: int, accumulate: int, ranks: int) -> int:
    """Returns the rows of the smaller batch with which an epoch may end.

    They are as many of those that fill no batch as can be cut into equal micro-batches and shared equally
    among ranks: 0 where there are too few, and where the rows fill no batch at all.

    Args:
        rows: The rows of an epoch.
        batch_size: Rows of a global batch.
        accumulate: How many micro-batches make one step.
        ranks: The number of ranks.
    """
    parts = ranks * accumulate
    return rows % batch_size // parts * parts if rows >= batch_size else 0


def _sizes(rows: int, batch_size: int, accumulate: int, ranks: int) -> tuple[int, int]:
    """Returns the rows of a micro-batch, over all ranks, and the micro-batches of an epoch over ``rows``
    rows.
    """
    if rows >= batch_size:
        return batch_size // accumulate, rows // batch_size * accumulate
    if share := rows // (ranks * accumulate):
        return share * ranks, accumulate
    size = min(batch_size // accumulate, rows // ranks * ranks)
    return size, max(1, rows // size)


def eval_batches(
    split: Split,
    *,
    batch_size: int,
    order: np.ndarray | None = None,
    rank: int = 0,
    ranks: int = 1,
    pin: bool = False,
    threads: int = 2,
    depth: int = 4,
) -> Prefetch[np.ndarray, Batch]:
    """Walks once over a split, unaugmented.

    Each batch has ``batch_size`` rows, the last one what is left. Whole batches are dealt to the ranks: batch
    number i goes to rank i modulo ``ranks``, and a rank may have none. ``Batch.seed`` is the batch's number
    and ``Batch.row`` the row in the split. Where the split has features, they take the place of pictures or
    come beside them. A picture that cannot be read raises BadRecord when its batch is taken.

    Args:
        split: What is walked over.
        batch_size: Rows of a batch.
        order: All rows of the split, in the order in which they are walked over; None: from the first on.
        rank: This process's rank.
        ranks: The number of ranks.
        pin: Whether each batch is copied into page-locked memory, for a GPU.
        threads: How many threads prepare batches.
        depth: How many batches are prepared ahead, at most.

    Returns:
        This rank's batches, in order.
    """

    def work(item: tuple[int, np.ndarray]) -> Batch:
        number, rows = item
        pictures, readable = None, rows
        if split.feature is None or split.beside:
            if isinstance(split.pictures, SubstitutePictures):
                pictures, readable = split.pictures.take(rows)
            else:
                pictures = split.pictures.read(rows)
        feature = None if split.feature is None else split.feature[readable]
        questions = None if split.questions is None else split.questions.take(readable)
        samples = Samples(pictures, split.tokens[readable], split.label[readable], rows, feature, questions)
        batch = _to_batch(samples, pin)
        batch.seed, batch.total = number, len(batch)
        return batch

    every = np.arange(len(split)) if order is None else order
    parts = [(i // batch_size, every[i : i + batch_size]) for i in range(0, len(split), batch_size)][
        rank::ranks
    ]
    device = torch.cuda.current_device() if pin else None
    return Prefetch(work, lambda: parts, threads=threads, depth=depth, initializer=_on_device(device))


def _on_device(device: int | None) -> Callable[[], None] | None:
    """Returns what a new thread runs first. The current device belongs to a thread, and pinning would
    otherwise wake device 0.
    """
    return None if device is None else lambda: torch.cuda.set_device(device)


def _to_batch(samples: Samples, pin: bool) -> Batch:
    tensor = partial(_tensor, pin=pin)
    batch = Batch(
        None,
        tensor(samples.tokens, torch.int64),
        tensor(samples.label, torch.int64),
        tensor(samples.rows, torch.int64),
    )
    pictures = samples.pictures
    if pictures is not None and pictures.ndim == 4:
        batch.image = tensor(pictures.transpose(0, 3, 1, 2), torch.uint8)
    elif pictures is not None:
        batch.regions = tensor(pictures[..., :-4], torch.float32)
        batch.boxes = tensor(pictures[..., -4:], torch.float32)
    if samples.feature is not None:
        batch.feature = tensor(samples.feature, torch.float32)
    if samples.questions is not None:
        batch.kind = tensor(samples.questions.kind, torch.int64)
        batch.answer = tensor(samples.questions.answer, torch.int64)
        batch.score = tensor(samples.questions.score, torch.float32)
    return batch


def _tensor(array: np.ndarray, kind: torch.dtype, pin: bool) -> torch.Tensor:
    # NumPy copies on this thread alone. torch would start a team of threads of its own in each of ours.
    copy = torch.empty(array.shape, dtype=kind, pin_memory=pin)
    np.copyto(copy.numpy(), array)
    return copy
