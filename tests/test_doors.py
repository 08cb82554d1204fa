"""A door parses a command line and calls a room: it reads and writes no file, and imports no library."""

import ast
from pathlib import Path

import pytest

_PACKAGE = Path(__file__).parents[1] / "orchestrator"
_DOORS = [
    *(_PACKAGE / f"{name}.py" for name in ("sweep", "train", "compare", "cluster", "vlcl")),
    *sorted(_PACKAGE.glob("*/__main__.py")),
]
# what files hold, and how they are called
_ROOMS = (
    "schema.strict_yaml",
    "storage.run_files",
    "storage.trial_files",
    "storage.atomic_write",
)  # of files
_CALLS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink"}
_LIBRARIES = {"ray", "torch", "optuna", "mlflow", "numpy", "yaml", "jsonschema", "click", "methods"}


def _at_work(text):
    """What a door does itself of what a room is for."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _CALLS:
            yield ast.unparse(node.func)
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] in _LIBRARIES)
        elif isinstance(node, ast.ImportFrom) and node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in names if name.startswith(_ROOMS))
        elif isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] in _LIBRARIES:
            yield node.module


@pytest.mark.parametrize("door", _DOORS, ids=lambda path: str(path.relative_to(_PACKAGE)))
def test_a_door_leaves_the_work_to_a_room(door):
    assert list(_at_work(door.read_text(encoding="utf-8"))) == []


def test_one_that_works_is_noticed():
    text = (
        "from ..schema import strict_yaml\nfrom ..schema.shown import shown_bytes\nfrom .say import Say\n"
        "from methods.registry import get\nimport ray\nfrom ..storage.run_files import SWEEP_FILE\n"
        "(out / 'x').write_text(say())\n"
    )
    at_work = ["(out / 'x').write_text", "methods.registry", "ray"]
    assert sorted(_at_work(text)) == [*at_work, "schema.strict_yaml", "storage.run_files.SWEEP_FILE"]
