"""TRIPLET and its baselines: sizes, what is trained when, how questions find their task, state, refusals."""

import re
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import nn

from methods.backbones.config import BackboneConfig
from methods.backbones.image_text import ImageTextModel
from methods.method import Batch, QuestionSpec, Task
from methods.registry import get
from methods.vqa.triplet.albef import AlbefBackbone
from methods.vqa.triplet.backbone_config import FrozenBackboneConfig
from methods.vqa.triplet.method import Triplet
from methods.vqa.triplet.queries import load_query_encoder

WORDS, WIDTH = 7, 16
SIZES = {
    "size": "small",
    "patch_size": 4,
    "image_width": WIDTH,
    "text_width": WIDTH,
    "image_depth": 4,
    "text_layers": 8,
    "fusion_layer": 4,
}
ANSWERS = (0, 1, 2), (1, 3), (0, 4, 5, 6)
TASKS = [Task(i, f"t{i}", "vqa", 3, answers=answers) for i, answers in enumerate(ANSWERS)]
ALL = ["triplet", "l2p", "dualprompt", "triplet-finetune", "triplet-er", "triplet-joint"]
KEYED, SEQUENTIAL = ALL[:3], ALL[3:]
# On one task's data replay and joint training do what finetuning does, step by step.
DIFFERING = [*ALL[:4], *(pytest.param(name, marks=pytest.mark.slow) for name in ALL[4:])]


def spec(answers=7, **fields):
    values = {
        "image_size": 8,
        "max_tokens": WORDS,
        "vocab_size": 30,
        "pad_id": 0,
        "cls_id": 1,
        "sep_id": 2,
        "mask_id": 3,
        "answers": tuple(f"answer {i}" for i in range(answers)),
        "answer_tokens": torch.zeros(answers, 2, dtype=torch.int64),
        "kinds": ("color",),
        "objects": ("car",),
        "groups": ("vehicles",),
        "group_of": (0,),
        "regions": None,
        "detokenize": str,
    }
    return QuestionSpec(**(values | fields))


def make(name="triplet", tasks=0, seed=0, **changes):
    torch.manual_seed(seed)
    values = {
        "backbone": FrozenBackboneConfig(**SIZES),
        "general_length": 2,
        "task_length": 3,
        "learning_rate": 1e-2,
        "batch_size": 6,
    }
    if name != "l2p":
        values |= {"general_layers": (0, 1), "task_layers": (1, 2, 3)}
    if name == "triplet":
        values["rank"] = 3
    cls = get(name)
    method = cls(cls.Config(**(values | changes)), spec())
    for task in TASKS[:tasks]:
        method.start_task(task)
        method.finish_task(task, lambda: ())
    return method


def batch_of(task=0, count=6, seed=1):
    """Questions whose first word tells the task, and the second the answer."""
    g = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (count, 3, 8, 8), generator=g, dtype=torch.uint8)
    tokens = torch.randint(15, 30, (count, WORDS), generator=g)
    own = torch.tensor(ANSWERS[task])
    answer = own[torch.arange(count) % len(own)]
    tokens[:, 0], tokens[:, 1], tokens[:, 2] = 1, 4 + task, 8 + answer
    tokens[1, 5:] = 0
    row = torch.arange(count)
    answers = torch.stack([answer, torch.full_like(answer, -1)], 1)
    return Batch(image, tokens, row, row, seed=seed, answer=answers, score=torch.ones(count, 2))


def rows_of(batch, rows):
    taken = ("image", "tokens", "label", "row", "answer", "score")
    return replace(batch, **{name: getattr(batch, name)[rows] for name in taken})


def train(method, task, batch, steps=3):
    """Takes a few steps of a task, and returns the terms of each."""
    method.start_task(task)
    (phase,) = method.phases(task)
    optimizer, seen = phase.optimizer(), []
    for _ in range(steps):
        terms = method.loss(batch, phase)
        sum(terms.values()).backward()
        optimizer.step()
        optimizer.zero_grad()
        seen.append({name: value.item() for name, value in terms.items()})
    method.finish_task(task, lambda: ())
    return seen


def trained(method):
    return {name: p for name, p in method.named_parameters() if p.requires_grad}


class Hollow(nn.Module):
    """Takes ALBEF's place where its weights do not matter."""

    width, depths = 768, {"image": 12, "text": 6, "fusion": 6}


