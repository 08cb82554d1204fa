"""``python -m orchestrator.pretrain WHAT`` makes what comes with the package, and judges it: the small CLIP,
the image-text model, or that model's tokenizer.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..commands.arguments import add_version, run_main
from ..commands.command_parser import CommandParser
from ..commands.say import Say
from ..errors import UserError
from .make_shipped import make_clip, make_image_text, make_tokenizer
from .train_clip import Recipe
from .train_image_text import ImageTextRecipe

_HELP = {
    "steps": "optimiser steps",
    "batch_size": "pairs of a step",
    "learning_rate": "AdamW's highest",
    "weight_decay": "of matrices",
    "colours": "of a step's things",
    "seed": "of weights and pairs",
}


def main(arguments: list[str]) -> int:
    """Trains, writes the file, and prints how good it is. Returns the exit status."""
    parser = CommandParser(prog="python -m orchestrator.pretrain", description=__doc__)
    add_version(parser)
    commands = parser.add_subparsers(dest="command", required=True)
    weights = "where to write the weights (default: %(default)s); beside it a checkpoint to go on from"
    clip = commands.add_parser("clip", help="contrastive pretraining on the generated world")
    _add_out(clip, "small_clip.safetensors", weights)
    _add_recipe(clip, Recipe)
    image_text = commands.add_parser("image-text", help="ALBEF's pretraining on the generated world")
    _add_out(image_text, "world_image_text.safetensors", weights)
    _add_recipe(image_text, ImageTextRecipe)
    tokenizer = commands.add_parser("tokenizer", help="the tokenizer that the image-text model reads with")
    _add_out(tokenizer, "world_tokenizer.json", "where to write it (default: %(default)s)")
    options = parser.parse_args(arguments)
    say, figures = Say(), {}
    if options.command == "clip":
        figures = make_clip(_recipe(options, Recipe), options.out, say)
    elif options.command == "image-text":
        figures = make_image_text(_recipe(options, ImageTextRecipe), options.out, say)
    else:
        make_tokenizer(options.out)
    say(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")
    for name, value in figures.items():
        say(f"{name}: {value:.3f}")
    return 0


def _add_out(parser: argparse.ArgumentParser, name: str, told: str) -> None:
    parser.add_argument(
        "--out", type=_ending(Path(name).suffix), default=Path(name), metavar="FILE", help=told
    )


def _ending(suffix: str) -> Callable[[str], Path]:
    def path(text: str) -> Path:
        if Path(text).suffix != suffix:
            raise UserError(f"--out {text}: allowed is a name that ends in {suffix}")
        return Path(text)

    return path


def _add_recipe(parser: argparse.ArgumentParser, recipe: type) -> None:
    for field in fields(recipe):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=field.default,
            metavar="N" if isinstance(field.default, int) else "X",
            help=f"{_HELP[field.name]} (default: %(default)s)",
        )


def _recipe(options: argparse.Namespace, recipe: type) -> Any:
    try:
        return recipe(**{field.name: getattr(options, field.name) for field in fields(recipe)})
    except ValueError as error:
        raise UserError(f"--{str(error).replace('_', '-', 1)}") from None


if __name__ == "__main__":
    run_main(main)
