import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from orchestrator.training.flop_counter import flop_counter

pytestmark = pytest.mark.unit

_QUIET = """
import sys
from methods.common.without_compiler import without_compiler
from orchestrator.training.flop_counter import flop_counter

without_compiler()
import torch
with flop_counter() as counter:
    torch.ones(2, 3) @ torch.ones(3, 5)
assert counter.get_total_flops() == 2 * 2 * 3 * 5
there = [name for name in ("triton", "torch._dynamo.eval_frame") if name in sys.modules]
assert not there, there
from importlib.util import find_spec
assert find_spec("triton") is None or __import__("triton").__name__ == "triton"
"""


def test_a_counter_imports_neither_triton_nor_the_compiler_and_says_nothing():
    run = subprocess.run([sys.executable, "-c", _QUIET], capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def _counted(function):
    with flop_counter() as counter:
        function()
    return counter.get_total_flops()


def test_a_convolution_is_a_product_of_its_filters_and_each_output():
    convolution, pictures = torch.nn.Conv2d(3, 6, 2), torch.randn(4, 3, 5, 8)
    forward = 2 * 4 * (4 * 7) * (3 * 2 * 2) * 6
    assert _counted(lambda: convolution(pictures)) == forward
    assert _counted(lambda: convolution(pictures).sum().backward()) == 2 * forward, (
        "pictures have no gradient"
    )


@pytest.mark.parametrize("known", [True, False])
def test_attention_is_two_products_forward_and_five_backward(known, monkeypatch):
    """torch 2.9 has no formula for the kernel of the CPU."""
    from torch.utils import flop_counter as module

    of_cpu = [packet for packet in module.flop_registry if "flash_attention_for_cpu" in str(packet)]
    for packet in [] if known else of_cpu:
        monkeypatch.delitem(module.flop_registry, packet)
    query, key = (torch.randn(2, 3, rows, 16, requires_grad=True) for rows in (5, 7))
    product = 2 * (2 * 3) * 5 * 7 * 16
    attended = lambda: F.scaled_dot_product_attention(query, key, key)  # noqa: E731
    assert _counted(attended) == 2 * product
    assert _counted(lambda: attended().sum().backward()) == 7 * product
