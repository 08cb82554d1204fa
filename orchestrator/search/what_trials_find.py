"""Says what a number of trials can find in a search space, and what it cannot."""

from __future__ import annotations

import math

from .space import Space

_SURE = 0.95
_FINE = 0.05


def what_trials_find(space: Space, trials: int) -> str:
    """What so many trials can find, in one line for people.

    Of n points drawn independently at random the best is among the best share q of all points with the
    probability 1 - (1 - q)^n, whatever the number of dimensions (Bergstra and Bengio, JMLR 2012, section 2).

    Args:
        space: The search space.
        trials: How many trials the search has.

    Returns:
        The line; empty where nothing is drawn, or every point can be tried.
    """
    drawn = trials - len(space.starts)
    if drawn < 1 or not space.parameters or space.points(trials + 1) <= trials:
        return ""
    share = 1 - (1 - _SURE) ** (1 / drawn)
    many = f"{drawn} points" if drawn > 1 else "1 point"
    keys = f"{len(space.parameters)} keys" if len(space.parameters) > 1 else "1 key"
    line = f"{many} drawn at random over {keys}: the best of them would be among the best"
    line += f" {_percent(share)} % of all"
    needed = math.ceil(math.log(1 - _SURE) / math.log(1 - _FINE))
    more = f"; for the best {100 * _FINE:.0f} %, {needed} points" if drawn < needed else ""
    return f"{line} in {100 * _SURE:.0f} % of searches{more}"


def _percent(share: float) -> str:
    """A share in percent, with one digit at least that is not 0."""
    return f"{100 * share:.0f}" if share >= 0.01 else f"{100 * share:.1g}"
