"""A head whose autoscaler makes machines of processes: ``python -m fake_machines CONFIG FOLDER PORT``.

It starts what ``ray start`` would, but for what nobody asks anything: to read that command's code takes
seconds, and each machine would have a process that reads logs.
"""

import functools
import sys
from unittest import mock

from ray._private import node, parameter
from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID, FakeMultiNodeProvider


class Machines(FakeMultiNodeProvider):
    """Ray's own provider for tests."""

    def _create_node_with_resources_and_labels(self, *args):
        bare = functools.partial(parameter.RayParams, include_log_monitor=False)
        with mock.patch.object(parameter, "RayParams", bare):
            super()._create_node_with_resources_and_labels(*args)


def _start_head(config, folder, port):
    params = parameter.RayParams(
        autoscaling_config=config,
        temp_dir=folder,
        gcs_server_port=int(port),
        num_cpus=0,
        object_store_memory=300_000_000,
        include_dashboard=False,
        include_log_monitor=False,
        env_vars={"RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID},
    )
    node.Node(params, head=True, shutdown_at_exit=False, spawn_reaper=False)


if __name__ == "__main__":
    _start_head(*sys.argv[1:])
