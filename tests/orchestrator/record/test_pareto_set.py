"""The Pareto set of a search: which trials are in it, what is suggested, what is kept, printed and drawn."""

import json
from types import SimpleNamespace

import pytest
from PIL import Image

from orchestrator.commands.check_objectives import check_objectives
from orchestrator.commands.pareto_record import pareto_record
from orchestrator.errors import UserError
from orchestrator.evaluation.objective import Objective
from orchestrator.evaluation.recorded_objective import recorded_objective
from orchestrator.record.memory_table import memory_choice, memory_table
from orchestrator.record.pareto_lines import pareto_lines, pareto_said
from orchestrator.record.pareto_plot import pareto_picture
from orchestrator.record.run_progress import RunProgress
from orchestrator.record.trial_store import TrialStore

pytestmark = pytest.mark.unit

_A, _B, _S = "validation/average", "replay/bytes", "seconds/train"
_GOAL = Objective(_A, "max", margin=5.0, others=(Objective(_B, "min", bound=4000.0), Objective(_S, "min")))
_WALKED = {  # average, bytes, seconds a task
    "a": (50.0, 1000, 2.0),  # in the set
    "b": (60.0, 2000, 1.0),  # in the set, its knee
    "c": (49.0, 1000, 2.0),  # worse than a
    "d": (61.0, 3900, 9.0),  # in the set
    "e": (90.0, 9000, 0.1),  # beyond the bound
    "f": (80.0, None, 0.1),  # says nothing of its memory
}


@pytest.fixture
def book(tmp_path):
    return TrialStore(tmp_path / "s" / "trials", _GOAL, 2)


def _walk(book, name, average, held, seconds, status="finished"):
    book.start(name, {"replay.size": held or 0}, {})
    for task in range(1, book.tasks + (status == "finished")):
        report = {"task": task, _A: 99.0 if task == 1 else average, _S: seconds}
        book.report(name, report | ({} if held is None else {_B: float(held)}))
    book.end(name, status)


@pytest.fixture
def walked(book):
    for name, values in _WALKED.items():
        _walk(book, name, *values)
    _walk(book, "g", 99.0, 1, 0.1, status="stopped")
    return book


def test_the_set_is_of_whole_trials_within_the_bounds_and_its_knee_is_chosen(walked):
    found = walked.pareto_set()
    assert [entry.id for entry in found.trials] == ["d", "b", "a"], "the best in the first objective first"
    assert (found.knee.id, len(found.measured), found.beyond) == ("b", 5, 1)
    assert [entry.id for entry in walked.candidates()] == ["b", "d", "a"], "whose checkpoints stay"
    assert walked.best().id == "b" and walked.memory_worth() == [], "no margin chooses a memory"
    assert memory_choice(walked) == "" == memory_table(walked)
    assert walked.is_over(7, test=False) and not walked.is_over(7)


def test_seconds_are_summed_over_tasks_and_bytes_are_the_last_ones(walked):
    entry = walked.trials["d"]
    assert _GOAL.told(entry.reports) == {_A: 61.0, _B: 3900.0, _S: 18.0}
    assert _GOAL.told(entry.reports[:1]) == {_A: 99.0, _B: 3900.0, _S: 9.0}
    assert _GOAL.excess({_A: 1.0, _B: 5000.0}) == {_B: 0.25}


def test_the_tables_have_every_objective_and_name_the_suggestion(walked):
    assert pareto_lines(walked) == [
        "Pareto set (validation): no other trial is as good in every objective and better in one",
        "trial  average  replay/bytes  seconds/train",
        "    4    61.00         3,900          18.00",
        "    2    60.00         2,000           2.00  suggested",
        "    1    50.00         1,000           4.00",
        "1 of 5 trials are beyond a bound",
    ]
    assert pareto_said(walked)[0] == (
        "Suggested: trial 2, the knee of the Pareto set: validation/average 60.00, replay/bytes 2,000, "
        "seconds/train 2.00"
    )
    assert "suggestion" in pareto_said(walked)[1]
    lines = walked.table().splitlines()
    assert lines[0].split()[3:7] == ["average", "replay/bytes", "seconds/train", "forgetting"]
    assert lines[1].split()[:6] == ["5", "finished", "2/2", "90.00", "9,000", "0.20"]
    assert RunProgress(walked, 7).text() == "13 of 13 tasks  Pareto set of 3"


def test_where_all_are_beyond_a_bound_nothing_is_suggested(book):
    _walk(book, "a", 60.0, 5000, 1.0)
    assert book.best() is None and pareto_said(book) == []
    assert pareto_lines(book)[1:] == ["It is empty: of 1 trials 1 are beyond a bound."]