@pytest.mark.parametrize(
    ("name", "changes", "wanted", "percent"),
    [
        ("triplet", {"modality_weight": 0.0}, 967_680, None),
        ("triplet", {}, 1_152_000, (0.55, 209.5e6)),
        ("triplet", {"rank": 10}, 1_059_840, (0.44, 240e6)),
        ("dualprompt", {}, 645_120, (0.31, 209.5e6)),
    ],
)
def test_parameters_of_five_tasks_are_the_papers(name, changes, wanted, percent):
    cls = get(name)
    method = cls(cls.Config(**changes), spec(), Hollow())
    for index in range(5):
        method.start_task(Task(index, "t", "vqa", 5, answers=(0, 1)))
    found = sum(p.numel() for key, p in method.named_parameters() if not key.startswith("head."))
    assert found == wanted
    if percent is not None:
        assert round(100 * found / percent[1], 2) == percent[0]


def test_the_models_size_is_that_of_the_published_one():
    config = BackboneConfig(image_weights="random", text_weights="random")
    words = spec(vocab_size=30522, max_tokens=512, image_size=256)
    with torch.device("meta"):
        backbone = AlbefBackbone(ImageTextModel(config, words, 256))
    assert (backbone.width, backbone.depths) == (Hollow.width, Hollow.depths)
    # The projections and the MLM head are no encoders.
    bert = backbone.model.bert
    parts = [backbone.model.vision, bert.embeddings, bert.text_layers, bert.fusion_layers]
    count = sum(p.numel() for part in parts for p in part.parameters())
    assert count == pytest.approx(209.5e6, rel=0.02)


@pytest.mark.parametrize("name", ALL)
def test_every_trained_part_gets_a_gradient_and_the_backbone_none(name):
    method = make(name, tasks=1)
    weights = {key: value.clone() for key, value in method.backbone.state_dict().items()}
    method.start_task(TASKS[1])
    if name == "triplet":
        with torch.no_grad():  # at the start of a task nothing has changed yet
            method.interactions[0].up.add_(0.01)
    (phase,) = method.phases(TASKS[1])
    optimizer = phase.optimizer()
    terms = method.loss(batch_of(1), phase)
    sum(terms.values()).backward()
    wanted = {"cross_entropy"} | ({"match"} if name in KEYED else set())
    assert set(terms) == wanted | ({"modality", "task"} if name == "triplet" else set())
    learning = trained(method)
    assert {id(p) for group in optimizer.param_groups for p in group["params"]} == {
        id(p) for p in learning.values()
    }
    for key, parameter in learning.items():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, key
    # Every slot of every layer, not only some of them.
    for group in (method.prompts.general, method.prompts.specific.new):
        assert group is None or group.grad.abs().amax(-1).min() > 0
    optimizer.step()
    assert all(p.grad is None for p in method.backbone.parameters())
    for key, value in method.backbone.state_dict().items():
        assert torch.equal(value, weights[key]), key


@pytest.mark.parametrize("name", KEYED)
def test_parameters_of_past_tasks_do_not_move(name):
    method = make(name)
    train(method, TASKS[0], batch_of(0))
    first = {
        "prompts": method.prompts.specific.new[0].clone(),
        "keys": method.keys.values.new[0].clone(),
        "weight": method.head.weight.clone(),
        "bias": method.head.bias.clone(),
    }
    for task in (1, 2):
        train(method, TASKS[task], batch_of(task))
    assert torch.equal(method.prompts.specific.past[0], first["prompts"])
    assert torch.equal(method.keys.values.past[0], first["keys"])
    assert torch.equal(method.head.past_weight[:3], first["weight"])
    assert torch.equal(method.head.past_bias[:3], first["bias"])
    assert not any(key.endswith("past") or "past_" in key for key in trained(method))
    assert method.head.sizes.tolist() == [3, 2, 4]
    assert method.head.answers.tolist() == [a for answers in ANSWERS for a in answers]


def test_task_interaction_starts_with_the_second_task_and_holds_matrices_back():
    free, held = make(task_weight=0.0), make(task_weight=100.0)
    moved = []
    for method in (free, held):
        assert "task" not in train(method, TASKS[0], batch_of(0))[-1]
        before = torch.stack([w.matrices().detach() for w in method.interactions])
        terms = train(method, TASKS[1], batch_of(1), steps=4)
        after = torch.stack([w.matrices().detach() for w in method.interactions])
        moved.append((after - before).square().sum().item())
        assert method._previous == []  # a task's own
        if method is held:
            assert terms[0]["task"] == 0
            assert terms[1]["task"] > 0
    assert moved[1] < 0.5 * moved[0]


