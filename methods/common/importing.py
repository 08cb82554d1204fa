"""Imports of large libraries, faster."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Within the block garbage collection is off, and torch's compiler is not imported.

    What imports make stays in memory. Collections, which look through it again and again, would take a fifth
    of the time of importing torch or transformers. torchvision, timm and transformers each import the
    compiler for a single name.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        from .without_compiler import without_compiler  # imports torch

        without_compiler()
        yield
    finally:
        if enabled:
            gc.enable()
