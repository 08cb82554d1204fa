"""The ``replay`` section of a run's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from methods.method import Scenario

from ..errors import UserError
from .policy_names import BY_CLASS, BY_LOGITS, POLICY_NAMES

_BalanceBy = Literal["task", "class", "group"]
_Budget = Literal["total", "per_class"]
_Herding = Literal["greedy", "reference"]
_Store = Literal["decoded", "encoded"]


@dataclass(frozen=True)
class ReplayConfig:
    """What a trial keeps of past tasks.

    ``size``: training samples kept at most, over all past tasks; 0 = no memory. ``policy``: which ones, a
    name of ``POLICY_NAMES``. ``balance_by``: the groups that policies ``random``, ``herding`` and
    ``balanced`` give equal shares; ``reservoir`` has no groups, the others share by class. ``group``, of
    policy ``balanced`` on questions alone: each object group of each task, as VQACL's memory is divided.
    ``budget``: ``total``, or ``per_class``, which makes ``size`` the samples kept of each class and shares by
    class. ``herding``: the reading of policy ``herding`` (see
    :func:`~orchestrator.replay.policies.herding.herd`).
    ``store``: how the samples that may be replayed lie in shared memory when the stream is read from disk:
    ``decoded``, as arrays, or ``encoded``, as the files' own bytes (smaller, decoded at every read).
    """

    size: int = 0
    policy: str = "reservoir"
    balance_by: _BalanceBy = "task"
    herding: _Herding = "greedy"
    store: _Store = "decoded"
    budget: _Budget = "total"

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"size {self.size} is negative: allowed are 0 (no memory) and above")
        for name, allowed in (
            ("policy", POLICY_NAMES),
            ("balance_by", get_args(_BalanceBy)),
            ("herding", get_args(_Herding)),
            ("store", get_args(_Store)),
            ("budget", get_args(_Budget)),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r} is not one of {', '.join(allowed)}")
        if self.balance_by == "group" and (self.policy, self.budget) != ("balanced", "total"):
            raise ValueError("balance_by 'group' needs policy balanced and budget total")
        if self.budget == "per_class" and self.policy == "reservoir":
            others = ", ".join(name for name in POLICY_NAMES if name != "reservoir")
            raise ValueError(f"budget 'per_class' needs a policy that shares by class: {others}")
        if self.policy == "herding" and self.herding == "reference" and self.by_class:
            raise ValueError("herding 'reference' herds by task: with shares by class, allowed is greedy")

    @property
    def by_class(self) -> bool:
        """Whether all classes have equal shares."""
        return (
            self.policy in BY_CLASS
            or self.budget == "per_class"
            or (self.balance_by == "class" and self.policy != "reservoir")
        )

    def share(self, classes: int) -> int:
        """Returns how many samples of each class are kept, for ``classes`` (>= 1) classes seen with equal
        shares.
        """
        return self.size if self.budget == "per_class" else self.size // classes

    def most(self, classes: int) -> int:
        """Returns how many samples the memory holds at most in a stream of ``classes`` classes."""
        return self.size * classes if self.budget == "per_class" else self.size


def check_memory(config: ReplayConfig, classes: int, scenario: Scenario = "recognition") -> None:
    """Checks that a memory can serve a stream.

    Args:
        config: The memory's configuration.
        classes: The number of the stream's classes.
        scenario: The stream's scenario.

    Raises:
        UserError: The memory cannot serve such a stream. The message has one line.
    """
    if config.size == 0:
        return
    if config.balance_by == "group" and scenario != "vqa":
        raise UserError(
            f"replay.balance_by=group shares by object group, which {scenario} does not have: "
            "allowed are task, class"
        )
    if config.policy in BY_LOGITS and scenario != "recognition":
        others = ", ".join(name for name in POLICY_NAMES if name not in BY_LOGITS)
        raise UserError(
            f"replay.policy={config.policy} ranks by class logits, which {scenario} does not have: "
            f"allowed are {others}"
        )
    # Policy ``balanced`` gives what classes leave over to other classes. A retrieval stream may have more
    # categories than the memory has samples.
    strict = config.policy != "balanced" or scenario == "recognition"
    if config.by_class and strict and config.share(classes) < 1:
        raise UserError(
            f"replay.size={config.size} is less than one sample for each of the stream's {classes} classes: "
            f"allowed are 0 (no memory) and {classes} or more"
        )
