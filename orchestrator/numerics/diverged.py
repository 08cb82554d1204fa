"""The error of a training whose numbers are no longer finite."""

from __future__ import annotations


class Diverged(Exception):
    """A number of a model's training is NaN or infinite.

    The number is a loss term, a gradient, a weight, or what the model says of a sample. The error is raised
    on every rank alike, so that no rank waits for another.
    """
