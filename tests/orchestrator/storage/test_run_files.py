"""The names of a run's files are written down once."""

import ast
from pathlib import Path

from orchestrator.storage import run_files, trial_files
from orchestrator.storage.run_files import trials_of

_ROOT = Path(__file__).parents[3]
_WRITTEN = {_ROOT / "orchestrator" / "storage" / f"{name}.py" for name in ("run_files", "trial_files")}


def _names():
    found = {n: v for module in (run_files, trial_files) for n, v in vars(module).items() if n.isupper()}
    return {value for name, value in found.items() if name.endswith("_FILE")}


def _spelled(text, names):
    """The names that a module has in its code, whole or as the end of a path, docstrings left out."""
    tree = ast.parse(text)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield from (name for name in names if node.value == name or node.value.endswith(f"/{name}"))


def test_the_names_of_a_runs_files_are_spelled_in_two_modules_alone():
    names = _names()
    assert {"sweep.yaml", "manifest.json", "trial.json", "tasks.jsonl", "test/metrics.json"} <= names
    found = [
        f"{path.relative_to(_ROOT)}: {name}"
        for path in sorted((_ROOT / "orchestrator").rglob("*.py"))
        if path not in _WRITTEN
        for name in _spelled(path.read_text(encoding="utf-8"), names)
    ]
    assert found == []


def test_one_that_is_spelled_elsewhere_is_noticed():
    text = '"""tasks.jsonl"""\nplace / "tasks.jsonl"\nf"{x}/trial.json"\n"tasks.jsonl of a trial"\n'
    assert sorted(_spelled(text, _names())) == ["tasks.jsonl", "trial.json"]


def test_a_runs_trials_lie_in_its_folder():
    assert trials_of(Path("runs/x")) == Path("runs/x/trials")
