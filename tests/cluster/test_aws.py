"""docs/aws: what the roles of cluster.yaml's machines may do, without an account.

Ray's own provider and our storage are run against moto, and what they ask AWS for is looked up in the
policies. What a call needs, by AWS's service authorization reference, stands in :func:`_needs`; moto itself
does not look at conditions.
"""

import fnmatch
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / "docs/aws"
_ACCOUNT, _REGION = "123456789012", "us-west-2"
_BUCKET = f"vlcl-{_ACCOUNT}"
_POLICIES = {"vlcl-head": ("storage", "machines"), "vlcl-worker": ("storage",)}


def _statements(role):
    """What docs/howto/aws.md gives a role."""
    texts = [(_FOLDER / f"{name}.json").read_text().replace("ACCOUNT", _ACCOUNT) for name in _POLICIES[role]]
    return [statement for text in texts for statement in json.loads(text)["Statement"]]


def _list(value):
    return [value] if isinstance(value, str) else value


def _may(role, action, resource, **about):
    """Whether a role may do that; ``about``: what AWS knows of the request, by the names of conditions."""
    for statement in _statements(role):
        assert statement["Effect"] == "Allow" and set(statement.get("Condition", {})) <= {"StringEquals"}
        wanted = statement.get("Condition", {}).get("StringEquals", {})
        if (
            any(fnmatch.fnmatchcase(action, one) for one in _list(statement["Action"]))
            and any(fnmatch.fnmatchcase(resource, one) for one in _list(statement["Resource"]))
            and all(about.get(name) == value for name, value in wanted.items())
        ):
            return True
    return False


def _ec2(kind, name="x", account=_ACCOUNT):
    return f"arn:aws:ec2:{_REGION}:{account}:{kind}/{name}"


def _tags(of, tags):
    return {f"aws:{of}Tag/{tag['Key']}": tag["Value"] for tag in tags}


def _needs(operation, asked, tags_of):
    """(action, resource, what is known of the request), all of which a call to EC2 needs."""
    if operation == "DescribeInstances":
        yield "ec2:DescribeInstances", "*", {}
    elif operation == "TerminateInstances":
        for machine in asked["InstanceIds"]:
            yield "ec2:TerminateInstances", _ec2("instance", machine), _tags("Resource", tags_of(machine))
    elif operation == "CreateTags":
        for machine in asked["Resources"]:
            about = _tags("Resource", tags_of(machine)) | _tags("Request", asked["Tags"])
            yield "ec2:CreateTags", _ec2("instance", machine), about
    elif operation == "RunInstances":
        (specification,) = asked["TagSpecifications"]
        assert specification["ResourceType"] == "instance"
        about = _tags("Request", specification["Tags"])
        yield "ec2:RunInstances", _ec2("instance", "*"), about
        yield "ec2:CreateTags", _ec2("instance", "*"), about | {"ec2:CreateAction": "RunInstances"}
        kinds = ["key-pair", "network-interface", "security-group", "subnet", "volume"]
        kinds += ["spot-instances-request"] * ("InstanceMarketOptions" in asked)
        for kind in kinds:
            yield "ec2:RunInstances", _ec2(kind), {}
        yield "ec2:RunInstances", _ec2("image", "ami-1", ""), {}
        image = asked["ImageId"].removeprefix("resolve:ssm:")
        yield "ssm:GetParameters", f"arn:aws:ssm:{_REGION}::parameter{image}", {}
        role = f"arn:aws:iam::{_ACCOUNT}:role/{asked['IamInstanceProfile']['Name']}"
        yield "iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"}
    else:
        raise AssertionError(f"nobody said what {operation} needs")


@pytest.fixture
def shipped():
    return yaml.safe_load((_ROOT / "cluster.yaml").read_text())


@pytest.fixture
def account(monkeypatch):
    """An account that has the roles, as docs/howto/aws.md makes them: a client of its IAM."""
    from moto import mock_aws

    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": _REGION}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        import boto3

        client = boto3.client("iam")
        for role, names in _POLICIES.items():
            trust = (_FOLDER / "trust.json").read_text()
            client.create_role(RoleName=role, AssumeRolePolicyDocument=trust)
            for name in names:
                text = (_FOLDER / f"{name}.json").read_text().replace("ACCOUNT", _ACCOUNT)
                client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=text)
            client.create_instance_profile(InstanceProfileName=role)
            client.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
        yield client


