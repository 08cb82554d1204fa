"""Ridge regression on random features of questions."""

from __future__ import annotations

from dataclasses import dataclass

from ...common.closed_form.random_ridge import RandomRidge, RandomRidgeConfig
from .base import QueryForm, QueryFormConfig


@dataclass(frozen=True)
class AnswerRidgeConfig(RandomRidgeConfig, QueryFormConfig):
    """Hyper-parameters of ridge regression on random features of questions."""

    def __post_init__(self) -> None:
        QueryFormConfig.__post_init__(self)
        RandomRidgeConfig.__post_init__(self)


class AnswerRidge(RandomRidge, QueryForm):
    """RanPAC's ridge regression on random features of the frozen queries."""

    Config = AnswerRidgeConfig
