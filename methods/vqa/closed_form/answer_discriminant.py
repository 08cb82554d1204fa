"""Streaming linear discriminant analysis of questions."""

from __future__ import annotations

from dataclasses import dataclass

from ...common.closed_form.discriminant import Discriminant, DiscriminantConfig
from .base import QueryForm, QueryFormConfig


@dataclass(frozen=True)
class AnswerDiscriminantConfig(DiscriminantConfig, QueryFormConfig):
    """Hyper-parameters of streaming linear discriminant analysis of questions."""

    def __post_init__(self) -> None:
        QueryFormConfig.__post_init__(self)
        DiscriminantConfig.__post_init__(self)


class AnswerDiscriminant(Discriminant, QueryForm):
    """Streaming linear discriminant analysis of the frozen queries."""

    Config = AnswerDiscriminantConfig