@pytest.fixture
def provider(account, shipped):
    """Ray's provider as the head has it, and what it has asked AWS for: (operation, parameters)."""
    from ray.autoscaler._private.aws import utils
    from ray.autoscaler._private.aws.node_provider import AWSNodeProvider

    utils.resource_cache.cache_clear()
    made = AWSNodeProvider({**shipped["provider"], "region": _REGION}, shipped["cluster_name"])
    calls = []
    for one in (made.ec2, made.ec2_fail_fast):
        one.meta.client.meta.events.register(
            "provide-client-params.ec2.*",
            lambda params, model, **_: calls.append((model.name, dict(params))),
        )
    yield made, calls
    utils.resource_cache.cache_clear()


def _start(provider, node, cluster, monkeypatch):
    """A machine of a node type, started as Ray's second autoscaler does."""
    import boto3
    from ray.autoscaler.tags import TAG_RAY_NODE_KIND, TAG_RAY_NODE_NAME

    client = boto3.client("ec2", _REGION)
    (group,) = client.describe_security_groups()["SecurityGroups"][:1]
    subnets = [subnet["SubnetId"] for subnet in client.describe_subnets()["Subnets"]]
    where = {"SubnetIds": subnets, "SecurityGroupIds": [group["GroupId"]], "KeyName": "k"}
    tags = {TAG_RAY_NODE_NAME: "ray-x-worker", TAG_RAY_NODE_KIND: "worker"}
    monkeypatch.setattr(provider, "cluster_name", cluster)
    return list(provider.create_node({**node, **where}, tags, 1))


def test_rays_autoscaler_may_do_what_it_does_on_the_head_and_a_worker_nothing_of_it(
    provider, shipped, monkeypatch
):
    provider, calls = provider
    machines = []
    for name in ("worker.spot", "worker.on-demand"):
        node = shipped["available_node_types"][name]["node_config"]
        machines += _start(provider, node, shipped["cluster_name"], monkeypatch)
    assert sorted(provider.non_terminated_nodes({})) == sorted(machines)
    monkeypatch.setattr("ray.autoscaler._private.aws.node_provider.TAG_BATCH_DELAY", 0)
    provider.set_node_tags(machines[0], {"ray-node-status": "up-to-date"})
    provider.terminate_node(machines[0])
    provider.terminate_nodes(machines[1:])
    seen = {operation for operation, _ in calls}
    assert seen == {"RunInstances", "DescribeInstances", "CreateTags", "TerminateInstances"}

    def tags_of(machine):
        return provider.ec2.Instance(machine).tags

    needed = [need for call in list(calls) for need in _needs(*call, tags_of)]
    assert any("spot-instances-request" in resource for _, resource, _ in needed)
    for action, resource, about in needed:
        assert _may("vlcl-head", action, resource, **about), (action, resource, about)
        assert not _may("vlcl-worker", action, resource, **about), (action, resource)


def test_the_head_may_neither_start_nor_touch_another_clusters_machines(provider, shipped, monkeypatch):
    provider, calls = provider
    node = shipped["available_node_types"]["worker.spot"]["node_config"]
    (machine,) = _start(provider, node, "another", monkeypatch)
    provider.terminate_node(machine)
    monkeypatch.setattr("ray.autoscaler._private.aws.node_provider.TAG_BATCH_DELAY", 0)
    provider.set_node_tags(machine, {"ray-cluster-name": "vlcl"})
    tags = [{"Key": "ray-cluster-name", "Value": "another"}]
    for operation in ("RunInstances", "TerminateInstances", "CreateTags"):
        (asked,) = [parameters for name, parameters in calls if name == operation]
        needed = list(_needs(operation, asked, lambda machine: tags))
        assert not all(_may("vlcl-head", action, on, **about) for action, on, about in needed), operation
    for tags in ([], [{"Key": "Name", "Value": "vlcl"}]):
        about = _tags("Resource", tags)
        assert not _may("vlcl-head", "ec2:TerminateInstances", _ec2("instance"), **about)
        assert not _may("vlcl-head", "ec2:RunInstances", _ec2("instance"), **_tags("Request", tags))
        assert not _may("vlcl-head", "ec2:CreateTags", _ec2("instance"), **about)


