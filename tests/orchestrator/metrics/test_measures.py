import pytest

from orchestrator.metrics.definitions import DEFINITIONS
from orchestrator.metrics.from_matrix import FROM_MATRIX
from orchestrator.metrics.from_predictions import FROM_PREDICTIONS
from orchestrator.metrics.measures import better, difference_unit, in_unit, shown_metrics, unit

_FOUND = [
    "test/recognition/image",
    "test/triplet/forgetting",
    "test/triplet/average_accuracy",
    "test/triplet/final_accuracy",
    "test/vqacl/novel_forget",
    "test/vqacl/novel_ap",
    "test/vqacl/forget",
    "test/vqacl/ap",
    "test/average",
    "test/task_01/accuracy",
]
_VQACL = ["vqacl/ap", "vqacl/forget", "vqacl/novel_ap", "vqacl/novel_forget"]
_TRIPLET = ["triplet/average_accuracy", "triplet/forgetting"]


@pytest.mark.parametrize(
    ("methods", "own"),
    [
        (("vqacl", "vqa-er", "vqa-finetune", "vqa-joint"), _VQACL),
        (("triplet", "l2p", "dualprompt", "triplet-er", "triplet-finetune", "triplet-joint"), _TRIPLET),
        (("ctp", "mma"), []),
    ],
)
def test_a_method_is_told_by_its_own_papers_measures(methods, own):
    for method in methods:
        assert shown_metrics(method, _FOUND) == ["average", *own, "recognition/image"], method


def test_retrieval_is_told_by_ctps_backward_transfer_too():
    found = ["test/ctp/bwt", "test/ctp/bwt_map1", "test/ctp/own/task_01/r_mean", "test/seen/map1_reference"]
    for method in ("ctp", "finetune", "er"):
        assert shown_metrics(method, found) == ["seen/map1_reference", "ctp/bwt", "ctp/bwt_map1"], method


_NOT_PERCENT = {
    "drift/angle": "degrees",
    "drift/task_01": "degrees",
    "train/TERM": "",
    "replay/items": "samples",
    "replay/bytes": "bytes",
    "parameters/trained": "parameters",
    "gpus": "GPUs",
    "memory/gpu_bytes": "bytes",
    "flops/train": "FLOPs",
    "seconds/train": "seconds",
    "seconds/wait": "seconds",
    "seconds/evaluate": "seconds",
    "seconds/checkpoint": "seconds",
    "per_task/learning_rate": "",
    "per_task/strength": "",
    "per_task/trainings": "",
    "txt_median_rank": "ranks",
    "img_median_rank": "ranks",
}


def test_each_metric_that_is_not_in_percent_has_its_own_unit():
    names = [name for table in DEFINITIONS.values() for one in table for name in one.names]
    units = {name: unit(name) for name in [*names, *FROM_MATRIX, *FROM_PREDICTIONS]}
    assert {name: of for name, of in units.items() if of != "%"} == _NOT_PERCENT
    assert (unit("gpu_hours"), unit("test/drift/angle"), unit("mine:average")) == ("GPU-hours", "degrees", "")


def test_a_difference_of_percents_is_in_points_and_every_other_one_in_the_metrics_unit():
    names = ["average", "txt_median_rank", "drift/angle", "mine:f"]
    assert [difference_unit(name) for name in names] == ["points", "ranks", "degrees", ""]
    said = ["in percent", "in ranks from 1 on", "in degrees", "in its own unit"]
    assert [in_unit(name) for name in names] == said


def test_of_errors_less_is_better_of_scores_more():
    less = ["seen/ece", "seen/ece_batch_mean", "forgetting", "vqacl/forget", "vqacl/novel_forget"]
    less += [
        "vqacl/forget_6q",
        "vqacl/forget_6q_reference",
        "vqacl/novel_forget_6q",
        "triplet/forgetting",
        "over_time/detection/fpr95",
        "drift/angle",
        "ctp/bwt",
        "ctp/bwt_map1",
        "ctp/bwt_map1_reference",
    ]
    more = ["average", "seen/r_mean", "backward_transfer", "forward_transfer", "vqacl/ap", "vqacl/ap_6q"]
    more += ["ctp/own/task_01/r_mean", "seen/map1_reference"]
    assert {better(f"validation/{name}") for name in less} == {"min"}
    assert {better(f"validation/{name}") for name in more} == {"max"}
    costs = ("seconds/train", "replay/bytes", "parameters/trained", "flops/train")
    assert {better(name) for name in costs} == {"min"}
