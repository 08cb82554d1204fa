"""The installed command ``vlcl``, typed in a shell of its own. No Ray is started."""

import ast
import os
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from pip._vendor.distlib.scripts import ScriptMaker

from orchestrator.vlcl import _COMMANDS

_ROOT = Path(__file__).parents[2]
_SCRIPTS = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """A line of a shell -> (exit status, output, errors), with the script as pip makes it."""
    folder = tmp_path_factory.mktemp("typed")
    maker = ScriptMaker(None, str(folder))
    maker.executable, maker.variants = sys.executable, {""}
    maker.make_multiple([f"{name} = {target}" for name, target in _SCRIPTS.items()])
    paths = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": paths}

    def run(line):
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=150
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_help_names_every_command_and_imports_neither_torch_nor_ray(typed):
    status, out, err = typed("PYTHONPROFILEIMPORTTIME=1 vlcl --help")
    assert status == 0
    assert [word for word in _COMMANDS if f"{word}: " not in out.replace("\n", " ")] == []
    imported = {line.rpartition("|")[2].strip() for line in err.splitlines()}
    assert "orchestrator.vlcl" in imported
    assert imported & {"torch", "ray", "mlflow", "optuna", "numpy"} == set()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "vlcl swep",
            "error: swep: unknown command; did you mean sweep? Allowed are sweep, train, study,",
        ),
        ("vlcl", "error: the following arguments are required: COMMAND; vlcl --help tells more"),
        ("vlcl compare --no-such", "error: --no-such: not known here; allowed are"),
        ("vlcl compare no_such", "error: no_such: "),
        ("vlcl cluster validate no_such.yaml", "error: no_such.yaml: "),
    ],
)
def test_what_cannot_be_had_is_one_line_and_status_2(line, said, typed):
    status, out, err = typed(line)
    assert (status, out) == (2, "")
    assert err.startswith(said) and err.count("\n") == 1, err


def test_a_command_is_run_with_the_words_behind_it(typed):
    status, out, _ = typed("vlcl compare --help")
    assert status == 0 and "--stream NAME" in out
    status, out, _ = typed("vlcl --version")
    assert status == 0 and out.startswith("vlcl-orchestrator ")


def test_a_reader_who_has_gone_is_the_status_of_the_module_commands(typed):
    for command in ("vlcl", f"{sys.executable} -m orchestrator.vlcl"):
        status, _, err = typed(f"{command} compare --help | true; exit ${{PIPESTATUS[0]}}")
        assert status in (0, 141) and err == ""


@pytest.mark.parametrize("word", _COMMANDS)
def test_each_command_is_a_module_command_of_that_name(word):
    module = _COMMANDS[word][0]
    assert module.removesuffix(".__main__") == f"orchestrator.{word}"
    # Read, not imported: what pretrain imports takes seconds.
    tree = ast.parse(Path(find_spec(module).origin).read_text(encoding="utf-8"))
    assert "main" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
