"""The example of docs/howto/python.md as it stands there, and docs/examples/first_sweep.py at its smallest:
real sweeps, one after the other in one process, each on a ray that it starts.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.evaluation.tables import read_matrix

_DOCS = Path(__file__).parents[1] / "docs"
_RUN = """
import json, runpy, sys
for number, path in enumerate(sys.argv[1:]):
    said = []
    runpy.run_path(path, {"print": lambda *words: said.append(" ".join(map(str, words)))}, "__main__")
    with open(f"said_{number}.json", "w") as file:
        json.dump(said, file)
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory, with_tables):
    """The folder in which both ran, what each printed, and what anybody else did."""
    folder = with_tables(tmp_path_factory.mktemp("python"))
    (page,) = re.findall(r"^```text\n(.*?)^```$", (_DOCS / "howto/python.md").read_text("utf-8"), re.S | re.M)
    (folder / "page.py").write_text(page)
    left_out = ("MLFLOW_TRACKING_URI", "RAY_ADDRESS", "VLCL_STORAGE")
    done = subprocess.run(
        [sys.executable, "-c", _RUN, "page.py", str(_DOCS / "examples" / "first_sweep.py")],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k not in left_out} | {"FIRST_SWEEP": "small"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, *(json.loads((folder / f"said_{n}.json").read_text()) for n in range(2)), done


def _test(folder, run):
    """The matrix and the metrics of a run's one look at test."""
    ((place),) = (folder / "runs" / run).glob("trials/*/test")
    return read_matrix(place / "matrix.csv")[0], json.loads((place / "metrics.json").read_text())


def test_the_example_of_the_page_prints_what_the_runs_files_say(both):
    folder, said, _, _ = both
    matrix, metrics = _test(folder, "first")
    trials, (average, shown, label) = said[:-3], said[-3:]
    numbers, ends = zip(*(line.split()[:2] for line in trials), strict=True)
    assert numbers == ("1", "2") and {"finished"} <= set(ends) <= {"finished", "stopped"}
    assert float(average) == metrics["test/average"] and shown == str(matrix)
    assert re.fullmatch(r".+ [01]\.\d+", label)


def test_the_script_of_cells_runs_at_its_smallest(both):
    folder, _, said, _ = both
    matrix, metrics = _test(folder, "first-sweep")
    text = "\n".join(said)
    assert f"finished in {folder / 'runs' / 'first-sweep'}" in text and str(matrix.round(1)) in text
    assert f"average over tasks: {metrics['test/average']} " in text
    assert len(re.findall(r"^picture \d: '.+', score -?\d\.\d\d$", text, re.M)) == 4


def test_nobody_else_prints(both):
    assert both[3].stdout == "" and "Traceback" not in both[3].stderr
