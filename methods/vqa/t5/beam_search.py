"""Beam search over answers."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Speaking(Protocol):
    """A decoder that says answers token by token; see :class:`~methods.vqa.t5.joint_t5.Speaker`."""

    def start(self) -> Tensor: ...

    def repeat(self, times: int) -> None: ...

    def choose(self, rows: Tensor) -> None: ...

    def step(self, tokens: Tensor) -> Tensor: ...


def beam_search(
    speaker: Speaking, beams: int, length: int, end: int, pad: int, *, early_stopping: bool = False
) -> tuple[Tensor, Tensor]:
    """Finds the best answer to each of B questions.

    An answer's score is the mean log-probability of its tokens, ``end`` included, as in transformers'
    ``generate`` with its default length penalty of 1. In each step the ``beams`` best continuations of a
    question's open answers count. Those that end are finished, and ``beams`` open ones go on. At ``length``
    tokens open answers count as they are.

    A question is done when no open answer can reach a better mean. It is also done once ``beams`` of its
    answers are finished: with ``early_stopping`` at once, else when the best open answer has no better mean
    so far than the worst of the ``beams`` best finished ones. Both are transformers' readings, and the second
    is its default.

    Args:
        speaker: The decoder.
        beams: The number of open answers of a question; 1 is greedy search.
        length: The most tokens of an answer, >= 1.
        end: The id of the token that ends an answer.
        pad: The id of the token that follows the end.
        early_stopping: Whether ``beams`` finished answers end the search for one.

    Returns:
        The answers, int64 (B, length), with ``pad`` after the end and without ``end``; and their scores (B,),
        NaN where a log-probability on the way was NaN.
    """
    first = speaker.start()
    b, vocabulary = first.shape
    if beams > 1:
        speaker.repeat(beams)
    log = first[:, None].expand(b, beams, vocabulary)
    score = first.new_full((b, beams), -torch.inf)
    score[:, 0] = 0
    open_answers = torch.full((b, beams, length), pad, device=first.device)
    best = open_answers[:, 0].clone()
    best_score = first.new_full((b,), -torch.inf)
    finished = first.new_full((b, beams), -torch.inf)  # the best scores of finished answers
    going = torch.ones(b, dtype=torch.bool, device=first.device)
    broken = torch.zeros_like(going)
    for said in range(1, length + 1):
        # At most one continuation of each open answer ends. So among twice as many continuations enough do
        # not end.
        reached, at = (score[:, :, None] + log).flatten(1).topk(2 * beams)
        broken |= going & reached.isnan().any(1)  # topk takes NaN for the largest
        parent, token = at // vocabulary, at % vocabulary
        ends = token == end
        counted = ends & (torch.arange(2 * beams, device=at.device) < beams) & reached.isfinite()
        ending_scores = (reached / said).masked_fill(~counted, -torch.inf)
        ending, which = ending_scores.max(1)
        better = going & (ending > best_score)
        ended = open_answers.gather(1, _rows(parent.gather(1, which[:, None]), length)).squeeze(1)
        best = torch.where(better[:, None], ended, best)
        best_score = torch.where(better, ending, best_score)
        finished = torch.cat([finished, ending_scores], dim=1).topk(beams).values
        worst = finished[:, -1]  # -inf while fewer than ``beams`` are finished

        score, kept = reached.masked_fill(ends, -torch.inf).topk(beams)
        parent, token = parent.gather(1, kept), token.gather(1, kept)
        open_answers = open_answers.gather(1, _rows(parent, length))
        open_answers[:, :, said - 1] = token
        going &= score[:, 0] / length > best_score
        going &= worst.isneginf() if early_stopping else score[:, 0] / said > worst
        if said == length or not going.any():
            break
        speaker.choose((parent + beams * torch.arange(b, device=at.device)[:, None]).flatten())
        log = speaker.step(token.flatten()).view(b, beams, vocabulary)
    better = going & (score[:, 0] / length > best_score)
    best_score = torch.where(better, score[:, 0] / length, best_score).masked_fill(broken, torch.nan)
    return torch.where(better[:, None], open_answers[:, 0], best), best_score


def _rows(index: Tensor, length: int) -> Tensor:
    return index[:, :, None].expand(-1, -1, length)
