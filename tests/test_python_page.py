"""The example of docs/howto/python.md as it stands there, and docs/examples/first_sweep.py at its smallest:
real sweeps, one after the other in one process, on a Ray that tests share.
"""

import json
import re
import runpy
from contextlib import nullcontext
from pathlib import Path

import pytest
from lane_here import draw_nothing, lanes_here
from outputs import outputs

from orchestrator.evaluation.tables import read_matrix

_DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def both(tmp_path_factory, with_tables, on_shared_ray):
    """The folder in which both ran, what each printed, and what anybody else did."""
    folder = with_tables(tmp_path_factory.mktemp("python"))
    (page,) = re.findall(r"^```text\n(.*?)^```$", (_DOCS / "howto/python.md").read_text("utf-8"), re.S | re.M)
    (folder / "page.py").write_text(page)
    said = []
    with pytest.MonkeyPatch.context() as patch, outputs() as others:
        patch.chdir(folder)
        draw_nothing(patch)
        for name in ("MLFLOW_TRACKING_URI", "VLCL_STORAGE"):
            patch.delenv(name, raising=False)
        patch.setenv("FIRST_SWEEP", "small")
        # The second one's lanes are Ray Train's, which prints nothing either; its method needs torch alone.
        examples = {folder / "page.py": lanes_here(), _DOCS / "examples" / "first_sweep.py": nullcontext()}
        for path, lanes in examples.items():
            said.append([])
            with lanes:
                runpy.run_path(str(path), {"print": _into(said[-1])}, "__main__")
    return folder, *said, others


def _into(lines):
    return lambda *words: lines.append(" ".join(map(str, words)))


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
    printed, errors = both[3]
    assert printed == "" and "Traceback" not in errors
