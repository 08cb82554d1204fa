"""The ``replay`` section of a run's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from .policies import POLICIES

_BalanceBy = Literal["task", "class"]
_Herding = Literal["greedy", "reference"]
_Store = Literal["decoded", "encoded"]


@dataclass(frozen=True)
class ReplayConfig:
    """What a trial keeps of past tasks.

    ``size``: training samples kept at most, over all past tasks; 0 = no memory. ``policy``: which ones, a
    name of ``POLICIES``. ``balance_by``: the groups that policy ``balanced`` gives equal shares.
    ``herding``: the reading of policy ``herding`` (see :func:`~orchestrator.replay.policies.herding.herd`).
    ``store``: how the samples that may be replayed lie in shared memory when the stream is read from disk:
    ``decoded``, as arrays, or ``encoded``, as the files' own bytes (smaller, decoded at every read).
    """

    size: int = 0
    policy: str = "reservoir"
    balance_by: _BalanceBy = "task"
    herding: _Herding = "greedy"
    store: _Store = "decoded"

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"size {self.size} is negative: allowed are 0 (no memory) and above")
        for name, allowed in (
            ("policy", tuple(POLICIES)),
            ("balance_by", get_args(_BalanceBy)),
            ("herding", get_args(_Herding)),
            ("store", get_args(_Store)),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r} is not one of {', '.join(allowed)}")
