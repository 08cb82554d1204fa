"""Finetuning, replay and joint training on VQACL's model: the same training on other data."""

from dataclasses import replace

import pytest
import torch

from methods import registry
from methods.common.reference_adamw import ReferenceAdamW
from methods.method import Batch, QuestionSpec, Task
from methods.vqa.base import RELEASED, QuestionMethod
from methods.vqa.t5.config import JointT5Config

TOKENS = torch.tensor([[20, 2], [21, 2]])
SPEC = QuestionSpec(
    4, 5, 25, 0, 1, 2, 3, ("yes", "no"), TOKENS, ("k",), ("o",), ("left", "right"), (0,), None, str
)
TASK = Task(1, "t", "vqa", 2, groups=(1, 0), answers=(0, 1))
NAMES = ("vqa-finetune", "vqa-er", "vqa-joint")


def make(name, **fields):
    torch.manual_seed(0)
    cls = registry.get(name)
    backbone = JointT5Config(size="small", width=16, layers=1, heads=2, ff=32, grid=2)
    return cls(cls.Config(backbone, **({"batch_size": 4} | fields)), SPEC).train()


def batch():
    g = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (4, 3, 4, 4), generator=g, dtype=torch.uint8)
    zero = torch.zeros(4, dtype=torch.long)
    tokens = torch.tensor([[1, 7, 8, 2, 0]] * 4)
    answer, score = torch.tensor([[0], [1], [0], [1]]), torch.ones(4, 1)
    return Batch(image, tokens, zero, zero, kind=zero, answer=answer, score=score)


@pytest.mark.parametrize(
    ("name", "fields", "wanted"),
    [
        ("vqa-finetune", {}, [("right", "task", "none", 1), ("left", "task", "none", 0)]),
        ("vqa-finetune", {"inner": False}, [("train", "task", "none", None)]),
        ("vqa-er", {}, [("right", "task", "paired", 1), ("left", "task", "paired", 0)]),
        ("vqa-er", {"replay": "merge"}, [("right", "task", "merge", 1), ("left", "task", "merge", 0)]),
        ("vqa-er", {"inner": False}, [("train", "task", "paired", None)]),
        ("vqa-joint", {}, [("train", "seen", "none", None)]),
    ],
)
def test_phases(name, fields, wanted):
    phases = make(name, **fields).phases(TASK)
    assert [(p.name, p.data, p.replay, p.group) for p in phases] == wanted
    assert all((p.epochs, p.batch_size, p.clip) == (3, 4, 5.0) for p in phases)


def test_a_task_of_one_group_sees_all_of_the_memory():
    (phase,) = make("vqa-er").phases(Task(1, "t", "vqa", 2, groups=(1,), answers=(0,)))
    assert (phase.name, phase.replay, phase.group) == ("train", "paired", None)


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_one_and_the_state_is_the_model(name):
    method, first = make(name), make(NAMES[0])
    phase = method.phases(TASK)[0]
    assert torch.equal(method.loss(batch(), phase)["answer"], first.loss(batch(), phase)["answer"])
    assert all(key.startswith("model.") for key in method.state_dict())
    assert method.scenarios == {"vqa"}
    assert set(method.presets) == {"paper", "reference"}
    released = method.Config(**method.presets["reference"])
    assert (released.area, released.adamw, released.warmup_from) == ("reference", "reference", "zero")
    assert method.eval_batch_size is None


def test_the_optimizer_and_the_rise_are_those_that_are_chosen():
    (ours, theirs) = (make("vqa-er", **values).phases(TASK)[0] for values in ({}, RELEASED))
    assert type(ours.optimizer()) is torch.optim.AdamW and type(theirs.optimizer()) is ReferenceAdamW
    assert [ours.learning_rate(k, 20) for k in range(3)] == pytest.approx([1 / 3, 2 / 3, 1])
    assert [theirs.learning_rate(k, 20) for k in range(3)] == pytest.approx([0, 1 / 2, 1])
    for optimizer in (ours.optimizer(), theirs.optimizer()):
        decays = [(g["lr"], g["eps"], g["weight_decay"]) for g in optimizer.param_groups]
        assert decays == [(1e-4, 1e-6, 0.01), (1e-4, 1e-6, 0.0)]


def test_the_released_codes_decay_takes_tables_of_relative_positions_for_biases():
    for values, tables in (({}, 0), (RELEASED, 2)):
        method = make("vqa-er", **values)
        decayed, spared = method.phases(TASK)[0].optimizer().param_groups
        numbers = {id(p) for p in spared["params"]}
        names = {name for name, p in method.named_parameters() if id(p) in numbers}
        found = {name for name in names if name.endswith("relative_attention_bias.weight")}
        assert len(found) == tables  # the encoder's and the decoder's
        assert names - found == {"model.visual.feature.bias", "model.visual.place.bias"}
        assert len(decayed["params"]) + len(names) == len(list(method.parameters()))


def test_the_released_codes_reading_is_in_every_preset_of_that_name():
    found = [registry.get(name) for name in registry.names()]
    found = {cls.__name__: cls.presets["reference"] for cls in found if issubclass(cls, QuestionMethod)}
    assert {"VQACL", "QuestionEWC", "QuestionLwF", "QuestionDER", "QuestionReplay"} <= set(found)
    for values in found.values():
        assert RELEASED.items() <= values.items()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"adamw": "apex"}, "adamw 'apex' must be one of torch, reference"),
        ({"warmup_from": "one"}, "warmup_from 'one' must be one of first, zero"),
    ],
)
def test_another_reading_is_one_line(given, line):
    with pytest.raises(ValueError, match=line):
        make("vqa-er", **given)


def test_questions_count_by_their_weights():
    method = make("vqa-er")
    phase, given = method.phases(TASK)[0], batch()
    alone = [
        method.loss(replace(given, weight=torch.eye(4)[row]), phase)["answer"].detach() for row in range(4)
    ]
    assert min(alone) > 0 and len({value.item() for value in alone}) > 1
    torch.testing.assert_close(sum(alone), method.loss(given, phase)["answer"].detach())
    weight = torch.tensor([3.0, 0.0, 0.5, 0.5])
    wanted = sum(w * value for w, value in zip(weight, alone, strict=True))
    torch.testing.assert_close(method.loss(replace(given, weight=weight), phase)["answer"].detach(), wanted)


def test_the_loss_falls_and_the_pictures_are_told_apart():
    method = make("vqa-finetune", learning_rate=1e-2, beams=2)
    method.start_task(TASK)
    phase = method.phases(TASK)[0]
    optimizer = phase.optimizer()
    for _ in range(80):
        optimizer.zero_grad()
        loss = method.loss(batch(), phase)["answer"]
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    assert list(method.eval().answer(batch()).texts) == ["[20, 0]", "[21, 0]"] * 2
