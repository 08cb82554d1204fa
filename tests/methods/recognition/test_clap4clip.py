"""CLAP4CLIP's behaviour beyond the golden numbers: what is trained when, options, inference, state."""

import math

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import nn

from methods.method import Batch, ClassSpec, Task
from methods.recognition.clap4clip.adapters import ProbabilisticAdapters
from methods.recognition.clap4clip.method import Clap4Clip
from methods.recognition.learned_prompts import LearnedPrompts
from methods.registry import get

SIZES, WIDTH = (2, 3, 2), 16
TASKS = [
    Task(i, f"t{i}", "recognition", 3, range(sum(SIZES[:i]), sum(SIZES[: i + 1]))) for i in range(len(SIZES))
]


def unit(*shape, seed=0):
    rows = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return F.normalize(rows, dim=-1)


SPEC = ClassSpec(
    tuple(f"thing_{c}" for c in range(sum(SIZES))),
    ("{}.", "a {}.", "the {}."),
    unit(sum(SIZES), 3, WIDTH),
    10.0,
)


class ToyClip(nn.Module):
    """Encodes a prompt by the context's mean and the name's length; counts how often it is asked."""

    context_width = 6

    def __init__(self):
        super().__init__()
        self.project = nn.Linear(6, WIDTH, dtype=torch.float64).requires_grad_(False)
        self.asked = []

    def encode_prompts(self, context, names):
        self.asked.append(list(names))
        context, offset = context.double(), torch.arange(len(names))[:, None]
        return F.normalize(self.project(context.mean(0) + torch.sin(offset + torch.arange(6))), dim=-1)


def make(tasks=0, seed=0, **changes):
    torch.manual_seed(seed)
    values = {"samples": 3, "global_samples": 2, "vga_ff": 8, "batch_size": 6, "context_length": 4} | changes
    clip = ToyClip() if values.get("prompt") == "coop" else None
    method = Clap4Clip(Clap4Clip.Config(**values), SPEC, clip).double()
    for task in TASKS[:tasks]:
        method.start_task(task)
    return method


def batch_of(count=6, classes=5, seed=1):
    label = torch.arange(count) % classes
    return Batch(None, torch.zeros(count, 0), label, label, seed=seed, feature=unit(count, WIDTH, seed=9))


def phase_of(method, name, index=1):
    return next(p for p in method.phases(TASKS[index]) if p.name == name)


def step(method, name, index=1):
    """Takes one SGD step of a phase, and returns the names of the parameters that it changed."""
    phase = phase_of(method, name, index)
    method.train()
    optimizer = phase.optimizer()
    before = {n: p.detach().clone() for n, p in method.named_parameters()}
    terms = method.loss(batch_of(classes=sum(SIZES[: index + 1])), phase)
    sum(terms.values()).backward()
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    optimizer.step()
    return {n for n, p in method.named_parameters() if not torch.equal(p, before[n])}


ALL = range(sum(SIZES))
ADAPTER = {"adapters.weight", "adapters.bias"}
OPTIONS = {
    "base": {},
    "no_vga": {"vga": False},
    "shared": {"task_adapters": False},
    "data_driven": {"prior": "data_driven"},
    "frozen_prior": {"prior": "frozen"},
    "hierarchical": {"hierarchical": True},
    "distill": {"hierarchical": True, "distill_weight": 0.3},
    "ortho": {"ortho_weight": 5.0},
    "tokens": {"task_tokens": True},
    "coop": {"prompt": "coop"},
    "contexts": {"prompt": "coop", "task_contexts": True},
    "everything": {
        "prior": "data_driven",
        "hierarchical": True,
        "distill_weight": 0.3,
        "ortho_weight": 5.0,
        "task_tokens": True,
        "prompt": "coop",
        "task_contexts": True,
    },
}


def test_sizes_are_the_papers():
    spec = ClassSpec(("a", "b"), ("{}", "a {}"), unit(2, 2, 512).float(), 100.0)
    method = Clap4Clip(Clap4Clip.Config(), spec)
    assert sum(p.numel() for p in method.vga.parameters()) == 4_204_032
    counts = []
    for index in (0, 1):
        method.start_task(Task(index, "t", "recognition", 2, range(index, index + 1)))
        counts.append(sum(p.numel() for p in method.adapters.parameters()))
    assert counts == [525_312, 2 * 525_312]


def test_registered():
    assert get("clap4clip") is Clap4Clip


def test_presets_build():
    reference = Clap4Clip.Config(**Clap4Clip.presets["reference"])
    assert (reference.batch_size, reference.learning_rate, reference.init_statistic) == (
        32,
        1.6e-3,
        "variance",
    )
    assert Clap4Clip.Config(**Clap4Clip.presets["paper"]) == Clap4Clip.Config()


