import pytest

from orchestrator.metrics.measures import better, shown_metrics, unit

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


def test_an_angle_is_in_degrees():
    assert [unit(name) for name in ("average", "seen/ece", "drift/angle", "drift/task_01")] == [
        "%",
        "%",
        "degrees",
        "degrees",
    ]


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
    assert {better(name) for name in ("seconds/train", "replay/bytes", "parameters/trained")} == {"min"}
