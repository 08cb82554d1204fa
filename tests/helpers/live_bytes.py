"""The most bytes of tensors that live at once, counted and not timed."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary


class LiveBytes(TorchDispatchMode):
    """Counts what is allocated inside its block, forward and backward, until nothing holds it any more.

    ``peak`` is the most at once. What was there before is not counted. A buffer inside an operation isn't
    either.
    """

    def __init__(self):
        super().__init__()
        self.peak = self._now = 0
        self._known = WeakIdKeyDictionary()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        for tensor in tree_leaves((args, kwargs or {})):
            if isinstance(tensor, torch.Tensor):
                self._known.setdefault(tensor.untyped_storage(), False)
        found = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(found):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage() not in self._known:
                self._count(tensor.untyped_storage())
        return found

    def _count(self, storage):
        self._known[storage] = True
        self._now += storage.nbytes()
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._freed, storage.nbytes())

    def _freed(self, size):
        self._now -= size