def test_phases():
    method = make()
    assert [p.name for p in method.phases(TASKS[0])] == ["adapt"]
    adapt, consolidate = method.phases(TASKS[1])
    assert (adapt.data, adapt.replay, adapt.epochs) == ("task", "merge", 5)
    assert (consolidate.data, consolidate.replay, consolidate.epochs) == ("memory", "none", 2)
    assert [p.name for p in make(consolidation_epochs=0).phases(TASKS[1])] == ["adapt"]
    assert [p.replay for p in make(replay="paired").phases(TASKS[1])] == ["paired", "none"]
    method.start_task(TASKS[0])
    rates = [phase.optimizer().param_groups[0]["lr"] for phase in (adapt, consolidate)]
    assert rates == pytest.approx([1e-3, 1e-4])


@pytest.mark.parametrize("name", OPTIONS)
def test_every_trained_parameter_gets_a_gradient(name):
    """No frozen parameter gets one: DistributedDataParallel waits for what is trained, and for
    nothing else.
    """
    method = make(2, **OPTIONS[name])
    for phase in ("adapt", "consolidate"):
        method.zero_grad(set_to_none=True)
        step(method, phase)
        trained = {n for n, p in method.named_parameters() if p.requires_grad}
        assert trained == {n for n, p in method.named_parameters() if p.grad is not None}
        groups = phase_of(method, phase).optimizer().param_groups
        optimised = {id(p) for group in groups for p in group["params"]}
        assert optimised == {id(p) for p in method.parameters() if p.requires_grad}


def test_adapting_trains_the_attention_and_the_newest_adapter():
    method = make(2)
    attention = {n for n, _ in method.named_parameters() if n.startswith("vga.")}
    assert step(method, "adapt") == attention | {f"{n}.new" for n in ADAPTER}


def test_consolidation_trains_all_adapters_alone():
    assert step(make(2), "consolidate") == {f"{n}.{age}" for n in ADAPTER for age in ("past", "new")}


def test_adapting_follows_consolidation():
    method = make(2)
    step(method, "consolidate")
    method.start_task(TASKS[2])
    changed = step(method, "adapt", 2)
    assert "adapters.weight.past" not in changed
    assert {"vga.layer.linear1.weight", "adapters.weight.new"} <= changed


def test_coop_trains_the_context_while_adapting_alone():
    method = make(2, prompt="coop")
    attention = {n for n, _ in method.named_parameters() if n.startswith("vga.")}
    adapter = {f"adapters.{n}" for n in ("weight", "bias", "gain", "shift")}
    assert step(method, "adapt") == attention | {f"{n}.new" for n in adapter} | {"prompts.context.new"}
    assert step(method, "consolidate") == {f"{n}.{age}" for n in adapter for age in ("past", "new")}
    assert not any("project" in name for name in method.state_dict())


def test_a_context_a_task_leaves_the_older_ones_alone():
    method = make(2, prompt="coop", task_contexts=True)
    assert len(method.prompts.context.past) == 1
    changed = step(method, "adapt")
    assert "prompts.context.new" in changed
    assert "prompts.context.past" not in changed


def test_older_task_tokens_stay():
    changed = step(make(2, task_tokens=True), "adapt")
    assert "tokens.new" in changed
    assert "tokens.past" not in changed


def test_consolidation_has_no_dropout():
    method = make(2, dropout=0.5).train()
    for name, same in (("adapt", False), ("consolidate", True)):
        phase = phase_of(method, name)
        losses = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            losses.append(sum(method.loss(batch_of(), phase).values()).item())
        assert (losses[0] == losses[1]) is same


def test_tasks_that_are_regularised():
    """Adapting regularises the newest task's distributions, consolidation those of all tasks."""
    method = make(2).train(False)
    terms = {name: method.loss(batch_of(), phase_of(method, name)) for name in ("adapt", "consolidate")}
    for term in ("kl", "lasp"):
        assert terms["consolidate"][term] > terms["adapt"][term]
    assert torch.equal(terms["consolidate"]["cross_entropy"], terms["adapt"]["cross_entropy"])


def test_terms_of_weight_zero_are_left_out():
    terms = make(2, kl_weight=0.0, lasp_weight=0.0)
    assert set(terms.loss(batch_of(), phase_of(terms, "adapt"))) == {"cross_entropy"}


def test_global_adapter_draws_before_the_tasks():
    method = make(2, hierarchical=True, distill_weight=0.3).eval()
    assert method.sample(batch_of(), range(5)).shape == (3 * 2, 6, 5)
    phase = phase_of(method, "adapt")
    terms = method.loss(batch_of(), phase)
    assert set(terms) == {"cross_entropy", "lasp", "global_lasp", "kl", "global_kl", "distill"}
    assert terms["distill"] == 0
    with torch.no_grad():
        method.global_adapter.bias.new.add_(1)
    assert method.loss(batch_of(), phase)["distill"].item() == pytest.approx(0.3)
    method.finish_task(TASKS[1], list)
    assert "distill" not in method.loss(batch_of(), phase)
    assert not any(name.startswith("teacher") for name in method.state_dict())


