"""Takes methods and streams from outside the project to every machine that trains with them."""

from __future__ import annotations

import socket
from pathlib import Path

from methods import registry as methods
from methods.outside import code_of

from ..config import RunConfig
from ..errors import UserError
from ..streams import registry as streams
from .cluster_resources import living_nodes
from .ray_address import ray_address

_PATIENCE = 120.0  # seconds in which a machine imports what it is to train with
_INSTALLED = ("site-packages", "dist-packages")


def sent_modules(config: RunConfig) -> list[str]:
    """Files and folders that a cluster's machines need to import a run's method and stream. For a class from
    outside the project it is the class's module, with the whole package around it.

    Installed packages are not sent. They may need other packages, so that they have to be installed on the
    cluster's machines as well. A Ray of this machine's own finds everything where it lies.
    """
    if ray_address() is None:
        return []
    found = (path for name, cls in _outside(config) for path in code_of(name, cls))
    return [path for path in dict.fromkeys(found) if not {*Path(path).parts} & {*_INSTALLED}]


def check_machines(config: RunConfig) -> None:
    """Tries on each machine of a cluster to import a run's method and stream.

    Raises:
        UserError: A machine cannot import them. The message is one line and names the machine.
    """
    outside = [name for name, _ in _outside(config)]
    if ray_address() is None or not outside:
        return
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = [
        ray.remote(_why_not)
        .options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False))
        .remote(config.method_name, config.stream_name)
        for node in living_nodes()
    ]
    answered, _ = ray.wait(asked, num_returns=len(asked), timeout=_PATIENCE)
    for answer in answered:  # the lanes report a machine that does not answer
        try:
            problem = ray.get(answer)
        except RayError as error:  # what was sent could not be unpacked, or the project there is an older one
            line = str(error).strip().splitlines()[-1]
            problem = f"a machine of the cluster cannot be given {', '.join(outside)}: {line}"
        if problem:
            raise UserError(problem)


def _outside(config: RunConfig) -> list[tuple[str, type]]:
    pairs = ((methods, config.method_name), (streams, config.stream_name))
    return [(name, registry.get(name)) for registry, name in pairs if registry.outside(name)]


def _why_not(method: str, stream: str) -> str:
    for registry, name in ((methods, method), (streams, stream)):
        try:
            registry.get(name)
        except (ValueError, UserError) as error:
            return f"on {socket.gethostname()}: {error}"
    return ""