def test_modality_interaction_is_minus_the_pairs_where_the_prediction_holds():
    method = make(tasks=1, modality_weight=0.2)
    with torch.no_grad():
        for interaction, (image, text, fusion) in zip(
            method.interactions, method.prompts.groups(), strict=True
        ):
            fusion.copy_(5 * interaction(image, text))
    (phase,) = method.phases(TASKS[0])
    found = method.loss(batch_of(), phase)["modality"].item()
    assert found == pytest.approx(-0.2 * (2 + 3), rel=1e-5)  # general prompts at 2 layers, a task's at 3


def test_without_modality_interaction_there_are_no_matrices():
    method = make(modality_weight=0.0)
    assert set(train(method, TASKS[0], batch_of(0))[-1]) == {"cross_entropy", "match"}
    assert set(train(method, TASKS[1], batch_of(1))[-1]) == {"cross_entropy", "match"}
    assert not any(key.startswith("interactions") for key in method.state_dict())


def test_weights_scale_their_terms():
    def terms(**weights):
        method = make(tasks=2, **weights)
        method.start_task(TASKS[2])
        with torch.no_grad():
            method.interactions[1].down.add_(0.1)
        return method.loss(batch_of(2), method.phases(TASKS[2])[0])

    plain = terms(match_weight=0.1, modality_weight=0.2, task_weight=0.05)
    other = terms(match_weight=0.3, modality_weight=0.1, task_weight=0.5)
    for name, factor in (("cross_entropy", 1), ("match", 3), ("modality", 0.5), ("task", 10)):
        torch.testing.assert_close(other[name], factor * plain[name])


@pytest.mark.parametrize("classifier", ["fusion", "text", "image", "majority", "all"])
def test_each_modality_selects_its_task_by_cosine(classifier):
    method = make(tasks=3, classifier=classifier)
    batch = batch_of(count=40)
    g = torch.Generator().manual_seed(0)
    batch.feature = torch.randn(40, 3, WIDTH, generator=g)
    with torch.no_grad():
        for keys in method.keys.parameters():
            keys.normal_(generator=g)
    every = torch.cat([method.keys.values.past, method.keys.values.new]).detach()  # (tasks, 3, D)
    wanted = F.cosine_similarity(batch.feature[:, None], every, dim=-1).argmax(1)
    found = method.answer(batch)
    assert list(found.tasks) == ["image", "text", "fusion"]
    for i, tasks in enumerate(found.tasks.values()):
        assert torch.equal(tasks, wanted[:, i])
        assert tasks.unique().tolist() == [0, 1, 2]

    # Row by row, the task's own prompts and the task's own classifier.
    image, text, fusion = wanted.unbind(1)
    majority = torch.mode(wanted, dim=1).values.where(
        (image == text) | (text == fusion) | (image == fusion), fusion
    )
    by = {"image": image, "text": text, "fusion": fusion, "majority": majority}
    for row in range(8):
        one = rows_of(batch, slice(row, row + 1))
        one.feature = batch.feature[row : row + 1]
        assert method.answer(one).texts[0] == found.texts[row]
    fused = method.fused(batch, method.prompts.chosen(wanted))
    said = {how: method.head.best(fused, tasks)[0].tolist() for how, tasks in {**by, "all": None}.items()}
    assert list(found.texts) == [f"answer {a}" for a in said[classifier]]
    assert all(said[how] != said[classifier] for how in said if how != classifier)


def test_a_majority_is_two_of_three_and_else_the_fusion():
    method = make(classifier="majority")
    tasks = {"image": [0, 0, 2, 1, 0], "text": [0, 1, 1, 1, 0], "fusion": [1, 0, 1, 2, 2]}
    tasks = {name: torch.tensor(value) for name, value in tasks.items()}
    assert method._task(tasks).tolist() == [0, 0, 1, 1, 0]
    apart = {"image": torch.tensor([0]), "text": torch.tensor([1]), "fusion": torch.tensor([2])}
    assert method._task(apart).tolist() == [2]


