"""A GPU that is pretended: code meets its device errors on a machine that has none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

DEVICE = torch.device("cuda:0")
"""Where pretended tensors say they are."""

_MAKE = (
    *("empty", "zeros", "ones", "full", "arange", "linspace", "eye", "tensor", "as_tensor", "asarray"),
    *("rand", "randn", "randint", "randperm", "normal", "scalar_tensor", "tril_indices", "triu_indices"),
    *("empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like", "empty_strided"),
)
_INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index", "_unsafe_index_put")
_ACROSS = ("copy_", "_to_copy", "set_")
_TAKES_SCALARS = ("masked_fill", "masked_fill_", "fill_", "fill")


class Pretended(Tensor):
    """A tensor that lies in the CPU's memory and says that it is on :data:`DEVICE`.

    What it meets it treats as a tensor of a GPU does. An operation on tensors of both devices raises a
    RuntimeError, but for copies, for tensors of the CPU without axes in element-wise operations, and for
    indices of the CPU. NumPy cannot read it (TypeError). Values are the CPU's to the digit.
    """

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        given: list[Tensor] = []
        _gather(args, given)
        if kwargs:
            _gather(kwargs.values(), given)
        strange = [tensor for tensor in given if not isinstance(tensor, Pretended)]
        if strange:
            _check(func, args, strange)
        with torch._C._DisableTorchDispatch():
            return _taken(func(*args, **(kwargs or {})), given)

    device = property(lambda self: DEVICE)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    def get_device(self) -> int:
        return DEVICE.index

    def cpu(self) -> Tensor:
        return _to(self, "cpu")

    def tolist(self) -> Any:
        return _to(self, "cpu").tolist()

    def __setitem__(self, index: Any, value: Any) -> None:
        # Lists and tensors of the CPU are brought over, as where a GPU is indexed.
        parts = index if isinstance(index, tuple) else (index,)
        super().__setitem__(tuple(_brought(part) for part in parts), value)

    def numpy(self, *, force: bool = False) -> Any:
        if force:
            return _to(self, "cpu").numpy()
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.numpy()

    def new_tensor(self, data: Any, **kwargs: Any) -> Tensor:
        return torch.tensor(data, **{"dtype": self.dtype, "device": DEVICE, **kwargs})

    def __deepcopy__(self, memo: dict) -> Tensor:
        if id(self) not in memo:
            made = self.detach().clone().requires_grad_(self.requires_grad)
            if isinstance(self, nn.Parameter):
                made._is_param = True
            memo[id(self)] = made
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a pretended tensor is not to be pickled: bring it to the CPU")

    def __repr__(self) -> str:
        return f"Pretended({tuple(self.shape)}, {self.dtype})"


class _Generator(torch.Generator):
    """A generator that says it is on :data:`DEVICE`."""

    device = property(lambda self: DEVICE)


class _Move(torch.autograd.Function):
    """A copy of a tensor on the other device; the gradient goes back."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, pretend: bool) -> Tensor:
        ctx.pretend = isinstance(tensor, Pretended)
        return _copied(tensor, pretend)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _copied(gradient, ctx.pretend), None


@contextmanager
def pretended_device() -> Iterator[torch.device]:
    """Makes torch take :data:`DEVICE` for a GPU until the end: factories, ``to``, generators, autocast and
    what is asked of ``torch.cuda``. For one process, all its threads.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in _MAKE:
            patch.setattr(torch, name, _maker(getattr(torch, name)))
        patch.setattr(Tensor, "to", _to)
        patch.setattr(Tensor, "cuda", lambda self, *_, **__: _to(self, DEVICE))
        patch.setattr(nn.Module, "to", _module_to)
        patch.setattr(torch, "Generator", _generator)
        patch.setattr(torch, "autocast", _Autocast)
        patch.setattr(torch, "is_autocast_enabled", _asked_of_cpu(torch.is_autocast_enabled))
        patch.setattr(torch, "get_autocast_dtype", _asked_of_cpu(torch.get_autocast_dtype))
        patch.setattr(nn.functional, "one_hot", _one_hot)
        for name in _CAPTURE_CHECKS & set(vars(torch.optim.Optimizer)):
            patch.setattr(torch.optim.Optimizer, name, lambda self: None)
        for name, answer in _CUDA.items():
            patch.setattr(torch.cuda, name, lambda *_, answer=answer, **__: answer)
        yield DEVICE


_CUDA = {
    **{
        "is_available": True,
        "device_count": 1,
        "current_device": 0,
        "set_device": None,
        "empty_cache": None,
        "synchronize": None,
        "reset_peak_memory_stats": None,
        "max_memory_allocated": 0,
        "is_initialized": True,
        "manual_seed": None,
        "manual_seed_all": None,
    },
}
_CAPTURE_CHECKS = {"_cuda_graph_capture_health_check", "_accelerator_graph_capture_health_check"}


def _check(func: Any, args: tuple, strange: list[Tensor]) -> None:
    """Raises as CUDA does where ``strange`` tensors, those of the CPU, meet others."""
    name = func.overloadpacket.__name__
    if name in _ACROSS:
        return
    if torch._C._current_autograd_node() is not None:
        return  # autograd makes the zeros of what had no gradient where the memory is
    if name in _INDEXING:
        if isinstance(args[0], Pretended):
            values = args[2:3]
            if all(isinstance(v, Pretended) or v.dim() == 0 for v in values if isinstance(v, Tensor)):
                return
        raise RuntimeError(f"{func}: indices should be either on cpu or on the same device (cuda:0 and cpu)")
    by_element = torch.Tag.pointwise in func.tags or name in _TAKES_SCALARS or name.startswith("_foreach")
    written = name.endswith("_") and args[0] is strange[0]
    if by_element and not written and all(tensor.dim() == 0 for tensor in strange):
        return
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in strange)
    raise RuntimeError(
        f"{func}: expected all tensors to be on the same device, but found at least two devices, cuda:0 and "
        f"cpu (of shape {shapes})"
    )


def _gather(values: Iterable, given: list[Tensor]) -> None:
    """Puts the tensors among an operation's arguments, and in their lists, into ``given``."""
    for value in values:
        if isinstance(value, Tensor):
            given.append(value)
        elif isinstance(value, (list, tuple)):
            _gather(value, given)


