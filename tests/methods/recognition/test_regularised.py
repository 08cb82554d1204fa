"""EWC, LwF and DER++ on a head: whose likelihood, which classes, which logits."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from methods.recognition.regularised import ClipDER, ClipEWC, ClipLwF

OLD, NEW = range(2), range(2, 5)  # of the toy's six classes


def made(toy, cls, **fields):
    torch.manual_seed(0)
    return cls(cls.Config(**({"logit_scale": 7.0} | fields)), toy.spec).eval()


def moved(method):
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return method


def logits_of(weight, feature, classes):
    """Seven cosines of pictures (B, D) with the rows of the first classes."""
    return 7 * feature @ F.normalize(weight[:classes], dim=1).T


@pytest.mark.parametrize("fisher", ["empirical", "weighted"])
def test_the_fisher_information_of_a_head_is_the_mean_square_of_its_samples_gradients(toy, fisher):
    method = moved(made(toy, ClipEWC, fisher=fisher))
    batch = toy.of(OLD)
    method.start_task(toy.task(OLD))
    *_, step = method.phases(toy.task(OLD))
    for part in torch.tensor_split(torch.arange(40), [7, 30]):
        method.observe(toy.batch_of(batch.feature[part], batch.label[part]), step)
    method.finish_task(toy.task(OLD), list)
    weight = method.weight.detach().clone().requires_grad_()
    wanted = torch.zeros_like(weight)
    for feature, label in zip(batch.feature, batch.label, strict=True):
        loss = F.cross_entropy(logits_of(weight, feature[None], 2), label[None])
        square = torch.autograd.grad(loss, weight)[0].square()
        wanted += square * (1 if fisher == "empirical" else math.exp(-loss.item())) / 40
    (found,) = method.fisher.buffers()
    torch.testing.assert_close(found, wanted.detach())
    assert found[:2].min(1).values.min() >= 0 and (found[:2] > 0).any(1).all()
    assert not found[2:].any(), "rows of classes that came later have none"


def test_the_fisher_information_is_exact_under_autocast(toy):
    def of(context):
        method = made(toy, ClipEWC)
        method.start_task(toy.task(OLD))
        with context:
            method.observe(toy.of(OLD), method.fisher_pass)
        method.finish_task(toy.task(OLD), list)
        return next(method.fisher.buffers())

    assert torch.equal(of(torch.autocast("cpu", torch.bfloat16)), of(torch.enable_grad()))


def test_lwf_distils_past_classes_alone_at_its_temperature(toy):
    method = moved(made(toy, ClipLwF, lwf_weight=0.3, lwf_temperature=3.0))
    before = method.weight.detach().clone()
    method.start_task(toy.task(OLD))
    method.finish_task(toy.task(OLD), list)
    method.start_task(toy.task(NEW, 1))
    moved(method)
    batch = toy.of(NEW)
    old, now = (logits_of(w, batch.feature, 2) / 3 for w in (before, method.weight))
    each = -(old.softmax(1) * now.log_softmax(1)).sum(1)
    found = method.loss(batch, None)
    torch.testing.assert_close(found["lwf"], 0.3 * each.mean())
    own = F.cross_entropy(logits_of(method.weight, batch.feature, 5), batch.label)
    torch.testing.assert_close(found["cross_entropy"], own)
    weight = torch.linspace(0.1, 3, len(batch))
    found = method.loss(replace(batch, weight=weight), None)["lwf"]
    torch.testing.assert_close(found, 0.3 * (weight * each).mean())


def test_derpp_compares_logits_as_they_are_with_those_of_the_classes_that_had_come(toy):
    method = made(toy, ClipDER, derpp_alpha=0.2, derpp_beta=0.5)
    method.start_task(toy.task(OLD))
    past = toy.of(OLD)
    with torch.autocast("cpu", torch.bfloat16):
        kept = method.keep(past)
    assert not kept.requires_grad
    torch.testing.assert_close(kept, logits_of(method.weight, past.feature, 2).detach())
    method.finish_task(toy.task(OLD), list)
    method.start_task(toy.task(NEW, 1))
    moved(method)
    assert method.keep(past).shape == (40, 5)
    terms = method.loss(replace(past, kept=kept), None)
    now = logits_of(method.weight, past.feature, 5)
    wanted = 0.2 * (now[:, :2] - kept).square().sum() / (40 * 2)
    assert wanted > 1e-4
    torch.testing.assert_close(terms["stored_logits"], wanted)
    torch.testing.assert_close(terms["cross_entropy"], 0.5 * F.cross_entropy(now, past.label))


def test_the_released_codes_values_are_presets():
    assert ClipEWC.presets["reference"] == {"fisher": "weighted"}
    assert ClipLwF.presets["reference"] == {"lwf_weight": 0.5}
    with pytest.raises(ValueError, match="^fisher 'exact' must be one of empirical, weighted$"):
        ClipEWC.Config(fisher="exact")


@pytest.mark.parametrize(
    ("cls", "values", "said"),
    [
        (ClipEWC, {"ewc_weight": -1}, "ewc_weight -1 must be >= 0"),
        (ClipEWC, {"ewc_decay": 1.1}, "ewc_decay 1.1 must be >= 0 and <= 1"),
        (ClipLwF, {"lwf_weight": -1}, "lwf_weight -1 must be >= 0"),
        (ClipLwF, {"lwf_temperature": 0}, "lwf_temperature 0 must be > 0"),
        (ClipDER, {"derpp_alpha": -1}, "derpp_alpha -1 must be >= 0"),
        (ClipDER, {"derpp_beta": -1}, "derpp_beta -1 must be >= 0"),
    ],
)
def test_bad_values(cls, values, said):
    for preset in cls.presets.values():
        cls.Config(**preset)
    with pytest.raises(ValueError, match=f"^{said}$"):
        cls.Config(**values)
    with pytest.raises(ValueError, match="^epochs 0 must be >= 1$"):  # the head's own checks stay
        cls.Config(epochs=0)
