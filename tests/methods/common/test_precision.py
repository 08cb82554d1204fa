"""Numbers that are never made coarser, nor finer numbers coarse."""

import pytest
import torch

from methods.common.precision import at_least_float32, full_precision


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_numbers_have_at_least_32_bits(given, found):
    x = torch.tensor([1.0, 1 / 3]).to(given)
    assert at_least_float32(x).dtype == found
    assert torch.equal(at_least_float32(x).double(), x.double())


def test_products_are_exact_within_autocast():
    a = torch.full((2, 2), 1 / 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert (a @ a).dtype == torch.bfloat16
        with full_precision(a):
            torch.testing.assert_close(a @ a, torch.full((2, 2), 2 / 9), rtol=1e-6, atol=0)
        assert (a @ a).dtype == torch.bfloat16
