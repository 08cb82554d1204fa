"""Retrieval on frozen towers: numbers by hand, any order and any batches, and the pretrained model itself."""

import copy

import numpy as np
import pytest
import scipy.linalg
import torch
import torch.nn.functional as F

from methods import registry
from methods.backbones.config import BackboneConfig
from methods.backbones.image_text import ImageTextModel
from methods.backbones.pair_encoder import PairEncoder
from methods.backbones.tower_pairs import TowerPairs
from methods.method import Batch, CaptionSpec, Task
from methods.retrieval.baselines import Finetune
from methods.retrieval.closed_form.canonical_maps import canonical_maps

SPEC = CaptionSpec(
    image_size=8, max_tokens=7, vocab_size=30, pad_id=0, cls_id=1, sep_id=2, mask_id=3, detokenize=str
)
TASKS = [Task(i, f"t{i}", "retrieval", 3) for i in range(3)]
WIDTH, PAIRS = 6, 60
VALUES = {
    "as they are": {"ridge": 1e-2, "power": 1.0},
    "random features": {"projection_width": 20, "ridge": 1e-2, "power": 2.0},
    "few directions": {"projection_width": 20, "embed_dim": 3, "ridge": 0.3, "power": 0.5},
}


class Towers(PairEncoder):
    """Towers without weights, for batches that have their rows."""

    def __init__(self):
        super().__init__(torch.nn.Identity())
        self.width = WIDTH


def made(**values):
    torch.manual_seed(0)
    cls = registry.get("itr-cca")
    return cls(cls.Config(**values), SPEC, Towers()).eval()


def batch_of(feature):
    rows = torch.arange(len(feature))
    return Batch(None, torch.zeros(len(feature), 7, dtype=torch.int64), rows, rows, feature=feature)


@pytest.fixture(scope="module")
def pairs():
    """float32 (60, 2, 6): rows that share three of their numbers, of any length."""
    draw = torch.Generator().manual_seed(0)
    shared = torch.randn(PAIRS, 3, generator=draw)
    image = torch.cat([shared, torch.randn(PAIRS, 3, generator=draw)], 1)
    text = torch.cat([torch.randn(PAIRS, 3, generator=draw), shared + 0.3], 1)
    return torch.stack([image, text], 1) * (1 + torch.rand(PAIRS, 1, 1, generator=draw))


def learn(method, pairs, tasks=TASKS, cuts=1, turned=None):
    """Each task's third of the pairs goes through the method's pass in ``cuts`` batches."""
    of = torch.arange(PAIRS) if turned is None else turned
    for task in tasks:
        method.start_task(task)
        (step,) = method.phases(task)
        assert step.data == "task"
        for part in torch.tensor_split(of[of % 3 == task.index], cuts):
            method.observe(batch_of(pairs[part]), step)
        method.finish_task(task, list)
    return method


def embedded(method, pairs):
    return [method.embed(batch_of(pairs), kind) for kind in ("image", "text")]


def test_canonical_directions_by_hand():
    # L L' = 1 + 1/4 and 4 (1 + 1/4): the correlations are 0.8 / 1.25, 0.5 / 1.25 and 2 / 2 of these.
    one, other = torch.eye(2).double(), 4 * torch.eye(3).double()
    cross = torch.tensor([[0.0, 1.0, 0.0], [-1.6, 0.0, 0.0]]).double()
    correlation, first, second = canonical_maps(one, other, cross, 0.25, 2)
    assert correlation.tolist() == pytest.approx([0.64, 0.4])
    assert first.flatten().tolist() == pytest.approx([0, 1 / 1.25**0.5, 1 / 1.25**0.5, 0])
    assert second.flatten().tolist() == pytest.approx([-1 / 5**0.5, 0, 0, 1 / 5**0.5, 0, 0])
    # Of the view that comes first each direction is positive where it is largest.
    correlation, second, first = canonical_maps(other, one, cross.T, 0.25, 2)
    assert correlation.tolist() == pytest.approx([0.64, 0.4])
    assert second.flatten().tolist() == pytest.approx([1 / 5**0.5, 0, 0, 1 / 5**0.5, 0, 0])
    assert first.flatten().tolist() == pytest.approx([0, 1 / 1.25**0.5, -1 / 1.25**0.5, 0])


