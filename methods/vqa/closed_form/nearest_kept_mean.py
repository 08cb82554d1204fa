"""The nearest mean of the questions that the memory keeps of an answer."""

from __future__ import annotations

from ...common.closed_form.exemplar_mean import ExemplarMean
from .base import QueryForm, QueryFormConfig


class NearestKeptMean(ExemplarMean, QueryForm):
    """The nearest mean of the frozen queries of the memory's questions with an answer."""

    Config = QueryFormConfig
