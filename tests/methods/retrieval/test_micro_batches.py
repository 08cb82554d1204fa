"""CTP and its baselines in micro-batches: the step of the batch in one go, the memory of a micro-batch."""

from dataclasses import replace

import pytest
import torch
from live_bytes import LiveBytes

from methods.backbones.config import BackboneConfig
from methods.common import micro_batches
from methods.method import Batch, InputSpec, Task
from methods.retrieval.baselines import Finetune, RetrievalReplay
from methods.retrieval.ctp import CTP
from methods.retrieval.regularised import RetrievalDER, RetrievalEWC, RetrievalLwF

SPEC = InputSpec(image_size=8, max_tokens=9, vocab_size=30, pad_id=0, cls_id=1, sep_id=2, mask_id=3)
SIZES = {
    "size": "small",
    "patch_size": 4,
    "image_width": 12,
    "text_width": 12,
    "image_heads": 2,
    "text_heads": 2,
}
PAIRS = 7
FIRST, LATER = (Task(index, "t", "retrieval", 3) for index in (0, 1))


def batch(size=PAIRS):
    """Captions of different lengths. All have padding at the end, and one has nothing to mask."""
    g = torch.Generator().manual_seed(5)
    image = torch.randint(0, 256, (size, 3, 8, 8), generator=g, dtype=torch.uint8)
    tokens = torch.randint(4, 30, (size, 9), generator=g)
    tokens[:, 0] = 1
    tokens[torch.arange(9) >= torch.randint(3, 9, (size, 1), generator=g)] = 0
    tokens[2, 1:] = 0
    return Batch(image, tokens, torch.arange(size), torch.arange(size), seed=3)


def stirred(cls, task=LATER, *, dropout=0.0, depth=1, pairs=PAIRS, **fields):
    """A method in a task, whose weights are away from those of its teachers."""
    torch.manual_seed(0)
    backbone = BackboneConfig(**SIZES, image_depth=depth, dropout=dropout)
    if cls is CTP:
        fields = {"queue_size": 2 * pairs} | fields
    config = cls.Config(backbone, **({"embed_dim": 6, "batch_size": pairs, "mlm_probability": 0.4} | fields))
    method = cls(config, SPEC).double().train()
    method.start_task(task)
    if cls is RetrievalEWC:
        for buffer in method.fisher.buffers():
            buffer.fill_(0.1)
    with torch.no_grad():
        for parameter in method.model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return method


def step(method, given):
    """The terms, the gradient and the queue of a step."""
    torch.manual_seed(1)
    terms = method.loss(given, None)
    sum(terms.values()).backward()
    gradient = {name: p.grad for name, p in method.model.named_parameters() if p.requires_grad}
    queue = {name: value for name, value in method.state_dict().items() if name.startswith("queue")}
    return {name: value.detach() for name, value in terms.items()} | gradient | queue


def differing(found, wanted):
    assert found.keys() == wanted.keys()
    return [name for name in wanted if not torch.allclose(found[name], wanted[name], rtol=0, atol=1e-10)]


CTP_TERMS = {"ita", "mlm", "contrast", "mlm_distill", "topology_cross", "topology_same"}
OWN_TERM = {RetrievalLwF: {"lwf"}, RetrievalEWC: {"ewc"}, RetrievalDER: {"stored_logits"}}


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_ctp_with_every_loss_takes_the_step_of_the_batch_in_one_go(size):
    wanted = step(stirred(CTP), batch())
    assert wanted.keys() > CTP_TERMS and all(wanted[name] > 1e-4 for name in CTP_TERMS)
    assert differing(step(stirred(CTP, micro_batch_size=size), batch()), wanted) == []
    alone = stirred(CTP).loss(replace(batch(), image=batch().image[:3], tokens=batch().tokens[:3]), None)
    assert abs(alone["ita"] - wanted["ita"]) > 0.1, "a micro-batch by itself has another loss"


@pytest.mark.parametrize(
    "weights",
    [
        {
            "ita_weight": 0.0,
            "contrast_weight": 0.0,
            "topology_cross_weight": 0.0,
            "topology_same_weight": 0.0,
        },
        {"mlm_weight": 0.0, "mlm_distill_weight": 0.0},
        {"mlm_weight": 0.0, "contrast_weight": 0.0},
        {"mlm_distill_weight": 0.0, "contrast_weight": 0.0},
    ],
)
def test_ctp_without_some_of_its_losses_does_so_too(weights):
    wanted = step(stirred(CTP, **weights), batch())
    assert CTP_TERMS & wanted.keys() == CTP_TERMS - {name.removesuffix("_weight") for name in weights}
    assert differing(step(stirred(CTP, micro_batch_size=3, **weights), batch()), wanted) == []


