"""The contrastive pretraining of the small CLIP."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from open_clip import ClipLoss
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import normalize

from methods.backbones.preprocess import prepare
from methods.backbones.small_clip import PREPROCESS, build_small_clip
from methods.common.checks import check_range

from ..streams.synthetic.colours import COLOURS
from ..streams.synthetic.family_split import PRETRAINING
from .pairs import pairs
from .resumable import go_on, keep
from .warm_cosine import warm_cosine

_EVERY = 100


@dataclass(frozen=True)
class Recipe:
    """How the small CLIP is trained.

    Attributes:
        steps: Optimiser steps.
        batch_size: Pairs of a step.
        learning_rate: AdamW's highest rate. It rises for a tenth of the steps and then falls to 0 along a
            cosine.
        weight_decay: The weight decay of matrices, 0 or more.
        colours: How many colours the things of a step have, 2 .. 8. With few colours, the kinds of things
            tell pairs apart.
        seed: The seed of weights and pairs, 0 .. 2**32 - 1.
    """

    steps: int = 800
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    colours: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        check_range("steps", self.steps, 1)
        check_range("batch_size", self.batch_size, 2)
        check_range("colours", self.colours, 2, len(COLOURS))
        check_range("learning_rate", self.learning_rate, 0, open_low=True)
        check_range("weight_decay", self.weight_decay, 0)
        check_range("seed", self.seed, 0, 2**32 - 1)


def train_clip(recipe: Recipe, out: Path, say: Callable[[str], None]) -> None:
    """Trains a small CLIP on scenes of ``family_split.PRETRAINING`` and writes its weights in half precision.

    Every hundred steps a checkpoint is written beside ``out``. A run that finds one resumes from it, and ends
    with the same weights on the same machine and number of threads.

    Args:
        recipe: The recipe.
        out: The file of weights.
        say: Prints progress.

    Raises:
        UserError: Another recipe left the checkpoint.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        model, tokenizer = build_small_clip()
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=recipe.learning_rate,
        betas=(0.9, 0.98),
    )
    state = {"model": model, "optimizer": optimizer}
    checkpoint = out.with_name(out.name + ".checkpoint")
    first = go_on(checkpoint, recipe, state)
    if first:
        say(f"going on from step {first}")
    loss_of = ClipLoss()
    model.train()
    for step in range(first, recipe.steps):
        rng = np.random.default_rng([recipe.seed, step])
        pictures, captions = pairs(rng, PRETRAINING, recipe.batch_size, recipe.colours)
        image = model.encode_image(prepare(torch.from_numpy(pictures), PREPROCESS), normalize=True)
        text = _encode_text(model, tokenizer(captions))
        loss = loss_of(image, text, model.logit_scale.exp())
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * warm_cosine(step, recipe.steps)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            # As CLIP's authors do, logits are multiplied by 100 at most.
            model.logit_scale.clamp_(0, math.log(100))
        if (step + 1) % _EVERY == 0 or step + 1 == recipe.steps:
            nearest = (image @ text.T).argmax(1) == torch.arange(len(image))
            recall = f"recall@1 in the batch {nearest.float().mean():.3f}"
            say(f"step {step + 1}/{recipe.steps}: loss {loss:.3f}, {recall}")
            keep(checkpoint, recipe, state, step + 1)
    state = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file({k: v.contiguous() for k, v in state.items()}, out)
    checkpoint.unlink()


def _encode_text(model: nn.Module, ids: Tensor) -> Tensor:
    """``model.encode_text`` without the columns after the longest text, which causal attention never sees."""
    ends = ids.argmax(1)
    length = int(ends.max()) + 1
    x = model.token_embedding(ids[:, :length]) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    return normalize(x[torch.arange(len(x)), ends] @ model.text_projection, dim=-1)
