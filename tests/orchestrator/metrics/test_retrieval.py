"""Metrics against the golden vectors, and against plain counting."""

from pathlib import Path

import numpy as np
import pytest
import torch

from orchestrator.metrics import matrix, retrieval

GOLDEN = Path(__file__).parents[2] / "golden"


def cases(name, kind):
    arrays = np.load(GOLDEN / f"{name}.npz")
    found: dict[str, dict[str, np.ndarray]] = {}
    for key in arrays.files:
        case, _, array = key.rpartition(".")
        if case.split(".")[0] == kind:
            found.setdefault(case, {})[array] = arrays[key]
    assert found
    return [pytest.param(case, id=key) for key, case in found.items()]


close = pytest.approx


@pytest.mark.parametrize("case", cases("metrics", "matrix"))
def test_matrix_metrics_match_golden(case):
    R, b = case["R"], case["random_baseline"]
    assert matrix.step_accuracy(R) == close(case["out_step_accuracy"], rel=1e-9)
    assert matrix.final_average(R) == close(case["out_final_average"].item(), rel=1e-9)
    assert matrix.average_over_time(R) == close(case["out_average_over_time"].item(), rel=1e-9)
    assert matrix.learning_accuracy(R) == close(case["out_learning_accuracy"].item(), rel=1e-9)
    assert matrix.backward_transfer(R) == close(case["out_bwt"].item(), rel=1e-9)
    assert matrix.backward_transfer(R) == close(case["out_mammoth_backward_transfer"].item(), rel=1e-9)
    assert matrix.forward_transfer(R, b) == close(case["out_forward_transfer"].item(), rel=1e-9)
    assert matrix.forward_transfer(R, b) == close(case["out_mammoth_forward_transfer"].item(), rel=1e-9)
    assert matrix.forgetting(R) == close(case["out_forgetting_best_before_last"].item(), rel=1e-9)
    including = matrix.forgetting(R, "best_including_last")
    assert including == close(case["out_forgetting_best_including_last"].item(), rel=1e-9)
    assert including == close(case["out_mammoth_forgetting"].item(), rel=1e-9)
    by_task = matrix.forgetting_by_task(R, "own_minus_last")
    assert by_task == close(case["out_avalanche_forgetting_by_task"], rel=1e-9)


@pytest.mark.parametrize("case", cases("metrics", "matrix"))
def test_unfinished_matrices_match_avalanche_at_every_step(case):
    R, b = case["R"], case["random_baseline"]
    for t in range(len(R)):
        so_far = np.full_like(R, np.nan)
        so_far[: t + 1] = R[: t + 1]
        assert matrix.forward_transfer(so_far, b) == close(
            case["out_avalanche_stream_forward_transfer_per_step"][t], rel=1e-9
        )
        if t:
            assert matrix.forgetting(so_far, "own_minus_last") == close(
                case["out_avalanche_stream_forgetting_per_step"][t], rel=1e-9
            )
            assert matrix.backward_transfer(R[: t + 1]) == close(
                case["out_avalanche_stream_bwt_per_step"][t], rel=1e-9
            )


@pytest.mark.parametrize("case", [c for c in cases("metrics", "matrix") if "test_counts" in c.values[0]])
def test_weighted_averages_match_golden(case):
    R, n = case["R"], case["test_counts"]
    assert matrix.step_accuracy(R, n) == close(case["out_weighted_step_accuracy"], rel=1e-9)
    assert matrix.final_average(R, n) == close(case["out_weighted_final_average"].item(), rel=1e-9)
    assert matrix.average_over_time(R, n) == close(case["out_weighted_average_over_time"].item(), rel=1e-9)


@pytest.mark.parametrize("case", cases("metrics", "ctp_bwt"))
def test_ctp_backward_transfer_matches_golden(case):
    found = matrix.ctp_backward_transfer(case["own_checkpoint"], case["last_checkpoint"])
    assert found == close(case["out_unrounded"].item(), rel=1e-9)
    assert found > 0, "positive is forgetting"


def test_forgetting_differs_by_reading():
    R = [[50, np.nan, np.nan], [70, 60, np.nan], [80, 55, 90]]
    assert matrix.forgetting(R) == close((70 - 80 + 60 - 55) / 2)
    assert matrix.forgetting(R, "best_including_last") == close((0 + 5) / 2)
    assert matrix.forgetting(R, "own_minus_last") == close((50 - 80 + 60 - 55) / 2)
    with pytest.raises(ValueError, match="no reading 'mammoth'"):
        matrix.forgetting(R, "mammoth")


