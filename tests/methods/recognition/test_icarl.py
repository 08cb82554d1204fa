"""iCaRL on frozen features: what its loss asks for, what is trained, and whose exemplars make the means."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from methods.method import Pass
from methods.recognition.icarl import ClipICaRL, ICaRLConfig

OLD, NEW = range(2), range(2, 4)  # of the toy's six classes


def made(toy, **fields):
    torch.manual_seed(0)
    return ClipICaRL(ICaRLConfig(**({"ratio": 0.7} | fields)), toy.spec).eval()


def learnt(toy, method):
    """The first task, of which the memory keeps all twenty pictures of both classes."""
    method.start_task(toy.task(OLD))
    method.observe(toy.of(OLD), method.phases(toy.task(OLD))[-1])
    method.finish_task(toy.task(OLD), list)
    return method


def moved(method):
    """Other weights than those of the last task."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return method


def adapted(method, feature, ratio=0.7):
    """The unit rows of CLIP-Adapter, by its formula."""
    down, up = (method.adapter.adapter["fc"][k].weight for k in (0, 2))
    learnt = torch.relu(torch.relu(feature @ down.T) @ up.T)
    return F.normalize(ratio * learnt + (1 - ratio) * feature, dim=1)


def cross_entropies(logits, targets):
    """Binary cross-entropies (B, C), spelled out in NumPy."""
    p = 1 / (1 + np.exp(-logits.detach().double().numpy()))
    return -(targets * np.log(p) + (1 - targets) * np.log(1 - p))


def test_of_past_classes_the_old_models_sigmoids_are_the_targets_and_of_new_ones_the_label(toy):
    method = learnt(toy, made(toy))
    old = method.layer.weight.detach().clone(), method.layer.bias.detach().clone()
    features = adapted(method, toy.batch.feature).detach()
    method.start_task(toy.task(NEW, 1))
    moved(method)
    seen = toy.of(range(4))  # past samples too: those of the memory
    said = torch.sigmoid(features[: len(seen)] @ old[0][:2].T + old[1][:2]).double().numpy()
    targets = np.concatenate([said, np.eye(4)[seen.label][:, 2:]], axis=1)
    logits = adapted(method, seen.feature) @ method.layer.weight[:4].T + method.layer.bias[:4]
    each = torch.tensor(cross_entropies(logits, targets).mean(1)).float()
    assert np.ptp(said) > 0.01, "the old model says something of each sample"
    phase = method.phases(toy.task(NEW, 1))[0]
    terms = method.loss(seen, phase)
    assert set(terms) == {"sigmoids"}
    torch.testing.assert_close(terms["sigmoids"].detach(), each.mean())
    weight = torch.linspace(0.1, 3, len(seen))
    found = method.loss(replace(seen, weight=weight), phase)["sigmoids"].detach()
    torch.testing.assert_close(found, (weight * each).mean())


def test_without_a_task_before_every_class_is_asked_for_by_its_label_and_no_teacher_outlives_its_task(toy):
    method = made(toy)
    method.start_task(toy.task(OLD))
    of = toy.of(OLD)
    phase = method.phases(toy.task(OLD))[0]

    def wanted(classes):
        logits = adapted(method, of.feature) @ method.layer.weight[:classes].T + method.layer.bias[:classes]
        return torch.tensor(cross_entropies(logits, np.eye(classes)[of.label]).mean()).float()

    torch.testing.assert_close(method.loss(of, phase)["sigmoids"].detach(), wanted(2))
    learnt(toy, method)
    method.start_task(toy.task(NEW, 1))
    moved(method)
    with_teacher = method.loss(of, phase)["sigmoids"].detach()
    assert not any("teacher" in name for name in method.state_dict())
    method.finish_task(toy.task(NEW, 1), list)
    torch.testing.assert_close(method.loss(of, phase)["sigmoids"].detach(), wanted(4))
    assert abs(with_teacher - wanted(4)) > 1e-3


def test_means_are_those_of_the_memory_as_it_is_after_the_task(toy):
    method = learnt(toy, made(toy))
    assert method.counts.tolist() == [20, 20, 0, 0, 0, 0]
    method.start_task(toy.task(NEW, 1))
    moved(method)
    kept = torch.tensor([0, 1, 2, 45])  # three of class 0, none of class 1, one of class 2, none of class 3
    feature, label = toy.batch.feature[kept], toy.batch.label[kept]
    step = method.phases(toy.task(NEW, 1))[-1]
    for part in (slice(0, 1), slice(1, None)):
        method.observe(toy.batch_of(feature[part], label[part]), step)
    method.finish_task(toy.task(NEW, 1), list)
    assert method.counts.tolist() == [3, 0, 1, 0, 0, 0]
    rows = adapted(method, feature).detach()
    torch.testing.assert_close(method.sums[0].float(), rows[:3].sum(0))
    torch.testing.assert_close(method.sums[2].float(), rows[3])
    assert not method.sums[[1, 3, 4, 5]].any()
    wanted = method.text.clone()
    wanted[0], wanted[2] = F.normalize(rows[:3].mean(0), dim=0), rows[3]
    torch.testing.assert_close(method.class_features(toy.batch, toy.classes), wanted)
    logits = toy.spec.scale * adapted(method, toy.batch.feature) @ wanted.T
    torch.testing.assert_close(method.predict(toy.batch, range(1, 6)), logits[:, 1:])
    torch.testing.assert_close(method.embed(toy.batch, "image"), adapted(method, toy.batch.feature).detach())


def test_means_stay_exact_under_autocast(toy):
    wanted = learnt(toy, made(toy)).sums
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(learnt(toy, made(toy)).sums, wanted)


@pytest.mark.parametrize("consolidation", [0, 2])
def test_a_task_ends_with_a_pass_over_the_exemplars(toy, consolidation):
    method = made(toy, consolidation_epochs=consolidation, learning_rate=0.03)
    *phases, last = method.phases(toy.task(NEW, 1))
    assert [phase.data for phase in phases] == ["task", "memory"][: 1 + bool(consolidation)]
    assert isinstance(last, Pass) and (last.data, last.batch_size) == ("memory", None)
    assert [round(phases[0].learning_rate(k, 2), 4) for k in range(2)] == [1, 0.5]
    (group,) = phases[0].optimizer().param_groups
    assert group["lr"] == 0.03
    shapes = {tuple(parameter.shape) for parameter in group["params"]}
    assert shapes == {(8, 32), (32, 8), (6, 32), (6,)}, "adapter and layer"


def test_how_the_authors_mix_is_a_preset_and_bad_values_are_refused():
    merged = {"replay": "merge"}
    assert ClipICaRL.presets == {"fair": {}, "paper": merged, "reference": merged}
    with pytest.raises(ValueError, match="^ratio 1.1 must be >= 0 and <= 1$"):
        ICaRLConfig(ratio=1.1)
    with pytest.raises(ValueError, match="^epochs 0 must be >= 1$"):
        ICaRLConfig(epochs=0)
    with pytest.raises(ValueError, match="^replay 'none' must be one of merge, paired, weighted$"):
        ICaRLConfig(replay="none")
