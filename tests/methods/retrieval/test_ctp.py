"""CTP and its baselines on the real model: what a task leaves, what a reading changes, what is refused."""

import copy
import re
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from methods import registry
from methods.backbones.config import BackboneConfig
from methods.method import Batch, InputSpec, Task
from methods.retrieval.baselines import Finetune, Joint, RetrievalReplay
from methods.retrieval.ctp import CTP
from methods.retrieval.losses.contrast import symmetric_contrast

SPEC = InputSpec(image_size=8, max_tokens=7, vocab_size=30, pad_id=0, cls_id=1, sep_id=2, mask_id=3)
BACKBONE = {
    "size": "small",
    "patch_size": 4,
    "image_width": 12,
    "text_width": 12,
    "image_heads": 2,
    "text_heads": 2,
    "image_depth": 1,
}
FIRST, LATER = (Task(i, "t", "retrieval", 3) for i in (0, 1))


def make(cls=CTP, dropout=0.0, **fields):
    torch.manual_seed(0)
    if cls is CTP:
        fields = {"queue_size": 8} | fields
    config = cls.Config(
        BackboneConfig(**BACKBONE, dropout=dropout),
        **({"embed_dim": 6, "batch_size": 4, "learning_rate": 1e-3, "epochs": 2} | fields),
    )
    return cls(config, SPEC).train()


def batch(seed=0, size=4, **place):
    g = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (size, 3, 8, 8), generator=g, dtype=torch.uint8)
    tokens = torch.randint(4, 30, (size, 7), generator=g)
    tokens[:, 0] = 1
    return Batch(image, tokens, torch.arange(size), torch.arange(size), seed=seed, **place)


def walk(method, task, steps=2):
    """Takes a few steps of a task, and returns the last step's terms."""
    method.start_task(task)
    (phase,) = method.phases(task)
    optimizer = phase.optimizer()
    for step in range(steps):
        method.before_step(phase)
        terms = method.loss(batch(step), phase)
        sum(terms.values()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return terms


def test_after_a_task_the_state_is_student_and_queue_alone():
    method = make()
    fresh = set(method.state_dict())
    walk(method, FIRST)
    assert any(name.startswith("momentum_model.") for name in method.state_dict())
    method.finish_task(FIRST, lambda: ())
    state = method.state_dict()
    assert set(state) == fresh
    assert {name for name in state if not name.startswith("model.")} == {
        "queue.image",
        "queue.text",
        "queue.pointer",
    }
    assert state["queue.pointer"].item() == 0  # two batches of 4 wrapped around a queue of 8

    resumed = make()
    resumed.load_state_dict(state)
    for m in (method, resumed):
        walk(m, LATER)
    assert any(name.startswith("reference_model.") for name in method.state_dict())
    for m in (method, resumed):
        m.finish_task(LATER, lambda: ())
    assert set(method.state_dict()) == fresh
    for name, value in method.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_later_tasks_keep_the_previous_model_as_it_was():
    method = make()
    walk(method, FIRST)
    method.finish_task(FIRST, lambda: ())
    before = {name: value.clone() for name, value in method.model.state_dict().items()}
    terms = walk(method, LATER)
    assert set(terms) == {"ita", "mlm", "contrast", "mlm_distill", "topology_cross", "topology_same"}
    for name, value in method.reference_model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not torch.equal(method.momentum_model.image_projection.weight, before["image_projection.weight"])
    assert not any(p.requires_grad for p in method.reference_model.parameters())
    assert not any(p.requires_grad for p in method.momentum_model.parameters())


@pytest.mark.parametrize("replay", ["merge", "paired"])
def test_a_memory_is_mixed_in_as_told(replay):
    method = make(replay=replay, consolidation_epochs=7)
    assert [(p.data, p.replay, p.epochs) for p in method.phases(FIRST)] == [("task", replay, 2)]
    _, last = found = method.phases(LATER)
    assert [(p.data, p.replay, p.epochs) for p in found] == [("task", replay, 2), ("memory", "none", 7)]
    assert (last.name, last.batch_size, last.optimizer().defaults["lr"]) == ("consolidate", 4, 1e-3)
    assert len(make(replay=replay).phases(LATER)) == 1


def test_a_term_of_weight_zero_costs_nothing():
    method = make(contrast_weight=0.0, mlm_distill_weight=0.0)
    assert set(walk(method, LATER)) == {"ita", "mlm", "topology_cross", "topology_same"}
    assert method.momentum_model is None

    method = make(topology_cross_weight=0.0, topology_same_weight=0.0, mlm_distill_weight=0.0)
    assert set(walk(method, LATER)) == {"ita", "mlm", "contrast"}
    seen = []
    for model in (method.momentum_model, method.reference_model):
        for part in (model.vision, model.bert.embeddings, model.bert.head):
            part.register_forward_hook(lambda part, *_: seen.append(part))
    method.momentum_model.vision.forward_features = lambda x: (
        seen.append("momentum") or type(method.model.vision).forward_features(method.momentum_model.vision, x)
    )
    method.loss(batch(), method.phases(LATER)[0])
    # The momentum towers once each; neither its words nor anything of the reference model.
    assert seen == ["momentum", method.momentum_model.bert.embeddings]


WEIGHTS = ("ita", "mlm", "contrast", "mlm_distill", "topology_cross", "topology_same")


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_weight_scales_its_term_alone(name):
    def terms(weight):
        method = stirred(**{f"{name}_weight": weight})
        return method.loss(batch(), method.phases(LATER)[0])

    one, other = terms(1.0), terms(0.3)
    assert set(one) == set(WEIGHTS)
    for term, value in one.items():
        assert value > 1e-4
        torch.testing.assert_close(other[term], value * (0.3 if term == name else 1.0))


@pytest.mark.parametrize(("cls", "name"), [(Finetune, "ita"), (Finetune, "mlm")])
def test_a_baselines_weight_scales_its_term_alone(cls, name):
    one, other = (walk(make(cls, **{f"{name}_weight": w}), FIRST, steps=1) for w in (1.0, 0.3))
    for term, value in one.items():
        torch.testing.assert_close(other[term], value * (0.3 if term == name else 1.0))


def stirred(**fields):
    """A method in its second task, whose weights are away from its teachers'."""
    method = make(**fields)
    method.start_task(LATER)
    with torch.no_grad():
        for p in method.model.parameters():
            p.add_(0.02 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())))
    return method


