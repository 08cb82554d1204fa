"""docs/howto/extending.md, done as it says, in an empty folder, with the package as it is installed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from page_commands import commands
from page_files import write_files

from orchestrator.execution import own_code
from orchestrator.features.builder import encode_here

_ROOT = Path(__file__).parents[1]
_PAGE = _ROOT / "docs" / "howto" / "extending.md"
_METHOD, _STREAM = "mypkg.text_shift:TextShift", "mypkg.stripes:Stripes"
_TINY = ("method.epochs=2", "stream.pictures=10", "replay.size=12", "run.views=1")
_UNSET = ("PYTHONPATH", "MLFLOW_TRACKING_URI", "VLCL_STORAGE")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An empty folder with the files of the page in it."""
    folder = tmp_path_factory.mktemp("own")
    names = [str(path.relative_to(folder)) for path in write_files(_PAGE, folder)]
    assert names == ["mypkg/text_shift.py", "text_shift.yaml", "mypkg/stripes.py"]
    return folder


@pytest.fixture(scope="module")
def run(folder):
    """Runs a command in that folder, without a path to the project, which is installed; what it prints. Where
    another checkout than this one is installed, this one is put before it.
    """
    clean = {name: value for name, value in os.environ.items() if name not in _UNSET}
    ask = [sys.executable, "-c", "import importlib.util as u; print(u.find_spec('orchestrator').origin)"]
    found = subprocess.run(ask, cwd=folder, env=clean, capture_output=True, text=True).stdout.strip()
    if found != str(_ROOT / "orchestrator" / "__init__.py"):
        clean["PYTHONPATH"] = str(_ROOT)

    def run(words):
        line = [sys.executable, *words[1:]]
        done = subprocess.run(line, cwd=folder, env=clean, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def _commands(*wanted):
    """The page's commands that have all of ``wanted`` among their words."""
    return [words for words in commands(_PAGE) if set(wanted) <= set(words)]


_BOTH = """
import runpy, sys

*first, = sys.argv[1 : (cut := sys.argv.index("--then"))]
for words in first, sys.argv[cut + 1 :]:
    assert words[:2] == ["python", "-m"]
    sys.argv = words[2:]
    try:
        runpy.run_module(words[2], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        assert not ended.code, ended.code
"""


def test_the_page_lists_and_previews_a_method_of_ones_own(run):
    """By one process, which imports torch once."""
    (listed,) = _commands("methods", _METHOD)
    (previewed,) = _commands("--dry-run")
    out = run(["python", "-c", _BOTH, *listed, "--then", *previewed])
    assert re.search(rf"(?m)^  {_METHOD} +recognition +One vector moves the texts", out)
    assert "Search: 8 trials for max validation/average" in out and "stay_weight: 1.0" in out


def test_a_method_and_a_stream_of_ones_own_are_searched_and_gone_on_with(
    typed, with_tables, folder, tmp_path
):
    """On a Ray that is joined, a process of which is sent the code and tries it, and a worker of Ray Train
    trains by it. This process encodes the pictures.
    """
    shutil.copytree(folder, with_tables(tmp_path), dirs_exist_ok=True)
    (words,) = _commands("orchestrator.sweep", _STREAM)
    tried = []

    def checked(config):
        own_code.check_machines(config)
        tried.append((config.method_name, config.stream_name))

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("orchestrator.execution.session.check_machines", checked)
            patch.setattr("orchestrator.execution.encoding_pool.RayPool", lambda *_: encode_here)
            done = typed(tmp_path, *words[2:], "--trials", "1", "--set", *_TINY, lanes=True)
        assert tried == [(_METHOD, _STREAM)]
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"sending {tmp_path / 'mypkg'} to the cluster's machines" in done.stdout
        name = words[words.index("--name") + 1]
        trial = tmp_path / "runs" / name / "trials" / "trial_0001"
        reports = [json.loads(line) for line in (trial / "tasks.jsonl").read_text().splitlines()]
        assert len(reports) == 3 and "train/stay" not in reports[0] and reports[1]["train/stay"] > 0
        config = (trial / "config.yaml").read_text()
        assert f"name: {_METHOD}" in config and f"name: {_STREAM}" in config
        resumed = typed(tmp_path, "orchestrator.sweep", "--resume", name)
        assert "the one trial has ended, and the best was tested" in resumed.stdout, resumed.stderr
        (compare,) = _commands("orchestrator.compare")
        assert _METHOD in typed(tmp_path, *compare[2:]).stdout
    finally:
        for module in [module for module in sys.modules if module.partition(".")[0] == "mypkg"]:
            del sys.modules[module]


@pytest.mark.slow  # two sweeps and a resumed one, minutes on two cores
def test_the_page_searches_a_method_of_ones_own_on_a_stream_of_ones_own(run, folder):
    (words,) = _commands("orchestrator.sweep", _STREAM)
    out = run([*words, "--trials", "2", "--concurrent", "1", "--set", *_TINY])
    assert "Best configuration: trial " in out
    name = words[words.index("--name") + 1]
    trial = folder / "runs" / name / "trials" / "trial_0001"
    reports = [json.loads(line) for line in (trial / "tasks.jsonl").read_text().splitlines()]
    assert len(reports) == 3 and "train/stay" not in reports[0] and reports[1]["train/stay"] > 0
    config = (trial / "config.yaml").read_text()
    assert f"name: {_METHOD}" in config and f"name: {_STREAM}" in config
    resumed = run(["python", "-m", "orchestrator.sweep", "--resume", name])
    assert "all 2 trials have ended, and the best was tested" in resumed
    (compared,) = _commands("orchestrator.compare")
    assert _METHOD in run(compared)
    pictures = folder / "runs" / "comparison"
    assert list(pictures.glob("mypkg.stripes.Stripes-matrix-mypkg.text_shift.TextShift*.png"))