@pytest.mark.parametrize("prior", ["normal", "frozen", "data_driven"])
@pytest.mark.parametrize("name", ["adapt", "consolidate"])
def test_a_hierarchical_loss_is_its_formulas(name, prior):
    """Every term is written out, task by task, for tasks of 2 and 3 classes, and so is the gradient of all
    terms.
    """
    weights = {"kl_weight": 3.0, "lasp_weight": 2.0, "distill_weight": 0.7, "ortho_weight": 5.0}
    method = make(2, hierarchical=True, prior=prior, context_share=0.5, **weights).eval()
    with torch.no_grad():  # away from the teacher, for each class by its own way
        method.global_adapter.weight.new.normal_(0, 0.05)
        method.adapters.weight.past.normal_(0, 0.05)
        method.adapters.weight.new.normal_(0, 0.05)
    given = batch_of(seed=4)
    found = method.loss(given, phase_of(method, name))

    def adapted(adapters, age, x):
        (weight,), (bias,) = (getattr(p, age) for p in (adapters.weight, adapters.bias))
        mean, raw = (x @ w.T + b for w, b in zip(weight, bias, strict=True))
        return mean, 0.999 * F.softplus(raw) + 0.001

    def of_tasks(x):
        parts = [
            adapted(method.adapters, "past", x[..., :2, :]),
            adapted(method.adapters, "new", x[..., 2:, :]),
        ]
        return (torch.cat(p, dim=-2) for p in zip(*parts, strict=True))

    def divergence(p, q):
        return torch.distributions.kl_divergence(torch.distributions.Normal(*p), q).sum(-1)

    text, mean_text = F.normalize(SPEC.text.mean(1), dim=-1)[:5], SPEC.text.mean(1)[:5]
    g = torch.Generator().manual_seed(4)
    shared_noise = torch.randn(2, 5, WIDTH, generator=g, dtype=torch.float64)
    noise = torch.randn(3, 2, 5, WIDTH, generator=g, dtype=torch.float64)
    context = torch.randperm(6, generator=g)[:3]
    plain = text + method.vga(text, given.feature, None)
    shared = adapted(method.global_adapter, "new", plain)
    shared_drawn = shared[0] + shared[1] * shared_noise
    guided = plain + shared_drawn
    own = tuple(of_tasks(guided))
    drawn = own[0] + own[1] * noise
    logits = 10 * torch.einsum("bd,mlcd->mlbc", given.feature, guided + drawn)
    labels = given.label.expand(3, 2, -1)
    tasks = [range(2, 5)] if name == "adapt" else [range(2), range(2, 5)]

    def regularisation(text, drawn):
        return F.cross_entropy(text @ drawn.T, torch.arange(len(text)))

    prior_of = [torch.distributions.Normal(torch.zeros(()).double(), torch.ones(()).double())] * 2
    if prior != "normal":
        of = mean_text if prior == "frozen" else text + method.vga(text, given.feature[context], None)
        prior_of = [
            torch.distributions.Normal(*of_tasks(of)),
            torch.distributions.Normal(*adapted(method.global_adapter, "new", of)),
        ]
    kl = divergence(own, prior_of[0]).mean(0)
    change = shared[0][:2] - adapted(method.teacher, "new", plain[:2])[0].detach()
    mean = drawn.mean((0, 1))
    wanted = {
        "cross_entropy": F.cross_entropy(logits.flatten(0, 2), labels.flatten()),
        "lasp": 2 * sum(regularisation(mean_text[c], mean[c]) for c in map(list, tasks)),
        "global_lasp": 2 * regularisation(mean_text, shared_drawn.mean(0)),
        "ortho": 5 * regularisation(mean, mean),
        "kl": 3 * sum(kl[list(c)].mean() for c in tasks),
        "global_kl": 3 * divergence(shared, prior_of[1]).mean(),
        "distill": 0.7 * change.square().mean(),
    }
    assert found.keys() == wanted.keys()
    for term, value in wanted.items():
        assert value > 1e-3, term
        torch.testing.assert_close(found[term], value, msg=lambda text, term=term: f"{term}: {text}")
    trained = [p for n, p in method.named_parameters() if p.numel() and not n.startswith("teacher")]
    ours, theirs = (torch.autograd.grad(sum(terms.values()), trained) for terms in (found, wanted))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_priors_change_the_divergence_alone():
    found = {}
    for prior in ("normal", "frozen", "data_driven"):
        method = make(2, prior=prior).eval()
        found[prior] = method.loss(batch_of(), phase_of(method, "consolidate"))
    for prior in ("frozen", "data_driven"):
        assert abs(found[prior]["kl"] - found["normal"]["kl"]) > 1e-6
        assert torch.equal(found[prior]["cross_entropy"], found["normal"]["cross_entropy"])
    whole = make(2, prior="data_driven", context_share=1.0).eval()
    terms = whole.loss(batch_of(), phase_of(whole, "adapt"))
    assert terms["kl"].item() == pytest.approx(0, abs=1e-12)  # the whole batch as context: q is the prior