def test_matrix_metrics_leave_out_what_is_not_defined_yet():
    nan = np.nan
    first = matrix.matrix_metrics([[40.0, nan], [nan, nan]])
    assert first == {"average": 40, "average_over_time": 40, "learning_accuracy": 40}
    second = matrix.matrix_metrics([[40.0, 5.0], [30.0, 60.0]], random_baseline=[1.0, 2.0])
    assert second == {
        "average": 45,
        "average_over_time": 42.5,
        "learning_accuracy": 50,
        "forgetting": 10,
        "backward_transfer": -10,
        "forward_transfer": 3,
    }
    assert matrix.matrix_metrics(np.full((2, 2), nan)) == {}


def test_averages_are_over_all_samples_where_their_numbers_are_given():
    nan = np.nan
    found = matrix.matrix_metrics([[90.0, nan], [80.0, 20.0]], sizes=[50, 10])
    assert found["average"] == close(70) and found["average_over_time"] == close(80)
    assert found["unweighted_average"] == 50 and found["unweighted_average_over_time"] == 70
    assert found["forgetting"] == 10 and found["learning_accuracy"] == 55, "task by task, as ever"
    assert "unweighted_average" not in matrix.matrix_metrics([[90.0, nan], [80.0, 20.0]])


def test_task_aware_forgetting_is_of_a_matrix_of_its_own():
    nan = np.nan
    R, own = [[90.0, 30], [60, 70]], [[95.0, nan], [94, 80]]
    found = matrix.matrix_metrics(R, task_aware=own)
    assert (found["forgetting"], found["task_aware_forgetting"]) == (30, 1)
    assert "task_aware_forgetting" not in matrix.matrix_metrics(R[:1], task_aware=own[:1])
    assert "task_aware_forgetting" not in matrix.matrix_metrics(R, task_aware=np.full((2, 2), nan))


def test_an_unmeasured_entry_is_not_averaged_away():
    found = matrix.matrix_metrics([[40.0, np.nan], [np.nan, 60.0]])
    assert found == {"learning_accuracy": 50}


@pytest.mark.parametrize("case", cases("ctp_metrics", "itm"))
@pytest.mark.parametrize("block", [1, 64, 2**24])
def test_recall_matches_golden(case, block, monkeypatch):
    monkeypatch.setattr(retrieval, "_BLOCK", block)
    i2t, t2i = torch.from_numpy(case["scores_i2t"]), torch.from_numpy(case["scores_t2i"])
    found = retrieval.recall_at_k(i2t, t2i, int(case["texts_per_image"]))
    for name, value in found.items():
        assert value == close(case[f"out_{name}"].item(), rel=1e-9), name
    assert len(found) == 7


