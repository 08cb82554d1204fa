"""mypy's ratchet and what runs it: the list only tightens, and the hooks before a commit run."""

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

_ROOT = Path(__file__).parents[1]
_STRICT = {"metrics", "replay", "schema", "search", "statistics", "storage"}


@pytest.fixture(scope="module")
def types():
    spec = importlib.util.spec_from_file_location("ratchet", _ROOT / ".ci/types.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(types, tmp_path, monkeypatch, capsys):
    """(What the list says, what mypy is to print, words) -> (exit status, output, the list afterwards)."""

    def ran(listed, said, *words, status=1, errors=""):
        path = tmp_path / "types.txt"
        path.write_text(listed)
        done = subprocess.CompletedProcess([], status, said, errors)
        monkeypatch.setattr(types, "_LIST", path)
        monkeypatch.setattr(types.subprocess, "run", lambda *_, **__: done)
        monkeypatch.setattr(sys, "argv", ["types.py", *words])
        return types.main(), "".join(capsys.readouterr()), types.read(path.read_text())

    return ran


def _said(**errors):
    lines = [f"{file}.py:{k + 1}: error: something  [misc]" for file, n in errors.items() for k in range(n)]
    return "\n".join([*lines, "a.py:1: note: no error"])


def test_as_many_as_the_list_says_pass(run):
    status, out, _ = run("# of mypy\na.py 2\nb.py 1\n", _said(a=2, b=1))
    assert (status, out) == (0, "mypy: 3 errors in 2 files\n")


@pytest.mark.parametrize(("listed", "allowed"), [("a.py 2\n", 2), ("", 0)])
def test_a_file_that_has_more_fails_with_its_errors(run, listed, allowed):
    status, out, left = run(listed, _said(a=3), "--tighten")
    assert status == 1
    assert f"a.py: 3 errors of mypy, allowed: at most {allowed}\n" in out
    assert out.count("a.py:") == 5 and "a.py:3: error: something" in out
    assert left == ({"a.py": 2} if listed else {}), "what has grown is written nowhere"


@pytest.mark.parametrize("now", [1, 0])
def test_a_file_that_has_fewer_fails_until_the_list_says_so(run, now):
    listed = "a.py 2\nb.py 1\n"
    status, out, left = run(listed, _said(a=now, b=1))
    assert status == 1 and left == {"a.py": 2, "b.py": 1}
    assert f"a.py: {now} errors of mypy, .ci/types.txt says 2: write it down" in out
    status, _, left = run(listed, _said(a=now, b=1), "--tighten")
    assert status == 0 and left == ({"a.py": now} if now else {}) | {"b.py": 1}


def test_what_mypy_could_not_do_is_no_pass(run):
    status, out, _ = run("", "mypy: cannot read that\n", status=2)
    assert status == 2 and "cannot read" in out
    assert run("", "", status=1, errors="broken\n")[0] == 2


def test_the_list_names_files_that_are_there_in_order(types):
    listed = types.read((_ROOT / ".ci/types.txt").read_text())
    assert listed and list(listed) == sorted(listed) and min(listed.values()) > 0
    assert [file for file in listed if not (_ROOT / file).is_file()] == []


def test_the_strict_rooms_are_strict():
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    (strict,) = [one for one in settings["overrides"] if one.get("disallow_untyped_defs")]
    assert {module.removeprefix("orchestrator.").removesuffix(".*") for module in strict["module"]} == _STRICT
    assert strict["disallow_any_generics"] and strict["check_untyped_defs"] and strict["warn_unused_ignores"]


def test_no_file_of_a_strict_room_may_have_an_error(types):
    listed = types.read((_ROOT / ".ci/types.txt").read_text())
    assert listed
    assert [
        file for file in listed if Path(file).parts[:2] in {("orchestrator", room) for room in _STRICT}
    ] == []


def test_an_error_that_is_overlooked_has_its_reason_beside_it():
    for path in (*_ROOT.glob("orchestrator/**/*.py"), *_ROOT.glob("methods/**/*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for before, line in zip(["", *lines], lines, strict=False):
            if found := re.search(r"# type: ignore(\[[\w-]+\])?(.*)$", line):
                assert found[1], f"{path}: which error? {line.strip()}"
                assert found[2].strip(" #") or before.strip().startswith("#"), f"{path}: why? {line.strip()}"


def test_the_hooks_before_a_commit_are_the_checks_of_ci():
    text = (_ROOT / ".pre-commit-config.yaml").read_text()
    (repository,) = yaml.safe_load(text)["repos"]
    assert repository["repo"] == "local", "nothing is fetched"
    hooks = {hook["id"]: hook for hook in repository["hooks"]}
    assert list(hooks) == ["ruff-check", "ruff-format", "mypy"]
    checks = (_ROOT / ".ci/run").read_text()
    assert {hook["language"] for hook in hooks.values()} == {"system"}
    assert hooks["mypy"]["entry"] in checks and hooks["mypy"]["pass_filenames"] is False
    for name in ("ruff-check", "ruff-format"):
        command = shlex.split(hooks[name]["entry"])
        assert " ".join(command[:2]) in checks
        tool = [sys.executable, "-m", *command, "--no-cache"]
        done = subprocess.run([*tool, str(Path(__file__))], cwd=_ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    command = shlex.split(hooks["mypy"]["entry"])
    assert (_ROOT / command[1]).is_file()
    line = [sys.executable, *command[1:], "--help"]
    assert "--tighten" in subprocess.run(line, cwd=_ROOT, capture_output=True, text=True, check=True).stdout