def test_context_is_a_function_of_the_batchs_seed():
    method = make(2, prior="data_driven").eval()
    phase = phase_of(method, "adapt")
    kl = [method.loss(batch_of(seed=s), phase)["kl"].item() for s in (1, 1, 2)]
    assert kl[0] == kl[1] != kl[2]


def test_task_tokens_reach_their_own_task_alone():
    method = silent(make(2, task_tokens=True))
    before = method.predict(batch_of(), range(5))
    with torch.no_grad():
        method.tokens.new.add_(1)
    changed = (method.predict(batch_of(), range(5)) - before).abs().amax(0) > 1e-6
    assert changed.tolist() == [False, False, True, True, True]


def test_orthogonality_pushes_mean_samples_apart():
    method = make(2, ortho_weight=5.0).eval()
    drawn = []
    inner = method._weights
    method._weights = lambda found, noise: drawn.append((found, noise)) or inner(found, noise)
    terms = method.loss(batch_of(), phase_of(method, "adapt"))
    found, noise = drawn[0]
    mean = (found.mean + found.deviation * noise.task).mean((0, 1))
    wanted = 5 * F.cross_entropy(mean @ mean.T, torch.arange(5))
    assert terms["ortho"].item() == pytest.approx(wanted.item())


def test_shared_adapter_serves_all_tasks():
    method = make(1, task_adapters=False)
    weight = method.adapters.weight.new.clone()
    method.start_task(TASKS[1])
    assert len(method.adapters.weight.past) == 0
    assert torch.equal(method.adapters.weight.new, weight)
    reset = make(1, task_adapters=False, reset_shared=True)
    reset.start_task(TASKS[1])
    assert not torch.equal(reset.adapters.weight.new, weight)
    assert method.eval().predict(batch_of(), range(5)).isfinite().all()


def test_language_aware_start_with_one_template():
    spec = ClassSpec(SPEC.names, ("{}.",), SPEC.text[:, :1], 10.0)
    method = Clap4Clip(Clap4Clip.Config(vga_ff=8), spec).double().eval()
    method.start_task(TASKS[0])
    assert method.adapters.weight.new[0, 0].abs().max() > 0
    assert method.adapters.weight.new[0, 1].abs().max() == 0
    assert method.predict(batch_of(classes=2), range(2)).isfinite().all()


def test_new_contexts_and_tokens_are_small_and_differ():
    spec = ClassSpec(("a", "b"), ("{}",), unit(2, 1, 512).float(), 10.0)
    method = Clap4Clip(Clap4Clip.Config(task_tokens=True, vga_ff=4), spec)
    prompts = LearnedPrompts(ToyClip(), ("a",), 400, per_task=True)
    for index in (0, 1):
        method.start_task(Task(index, "t", "recognition", 2, range(index, index + 1)))
        prompts.start_task()
    for made in (method.tokens, prompts.context):
        assert made.new.std().item() == pytest.approx(0.02, rel=0.15)
        assert not torch.equal(made.new, made.past)


def test_learned_prompts_bring_norms_and_heads():
    """As the released code: a layer norm before each map, an attention head per 64 of the width."""
    spec = ClassSpec(("a",), ("{}",), unit(1, 1, 128).float(), 10.0)
    for prompt, heads in (("coop", 2), ("fixed", 1)):
        config = Clap4Clip.Config(prompt=prompt, vga_ff=4, hierarchical=True)
        method = Clap4Clip(config, spec, ToyClip())
        assert method.vga.layer.self_attn.num_heads == heads
        for adapters in (method.adapters, method.global_adapter):
            assert (adapters.gain is not None) == (prompt == "coop")


def test_adapters_with_norms_are_written_out():
    torch.manual_seed(0)
    adapters, x = ProbabilisticAdapters(4, norm=True).double(), torch.randn(2, 3, 4, dtype=torch.float64)
    for _ in range(2):
        adapters.grow(None)
    with torch.no_grad():
        for parameter in adapters.parameters():
            parameter.normal_()
    adapters.arrange([1, 2])
    mean, deviation = adapters(x)
    for c, (age, maps) in enumerate([("past", 0), ("new", 0), ("new", 0)]):
        weight, bias, gain, shift = (
            getattr(p, age)[maps] for p in (adapters.weight, adapters.bias, adapters.gain, adapters.shift)
        )
        normed = F.layer_norm(x[:, c], (4,))
        first, second = ((normed * gain[k] + shift[k]) @ weight[k].T + bias[k] for k in (0, 1))
        torch.testing.assert_close(mean[:, c], first)
        torch.testing.assert_close(deviation[:, c], 0.999 * (1 + second.exp()).log() + 0.001)


