import pytest
from kept_features import Neighbours, Spoilt

from orchestrator.config import RunConfig
from orchestrator.features import bank, builder, encoder


@pytest.fixture(scope="session")
def two_views():
    """A recognition run's configuration."""
    return RunConfig.from_dict(
        {
            "method.name": "zero-shot",
            "method.backbone": {"model": "small", "pretrained": "random"},
            "stream.name": "shapes-recognition",
            "run.views": 2,
        }
    )


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of four pictures, all of which can be read."""
    monkeypatch.setattr(builder, "_PICTURES", 4)
    monkeypatch.setattr(Spoilt, "bad", frozenset())


@pytest.fixture
def neighbours(small_chunks, monkeypatch):
    """The frozen CLIP is a :class:`~kept_features.Neighbours`."""
    for module in (bank, encoder):
        monkeypatch.setattr(module, "load_backbone", lambda config: Neighbours())
