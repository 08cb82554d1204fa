"""How far a ranking of the gallery is read where the query itself lies in it."""

import pytest
import torch

from orchestrator.metrics.retrieval import gallery_map


def _maps(labels, own, reading="paper"):
    """The metrics of one query of label 1. The gallery's first item is nearest to it, then the second, and so
    on.
    """
    scores = torch.arange(len(labels), 0, -1).float()[None]
    return gallery_map(scores, torch.tensor([1]), torch.tensor(labels), torch.tensor([own]), reading)


def test_the_tenth_of_the_others_is_looked_at():
    # The query itself, nine that are not relevant, then relevant ones: the first of them is the tenth other.
    found = _maps([1, *[0] * 9, *[1] * 12], own=0)
    assert found == {"map1": 0.0, "map5": 0.0, "map10": pytest.approx(100 / 10)}
    # As released the ranking ends at the tenth, of which the query itself is one.
    assert _maps([1, *[0] * 9, *[1] * 12], own=0, reading="reference")["map10"] == 0.0


def test_the_eleventh_is_not_looked_at():
    assert _maps([*[0] * 10, *[1] * 12], own=-1)["map10"] == 0.0
    assert _maps([1, *[0] * 10, *[1] * 12], own=0)["map10"] == 0.0


def test_a_query_further_down_than_the_ranking_is_read_takes_no_place():
    labels = [*[0] * 9, 1, *[1] * 12]
    assert _maps(labels, own=20) == {"map1": 0.0, "map5": 0.0, "map10": pytest.approx(100 / 10)}


def test_the_query_alone_of_its_label_finds_nothing():
    assert _maps([1, 0, 0, 0], own=0) == {"map1": 0.0, "map5": 0.0, "map10": 0.0}