def test_default_start_is_a_linear_layers():
    weight = make(1, init="default").adapters.weight.new
    assert 0.9 / 4 < weight.abs().max() <= 1 / 4


def silent(method):
    """Draws zeros in the place of noise."""
    method._normal = lambda generator, *shape: torch.zeros(*shape, dtype=torch.float64)
    return method.eval()


@pytest.mark.parametrize("name", ["base", "no_vga", "hierarchical", "tokens", "coop"])
def test_class_features_are_the_expected_weights(name):
    method = silent(make(2, **OPTIONS[name]))
    features = method.class_features(batch_of(), ALL)
    assert features.shape == (7, WIDTH)
    wanted = 10 * batch_of().feature @ features.T
    assert torch.allclose(method.sample(batch_of(), ALL)[0], wanted)


def test_expected_weights_are_the_mean_of_many_samples():
    method = make(2, hierarchical=True, samples=400, global_samples=50).eval()
    found = method.predict(batch_of(), range(5))
    wanted = 10 * batch_of().feature @ method.class_features(batch_of(), range(5)).T
    assert (found - wanted).abs().max() < 5


def test_new_tasks_leave_older_classes_alone():
    method = silent(make(1))
    before = method.predict(batch_of(), range(2))
    method.start_task(TASKS[1])
    assert torch.allclose(method.predict(batch_of(), range(2)), before)


@pytest.mark.parametrize("name", OPTIONS)
def test_inference_is_a_function_of_the_batch(name):
    method = make(3, **OPTIONS[name]).eval()
    found = method.sample(batch_of(), ALL)
    torch.rand(3)
    assert torch.equal(method.sample(batch_of(), ALL), found)
    assert not torch.equal(method.sample(batch_of(seed=2), ALL), found)
    assert torch.allclose(method.predict(batch_of(), ALL), found.mean(0))
    assert torch.allclose(method.sample(batch_of(), range(2, 5)), found[..., 2:5])


def test_scores_depend_on_the_batch_through_the_attention():
    assert make().eval_batch_size == 6
    assert make(vga=False).eval_batch_size is None
    for vga in (True, False):
        method = make(2, vga=vga).eval()
        whole, part = batch_of(6), batch_of(3)
        assert torch.equal(whole.feature[:3], part.feature)
        same = torch.allclose(method.predict(whole, ALL)[:3], method.predict(part, ALL))
        assert same is not vga


@pytest.mark.parametrize("tasks", [0, 2])
def test_classes_not_learnt_are_scored_by_their_text(tasks):
    method = make(tasks).eval()
    learnt = sum(SIZES[:tasks])
    text = F.normalize(SPEC.text.mean(1), dim=-1)
    zero_shot = 10 * batch_of().feature @ text.T
    found = method.predict(batch_of(), ALL)
    assert torch.allclose(found[:, learnt:], zero_shot[:, learnt:])
    assert torch.allclose(method.predict(batch_of(), range(5, 7)), zero_shot[:, 5:])
    assert torch.allclose(method.class_features(batch_of(), ALL)[learnt:], text[learnt:])
    assert method.sample(batch_of(), range(5, 7)).shape[1:] == (6, 2)
    if tasks:
        assert not torch.allclose(found[:, :learnt], zero_shot[:, :learnt])


def test_embedding_is_the_frozen_feature():
    assert torch.equal(make(1).embed(batch_of(), "image"), batch_of().feature)
    with pytest.raises(ValueError, match="kind 'pair'"):
        make(1).embed(batch_of(), "pair")


@pytest.mark.parametrize("name", ["base", "shared", "no_vga", "everything"])
def test_state_of_a_task_is_enough(name):
    method = make(2, **OPTIONS[name])
    step(method, "adapt")
    step(method, "consolidate")
    method.finish_task(TASKS[1], list)
    method.eval()
    state = load(save({k: v.contiguous() for k, v in method.state_dict().items()}))
    shorter, longer = make(0, seed=5, **OPTIONS[name]), make(3, seed=6, **OPTIONS[name])
    longer.finish_task(TASKS[2], list)
    for other in (shorter, longer):
        other.eval()
        if method.prompts is not None:
            other.prompts._clip = method.prompts._clip
        other.predict(batch_of(), ALL)  # what was reckoned for another state must not come back
        missing, unexpected = other.load_state_dict(state, strict=False)
        assert not missing and not unexpected
        assert torch.equal(other.sample(batch_of(), ALL), method.sample(batch_of(), ALL))
        torch.manual_seed(7)
        other.start_task(TASKS[2])
        assert step(other, "adapt", 2)


