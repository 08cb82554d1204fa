"""EWC, LwF and DER++ as parts: how samples count, whom gradients reach, what a task leaves."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from methods.common.dark_experience_replay import DarkExperienceReplay, DERConfig
from methods.common.elastic_weight_consolidation import (
    ElasticWeightConsolidation,
    EWCConfig,
    SampleFisherConfig,
)
from methods.common.fisher import squared_gradients
from methods.common.frozen_copy import frozen_copy
from methods.common.learning_without_forgetting import LearningWithoutForgetting, LwFConfig
from methods.common.output_method import OutputMethod
from methods.common.stored_error import stored_error
from methods.common.weighted_mean import weighted_mean
from methods.method import Batch, Phase, Task

FIRST, LATER, LAST = (Task(index, "t", "recognition", 3) for index in range(3))


class _Line(OutputMethod):
    """y = v (w x), with a dropout between and a weight that is never trained; the loss is the mean of y."""

    def __init__(self, config, spec):
        super().__init__(config, spec)
        self.w = nn.Parameter(torch.tensor([2.0, -1.0]))
        self.v = nn.Parameter(torch.tensor(3.0))
        self.still = nn.Parameter(torch.tensor(5.0), requires_grad=False)
        self.unused = nn.Parameter(torch.tensor(7.0))
        self.dropout = nn.Dropout(0.5)

    def phases(self, task):
        return [Phase("train", 1, 1, lambda: None, lambda step, steps: 1.0)]

    def outputs(self, batch):
        return self.v * self.still * (self.dropout(batch.feature) @ self.w)

    def terms(self, outputs, batch):
        return {"own": weighted_mean(outputs, batch.weight)}


class _EWC(ElasticWeightConsolidation, _Line):
    Config = EWCConfig

    def log_likelihoods(self, batch):
        """That of all samples together, their mean."""
        yield len(batch), self.outputs(batch).mean()


class _LwF(LearningWithoutForgetting, _Line):
    Config = LwFConfig

    def distilled(self, outputs, before, batch):
        return outputs * before


class _DER(DarkExperienceReplay, _Line):
    Config = DERConfig

    def distances(self, outputs, stored, batch):
        return (outputs - stored[:, 0].nan_to_num()).square()


def batch_of(*rows, **more):
    label = torch.zeros(len(rows), dtype=torch.long)
    return Batch(None, torch.zeros(len(rows), 0), label, label, feature=torch.tensor(rows), **more)


def observed(method, task, *batches):
    method.start_task(task)
    for batch in batches:
        with torch.no_grad():  # as the walk does
            method.observe(batch, method.fisher_pass)
    method.finish_task(task, list)


def test_likelihoods_of_several_samples_count_by_how_many_they_are():
    method = _EWC(EWCConfig(), None).eval()
    observed(method, FIRST, batch_of((1.0, 0.0), (3.0, 2.0), (2.0, 4.0)), batch_of((1.0, 1.0)))
    # Of three samples with the mean (2, 2) the gradient by w is 3 * 5 * (2, 2); of one, 3 * 5 * (1, 1).
    w, v, still, unused = method.fisher.buffers()
    assert w.tolist() == [(3 * 30**2 + 15**2) / 4] * 2
    assert v.item() == (3 * (5 * (2 * 2 - 2)) ** 2 + (5 * (2 - 1)) ** 2) / 4
    assert (still.item(), unused.item()) == (0, 0), "what is not trained, and what no likelihood uses"


def test_the_fisher_information_of_past_tasks_fades_and_begins_at_nothing():
    method = _EWC(EWCConfig(ewc_decay=0.25), None).eval()
    assert not any(buffer.any() for buffer in method.fisher.buffers())
    observed(method, FIRST, batch_of((1.0, 0.0)))
    observed(method, LATER, batch_of((0.0, 2.0)), batch_of((0.0, 2.0)))
    w, *_ = method.fisher.buffers()
    assert w.tolist() == [0.25 * 15**2, 30**2]
    with torch.no_grad():
        method.w += 1
    observed(method, LAST, batch_of((0.0, 0.0)))
    assert w.tolist() == [0.25 * 0.25 * 15**2, 0.25 * 30**2]
    anchors = [buffer.tolist() for buffer in method.anchors.buffers()]
    assert anchors == [[3.0, 0.0], 3.0, 5.0, 7.0], "the weights at the end of the last task"


def test_the_penalty_is_of_tasks_from_the_second_on_and_has_no_one_half():
    method = _EWC(EWCConfig(ewc_weight=0.5), None).eval()
    given = batch_of((1.0, 0.0))
    method.start_task(FIRST)
    assert set(method.loss(given, None)) == {"own"}
    observed(method, FIRST, given)
    method.start_task(LATER)
    with torch.no_grad():
        method.w += torch.tensor([0.25, 100.0])  # nothing was needed of the second
    terms = method.loss(given, None)
    assert terms["ewc"].item() == 0.5 * 15**2 * 0.25**2
    gradient = torch.autograd.grad(terms["ewc"], method.w)[0]
    assert gradient.tolist() == [0.5 * 2 * 15**2 * 0.25, 0]


def test_the_pass_for_the_fisher_information_comes_last_and_only_where_it_counts():
    assert [step.name for step in _EWC(EWCConfig(), None).phases(FIRST)] == ["train", "fisher"]
    assert [step.name for step in _EWC(EWCConfig(ewc_weight=0), None).phases(FIRST)] == ["train"]
    step = _EWC(EWCConfig(), None).phases(FIRST)[-1]
    assert (step.data, step.batch_size) == ("task", None)


def test_what_a_task_leaves_of_ewc_is_in_its_state():
    method = _EWC(EWCConfig(), None).eval()
    observed(method, FIRST, batch_of((1.0, 0.0)))
    again = _EWC(EWCConfig(), None).eval()
    again.load_state_dict(copy.deepcopy(method.state_dict()))
    for m in (method, again):
        m.start_task(LATER)
        with torch.no_grad():
            m.w += 1
    given = batch_of((1.0, 0.0))
    assert method.loss(given, None)["ewc"] == again.loss(given, None)["ewc"] > 0


def test_a_squared_gradient_may_be_weighed_by_the_labels_probability():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    value = (w * torch.tensor([3.0, 0.0])).sum() - 4  # log p = -1
    plain, none = squared_gradients(value, [w, torch.zeros(2, requires_grad=True)])
    assert (plain.tolist(), none.tolist()) == ([9, 0], [0, 0])
    value = (w * torch.tensor([3.0, 0.0])).sum() - 4
    (weighted,) = squared_gradients(value, [w], "weighted")
    torch.testing.assert_close(weighted, torch.tensor([9.0, 0]) * torch.tensor(-1.0).exp())
    assert not weighted.requires_grad
    assert (EWCConfig().ewc_weight, SampleFisherConfig().fisher) == (10, "empirical")


def test_the_teacher_is_the_model_before_the_task_without_dropout():
    method = _LwF(LwFConfig(lwf_weight=0.5), None).train()
    given = batch_of((1.0, 0.0), (0.0, 1.0))
    method.start_task(FIRST)
    assert set(method.loss(given, None)) == {"own"}
    method.finish_task(FIRST, list)
    method.start_task(LATER)
    with torch.no_grad():
        method.w += 1
    method.dropout.p = 0.0
    terms = method.loss(given, None)
    before, now = torch.tensor([30.0, -15.0]), torch.tensor([45.0, 0.0])
    assert terms["lwf"].item() == 0.5 * (before * now).mean()
    assert terms["own"].item() == now.mean()
    # By the new model alone: d/dw of mean(before * v still (w x)).
    gradient = torch.autograd.grad(terms["lwf"], method.w)[0]
    assert gradient.tolist() == [0.5 * 30 * 15 / 2, 0.5 * -15 * 15 / 2]
    terms = method.loss(replace(given, weight=torch.tensor([0.5, 1.5])), None)
    assert terms["lwf"].item() == 0.5 * 0.5 * 30 * 45 / 2
    (teacher,) = method._teacher
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    assert set(method.state_dict()) == {"w", "v", "still", "unused"}
    method.finish_task(LATER, list)
    assert set(method.loss(given, None)) == {"own"}
    assert method.training and method.w.requires_grad


def test_without_a_weight_nobody_teaches():
    method = _LwF(LwFConfig(lwf_weight=0), None)
    method.start_task(LATER)
    assert set(method.loss(batch_of((1.0, 0.0)), None)) == {"own"}


def test_a_frozen_copy_shares_the_spec_and_nothing_that_is_learnt():
    spec = object()
    method = _Line(None, spec).train()
    held = frozen_copy(method)
    assert held.spec is spec and not held.training and method.training
    with torch.no_grad():
        method.w.zero_()
    assert held.w.tolist() == [2, -1]
    assert [p.requires_grad for p in method.parameters()] == [True, True, False, True]


def test_derpp_weighs_its_parts_apart_and_samples_as_the_batch_says():
    method = _DER(DERConfig(derpp_alpha=0.5, derpp_beta=0.25), None).eval()
    given = batch_of((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, 0.0))  # y is 30, -15, 15, 60
    kept = torch.tensor([[float("nan")] * 2, [-16.0, 0.0], [float("nan"), 1.0], [float("nan")] * 2])
    terms = method.loss(replace(given, kept=kept), None)
    # The second and the third are of the memory: something is stored of them.
    assert terms["own"].item() == (30 + 0.25 * -15 + 0.25 * 15 + 60) / 4
    assert terms["stored_logits"].item() == 0.5 * (30**2 + 1 + 15**2 + 60**2) / 4
    weight = torch.tensor([0.0, 2.0, 1.0, 1.0])
    terms = method.loss(replace(given, kept=kept, weight=weight), None)
    assert terms["own"].item() == (0.25 * 2 * -15 + 0.25 * 15 + 60) / 4
    assert terms["stored_logits"].item() == 0.5 * (2 * 1 + 15**2 + 60**2) / 4
    off = _DER(DERConfig(derpp_alpha=0.0, derpp_beta=0.25), None).eval()
    assert set(off.loss(replace(given, kept=kept), None)) == {"own"}
    assert set(method.loss(given, None)) == {"own"}, "nothing of the batch is of the memory"


def test_errors_are_means_over_what_is_stored_and_reach_nothing_else():
    logits = torch.tensor([[1.0, 2.0, 5.0], [1.0, 1.0, 1.0], [9.0, 9.0, 9.0]], requires_grad=True)
    nan = float("nan")
    stored = torch.tensor([[0.0, 4.0, nan], [nan, nan, 4.0], [nan, nan, nan]], dtype=torch.float64)
    errors = stored_error(logits, stored)
    assert errors.tolist() == [(1 + 4) / 2, 9, 0] and errors.dtype == torch.float32
    errors.sum().backward()
    assert logits.grad.tolist() == [[1, -2, 0], [0, 0, -6], [0, 0, 0]]
    cube = torch.ones(1, 2, 2)
    assert stored_error(cube, torch.tensor([[[3.0, 1.0], [nan, nan]]])).tolist() == [(4 + 0) / 2]


@pytest.mark.parametrize("config", [EWCConfig, SampleFisherConfig, LwFConfig, DERConfig])
def test_published_values_are_the_defaults(config):
    published = {
        "ewc_decay": 1.0,
        "fisher": "empirical",
        "lwf_weight": 1.0,
        "lwf_temperature": 2.0,
        "derpp_alpha": 0.3,
        "derpp_beta": 0.5,
    }
    given = vars(config())
    assert {name: value for name, value in given.items() if name in published} == {
        name: value for name, value in published.items() if name in given
    }
