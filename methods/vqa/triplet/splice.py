"""Puts prompts into a frozen transformer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

Groups = Sequence[Mapping[int, Tensor]]
"""Groups of slots. A group maps a layer to fresh prompts (B, L, D), or (1, L, D) where all samples have the
same.
"""


@contextmanager
def spliced(layers: Sequence[nn.Module], groups: Groups) -> Iterator[None]:
    """Within the block, a pass through ``layers`` has the slots of ``groups`` after its class token, in their
    order.

    A group is inserted at the first of its layers, replaced by fresh prompts at each of its other layers, and
    carried from layer to layer in between and afterwards (Qian et al., ICCV 2023, Eq. 3). The layers take
    hidden states (B, 1 + N, D), and perhaps an attention mask (..., 1 + N), as the second argument or by
    name. For the mask, slots are what the class token is. There is one pass, which uses each layer once.

    Args:
        layers: The transformer's layers.
        groups: The slots.
    """
    lengths = [0] * len(groups)

    def before(index: int, layer: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict]:
        hidden, *others = args
        fresh = [group.get(index) for group in groups]
        if any(slots is not None for slots in fresh):
            first, *held, rest = hidden.split([1, *lengths, hidden.shape[1] - 1 - sum(lengths)], dim=1)
            held = [
                old if new is None else new.to(hidden.dtype).expand(len(hidden), -1, -1)
                for old, new in zip(held, fresh, strict=True)
            ]
            lengths[:] = [slots.shape[1] for slots in held]
            hidden = torch.cat([first, *held, rest], dim=1)
        if others:
            others[0] = widened(others[0], hidden.shape[1])
        elif "attention_mask" in kwargs:
            kwargs = kwargs | {"attention_mask": widened(kwargs["attention_mask"], hidden.shape[1])}
        return (hidden, *others), kwargs

    # Hooks leave embeddings, masks and the layers themselves to the model, whichever model it is.
    with ExitStack() as hooks:
        for index, layer in enumerate(layers):
            hook = layer.register_forward_pre_hook(partial(before, index), with_kwargs=True)
            hooks.callback(hook.remove)
        yield


def widened(mask: Tensor | None, length: int) -> Tensor | None:
    """Widens an attention mask to ``length`` tokens.

    The new tokens stand after the first and are as visible as the first.

    Args:
        mask: (..., K), K <= ``length``. All queries of a mask (B, 1, Q, K) have the same row. None (all
            tokens are visible) stays None.
        length: The number of tokens.
    """
    if mask is None or mask.shape[-1] == length:
        return mask
    if mask.ndim == 4:
        mask = mask[:, :, :1]
    first = mask[..., :1].expand(*mask.shape[:-1], 1 + length - mask.shape[-1])
    return torch.cat([first, mask[..., 1:]], dim=-1)


def without_slots(tokens: Tensor, count: int) -> Tensor:
    """Removes the slots from tokens.

    Args:
        tokens: (B, 1 + count + N, D).
        count: The number of slots.

    Returns:
        (B, 1 + N, D).
    """
    return torch.cat([tokens[:, :1], tokens[:, 1 + count :]], dim=1) if count else tokens
