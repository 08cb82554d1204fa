"""Visual-guided attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .task_mask import task_mask


class VisualGuidedAttention(nn.Module):
    """Lets class texts attend to the texts of their own task, then to the pictures of the mini-batch
    (CLAP4CLIP, Sec. 3.3).

    It is one post-norm transformer decoder layer with GELU, which all tasks share.

    Args:
        width: D.
        heads: The number of heads.
        ff: The width of the feed-forward part.
        dropout: The dropout.
        tokens: Whether each task has a token among the queries.
    """

    def __init__(self, width: int, heads: int, ff: int, dropout: float, tokens: bool) -> None:
        super().__init__()
        self.layer = nn.TransformerDecoderLayer(width, heads, ff, dropout, "gelu", batch_first=True)
        self._tokens = tokens
        self.register_buffer("_blocked", torch.empty(0, 0, dtype=torch.bool), persistent=False)
        self.register_buffer("_task", torch.empty(0, dtype=torch.long), persistent=False)

    def arrange(self, sizes: Sequence[int]) -> None:
        """Tells the attention how many classes each task has."""
        device = self._task.device
        self._blocked = task_mask(sizes, self._tokens).to(device)
        self._task = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)).to(device)

    def forward(self, text: Tensor, image: Tensor, tokens: Tensor | None) -> Tensor:
        """Returns what is added to the text features, (C, D).

        Args:
            text: (C, D), the text features.
            image: (B, D), all pictures of the mini-batch.
            tokens: (T, D), one token for each task, or None. A token's output is added to its task's classes.
        """
        queries = text if tokens is None else torch.cat([text, tokens])
        attended = self.layer(queries.unsqueeze(0), image.unsqueeze(0), tgt_mask=self._blocked).squeeze(0)
        guided = attended[: len(text)]
        return guided if tokens is None else guided + attended[len(text) :][self._task]
