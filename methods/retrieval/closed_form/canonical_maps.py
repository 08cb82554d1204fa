"""Canonical correlation analysis of two views, from their moments."""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST = 1e-6
"""Canonical correlations below it are rounding: what is computed is their squares, which end at 1."""


def canonical_maps(
    one: Tensor, other: Tensor, cross: Tensor, ridge: float, count: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the canonical directions of two views, the most correlated first.

    With L L' the covariance of a view, to whose diagonal a part of its mean has been added, M is L1^-1 C12
    L2'^-1 = U S V'. The canonical correlations are S, and the directions L1'^-1 U and L2'^-1 V. A direction
    and its partner may change their signs together: the largest entry of each column of U is positive here,
    so that equal moments give equal directions.

    Args:
        one: (D1, D1), the covariance of the first view.
        other: (D2, D2), that of the second.
        cross: (D1, D2), the covariance between both.
        ridge: What is added to a covariance's diagonal, in parts of the diagonal's mean. Above 0.
        count: K, how many directions are wanted; at most min(D1, D2).

    Returns:
        Correlations (K,), 0 to 1, and directions (D1, K) and (D2, K). Where a correlation is 0 by its
        precision, all of these are 0.
    """
    first, second = _factor(one, ridge), _factor(other, ridge)
    whitened = torch.linalg.solve_triangular(first, cross, upper=False)
    whitened = torch.linalg.solve_triangular(second, whitened.T, upper=False).T
    squares, left = torch.linalg.eigh(whitened @ whitened.T)
    correlation = squares.flip(0)[:count].clamp(min=0).sqrt()
    left = left.flip(1)[:, :count]
    left = left * left.gather(0, left.abs().argmax(0, keepdim=True)).sign()
    known = correlation > _LEAST
    left = left * known
    right = whitened.T @ left / torch.where(known, correlation, 1)
    one_way = torch.linalg.solve_triangular(first.T, left, upper=True)
    other_way = torch.linalg.solve_triangular(second.T, right, upper=True)
    return correlation * known, one_way, other_way


def _factor(covariance: Tensor, ridge: float) -> Tensor:
    """The lower Cholesky factor of a covariance with its ridge."""
    ridged = covariance.clone()
    # The covariance of a single sample is 0, and no part of it makes it regular.
    ridged.diagonal().add_(ridge * covariance.diagonal().mean().clamp(min=1e-12))
    return torch.linalg.cholesky(ridged)
