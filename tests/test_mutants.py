"""The list of broken lines is kept with the code: a stale one would pass for one that is caught."""

import importlib.util
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def mutants():
    spec = importlib.util.spec_from_file_location("mutants", _ROOT / "benchmarks" / "mutants.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutants"] = module  # a dataclass looks itself up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["mutants"]


def test_every_line_to_break_is_there_once_and_its_tests_are_there(mutants):
    found = mutants.read_mutants()
    assert len(found) > 400
    assert [problem for mutant in found if (problem := mutant.problem(_ROOT))] == []
    named = [(mutant.file, mutant.old, mutant.new) for mutant in found]
    assert len(set(named)) == len(named)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("value = 1", "value = 2", None),
        ("value = 3", "value = 2", "'value = 3' is found 0 times, expected once"),
        ("value", "other", "'value' is found 2 times, expected once"),
        ("value = 1", "value = 1", "'value = 1' is not changed"),
        ("value = 1", "value =", "'value =' is no Python"),
    ],
)
def test_a_stale_line_is_said(mutants, tmp_path, old, new, problem):
    (tmp_path / "code.py").write_text("value = 1\nprint(value + 0)\n")
    (tmp_path / "test_code.py").write_text("")
    found = mutants.Mutant("room", "code.py", old, new, ("test_code.py",)).problem(tmp_path)
    assert found is None if problem is None else problem in found
    missing = mutants.Mutant("room", "code.py", old, new, ("test_gone.py",)).problem(tmp_path)
    assert missing == "room.yaml: code.py: no such test test_gone.py"
