"""Optimisers that do not import torch's compiler."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

_COMPILER = "torch._dynamo"


def without_compiler() -> None:
    """Keeps torch's optimisers from importing ``torch._dynamo`` where nothing is compiled.

    An optimiser imports it to hide itself from it, which takes as long as to import torch. From here on,
    a stand-in answers optimisers. Whatever else asks for the compiler, ``torch.compile`` among it, gets the
    real one, from which optimisers are then hidden. A process that has imported it is left as it is.

    It goes by private parts of torch 2.9 to 2.15. Where they are others, an optimiser imports the compiler as
    before.
    """
    if _COMPILER in sys.modules:
        return
    sys.modules[_COMPILER] = _StandIn()  # type: ignore[assignment]  # it stands in for a module
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        function = getattr(getattr(Optimizer, name, None), "__wrapped__", None)
        if function is not None:
            # Where torch keeps what hides the function, once it has made it.
            setattr(function, "__dynamo_disable", _hidden_later(function))  # noqa: B010


class _StandIn:
    """What ``import torch._dynamo`` finds until something of it is used.

    It is no ModuleType: cloudpickle, in search of where a value was defined, asks each module for it.
    """

    def graph_break(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing, as without a compiler: an optimiser calls it around each step."""

    def __getattr__(self, name: str) -> Any:
        # What looks through all modules asks for __file__ and the like, an import for __spec__. The import of
        # a submodule asks for __path__ first.
        if _waits() and name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        return getattr(_compiler(), name)


def _waits() -> bool:
    return isinstance(sys.modules.get(_COMPILER), _StandIn)


def _compiler() -> Any:
    if _waits():
        del sys.modules[_COMPILER]
        vars(torch).pop("_dynamo", None)
    return importlib.import_module(_COMPILER)


def _hidden_later(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if _waits():
            return function(*args, **kwargs)
        hidden = _compiler().disable(function, True, wrapping=False)
        setattr(function, "__dynamo_disable", hidden)  # noqa: B010
        return hidden(*args, **kwargs)

    return call