def _taken(found: Any, given: list[Tensor]) -> Any:
    """What an operation gave, under the pretended device; what was ``given`` to it as it is."""
    if isinstance(found, Tensor):
        return found if any(found is tensor for tensor in given) else _pretended(found)
    return type(found)(_taken(part, given) for part in found) if isinstance(found, (list, tuple)) else found


def _pretended(tensor: Tensor) -> Tensor:
    """A tensor's memory under the pretended device."""
    with torch._C._DisableTorchDispatch():
        return Tensor._make_subclass(Pretended, tensor)


def _brought(index: Any) -> Any:
    if isinstance(index, Tensor):
        return index if index.dim() == 0 else index.to(DEVICE)
    return torch.tensor(index, device=DEVICE) if isinstance(index, list) else index


def _copied(tensor: Tensor, pretend: bool) -> Tensor:
    with torch._C._DisableTorchDispatch(), torch.no_grad():
        made = tensor.detach().clone()
    return _pretended(made) if pretend else made


def _is_pretended(device: Any) -> bool:
    """Whether a device, its name or its number is the pretended one. Another GPU there is not."""
    if device is None:
        return False
    found = torch.device(device)
    if found.type == "cpu":
        return False
    if found.type != DEVICE.type or found.index not in (None, DEVICE.index):
        raise RuntimeError(f"invalid device ordinal: {found}")
    return True


def _maker(make: Callable) -> Callable:
    """A factory of torch that knows the pretended device."""

    def made(*args: Any, device: Any = None, pin_memory: bool = False, **kwargs: Any) -> Any:
        generator = kwargs.get("generator")
        by_like = any(isinstance(arg, Pretended) for arg in args) and make.__name__.endswith("_like")
        pretend = _is_pretended(device) if device is not None else by_like
        if generator is not None and isinstance(generator, _Generator) != pretend:
            expected = DEVICE.type if pretend else "cpu"
            raise RuntimeError(f"Expected a '{expected}' device type for generator")
        found = make(*args, **kwargs)
        if device is None or isinstance(found, Pretended) == pretend:
            return found
        # Fresh memory but for as_tensor and asarray, which would share the CPU's.
        return _copied(found.detach(), pretend).requires_grad_(found.requires_grad)

    made.__name__ = make.__name__
    return made


_tensor_to = Tensor.to
_module_to_cpu = nn.Module.to


def _to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """``Tensor.to``."""
    kwargs.pop("non_blocking", None)
    copied = kwargs.pop("copy", False)
    target = kwargs.pop("device", None)
    if args and isinstance(args[0], Tensor):
        target, args = args[0].device, (args[0].dtype, *args[1:])
    elif args and isinstance(args[0], (str, int, torch.device)):
        target, args = args[0], args[1:]
    pretend = isinstance(self, Pretended) if target is None else _is_pretended(target)
    args = tuple(arg for arg in args if isinstance(arg, torch.dtype))
    found = self if isinstance(self, Pretended) == pretend else _Move.apply(self, pretend)
    if args or kwargs:
        found = _tensor_to(found, *args, **kwargs)
    return found.clone() if copied and found is self else found


def _module_to(self: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
    """``nn.Module.to``; parameters stay the objects they are."""
    device, dtype, _, _ = torch._C._nn._parse_to(*args, **kwargs)
    if dtype is not None:
        _module_to_cpu(self, dtype)
    if device is None:
        return self
    pretend = _is_pretended(device)
    for module in self.modules():
        for own in module._parameters.values():
            if own is not None and isinstance(own, Pretended) != pretend:
                made = nn.Parameter(_copied(own, pretend), own.requires_grad)
                if own.grad is not None:
                    made.grad = _copied(own.grad, pretend)
                torch.utils.swap_tensors(own, made)
        for name, own in module._buffers.items():
            if own is not None and isinstance(own, Pretended) != pretend:
                module._buffers[name] = _copied(own, pretend)
    return self


def _generator(device: Any = "cpu") -> torch.Generator:
    return _Generator() if _is_pretended(device) else _CpuGenerator()


_CpuGenerator = torch.Generator


class _Autocast(torch.autocast):
    """Autocast on the pretended device is the CPU's."""

    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu" if device_type == DEVICE.type else device_type, *args, **kwargs)


def _one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """``one_hot``, whose C++ makes its numbers 0 .. C - 1 where the memory is."""
    classes = int(tensor.max()) + 1 if num_classes < 0 else num_classes
    return (tensor[..., None] == torch.arange(classes, device=tensor.device)).long()


def _asked_of_cpu(ask: Callable) -> Callable:
    return lambda device=None: ask("cpu" if device in (None, DEVICE.type) else device)
