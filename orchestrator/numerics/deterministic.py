"""Deterministic algorithms for a while."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.backends import cudnn

from ..errors import UserError

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""The environment variable by which cuBLAS is told to keep a workspace of its own for each stream."""

ALLOWED = (":4096:8", ":16:8")
"""Its values with which cuBLAS is deterministic. It reads them when a process first uses it."""


@contextmanager
def deterministic(on: bool) -> Iterator[None]:
    """Has torch and cuDNN take deterministic algorithms alone in what is run inside, where ``on``.

    The settings of before come back at the end, so that a process' next trial is free of them. UserError, in
    one line: an operation that has no deterministic algorithm, or a process that has used CUDA without
    :data:`WORKSPACE`, which cuBLAS reads once.
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