def test_prompts_of_the_chosen_task_are_used():
    method = make(tasks=2)
    batch = batch_of(count=6)
    chosen = torch.tensor([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 1, 1]])
    found = method.fused(batch, method.prompts.chosen(chosen))
    every = torch.cat([method.prompts.specific.past, method.prompts.specific.new])
    for row, tasks in enumerate(chosen.tolist()):
        own = torch.stack([every[t, i] for i, t in enumerate(tasks)])
        alone = make(tasks=2)
        with torch.no_grad():
            alone.prompts.specific.new[0].copy_(own)
        wanted = alone.fused(rows_of(batch, slice(row, row + 1)), alone.prompts.newest())
        torch.testing.assert_close(found[row : row + 1], wanted)


@pytest.mark.parametrize("name", DIFFERING)
def test_answers_do_not_depend_on_the_batch(name):
    method = make(name)
    for task in (0, 1):
        train(method, TASKS[task], batch_of(task), steps=6)
    method.eval()
    batch = batch_of(1, count=8)
    whole = method.answer(batch)
    order = torch.tensor([5, 2, 7, 0])
    part = method.answer(rows_of(batch, order))
    assert list(part.texts) == [whole.texts[i] for i in order]
    for key, tasks in whole.tasks.items():
        assert torch.equal(part.tasks[key], tasks[order])
    blind = method.answer(replace(batch, answer=None, score=None, kind=None))
    assert list(blind.texts) == list(whole.texts)


def test_padding_of_the_whole_batch_is_not_computed():
    method, batch = make("triplet", tasks=1), batch_of()
    method.eval()
    batch = replace(batch, tokens=F.pad(batch.tokens[:, :5], (0, WORDS - 5)))
    widths, prompts = [], method.prompts.newest()
    hook = method.backbone.model.bert.embeddings.register_forward_hook(
        lambda _, args, out: widths.append(out.shape[1])
    )
    found = method.fused(batch, prompts)
    hook.remove()
    assert widths == [5]
    whole = method.backbone.fused(batch.image, batch.tokens, prompts, method.config.pass_prompts)
    torch.testing.assert_close(found, whole)


@pytest.mark.parametrize("name", KEYED)
def test_given_queries_are_those_computed(name):
    batch = batch_of()
    encoder = load_query_encoder(FrozenBackboneConfig(**SIZES), spec())
    given = replace(batch, feature=encoder.encode(batch.image, batch.tokens))
    kept = replace(batch, feature=given.feature.half().float())  # as they come from a store
    terms = [train(make(name), TASKS[0], b) for b in (batch, given, kept)]
    assert terms[0] == terms[1] == terms[2]
    method, calls = make(name, tasks=1), []
    hook = method.backbone.model.bert.embeddings.register_forward_hook(lambda *_: calls.append(1))
    method.answer(given)
    method.answer(batch)
    hook.remove()
    assert len(calls) == 1 + 2  # the prompted pass alone, then the queries' as well
    for kind, i in (("image", 0), ("text", 1), ("pair", 2)):
        torch.testing.assert_close(method.embed(batch, kind), F.normalize(given.feature[:, i], dim=-1))


@pytest.mark.parametrize("name", DIFFERING)
def test_a_task_is_learnt(name):
    method = make(name, learning_rate=3e-2)
    batch = batch_of(0)
    terms = train(method, TASKS[0], batch, steps=25)
    assert terms[-1]["cross_entropy"] < 0.5 * terms[0]["cross_entropy"]
    right = [f"answer {a}" for a in batch.answer[:, 0].tolist()]
    assert sum(a == b for a, b in zip(method.answer(batch).texts, right, strict=True)) >= 5


@pytest.mark.parametrize("name", ALL)
def test_the_state_is_what_the_next_task_needs(name):
    method = make(name)
    for task in (0, 1):
        train(method, TASKS[task], batch_of(task))
    state = load(save({key: value.contiguous() for key, value in method.state_dict().items()}))
    # What is trained and which answers it is for: nothing of the encoders.
    assert sum(v.numel() for v in state.values()) < 20_000
    assert not any(key.startswith(("backbone", "_held")) or "bert" in key for key in state)

    resumed = make(name, seed=7)
    missing, unexpected = resumed.load_state_dict(state, strict=False)
    assert not missing and not unexpected
    batch = batch_of(1, count=8)
    assert list(method.answer(batch).texts) == list(resumed.answer(batch).texts)
    for m in (method, resumed):
        torch.manual_seed(3)
        m.seen = train(m, TASKS[2], batch_of(2))
    assert method.seen == resumed.seen
    for key, value in method.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


