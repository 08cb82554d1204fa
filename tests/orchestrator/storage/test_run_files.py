"""The names of what lies in a run's folder are written down once."""

import ast
import re
from pathlib import Path

import pytest

from orchestrator.storage import run_files, trial_files
from orchestrator.storage.run_files import trial_name, trials_of
from orchestrator.storage.task_key import TASK_KEY, task_key

_ROOT = Path(__file__).parents[3]
_WRITTEN = {
    _ROOT / "orchestrator" / "storage" / f"{name}.py" for name in ("run_files", "trial_files", "task_key")
}
_TASK = re.compile(r"(.*/)?task_(|[\\*\[(].*)")  # how a name or a pattern of a task's folder begins
_METRICS = {"test"}  # metrics begin so too
_CALLS = ("below", "joinpath", "Path", "glob", "rglob")


def _names(kind):
    found = {n: v for module in (run_files, trial_files) for n, v in vars(module).items() if n.isupper()}
    return {value for name, value in found.items() if name.endswith(kind)}


def _files():
    return _names("_FILE") | _names("_PICTURE")


def _spelled(text):
    """The names that a module has in its code: a file's name whole or as the end of a path, a folder's where
    a path is built. Docstrings are left out.
    """
    files, folders, tree = _files(), _names("_FOLDER"), ast.parse(text)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield from (name for name in files if node.value == name or node.value.endswith(f"/{name}"))
            yield from (name for name in folders - _METRICS if re.match(rf"(\S*/)?{name}/", node.value))
            yield from ["task_"] * bool(_TASK.fullmatch(node.value))
        parts = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            parts = [node.left, node.right]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _CALLS:
            parts = node.args
        yield from (part.value for part in parts if isinstance(part, ast.Constant) and part.value in folders)


def _found():
    for path in sorted((_ROOT / "orchestrator").rglob("*.py")):
        if path not in _WRITTEN:
            yield from (f"{path.relative_to(_ROOT)}: {n}" for n in _spelled(path.read_text(encoding="utf-8")))


def test_the_layout_of_a_run_is_spelled_in_storage_alone():
    assert {"sweep.yaml", "manifest.json", "trial.json", "tasks.jsonl", "test/metrics.json"} <= _files()
    assert {"matrix.png", "curves.png", "result.md", "mlflow.db", "tracking.lock"} <= _files()
    assert {"trials", "checkpoints", "shared", "ordered", "encoding", "lanes"} <= _names("_FOLDER")
    assert list(_found()) == []


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('"""tasks.jsonl"""\n"tasks.jsonl of a trial"', []),
        ('place / "tasks.jsonl"', ["tasks.jsonl"]),
        ('f"{x}/trial.json"', ["trial.json"]),
        ('[place / "matrix.png"]', ["matrix.png"]),
        ('name = "mlflow.db"', ["mlflow.db"]),
        ('place / "trials" / trial', ["trials"]),
        ('storage.below("trials").below(trial)', ["trials"]),
        ('f"trials/{trial}"', ["trials"]),
        ('{"trials": 3, "test": True}', []),
        ('place / "test"', ["test"]),
        ('f"test/{metric}"', []),
        ('place.glob("task_*")', ["task_"]),
        ('f"task_{index + 1:02d}"', ["task_"]),
        (r're.compile(r"checkpoints/task_(\d+)")', ["checkpoints", "task_"]),
        ('"task_aware_forgetting"', []),
    ],
)
def test_one_that_is_spelled_elsewhere_is_noticed(code, names):
    assert sorted(_spelled(code)) == names


def test_a_runs_trials_lie_in_its_folder():
    assert trials_of(Path("runs/x")) == Path("runs/x/trials")
    assert Path("runs/x", trial_name("trial_0001")) == trials_of(Path("runs/x")) / "trial_0001"


def test_a_tasks_name_is_read_as_it_is_written():
    for index in (0, 8, 9, 99, 120):
        assert int(re.fullmatch(TASK_KEY, task_key(index))[1]) == index + 1


def test_the_checkpoints_of_a_trial_are_told_from_what_lies_beside_them(tmp_path):
    for name in ("task_02", "task_01", "task_02.77.partial", "other", ".task_03"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    found = [folder.name for folder in trial_files.checkpoint_folders(tmp_path)]
    assert found == ["task_01", "task_02", "task_02.77.partial"]
    assert trial_files.checkpoint_folders(tmp_path / "none") == []


def test_the_file_of_an_error_is_known_by_its_name():
    assert re.fullmatch(trial_files.ERROR_NAMES, trial_files.error_file(77))
    assert trial_files.error_file(77) == "error-77.txt"
    assert not re.fullmatch(trial_files.ERROR_NAMES, "error-77-txt")
