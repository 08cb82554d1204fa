"""Optimisers and libraries that do not import torch's compiler."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any

import torch
from torch.optim import Optimizer

_COMPILER = "torch._dynamo"
# Names of the compiler that libraries take when they are imported, and call later or never: torchvision
# (roi_align) and transformers (masking_utils). torch's own flex_attention takes the second one when it is
# called.
_TAKEN = {
    "torch._dynamo.utils": "is_compile_supported",
    "torch._dynamo._trace_wrapped_higher_order_op": "TransformGetItemToIndex",
}


def without_compiler() -> None:
    """Keeps torch's optimisers, torchvision, timm and transformers from importing ``torch._dynamo`` where
    nothing is compiled.

    An optimiser imports it to hide itself from it, which takes as long as to import torch. The libraries take
    a name of it, or set an option. From here on, a stand-in answers them. Whatever else asks for the
    compiler, ``torch.compile`` among it, gets the real one, from which optimisers are then hidden. A process
    that has imported it is left as it is.

    It uses private parts of torch 2.9 to 2.15. Where these differ, an optimiser or a library imports the
    compiler as before.
    """
    if _COMPILER in sys.modules:
        return
    sys.modules[_COMPILER] = _StandIn()  # type: ignore[assignment]  # it stands in for a module
    sys.meta_path.insert(0, _OnceImported())
    for module, taken in _TAKEN.items():
        sys.modules[module] = _Part(module, taken)  # type: ignore[assignment]  # is no module
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        function = getattr(getattr(Optimizer, name, None), "__wrapped__", None)
        if function is not None:
            # torch keeps here what hides the function, once it has made it.
            setattr(function, "__dynamo_disable", _hidden_later(function))  # noqa: B010


class _OnceImported:
    """Finds the submodules that the compiler itself has imported. Python asks the stand-in for its path
    before it imports a submodule. That imports the compiler, with the submodule, which Python would then
    import a second time.
    """

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """See ``importlib.abc.MetaPathFinder``."""
        if not name.startswith(f"{_COMPILER}.") or not isinstance(sys.modules.get(name), ModuleType):
            return None
        return spec_from_loader(name, _Imported(sys.modules[name]))


class _Imported(Loader):
    """Gives a module that is there already, as it is."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """See ``importlib.abc.Loader``."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """See ``importlib.abc.Loader``."""
        with suppress(AttributeError):  # the compiler's options cannot be set
            module.__spec__ = self._spec


class _StandIn:
    """What ``import torch._dynamo`` finds until something of it is used.

    It is no ModuleType: cloudpickle, in search of where a value was defined, asks each module for it.
    """

    def __init__(self) -> None:
        self.config = _Options()
        self.marked: list[tuple[str, Any]] = []
        self.trace_rules = _Rules()

    def graph_break(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing, as without a compiler: an optimiser calls it around each step."""

    def disable(self, fn: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Hides a function from the compiler as soon as there is one. timm decorates one (naflexvit), and
        transformers (integrations).
        """
        if fn is None and _waits():
            return lambda fn: self.disable(fn, *args, **kwargs)
        if not (_waits() and inspect.isfunction(fn)):
            return _compiler().disable(fn, *args, **kwargs)

        @functools.wraps(fn)
        def call(*given: Any, **named: Any) -> Any:
            if _waits():
                return fn(*given, **named)
            return _compiler().disable(fn, *args, **kwargs)(*given, **named)

        return call

    def assume_constant_result(self, fn: Any) -> Any:
        """Marks a function as soon as there is a compiler, as transformers asks for (integrations)."""
        self.marked.append(("assume_constant_result", fn))
        return fn

    def allow_in_graph(self, fn: Any) -> Any:
        """Marks a function as soon as there is a compiler, as transformers asks for (integrations)."""
        self.marked.append(("allow_in_graph", fn))
        return fn

    def __getattr__(self, name: str) -> Any:
        # Code that looks through all modules asks for __file__ and the like, and an import asks for __spec__.
        # The import of a submodule asks for __path__ first.
        if _waits() and name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        return getattr(_compiler(), name)


class _Options:
    """Stands in for the compiler's options: what is set is set as soon as there is a compiler. timm sets one
    (optim/kron).
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if _waits():
            vars(self)[name] = value
        else:
            setattr(_compiler().config, name, value)

    def __getattr__(self, name: str) -> Any:
        if _waits() and name.startswith("__"):
            raise AttributeError(name)
        return getattr(_compiler().config, name)


class _Rules:
    """Stands in for the compiler's rules, whose memory a process group clears as it begins."""

    def clear_lru_cache(self) -> None:
        """Does nothing where there is no compiler: it remembers nothing."""
        if not _waits():
            _compiler().trace_rules.clear_lru_cache()

    def __getattr__(self, name: str) -> Any:
        if _waits() and name.startswith("__"):
            raise AttributeError(name)
        return getattr(_compiler().trace_rules, name)


class _Part:
    """Stands in for a module of the compiler, of which a library takes one name."""

    def __init__(self, module: str, taken: str) -> None:
        self._module = module

        def call(*args: Any, **kwargs: Any) -> Any:
            _compiler()
            return getattr(importlib.import_module(module), taken)(*args, **kwargs)

        setattr(self, taken, call)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _compiler()
        return getattr(importlib.import_module(self._module), name)


def _waits() -> bool:
    return isinstance(sys.modules.get(_COMPILER), _StandIn)


def _compiler() -> Any:
    if _waits():
        stood_in = sys.modules.pop(_COMPILER)
        for module in _TAKEN:
            del sys.modules[module]
        vars(torch).pop("_dynamo", None)
        compiler = importlib.import_module(_COMPILER)
        for name, value in vars(stood_in.config).items():
            setattr(compiler.config, name, value)
        for name, function in stood_in.marked:
            getattr(compiler, name)(function)
    return importlib.import_module(_COMPILER)


def _hidden_later(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if _waits():
            return function(*args, **kwargs)
        hidden = _compiler().disable(function, True, wrapping=False)
        setattr(function, "__dynamo_disable", hidden)  # noqa: B010
        return hidden(*args, **kwargs)

    return call
