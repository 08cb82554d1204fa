"""Decides whether a walk goes on after a task."""

from __future__ import annotations

import torch
import torch.distributed as dist

from .reporter import Reporter

# A reporter's answers, in the form in which they travel to the other ranks.
_CODES = {True: 1, False: 0, None: 2}


def go_on(reporter: Reporter, report: dict[str, float], rank: int, ranks: int, device: torch.device) -> bool:
    """Rank 0 reports a task, and all ranks get the answer.

    While there is no answer, the ranks are told so again and again, since a collective would not wait for a
    verdict that takes longer than its timeout.

    Args:
        reporter: Takes the task. Only rank 0 calls it.
        report: The task's report.
        rank: This process' rank.
        ranks: The number of ranks.
        device: Where the ranks exchange the answer.

    Returns:
        Whether to go on.
    """
    answer = reporter.report(report) if rank == 0 else None
    while True:
        code = _CODES[answer]
        if ranks > 1:
            box = torch.tensor(code, device=device)
            dist.broadcast(box, 0)
            code = int(box)
        if code != _CODES[None]:
            return code == _CODES[True]
        if rank == 0:
            answer = reporter.answer(int(report["task"]))