@pytest.mark.parametrize("widths", [(4, 6), (6, 4), (5, 5)])
def test_canonical_directions_solve_the_generalised_eigenproblem(widths):
    draw = np.random.default_rng(0)
    x, y = (draw.standard_normal((40, width)) for width in widths)
    y[:, :3] += x[:, :3]
    whole = np.cov(np.hstack([x, y]).T)
    d, ridge = widths[0], 0.1
    one, other, cross = whole[:d, :d].copy(), whole[d:, d:].copy(), whole[:d, d:]
    found = canonical_maps(*(torch.from_numpy(c) for c in (one, other, cross)), ridge, 3)
    for covariance in (one, other):
        covariance[np.diag_indices(len(covariance))] += ridge * np.trace(covariance) / len(covariance)
    both = np.block([[np.zeros_like(one), cross], [cross.T, np.zeros_like(other)]])
    wanted, directions = scipy.linalg.eigh(both, scipy.linalg.block_diag(one, other))
    np.testing.assert_allclose(found[0], wanted[::-1][:3], rtol=1e-10)
    mine = np.concatenate([found[1], found[2]]) / 2**0.5
    theirs = directions[:, ::-1][:, :3]
    np.testing.assert_allclose(
        np.abs(mine.T @ scipy.linalg.block_diag(one, other) @ theirs), np.eye(3), atol=1e-9
    )
    assert (found[1].T.numpy() @ one @ found[1].numpy()).diagonal() == pytest.approx(1)
    left = np.linalg.cholesky(one).T @ found[1].numpy()
    assert (left.max(0) > -left.min(0)).all()


def test_views_that_share_nothing_have_no_direction():
    correlation, first, second = canonical_maps(
        torch.eye(2).double(), torch.eye(2).double(), torch.diag(torch.tensor([0.5, 1e-9])).double(), 1e-9, 2
    )
    assert correlation.tolist() == pytest.approx([0.5, 0])
    assert first.flatten().tolist() == pytest.approx([1, 0, 0, 0])
    assert second.flatten().tolist() == pytest.approx([1, 0, 0, 0])


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_a_stream_leaves_what_the_formula_gives_for_all_pairs_at_once(pairs, values):
    method = learn(made(**values), pairs, cuts=3)
    unit = F.normalize(pairs.double(), dim=-1)
    views = [unit[:, 0].numpy(), unit[:, 1].numpy()]
    if method.config.projection_width:
        projections = method.image_projection.numpy(), method.text_projection.numpy()
        assert not np.array_equal(*projections)
        views = [np.maximum(view @ w, 0) for view, w in zip(views, projections, strict=True)]
    x, y = (view - view.mean(0) for view in views)
    whitening = []
    for view in (x, y):
        covariance = view.T @ view / PAIRS
        values, vectors = np.linalg.eigh(
            covariance + method.config.ridge * covariance.diagonal().mean() * np.eye(len(covariance))
        )
        whitening.append(vectors / values**0.5 @ vectors.T)
    u, s, v = np.linalg.svd(whitening[0] @ x.T @ y / PAIRS @ whitening[1])
    kept = slice(0, method.config.embed_dim)
    weight = np.where(s > 1e-6, s, 0) ** method.config.power
    a = x @ whitening[0] @ u[:, kept] * weight[kept]
    b = y @ whitening[1] @ v.T[:, kept] * weight[kept]
    wanted = (a / np.linalg.norm(a, axis=1)[:, None]) @ (b / np.linalg.norm(b, axis=1)[:, None]).T
    image, text = embedded(method, pairs)
    assert image.shape[1] == min(method.config.embed_dim, method.config.projection_width or WIDTH)
    np.testing.assert_allclose(image @ text.T, wanted, atol=2e-6)
    assert method.count.item() == PAIRS


def test_what_was_learnt_finds_the_partner(pairs):
    image, text = embedded(learn(made(ridge=1e-2), pairs), pairs)
    found = ((image @ text.T).argmax(1) == torch.arange(PAIRS)).float().mean()
    unit = F.normalize(pairs, dim=-1)
    unlearnt = ((unit[:, 0] @ unit[:, 1].T).argmax(1) == torch.arange(PAIRS)).float().mean()
    assert found > 0.6 and unlearnt < 0.1


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_neither_the_order_of_tasks_nor_that_of_batches_counts(pairs, values):
    wanted = learn(made(**values), pairs)
    turned = torch.randperm(PAIRS, generator=torch.Generator().manual_seed(5))
    other = learn(made(**values), pairs, [TASKS[2], TASKS[0], TASKS[1]], cuts=7, turned=turned)
    for name in method_sums(wanted):
        torch.testing.assert_close(getattr(other, name), getattr(wanted, name), rtol=1e-12, atol=1e-12)
    for mine, theirs in zip(embedded(other, pairs), embedded(wanted, pairs), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)


def method_sums(method):
    sums = type(method)._summed
    assert len(sums) == 6 and {name for name, _ in method.named_buffers()} >= {*sums}
    return sums


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_state_is_all_that_a_later_task_needs(pairs, values):
    whole, cut = learn(made(**values), pairs), learn(made(**values), pairs, TASKS[:2])
    torch.manual_seed(7)
    again = type(cut)(cut.config, SPEC, Towers()).eval()
    again.load_state_dict(copy.deepcopy(cut.state_dict()))
    for mine, theirs in zip(embedded(again, pairs), embedded(cut, pairs), strict=True):
        assert torch.equal(mine, theirs)
    learn(again, pairs, TASKS[2:])
    assert not [key for key in again.state_dict() if "held" in key or "model" in key]
    for key, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[key], value), key
        assert value.is_contiguous()