def test_one_classifier_trains_on_the_answers_of_all_tasks_so_far():
    method = make("triplet-finetune", tasks=2)  # answers 0 .. 3
    (phase,) = method.phases(TASKS[1])
    batch = batch_of(0)  # a memory's questions
    logits = method.head(method.fused(batch, method.prompts.newest()))
    assert logits.shape == (6, 4)
    found = method.loss(batch, phase)["cross_entropy"]
    torch.testing.assert_close(found, F.cross_entropy(logits, batch.answer[:, 0]))
    later = make("triplet", tasks=2)
    # TRIPLET's newest classifier knows 1 and 3 alone: questions after 0 and 2 have no weight.
    logits = later.head(later.fused(batch, later.prompts.newest()))
    known = batch.answer[:, 0] == 1
    wanted = F.cross_entropy(logits[known], torch.zeros(int(known.sum()), dtype=torch.int64))
    torch.testing.assert_close(later.loss(batch, phase)["cross_entropy"], wanted)


@pytest.mark.parametrize("name", ["triplet-finetune", "triplet-er", "triplet-joint"])
def test_weight_decay_leaves_answers_of_later_tasks_alone(name):
    method = make(name, tasks=1, weight_decay=0.5, learning_rate=0.1)
    linear, learnt = method.head.linear, method.head.learnt.clone()
    assert 0 < learnt.sum() < len(learnt)
    before = linear.weight.detach().clone(), linear.bias.detach().clone()
    train(method, TASKS[0], batch_of(0))
    for old, now in zip(before, (linear.weight, linear.bias), strict=True):
        assert torch.equal(old[~learnt], now[~learnt]) and not torch.equal(old[learnt], now[learnt])
    method.start_task(TASKS[1])
    fresh = method.head.learnt & ~learnt
    train(method, TASKS[1], batch_of(1))
    assert not torch.equal(linear.weight[fresh], before[0][fresh]), "they decay and learn with their task"


def test_questions_count_by_their_weights():
    method, batch = make("triplet-er", tasks=1), batch_of()
    phase = method.phases(TASKS[0])[0]

    def loss(weight):
        return method.loss(replace(batch, weight=weight), phase)["cross_entropy"].detach()

    alone = [loss(row) for row in torch.eye(len(batch))]
    torch.testing.assert_close(loss(None), sum(alone))
    weight = torch.linspace(0, 2, len(batch))
    torch.testing.assert_close(loss(weight), sum(w * value for w, value in zip(weight, alone, strict=True)))
    assert not torch.allclose(loss(weight), loss(None))


def test_data_and_replay_of_each():
    found = {name: make(name).phases(TASKS[0])[0] for name in ALL}
    assert {name: (p.data, p.replay) for name, p in found.items()} == {
        "triplet": ("task", "none"),
        "l2p": ("task", "none"),
        "dualprompt": ("task", "none"),
        "triplet-finetune": ("task", "none"),
        "triplet-er": ("task", "paired"),
        "triplet-joint": ("seen", "none"),
    }
    for name in ALL:
        method = make(name, tasks=1, learning_rate=0.02, weight_decay=0.3)
        (group,) = method.phases(TASKS[0])[0].optimizer().param_groups
        assert (group["lr"], group["weight_decay"], group["betas"]) == (0.02, 0.3, (0.9, 0.999))
    phase = found["triplet"]
    assert (phase.epochs, phase.batch_size) == (5, 6)
    rates = [phase.learning_rate(step, 10) for step in range(10)]
    assert rates[0] == 1 and rates == sorted(rates, reverse=True) and 0 < rates[-1] < 0.05


def test_the_parts_of_the_baselines():
    dual, pool, one = (make(name, tasks=1).prompts for name in ("dualprompt", "l2p", "triplet-finetune"))
    assert dual.general.shape == (2, 2, 2, WIDTH) and dual.specific.new.shape == (1, 2, 3, 3, WIDTH)
    assert pool.general is None and pool.specific.new.shape == (1, 2, 1, 3, WIDTH)
    assert one.general.shape == (3, 2, 2, WIDTH) and one.specific.new.shape == (1, 3, 3, 3, WIDTH)
    assert list(make("l2p", tasks=2).answer(batch_of()).tasks) == ["image", "text"]
    assert make("triplet-er", tasks=2).answer(batch_of()).tasks == {}
    assert "queries" in Triplet.frozen and "queries" not in get("triplet-er").frozen


