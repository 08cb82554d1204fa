"""Selection policies: they choose the rows of past tasks that a memory keeps. Each has one line here."""

from ..policy_names import POLICY_NAMES
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

assert tuple(POLICIES) == POLICY_NAMES, "policy_names.py names others"
