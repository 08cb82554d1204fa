"""VQACL on the real model: what a step learns, a task leaves, a reading changes, and what is refused."""

import re
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from methods import registry
from methods.method import Batch, QuestionSpec, Task
from methods.vqa.t5.config import JointT5Config
from methods.vqa.vqacl.method import VQACL
from methods.vqa.vqacl.prototypes import Prototypes

ANSWERS = ("red", "blue", "dark red")
TOKENS = torch.tensor([[20, 2, 0], [21, 2, 0], [22, 20, 2]])
KINDS, OBJECTS, GROUPS = ("colour", "place"), ("dog", "cat", "cup"), ("animals", "things")
TEXT = {20: "red", 21: "blue", 22: "dark"}


def say(ids):
    return " ".join(TEXT[i] for i in ids if i in TEXT)


SPEC = QuestionSpec(8, 7, 30, 0, 1, 2, 3, ANSWERS, TOKENS, KINDS, OBJECTS, GROUPS, (0, 0, 1), None, say)
FIRST = Task(0, "colour", "vqa", 2, groups=(1, 0), answers=(0, 1))
LATER = Task(1, "place", "vqa", 2, groups=(0, 1), answers=(0, 1, 2))


def make(cls=VQACL, spec=SPEC, backbone=None, **fields):
    torch.manual_seed(0)
    sizes = {"size": "small", "width": 16, "layers": 1, "heads": 2, "ff": 32, "grid": 2}
    fields = {"batch_size": 6, "learning_rate": 3e-3} | fields
    return cls(cls.Config(JointT5Config(**(sizes | (backbone or {}))), **fields), spec).train()


def batch(seed=0, size=6, kind=None, label=None, **place):
    g = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (size, 3, 8, 8), generator=g, dtype=torch.uint8)
    tokens = torch.randint(4, 20, (size, 7), generator=g)
    tokens[:, 0], tokens[:, 5], tokens[:, 6] = 1, 2, 0
    tokens[1, 3:] = torch.tensor([2, 0, 0, 0])
    answer = torch.stack([torch.randint(0, 3, (size,), generator=g), torch.full((size,), -1)], dim=1)
    score = torch.tensor([1.0, 0.0]).repeat(size, 1)
    kind = torch.zeros(size, dtype=torch.long) if kind is None else torch.as_tensor(kind)
    label = torch.arange(size) % 3 if label is None else torch.as_tensor(label)
    rows = torch.arange(size)
    return Batch(image, tokens, label, rows, seed=seed, kind=kind, answer=answer, score=score, **place)


def rows(whole, keep):
    """Some rows of a batch."""
    picked = {k: v[keep] for k, v in vars(whole).items() if isinstance(v, Tensor)}
    return replace(whole, **picked)


def step(method, given, task=FIRST):
    return method.loss(given, method.phases(task)[0])["answer"]