def test_bfloat16_keeps_small_terms_precise():
    method = make(tasks=1)
    (phase,) = method.phases(TASKS[0])
    plain = method.loss(batch_of(), phase)
    with torch.autocast("cpu", torch.bfloat16):
        cast = method.loss(batch_of(), phase)
    for name in ("match", "modality"):
        assert torch.equal(plain[name], cast[name])
    torch.testing.assert_close(plain["cross_entropy"], cast["cross_entropy"], atol=0.05, rtol=0.05)
    sum(cast.values()).backward()
    assert all(p.grad.isfinite().all() for p in trained(method).values())


def test_presets():
    for name in ALL:
        presets = get(name).presets
        assert presets["paper"] == {} and "reference" in presets
    flava = Triplet.presets["flava"]
    assert flava == {"backbone.flava": "facebook/flava-full", "rank": 10, "modality_weight": 0.1}


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        (
            "triplet",
            {"general_layers": (0, 4)},
            "general_layers 4 must be in 0 .. 3: the image encoder has 4",
        ),
        ("triplet", {"task_layers": (-1,)}, "task_layers -1 must be in 0 .. 3"),
        ("triplet", {"task_layers": (2, 1)}, "task_layers [2, 1] must ascend"),
        ("triplet", {"task_layers": (1, 1)}, "task_layers [1, 1] must ascend"),
        ("dualprompt", {"task_layers": (4,)}, "task_layers 4 must be in 0 .. 3"),
        ("triplet", {"general_length": 0}, "general_length 0 must be >= 1"),
        ("triplet", {"task_length": 0}, "task_length 0 must be >= 1"),
        ("triplet", {"rank": 0}, "rank 0 must be >= 1"),
        ("triplet", {"match_weight": 0.0}, "match_weight 0.0 must be > 0"),
        ("triplet", {"modality_weight": -1.0}, "modality_weight -1.0 must be >= 0"),
        ("triplet", {"task_weight": -1.0}, "task_weight -1.0 must be >= 0"),
        ("triplet", {"classifier": "mean"}, "classifier 'mean' must be one of fusion, text, image, majority"),
        ("l2p", {"classifier": "fusion"}, "classifier 'fusion' must be one of all, text, image"),
        ("triplet-er", {"learning_rate": 0.0}, "learning_rate 0.0 must be > 0"),
        ("triplet-er", {"weight_decay": -1.0}, "weight_decay -1.0 must be >= 0"),
        ("triplet-er", {"epochs": 0}, "epochs 0 must be >= 1"),
    ],
)
def test_bad_values_are_named(name, fields, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as caught:
        make(name, **fields)
    assert "\n" not in str(caught.value)


def test_the_shortest_prompted_encoder_limits_the_layers():
    sizes = FrozenBackboneConfig(**(SIZES | {"text_layers": 6}))  # two fusion layers
    with pytest.raises(ValueError, match="task_layers 2 must be in 0 .. 1: the fusion encoder has 2 layers"):
        make(backbone=sizes, task_layers=(1, 2))
    make("dualprompt", backbone=sizes, task_layers=(1, 2))  # no prompts there
    with pytest.raises(ValueError, match="general_layers 2 must be in 0 .. 1"):
        Triplet.Config(FrozenBackboneConfig(size="small"))
    with pytest.raises(ValueError, match="flava ''"):
        FrozenBackboneConfig(flava=" ")


@pytest.mark.parametrize("layers", [{"general_layers": ()}, {"task_layers": ()}])
def test_one_group_of_prompts_alone(layers):
    method = make(**layers)
    train(method, TASKS[0], batch_of(0))
    method.start_task(TASKS[1])
    assert len(method.interactions) == len(method.prompts.groups()) == 1
    sum(method.loss(batch_of(1), method.phases(TASKS[1])[0]).values()).backward()
    assert all(p.grad is not None for p in trained(method).values())
    assert len(method.answer(batch_of(1)).texts) == 6


def test_streams_that_it_cannot_learn():
    with pytest.raises(ValueError, match="regions"):
        cls = get("triplet")
        cls(cls.Config(), spec(regions=(4, 8)), Hollow())
    with pytest.raises(ValueError, match=re.escape("task 1 (empty) has no answers")):
        make(tasks=1).start_task(Task(1, "empty", "vqa", 2))