def test_one_trial_is_the_whole_set_and_no_suggestion(book):
    _walk(book, "a", 60.0, 3000, 1.0)
    assert pareto_said(book) == [
        "Trial 1 is the whole Pareto set: validation/average 60.00, replay/bytes 3,000, seconds/train 2.00"
    ]
    assert "suggested" not in "".join(pareto_lines(book))


def test_of_one_objective_there_is_no_set(tmp_path):
    book = TrialStore(tmp_path / "trials", Objective(_A, "max"), 2)
    _walk(book, "a", 60.0, 3000, 1.0)
    assert pareto_lines(book) == [] and book.best().id == "a"


def test_it_is_kept_and_drawn_once_and_again_where_the_sweep_has_grown(walked):
    drawn, said = [], []
    run = SimpleNamespace(folder=walked.folder.parent, say=said.append)

    def draw(place, points):
        drawn.append(points)
        (place / "pareto.png").touch()

    watch = SimpleNamespace(store=walked, pareto=draw)
    for _ in range(2):
        pareto_record(run, watch)
    (points,) = drawn
    kinds = {point.number: point.kind for point in points}
    assert kinds == {1: "set", 2: "suggested", 3: "dominated", 4: "set", 5: "beyond"}
    assert points[1].values == (60.0, 2000.0, 2.0)
    kept = json.loads((run.folder / "pareto" / "pareto.json").read_text())
    assert (kept["suggested"], kept["beyond_a_bound"]) == ("b", 1)
    assert [one["id"] for one in kept["trials"]] == ["d", "b", "a"]
    assert kept["objectives"][1] == {"metric": _B, "mode": "min", "bound": 4000.0}
    _walk(walked, "h", 70.0, 500, 0.5)
    killed = SimpleNamespace(store=walked, pareto=lambda *_: None)  # before it drew
    pareto_record(run, killed)
    assert not (run.folder / "pareto" / "pareto.png").exists(), "that of fewer trials"
    pareto_record(run, watch)
    kept = json.loads((run.folder / "pareto" / "pareto.json").read_text())
    assert [one["id"] for one in kept["trials"]] == ["h"] and len(drawn) == 2
    (run.folder / "pareto" / "pareto.png").unlink()  # it was killed as it drew
    pareto_record(run, watch)
    assert len(drawn) == 3
    (run.folder / "pareto" / "pareto.png").unlink()
    (run.folder / "pareto" / "pareto.json").unlink()
    (run.folder / "pareto" / "pareto.json").mkdir()
    pareto_record(run, watch)
    assert said[0].startswith("the Pareto set could not be kept: IsADirectoryError"), (
        "and the sweep ends well"
    )


@pytest.mark.parametrize(("others", "width"), [(1, 1320), (2, 2160), (4, 2160)])
def test_the_picture_has_a_panel_for_each_objective_beside_the_first(tmp_path, others, width):
    from orchestrator.record.pareto_plot import ParetoPoint

    kinds = ("set", "suggested", "dominated", "beyond")
    points = [ParetoPoint(n, (50.0 + n, *[1000.0 / n] * others), kind) for n, kind in enumerate(kinds, 1)]
    metrics = [_A, *[f"objective {k}" for k in range(others)]]
    (file,) = pareto_picture(tmp_path, points, metrics, [None, 900.0, *[None] * others], "s")
    with Image.open(file) as shown:
        assert shown.width == width and shown.height > 800 * (1 if others < 4 else 2)


def test_what_lies_on_the_disk_says_what_was_searched_for():
    several = {"objectives": [{"metric": _A, "mode": "max"}, {"metric": _B, "mode": "min", "at_most": 7}]}
    found = recorded_objective(several, 2.0)
    assert found == Objective(_A, "max", margin=2.0, others=(Objective(_B, "min", bound=7.0),))
    assert recorded_objective({"objective": {"metric": "m", "mode": "min"}}) == Objective("m", "min")
    for broken in (None, [], {"objective": 7}, {"objectives": [{"metric": 3, "mode": "max"}]}, {}):
        assert recorded_objective(broken) is None


def test_forgetting_needs_a_second_task():
    goal = Objective(_A, "max", others=(Objective("validation/forgetting", "min"),))
    check_objectives(goal, 2)
    with pytest.raises(
        UserError, match="^the objective validation/forgetting has no value before the second"
    ):
        check_objectives(goal, 1)
