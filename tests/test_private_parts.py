"""What Ray, Optuna and MLflow do not promise to keep: four modules alone use it, and it is still there.
No Ray is started.
"""

import ast
import inspect
import json
import re
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_BEHIND = {
    "orchestrator/execution/ray_private.py",
    "orchestrator/execution/train_private.py",
    "orchestrator/search/optuna_private.py",
    "orchestrator/tracking/mlflow_private.py",
}
_PRIVATE = re.compile(
    r"(ray|mlflow|optuna)\..*\b(_\w+|impl|generated|class_cache)\b"
    r"|ray\._|mlflow\.server|ray\.train\.torch\.config"
)

_TRAIN = "ray.train.v2._internal.execution"
# Module, name -> the parameters that a call of ours gives it; None: it is not called, or takes none.
_USED = {
    ("ray._private.ray_constants", "RAY_ENABLE_UV_RUN_RUNTIME_ENV"): None,
    ("ray._private.ray_constants", "ENABLE_RAY_CLUSTER"): None,
    ("ray._private.auto_init_hook", "enable_auto_connect"): None,
    ("ray._private.services", "ConsolePopen"): None,
    ("ray._private.services", "get_node"): ["gcs_address", "node_id"],
    ("ray._private.services", "_get_gcs_client_options"): ["gcs_server_address"],
    ("ray._private.state", "GlobalState._initialize_global_state"): ["self", "gcs_options"],
    ("ray._private.state", "GlobalState.node_table"): ["self"],
    ("ray._private.utils", "get_dashboard_dependency_error"): [],
    ("ray._private.worker", "listen_error_messages"): ["worker", "threads_stopped"],
    ("ray._private.worker", "_global_node"): None,
    ("ray._private.node", "Node.dead_processes"): ["self"],
    ("ray._private.node", "Node.is_head"): ["self"],
    ("ray._private.node", "Node.start_monitor"): ["self"],
    ("ray._private.node", "Node.start_log_monitor"): ["self"],
    ("ray._private.node", "Node.start_api_server"): None,
    ("ray._private.node", "Node.get_session_dir_path"): ["self"],
    ("ray._raylet", "Config.initialize"): None,
    ("ray._raylet", "AuthenticationTokenLoader.instance"): None,
    ("ray._raylet", "AuthenticationTokenLoader.reset_cache"): None,
    ("ray._raylet", "AuthenticationTokenLoader.has_token"): None,
    ("ray._private.accelerators", "get_accelerator_manager_for_resource"): ["resource_name"],
    ("ray._private.accelerators", "AcceleratorManager.get_current_process_visible_accelerator_ids"): [],
    ("ray._private.accelerators", "AcceleratorManager.get_current_node_num_accelerators"): [],
    ("ray._private.state", "available_resources_per_node"): [],
    ("ray._private.internal_api", "node_stats"): [
        "node_manager_address",
        "node_manager_port",
        "include_memory_info",
    ],
    ("ray._private.state", "state._connect_and_get_accessor"): [],
    ("ray._raylet", "GlobalStateAccessor.get_worker_table"): None,
    ("ray.core.generated.gcs_pb2", "WorkerTableData.FromString"): None,
    ("ray.core.generated.gcs_pb2", "WorkerTableData.JOB_ID_FIELD_NUMBER"): None,
    ("ray.core.generated.gcs_pb2", "WorkerTableData.EXIT_TYPE_FIELD_NUMBER"): None,
    ("ray.core.generated.node_manager_pb2", "GetNodeStatsReply.STORE_STATS_FIELD_NUMBER"): None,
    ("ray.core.generated.node_manager_pb2", "ObjectStoreStats.SPILLED_BYTES_TOTAL_FIELD_NUMBER"): None,
    ("ray.core.generated.common_pb2", "WorkerExitType.NODE_OUT_OF_MEMORY"): None,
    ("ray.train.torch.config", "_set_torch_distributed_env_vars"): [],
    ("ray.train.torch.config", "_setup_torch_process_group"): [
        "backend",
        "world_rank",
        "world_size",
        "init_method",
    ],
    ("ray.train.torch.config", "_shutdown_torch"): ["destroy_process_group"],
    ("ray.train.v2.api.data_parallel_trainer", "DataParallelTrainer._initialize_and_run_controller"): [
        "self"
    ],
    (
        "ray.train.v2._internal.execution.scaling_policy",
        "FixedScalingPolicy.before_controller_execute_resize_decision",
    ): [
        "self",
        "resize_decision",
    ],
    (f"{_TRAIN}.scaling_policy", "FixedScalingPolicy.after_controller_start"): [
        "self",
        "train_run_context",
    ],
    (f"{_TRAIN}.scaling_policy", "FixedScalingPolicy._maybe_send_resource_request"): ["self"],
    (f"{_TRAIN}.worker_group.worker_group", "SynchronizationActor.options"): None,
    (f"{_TRAIN}.worker_group.state", "_shutdown_sync_actor"): ["sync_actor"],
    ("ray.autoscaler._private.util", "prepare_config"): ["config"],
    ("ray.autoscaler._private.util", "validate_config"): ["config"],
    ("ray.tune.execution.tune_controller", "TuneController.is_finished"): ["self"],
    ("ray.tune.execution.tune_controller", "TuneController.step"): ["self"],
    ("ray.tune.execution.class_cache", "ENV_VARS_TO_PROPAGATE"): None,
    ("ray.air._internal.usage", "tag_callbacks"): ["callbacks"],
    ("optuna.storages", "InMemoryStorage.get_trial"): ["self", "trial_id"],
    ("mlflow.store.artifact.artifact_repository_registry", "_artifact_repository_registry.register"): [
        "scheme",
        "repository",
    ],
    ("mlflow.server.constants", "BACKEND_STORE_URI_ENV_VAR"): None,
    ("mlflow.server.constants", "ARTIFACT_ROOT_ENV_VAR"): None,
    ("mlflow.server.constants", "SERVE_ARTIFACTS_ENV_VAR"): None,
    ("mlflow.server.constants", "ARTIFACTS_DESTINATION_ENV_VAR"): None,
    ("mlflow.server.handlers", "initialize_backend_stores"): [
        "backend_store_uri",
        "registry_store_uri",
        "default_artifact_root",
    ],
    ("mlflow.server.fastapi_app", "app"): None,
}


