"""The lower bounds of pyproject.toml that `.ci/run --oldest` tries are those that it says."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

_ROOT = Path(__file__).parents[1]
_TRIED = {"mlflow", "optuna", "ray"}


def _pins(file):
    return dict(re.findall(r"^([\w-]+)==(\S+)$", (_ROOT / file).read_text(), re.M))


def test_the_bounds_that_are_tried_are_the_bounds():
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    bounds = {one.name: one.specifier for one in map(Requirement, project["dependencies"])}
    oldest = _pins(".ci/oldest.txt")
    assert set(oldest) == _TRIED
    for name, version in oldest.items():
        (bound,) = bounds[name]
        assert bound.operator == ">=" and Version(bound.version) == Version(version), name
    pinned = _pins("constraints.txt")
    assert [name for name in _TRIED if Version(pinned[name]) < Version(oldest[name])] == []


def test_ci_has_a_way_to_try_them():
    assert '[ "${1:-}" != --oldest ] || exec .ci/oldest\n' in (_ROOT / ".ci/run").read_text()
    assert "-c .ci/oldest.txt\n" in (_ROOT / ".ci/oldest").read_text()
    assert (_ROOT / ".ci/oldest").stat().st_mode & 0o111
