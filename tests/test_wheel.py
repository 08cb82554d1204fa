"""What is built from the tree for others to install."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(600)
def test_the_wheel_has_its_hints_its_data_and_its_command(tmp_path):
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(_ROOT / name, tmp_path)
    for name in ("orchestrator", "methods", "search_spaces"):
        shutil.copytree(_ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = "import setuptools.build_meta as b; b.build_wheel('dist')"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    (tmp_path / "dist").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        (entries,) = [name for name in names if name.endswith(".dist-info/entry_points.txt")]
        text = opened.read(entries).decode()
    assert {"orchestrator/py.typed", "methods/py.typed", "orchestrator/cluster.yaml"} <= names
    assert "search_spaces/ctp.yaml" in names and "methods/backbones/weights/world_tokenizer.json" in names
    assert "vlcl = orchestrator.vlcl:script" in text
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "docs"))]
