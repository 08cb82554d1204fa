"""The nearest mean of exemplars, of pictures."""

from __future__ import annotations

from ...common.closed_form.exemplar_mean import ExemplarMean
from .base import ClosedForm
from .nearest_class_mean import NearestMeanConfig


class NearestExemplarMean(ExemplarMean, ClosedForm):
    """The nearest mean of the memory's frozen features."""

    Config = NearestMeanConfig
