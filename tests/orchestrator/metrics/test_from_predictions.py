"""Metrics from what was kept of each sample, by hand."""

import numpy as np
import pytest
import torch

from orchestrator.evaluation.kept_predictions import COLUMNS
from orchestrator.metrics.from_predictions import FROM_PREDICTIONS
from orchestrator.metrics.measures import better
from orchestrator.metrics.retrieval import first_ranks, recall_of_features

pytestmark = pytest.mark.unit

_KEPT = {
    # Class 4: three of four right; class 7: one of two; class 9: all of one.
    "label": [4, 4, 7, 4, 9, 7, 4],
    "predicted": [4, 7, 7, 4, 9, 4, 4],
    "txt_rank": [1, 9, 2, 3],
    "txt_tied": [1, 1, 2, 1],
    "img_rank": [1, 1, 5],
    "img_tied": [1, 3, 1],
    "kind": [0, 0, 2, 0],
    "score": [0.3, 1.0, 0.6, 0.2],
}
_COLUMNS = {name: np.array(column) for name, column in _KEPT.items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("balanced_accuracy", 75.0),
        ("worst_class_accuracy", 50.0),
        ("txt_median_rank", 2.75),  # of 1, 9, 2.5, 3
        ("img_median_rank", 2.0),  # of 1, 2, 5
        ("mean_per_kind", 55.0),  # 50 and 60
    ],
)
def test_each_metric_by_hand(name, value):
    metric = FROM_PREDICTIONS[name]
    assert metric.compute({key: _COLUMNS[key] for key in metric.needs}) == pytest.approx(value)
    assert set(metric.needs) <= set(COLUMNS[metric.scenario])
    assert better(name) == ("min" if "rank" in name else "max")


@pytest.mark.parametrize("levels", [0, 3])
def test_recall_follows_from_ranks_where_scores_are_equal_too(levels, monkeypatch):
    monkeypatch.setattr("orchestrator.metrics.retrieval._BLOCK", 7 * 40)  # several blocks
    image, text = (torch.from_numpy(np.random.default_rng(s).normal(size=(40, 3))) for s in (1, 2))
    if levels:
        image, text = image.sign(), text.sign()
    ranks = {name: column.numpy() for name, column in first_ranks(image, text).items()}
    recall = recall_of_features(image, text)
    for way in ("txt", "img"):
        assert (ranks[f"{way}_tied"].max() > 1) == bool(levels)
        for k in (1, 5, 10):
            hit = ((k + 1 - ranks[f"{way}_rank"]) / ranks[f"{way}_tied"]).clip(0, 1)
            assert 100 * hit.mean() == pytest.approx(recall[f"{way}_r{k}"])
    assert recall["txt_r5"] != recall["img_r5"], "the directions differ"


def test_a_rank_counts_those_that_are_better():
    image = torch.eye(3)
    text = torch.tensor([[1.0, 0.0, 0.0], [0.9, 0.5, 0.0], [0.9, 0.5, 0.4]])
    found = {name: column.tolist() for name, column in first_ranks(image, text).items()}
    # Pictures: 0 likes text 0 best; 1 likes texts 1 and 2 alike; 2 likes text 2 alone.
    assert found["txt_rank"] == [1, 1, 1] and found["txt_tied"] == [1, 2, 1]
    assert found["img_rank"] == [1, 2, 3] and found["img_tied"] == [1, 1, 1]
