"""CLAP4CLIP against what its published functions gave (tests/golden/clap4clip.npz), number by number."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from methods.common.schedule import warmup_cosine
from methods.method import Batch, ClassSpec, Task
from methods.recognition.clap4clip.language_init import language_aware_weights
from methods.recognition.clap4clip.method import Clap4Clip
from methods.recognition.clap4clip.task_mask import task_mask

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "clap4clip.npz")
FORWARD = ["first", "three"]


def case(prefix):
    """The arrays below ``prefix`` by their last names, as tensors."""
    return {k[len(prefix) + 1 :]: torch.tensor(GOLDEN[k]) for k in GOLDEN.files if k.startswith(prefix + ".")}


def close(found, wanted, tolerance=1e-9):
    wanted = wanted.detach().double()
    assert found.shape == wanted.shape
    error = (found.detach().double() - wanted).abs().max().item()
    assert error <= 1e-12 + tolerance * wanted.abs().max().item(), error


def at_last_task(c, dtype=torch.float64, **changes):
    """A method at the last of a case's tasks, with its weights and its noise."""
    sizes = c["sizes"].tolist()
    count = sum(sizes)
    spec = ClassSpec(
        tuple(map(str, range(count))),
        tuple(f"{{}} {t}" for t in range(c["E"].shape[1])),
        c["E"].to(dtype),
        c["logit_scale_exp"].item(),
    )
    values = {
        "samples": c["M"].item(),
        "vga_heads": c["nhead"].item(),
        "vga_ff": c["ff"].item(),
        "lasp_weight": c["beta"].item(),
        "dropout": 0.0,
    }
    method = Clap4Clip(Clap4Clip.Config(**values | changes), spec).to(dtype)
    start = 0
    for index, size in enumerate(sizes):
        method.start_task(Task(index, "t", "recognition", len(sizes), range(start, start + size)))
        start += size
    pairs = {
        kind: torch.stack(
            [torch.stack([c[f"{m}.{i}.{kind}"] for m in ("mu", "sigma")]) for i in range(len(sizes))]
        ).to(dtype)
        for kind in ("weight", "bias")
    }
    state = method.state_dict()
    for kind, stacked in pairs.items():
        state[f"adapters.{kind}.past"], state[f"adapters.{kind}.new"] = stacked[:-1], stacked[-1:]
    for name, value in c.items():
        if name.startswith("vga.layers.0.") and method.vga is not None:
            state["vga.layer." + name.removeprefix("vga.layers.0.")] = value.to(dtype)
    method.load_state_dict(state)
    noise = torch.cat([c[f"eps.{i}"] for i in range(len(sizes))], dim=1).unsqueeze(1).to(dtype)

    def normal(generator, *shape):
        assert shape == noise.shape
        return noise

    method._normal = normal
    return method.requires_grad_(True)


def batch_of(c, rows=slice(None)):
    label = c["labels"][rows]
    return Batch(None, torch.zeros(len(label), 0), label, label, feature=c["X"][rows])


def phase_of(method, name):
    phases = method.phases(Task(1, "t", "recognition", 2))
    return next(p for p in phases if p.name == name)


def seen(method):
    return range(int(method.sizes.sum()))


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("kind", ["plain", "tokens"])
def test_task_mask(n, kind):
    c = case(f"mask.{n}.{kind}")
    assert torch.equal(task_mask(c["sizes"].tolist(), kind == "tokens"), c["out_blocked"])


@pytest.mark.parametrize("instance", ["a", "b"])
@pytest.mark.parametrize(
    ("statistic", "classes", "mean", "spread"),
    [
        ("variance", "seen", "out_w_mu", "out_w_sigma"),
        ("std", "seen", "out_w_mu", "alt_std_w_sigma"),
        ("variance", "new", "alt_newonly_w_mu", "alt_newonly_w_sigma"),
    ],
)
def test_initial_weights_of_the_newest_adapter(instance, statistic, classes, mean, spread):
    c = case(f"init.{instance}")
    sizes = c["sizes"].tolist()
    spec = ClassSpec(tuple(map(str, range(sum(sizes)))), ("{}",), c["E"], 100.0)
    config = Clap4Clip.Config(init_statistic=statistic, init_classes=classes, vga_ff=4)
    method = Clap4Clip(config, spec).double()
    start = 0
    for index, size in enumerate(sizes):
        method.start_task(Task(index, "t", "recognition", len(sizes), range(start, start + size)))
        start += size
    close(method.adapters.weight.new[0, 0], c[mean])
    close(method.adapters.weight.new[0, 1], c[spread])


