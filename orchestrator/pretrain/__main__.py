"""``python -m orchestrator.pretrain clip``: train the small CLIP that comes with the package and judge it."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from methods.backbones.clip import load_clip
from methods.backbones.clip_config import ClipConfig
from orchestrator.cli import Say, run_main
from orchestrator.errors import UserError

from .judge import judge
from .train_clip import Recipe, train_clip

_HELP = {
    "steps": "optimiser steps",
    "batch_size": "pairs of a step",
    "learning_rate": "AdamW's highest",
    "weight_decay": "of matrices",
    "colours": "of a step's things",
    "seed": "of weights and pairs",
}


def main(arguments: list[str]) -> int:
    """Trains, writes the weights, prints what they are good for."""
    parser = argparse.ArgumentParser(prog="python -m orchestrator.pretrain", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    clip = commands.add_parser("clip", help="contrastive pretraining on the generated world")
    clip.add_argument(
        "--out",
        type=Path,
        default=Path("small_clip.safetensors"),
        metavar="FILE",
        help="where to write the weights (default: %(default)s); beside it a checkpoint to go on from",
    )
    for field in fields(Recipe):
        clip.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=field.default,
            metavar="N" if isinstance(field.default, int) else "X",
            help=f"{_HELP[field.name]} (default: %(default)s)",
        )
    options = parser.parse_args(arguments)
    if options.out.suffix != ".safetensors":
        raise UserError(f"--out {options.out}: allowed is a name that ends in .safetensors")
    try:
        recipe = Recipe(**{field.name: getattr(options, field.name) for field in fields(Recipe)})
    except ValueError as error:
        raise UserError(f"--{str(error).replace('_', '-', 1)}") from None
    say = Say()
    train_clip(recipe, options.out, say)
    say(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")
    for name, value in judge(load_clip(ClipConfig("small", str(options.out)))).items():
        say(f"{name}: {value:.3f}")
    return 0


if __name__ == "__main__":
    run_main(main)
