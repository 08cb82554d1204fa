"""VQACL's sample-invariant features: a prototype for each kind of question and one for each object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...common import distributed

_Found = tuple[Tensor, Tensor]


class Prototypes(nn.Module):
    """Prototypes of questions ``question`` (K, W) and of pictures ``picture`` (O, W).

    A batch's prototype of a class is the mean of the class's pooled features. The batch is the global one; it
    comes whole or in parts (:meth:`start_step`). A zero row means that there is no prototype yet.

    With ``update`` ``paper``, a prototype changes with batches that hold its class: the first such batch sets
    it, and from the second on it is a moving average. The prototype of a kind of question that first came in
    the current task is the newest batch's, since its earlier values come from a younger model. Classes
    without a prototype are not retrieved.

    With ``update`` ``reference``, the prototypes are those of the released code. At task t the first batch of
    the task replaces the prototypes of all pictures, and row t of the questions' (in task 0 all rows);
    classes that the batch does not hold become zero. Later batches are averaged into the pictures'
    prototypes, and a class that such a batch does not hold counts as zero. In task 0 later batches replace
    the questions' prototypes. In later tasks row t becomes the batch's (zero after a batch of the memory),
    and the other rows are an average that starts anew in each task and counts absent kinds as zero. Zero rows
    are retrieved like any others.

    Args:
        kinds: K.
        objects: O.
        width: W.
        alpha: The past's part in the moving average of questions.
        beta: The past's part in the moving average of pictures.
        update: ``paper`` or ``reference``.
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
        """Begins a task. The reference ties row ``index`` modulo K to it.

        Args:
            index: The task's number, from 0.
        """
        self._task = index
        self._old = self.question_known.clone()
        self._first = True
        self._memory: Tensor | None = None
        self._step: _Step | None = None

    def start_step(self) -> None:
        """Begins a step: until the next call, what :meth:`update` is given is one batch in parts.

        After each part the prototypes are what the parts so far give as one batch, so that the past decays
        once. Without a call since the task began, each update is a batch.
        """
        kept = {name: value.clone() for name, value in self.named_buffers()}
        self._step = _Step(kept, self._first, self._memory)

    @torch.no_grad()
    def update(self, question: Tensor, picture: Tensor, kind: Tensor, label: Tensor) -> None:
        """Takes in a batch, or a part of one.

        Args:
            question: (B, W), the pooled features of the questions' part.
            picture: (B, W), the pooled features of the pictures' part.
            kind: (B,), the kinds of the questions.
            label: (B,), the pictures' objects.
        """
        means = (
            batch_prototypes(question.to(self.question), kind, len(self.question)),
            batch_prototypes(picture.to(self.picture), label, len(self.picture)),
        )
        if self._step is not None:
            means = self._step.add(means)
            self._return_to(self._step)
        (q, q_count), (v, v_count) = means
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
        """Returns the nearest prototypes, one of each part.

        Args:
            question: (B, W), the pooled features of the questions' part.
            picture: (B, W), the pooled features of the pictures' part.

        Returns:
            (B, 2, W).
        """
        known = (None, None) if self._reference else (self.question_known, self.picture_known)
        return torch.stack(
            [
                self.question[nearest(self.question, question.to(self.question), known[0])],
                self.picture[nearest(self.picture, picture.to(self.picture), known[1])],
            ],
            dim=1,
        )

    def _return_to(self, step: _Step) -> None:
        """Restores what was before the step."""
        for name, value in self.named_buffers():
            value.copy_(step.before[name])
        self._first, self._memory = step.first, step.memory

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


@dataclass
class _Step:
    """The current step.

    ``before``, ``first`` and ``memory`` are the state with which the step began. ``seen`` is the result of
    :func:`batch_prototypes` for its parts so far, of questions and of pictures.
    """

    before: dict[str, Tensor]
    first: bool
    memory: Tensor | None
    seen: tuple[_Found, _Found] | None = None

    def add(self, part: tuple[_Found, _Found]) -> tuple[_Found, _Found]:
        """Adds a part to ``seen``, and returns ``seen``."""
        if self.seen is None:
            self.seen = part
        else:
            self.seen = _joined(self.seen[0], part[0]), _joined(self.seen[1], part[1])
        return self.seen


def batch_prototypes(pooled: Tensor, label: Tensor, classes: int) -> _Found:
    """Returns the means of the global batch's rows of each class, and the classes' counts.

    Args:
        pooled: (B, W), this rank's rows.
        label: (B,), their classes.
        classes: The number of classes.

    Returns:
        Means (classes, W), zero for a class without rows, and counts.
    """
    one_hot = F.one_hot(label, classes).to(pooled.dtype)
    sums = distributed.all_reduce_sum(torch.cat([one_hot.T @ pooled, one_hot.sum(0)[:, None]], dim=1))
    count = sums[:, -1]
    return sums[:, :-1] / count.clamp(min=1)[:, None], count


def nearest(prototypes: Tensor, query: Tensor, known: Tensor | None = None) -> Tensor:
    """Returns the prototypes nearest to the queries, by the cosine of hyperbolic tangents.

    Args:
        prototypes: (C, W).
        query: (B, W).
        known: bool (C,), the rows to choose from; None: all.

    Returns:
        The numbers (B,) of the nearest rows.
    """
    similarity = F.normalize(query.tanh(), dim=-1) @ F.normalize(prototypes.tanh(), dim=-1).T
    if known is not None:
        similarity = similarity.masked_fill(~known, -torch.inf)
    return similarity.argmax(1)


def _joined(one: _Found, other: _Found) -> _Found:
    """Joins the means and counts of two parts of a batch."""
    count = one[1] + other[1]
    sums = one[0] * one[1][:, None] + other[0] * other[1][:, None]
    return sums / count.clamp(min=1)[:, None], count


def _average(old: Tensor, new: Tensor, present: Tensor, averaged: Tensor, part: float) -> Tensor:
    mixed = torch.where(averaged[:, None], part * old + (1 - part) * new, new)
    return torch.where(present[:, None], mixed, old)