def _problem(module, name):
    """What has changed, in words; empty: nothing."""
    found = import_module(module)
    for part in name.split("."):
        if not hasattr(found, part):
            return f"{module} has no {name} any more"
        found = getattr(found, part)
    wanted = _USED[module, name]
    if wanted is None:
        return ""
    parameters = list(inspect.signature(found).parameters.values())
    names = [parameter.name for parameter in parameters[: len(wanted)]]
    kinds = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    more = [one for one in parameters[len(wanted) :] if one.default is one.empty and one.kind not in kinds]
    if names != wanted or more:
        return f"{module}.{name} takes {inspect.signature(found)} now, was called with {wanted}"
    return ""


@pytest.fixture(scope="module")
def problems():
    """Module and name -> its problem, in a process in which no test has replaced any of them."""
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=True)
    return {tuple(key): problem for key, problem in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize(("module", "name"), _USED, ids=[f"{m}.{n}" for m, n in _USED])
def test_what_is_used_is_still_there_and_is_called_as_before(problems, module, name):
    assert problems[module, name] == ""


def test_the_table_names_every_private_module_that_is_imported():
    imported = set()
    for file in _BEHIND:
        for node in ast.walk(ast.parse((_ROOT / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name for name in imported if _PRIVATE.search(name)}
    used = {f"{module}.{name}" for module, name in _USED}
    assert len(ours) > 15
    assert [one for one in ours if not any(name == one or name.startswith(f"{one}.") for name in used)] == []


def test_tunes_search_by_optuna_keeps_its_study_and_its_trials_where_they_are_looked_for():
    from ray.tune.search.optuna import OptunaSearch

    search = OptunaSearch(lambda trial: {"x": trial.suggest_float("x", 0, 1)}, metric="m", mode="max")
    assert search.suggest("a")["x"] <= 1
    assert search._ot_trials["a"]._trial_id in {one._trial_id for one in search._ot_study.trials}
    assert search._completed_trials == set() and callable(search._space)
    search._ot_trials["a"].report(0.5, 3)
    found = search._ot_study._storage.get_trial(search._ot_trials["a"]._trial_id)
    assert found.intermediate_values == {3: 0.5}


def test_a_step_of_tunes_loop_ends_with_its_callbacks():
    """From there another search's loop is run, which steps this one."""
    from ray.tune.execution.tune_controller import TuneController

    (step,) = ast.parse(textwrap.dedent(inspect.getsource(TuneController.step))).body
    assert "self._callbacks.on_step_end(" in ast.unparse(step.body[-1])


def _touched(tree):
    """What a module says that is private to Ray, Optuna or MLflow."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute):
            names = [said] if re.fullmatch(r"[\w.]+", said := ast.unparse(node)) else []
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if re.fullmatch(r"ray\.[\w.]*_private[\w.]*", node.value) else []
        else:
            continue
        yield from (name for name in names if _PRIVATE.match(name))
        if isinstance(node, ast.Attribute) and node.attr in ("_ot_study", "_ot_trials", "_trial_id"):
            yield node.attr


def test_nothing_else_touches_private_parts():
    touched = {}
    for path in sorted((*_ROOT.glob("orchestrator/**/*.py"), *_ROOT.glob("methods/**/*.py"))):
        name = str(path.relative_to(_ROOT))
        if says := set(_touched(ast.parse(path.read_text(encoding="utf-8")))):
            touched[name] = says
    assert set(touched) == _BEHIND, {name: says for name, says in touched.items() if name not in _BEHIND}


@pytest.mark.parametrize(
    "line",
    [
        "from ray._private import worker",
        "import ray._raylet",
        "ray._private.worker._global_node",
        "from ray.train.v2._internal.execution import context",
        "from ray.tune.experimental.impl import thing",
        "from ray.core.generated import gcs_pb2",
        "from mlflow.server import handlers",
        "from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry",
        "from optuna.samplers._tpe import sampler",
        "self._ot_study",
        "sys.modules['ray._private.worker']",
    ],
)
def test_what_is_private_is_seen(line):
    assert list(_touched(ast.parse(line)))


if __name__ == "__main__":
    print(json.dumps([[key, _problem(*key)] for key in _USED]))
