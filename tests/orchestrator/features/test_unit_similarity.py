"""How alike the classes or tasks of a stream are."""

from types import SimpleNamespace

import numpy as np
import pytest

from methods.backbones.clip_config import ClipConfig
from orchestrator.features import frozen
from orchestrator.features.unit_similarity import unit_similarity
from orchestrator.streams.recognition.class_config import ClassConfig

pytestmark = pytest.mark.unit


def _source(names, spans, scenario="recognition", captions=()):
    tasks = [
        SimpleNamespace(classes=range(*span), splits={"train": SimpleNamespace(captions=texts)})
        for span, texts in zip(spans, captions or [()] * len(spans), strict=True)
    ]
    return SimpleNamespace(scenario=scenario, categories=names, templates=("a {}.", "one {}."), tasks=tasks)


def _config(stream=None, clip=True):
    backbone = ClipConfig() if clip else None
    return SimpleNamespace(method=SimpleNamespace(backbone=backbone), stream=stream)


@pytest.fixture
def texts(monkeypatch):
    """A CLIP that gives each text the vector of its class, and what it was asked for."""
    torch = pytest.importorskip("torch")
    rows = {"cat": (1.0, 0.0), "lynx": (0.6, 0.8), "bus": (0.0, 1.0), "tram": (0.0, 1.0)}
    asked = []

    def encode_text(words):
        asked.extend(words)
        return torch.tensor([rows[word.split()[1][:-1]] for word in words])

    monkeypatch.setattr(frozen, "load_backbone", lambda config: SimpleNamespace(encode_text=encode_text))
    return asked


def test_classes_are_as_alike_as_their_names_are_to_the_clip(texts):
    found = unit_similarity(_config(ClassConfig()), _source(["cat", "lynx", "bus"], [(0, 2), (2, 3)]))
    np.testing.assert_allclose(found.matrix, [[1, 0.6, 0], [0.6, 1, 0.8], [0, 0.8, 1]], atol=1e-6)
    assert (found.sizes, found.what, found.by) == ((2, 1), "classes", "class names under small (world)")
    assert texts[:2] == ["a cat.", "one cat."]


def test_tasks_that_are_arranged_whole_have_the_mean_of_their_classes(texts):
    found = unit_similarity(_config(), _source(["cat", "lynx", "bus", "tram"], [(0, 2), (2, 4)]))
    assert (found.sizes, found.what) == ((1, 1), "tasks")
    np.testing.assert_allclose(found.matrix, [[0.8, 0.4], [0.4, 1.0]], atol=1e-6)


@pytest.mark.parametrize("clip", [True, False])
def test_captions_are_compared_by_their_letters(clip):
    captions = [["A red mug", "a RED cup"], ["a red mug on a table"], ["ein Zug", "zwei Züge"]]
    source = _source([], [(0, 0)] * 3, "retrieval", captions)
    found = unit_similarity(_config(clip=clip), source)
    assert found.what == "tasks" and found.matrix[0, 1] > 0.3 > found.matrix[0, 2] + 0.2
    np.testing.assert_allclose(np.diag(found.matrix), 1.0)
    assert (found.matrix == unit_similarity(_config(), source).matrix).all()


def test_without_a_clip_names_are_compared_by_their_letters():
    found = unit_similarity(
        _config(ClassConfig(), clip=False), _source(["red mug", "red cup", "bus"], [(0, 3)])
    )
    again = unit_similarity(
        _config(ClassConfig(), clip=False), _source(["Red Mug", "red mug", "bus"], [(0, 3)])
    )
    assert again.matrix[0, 1] == pytest.approx(1.0), "whatever the case"
    assert found.matrix[0, 1] > found.matrix[0, 2] and found.by == "class names, by their letters"