@pytest.mark.parametrize("mask_own", [True, False])
def test_topology_is_kept_with_or_without_a_samples_own_similarity(mask_own):
    method, given = stirred(mask_own=mask_own), batch()
    found = method.loss(given, method.phases(LATER)[0])["topology_same"]

    def logs(rows):
        similarity = rows @ rows.T / method.config.temperature
        if mask_own:  # the released code's -1000 is as good as leaving them out
            similarity = similarity[~torch.eye(4, dtype=torch.bool)].view(4, 3)
        return similarity.log_softmax(1)

    def divergence(kind):
        student, reference = (
            logs(m.encode_text(given.tokens) if kind == "text" else m.encode_image(given.image)[1])
            for m in (method.model, method.reference_model)
        )
        return (reference.exp() * (reference - student)).sum(1).mean()

    torch.testing.assert_close(found, (divergence("image") + divergence("text")) / 2)


def test_distillation_softens_both_by_its_temperature():
    method, given = stirred(distill_temperature=3.0), batch()
    found = method.loss(given, method.phases(LATER)[0])["mlm_distill"]
    masked = method.masked(given)
    student, teacher = (
        m.mlm_logits(masked.ids, m.encode_image(given.image)[0], masked.positions) / 3
        for m in (method.model, method.momentum_model)
    )
    torch.testing.assert_close(found, -(teacher.softmax(1) * student.log_softmax(1)).sum(1).mean())


