"""The papers' summary metrics, against the golden vectors and by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from methods.method import Task
from orchestrator.evaluation.scenarios import summary_metrics
from orchestrator.evaluation.vqa_summary import COMPOSITION_KINDS, composition_tasks, question_metrics
from orchestrator.streams.source import Questions, QuestionTables
from orchestrator.streams.stream import Split, Stream, TaskData

GOLDEN = Path(__file__).parents[2] / "golden" / "vqacl.npz"
KINDS = (
    "recognition", "location", "judge", "commonsense", "count",
    "action", "color", "type", "subcategory", "causal",
)  # fmt: skip
SIX = [1, 4, 5, 6, 7, 8]


def golden(name):
    arrays = np.load(GOLDEN)
    prefix = f"metric.{name}."
    return {key.removeprefix(prefix): arrays[key] for key in arrays.files if key.startswith(prefix)}


def measured(matrix, start, t):
    """The metrics after task t of the whole matrix, or of the novel one, which begins at the second task."""
    matrix = np.where(np.tri(len(matrix)), matrix, np.nan)
    if not start:
        found = question_metrics(matrix[: t + 1], np.ones(len(matrix)), SIX)
        return {key.removeprefix("vqacl/"): v for key, v in found.items() if key.startswith("vqacl/")}
    matrix[0] = matrix[:, 0] = np.nan
    found = question_metrics(np.eye(len(matrix)), np.ones(len(matrix)), SIX, matrix[: t + 1])
    return {key.removeprefix("vqacl/novel_"): v for key, v in found.items() if "novel_" in key}


@pytest.mark.parametrize("name", ["std", "comp", "three"])
def test_vqacl_after_each_task(name):
    case = golden(name)
    matrix, start = case["matrix"], int(case["start"])
    assert case["six_index"].tolist() == SIX
    for i, t in enumerate(range(start, len(matrix))):
        found = measured(matrix, start, t)
        assert found["ap"] == pytest.approx(case["out_Incre_avg_acc"][i], rel=1e-9)
        # The released code gives 0 and -1 where nothing is defined.
        assert found.get("forget", 0) == pytest.approx(case["out_Incre_avg_forget"][i], rel=1e-9)
        assert found.get("ap_6q", -1) == pytest.approx(case["out_Incre_avg_acc_6Q"][i], rel=1e-9)
        reading = "forget_6q" if start else "forget_6q_reference"
        assert found.get(reading, 0) == pytest.approx(case["out_Incre_avg_forget_6Q"][i], rel=1e-9)
        assert "novel_forget_6q_reference" not in found
    final = measured(matrix, start, len(matrix) - 1)
    assert final["ap"] == pytest.approx(case["out_Avg_acc"].item(), rel=1e-9)
    assert final["forget"] == pytest.approx(case["out_Avg_forget"].item(), rel=1e-9)
    assert final[reading] == pytest.approx(case["out_Avg_forget_6Q"].item(), rel=1e-9)


@pytest.mark.parametrize("t", range(2, 10))
def test_forgetting_of_the_six_is_their_own_and_in_the_code_that_of_the_tasks_before_them(t):
    matrix = golden("std")["matrix"]
    lost = [matrix[k:t, k].max() - matrix[t, k] for k in range(t)]
    found = measured(matrix, 0, t)
    assert found["forget_6q"] == pytest.approx(np.mean([lost[k] for k in SIX if k < t]))
    assert found["forget_6q_reference"] == pytest.approx(np.mean([lost[k - 1] for k in SIX if k <= t]))


def test_the_two_readings_of_forgetting_of_the_six_after_three_tasks_and_after_ten():
    """After three tasks the code counts the first task's loss, 53.31 - 47.18, the paper the second's."""
    few, all_tasks = measured(golden("three")["matrix"], 0, 2), measured(golden("std")["matrix"], 0, 9)
    assert few["forget_6q"] == pytest.approx(34.30 - 58.07)
    assert few["forget_6q_reference"] == pytest.approx(6.13)
    own = [70.31 - 6.83, 78.9 - 55.41, 30.12 - 9.29, 61.22 - 60.99, 49.64 - 9.05, 42.98 - 30.16]
    assert all_tasks["forget_6q"] == pytest.approx(sum(own) / 6)
    assert all_tasks["forget_6q_reference"] == pytest.approx(33.85)


def test_the_six_are_those_of_the_facts():
    facts = json.loads(np.load(GOLDEN)["facts.facts_json"].item())
    assert [name.removeprefix("q_") for name in facts["six"]] == list(COMPOSITION_KINDS)
    assert [name.removeprefix("q_") for name in facts["tasks"]] == list(KINDS)


def test_triplet_weighs_by_questions_and_forgets_from_the_best_of_all_rows():
    matrix = np.array([[50.0, np.nan, np.nan], [40.0, 80.0, np.nan], [60.0, 70.0, 30.0]])
    found = question_metrics(matrix, [10, 30, 60])
    steps = [50.0, (400 + 2400) / 40, (600 + 2100 + 1800) / 100]
    assert found["triplet/average_accuracy"] == pytest.approx(np.mean(steps))
    assert found["triplet/final_accuracy"] == pytest.approx(45)
    assert found["triplet/forgetting"] == pytest.approx((0 + 10) / 2)
    assert found["vqacl/forget"] == pytest.approx((-10 + 10) / 2)
    assert found["vqacl/ap"] == pytest.approx(160 / 3)
    assert not [name for name in found if "6q" in name or "novel" in name]


def test_what_is_not_defined_yet_is_left_out():
    nan = np.nan
    found = question_metrics([[40.0, nan, nan]], [5, 5, 5], [1], np.full((1, 3), nan))
    assert found == {
        "vqacl/ap": 40, "triplet/average_accuracy": 40, "triplet/final_accuracy": 40,
    }  # fmt: skip


def test_a_task_without_questions_of_the_group_held_out_is_passed_over():
    nan = np.nan
    novel = [[nan] * 4, [nan, nan, nan, nan], [nan, nan, 50.0, nan], [nan, nan, 20.0, 60.0]]
    found = question_metrics(np.eye(4), [1] * 4, [2], novel)
    assert found["vqacl/novel_ap"] == pytest.approx(40)
    assert found["vqacl/novel_forget"] == pytest.approx(30)
    assert found["vqacl/novel_ap_6q"] == pytest.approx(20)


def make_stream(kinds, names=KINDS):
    def split(found):
        kind = np.array(found, np.int32)
        answer, score = np.zeros((len(kind), 1), np.int32), np.ones((len(kind), 1), np.float32)
        return Split(None, np.empty((len(kind), 0), np.int32), kind, questions=Questions(kind, answer, score))

    tasks = [
        TaskData(Task(k, f"task {k}", "vqa", len(kinds)), {n: split(found) for n in ("train", "validation")})
        for k, found in enumerate(kinds)
    ]
    tables = QuestionTables(["yes"], 1, names, ["all"], [0] * len(names))
    return Stream("toy", None, tasks, "none", image_size=8, tables=tables)


def test_the_six_tasks_are_known_by_their_questions():
    everything = [[k] * 3 for k in range(10)]
    assert composition_tasks(make_stream(everything), "validation") == SIX
    published = [f"q_{name}" for name in KINDS]
    assert composition_tasks(make_stream(everything, published), "validation") == SIX
    assert composition_tasks(make_stream(everything[::-1]), "validation") == [1, 2, 3, 4, 5, 8]
    assert composition_tasks(make_stream(everything[:8]), "validation") == []
    assert composition_tasks(make_stream([list(range(10))] * 3), "validation") == []


def test_the_summary_of_a_walk_has_both_papers_names_beside_the_fields():
    stream = make_stream([[0] * 10, [1] * 30])
    matrix = np.array([[50.0, np.nan], [40.0, 80.0]])
    steps = [{}, {"novel/task_02": 20.0}]
    found = summary_metrics(stream, "validation", matrix, steps)
    assert found["average"] == found["vqacl/ap"] == 60 and found["triplet/final_accuracy"] == 70
    assert found["forgetting"] == found["vqacl/forget"] == found["triplet/forgetting"] == 10
    assert found["vqacl/novel_ap"] == 20 and "forward_transfer" not in found
    found = summary_metrics(stream, "validation", np.where(np.isnan(matrix), 7, matrix), steps, np.zeros(2))
    assert found["forward_transfer"] == 7