def test_prompts_are_encoded_once_until_they_change():
    method = make(2, prompt="coop")
    (clip,) = method.prompts._clip
    method.eval()
    clip.asked.clear()
    for seed in (1, 2):
        method.predict(batch_of(seed=seed), range(5))
    assert clip.asked == [["thing 0", "thing 1", "thing 2", "thing 3", "thing 4"]]
    before = method.predict(batch_of(), range(5))
    step(method, "adapt")
    method.eval()
    assert not torch.allclose(method.predict(batch_of(), range(5)), before)
    asked = len(clip.asked)
    phase = phase_of(method, "consolidate")
    phase.optimizer()
    for seed in (1, 2):
        method.loss(batch_of(seed=seed), phase)
    assert len(clip.asked) == asked


def test_a_context_that_leaves_no_room_is_refused_at_once():
    class Short(ToyClip):
        def encode_prompts(self, context, names):
            raise ValueError("no room for a class name: allowed are 1 .. 2")

    with pytest.raises(ValueError, match="^context_length 4: no room"):
        Clap4Clip(Clap4Clip.Config(prompt="coop", context_length=4), SPEC, Short())


@pytest.mark.parametrize("entry", ["loss", "predict", "sample", "class_features"])
@pytest.mark.parametrize("name", ["base", "everything"])
def test_autocast_keeps_similarities_in_float32(name, entry):
    """Attention, adapters, similarities and logits are equal to the last digit."""
    method = make(2, dropout=0.0, **OPTIONS[name]).float()
    given = batch_of()
    given.feature = given.feature.float()
    if method.teacher is not None:
        with torch.no_grad():  # away from the teacher
            method.global_adapter.weight.new.add_(1e-3)

    def numbers():
        if entry != "loss":
            return {entry: getattr(method, entry)(given, range(5))}
        phases = method.phases(TASKS[1])
        return {(p.name, k): v for p in phases for k, v in method.loss(given, p).items()}

    wanted = numbers()
    with torch.autocast("cpu", torch.bfloat16):
        found = numbers()
    assert len(found) == (1 if entry != "loss" else 14 if name == "everything" else 6)
    for key, value in found.items():
        assert value.dtype == torch.float32
        assert torch.equal(value, wanted[key]), key


@pytest.mark.parametrize("name", ["hierarchical", "data_driven"])
def test_noise_is_drawn_where_the_method_is(name, monkeypatch):
    """A generator on that device draws it, which the batch's seed alone sets, in training and in
    evaluation.
    """
    made, drawn, generator = [], [], torch.Generator

    def spied(device="cpu"):
        made.append(torch.device(device))
        return generator(device)

    def spy(draw):
        def inner(*args, **kwargs):
            drawn.append((kwargs["device"], kwargs["generator"].initial_seed()))
            return draw(*args, **kwargs)

        return inner

    method, given = make(2, **OPTIONS[name]).eval(), batch_of(seed=7)
    phase = phase_of(method, "adapt")
    for draw in ("randn", "randperm"):
        monkeypatch.setattr(torch, draw, spy(getattr(torch, draw)))
    monkeypatch.setattr(torch, "Generator", spied)
    method.loss(given, phase)
    method.sample(given, range(5))
    assert made == [torch.device("cpu")] * 2
    assert drawn == [(torch.device("cpu"), 7)] * (4 if name == "hierarchical" else 3)
    # Nothing comes from the CPU where the method is elsewhere.
    method._text = method._text.to("meta")
    seen = generator().manual_seed(0)
    monkeypatch.setattr(torch, "randn", lambda *shape, generator, dtype, device: (generator, device))
    assert method._normal(seen, 2, 3) == (seen, torch.device("meta"))