def test_recall_of_features_equals_recall_of_their_similarities(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    image = torch.nn.functional.normalize(torch.randn(23, 4, generator=generator, dtype=torch.float64), dim=1)
    text = torch.nn.functional.normalize(image + 0.5 * torch.randn(23, 4, generator=generator), dim=1)
    monkeypatch.setattr(retrieval, "_BLOCK", 5 * 23)
    found = retrieval.recall_of_features(image, text)
    assert found == close(retrieval.recall_at_k(image @ text.T))
    assert 10 < found["r_mean"] < 100


def test_collapsed_features_score_chance():
    found = retrieval.recall_at_k(torch.zeros(20, 20))
    assert found["txt_r1"] == close(5) and found["img_r5"] == close(25) and found["txt_r10"] == close(50)
    several = retrieval.recall_at_k(torch.zeros(10, 20), texts_per_image=2)
    assert several["txt_r1"] == close(100 * 2 / 20)
    assert several["txt_r5"] == close(100 * (1 - (18 * 17 * 16 * 15 * 14) / (20 * 19 * 18 * 17 * 16)))


def test_recall_of_a_tie_behind_a_better_one():
    # Row 0: one column is better, then ours ties with another: second or third place.
    scores = torch.tensor([[1.0, 2.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    found = retrieval.recall_at_k(scores, torch.eye(3))
    assert found["txt_r1"] == close(100 * 2 / 3)
    assert found["txt_r5"] == close(100)


def test_recall_refuses_nan_and_wrong_shapes():
    with pytest.raises(ValueError, match="NaN"):
        retrieval.recall_at_k(torch.full((3, 3), float("nan")))
    with pytest.raises(ValueError, match="3 images and 4 texts"):
        retrieval.recall_at_k(torch.zeros(3, 4))


@pytest.mark.parametrize("case", cases("ctp_metrics", "ap"))
def test_average_precision_matches_golden(case):
    relevant = torch.from_numpy(case["relevant_in_rank_order"]).bool()[None]
    found = retrieval.average_precision(relevant, torch.from_numpy(case["k"])[None])
    assert found.item() == close(case["out_ap"].item(), rel=1e-9)


def gallery_arguments(case):
    return [torch.from_numpy(case[k]) for k in ("scores", "query_label", "gallery_label", "self_index")]


@pytest.mark.parametrize("case", cases("ctp_metrics", "gallery"))
@pytest.mark.parametrize("block", [1, 2**24])
def test_gallery_map_as_released_matches_golden(case, block, monkeypatch):
    monkeypatch.setattr(retrieval, "_BLOCK", block)
    found = retrieval.gallery_map(*gallery_arguments(case), reading="reference")
    assert found == {f"map{k}": close(case[f"out_map{k}"].item(), rel=1e-9) for k in (1, 5, 10)}


@pytest.mark.parametrize("case", cases("ctp_metrics", "gallery"))
def test_gallery_map_of_the_paper_equals_plain_counting(case):
    scores, query_label, gallery_label, self_index = (a.numpy() for a in gallery_arguments(case))
    for top in (1, 5, 10):
        values = []
        for q in range(len(scores)):
            others = [g for g in np.argsort(-scores[q]) if g != self_index[q]]
            relevant = [gallery_label[g] == query_label[q] for g in others]
            k, hits, total = min(top, sum(relevant)), 0, 0.0
            for place, hit in enumerate(relevant[:k], 1):
                hits += hit
                total += hit * hits / place
            values.append(total / max(hits, 1))
        found = retrieval.gallery_map(*gallery_arguments(case))
        assert found[f"map{top}"] == close(100 * np.mean(values), rel=1e-9)


def test_the_query_itself_is_no_positive_in_the_papers_reading():
    # The query lies in the gallery at 0 and has one other relevant item, found second, behind an irrelevant
    # one.
    scores = torch.tensor([[9.0, 5.0, 7.0, 1.0]])
    arguments = scores, torch.tensor([1]), torch.tensor([1, 1, 0, 0]), torch.tensor([0])
    assert retrieval.gallery_map(*arguments)["map5"] == 0  # k = 1: only the irrelevant one is looked at
    assert retrieval.gallery_map(*arguments, reading="reference")["map5"] == close(50)  # k = 2


def test_gallery_map_of_features_equals_that_of_their_similarities(monkeypatch):
    generator = torch.Generator().manual_seed(1)
    query, gallery = torch.randn(7, 3, generator=generator), torch.randn(40, 3, generator=generator)
    labels = torch.randint(0, 8, (40,), generator=generator)
    labels[:7] = labels[3]
    monkeypatch.setattr(retrieval, "_BLOCK", 100)
    query[0] = 9 * gallery[3]  # which is itself, and comes first
    itself = torch.tensor([3, -1, 5, -1, -1, 0, 39])
    found = retrieval.gallery_map_of_features(query, gallery, labels[:7], labels, itself)
    paper = retrieval.gallery_map(query @ gallery.T, labels[:7], labels, itself)
    reference = retrieval.gallery_map(query @ gallery.T, labels[:7], labels, itself, "reference")
    assert found == close(paper | {f"{name}_reference": value for name, value in reference.items()})
    assert found["map10"] != close(found["map10_reference"])


def test_the_released_code_counts_relevant_items_wherever_they_are():
    # The query finds an irrelevant item, then the one relevant item of the tasks searched. Another one is of
    # a task to come.
    scores, label, here = torch.tensor([[7.0, 5.0]]), torch.tensor([1]), torch.tensor([0, 1])
    arguments, everywhere = (scores, label, here, torch.tensor([-1])), torch.tensor([0, 1, 1])
    assert retrieval.gallery_map(*arguments, "reference")["map5"] == 0  # k = 1
    assert retrieval.gallery_map(*arguments, "reference", everywhere)["map5"] == close(50)  # k = 2
    assert retrieval.gallery_map(*arguments, "paper", everywhere)["map5"] == 0
