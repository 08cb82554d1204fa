"""What comes with the package is made: trained, written, and judged by what it is good for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from methods.backbones.clip import load_clip
from methods.backbones.clip_config import ClipConfig
from methods.backbones.config import BackboneConfig
from methods.backbones.pretrained_image_text import load_image_text

from ..streams.text.tokenizer import Tokenizer
from .judge import judge
from .judge_image_text import judge_image_text
from .train_clip import Recipe, train_clip
from .train_image_text import EMBED_DIM, MAX_TOKENS, SPEC, ImageTextRecipe, train_image_text
from .world_tokenizer import train_world_tokenizer


def make_clip(recipe: Recipe, out: Path, say: Callable[[str], None]) -> dict[str, float]:
    """Trains the small CLIP and writes it to ``out``.

    Returns:
        Its figures, see :func:`~orchestrator.pretrain.judge.judge`.

    Raises:
        UserError: What lies beside ``out`` was left by another recipe.
    """
    train_clip(recipe, out, say)
    return judge(load_clip(ClipConfig("small", str(out))))


def make_image_text(recipe: ImageTextRecipe, out: Path, say: Callable[[str], None]) -> dict[str, float]:
    """Trains the image-text model and writes it to ``out``.

    Returns:
        Its figures, see :func:`~orchestrator.pretrain.judge_image_text.judge_image_text`.

    Raises:
        UserError: What lies beside ``out`` was left by another recipe.
    """
    train_image_text(recipe, out, say)
    model = load_image_text(BackboneConfig("world", weights=str(out)), SPEC, EMBED_DIM)
    return judge_image_text(model, Tokenizer.world(MAX_TOKENS))


def make_tokenizer(out: Path) -> None:
    """Trains the tokenizer that the image-text model reads with, and writes it to ``out``."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(train_world_tokenizer(MAX_TOKENS).to_json(), encoding="utf-8")