@pytest.mark.parametrize(
    ("cls", "fields", "task", "alignment", "fusion"),
    [
        (CTP, {}, FIRST, True, True),
        (CTP, {"mlm_weight": 0.0, "mlm_distill_weight": 0.0}, FIRST, True, False),
        (CTP, {"mlm_weight": 0.0}, FIRST, True, True),
        (CTP, {"ita_weight": 0.0, "contrast_weight": 0.0}, FIRST, False, True),
        (CTP, {"ita_weight": 0.0, "contrast_weight": 0.0}, LATER, True, True),
        (
            CTP,
            {"ita_weight": 0.0, "contrast_weight": 0.0, "topology_cross_weight": 0.0},
            LATER,
            True,
            True,
        ),
        (Finetune, {}, FIRST, True, True),
        (Finetune, {"mlm_weight": 0.0}, FIRST, True, False),
        (Finetune, {"ita_weight": 0.0}, FIRST, False, True),
    ],
)
def test_what_no_term_trains_is_frozen_and_all_else_gets_a_gradient(cls, fields, task, alignment, fusion):
    method = make(cls, **fields)
    method.start_task(task)
    (phase,) = method.phases(task)
    sum(method.loss(batch(), phase).values()).backward()
    frozen = set() if alignment else {"image_projection", "text_projection"}
    frozen |= set() if fusion else {"bert.fusion_layers", "bert.head", "bert.bias"}
    for name, parameter in method.model.named_parameters():
        held = name.startswith(tuple(frozen)) if frozen else False
        assert parameter.requires_grad is not held, name
        assert (parameter.grad is not None) is not held, name
    optimised = {id(p) for group in phase.optimizer().param_groups for p in group["params"]}
    assert optimised == {id(p) for p in method.model.parameters() if p.requires_grad}


@pytest.mark.parametrize("later", [False, True])
def test_the_momentum_model_moves_once_a_step_by_its_tasks_momentum(later):
    method = make(momentum_first=0.9, momentum=0.75, momentum_mix=0.2)
    method.start_task(LATER if later else FIRST)
    (phase,) = method.phases(LATER)
    models = [method.momentum_model, method.model] + [method.reference_model] * later
    with torch.no_grad():
        for model, value in zip(models, (8.0, 3.0, 100.0), strict=False):
            for parameter in model.parameters():
                parameter.fill_(value)
    method.before_step(phase)
    for _ in range(2):  # micro-batches of the step
        method.loss(batch(), phase)
    wanted = 0.75 * 8 + 0.25 * (0.2 * 100 + 0.8 * 3) if later else 0.9 * 8 + 0.1 * 3
    for parameter in method.momentum_model.parameters():
        torch.testing.assert_close(parameter, torch.full_like(parameter, wanted))
    assert all((p == 3).all() for p in method.model.parameters())
    assert not later or all((p == 100).all() for p in method.reference_model.parameters())


def test_topology_is_zero_before_the_student_has_moved():
    assert walk(make(), LATER, steps=1)["topology_cross"].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("preset", ["paper", "reference"])
@pytest.mark.parametrize("task", [FIRST, LATER])
def test_no_reading_has_dropout_in_a_momentum_model(preset, task):
    """The student's passes differ from each other in training mode, the momentum model's do not."""
    method = make(dropout=0.5, **CTP.presets[preset])
    method.start_task(task)
    method.eval()
    method.train()
    assert method.model.training and any(m.training for m in method.model.modules())
    for teacher in filter(None, (method.momentum_model, method.reference_model)):
        assert not any(module.training for module in teacher.modules())
    assert (method.reference_model is None) == (task is FIRST)


def test_presets_name_fields_of_the_configuration():
    assert CTP.presets["paper"] == {}
    assert CTP.Config(**CTP.presets["reference"]).contrast_keys == "local"


def test_masked_tokens_are_the_same_however_the_batch_is_shared():
    method = make(mlm_probability=0.5)
    whole = method.masked(batch(seed=5, total=4))
    again = method.masked(batch(seed=5, total=4))
    assert torch.equal(whole.ids, again.ids)
    for offset in (0, 2):
        part = batch(seed=5, total=4, offset=offset)
        part.image, part.tokens = part.image[offset : offset + 2], part.tokens[offset : offset + 2]
        assert torch.equal(method.masked(part).ids, whole.ids[offset : offset + 2])
    assert not torch.equal(method.masked(batch(seed=6, total=4)).ids, whole.ids)


@pytest.mark.parametrize("probability", [0.15, 0.4])
def test_masking_selects_and_replaces_at_the_papers_rates(probability):
    method = make(mlm_probability=probability)
    tokens = torch.full((400, 50), 7)
    big = Batch(torch.zeros(400, 0), tokens, tokens[:, 0], tokens[:, 0], seed=3)
    masked = method.masked(big)
    selected = len(masked.positions) / tokens.numel()
    ids = masked.ids.flatten()[masked.positions]
    assert selected == pytest.approx(probability, abs=0.01)
    assert (ids == SPEC.mask_id).float().mean().item() == pytest.approx(0.8, abs=0.03)
    assert (ids == 7).float().mean().item() == pytest.approx(0.1, abs=0.03)
    assert ids.min() >= 0 and ids.max() < SPEC.vocab_size


