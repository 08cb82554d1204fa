"""Calibration, novel classes, harmonic mean and angles against published code's numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from orchestrator.metrics.recognition import (
    angle,
    batch_calibration_error,
    calibration_error,
    harmonic_mean,
    novelty_confidence,
    novelty_detection,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "recognition_metrics.npz"
READINGS = ["energy", "softmax", "variance", "variance_softmax", "variance_max_prob"]


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.fixture
def calibrated(golden):
    """Confidence, correctness and batch of the golden logits."""
    probabilities = torch.from_numpy(golden["ece.a.logits"]).softmax(-1)
    confidence, best = (t.numpy() for t in probabilities.max(-1))
    return confidence, best == golden["ece.a.labels"], np.arange(len(best)) // golden["ece.a.batch"]


def test_calibration_over_the_data_set_and_over_batches(golden, calibrated):
    confidence, correct, batch = calibrated
    whole = calibration_error(confidence, correct, int(golden["ece.a.n_bins"]))
    assert whole == pytest.approx(100 * golden["ece.a.out_dataset"], rel=1e-6)
    found = batch_calibration_error(confidence, correct, batch)
    assert found == pytest.approx(100 * golden["ece.a.out_mean_of_batches"], rel=1e-6)
    last = batch == batch.max()
    expected = 100 * golden["ece.a.out_per_batch"][-1]
    assert calibration_error(confidence[last], correct[last]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [0, 1])
def test_calibration_of_probabilities(golden, n):
    probabilities = golden[f"ece.{n}.probabilities"]
    correct = probabilities.argmax(1) == golden[f"ece.{n}.labels"]
    found = calibration_error(probabilities.max(1), correct, int(golden[f"ece.{n}.n_bins"]))
    assert found == pytest.approx(100 * golden[f"ece.{n}.out_l1"], rel=1e-6)


def test_batches_are_known_by_their_number(calibrated):
    confidence, correct, batch = calibrated
    order = np.random.default_rng(0).permutation(len(batch))
    shuffled = batch_calibration_error(confidence[order], correct[order], batch[order])
    assert shuffled == pytest.approx(batch_calibration_error(confidence, correct, batch), rel=1e-9)


def test_a_bin_takes_in_its_upper_end():
    # 0.6 is the upper end of the third of five bins: with 0.5 it makes one bin whose gap is 0.05.
    assert calibration_error([0.6, 0.5], [True, False], 5) == pytest.approx(5)
    assert calibration_error([0.0, 1.0], [False, True]) == 0


@pytest.mark.parametrize("reading", READINGS)
def test_confidence_and_detection(golden, reading):
    found = {}
    for part in ("id", "ood"):
        samples = torch.from_numpy(golden[f"ood.scores.{part}_logits"]).transpose(0, 1)
        found[part] = novelty_confidence(samples, reading).numpy()
        np.testing.assert_allclose(found[part], golden[f"ood.{reading}.out_{part}"], rtol=1e-9, atol=1e-12)
    for name, value in novelty_detection(found["id"], found["ood"]).items():
        assert value == pytest.approx(100 * golden[f"ood.{reading}.out_{name}"], rel=1e-9)


def test_detection_counts_the_known_as_positive():
    perfect = novelty_detection([3.0, 2.0], [1.0, 0.0])
    assert perfect == {"auroc": 100, "aupr": 100, "fpr95": 0}
    assert novelty_detection([1.0, 0.0], [3.0, 2.0]) == pytest.approx(
        {"auroc": 0, "aupr": 100 * (1 / 3 + 2 / 4) / 2, "fpr95": 100}
    )


def test_detection_of_samples_that_are_equally_sure():
    # Of three known and four novel ones, at least 3, 2 and 1 have one and none, two and two, three and four.
    found = novelty_detection([3.0, 2.0, 1.0], [2.0, 1.0, 2.0, 1.0])
    assert found == pytest.approx(
        {"auroc": 100 * (4 + 2 + 1 + 1) / 12, "aupr": 100 * (1 + 2 / 4 + 3 / 7) / 3, "fpr95": 100}
    )


def test_a_confidence_that_is_no_number_detects_nothing():
    with pytest.raises(ValueError, match="confidence is not finite"):
        novelty_detection([1.0, np.nan], [0.0])


def test_an_unknown_reading_names_those_there_are():
    with pytest.raises(ValueError, match="no reading 'margin': one of energy, softmax, variance"):
        novelty_confidence(torch.zeros(1, 2, 3), "margin")


def test_harmonic_mean(golden):
    found = [harmonic_mean(*pair) for pair in golden["harmonic.base_new"]]
    np.testing.assert_allclose(found, golden["harmonic.out_h"], rtol=1e-9)
    assert harmonic_mean(0.0, 0.0) == 0


def test_angles():
    first = torch.tensor([[1.0, 0], [2, 0], [1, 0], [1, 0], [1, 0]], dtype=torch.float64)
    second = torch.tensor([[0.0, 3], [1, 1], [1, 0], [-1, 0], [0, 0]], dtype=torch.float64)
    np.testing.assert_allclose(angle(first, second), [90, 45, 0, 180, np.nan], rtol=1e-12)
    near = torch.tensor([[1.0, 1e-5]])
    assert angle(near, torch.tensor([[1.0, 0]])).item() == pytest.approx(np.degrees(1e-5), rel=1e-3)
