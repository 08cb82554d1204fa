"""Makes torch's counters of floating-point operations."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch.utils.flop_counter import FlopCounterMode

_MODULE = "torch.utils.flop_counter"


def flop_counter() -> FlopCounterMode:
    """Makes a counter: a context that counts the operations in it (``get_total_flops``).

    Attention on the CPU counts as it does on a GPU, also in versions of torch that have no formula for it.
    """
    aten = torch.ops.aten
    own = {
        aten._scaled_dot_product_flash_attention_for_cpu: _attention,
        aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
    }
    return _imported().FlopCounterMode(display=False, custom_mapping=own)


def _imported() -> Any:
    """The module. Newer versions of it import triton, to count triton's own kernels. That takes far longer
    than the rest, and writes to stderr as some processes end. It is kept from this import, and only from it.
    """
    if _MODULE not in sys.modules and "triton" not in sys.modules:
        logger = logging.getLogger(_MODULE)
        sys.modules["triton"] = None  # type: ignore[assignment]  # there is no such module, for this import
        logger.disabled = True  # it would warn that there is none
        try:
            importlib.import_module(_MODULE)
        finally:
            del sys.modules["triton"]
            logger.disabled = False
    return importlib.import_module(_MODULE)


_Shape = Sequence[int]


def _attention(query: _Shape, key: _Shape, value: _Shape, *_: Any, **__: Any) -> int:
    """Two products: queries and keys, weights and values."""
    rows, wide = _products(query, key)
    return rows * (wide + value[-1])


def _attention_backward(_grad: _Shape, query: _Shape, key: _Shape, value: _Shape, *_: Any, **__: Any) -> int:
    """Five products: the weights anew, the gradients of weights, values, queries and keys."""
    rows, wide = _products(query, key)
    return rows * (3 * wide + 2 * value[-1])


def _products(query: _Shape, key: _Shape) -> tuple[int, int]:
    """The FLOPs of a product of width 1, and the width of queries and keys."""
    batch, heads, length, wide = query
    return 2 * batch * heads * length * key[-2], wide
