"""VQACL's sample-invariant features: a prototype a kind of question, and one an object."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import distributed


class Prototypes(nn.Module):
    """Prototypes of questions ``question`` (K, W) and of pictures ``picture`` (O, W).

    A batch's prototype of a class is the mean of its pooled features; the batch is the global one. Zero:
    none yet. ``alpha``, ``beta``: the past's part in the moving average of questions and of pictures.

    ``update`` ``paper``: a prototype changes with batches that hold its class, by the moving average from
    the second of these on. That of a kind of question that first came in the task under way is the newest
    batch's: what it was before, a younger model said. Classes without a prototype are not retrieved.

    ``reference``: what the released code does at task t. The first batch of a task replaces all pictures'
    prototypes, and row t of the questions' (in task 0 all); classes that it does not hold become zero.
    Later, pictures' are averaged, zero where the batch has none; questions' are, in task 0, the batch's; else
    row t is the batch's (zero after a batch of the memory), and the others are an average that starts anew
    in each task and counts absent kinds as zero. Zero rows are retrieved like any other.
    """

    def __init__(
        self,
        kinds: int,
        objects: int,
        width: int,
        alpha: float,
        beta: float,
        update: Literal["paper", "reference"] = "paper",
    ) -> None:
        super().__init__()
        self._alpha, self._beta, self._reference = alpha, beta, update == "reference"
        self.register_buffer("question", torch.zeros(kinds, width))
        self.register_buffer("picture", torch.zeros(objects, width))
        self.register_buffer("question_known", torch.zeros(kinds, dtype=torch.bool))
        self.register_buffer("picture_known", torch.zeros(objects, dtype=torch.bool))
        self.start_task(0)

    def start_task(self, index: int) -> None:
        """``index``: the task's, from 0; the reference ties row ``index`` modulo K to it."""
        self._task = index
        self._old = self.question_known.clone()
        self._first = True
        self._memory: Tensor | None = None

    @torch.no_grad()
    def update(self, question: Tensor, picture: Tensor, kind: Tensor, label: Tensor) -> None:
        """Takes in one batch: pooled features (B, W) of both parts, ``kind`` (B,), ``label`` (B,)."""
        q, q_count = batch_prototypes(question.to(self.question), kind, len(self.question))
        v, v_count = batch_prototypes(picture.to(self.picture), label, len(self.picture))
        if self._reference:
            self._update_reference(q, v)
        else:
            old = self._old.to(q.device)
            self.question.copy_(_average(self.question, q, q_count > 0, old, self._alpha))
            self.picture.copy_(_average(self.picture, v, v_count > 0, self.picture_known, self._beta))
        self.question_known |= q_count > 0
        self.picture_known |= v_count > 0

    @torch.no_grad()
    def retrieve(self, question: Tensor, picture: Tensor) -> Tensor:
        """The nearest prototypes (B, 2, W), one of each part, of pooled features (B, W)."""
        known = (None, None) if self._reference else (self.question_known, self.picture_known)
        return torch.stack(
            [
                self.question[nearest(self.question, question.to(self.question), known[0])],
                self.picture[nearest(self.picture, picture.to(self.picture), known[1])],
            ],
            dim=1,
        )

    def _update_reference(self, q: Tensor, v: Tensor) -> None:
        first, row = self._first, self._task % len(self.question)
        self._first = False
        self.picture.copy_(v if first else self._beta * self.picture + (1 - self._beta) * v)
        if self._task == 0:
            self.question.copy_(q)
            return
        if not first:
            others = q.clone()
            others[row] = 0
            if self._memory is not None:
                others = self._alpha * self._memory + (1 - self._alpha) * others
            self._memory = others
            self.question.copy_(others)
        self.question[row] = q[row]


def batch_prototypes(pooled: Tensor, label: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Means (classes, W) of the global batch's rows of each class, zero where it has none, and counts."""
    one_hot = F.one_hot(label, classes).to(pooled.dtype)
    sums = distributed.all_reduce_sum(torch.cat([one_hot.T @ pooled, one_hot.sum(0)[:, None]], dim=1))
    count = sums[:, -1]
    return sums[:, :-1] / count.clamp(min=1)[:, None], count


def nearest(prototypes: Tensor, query: Tensor, known: Tensor | None = None) -> Tensor:
    """Rows (B,) of ``prototypes`` (C, W) nearest to ``query`` (B, W): the cosine of hyperbolic tangents.
    ``known``: bool (C,), the rows to choose from.
    """
    similarity = F.normalize(query.tanh(), dim=-1) @ F.normalize(prototypes.tanh(), dim=-1).T
    if known is not None:
        similarity = similarity.masked_fill(~known, -torch.inf)
    return similarity.argmax(1)


def _average(old: Tensor, new: Tensor, present: Tensor, averaged: Tensor, part: float) -> Tensor:
    mixed = torch.where(averaged[:, None], part * old + (1 - part) * new, new)
    return torch.where(present[:, None], mixed, old)
