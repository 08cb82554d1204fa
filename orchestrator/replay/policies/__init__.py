"""Selection policies: which rows of past tasks a memory keeps. One line a policy."""

from .balanced import keep_balanced
from .by_logits import LOGIT_RANKINGS, keep_by_logits
from .first import keep_first
from .herding import keep_herding
from .policy import Policy
from .reservoir import keep_reservoir
from .uniform import keep_uniform

POLICIES: dict[str, Policy] = {
    "reservoir": keep_reservoir,
    "random": keep_uniform,
    "balanced": keep_balanced,
    "herding": keep_herding,
    "first": keep_first,
    **{name: keep_by_logits(ranking) for name, ranking in LOGIT_RANKINGS.items()},
}

BY_LOGITS = frozenset(LOGIT_RANKINGS)
"""Policies that ask the trial's model for logits: recognition alone has them."""

BY_CLASS = BY_LOGITS | {"first"}
"""Policies that give classes equal shares, whatever ``balance_by`` says."""