def test_the_head_gives_machines_the_workers_role_and_no_other():
    ec2 = {"iam:PassedToService": "ec2.amazonaws.com"}
    roles = {name: f"arn:aws:iam::{_ACCOUNT}:role/{name}" for name in ("vlcl-worker", "vlcl-head", "admin")}
    allowed = [name for name, role in roles.items() if _may("vlcl-head", "iam:PassRole", role, **ec2)]
    assert allowed == ["vlcl-worker"]
    other = {"iam:PassedToService": "lambda.amazonaws.com"}
    assert not _may("vlcl-head", "iam:PassRole", roles["vlcl-worker"], **other)


def test_cluster_yaml_and_the_page_use_these_roles(shipped):
    types = shipped["available_node_types"]
    profiles = {name: node["node_config"]["IamInstanceProfile"] for name, node in types.items()}
    head = profiles.pop(shipped["head_node_type"])
    assert head == {"Name": "vlcl-head"} and set(map(str, profiles.values())) == {"{'Name': 'vlcl-worker'}"}
    for statement in _statements("vlcl-head"):
        for name, value in statement.get("Condition", {}).get("StringEquals", {}).items():
            if name.endswith("Tag/ray-cluster-name"):
                assert value == shipped["cluster_name"]
    page = (_ROOT / "docs/howto/aws.md").read_text()
    assert "for role in vlcl-head vlcl-worker; do" in page
    given = re.findall(r"--role-name (\S+) --policy-name (\w+) .*docs/aws/(\w+)\.json", page)
    assert given == [("$role", "storage", "storage"), ("vlcl-head", "machines", "machines")]


def test_the_documents_are_taken_whole(account):
    for role, names in _POLICIES.items():
        kept = [account.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        assert [s for document in kept for s in document["Statement"]] == _statements(role)
        trust = account.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert [statement["Principal"] for statement in trust] == [{"Service": "ec2.amazonaws.com"}]


# What calls to S3 need, by AWS's reference. Those by parts are for checkpoints of 100 MiB and more.
_S3 = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObject": "s3:DeleteObject",
    "DeleteObjects": "s3:DeleteObject",
}

_STORES = """
import json, sys
from pathlib import Path
from aiobotocore.client import AioBaseClient
calls, ask = set(), AioBaseClient._make_api_call
async def asking(self, operation, parameters):
    calls.add(operation)
    return await ask(self, operation, parameters)
AioBaseClient._make_api_call = asking
from orchestrator.storage.url_folder import Storage
store = Storage(sys.argv[1]).check().below("run")
Path("small").write_bytes(b"a")
store.put(Path("small"), "trials/small")
store.write("state.json", "{}")
assert store.create("claim", "mine") and not store.create("claim", "his")
assert store.read("state.json") == b"{}" and store.read("none") is None
assert store.get("trials/small", Path("back")) and not store.get("none", Path("nothing"))
assert store.get_into(Path("."), "trials/small", "again")
assert set(store.names()) >= {"trials/small", "claim"}
store.delete("trials")
print(json.dumps(sorted(calls)))
"""


def test_a_storage_may_do_what_it_does_in_the_accounts_bucket_alone(s3, tmp_path):
    line = [sys.executable, "-c", _STORES, s3]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    calls = set(json.loads(done.stdout))
    assert {"PutObject", "GetObject", "HeadObject", "ListObjectsV2"} <= calls <= _S3.keys()
    mine, his = {"aws:ResourceAccount": _ACCOUNT}, {"aws:ResourceAccount": "210987654321"}
    for operation, action in _S3.items():
        bucket = f"arn:aws:s3:::{_BUCKET}"
        resource = bucket if operation == "ListObjectsV2" else f"{bucket}/runs/x"
        for role in _POLICIES:
            assert _may(role, action, resource, **mine), operation
            assert not _may(role, action, resource, **his), operation
            assert not _may(role, action, resource.replace(_BUCKET, f"{_BUCKET}-2"), **mine), operation
    for role in _POLICIES:
        for action in ("s3:DeleteBucket", "s3:PutBucketPolicy", "s3:ListAllMyBuckets"):
            assert not _may(role, action, f"arn:aws:s3:::{_BUCKET}", **mine)
