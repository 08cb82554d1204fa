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


def reference_forget_6q(matrix, start, t):
    """The released reading: the i-th forgetting counts where i + 1, and not i + ``start``, is one
    of the six.
    """
    lost = [matrix[max(k, start) : t, k].max() - matrix[t, k] for k in range(start, t)]
    chosen = [value for i, value in enumerate(lost) if i + 1 in SIX]
    return np.mean(chosen) if chosen else 0.0


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
        reference = reference_forget_6q(matrix, start, t)
        assert reference == pytest.approx(case["out_Incre_avg_forget_6Q"][i], rel=1e-9)
        if start:  # where the released index is right
            assert found.get("forget_6q", 0) == pytest.approx(reference, rel=1e-9)
    final = measured(matrix, start, len(matrix) - 1)
    assert final["ap"] == pytest.approx(case["out_Avg_acc"].item(), rel=1e-9)
    assert final["forget"] == pytest.approx(case["out_Avg_forget"].item(), rel=1e-9)


def test_forgetting_of_the_six_is_their_own():
    matrix = golden("std")["matrix"]
    own = np.mean([matrix[k:9, k].max() - matrix[9, k] for k in SIX])
    found = measured(matrix, 0, 9)["forget_6q"]
    assert found == pytest.approx(own)
    assert found != pytest.approx(golden("std")["out_Avg_forget_6Q"].item(), abs=1)


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
