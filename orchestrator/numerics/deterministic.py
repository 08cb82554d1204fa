"""Deterministic algorithms within a block of code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.backends import cudnn

from ..errors import UserError

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""The environment variable that makes cuBLAS keep a workspace of its own for each stream."""

ALLOWED = (":4096:8", ":16:8")
"""The values of :data:`WORKSPACE` with which cuBLAS is deterministic. It reads them when a process first uses
it.
"""


@contextmanager
def deterministic(on: bool) -> Iterator[None]:
    """Makes torch and cuDNN take deterministic algorithms alone within the block.

    The earlier settings come back at the end, so that a process's next trial is free of these.

    Args:
        on: Whether anything is done at all.

    Raises:
        UserError: An operation has no deterministic algorithm, or the process has used CUDA without
            :data:`WORKSPACE`, which cuBLAS reads once. The message has one line.
    """
    if not on:
        yield
        return
    if os.environ.get(WORKSPACE) not in ALLOWED and torch.cuda.is_initialized():
        raise UserError(
            f"run.deterministic needs {WORKSPACE} before the process uses CUDA; it is "
            f"{os.environ.get(WORKSPACE)!r}, allowed are {' and '.join(ALLOWED)}"
        )
    os.environ.setdefault(WORKSPACE, ALLOWED[0])
    enabled, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    kept = cudnn.deterministic, cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    except RuntimeError as error:
        if "determinis" not in str(error):
            raise
        what = str(error).splitlines()[0].split(", but")[0].split(". ")[0]
        raise UserError(f"run.deterministic: {what}; allowed here is run.deterministic=false") from error
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        cudnn.deterministic, cudnn.benchmark = kept