def test_a_batch_without_masked_tokens_is_no_nan():
    method = make()
    empty = batch()
    empty.tokens[:, 1:] = 0
    method.start_task(FIRST)
    terms = method.loss(empty, method.phases(FIRST)[0])
    assert terms["mlm"].item() == 0 and terms["mlm_distill"].item() == 0
    sum(terms.values()).backward()
    assert all(p.grad.isfinite().all() for p in method.model.parameters())


def test_the_queue_holds_the_momentum_models_features_and_is_contrasted_with():
    method = make(queue_size=8)
    method.start_task(FIRST)
    (phase,) = method.phases(FIRST)
    method.before_step(phase)
    before = method.queue.image.clone()
    with torch.no_grad():
        image = method.momentum_model.encode_image(batch().image)[1]
        text = method.momentum_model.encode_text(batch().tokens)
        student = method.model.encode_image(batch().image)[1], method.model.encode_text(batch().tokens)
        keys = torch.cat([image, before]), torch.cat([text, method.queue.text])
        wanted = symmetric_contrast(*student, *keys, method.config.temperature)
        found = method.loss(batch(), phase)["contrast"]
    torch.testing.assert_close(found, method.config.contrast_weight * wanted)
    torch.testing.assert_close(method.queue.image[:4], image)
    torch.testing.assert_close(method.queue.text[:4], text)
    assert torch.equal(method.queue.image[4:], before[4:]) and method.queue.pointer.item() == 4


def test_a_queue_of_none_contrasts_with_the_batch():
    method = make(queue_size=0)
    terms = walk(method, FIRST, steps=1)
    assert method.queue.image.shape == (0, 6)
    # Student and momentum model are still one: the contrast is the alignment.
    torch.testing.assert_close(terms["contrast"], terms["ita"])


def test_bf16_autocast_stays_near_full_precision():
    exact, coarse = make(), make()
    for method in (exact, coarse):
        walk(method, FIRST, steps=1)
        method.start_task(LATER)
        with torch.no_grad():
            for p in method.model.parameters():
                p.add_(0.02)
    phase = exact.phases(LATER)[0]
    wanted = exact.loss(batch(3), phase)
    with torch.autocast("cpu", torch.bfloat16):
        found = coarse.loss(batch(3), phase)
    for name, value in found.items():
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(wanted[name].item(), rel=0.05, abs=0.02), name


@pytest.mark.parametrize("cls", [CTP, Finetune])
def test_losses_of_features_are_full_precision_under_autocast(cls):
    method = make(cls)
    walk(method, LATER)
    wanted = method.loss(batch(3), method.phases(LATER)[0])
    again = make(cls)
    walk(again, LATER)

    def exact(encode):
        def without_autocast(*inputs):
            with torch.autocast("cpu", enabled=False):
                return encode(*inputs)

        return without_autocast

    models = (again.model, again.momentum_model, again.reference_model) if cls is CTP else (again.model,)
    for model in models:
        for name in ("encode_image", "encode_text", "mlm_logits"):
            setattr(model, name, exact(getattr(model, name)))
    with torch.autocast("cpu", torch.bfloat16):
        found = again.loss(batch(3), again.phases(LATER)[0])
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        assert torch.equal(value, wanted[name]), name


def test_features_and_word_logits_are_float32_under_autocast():
    method, given = make().eval(), batch(size=5)
    with torch.autocast("cpu", torch.bfloat16):
        rows = [method.embed(given, kind) for kind in ("image", "text", "pair")]
        tokens, _ = method.model.encode_image(given.image)
        logits = method.model.mlm_logits(given.tokens, tokens, torch.arange(9))
    assert [found.dtype for found in (*rows, logits)] == [torch.float32] * 4
    for found in rows:  # rows of bf16 would be as long as 1.002
        torch.testing.assert_close(found.norm(dim=1), torch.ones(5), rtol=0, atol=1e-6)


