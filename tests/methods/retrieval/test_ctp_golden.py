"""CTP against what its published functions gave (tests/golden/ctp.npz), number by number."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from methods.common.schedule import cosine
from methods.method import Batch, InputSpec, Task
from methods.retrieval.base import masked_tokens
from methods.retrieval.ctp import CTP
from methods.retrieval.feature_queue import FeatureQueue
from methods.retrieval.losses.contrast import symmetric_contrast
from methods.retrieval.losses.distillation import mlm_distillation
from methods.retrieval.losses.masking import mask_tokens
from methods.retrieval.losses.topology import topology_divergence
from methods.retrieval.momentum import momentum_update

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "ctp.npz")


def case(prefix):
    """The arrays below ``prefix`` by their last names, as tensors."""
    return {k[len(prefix) + 1 :]: torch.tensor(GOLDEN[k]) for k in GOLDEN.files if k.startswith(prefix + ".")}


def close(found, wanted, tolerance=1e-9):
    wanted = wanted.detach()
    error = (found.detach() - wanted).abs().max().item()
    assert error <= 1e-12 + tolerance * wanted.abs().max().item(), error


def with_grad(*tensors):
    return [t.clone().requires_grad_() for t in tensors]


@pytest.mark.parametrize("kind", ["two", "three"])
def test_momentum(kind):
    c = case(f"momentum.{kind}")
    names = ["0.weight", "0.bias", "1.weight", "1.bias"]
    weights = [c[f"momentum0.{n}"].clone() for n in names]
    reference = [c[f"reference.{n}"] for n in names] if kind == "three" else None
    for k in range(3):
        momentum_update(weights, [c[f"current{k}.{n}"] for n in names], c["m"].item(), reference, 0.5)
        for n, weight in zip(names, weights, strict=True):
            close(weight, c[f"out_momentum{k + 1}.{n}"])


def test_momentum_between_the_previous_model_and_the_current():
    """c <- m c + (1 - m) (a r + (1 - a) w), away from the released code's a of a half."""
    target, current, reference = (torch.full((2,), x, dtype=torch.float64) for x in (8.0, 3.0, 100.0))
    momentum_update([target], [current], 0.75, [reference], 0.2)
    close(target, torch.full_like(target, 0.75 * 8 + 0.25 * (0.2 * 100 + 0.8 * 3)))
    momentum_update([target], [current], 0.5)
    close(target, torch.full_like(target, 0.5 * (6 + 0.25 * 22.4) + 0.5 * 3))


@pytest.mark.parametrize("n", [0, 1])
def test_image_text_alignment(n):
    c = case(f"ita.{n}")
    image, text = with_grad(c["image_feat"], c["text_feat"])
    loss = symmetric_contrast(image, text, image, text, c["temperature"].item())
    loss.backward()
    close(loss, c["out_loss"])
    close(image.grad, c["grad_image_feat"], 1e-7)
    close(text.grad, c["grad_text_feat"], 1e-7)


@pytest.mark.parametrize(("n", "steps"), [(0, 4), (1, 2)])
def test_contrast_with_queue(n, steps):
    start = case(f"contrast.{n}.step0")
    width, size = start["image_queue_before"].shape
    queue = FeatureQueue(size, width).double()
    queue.image.copy_(start["image_queue_before"].T)
    queue.text.copy_(start["text_queue_before"].T)
    queue.pointer.copy_(start["pointer_before"])
    for step in range(steps):
        c = case(f"contrast.{n}.step{step}")
        image, text, m_image, m_text = with_grad(
            c["image_feat"], c["text_feat"], c["momentum_image_feat"], c["momentum_text_feat"]
        )
        image_keys = torch.cat([m_image.detach(), queue.image])
        text_keys = torch.cat([m_text.detach(), queue.text])
        loss = symmetric_contrast(image, text, image_keys, text_keys, c["temperature"].item())
        queue.push(m_image, m_text)
        loss.backward()
        close(loss, c["out_loss"])
        close(image.grad, c["grad_image_feat"], 1e-7)
        close(text.grad, c["grad_text_feat"], 1e-7)
        assert torch.equal(queue.image.T, c["image_queue_after"])
        assert torch.equal(queue.text.T, c["text_queue_after"])
        assert torch.equal(queue.pointer, c["pointer_after"])


@pytest.mark.parametrize("n", [0, 1])
def test_mlm_distillation(n):
    c = case(f"mlm_distill.{n}")
    (logits,) = with_grad(c["logits"])
    at = c["labels"] != -100
    loss = mlm_distillation(logits[at], c["teacher_logits"][at], c["temperature"].item()).mean()
    loss.backward()
    close(loss, c["out_loss"])
    close(logits.grad, c["grad_logits"], 1e-7)


@pytest.mark.parametrize("n", [0, 1])
def test_topology(n):
    c = case(f"topology.{n}")
    image, text = with_grad(c["image_feat"], c["text_feat"])
    reference_image, reference_text = c["ref_image_feat"], c["ref_text_feat"]
    t = c["temperature"].item()
    found = {
        "i2t": topology_divergence(image, text, reference_image, reference_text, t),
        "t2i": topology_divergence(text, image, reference_text, reference_image, t),
        "i2i": topology_divergence(image, image, reference_image, reference_image, t, own=0),
        "t2t": topology_divergence(text, text, reference_text, reference_text, t, own=0),
    }
    for kind, value in found.items():
        close(value, c[f"out_kl_{kind}"])
    (sum(found.values()) / 2).backward()
    close(image.grad, c["grad_image_feat"], 1e-7)
    close(text.grad, c["grad_text_feat"], 1e-7)


