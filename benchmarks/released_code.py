"""Imports released code in this process, and forgets it again. `released_steps.py` and its parts share it."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch

_OF_TRANSFORMERS = ("transformers", "tokenizers", "huggingface_hub")


@contextmanager
def released_code(
    folders: list[Path], absent: Mapping[str, Mapping[str, Any]], transformers: Path | None = None
) -> Iterator[None]:
    """Within the block the modules in ``folders`` can be imported, and ``cuda()`` leaves a tensor where it
    is.

    Args:
        folders: What is put before the search path.
        absent: Modules that are not there or are not wanted: name -> attributes. An attribute that is not
            given is a function that does nothing.
        transformers: A folder with an older transformers, in the place of the installed one.
    """
    ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] in _OF_TRANSFORMERS}
    before = set(sys.modules)
    path = list(sys.path)
    if transformers is not None:
        folders = [transformers, *folders]
        for name in ours:
            del sys.modules[name]
    sys.path[:0] = [str(folder) for folder in folders]
    for name, attributes in absent.items():
        sys.modules[name] = _StandIn(name, attributes)
    here = patch.object(torch.Tensor, "cuda", lambda self, *_, **__: self)
    modules = patch.object(torch.nn.Module, "cuda", lambda self, *_, **__: self)
    try:
        with here, modules, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an older day's calls
            yield
    finally:
        sys.path[:] = path
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) or ""
            foreign = any(file.startswith(str(folder)) for folder in folders) or name in absent
            if (name not in before and foreign) or name in absent:
                del sys.modules[name]
        if transformers is not None:
            for name in [name for name in sys.modules if name.split(".")[0] in _OF_TRANSFORMERS]:
                del sys.modules[name]
            sys.modules.update(ours)


class With:
    """A module with some attributes of one's own in their place.

    Args:
        module: What has all others.
        **own: The attributes.
    """

    def __init__(self, module: Any, **own: Any) -> None:
        self.__dict__.update(own, _module=module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class Loader(list):
    """Batches as a released training loop asks for them: with a data set's length and a sampler.

    Args:
        batches: The batches.
        rows: The length.
    """

    def __init__(self, batches: list[Any], rows: int) -> None:
        super().__init__(batches)
        self.dataset = range(rows)
        self.sampler = SimpleNamespace(set_epoch=lambda epoch: None)


class _StandIn(ModuleType):
    def __init__(self, name: str, attributes: Mapping[str, Any]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.__dict__.update(attributes)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None
