"""Weights and what a model says of samples: what is not finite is named."""

import pytest
import torch
from torch import nn

from orchestrator.numerics.diverged import Diverged
from orchestrator.numerics.finite import check_rows, check_weights


def _model():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    model.register_buffer("whole", torch.full((2,), 7))
    model.register_buffer("hidden", torch.zeros(2), persistent=False)
    model.register_buffer("none", torch.empty(0))
    return model


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", ["0.bias", "1.weight", "1.running_var", "hidden"])
def test_a_weight_or_buffer_that_is_not_finite_is_named(name, bad):
    model = _model()
    check_weights(model, "task 3")
    (dict(model.named_parameters()) | dict(model.named_buffers()))[name].data[1] = bad
    with pytest.raises(Diverged, match=f"weight {name} is not finite after task 3"):
        check_weights(model, "task 3")


def test_large_weights_are_finite():
    model = _model()
    model[0].weight.data.fill_(torch.finfo(torch.float32).max)
    check_weights(model, "task 1")
    check_weights(nn.Identity(), "task 1")


def test_rows_are_counted_from_the_first():
    table = torch.zeros(5, 2, 3)
    check_rows(table, "x", "y")
    check_rows(torch.empty(0, 3), "x", "y")
    table[3, 1, 2], table[4] = torch.nan, torch.inf
    for found in (table, table[:, 1, 2]):
        with pytest.raises(Diverged, match="^the logit of sample 3 is not finite: there$"):
            check_rows(found, "the logit", "there")