def test_samples_are_those_of_the_seed():
    """On a CPU they are the first numbers of torch's own generator."""
    method = make(2, samples=2, vga=False).eval()
    noise = torch.randn(2, 1, 5, WIDTH, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    text = F.normalize(SPEC.text.mean(1), dim=-1)[:5]
    mean, deviation = method.adapters(text[None])
    wanted = 10 * batch_of().feature @ (text + mean + deviation * noise[:, 0]).mT
    torch.testing.assert_close(method.sample(batch_of(seed=3), range(5)), wanted)


def test_learns():
    """Pictures scattered about their class's text, over two tasks with a memory."""
    method = make(samples=8, learning_rate=0.01, dropout=0.0, lasp_weight=0.0)
    text = F.normalize(SPEC.text.mean(1), dim=-1)

    def pictures(classes, seed):
        label = torch.tensor(classes).repeat(12)
        # Another class's text than their own: only training can tell, and the language term would object.
        feature = F.normalize(text.roll(1, 0)[label] + 0.5 * unit(len(label), WIDTH, seed=seed), dim=-1)
        return Batch(None, torch.zeros(len(label), 0), label, label, feature=feature)

    for task in TASKS[:2]:
        method.start_task(task)
        for phase in method.phases(task):
            method.train()
            optimizer = phase.optimizer()
            for k in range(30):
                batch = pictures(list(range(task.classes.stop)), 100 + k)
                batch.seed = k
                sum(method.loss(batch, phase).values()).backward()
                optimizer.step()
                optimizer.zero_grad()
    method.eval()
    held_out = pictures(list(range(5)), 5)
    accuracy = (method.predict(held_out, range(5)).argmax(1) == held_out.label).double().mean()
    zero_shot = ((held_out.feature @ text[:5].T).argmax(1) == held_out.label).double().mean()
    assert zero_shot < 0.3 < 0.9 < accuracy


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"samples": 0}, "^samples 0 must be >= 1"),
        ({"dropout": 1.0}, "^dropout 1.0 must be"),
        ({"context_share": 0.0}, "^context_share 0.0 must be > 0 and <= 1"),
        ({"warmup": 1.0}, "^warmup 1.0 must be"),
        ({"prior": "wide"}, "^prior 'wide' must be one of normal"),
        ({"distill_weight": 0.3}, "^distill_weight 0.3 needs hierarchical"),
        ({"vga": False, "task_tokens": True}, "^task_tokens true needs vga"),
        ({"vga": False, "prior": "data_driven"}, "^prior 'data_driven' needs vga"),
    ],
)
def test_bad_values_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        Clap4Clip.Config(**values)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="^vga_heads 3 does not divide"):
        make(vga_heads=3)


def test_classes_must_follow():
    method = make(1)
    with pytest.raises(ValueError, match="task 2 brings the classes"):
        method.start_task(TASKS[2])


# The released code's reading of the options, and what no reading changes.
TOKENS, CONTEXTS = {"tokens.past", "tokens.new"}, {"prompts.context.past", "prompts.context.new"}


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({"task_tokens": True}, TOKENS),
        ({"prompt": "coop"}, {"prompts.context.new"}),
        ({"prompt": "coop", "task_contexts": True}, CONTEXTS),
    ],
)
def test_consolidation_trains_tokens_and_contexts_in_the_code(options, more):
    own = step(make(2, **options), "consolidate")
    code = step(make(2, option_reading="reference", **options), "consolidate")
    assert not own & (TOKENS | CONTEXTS)
    assert code - own == more and own <= code


def test_adaptation_trains_the_same_in_both_readings():
    options = {"task_tokens": True, "prompt": "coop", "task_contexts": True}
    own = step(make(2, **options), "adapt")
    assert own == step(make(2, option_reading="reference", **options), "adapt")
    assert {"tokens.new", "prompts.context.new"} == own & (TOKENS | CONTEXTS)


@pytest.mark.parametrize("hierarchical", [True, False])
def test_below_a_global_adapter_the_code_sums_the_divergence_over_classes(hierarchical):
    """Tasks of 2 and 3 classes; of the newest alone in adaptation."""
    terms = {}
    for reading in ("paper", "reference"):
        method = make(2, hierarchical=hierarchical, option_reading=reading, kl_weight=1.0).eval()
        terms[reading] = method.loss(batch_of(), phase_of(method, "adapt"))
    factor = 3 if hierarchical else 1
    torch.testing.assert_close(terms["reference"]["kl"], factor * terms["paper"]["kl"])
    others = terms["paper"].keys() - {"kl"}
    assert all(torch.equal(terms["paper"][name], terms["reference"][name]) for name in others)


@pytest.mark.parametrize("tokens", [False, True])
def test_the_teacher_is_guided_by_the_previous_attention(tokens):
    method = make(
        1, hierarchical=True, distill_weight=0.7, task_tokens=tokens, option_reading="reference", dropout=0.5
    )
    old = [p.detach().clone() for p in method.vga.parameters()]
    old_tokens = method.tokens.new.detach().clone() if tokens else None
    method.start_task(TASKS[1])
    with torch.no_grad():
        for parameter in method.vga.parameters():
            parameter.mul_(1.5)
        if tokens:
            method.tokens.past.add_(1)
    method.train()
    method.vga.eval()
    given = batch_of(seed=4)
    phase = phase_of(method, "consolidate")
    found = method.loss(given, phase)["distill"]
    text = method._text
    tokens_now = torch.cat([method.tokens.past, method.tokens.new]) if tokens else None
    now = text[:5] + method.vga(text[:5], given.feature, tokens_now)
    student, _ = method.global_adapter(now[:2].unsqueeze(0))
    with torch.no_grad():
        for parameter, value in zip(method.vga.parameters(), old, strict=True):
            parameter.copy_(value)
    method.vga.arrange([2])
    method.vga.eval()
    then = text[:2] + method.vga(text[:2], given.feature, old_tokens)
    teacher, _ = method.teacher(then.unsqueeze(0))
    assert found > 1e-4
    torch.testing.assert_close(found, 0.7 * F.mse_loss(student, teacher))
    method.finish_task(TASKS[1], list)
    assert not any(name.startswith("teacher") for name in method.state_dict())