def test_before_any_pair_and_after_one_rows_are_finite(pairs):
    method = made(projection_width=20)
    for _ in range(2):
        assert all(rows.isfinite().all() and not rows.any() for rows in embedded(method, pairs))
        method.start_task(TASKS[0])
        method.observe(batch_of(pairs[:1]), method.phases(TASKS[0])[0])
        method.finish_task(TASKS[0], list)


def test_rows_of_both_compare_pictures_with_pictures_and_texts_with_texts(pairs):
    method = learn(made(), pairs)
    (image, text), both = embedded(method, pairs), method.embed(batch_of(pairs), "pair")
    torch.testing.assert_close(both @ both.T, (image @ image.T + text @ text.T) / 2, rtol=0, atol=1e-5)


def test_autocast_changes_nothing(pairs):
    wanted = learn(made(projection_width=20), pairs)
    with torch.autocast("cpu", torch.bfloat16):
        found = learn(made(projection_width=20), pairs)
        mine = embedded(found, pairs)
    assert all(torch.equal(a, b) for a, b in zip(mine, embedded(wanted, pairs), strict=True))


def test_autocast_does_not_make_a_projection_coarse(model, batch):
    cls = registry.get("itr-zero-shot")
    method = cls(cls.Config(), SPEC, TowerPairs(model))
    wanted = [method.embed(batch, kind) for kind in ("image", "text", "pair")]
    with torch.autocast("cpu", torch.bfloat16):
        found = [method.embed(batch, kind) for kind in ("image", "text", "pair")]
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(found, wanted, strict=True))


@pytest.fixture(scope="module")
def model():
    sizes = {"size": "small", "patch_size": 4, "image_width": 16, "text_width": 16}
    sizes |= {"image_depth": 2, "text_layers": 4, "fusion_layer": 2, "dropout": 0.1}
    torch.manual_seed(0)
    return ImageTextModel(BackboneConfig(**sizes), SPEC, 8)


@pytest.fixture(scope="module")
def batch():
    draw = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8, generator=draw)
    tokens = torch.randint(4, 30, (5, 7), generator=draw)
    tokens[2:, 4:] = 0
    return Batch(image, tokens, torch.zeros(5), torch.zeros(5))


def test_zero_shot_is_the_model_that_finetuning_begins_with(model, batch):
    # With weight 0 on masked words both compare the pairs' pictures and texts.
    finetune = Finetune(Finetune.Config(mlm_weight=0.0, embed_dim=8), SPEC, copy.deepcopy(model)).eval()
    cls = registry.get("itr-zero-shot")
    found = cls(cls.Config(), SPEC, TowerPairs(model))
    assert found.phases(TASKS[0]) == [] and found.state_dict() == {}
    for kind in ("image", "text", "pair"):
        # Rows are rounded to float16 on the way.
        torch.testing.assert_close(found.embed(batch, kind), finetune.embed(batch, kind), rtol=0, atol=2e-3)


@pytest.mark.parametrize("name", ["itr-zero-shot", "itr-cca"])
def test_rows_that_were_encoded_beforehand_are_the_towers_own(model, batch, name):
    encoder, cls = TowerPairs(model), registry.get(name)
    method = cls(cls.Config(), SPEC, encoder)
    kept = batch_of(encoder.encode(batch.image, batch.tokens))
    if name == "itr-cca":
        method.start_task(TASKS[0])
        method.observe(batch, method.phases(TASKS[0])[0])
        method.finish_task(TASKS[0], list)
        assert method.image_sum.shape == (16,)
        torch.testing.assert_close(
            method.image_sum, F.normalize(kept.feature[:, 0].double(), dim=-1).sum(0), rtol=1e-12, atol=0
        )
        torch.testing.assert_close(
            method.text_sum, F.normalize(kept.feature[:, 1].double(), dim=-1).sum(0), rtol=1e-12, atol=0
        )
    for kind in ("image", "text", "pair"):
        assert torch.equal(method.embed(kept, kind), method.embed(batch, kind))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"embed_dim": 0}, "^embed_dim 0 must be >= 1$"),
        ({"projection_width": -1}, "^projection_width -1 must be >= 0$"),
        ({"ridge": 0}, "^ridge 0 must be > 0$"),
        ({"power": -0.5}, "^power -0.5 must be >= 0$"),
    ],
)
def test_bad_values(values, said):
    with pytest.raises(ValueError, match=said):
        registry.get("itr-cca").Config(**values)