@pytest.mark.parametrize("cls", [CTP, RetrievalReplay])
@pytest.mark.parametrize("mlm_weight", [0.0, 0.5])
def test_without_masked_words_a_pair_is_its_picture_and_its_text(cls, mlm_weight):
    """The fusion layers are then as random as they began: nothing may be ranked by them."""
    method = make(cls, mlm_weight=mlm_weight)
    walk(method, FIRST)
    method.eval()
    given = batch(1, size=5)
    image, text, pair = (method.embed(given, kind) for kind in ("image", "text", "pair"))
    with torch.no_grad():
        for parameter in method.model.bert.fusion_layers.parameters():
            parameter.normal_()
    fused = method.embed(given, "pair")
    assert torch.equal(fused, pair) == (mlm_weight == 0)
    assert pair.shape == (5, 12)
    if mlm_weight:
        return
    torch.testing.assert_close(pair.norm(dim=1), torch.ones(5))
    torch.testing.assert_close(pair @ pair.T, (image @ image.T + text @ text.T) / 2)


@pytest.mark.parametrize("kind", ["image", "text", "pair"])
def test_embeddings_are_unit_rows_in_the_batchs_order(kind):
    method = make().eval()
    found = method.embed(batch(size=5), kind)
    assert found.shape == (5, 12 if kind == "pair" else 6)
    assert not found.requires_grad
    torch.testing.assert_close(found.norm(dim=1), torch.ones(5))
    turned = batch(size=5)
    turned.image, turned.tokens = turned.image.flip(0), turned.tokens.flip(0)
    torch.testing.assert_close(method.embed(turned, kind), found.flip(0))


def test_phase_follows_the_configuration():
    method = make(min_learning_rate=1e-4, weight_decay=0.3)
    method.start_task(FIRST)
    (phase,) = method.phases(FIRST)
    assert (phase.epochs, phase.batch_size, phase.data, phase.replay) == (2, 4, "task", "merge")
    (group,) = phase.optimizer().param_groups
    assert (group["lr"], group["weight_decay"], group["betas"]) == (1e-3, 0.3, (0.9, 0.999))
    assert len(group["params"]) == len(list(method.model.parameters()))
    assert phase.optimizer() is not phase.optimizer()
    assert phase.learning_rate(0, 10) == 1
    assert phase.learning_rate(5, 10) == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("cls", "data", "replay"),
    [(Finetune, "task", "none"), (RetrievalReplay, "task", "paired"), (Joint, "seen", "none")],
)
def test_baselines_are_the_same_training_on_other_data(cls, data, replay):
    method = make(cls)
    terms = walk(method, FIRST)
    (phase,) = method.phases(FIRST)
    assert (phase.data, phase.replay) == (data, replay)
    theirs = walk(make(contrast_weight=0.0, mlm_distill_weight=0.0), FIRST)
    assert {name: value.item() for name, value in terms.items()} == {n: v.item() for n, v in theirs.items()}
    assert all(name.startswith("model.") for name in method.state_dict())


def test_both_terms_of_a_baseline_go_by_the_weights_of_pairs():
    method, given = make(RetrievalReplay, mlm_probability=0.5), batch(3)
    method.start_task(FIRST)
    phase = method.phases(FIRST)[0]

    def terms(weight):
        found = method.loss(replace(given, weight=weight), phase)
        return torch.stack([found[name].detach() for name in ("ita", "mlm")])

    alone = [terms(4 * torch.eye(4)[row]) for row in range(4)]  # each pair as if it were all four
    assert len({tuple(values.tolist()) for values in alone}) == 4
    torch.testing.assert_close(terms(None), sum(alone) / 4)
    weight = torch.tensor([2.0, 0.0, 0.5, 1.5])
    wanted = sum(w * values for w, values in zip(weight, alone, strict=True)) / 4
    torch.testing.assert_close(terms(weight), wanted)


