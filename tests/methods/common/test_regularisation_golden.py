"""EWC, LwF, DER++ and iCaRL's loss against Mammoth's (tests/golden/regularisation.npz)."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import vector_to_parameters

from methods.common.dark_experience_replay import DarkExperienceReplay, DERConfig
from methods.common.distillation import distillation
from methods.common.elastic_weight_consolidation import ElasticWeightConsolidation, SampleFisherConfig
from methods.common.output_method import OutputMethod
from methods.common.stored_error import stored_error
from methods.common.weighted_mean import weighted_mean
from methods.method import Batch, Task
from methods.recognition.icarl import sigmoid_distillation

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "regularisation.npz")


def case(prefix):
    """The arrays below ``prefix`` by their last names, as tensors."""
    return {k[len(prefix) + 1 :]: torch.tensor(GOLDEN[k]) for k in GOLDEN.files if k.startswith(prefix + ".")}


def close(found, wanted, tolerance=1e-9):
    assert found.shape == wanted.shape
    error = (found - wanted).abs().max().item()
    assert error <= 1e-12 + tolerance * wanted.abs().max().item(), error


class _Network(OutputMethod):
    """The recorded network, without a loss of its own."""

    def __init__(self, config, spec):
        super().__init__(config, spec)
        self.f = nn.Sequential(nn.Linear(4, 5), nn.Tanh())
        self.classifier = nn.Linear(5, 6)

    def phases(self, task):
        return []

    def outputs(self, batch):
        return self.classifier(self.f(batch.feature))

    def terms(self, outputs, batch):
        return {}


class _EWC(ElasticWeightConsolidation, _Network):
    Config = SampleFisherConfig

    def log_likelihoods(self, batch):
        for x, y in zip(batch.feature, batch.label, strict=True):
            yield 1, self.classifier(self.f(x[None])).log_softmax(1)[0, y]


class _DER(DarkExperienceReplay, _Network):
    Config = DERConfig

    def distances(self, outputs, stored, batch):
        return stored_error(outputs, stored)


class _Classifier(_Network):
    def terms(self, outputs, batch):
        losses = F.cross_entropy(outputs, batch.label, reduction="none")
        return {"cross_entropy": weighted_mean(losses, batch.weight)}


class _DERClassifier(_DER, _Classifier):
    pass


def batch_of(feature, label, **more):
    return Batch(None, torch.zeros(len(feature), 0), label, label, feature=feature, **more)


def flat(tensors):
    return torch.cat([tensor.flatten() for tensor in tensors])


def set_to(method, vector):
    vector_to_parameters(vector, method.parameters())


def test_online_ewc_over_two_tasks():
    whole = case("ewc.two")
    config = SampleFisherConfig(
        ewc_weight=float(whole["e_lambda"]), ewc_decay=float(whole["gamma"]), fisher="weighted"
    )
    method = _EWC(config, None).double()
    for index in (0, 1):
        c = case(f"ewc.two.task{index}")
        method.start_task(Task(index, "t", "recognition", 3))
        set_to(method, c["parameters"])
        (step,) = method.phases(Task(index, "t", "recognition", 3))
        for part in (slice(0, 7), slice(7, None)):
            method.observe(batch_of(c["x"][part], c["y"][part]), step)
        method.finish_task(Task(index, "t", "recognition", 3), list)
        close(flat(method.fisher.buffers()), c["out_fisher"])
        close(flat(method.anchors.buffers()), c["parameters"])
        set_to(method, c["parameters_later"])
        method.start_task(Task(index + 1, "t", "recognition", 3))
        (penalty,) = method.loss(batch_of(c["x"], c["y"]), None).values()
        close(penalty, c["out_penalty"])
        gradient = torch.autograd.grad(penalty, list(method.parameters()))
        close(flat(gradient), c["out_penalty_gradient"], 1e-7)


def test_the_fisher_information_without_the_labels_probability_is_another():
    c = case("ewc.two.task0")
    method = _EWC(SampleFisherConfig(), None).double()
    task = Task(0, "t", "recognition", 3)
    method.start_task(task)
    set_to(method, c["parameters"])
    method.observe(batch_of(c["x"], c["y"]), method.fisher_pass)
    method.finish_task(task, list)
    wanted = torch.zeros_like(c["out_fisher"])
    for x, y in zip(c["x"], c["y"], strict=True):
        loss = F.cross_entropy(method.outputs(batch_of(x[None], y[None])), y[None])
        wanted += flat(torch.autograd.grad(loss, list(method.parameters()))).square() / len(c["x"])
    close(flat(method.fisher.buffers()), wanted)
    assert (wanted - c["out_fisher"]).abs().max() > 0.1 * wanted.max()


def test_lwfs_distillation():
    c = case("lwf.a")
    logits = c["new_logits"].requires_grad_()
    loss = distillation(logits, c["old_logits"], float(c["temperature"])).mean()
    close(loss, c["out_loss"])
    loss.backward()
    close(logits.grad, c["grad_new_logits"], 1e-7)


@pytest.mark.parametrize("index", [0, 1])
def test_icarls_loss(index):
    c = case(f"icarl.task{index}")
    logits = c["logits"].requires_grad_()
    old = c["old_sigmoids"][:, : int(c["past_classes"])]
    loss = sigmoid_distillation(logits, c["labels"], old).mean()
    close(loss, c["out_loss"])
    loss.backward()
    close(logits.grad, c["grad_logits"], 1e-7)


def test_a_step_of_derpp():
    """Of one batch with two draws of the memory: three batches, each with a part of the loss."""
    c = case("derpp.a")
    alpha, beta = float(c["alpha"]), float(c["beta"])
    method = _DERClassifier(DERConfig(derpp_alpha=alpha, derpp_beta=beta), None).double()
    vector = [c[f"w.{name}"] for name, _ in method.named_parameters()]
    set_to(method, flat(vector))
    close(method.outputs(batch_of(c["x"], c["y"])), c["out_logits_kept"])
    new = method.loss(batch_of(c["x"], c["y"]), None)
    assert set(new) == {"cross_entropy"}
    logits = method.loss(batch_of(c["buffer1_x"], c["y"], kept=c["buffer1_logits"]), None)
    labels = method.loss(batch_of(c["buffer2_x"], c["buffer2_y"], kept=c["buffer1_logits"]), None)
    loss = new["cross_entropy"] + logits["stored_logits"] + labels["cross_entropy"]
    close(loss, c["out_loss"])
    close(flat(torch.autograd.grad(loss, list(method.parameters()))), c["out_gradient"], 1e-7)


def test_a_merged_batch_has_its_parts_from_the_memorys_samples_alone():
    c = case("derpp.a")
    method = _DERClassifier(DERConfig(derpp_alpha=0.3, derpp_beta=0.5), None).double()
    stored = c["buffer1_logits"].clone()
    stored[:5] = torch.nan  # of the task
    stored[5:, 4:] = torch.nan  # classes that came later
    found = method.loss(batch_of(c["x"], c["y"], kept=stored), None)
    logits = method.outputs(batch_of(c["x"], c["y"]))
    losses = F.cross_entropy(logits, c["y"], reduction="none")
    close(found["cross_entropy"], (losses[:5].sum() + 0.5 * losses[5:].sum()) / 8)
    close(found["stored_logits"], 0.3 * (logits[5:, :4] - stored[5:, :4]).square().mean(1).sum() / 8)
    found["stored_logits"].backward()
    assert all(p.grad.isfinite().all() for p in method.parameters())
