import pytest
import torch
from torch import nn

from methods.common.is_compiled import is_compiled

pytestmark = pytest.mark.unit


def test_a_part_that_is_compiled_in_either_way_is_seen():
    in_place = nn.Linear(1, 1)
    in_place.compile(backend="eager")
    outside = torch.compile(nn.Linear(1, 1), backend="eager")
    for part in (in_place, outside):
        assert is_compiled(part) and is_compiled(nn.Sequential(nn.ReLU(), nn.Sequential(part)))
    assert not is_compiled(nn.Sequential(nn.ReLU(), nn.Linear(1, 1)))