@pytest.mark.parametrize("fields", [{"ita_weight": 0.0}, {"mlm_weight": 0.0}])
def test_a_baseline_may_leave_a_term_out(fields):
    terms = walk(make(Finetune, **fields), FIRST)
    assert len(terms) == 1 and f"{next(iter(terms))}_weight" not in fields


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"queue_size": 1000}, "queue_size 1000 is not a multiple of batch_size 512"),
        ({"momentum": 1.5}, "momentum 1.5 must be >= 0 and <= 1"),
        ({"momentum_mix": -0.1}, "momentum_mix -0.1 must be >= 0 and <= 1"),
        ({"temperature": 0.0}, "temperature 0.0 must be > 0"),
        ({"contrast_weight": float("nan")}, "contrast_weight nan must be >= 0"),
        ({"contrast_keys": "all"}, "contrast_keys 'all' must be one of global, local"),
        ({"min_learning_rate": 1e-3}, "min_learning_rate 0.001 must be >= 0 and <= 0.0001"),
        ({"mlm_probability": 0.0}, "mlm_probability 0.0 must be > 0 and <= 1"),
        (
            {"ita_weight": 0.0, "mlm_weight": 0.0, "contrast_weight": 0.0, "mlm_distill_weight": 0.0},
            "every loss term of the first task has weight 0: nothing to train on",
        ),
    ],
)
def test_a_value_out_of_range_is_one_line(fields, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        CTP.Config(**fields)


def test_training_goes_on_from_the_weights_of_a_whole_model(tmp_path):
    first = make(Finetune)
    save_file(first.model.state_dict(), tmp_path / "model.safetensors")
    config = BackboneConfig(**BACKBONE, dropout=0.0, weights=str(tmp_path / "model.safetensors"))
    torch.manual_seed(1)
    again = Finetune(replace(first.config, backbone=config), SPEC)
    assert all(torch.equal(again.model.state_dict()[k], v) for k, v in first.model.state_dict().items())


def test_registry_names_every_method():
    assert registry.names()[:4] == ["ctp", "finetune", "er", "joint"]
    classes = [registry.get(name) for name in registry.names()]
    assert classes[:4] == [CTP, Finetune, RetrievalReplay, Joint]
    assert all({"paper", "reference"} <= set(cls.presets) and {} in cls.presets.values() for cls in classes)
    with pytest.raises(ValueError, match=f"^unknown method 'cpt': one of {', '.join(registry.names())}$"):
        registry.get("cpt")


@pytest.mark.parametrize("cls", [CTP, RetrievalReplay])
def test_padding_that_all_rows_share_is_not_computed_and_changes_nothing(cls, monkeypatch):
    method, given = make(cls, mlm_probability=0.5), batch(3)
    given.tokens[:, 4] = SPEC.sep_id
    given.tokens[:, 5:] = SPEC.pad_id
    walk(method, FIRST)
    method.start_task(LATER)
    phase, lengths = method.phases(LATER)[0], []
    teachers = [method.momentum_model, method.reference_model] if cls is CTP else []
    for model in (method.model, *teachers):
        for layers in (model.bert.text_layers, model.bert.fusion_layers):
            layers[0].register_forward_pre_hook(lambda _, inputs: lengths.append(inputs[0].shape[1]))

    def numbers():
        queue = copy.deepcopy(method.state_dict())
        terms = method.loss(given, phase)
        method.load_state_dict(queue)
        return terms, [method.embed(given, kind).detach() for kind in ("image", "text", "pair")]

    terms, rows = numbers()
    assert set(lengths) == {5} and len(terms) == (6 if cls is CTP else 2)
    lengths.clear()
    monkeypatch.setattr(method, "words", lambda batch: batch.tokens)
    plain, plain_rows = numbers()
    assert set(lengths) == {7}
    for name, value in terms.items():
        torch.testing.assert_close(value, plain[name], msg=name)
    torch.testing.assert_close(rows, plain_rows)


def test_a_last_word_that_a_random_one_hides_as_padding_is_predicted_all_the_same(monkeypatch):
    method, given = make(RetrievalReplay), batch(3)
    given.tokens[:, 5:] = SPEC.pad_id
    uniform = torch.full((4, 7, 4), 0.9, dtype=torch.float64)
    uniform[0, 4] = torch.tensor([0.0, 0.9, 0.0, 0.0])  # chosen, no [MASK], a random word: the first, [PAD]
    monkeypatch.setattr(Batch, "draw", lambda *_: uniform)
    method.start_task(FIRST)
    masked = method.masked(given)
    assert masked.ids.shape == (4, 5) and masked.ids[0, 4] == SPEC.pad_id
    assert (masked.positions.tolist(), masked.labels.tolist()) == ([4], [given.tokens[0, 4]])
    assert torch.isfinite(method.loss(given, method.phases(FIRST)[0])["mlm"])
