"""Selection policies: which rows of past tasks a memory keeps. One line a policy."""

from .balanced import keep_balanced
from .herding import keep_herding
from .policy import Policy
from .reservoir import keep_reservoir
from .uniform import keep_uniform

POLICIES: dict[str, Policy] = {
    "reservoir": keep_reservoir,
    "random": keep_uniform,
    "balanced": keep_balanced,
    "herding": keep_herding,
}
