"""The nodes that a cluster may add, by its launcher's file."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from orchestrator.execution import cluster_resources
from orchestrator.execution.cluster_resources import possible_nodes

GPU, CPU = {"CPU": 4, "GPU": 1}, {"CPU": 8}
TYPES = {
    "head": {"resources": {"CPU": 4}},
    "small": {"resources": CPU, "max_workers": 3},
    "gpu": {"resources": GPU, "max_workers": 2},
}


def _config(**changes):
    return {"max_workers": 4, "head_node_type": "head", "available_node_types": TYPES} | changes


@pytest.mark.parametrize(
    ("config", "workers", "nodes"),
    [
        (_config(), 0, [GPU, GPU, CPU, CPU]),
        (_config(), 3, [GPU]),
        (_config(), 5, []),
        (_config(max_workers=9), 0, [GPU, GPU, CPU, CPU, CPU]),
        (_config(available_node_types={"head": {}, "any": {"resources": CPU}}), 1, [CPU] * 3),
        (_config(available_node_types={"head": {}}), 0, []),  # your own machines have no types
        (_config(available_node_types=None), 0, []),
    ],
)
def test_as_many_machines_as_the_file_allows(config, workers, nodes):
    assert possible_nodes(config, workers) == nodes


def test_the_shipped_file_allows_gpu_machines():
    shipped = yaml.safe_load((Path(__file__).parents[3] / "cluster.yaml").read_text())
    assert len(possible_nodes(shipped, 0)) == shipped["max_workers"]


def test_the_autoscalers_file_is_found_also_below_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    wait = "import time; time.sleep(60)"
    options = ["--gcs-address=10.0.0.1:1234", "--autoscaling-config=~/made.yaml"]
    with subprocess.Popen([sys.executable, "-c", wait, *options]) as process:
        try:
            assert cluster_resources._autoscaling_config("10.0.0.1:1234") == tmp_path / "made.yaml"
            assert cluster_resources._autoscaling_config("10.0.0.1:9") is None
        finally:
            process.kill()