@pytest.mark.parametrize(("share", "pictures"), [(0.67, 5), (0.5, 3), (0.51, 4), (0.01, 1), (1.0, 6)])
def test_the_context_is_rounded_up(monkeypatch, share, pictures):
    """Of 6 pictures."""
    method = make(2, prior="data_driven", context_share=share).eval()
    seen = []
    guided = method._guided
    monkeypatch.setattr(method, "_guided", lambda image: (seen.append(len(image)), guided(image))[1])
    method.loss(batch_of(), phase_of(method, "adapt"))
    assert seen == [6, pictures] and pictures == math.ceil(share * 6)


def test_prompts_have_a_head_for_each_64_of_the_width():
    assert make(prompt="coop").vga.layer.self_attn.num_heads == 1
    assert type(make()).presets["reference"]["option_reading"] == "reference"


def test_a_scale_of_ones_own_takes_the_place_of_clips():
    found = [make(1, **how).eval().sample(batch_of(), range(2)) for how in ({}, {"logit_scale": 7.0})]
    torch.testing.assert_close(found[1], found[0] * 0.7)
    with pytest.raises(ValueError, match="^logit_scale 0.0 must be > 0$"):
        Clap4Clip.Config(logit_scale=0.0)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_in_half_precision_all_that_is_learnt_and_drawn_is(options, monkeypatch):
    """Against the same weights and draws in full precision."""
    normal = Clap4Clip._normal
    drawn_in = []

    def same(self, generator, *shape):
        drawn_in.append(self._text.dtype)
        drawn = torch.randn(*shape, generator=generator, dtype=torch.float64)
        return drawn.half().to(self._text.dtype)

    monkeypatch.setattr(Clap4Clip, "_normal", same)
    torch.manual_seed(0)
    values = {"samples": 3, "global_samples": 2, "vga_ff": 8, "batch_size": 6, "context_length": 4}
    values |= {"dropout": 0.0, **options}
    clip = ToyClip() if values.get("prompt") == "coop" else None
    method = Clap4Clip(Clap4Clip.Config(**values, half_precision=True), SPEC, clip)
    for task in TASKS[:2]:
        method.start_task(task)
    assert {p.dtype for p in method.parameters()} == {torch.float16}
    full = Clap4Clip(Clap4Clip.Config(**values), SPEC, clip).double()
    for task in TASKS[:2]:
        full.start_task(task)
    full.load_state_dict({name: value.double() for name, value in method.state_dict().items()})
    batch = batch_of()
    phase = phase_of(method, "adapt")
    terms, wanted = method.loss(batch, phase), full.loss(batch, phase)
    assert drawn_in[0] == torch.float16 and terms.keys() == wanted.keys()
    for name, term in terms.items():
        assert term.dtype == torch.float16
        assert term.item() == pytest.approx(wanted[name].item(), rel=2e-2, abs=2e-2), name
    sum(terms.values()).backward()
    phase.optimizer().step()
    method.eval(), full.eval()
    full.load_state_dict({name: value.double() for name, value in method.state_dict().items()})
    for found, exact in (
        (method.predict(batch, ALL), full.predict(batch, ALL)),
        (method.sample(batch, ALL), full.sample(batch, ALL)),
        (method.class_features(batch, ALL), full.class_features(batch, ALL)),
    ):
        assert found.dtype == batch.feature.dtype and not torch.equal(found, exact)
        torch.testing.assert_close(found, exact, rtol=2e-2, atol=5e-2)
    monkeypatch.setattr(Clap4Clip, "_normal", normal)
    assert method.predict(batch, ALL).isfinite().all()
    again = Clap4Clip(Clap4Clip.Config(**values, half_precision=True), SPEC, clip)
    for task in TASKS[:2]:
        again.start_task(task)
    again.load_state_dict(load(save(method.state_dict())))
    assert torch.equal(again.eval().predict(batch, ALL), method.predict(batch, ALL))


def test_the_last_batch_of_an_epoch_is_a_reading():
    code = Clap4Clip.presets["reference"]
    for keeps, values in ((False, {}), (True, {"last_batch": "keep"}), (True, code)):
        assert {phase.keep_last for phase in make(**values).phases(TASKS[1])} == {keeps}
    with pytest.raises(ValueError, match="^last_batch 'pad' must be one of drop, keep$"):
        Clap4Clip.Config(last_batch="pad")
