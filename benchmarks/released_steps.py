"""What a method's released code and ours compute in the same steps.

    python benchmarks/released_steps.py METHOD CHECKOUT

CHECKOUT is a folder with the method's released code: CTP (github.com/KevinLight831/CTP), CLAP4CLIP
(github.com/srvCodes/clap4clip), VQACL (github.com/zhangxi1997/VQACL) or MMA (github.com/dqmis/clip-mma).
Its own classes and training steps are run on the CPU at the paper's sizes with the settings of our recipe
METHOD/...-reference, on small random batches, from random weights, for some steps in each of two tasks. Then
ours are run from the same weights, on the same batches and the same draws, each side with its own optimiser
and schedule. Printed are the terms of the loss in each step of both, and how far terms, weights and updates
of weights are apart.

CTP and VQACL need an older transformers: `pip install --no-deps --target FOLDER transformers==4.38.2
tokenizers==0.15.2 huggingface-hub==0.23.4`, and `--transformers FOLDER`.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import tempfile
from pathlib import Path

import torch
from released_ledger import Ledger

from orchestrator.commands.recipe_values import recipe_config

_RECIPES = {
    "ctp": "ctp/p9d-reference",
    "clap4clip": "clap4clip/cifar100-reference",
    "vqacl": "vqacl/vqa-v2-reference",
    "mma": "mma/oxford-pets-reference",
}


def _parser() -> argparse.ArgumentParser:
    how = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=how)
    names = sorted(_RECIPES)
    parser.add_argument("method", choices=names, metavar="METHOD", help=", ".join(names))
    parser.add_argument("checkout", type=Path, metavar="CHECKOUT", help="a folder with the released code")
    parser.add_argument("--layers", type=int, help="fewer layers of each tower of CTP and VQACL, for a try")
    parser.add_argument("--pixels", type=int, default=224, help="the side of CTP's pictures (%(default)s)")
    parser.add_argument("--transformers", type=Path, metavar="FOLDER", help="an older transformers")
    return parser


def main(arguments: list[str] | None = None) -> None:
    args = _parser().parse_args(arguments)
    if not args.checkout.is_dir():
        _parser().error(f"CHECKOUT {args.checkout}: no such folder; it is a checkout of the released code")
    if args.transformers is not None and not args.transformers.is_dir():
        # The installed one would be taken instead.
        _parser().error(f"--transformers {args.transformers}: no such folder; it is pip's --target")
    recipe = _RECIPES[args.method]
    sides = importlib.import_module(f"released_{args.method}")
    config = recipe_config(recipe, None, None, None, sides.given(args.layers, args.pixels))
    torch.manual_seed(0)
    print(f"{recipe} against {args.checkout.name}, on the CPU, torch {torch.__version__}")
    for what, how in sides.notes(config).items():
        print(f"  {what}: {how}")
    print(f"{'':26} {'released':>14} {'ours':>14} difference")
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder))
        sides.released(args.checkout, config, ledger, args.transformers)
        gc.collect()  # its models are large, and hooks hold them
        sides.ours(config, ledger)
    ledger.closing()


if __name__ == "__main__":
    main()
