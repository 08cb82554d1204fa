"""The error of a training that has come to no finite numbers."""

from __future__ import annotations


class Diverged(Exception):
    """A number of a model's training is NaN or infinite: a loss term, a gradient, a weight, or what the model
    says of a sample. Raised on every rank alike, so that no rank waits for another.
    """
