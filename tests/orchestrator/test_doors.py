"""What the project opens to others: sockets, files that hold code, secrets in the environment."""

import ast
import ipaddress
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from orchestrator.features.cache_entry import CacheEntry
from orchestrator.object_store.array_owner import ArrayOwner
from orchestrator.storage import checkpoint
from orchestrator.storage.checkpoint import Checkpoint

_ROOT = Path(__file__).parents[2]


def test_a_session_of_its_own_listens_on_loopback_alone(whole_sweep):
    commands, listening = whole_sweep.commands, whole_sweep.listening
    names = " ".join(command[0] for command in commands.values())
    for expected in ("gcs_server", "raylet", "RayTrainWorker", "TrainController", "Dispatcher"):
        assert expected in names
    # Processes that look for machines, follow logs or serve pages would be asked by nobody.
    for spared in ("monitor.py", "dashboard.py", "SynchronizationActor", "AutoscalingCoordinator"):
        assert spared not in str(commands)
    workers = [pid for pid, command in commands.items() if "RayTrainWorker" in command[0]]
    # Each has Ray's and gloo's; by what they met, nobody gets in.
    assert sum(pid in workers for pid, _ in listening) == 4
    addresses = {ipaddress.ip_address(ip) for ip in listening.values()}
    assert all((getattr(a, "ipv4_mapped", None) or a).is_loopback for a in addresses), listening


def test_secrets_reach_neither_disk_nor_screen_nor_command_lines(sent_sweep):
    folder, printed = sent_sweep.folder, sent_sweep.printed
    assert "MLflow at http://127.0.0.1:9" in printed and "not there yet" in printed
    files = sent_sweep.files | {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {"runtime_env_agent.log", "tracking.jsonl", "mlflow.db"} <= {path.name for path in files}
    assert len(sent_sweep.token) == 64, "by which Ray tells the session's processes from others"
    for secret in (sent_sweep.mark, sent_sweep.token):
        assert not [path for path, found in files.items() if secret.encode() in found]
        assert secret not in printed and secret not in str(sent_sweep.commands)


class _Harm:
    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("file", ["model.safetensors", "memory.safetensors"])
@pytest.mark.parametrize("write", [torch.save, pickle.dump])
def test_a_checkpoint_that_would_run_something_is_none(tmp_path, monkeypatch, file, write):
    monkeypatch.chdir(tmp_path)
    for task in range(2):
        state = Checkpoint({"a": torch.zeros(1)}, {"rows": np.arange(4)}, [{"task": task + 1}])
        checkpoint.save(tmp_path, task, state, None)
    folder = checkpoint.folder_of(tmp_path, 1)
    with open(folder / file, "wb") as hostile:
        write({"a": _Harm()}, hostile)
    found = json.loads((folder / "state.json").read_text())
    found["sizes"][file] = (folder / file).stat().st_size
    (folder / "state.json").write_text(json.dumps(found))
    assert checkpoint.latest(tmp_path, 2)[0] == 1
    assert not Path("ran").exists()


def test_arrays_that_would_run_something_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hostile = np.array([_Harm()], object)
    np.save("objects.npy", hostile, allow_pickle=True)
    Path("bare.npy").write_bytes(pickle.dumps(_Harm()))
    hub = ArrayOwner.__ray_metadata__.modified_class(str(tmp_path))
    for twin in ("objects", "bare"):
        with pytest.raises(ValueError, match="Python objects|pickled"):
            hub.put(twin)
    shelf = CacheEntry(tmp_path, {"of": "nothing"})
    shelf.start()
    np.savez(shelf.folder / "chunks" / "000000.npz", feature=hostile)
    assert shelf.has_chunk(0) and shelf.chunk(0) is None
    assert not Path("ran").exists()


# By file, why what follows is read there nevertheless.
_REASONED = {
    "orchestrator/record/pen.py": {
        "pickle.loads"
    },  # of the process that started it, by a pipe of the two alone
    "orchestrator/object_store/shared_pickle.py": {
        "pickle.loads"
    },  # made by this session and handed over by Ray
    "orchestrator/streams/recognition/cifar_pickle.py": {
        "pickle.Unpickler"
    },  # every global it may name is stood in for
}
_NEEDED = {
    "torch.load": ("weights_only", True),
    "load_state_dict": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "AutoConfig.from_pretrained": ("trust_remote_code", False),
    "AutoTokenizer.from_pretrained": ("trust_remote_code", False),
}
_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load", "yaml.full_load"}
_CALLS |= {"yaml.unsafe_load", "torch.jit.load", "torch.hub.load", "tarfile.open", "shutil.unpack_archive"}
_OVER_THE_NETWORK = {f"{how}_object" for how in ("all_gather", "gather")}
_OVER_THE_NETWORK |= {f"{how}_object_list" for how in ("broadcast", "scatter", "send", "recv")}
_WRITING = {"pickle.dumps", "pickle.PickleBuffer", "pickle.UnpicklingError"}


def _could_run_code(tree):
    """What a module says that may run what it reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in _MODULES:
            yield from {f"{node.module}.{name.name}" for name in node.names} - _WRITING
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in _MODULES:
            yield from {ast.unparse(node)} - _WRITING
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith("yaml.Loader"):
            yield "yaml.Loader"
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        given = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
        if called in _CALLS:
            yield called
        if called.rpartition(".")[2] in _OVER_THE_NETWORK:
            yield called
        if called in _NEEDED and given.get(_NEEDED[called][0]) is not _NEEDED[called][1]:
            yield f"{called} without {'='.join(map(str, _NEEDED[called]))}"
        yield from {f"{key}=True" for key in ("shell", "allow_pickle", "trust_remote_code") if given.get(key)}


def test_nothing_in_the_sources_could_run_what_it_reads():
    found = {}
    for path in sorted((*_ROOT.glob("orchestrator/**/*.py"), *_ROOT.glob("methods/**/*.py"))):
        if says := set(_could_run_code(ast.parse(path.read_text(encoding="utf-8")))):
            found[str(path.relative_to(_ROOT))] = says
    assert found == _REASONED


@pytest.mark.parametrize(
    "line",
    [
        "import pickle\npickle.load(f)",
        "from pickle import loads",
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "np.load(f, mmap_mode='r')",
        "subprocess.run(line, shell=True)",
        "yaml.load(f, Loader=yaml.Loader)",
        "AutoTokenizer.from_pretrained(name)",
        "eval(text)",
        "dist.broadcast_object_list([None], 0)",
        "dist.all_gather_object(found, own)",
    ],
)
def test_what_could_run_code_is_seen(line):
    assert list(_could_run_code(ast.parse(line)))