def fit(method, given, task=FIRST, steps=60):
    """Trains on one batch over and over, and returns the losses."""
    method.start_task(task)
    method.train()
    phase = method.phases(task)[0]
    optimizer, losses = phase.optimizer(), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = method.loss(given, phase)["answer"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(method.parameters(), phase.clip)
        optimizer.step()
        losses.append(loss.item())
    method.finish_task(task, lambda: ())
    return losses


@pytest.fixture(scope="module")
def learnt():
    """The state of a method that was trained on ``batch()``, and its losses."""
    method = make(learning_rate=1e-2)
    losses = fit(method, batch(), steps=40)
    return method.state_dict(), losses


@pytest.mark.parametrize("beams", [1, 5])
def test_answers_are_learnt_and_said(beams, learnt):
    state, losses = learnt
    assert losses[-1] < 0.1 * losses[0]
    method, given = make(beams=beams), batch()
    method.start_task(FIRST)
    method.load_state_dict(state)
    method.eval()
    wanted = [ANSWERS[a] for a in given.answer[:, 0].tolist()]
    assert list(method.answer(given).texts) == wanted
    assert set(wanted) == set(ANSWERS)
    hidden = replace(given, kind=None, answer=None, score=None)  # a question paper has no answers on it
    assert list(method.answer(hidden).texts) == wanted


def test_the_loss_is_the_token_mean_weighted_by_the_answers_score():
    method = make(prototype_update="reference").eval()
    given = batch()
    given.score = torch.tensor([[1.0, 0.0], [0.3, 0], [0.6, 0], [0.9, 0], [1, 0], [0.5, 0]])
    method.start_task(FIRST)
    found = step(method, given)
    logits = method.model.logits(method.encode(given, learn=False), TOKENS[given.answer[:, 0]])
    wanted = 0.0
    for row, answer in enumerate(given.answer[:, 0].tolist()):
        said = [t for t in TOKENS[answer].tolist() if t]
        logs = logits[row].log_softmax(-1)
        wanted -= given.score[row, 0] * sum(logs[k, t] for k, t in enumerate(said)) / len(said) / 6
    torch.testing.assert_close(found, wanted)


def test_a_question_without_an_answer_weighs_nothing():
    method = make().eval()
    given = batch()
    whole = step(method, given)
    given.answer[2:], given.score[2:] = -1, 0
    part = step(method, given)
    first = step(make().eval(), rows(given, slice(0, 2)))
    assert 0 < part < whole
    torch.testing.assert_close(part, first * 2 / 6, rtol=0.05, atol=0)  # other prototypes, hence the slack
    given.answer[:], given.score[:] = -1, 0
    nothing = step(method, given)
    nothing.backward()
    assert nothing.item() == 0


def test_targets_depend_on_the_seed_alone_however_the_batch_is_shared():
    given = batch(size=6, total=6)
    given.answer = torch.tensor([[0, 1, 2]]).repeat(6, 1)
    given.score = torch.tensor([[0.5, 0.5, 0.5]]).repeat(6, 1)
    seen = []

    def record(method, given):
        before, method.model.logits = method.model.logits, lambda e, t: seen.append(t) or before(e, t)
        step(method, given)
        return seen.pop()

    whole = record(make(), given)
    halves = [record(make(), replace(rows(given, slice(o, o + 3)), offset=o)) for o in (0, 3)]
    assert torch.equal(torch.cat(halves), whole)
    assert not torch.equal(record(make(), replace(given, seed=1)), whole)


def test_gradient_reaches_everything():
    method = make()
    method.start_task(FIRST)
    step(method, batch()).backward()
    assert [name for name, p in method.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_decoder_listens_to_the_prototypes():
    method = make()
    given = batch()
    method.start_task(FIRST)
    step(method, given)
    method.eval()
    encoded = method.encode(given, learn=False)
    plain = method.model.encode(given)
    assert encoded.hidden.shape[1] == plain.hidden.shape[1] + 2
    assert encoded.mask[:, -2:].all()
    with torch.no_grad():
        before = method.model.logits(encoded, TOKENS[given.answer[:, 0]])
        assert not torch.allclose(before, method.model.logits(plain, TOKENS[given.answer[:, 0]]), atol=1e-4)
        method.prototypes.question += 1.0
        after = method.model.logits(method.encode(given, learn=False), TOKENS[given.answer[:, 0]])
    assert not torch.allclose(before, after, atol=1e-4)


def test_prototypes_pass_no_gradient_and_are_kept_at_test():
    method = make()
    method.start_task(FIRST)
    encoded = method.encode(batch(), learn=True)
    assert encoded.hidden.requires_grad
    grad = torch.autograd.grad(encoded.hidden[:, -2:].sum(), method.model.words.weight, allow_unused=True)[0]
    assert not grad.any()
    assert not method.prototypes.question.requires_grad and not method.prototypes.picture.requires_grad
    before = {name: value.clone() for name, value in method.prototypes.state_dict().items()}
    method.eval().answer(batch(5))
    assert all(torch.equal(value, before[name]) for name, value in method.prototypes.state_dict().items())


def test_padding_changes_nothing():
    method = make()
    method.start_task(FIRST)
    step(method, batch())
    method.eval()
    short, padded = (replace(rows(batch(3), slice(1, 2))) for _ in range(2))
    short.tokens = short.tokens[:, :4]
    found, wanted = method.encode(short, learn=False), method.encode(padded, learn=False)
    torch.testing.assert_close(found.hidden, wanted.hidden[wanted.mask][None])
    pooled = (method._pooled(method.model.encode(given)) for given in (short, padded))
    for one, other in zip(*pooled, strict=True):
        torch.testing.assert_close(one, other)
    state = {name: value.clone() for name, value in method.state_dict().items()}
    loss = step(method, short)
    method.load_state_dict(state)
    torch.testing.assert_close(step(method, padded), loss)


def test_fixed_part_counts_regions_to_short_questions():
    method = make(question_part="fixed", question_tokens=6).eval()
    given = batch(label=[0] * 6)
    method.start_task(FIRST)
    encoded = method.encode(given, learn=True)
    # Six of the seven columns hold words: all six are the question's, and the batch is cut to them.
    assert encoded.words == 6
    plain = method.model.encode(replace(given, tokens=given.tokens[:, :6])).hidden
    torch.testing.assert_close(method.prototypes.question[0], plain[:, :6].mean((0, 1)))
    torch.testing.assert_close(method.prototypes.picture[0], plain[:, 6:].mean((0, 1)))
    short = rows(given, slice(1, 2))  # four words: two regions are counted to them
    before = method.prototypes.picture[0].clone()
    assert method.encode(short, learn=True).words == 4
    plain = method.model.encode(replace(short, tokens=short.tokens[:, :4])).hidden[0]
    torch.testing.assert_close(method.prototypes.question[0], plain[:6].mean(0))
    torch.testing.assert_close(method.prototypes.picture[0], 0.3 * before + 0.7 * plain[6:].mean(0))
    assert method.eval_batch_size == 6
    assert make().eval_batch_size is None


def prototypes(**fields):
    made = Prototypes(3, 2, 1, **({"alpha": 0.25, "beta": 0.5} | fields)).double()
    return made


def take_in(made, kind, value, label=None, picture=None):
    """Takes in one batch of one-dimensional features, and returns the prototypes after it."""
    kind, value = torch.tensor(kind), torch.tensor(value, dtype=torch.float64)[:, None]
    label = torch.zeros_like(kind) if label is None else torch.tensor(label)
    picture = value if picture is None else torch.tensor(picture, dtype=torch.float64)[:, None]
    made.update(value, picture, kind, label)
    return made.question.squeeze(1).tolist(), made.picture.squeeze(1).tolist()


def test_a_new_kinds_prototype_is_the_newest_batchs_and_an_old_ones_an_average():
    made = prototypes()
    made.start_task(0)
    assert take_in(made, [0, 0], [1.0, 3.0])[0] == [2.0, 0, 0]
    assert take_in(made, [0], [8.0])[0] == [8.0, 0, 0]
    made.start_task(1)
    assert take_in(made, [1], [5.0])[0] == [8.0, 5.0, 0]
    assert take_in(made, [0, 0], [0.0, 8.0])[0] == [0.25 * 8 + 0.75 * 4, 5.0, 0]  # a batch of the memory
    assert take_in(made, [1, 2], [7.0, 1.0])[0] == [5.0, 7.0, 1.0]  # two kinds are new in one task
    made.start_task(2)
    assert take_in(made, [1], [3.0])[0] == [5.0, 0.25 * 7 + 0.75 * 3, 1.0]


def test_pictures_prototypes_are_averaged_and_never_reset():
    made = prototypes()
    made.start_task(0)
    assert take_in(made, [0], [0.0], [1], [4.0])[1] == [0, 4.0]
    assert take_in(made, [0], [0.0], [1], [2.0])[1] == [0, 3.0]
    assert take_in(made, [0], [0.0], [0], [1.0])[1] == [1.0, 3.0]
    made.start_task(1)
    assert take_in(made, [1], [0.0], [0], [3.0])[1] == [2.0, 3.0]


def test_only_known_prototypes_are_retrieved():
    query = torch.tensor([[-1.0, -1.0]], dtype=torch.float64)
    for update, row in (("paper", 1), ("reference", 0)):
        made = Prototypes(3, 2, 2, 0.5, 0.5, update).double()
        assert not made.retrieve(query, query).any()
        made.start_task(0)
        feature = torch.ones(1, 2, dtype=torch.float64)
        made.update(feature, feature, torch.tensor([1]), torch.tensor([1]))
        # Row 1 points away from the query: a zero row is nearer, where zero rows count.
        wanted = torch.stack([made.question[row], made.picture[row]])[None]
        assert torch.equal(made.retrieve(query, query), wanted)


@pytest.mark.parametrize("update", ["paper", "reference"])
def test_a_batch_in_parts_is_taken_in_as_one(update):
    """The past decays once a step, by the whole batch. A step of one part gives what an update without steps
    gives.
    """

    def walk(parts):
        made = Prototypes(3, 4, 2, 0.25, 0.5, update).double()
        g, seen = torch.Generator().manual_seed(0), []
        for task in range(3):
            made.start_task(task)
            for _ in range(4):
                value = torch.randn(2, 12, 2, generator=g, dtype=torch.float64)
                kind, label = (torch.randint(0, most, (12,), generator=g) for most in (task + 1, 4))
                if parts:
                    made.start_step()
                for at in torch.arange(12).chunk(parts or 1):
                    made.update(value[0, at], value[1, at], kind[at], label[at])
                seen.append([v.clone() for v in made.buffers()])
        return seen

    plain = walk(0)
    for parts in (1, 2, 4):
        for found, wanted in zip(walk(parts), plain, strict=True):
            for a, b in zip(found, wanted, strict=True):
                assert torch.equal(a, b) if parts == 1 else torch.allclose(a.double(), b.double())


def test_each_part_of_a_batch_is_seen_by_those_after_it():
    made = prototypes()
    made.start_task(0)
    take_in(made, [0], [8.0], [0], [8.0])
    made.start_task(1)
    made.start_step()
    assert take_in(made, [0], [4.0], [0], [2.0]) == ([0.25 * 8 + 0.75 * 4, 0, 0], [0.5 * 8 + 0.5 * 2, 0])
    wanted = [0.25 * 8 + 0.75 * 6, 0, 0], [0.5 * 8 + 0.5 * 4, 0]
    assert take_in(made, [0, 0], [7.0, 7.0], [0, 0], [5.0, 5.0]) == wanted
    made.start_step()
    assert take_in(made, [0], [2.0], [0], [1.0])[0] == [0.25 * wanted[0][0] + 0.75 * 2, 0, 0]


def test_micro_batches_of_a_step_move_the_prototypes_once():
    whole, halved = make(), make()
    given = [batch(seed, kind=[0, 1, 0, 1, 0, 1]) for seed in range(3)]
    for method, parts in ((whole, 1), (halved, 2)):
        method.start_task(FIRST)
        (phase, *_) = method.phases(FIRST)
        for one in given:
            method.before_step(phase)
            for at in torch.arange(6).chunk(parts):
                method.loss(rows(one, at), phase)
    for name, value in whole.prototypes.state_dict().items():
        torch.testing.assert_close(halved.prototypes.state_dict()[name], value)


def test_a_kind_that_the_task_before_knew_is_averaged_in_the_next_and_a_new_one_is_not():
    method = make(alpha=0.25)
    # What the encoder gives of the three batches' questions is 1, 2 and 3 everywhere.
    for value, task, kinds in ((1.0, FIRST, [0] * 6), (2.0, LATER, [0, 1] * 3), (3.0, LATER, [0, 1] * 3)):
        method._pooled = lambda encoded, value=value: (torch.full((6, 16), value),) * 2
        if value < 3:
            method.start_task(task)
        method.loss(batch(kind=kinds), method.phases(task)[0])
    old = 0.25 * (0.25 * 1 + 0.75 * 2) + 0.75 * 3
    wanted = torch.tensor([[old], [3.0]]).expand(2, 16)
    torch.testing.assert_close(method.prototypes.question, wanted)


def test_autocast_changes_no_digit_of_the_prototypes():
    method, given = make(), batch(kind=[0, 1, 0, 1, 0, 1])
    encoded = method.model.encode(given)
    method.model.encode = lambda batch: encoded

    def numbers():
        for value in method.prototypes.buffers():
            value.zero_()
        method.prototypes.start_task(0)
        found = [method.encode(given, learn=True).hidden for _ in range(2)]
        return [*found, *(v.clone() for v in method.prototypes.buffers()), method.embed(given, "pair")]

    wanted = numbers()
    with torch.autocast("cpu", torch.bfloat16):
        found = numbers()
    for a, b in zip(found, wanted, strict=True):
        assert torch.equal(a, b)


def test_after_a_task_the_state_is_all_that_the_next_needs():
    method = make()
    fit(method, batch(), FIRST, steps=5)
    state = {name: value.clone() for name, value in method.state_dict().items()}
    assert {name for name in state if not name.startswith("model.")} == {
        "prototypes.question",
        "prototypes.picture",
        "prototypes.question_known",
        "prototypes.picture_known",
    }
    resumed = make()
    resumed.load_state_dict(state)
    later = batch(1, kind=[1, 0, 1, 0, 1, 1])
    assert fit(resumed, later, LATER, steps=3) == fit(method, later, LATER, steps=3)
    for name, value in method.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@pytest.mark.parametrize("preset", ["paper", "reference"])
def test_presets_train(preset):
    fields = {"question_tokens": 5} if preset == "reference" else {}
    method = make(**VQACL.presets[preset], **fields)
    assert all(loss > 0 for loss in fit(method, batch(), FIRST, steps=2))
    fit(method, batch(1, kind=[1] * 6), LATER, steps=2)
    reference = preset == "reference"
    # The reference forgets: the first task's kind is counted as absent from the second's batches.
    assert (method.prototypes.question[0] == 0).all() == reference
    c = method.config
    assert (c.area, c.prototype_update, c.question_part) == (
        ("reference", "reference", "fixed") if reference else ("box", "paper", "tokens")
    )


def test_a_phase_a_group_in_the_tasks_order():
    method = make(epochs=2, weight_decay=0.2)
    phases = method.phases(FIRST)
    assert [(p.name, p.group) for p in phases] == [("things", 1), ("animals", 0)]
    for p in phases:
        assert (p.epochs, p.batch_size, p.data, p.replay, p.clip) == (2, 6, "task", "paired", 5.0)
        assert [p.learning_rate(k, 40) for k in (0, 4, 39)] == [0.2, 1.0, 1.0]
    first, second = (p.optimizer() for p in phases)
    assert first is not second and not second.state
    decayed, biases = first.param_groups
    assert (decayed["lr"], decayed["eps"], decayed["weight_decay"]) == (3e-3, 1e-6, 0.2)
    assert biases["weight_decay"] == 0 and len(biases["params"]) == 2
    trained = sum(p.numel() for g in first.param_groups for p in g["params"])
    assert trained == sum(p.numel() for p in method.parameters())
    (whole,) = make(inner=False, replay="merge").phases(FIRST)
    assert (whole.group, whole.replay, whole.name) == (None, "merge", "train")
    (whole,) = make().phases(replace(FIRST, groups=()))
    assert (whole.group, whole.replay) == (None, "paired")


def test_embeddings_are_unit_rows_of_questions_with_their_pictures():
    method = make().eval()
    found = method.embed(batch(), "pair")
    assert found.shape == (6, 16) and not found.requires_grad
    torch.testing.assert_close(found.norm(dim=1), torch.ones(6))
    other = batch()
    other.image = other.image.flip(0)
    assert not torch.allclose(method.embed(other, "pair"), found)
    with pytest.raises(
        ValueError, match="^kind 'image': words and regions are encoded together, allowed is pair$"
    ):
        method.embed(batch(), "image")


def test_region_features_are_learnt_from_too():
    spec = replace(SPEC, regions=(3, 5), image_size=0)
    method = make(spec=spec, learning_rate=1e-2)
    given = replace(batch(), image=None, regions=torch.randn(6, 3, 5), boxes=torch.rand(6, 3, 4))
    losses = fit(method, given, steps=25)
    assert losses[-1] < 0.3 * losses[0]
    assert len(method.eval().answer(given).texts) == 6


def test_bf16_autocast_stays_near_full_precision():
    exact, coarse = make(), make()
    for method in (exact, coarse):
        method.start_task(FIRST)
    wanted = step(exact, batch())
    with torch.autocast("cpu", torch.bfloat16):
        found = step(coarse, batch())
        texts = coarse.eval().answer(batch()).texts
    assert len(texts) == 6 and found.dtype == torch.float32
    assert found.item() == pytest.approx(wanted.item(), rel=0.05)
    torch.testing.assert_close(coarse.prototypes.picture, exact.prototypes.picture, rtol=0.1, atol=0.05)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"alpha": 1.5}, "alpha 1.5 must be >= 0 and <= 1"),
        ({"beta": -0.1}, "beta -0.1 must be >= 0 and <= 1"),
        ({"learning_rate": 0.0}, "learning_rate 0.0 must be > 0"),
        ({"warmup": 1.0}, "warmup 1.0 must be >= 0 and < 1"),
        ({"clip": 0.0}, "clip 0.0 must be > 0"),
        ({"beams": 0}, "beams 0 must be >= 1"),
        ({"epochs": 0}, "epochs 0 must be >= 1"),
        ({"batch_size": 0}, "batch_size 0 must be >= 1"),
        ({"weight_decay": -1.0}, "weight_decay -1.0 must be >= 0"),
        ({"area": "xyxy"}, "area 'xyxy' must be one of box, reference"),
        ({"replay": "none"}, "replay 'none' must be one of merge, paired, weighted"),
        ({"prototype_update": "code"}, "prototype_update 'code' must be one of paper, reference"),
        ({"question_part": "all"}, "question_part 'all' must be one of tokens, fixed"),
        ({"question_tokens": 0}, "question_tokens 0 must be >= 1"),
    ],
)
def test_a_value_out_of_range_is_one_line(fields, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        VQACL.Config(**fields)


def test_a_fixed_part_that_may_take_every_region_is_one_line():
    message = (
        "question_tokens 20 may leave no region to pictures' prototypes: with 4 regions, allowed are 1 to 6"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make(question_part="fixed")


def test_the_defaults_are_the_papers():
    c = registry.get("vqacl").Config()
    assert (c.alpha, c.beta, c.learning_rate, c.weight_decay, c.clip) == (0.5, 0.3, 1e-4, 0.01, 5.0)
    assert (c.epochs, c.batch_size, c.beams, c.warmup, c.replay, c.inner) == (3, 80, 5, 0.1, "paired", True)
    assert c.backbone.size == "base" and c.backbone.weights == "random"
    assert VQACL.presets["paper"] == {}
    assert VQACL.Config(**VQACL.presets["reference"]).question_part == "fixed"
