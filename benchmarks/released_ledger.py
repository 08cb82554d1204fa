"""Keeps what released code computed, step by step, and says how far ours is from it. `released_steps.py` and
its parts share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from methods.method import Batch, Method, Phase
from orchestrator.training.phase import train_phase

_UPDATE = "update of the weights"


class Ledger:
    """Takes the released code's steps first, then ours at the same names, and prints both with what differs.

    A difference of a term is relative to the larger of both values, or to a thousandth of the step's loss
    where that is more: a divergence that is 0 differs by its rounding. The difference of an update is the
    norm of the difference of both updates over the norm of the released code's update, over all weights
    together. An update tells of rates, gradients and weight decay, while weights after a step mostly tell of
    the weights before it. The biases of attention's keys are left out. They add the same to all of a query's
    logits, so that their gradient is rounding alone, which Adam turns into steps of full size.

    Args:
        folder: Where the released code's weights are kept meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._terms: dict[str, dict[str, float]] = {}
        self._before: dict[str, Tensor] = {}
        self.largest: dict[str, float] = {}
        self._compared: list[str] = []

    def record(self, name: str, terms: Mapping[str, float], weights: Mapping[str, Tensor]) -> None:
        """Takes a step of the released code, or, without terms, the weights that a stretch begins with.

        Args:
            name: The step's name.
            terms: The loss's terms.
            weights: The weights after the step, by the names that ours have.
        """
        self._terms[name] = dict(terms)
        kept = {key: value.detach().contiguous().clone() for key, value in weights.items()}
        save_file(kept, self._file(name))

    def weights(self, name: str) -> dict[str, Tensor]:
        """The released code's weights at a step."""
        return load_file(self._file(name))

    def compare(self, name: str, terms: Mapping[str, float], weights: Mapping[str, Tensor]) -> None:
        """Takes the same step of ours, and prints it.

        Args:
            name: The step's name, as :meth:`record` had it.
            terms: The loss's terms; empty where a stretch begins.
            weights: The weights after the step, by the names that the released code's have.

        Raises:
            ValueError: The terms or the weights do not have the names that the released code's have.
        """
        theirs, wanted, weights = self._terms[name], _felt(self.weights(name)), _felt(weights)
        if set(theirs) != set(terms):
            raise ValueError(f"{name}: terms {sorted(terms)}, where the released code has {sorted(theirs)}")
        if lone := sorted(set(wanted) ^ set(weights)):
            raise ValueError(f"{name}: weights {lone[:4]} are of one side alone")
        print(name)
        least = max(abs(sum(theirs.values())) / 1000, 1e-30)
        for term in theirs:
            a, b = theirs[term], terms[term]
            difference = abs(a - b) / max(abs(a), abs(b), least)
            self._say(term, f"{a:14.7f} {b:14.7f}", difference)
        far = _norm(wanted[key] - value for key, value in weights.items())
        self._say("weights", " " * 29, far / _norm(wanted.values()))
        if terms:
            self._updates(self._compared[-1], wanted, weights)
        self._compared.append(name)
        self._before = {key: value.detach().clone() for key, value in weights.items()}

    def closing(self) -> None:
        """Prints the largest difference of each term over all steps.

        Raises:
            ValueError: A step of the released code has none of ours beside it.
        """
        if lone := [name for name in self._terms if name not in self._compared]:
            raise ValueError(
                f"{lone[0]}: a step of the released code alone; {len(self._compared)} were compared"
            )
        print("largest differences")
        for term, difference in self.largest.items():
            print(f"  {term:24} {difference:9.1e}")

    def _updates(self, last: str, wanted: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
        before, moved, apart = _felt(self.weights(last)), {}, {}
        for key, value in weights.items():
            if key in before:  # a task may bring weights of its own
                step = wanted[key] - before[key]
                moved[key] = step.double().norm().item()
                apart[key] = (step - (value - self._before[key])).double().norm().item()
        whole = math.hypot(*moved.values())
        self._say(_UPDATE, " " * 29, math.hypot(*apart.values()) / max(whole, 1e-30))
        worst = max(apart, key=lambda key: apart[key])
        print(f"    most of it in {worst}: {apart[worst] / max(moved[worst], 1e-30):.1e} of its own update")

    def _say(self, term: str, values: str, difference: float) -> None:
        print(f"  {term:24} {values} {difference:9.1e}", flush=True)
        # NaN counts as the largest; max() would pass over it.
        difference = math.inf if math.isnan(difference) else difference
        self.largest[term] = max(self.largest.get(term, 0.0), difference)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name.replace(' ', '_')}.safetensors"


class Steps:
    """Stands where :func:`train_phase` has its curves: hands each step of ours to a ledger.

    Args:
        ledger: Where the steps go.
        prefix: What their names begin with; step 1 is ``prefix 1``.
        weights: Gives the method's weights by the ledger's names.
        more: Gives further terms after a step.
    """

    def __init__(
        self,
        ledger: Ledger,
        prefix: str,
        weights: Callable[[], Mapping[str, Tensor]],
        more: Callable[[], dict[str, float]] = dict,
    ) -> None:
        self._ledger, self._prefix, self._weights, self._more = ledger, prefix, weights, more

    def add(self, step: int, terms: Mapping[str, Tensor], norm: Tensor | None = None) -> None:
        """Takes a step.

        Args:
            step: The step's number, from 0.
            terms: The loss's terms.
            norm: The norm of the step's gradient. It is not recorded.
        """
        found = {name: value.item() for name, value in terms.items()}
        self._ledger.compare(f"{self._prefix} {step + 1}", found | self._more(), self._weights())

    def flush(self) -> None:
        """Does nothing."""


def walk(method: Method, phase: Phase, batches: Iterable[Batch], steps: Steps, of: int) -> None:
    """Trains a phase of ours as a trial does, on given batches.

    Args:
        method: The method.
        phase: The phase.
        batches: As many as there are steps.
        steps: Where the steps go.
        of: How many steps the phase has, by which its rate runs.
    """
    cpu = torch.device("cpu")
    train_phase(method, phase, batches, of, device=cpu, precision="fp32", accumulate=1, curves=steps)


def own_weights(module: nn.Module) -> dict[str, Tensor]:
    """A module's parameters by their names."""
    return dict(module.named_parameters())


def _felt(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights without biases of keys."""
    found = {}
    for name, value in weights.items():
        if name.endswith((".in_proj_bias", "qkv.bias")):
            query, _, value_bias = value.chunk(3)
            found[name] = torch.cat([query, value_bias])
        elif not name.endswith("key.bias"):
            found[name] = value
    return found


def _norm(tensors: Iterable[Tensor]) -> float:
    return math.hypot(*(tensor.detach().double().norm().item() for tensor in tensors))
