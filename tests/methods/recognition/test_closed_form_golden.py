"""SLDA, RanPAC and iCaRL's nearest mean against released code (tests/golden/closed_form.npz)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from methods.common.closed_form.discriminant import discriminants
from methods.method import Batch, ClassSpec, Task
from methods.recognition.closed_form.nearest_class_mean import NearestMeanConfig
from methods.recognition.closed_form.nearest_exemplar_mean import NearestExemplarMean
from methods.recognition.closed_form.ranpac import RanPAC, RanPACConfig
from methods.recognition.closed_form.slda import SLDA, SLDAConfig

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "closed_form.npz")


def case(prefix):
    """The arrays below ``prefix`` by their last names, as tensors."""
    return {k[len(prefix) + 1 :]: torch.tensor(GOLDEN[k]) for k in GOLDEN.files if k.startswith(prefix + ".")}


def close(found, wanted):
    assert found.shape == wanted.shape
    error = (found - wanted).abs().max().item()
    assert error <= 1e-12 + 1e-9 * wanted.abs().max().item(), error


def spec_of(classes, width):
    return ClassSpec(("class",) * classes, ("{}",), torch.zeros(classes, 1, width), 1.0)


def batch_of(feature, label=None):
    label = torch.zeros(len(feature), dtype=torch.int64) if label is None else label
    return Batch(None, torch.zeros(len(feature), 0, dtype=torch.int64), label, label, feature=feature)


def learn(method, feature, label, task):
    method.start_task(task)
    (step,) = method.phases(task)
    method.observe(batch_of(feature, label), step)
    method.finish_task(task, list)


@pytest.mark.parametrize("instance", ["plain", "base"])
def test_slda(instance):
    c = case(f"slda.{instance}")
    shrinkage, classes = float(c["shrinkage"]), len(c["out_means"])
    weight, bias = discriminants(c["out_means"], c["out_sigma"], shrinkage)
    close(c["test"] @ weight.T + bias, c["out_scores"])

    method = SLDA(SLDAConfig(shrinkage=shrinkage), spec_of(classes, c["x"].shape[1])).double()
    learn(method, c["x"], c["y"], Task(0, "t", "recognition", 1, range(classes)))
    close(method._means(), c["out_means"])
    # The released covariance is made around means under way, and is another one.
    pooled = torch.cov((c["x"] - c["out_means"][c["y"]]).T, correction=0)
    weight, bias = discriminants(c["out_means"], pooled, shrinkage)
    close(method.predict(batch_of(c["test"]), range(classes)), c["test"] @ weight.T + bias)
    assert (pooled - c["out_sigma"]).abs().max() > 0.01 * pooled.abs().max()


def test_ranpac():
    whole = case("ranpac.three")
    width, m = whole["w_rand"].shape
    method = RanPAC(RanPACConfig(projection_width=m), spec_of(6, width)).double()
    method.projection.copy_(whole["w_rand"])
    for k in range(3):
        c = case(f"ranpac.three.task{k}")
        seen = range(2 * k + 2)
        method.config = replace(method.config, ridge=float(c["out_ridge"]))
        learn(method, c["x"], c["y"], Task(k, "t", "recognition", 3, range(2 * k, 2 * k + 2)))
        close(method.gram, c["out_g"])
        close(method.targets.T, c["out_q"][:, : seen.stop])
        close(method.weight, c["out_weight"][: seen.stop])
        close(method.predict(batch_of(whole["test"]), seen), c["out_scores"][:, : seen.stop])
        assert not c["out_q"][:, seen.stop :].any()


def test_nearest_mean_of_exemplars():
    c = case("icarl.nme")
    classes, width = c["out_class_means"].shape
    method = NearestExemplarMean(NearestMeanConfig(), spec_of(classes, width)).double()
    feature = F.normalize(c["features"], dim=-1)
    learn(method, feature, c["labels"], Task(0, "t", "recognition", 1, range(classes)))
    close(method.class_features(batch_of(feature), range(classes)), c["out_class_means"])
    # Recorded are minus squared distances of unit rows.
    queries = batch_of(F.normalize(c["queries"], dim=-1))
    close(2 * method.predict(queries, range(classes)) - 2, c["out_scores"])
