"""A classifier for each task."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .classify import classify


class TaskHeads(nn.Module):
    """One linear classifier for each task, over the answers of the task's training questions.

    The newest classifier, ``weight`` (N, D) and ``bias`` (N,), is trained. Those of past tasks,
    ``past_weight`` and ``past_bias``, have their rows one after the other and are frozen. ``answers`` has the
    answer of each row, as indices into the vocabulary. ``sizes`` has the number of rows of each task.
    ``column`` has the newest classifier's row of each answer, -1 where it has none. A ``state_dict`` of any
    number of tasks can be loaded.

    Args:
        width: D.
        vocabulary: The number of answers.
    """

    def __init__(self, width: int, vocabulary: int) -> None:
        super().__init__()
        for prefix in ("past_", ""):
            self.register_parameter(f"{prefix}weight", nn.Parameter(torch.empty(0, width)))
            self.register_parameter(f"{prefix}bias", nn.Parameter(torch.empty(0)))
        self.register_buffer("answers", torch.empty(0, dtype=torch.long))
        self.register_buffer("sizes", torch.empty(0, dtype=torch.long))
        self.register_buffer("column", torch.full((vocabulary,), -1), persistent=False)
        self.register_buffer("_owner", torch.empty(0, dtype=torch.long), persistent=False)

    @torch.no_grad()
    def grow(self, answers: Sequence[int]) -> None:
        """Adds the classifier of a task with these answers."""
        fresh = nn.Linear(self.weight.shape[1], len(answers))
        for name in ("weight", "bias"):
            past, newest = getattr(self, f"past_{name}"), getattr(self, name)
            setattr(self, f"past_{name}", nn.Parameter(torch.cat([past, newest])))
            setattr(self, name, nn.Parameter(getattr(fresh, name).to(newest)))
        self.answers = torch.cat([self.answers, self.answers.new_tensor(answers)])
        self.sizes = torch.cat([self.sizes, self.sizes.new_tensor([len(answers)])])
        self._arrange()

    def forward(self, feature: Tensor) -> Tensor:
        """Returns the logits (B, N) of the newest task's answers."""
        return classify(feature, self.weight, self.bias)

    def best(self, feature: Tensor, task: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Returns the likeliest answer and its logit.

        Args:
            feature: (B, D).
            task: (B,), the task whose classifier answers each sample; None: the answers of all tasks compete.

        Returns:
            The answers, int64 (B,), and their logits (B,). A logit is NaN where one of the compared logits
            is.
        """
        logits = classify(
            feature, torch.cat([self.past_weight, self.weight]), torch.cat([self.past_bias, self.bias])
        )
        if task is not None:
            logits = logits.masked_fill(self._owner != task[:, None], -torch.inf)
        logit, row = logits.max(1)
        return self.answers[row], logit

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        for name, own in (*self.named_parameters(), *self.named_buffers()):
            saved = state_dict.get(prefix + name)
            if saved is not None and len(saved) != len(own):
                # Only the number of rows may differ: any other difference is an error for torch to report.
                resized = own.detach().new_empty(len(saved), *own.shape[1:])
                setattr(self, name, nn.Parameter(resized) if isinstance(own, nn.Parameter) else resized)
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._arrange()

    def _arrange(self) -> None:
        """Computes what follows from the answers of each task."""
        for past in (self.past_weight, self.past_bias):
            past.requires_grad_(False)
        tasks = torch.arange(len(self.sizes), device=self.sizes.device)
        self._owner = tasks.repeat_interleave(self.sizes)
        self.column = torch.full_like(self.column, -1)
        newest = self.answers[len(self.past_bias) :]
        self.column[newest] = torch.arange(len(newest), device=newest.device)