@pytest.mark.parametrize("kind", ["p15", "all"])
def test_masking(kind):
    c = case(f"mask.{kind}")
    spec = InputSpec(32, 9, *(int(c[k]) for k in ("vocab", "pad_id", "cls_id", "sep_id", "mask_id")))
    p, vocab = c["probability"].item(), int(c["vocab"])

    def below(drawn, threshold):  # a number of [0, 1) that is below the threshold where the draw says so
        return torch.where(drawn, 0.0, min(threshold, 0.999))

    uniform = torch.stack(
        [
            below(c["draw_select"], p),
            below(c["draw_replace80"], 0.8),
            below(c["draw_random50"], 0.5),
            (c["draw_words"] + 0.5) / vocab,
        ],
        dim=-1,
    )
    ids, labels = mask_tokens(c["ids"], uniform, p, spec)
    assert torch.equal(ids, c["out_ids"])
    assert torch.equal(labels, c["out_labels"])


def test_schedule():
    c = case("schedule.0")
    steps = int(c["epochs"] * c["iters_per_epoch"])
    base, low = c["init_lr"].item(), c["min_lr"].item()
    rates = torch.tensor([base * cosine(k, steps, low / base) for k in range(steps)], dtype=torch.float64)
    close(rates, c["out_lr"], 1e-12)


class ToyModel(nn.Module):
    """The stand-in encoders that the golden steps were recorded with: a caption is a row of 10 numbers."""

    def __init__(self):
        super().__init__()
        self.visual_encoder = nn.Linear(10, 10)
        self.vision_proj = nn.Linear(10, 16)
        self.text_proj = nn.Linear(10, 16)
        self.mlm_head = nn.Linear(10, 20)

    def encode_image(self, image):
        return image, F.normalize(self.vision_proj(self.visual_encoder(image)), dim=-1)

    def encode_text(self, caption):
        return F.normalize(self.text_proj(caption), dim=-1)

    def mlm_logits(self, ids, image_tokens, positions):
        one_hot = F.one_hot(ids % 10, 10).to(self.mlm_head.weight.dtype)
        return self.mlm_head(one_hot).flatten(0, 1)[positions]

    def set_trained(self, *, alignment, fusion):
        assert alignment and fusion


class ToyCTP(CTP):
    """CTP whose masked tokens are the recorded ones."""

    def masked(self, batch):
        return masked_tokens(*self.recorded)


@pytest.mark.parametrize("kind", ["init_step", "step"])
def test_whole_step(kind):
    c = case(f"{kind}.a")
    config = CTP.Config(
        embed_dim=16,
        batch_size=6,
        queue_size=18,
        temperature=c["temperature"].item(),
        distill_temperature=c["distill_temperature"].item(),
        **{"momentum_first" if kind == "init_step" else "momentum": c["momentum"].item()},
    )
    method = ToyCTP(config, InputSpec(32, 7, 20, 0, 1, 2, 3), ToyModel()).double()
    later = kind == "step"
    task = Task(1 if later else 0, "t", "retrieval", 2)
    method.start_task(task)
    method.train()

    def load(model, which):
        model.load_state_dict({k: v for k, v in case(f"{kind}.a.{which}").items()})

    load(method.model, "current")
    load(method.momentum_model, "momentum_before")
    if later:
        load(method.reference_model, "reference")
    else:
        assert method.reference_model is None
    method.queue.image.copy_(c["image_queue"].T)
    method.queue.text.copy_(c["text_queue"].T)
    (phase,) = method.phases(task)

    for step in range(3):
        s = case(f"{kind}.a.s{step}")
        row = torch.arange(6)
        method.recorded = s["masked_ids"], s["labels"]
        method.before_step(phase)
        terms = method.loss(Batch(s["image"], s["caption"], row, row), phase)
        total = sum(terms.values())
        method.zero_grad()
        total.backward()

        close(total, s["out_total"])
        names = {"ita", "mlm", "contrast", "mlm_distill"}
        if later:
            names |= {"topology_cross", "topology_same"}
            for name in names:
                close(terms[name], s[f"out_{name}"])
        else:
            close(terms["ita"] + terms["contrast"], s["out_ita_plus_contrast"])
            close(terms["mlm"] + terms["mlm_distill"], s["out_mlm_plus_distill"])
        assert set(terms) == names
        for name, parameter in method.model.named_parameters():
            close(parameter.grad, s[f"grad.{name}"], 1e-7)
        for name, parameter in method.momentum_model.named_parameters():
            close(parameter, s[f"momentum_after.{name}"])
            assert parameter.grad is None
        close(method.queue.image.T, s["image_queue_after"])
        close(method.queue.text.T, s["text_queue_after"])
        assert torch.equal(method.queue.pointer, s["pointer_after"])
