"""The golden arrays, computed anew by the released code.

    python benchmarks/released_arrays.py METHOD CHECKOUT

CHECKOUT is a folder with the method's released code, as for `released_steps.py`. Its functions are called
with the inputs that tests/golden/METHOD.npz holds. Printed is for each case how many arrays were computed
anew and how far the farthest of them is from what is recorded: relative to an array's largest entry, or to
0.001 where that is more, since some gradients are zero but for rounding. What is not computed anew is named.
"""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path

import numpy as np
import torch

_METHODS = ("clap4clip", "ctp", "mma", "vqacl")
_GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden"


class Arrays:
    """The recorded arrays of a file, and how far what was computed anew is from them.

    Args:
        file: The file.
    """

    def __init__(self, file: Path) -> None:
        with np.load(file) as arrays:
            self._known = dict(arrays)
        self._apart: dict[str, float] = {}
        self._notes: list[str] = []

    def __getitem__(self, key: str) -> torch.Tensor:
        return torch.from_numpy(self._known[key].copy())

    def number(self, key: str) -> float:
        """An array without dimensions."""
        return float(self._known[key])

    def text(self, key: str) -> str:
        """JSON in an array without dimensions."""
        return str(self._known[key])

    def below(self, prefix: str) -> dict[str, torch.Tensor]:
        """The arrays whose keys begin with ``prefix`` and a dot, by the rest of the key."""
        return {k[len(prefix) + 1 :]: self[k] for k in self._known if k.startswith(f"{prefix}.")}

    def cases(self, prefix: str) -> list[str]:
        """The keys' first two parts that begin with ``prefix`` and a dot."""
        return sorted({".".join(key.split(".")[:2]) for key in self._known if key.startswith(f"{prefix}.")})

    def found(self, key: str, value: object) -> None:
        """Notes what was computed anew for ``key``."""
        wanted = self._known[key].astype(np.float64)
        value = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        if value.shape != wanted.shape:
            raise ValueError(f"{key}: computed anew it has shape {value.shape}, recorded is {wanted.shape}")
        largest = max(float(np.abs(wanted).max(initial=0)), 1e-3)
        self._apart[key] = float(np.abs(value.astype(np.float64) - wanted).max(initial=0) / largest)

    def note(self, line: str) -> None:
        """Notes what is told of a case that has no arrays."""
        self._notes.append(line)

    def lines(self) -> list[str]:
        """A line for each case, and one for the recorded outputs that were not computed anew."""
        cases: dict[str, list[float]] = {}
        for key, apart in self._apart.items():
            cases.setdefault(key.partition(".")[0], []).append(apart)
        lines = [
            f"{case:<12} {len(apart):>4} arrays, at most {max(apart):.1e}" for case, apart in cases.items()
        ]
        left: dict[str, int] = {}
        for key in sorted(self._known.keys() - self._apart.keys()):
            if re.search(r"\.(out_(?!proj\.)|grad)|^gallery\.out_", key):
                left[key.partition(".")[0]] = left.get(key.partition(".")[0], 0) + 1
        told = ", ".join(f"{case} {count}" for case, count in left.items())
        return [*lines, *self._notes, f"not computed anew: {told or 'none'}"]


def _parser() -> argparse.ArgumentParser:
    how = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=how)
    parser.add_argument("method", choices=_METHODS, metavar="METHOD", help=", ".join(_METHODS))
    parser.add_argument("checkout", type=Path, metavar="CHECKOUT", help="a folder with the released code")
    return parser


def main(arguments: list[str] | None = None) -> None:
    args = _parser().parse_args(arguments)
    if not args.checkout.is_dir():
        _parser().error(f"CHECKOUT {args.checkout}: no such folder; it is a checkout of the released code")
    arrays = Arrays(_GOLDEN / f"{args.method}.npz")
    again = importlib.import_module(f"arrays_{args.method}")
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        again.compute(args.checkout, arrays)
    finally:
        torch.set_default_dtype(usual)
    print(f"tests/golden/{args.method}.npz against {args.checkout.name}, torch {torch.__version__}")
    print("\n".join(f"  {line}" for line in arrays.lines()))


if __name__ == "__main__":
    main()
