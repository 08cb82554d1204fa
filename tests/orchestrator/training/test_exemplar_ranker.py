"""What a trial's model says of training rows, in the order in which they are asked for."""

import numpy as np
import pytest
import torch

from methods.method import InputSpec, Method, Task
from orchestrator.data.row_reader import RowReader
from orchestrator.evaluation.protocol import Evaluation
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.stream import Split, Stream, TaskData
from orchestrator.training.exemplar_ranker import ExemplarRanker

CPU = torch.device("cpu")
ROWS = np.array([11, 3, 0, 19, 12])


class Toy(Method):
    """Returns, for each sample, what the sample is made of: its tokens and its picture's first pixel."""

    def __init__(self):
        super().__init__(None, None)
        self.modes = []

    def embed(self, batch, kind):
        self.modes.append((self.training, torch.is_autocast_enabled("cpu"), torch.is_grad_enabled()))
        known = {"pair": batch.tokens, "image": batch.image[:, :, 0, 0], "text": batch.tokens + 1}
        return known[kind].float()

    def sample(self, batch, classes):
        self.modes.append((self.training, torch.is_autocast_enabled("cpu"), torch.is_grad_enabled()))
        logits = batch.tokens[:, classes.start : classes.stop].float()
        return torch.stack([logits, -logits])


@pytest.fixture
def stream():
    rng = np.random.default_rng(0)

    def split():
        image = rng.integers(0, 256, (10, 4, 4, 3), np.uint8)
        return Split(ArrayPictures(image), rng.integers(0, 50, (10, 6), dtype=np.int32), np.zeros(10, int))

    tasks = [TaskData(Task(k, str(k), "recognition", 2), {"train": split()}) for k in range(2)]
    return Stream("tiny", InputSpec(4, 6, 50, 0, 1, 2, 3), tasks, "none")


def _tokens(stream):
    return np.concatenate([task.splits["train"].tokens for task in stream.tasks])[ROWS]


def _ranker(stream, method, precision="fp32"):
    def encode(batch):
        batch.feature = batch.image[:, 0].flatten(1).float()
        return batch

    how = Evaluation(CPU, 2, precision, encode)
    return ExemplarRanker(method.train(), stream, RowReader(stream), 5, how)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_model_that_is_trained_gives_its_own_features_of_pairs(stream, precision):
    method = Toy()
    found = _ranker(stream, method, precision).features(ROWS)
    assert np.array_equal(found, _tokens(stream))
    assert method.modes == [(False, precision == "bf16", False)] * 3


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_logits_are_of_the_classes_learnt_in_all_samples(stream, precision):
    method = Toy()
    found = _ranker(stream, method, precision).logits(ROWS)
    tokens = _tokens(stream)[:, :5]
    assert np.array_equal(found, np.stack([tokens, -tokens]))
    assert method.modes == [(False, precision == "bf16", False)] * 3


def test_features_of_a_frozen_encoder_that_nobody_has_cached_are_encoded(stream, monkeypatch):
    monkeypatch.setattr(Toy, "frozen", frozenset({"image"}))
    method = Toy()
    found = _ranker(stream, method).features(ROWS)
    pictures = np.concatenate([task.splits["train"].pictures.array for task in stream.tasks])[ROWS]
    assert np.array_equal(found, pictures[..., 0].reshape(5, 16)) and not method.modes