@pytest.mark.parametrize("cls", [Finetune, RetrievalReplay, RetrievalLwF, RetrievalEWC, RetrievalDER])
def test_a_baseline_takes_the_step_of_the_batch_in_one_go(cls):
    given = batch()
    if cls is RetrievalReplay:
        given.weight = torch.linspace(0.2, 1.8, PAIRS, dtype=torch.float64)
    if cls is RetrievalDER:
        given.kept = torch.randn(PAIRS, 2, 6, generator=torch.Generator().manual_seed(0)).double()
        given.kept[4:] = torch.nan
    wanted = step(stirred(cls), given)
    terms = {"ita", "mlm"} | OWN_TERM.get(cls, set())
    assert terms < wanted.keys() and all(wanted[name] > 1e-4 for name in terms)
    assert differing(step(stirred(cls, micro_batch_size=3), given), wanted) == []


def test_the_fisher_information_is_that_of_the_batch_in_one_go():
    def fisher(**fields):
        method = stirred(RetrievalEWC, **fields)
        with torch.no_grad():
            method.observe(batch(), method.fisher_pass)
        return dict(enumerate(method._new))

    wanted = fisher()
    assert max(value.max() for value in wanted.values()) > 1e-2
    assert differing(fisher(micro_batch_size=3), wanted) == []


def test_with_dropout_the_step_is_that_of_passes_whose_activations_are_kept(monkeypatch):
    def both():
        return step(stirred(CTP, dropout=0.5, micro_batch_size=3), batch())

    found = both()
    monkeypatch.setattr(micro_batches, "checkpoint", lambda function, *part, use_reentrant: function(*part))
    wanted = both()
    assert all(torch.equal(found[name], wanted[name]) for name in CTP_TERMS)
    assert differing(found, wanted) == []
    assert differing(step(stirred(CTP, micro_batch_size=3), batch()), wanted) != []


def test_local_keys_of_the_contrast_are_those_of_a_micro_batch():
    found = step(stirred(CTP, micro_batch_size=3, contrast_keys="local"), batch())
    wanted = step(stirred(CTP), batch())
    wrong = differing(found, wanted)
    assert "contrast" in wrong
    assert not {"queue.image", "queue.text", *CTP_TERMS} - {"contrast"} & set(wrong)
    parts, method = [], stirred(CTP, contrast_keys="local")
    masked, given = method.masked(batch()), batch()
    with torch.no_grad():
        momentum = method._momentum_outputs(given, masked)[:2]
        rows = (*method.encoded(given, text=True)[1:], *momentum)
        for first in (0, 3, 6):
            part = [value[first : first + 3] for value in rows]
            parts.append(len(part[0]) * method._contrast_with_queue(*part, 0))
    torch.testing.assert_close(found["contrast"], sum(parts) / PAIRS)


@pytest.mark.parametrize("cls", [CTP, Finetune])
def test_the_activations_of_one_micro_batch_alone_are_held(cls):
    """The bytes that four more pairs need, in one go and in micro-batches of four."""

    def peak(pairs, size):
        method = stirred(cls, dropout=0.1, depth=3, pairs=pairs, micro_batch_size=size)
        given = batch(pairs)
        with LiveBytes() as live:
            sum(method.loss(given, None).values()).backward()
        return live.peak

    whole, parts = (peak(16, size) - peak(12, size) for size in (0, 4))
    assert 0 < parts < whole / 50, "features, the pictures' last tokens and word logits alone"


def test_masked_words_are_split_by_the_rows_that_hold_them():
    masked = stirred(Finetune).masked(replace(batch(), weight=torch.arange(PAIRS) + 1.0))
    teacher = torch.arange(float(len(masked.positions)))[:, None]
    parts = masked._replace(teacher=teacher).split(3)
    assert [len(part.ids) for part in parts] == [3, 3, 1]
    length = masked.ids.shape[1]
    again = [part.positions + 3 * length * number for number, part in enumerate(parts)]
    assert torch.equal(torch.cat(again), masked.positions)
    for name, whole in (("ids", masked.ids), ("labels", masked.labels), ("weight", masked.weight)):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), whole), name
    assert torch.equal(torch.cat([part.teacher for part in parts]), teacher)
    for part in parts:
        assert part.scale is masked.scale and (part.positions < part.ids.numel()).all()


@pytest.mark.parametrize("size", [-1, PAIRS + 1])
def test_a_micro_batch_that_does_not_fit_is_one_line(size):
    with pytest.raises(ValueError, match=f"^micro_batch_size {size} must be >= 0 and <= {PAIRS}$"):
        Finetune.Config(batch_size=PAIRS, micro_batch_size=size)
