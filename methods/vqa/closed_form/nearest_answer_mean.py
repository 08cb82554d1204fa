"""The nearest mean of an answer's questions."""

from __future__ import annotations

from ...common.closed_form.nearest_mean import NearestMean
from .base import QueryForm, QueryFormConfig


class NearestAnswerMean(NearestMean, QueryForm):
    """The nearest mean of the frozen queries of an answer's questions."""

    Config = QueryFormConfig
