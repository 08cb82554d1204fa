"""For processes of a cluster whose machines have GPUs in Ray's books alone: they compute on the CPU."""

import importlib.abc
import importlib.util
import sys


class _WithoutCuda(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "orchestrator.execution.worker_device":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            module.worker_device = lambda asked, granted: module.torch.device("cpu")

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, _WithoutCuda())
