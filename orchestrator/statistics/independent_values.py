"""Finds the figures of a study that are independent of each other, so that they may be tested."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

_Runs = Mapping[tuple[Hashable, int], float]  # (order, seed) -> figure


@dataclass(frozen=True)
class IndependentValues:
    """Independent figures, which may be tested.

    Args:
        values: Each method's figures, in the same order for all methods.
        n: How many figures each method has.
        over: What the figures are taken over, in words for a sentence: ``8 seeds and orders``.
    """

    values: dict[str, list[float]]
    n: int
    over: str


def independent_values(figures: Mapping[str, _Runs]) -> IndependentValues:
    """Reduces runs to figures that are independent of each other.

    A method's luck with an order is shared by all its seeds. Therefore a grid of five seeds by three orders
    is not fifteen independent pairs. Counted as such, it declares a winner between two equal methods in 38 of
    100 studies, with 8 points between orders and 4 between seeds (``benchmarks/study_power.py``). Where there
    are several orders, the mean over the seeds of each order is one value, and n is the number of orders. A
    seed's luck is taken not to carry over from one order to the next.

    Where all runs have one order, each seed is a value. The result then holds for that order alone, which
    ``over`` says.

    Args:
        figures: Method -> (order, seed) -> figure. All methods have the same orders and seeds. An order is
            named by a number, ``natural``, or the explicit order as a tuple.

    Returns:
        The values, in the order of the orders' (or seeds') first appearance with the first method.

    Raises:
        ValueError: There are no runs, or a method lacks a run that another one has.
    """
    runs = {method: dict(values_of) for method, values_of in figures.items()}
    if not any(runs.values()):
        raise ValueError("no runs: allowed is at least one method with at least one run")
    every = list(dict.fromkeys(run for values_of in runs.values() for run in values_of))
    for method, values_of in runs.items():
        for order, seed in every:
            if (order, seed) not in values_of:
                raise ValueError(f"{method} has no run of order {order}, seed {seed}, which another one has")
    seeds_of: dict[Hashable, list[int]] = {}
    for order, seed in every:
        seeds_of.setdefault(order, []).append(seed)
    if len(seeds_of) == 1:
        groups = [[run] for run in every]
    else:
        groups = [[(order, seed) for seed in seeds] for order, seeds in seeds_of.items()]
    values = {
        method: [sum(values_of[run] for run in group) / len(group) for group in groups]
        for method, values_of in runs.items()
    }
    return IndependentValues(values, len(groups), _over(list(seeds_of.values())))


def _over(seeds: list[list[int]]) -> str:
    """Describes the values, from the seeds of each order."""
    if len(seeds) == 1:
        return f"{len(seeds[0])} seed{'s' * (len(seeds[0]) > 1)} of one order"
    fewest, most = min(map(len, seeds)), max(map(len, seeds))
    if most > 1:
        span = f"{most}" if fewest == most else f"{fewest} to {most}"
        return f"{len(seeds)} orders, each the mean of {span} seeds"
    if len({seed for (seed,) in seeds}) == 1:
        return f"{len(seeds)} orders of one seed"
    return f"{len(seeds)} seeds and orders"
