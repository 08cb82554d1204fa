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
    """What a trial keeps of past tasks, in numbers of training samples."""

    size: int = 0
    """The most training samples that are kept, over all past tasks; with ``budget`` ``per_class``, of each
    class. 0 is no memory. Range: at least 0. Paper: 5000 (VQACL on VQA v2), 500 (VQACL on NExT-QA). Released
    code: 2000 in all or 20 a class (CLAP4CLIP), 10,000 (CTP-ER)."""

    policy: str = "reservoir"
    """Which samples are kept. ``reservoir``: a uniform sample of everything seen (Vitter's Algorithm R).
    ``random``: a uniform sample of each group, in proportion to the groups' sizes; among classes, in equal
    shares. ``balanced``: a uniform sample of each group, in equal shares. ``herding``: the samples whose mean
    feature follows the mean of their group (iCaRL). ``first``: the first of each class in the order of the
    data. The others ask the trial's own classifier, and are for recognition alone. ``logit-herding``: herding
    on logits. ``entropy``: the highest entropy of the prediction. ``distance``: the lowest logit of the own
    class. ``energy``: the lowest logsumexp of the logits. ``variance``: the lowest variance of the prediction
    over a classifier's samples. Released code: reservoir (CTP-ER), first, which it calls random
    (CLAP4CLIP), balanced (VQACL)."""

    balance_by: _BalanceBy = "task"
    """The groups that policies ``random``, ``herding`` and ``balanced`` give shares. ``group``, of policy
    ``balanced`` on questions alone, is each object group of each task, as VQACL's memory is divided.
    ``reservoir`` has no groups. The other policies share by class."""

    herding: _Herding = "greedy"
    """The reading of policy ``herding``. ``greedy`` picks a sample once and keeps the order of picking.
    ``reference`` is CTP's released code, which may pick a sample twice and keeps the order of the data."""

    store: _Store = "decoded"
    """How the samples that may be replayed lie in shared memory when the stream is read from disk:
    ``decoded``, as arrays, or ``encoded``, as the files' own bytes, which are fewer and decoded at every
    read."""

    budget: _Budget = "total"
    """What ``size`` counts. ``total`` is the whole memory, so that each class keeps fewer as classes arrive.
    ``per_class`` is the samples kept of each class, in equal shares, so that the memory grows; it is for all
    policies but ``reservoir``."""

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