def test_standard_deviation_of_the_new_classes_alone():
    c = case("init.a")
    new = c["E"][-2:]
    spread = new.std(1)
    close(language_aware_weights(new, "std")[1], spread.T @ spread / 16)


@pytest.mark.parametrize("instance", FORWARD)
@pytest.mark.parametrize(("variant", "phase"), [("main", "adapt"), ("cons", "consolidate")])
def test_loss_and_gradients(instance, variant, phase):
    c = case(f"forward.{instance}")
    method = at_last_task(c)
    terms = method.loss(batch_of(c), phase_of(method, phase))
    sum(terms.values()).backward()
    close(terms["cross_entropy"], c[f"{variant}.out_ce"])
    close(terms["lasp"], c[f"{variant}.out_lasp"])
    close(terms["kl"], c[f"{variant}.out_kl"])
    close(sum(terms.values()), c[f"{variant}.out_total"])
    weight = method.adapters.weight
    first = weight.past if len(weight.past) else weight.new
    close(weight.new.grad[0, 0], c[f"{variant}.grad_mu_last_weight"], 1e-7)
    close(weight.new.grad[0, 1], c[f"{variant}.grad_sigma_last_weight"], 1e-7)
    close(first.grad[0, 0], c[f"{variant}.grad_mu_0_weight"], 1e-7)
    close(method.vga.layer.self_attn.in_proj_weight.grad, c[f"{variant}.grad_vga_self_in_proj"], 1e-7)
    close(method.eval().sample(batch_of(c), seen(method)), c[f"{variant}.out_logits"])


@pytest.mark.parametrize("instance", FORWARD)
def test_float32(instance):
    c = case(f"forward.{instance}")
    method = at_last_task(c, torch.float32)
    terms = method.loss(batch_of(c), phase_of(method, "consolidate"))
    close(sum(terms.values()), c["cons.out_total"], 2e-5)
    close(method.eval().sample(batch_of(c), seen(method)), c["test.out_logits"], 2e-5)


@pytest.mark.parametrize("instance", FORWARD)
def test_frozen_prior(instance):
    c = case(f"forward.{instance}")
    method = at_last_task(c, prior="frozen")
    terms = method.loss(batch_of(c), phase_of(method, "consolidate"))
    close(terms["kl"], c["cons_frozen_prior.out_kl"])


@pytest.mark.parametrize("instance", FORWARD)
def test_inference(instance):
    c = case(f"forward.{instance}")
    method = at_last_task(c).eval()
    close(method._text, c["F"])
    close(method.sample(batch_of(c), seen(method)), c["test.out_logits"])
    close(method.predict(batch_of(c), seen(method)), c["test.out_logits_mean"])
    one = method.sample(batch_of(c, slice(1)), seen(method))
    close(one, c["test_batch1.out_logits"])
    assert not torch.allclose(one, c["test.out_logits"][:, :1])
    without = at_last_task(c, vga=False).eval()
    close(without.sample(batch_of(c), seen(without)), c["test_no_vga.out_logits"])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_schedule(n):
    c = case(f"schedule.{n}")
    method = at_last_task(case("forward.three"), warmup=0.3)
    phase = phase_of(method, "adapt" if c["warmup"] else "consolidate")
    steps = c["total_steps"].item()
    rates = torch.tensor([phase.learning_rate(k, steps) for k in range(steps)], dtype=torch.float64)
    close(c["base_lr"] * rates, c["out_lr"], 1e-12)


def test_paper_warms_up_for_one_epoch_of_five():
    rates = [warmup_cosine(k, 10, Clap4Clip.Config().warmup, 1e-3) for k in range(10)]
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert F.relu(torch.tensor(rates[2:]).diff()).sum() == 0
