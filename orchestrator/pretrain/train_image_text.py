"""The pretraining of the small image-text model, by ALBEF's recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from methods.backbones.config import BackboneConfig
from methods.backbones.image_text import ImageTextModel
from methods.common.checks import check_range
from methods.method import InputSpec
from methods.retrieval.losses.contrast import symmetric_contrast

from ..streams.synthetic.family_split import PRETRAINING
from ..streams.text.tokenizer import Tokenizer
from .masked_words import StatementRows
from .resumable import go_on, keep
from .scenes import SIDE, SceneContents, draw_pictures, draw_scenes
from .statements import describe, state
from .warm_cosine import warm_cosine

EMBED_DIM, MAX_TOKENS = 256, 40
"""The shipped weights' width of the space that pictures and texts share, and their longest token row."""

_TOKENIZER = Tokenizer.world(MAX_TOKENS)
SPEC = InputSpec(
    image_size=SIDE,
    max_tokens=MAX_TOKENS,
    vocab_size=_TOKENIZER.vocab_size,
    pad_id=_TOKENIZER.pad_id,
    cls_id=_TOKENIZER.cls_id,
    sep_id=_TOKENIZER.sep_id,
    mask_id=_TOKENIZER.mask_id,
)
"""The inputs of the shipped weights."""

_EVERY = 100
_TEMPERATURE = 0.07
_PLACED = 0.5
# The share of false statements that are made from the true one by changing a word. The others belong to
# another scene.
_ONE_WORD = 0.5


@dataclass(frozen=True)
class ImageTextRecipe:
    """How the small image-text model is trained.

    Attributes:
        steps: Optimiser steps.
        batch_size: Scenes of a step.
        learning_rate: AdamW's highest rate. It rises for a tenth of the steps and then falls to 0 along a
            cosine.
        weight_decay: The weight decay of matrices, 0 or more.
        seed: The seed of weights and scenes, 0 .. 2**32 - 1.
    """

    steps: int = 2000
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        check_range("steps", self.steps, 1)
        check_range("batch_size", self.batch_size, 2)
        check_range("learning_rate", self.learning_rate, 0, open_low=True)
        check_range("weight_decay", self.weight_decay, 0)
        check_range("seed", self.seed, 0, 2**32 - 1)


def train_image_text(recipe: ImageTextRecipe, out: Path, say: Callable[[str], None]) -> None:
    """Trains a model of size ``world`` on scenes of ``family_split.PRETRAINING`` and writes its weights in
    half precision.

    The losses are image-text contrast, masked words and image-text matching (Li et al., NeurIPS 2021),
    without a momentum model and a queue. In place of ALBEF's hard negatives, a false statement of a scene is
    half of the time its own statement with one word changed. The matching head is not kept.

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
    rows = StatementRows(_TOKENIZER)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        model = ImageTextModel(BackboneConfig("world", weights="towers", attention="eager"), SPEC, EMBED_DIM)
        # Position embeddings are as large as the patches' embeddings, so that a thing's position counts as
        # much as its kind.
        nn.init.normal_(model.vision.pos_embed, std=_PLACED)
        matching = nn.Linear(model.vision.embed_dim, 2)
    parameters = [*model.parameters(), *matching.parameters()]
    optimizer = _optimizer(parameters, recipe)
    parts = {"model": model, "matching": matching, "optimizer": optimizer}
    checkpoint = out.with_name(out.name + ".checkpoint")
    first = go_on(checkpoint, recipe, parts)
    if first:
        say(f"going on from step {first}")
    means: dict[str, float] = {}
    model.train()
    for step in range(first, recipe.steps):
        told, pictures = _scenes(recipe.seed, step // 2, recipe.batch_size)
        rng = np.random.default_rng([recipe.seed, step])
        terms = _losses(model, matching, rows, rng, told, pictures, whole=step % 2 == 0)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * warm_cosine(step, recipe.steps)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        for name, term in terms.items():
            means[name] = 0.95 * means.get(name, term.item()) + 0.05 * term.item()
        if (step + 1) % _EVERY == 0 or step + 1 == recipe.steps:
            losses = ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())
            say(f"step {step + 1}/{recipe.steps}: {losses}")
            keep(checkpoint, recipe, parts, step + 1)
    save_file({name: value.half().contiguous() for name, value in model.state_dict().items()}, out)
    checkpoint.unlink()


def _optimizer(parameters: list[nn.Parameter], recipe: ImageTextRecipe) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
        betas=(0.9, 0.98),
    )


@lru_cache(maxsize=1)
def _scenes(seed: int, number: int, n: int) -> tuple[SceneContents, Tensor]:
    """The scenes and pictures of two steps, since drawing costs up to a fifth of a step."""
    rng = np.random.default_rng([seed, number, 1])
    told = draw_scenes(rng, PRETRAINING, n)
    return told, torch.from_numpy(draw_pictures(rng, told))


def _losses(
    model: ImageTextModel,
    matching: nn.Module,
    rows: StatementRows,
    rng: np.random.Generator,
    told: SceneContents,
    pictures: Tensor,
    whole: bool,
) -> dict[str, Tensor]:
    n = len(pictures)
    image_tokens, image = model.encode_image(pictures)
    talk = Random(int(rng.integers(2**63)))
    tell = describe if whole else state
    true, false = zip(*(tell(told, row, talk) for row in range(n)), strict=True)
    # Even rows get a true statement. Half of the others get another scene's statement.
    other = rng.random(n) >= _ONE_WORD
    said = [true[row] if row % 2 == 0 else true[row - 1] if other[row] else false[row] for row in range(n)]
    ids, word, share = rows.encode([*true, *said])
    hidden_ids, selected = rows.mask(rng, ids[:n], word[:n], share[:n])
    texts = [hidden_ids, ids[n:]] + ([ids[:n]] if whole else [])
    hidden, mask = model.bert.encode(torch.from_numpy(np.concatenate(texts)))
    fused = model.bert.fuse(hidden[: 2 * n], mask[: 2 * n], image_tokens.repeat(2, 1, 1))
    at = torch.from_numpy(selected)
    words, wanted = model.bert.words(fused[:n][at]), torch.from_numpy(ids[:n])[at]
    terms = {
        "words": F.cross_entropy(words, wanted),
        "matching": F.cross_entropy(matching(fused[n:, 0]), torch.arange(n) % 2),
    }
    if whole:
        text = F.normalize(model.text_projection(hidden[2 * n :, 0]), dim=-1)
        terms["contrast"] = symmetric_contrast(image, text, image, text, _TEMPERATURE)
    return terms
