"""TRIPLET's parts, each by itself: slots in a frozen model, queries, keys, losses, classifiers."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from methods.backbones.config import BackboneConfig
from methods.backbones.image_text import ImageTextModel
from methods.method import InputSpec
from methods.vqa.triplet import load
from methods.vqa.triplet.albef import AlbefBackbone
from methods.vqa.triplet.backbone_config import FrozenBackboneConfig
from methods.vqa.triplet.global_head import GlobalHead
from methods.vqa.triplet.interaction import Interaction
from methods.vqa.triplet.keys import Keys
from methods.vqa.triplet.load import load_frozen
from methods.vqa.triplet.losses import modality_loss, soft_cross_entropy, soft_targets, task_loss
from methods.vqa.triplet.prompts import Prompts
from methods.vqa.triplet.queries import load_query_encoder
from methods.vqa.triplet.splice import spliced, widened
from methods.vqa.triplet.task_heads import TaskHeads

SPEC = InputSpec(image_size=8, max_tokens=7, vocab_size=30, pad_id=0, cls_id=1, sep_id=2, mask_id=3)
SIZES = {
    "size": "small",
    "patch_size": 4,
    "image_width": 12,
    "text_width": 12,
    "image_depth": 4,
    "text_layers": 5,
    "fusion_layer": 3,
}
PATCHES, WORDS = 4, 7


def model(attention="sdpa"):
    torch.manual_seed(0)
    return ImageTextModel(BackboneConfig(**SIZES, attention=attention), SPEC, 6).double().eval()


@pytest.fixture
def pictures():
    g = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (3, 3, 8, 8), generator=g, dtype=torch.uint8)


@pytest.fixture
def tokens():
    rows = torch.randint(4, 30, (3, WORDS), generator=torch.Generator().manual_seed(2))
    rows[:, 0] = 1
    rows[1, 4:] = 0
    return rows


def slots(length, *layers, value=None, batch=1):
    g = torch.Generator().manual_seed(length)
    draw = torch.randn(len(layers), batch, length, 12, generator=g, dtype=torch.float64)
    return {k: draw[i] if value is None else torch.full_like(draw[i], value) for i, k in enumerate(layers)}


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("pass_prompts", [True, False])
def test_without_prompts_it_is_the_plain_model(pictures, tokens, attention, pass_prompts):
    plain = model(attention)
    image, _ = plain.encode_image(pictures)
    hidden, mask = plain.bert.encode(tokens)
    wanted = plain.bert.fuse(hidden, mask, image)[:, 0]
    found = AlbefBackbone(model(attention)).fused(pictures, tokens, {}, pass_prompts)
    assert torch.equal(found, wanted)


def test_each_layer_has_the_slots_that_are_there_by_then(pictures, tokens):
    backbone = AlbefBackbone(model())
    bert, seen = backbone.model.bert, {"image": [], "text": [], "fusion": []}
    towers = {"image": backbone.model.vision.blocks, "text": bert.text_layers, "fusion": bert.fusion_layers}
    for name, layers in towers.items():
        for layer in layers:
            layer.register_forward_hook(lambda _, args, out, to=seen[name]: to.append(out.shape[1]))
    prompts = {
        "image": [slots(5, 0, 1), slots(20, 1, 2)],
        "text": [slots(5, 0, 1), slots(20, 1, 2)],
        "fusion": [slots(5, 0), slots(20, 1)],
    }
    backbone.fused(pictures, tokens, prompts, pass_prompts=True)
    # 5 general ones, 25 from where the task's join them, and carried to the end.
    assert [n - 1 - PATCHES for n in seen["image"]] == [5, 25, 25, 25]
    assert [n - WORDS for n in seen["text"]] == [5, 25, 25]
    assert [n - WORDS - 25 for n in seen["fusion"]] == [5, 25]

    for found in seen.values():
        found.clear()
    backbone.fused(pictures, tokens, prompts, pass_prompts=False)
    assert [n - WORDS for n in seen["fusion"]] == [5, 25]
    assert not any(layer._forward_pre_hooks for layer in backbone.modules())


def test_slots_are_replaced_at_their_layers_and_carried_in_between():
    class AddOne(nn.Module):
        def forward(self, hidden):
            return hidden + 1

    layers = [AddOne() for _ in range(5)]
    hidden = torch.zeros(2, 3, 12, dtype=torch.float64)
    a, b = slots(1, 0, 2, value=10.0), slots(1, 1, value=100.0, batch=2)
    with spliced(layers, [a, b]):
        for layer in layers:
            hidden = layer(hidden)
    # First token, group a (fresh at layer 2: three layers since), group b (fresh at 1), the other tokens.
    assert hidden[..., 0].tolist() == [[5.0, 13.0, 104.0, 5.0, 5.0]] * 2


def test_slots_of_rows_differ_and_are_visible_and_padding_is_not(pictures, tokens):
    backbone = AlbefBackbone(model())
    rows = {"text": [slots(2, 0, batch=3)]}
    together = backbone.fused(pictures, tokens, rows, True)
    for i in range(3):
        own = {"text": [{0: rows["text"][0][0][i : i + 1]}]}
        alone = backbone.fused(pictures[i : i + 1], tokens[i : i + 1], own, True)
        torch.testing.assert_close(together[i : i + 1], alone)
    changed = {"text": [{0: rows["text"][0][0] + 1}]}
    assert (backbone.fused(pictures, tokens, changed, True) - together).abs().amax(1).min() > 1e-3
    # Row 1 has 4 tokens and 3 of padding.
    short = backbone.fused(pictures[1:2], tokens[1:2, :4], {"text": [{0: rows["text"][0][0][1:2]}]}, True)
    torch.testing.assert_close(together[1:2], short)


def test_a_mask_grows_after_its_first_token():
    seen = torch.tensor([[True, True, False]])
    assert widened(seen, 5).tolist() == [[True, True, True, True, False]]
    added = torch.tensor([0.0, 0.0, -9.0]).expand(1, 1, 3, 3)
    assert widened(added, 4).tolist() == [[[[0.0, 0.0, 0.0, -9.0]]]]
    assert widened(seen, 3) is seen
    assert widened(None, 3) is None


def test_queries_are_the_class_tokens_of_the_plain_encoders(pictures, tokens):
    config = FrozenBackboneConfig(**SIZES)
    encoder = load_query_encoder(config, SPEC)
    found = encoder.encode(pictures, tokens)
    plain = encoder.backbone.model
    image, _ = plain.encode_image(pictures)
    hidden, mask = plain.bert.encode(tokens)
    wanted = torch.stack([image[:, 0], hidden[:, 0], plain.bert.fuse(hidden, mask, image)[:, 0]], 1)
    assert found.dtype == torch.float32 and found.shape == (3, 3, encoder.width)
    assert torch.equal(found, wanted.half().float())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(encoder.encode(pictures, tokens), found)


def test_frozen_encoders_are_the_same_wherever_they_are_made():
    config = FrozenBackboneConfig(**SIZES)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = load_frozen(config, SPEC)
    assert torch.equal(torch.get_rng_state(), before)
    load._load.cache_clear()
    other = load_frozen(config, SPEC)
    assert one is not other and load_frozen(config, SPEC) is other
    assert one.fingerprint == other.fingerprint
    assert not any(p.requires_grad for p in one.parameters()) and not one.train().training
    assert (
        load_frozen(FrozenBackboneConfig(**(SIZES | {"text_heads": 3})), SPEC).fingerprint != one.fingerprint
    )


def test_keys_match_the_newest_and_select_by_cosine():
    torch.manual_seed(0)
    keys = Keys(2, 6).double()
    queries = torch.randn(9, 2, 6, dtype=torch.float64)
    for _ in range(4):
        keys.grow()
        first = torch.randn(5, 2, 6, dtype=torch.float64)
        keys.match(first)
        mean = F.normalize(F.normalize(first, dim=-1).mean(0), dim=-1)
        torch.testing.assert_close(keys.values.new[0], mean)  # where a key starts
    every = torch.cat([keys.values.past, keys.values.new]).detach()
    cosines = F.cosine_similarity(queries[:, None], every[None], dim=-1)  # (9, 4, 2)
    found = keys.select(queries)
    assert torch.equal(found, cosines.argmax(1)) and len(found.unique()) > 2
    torch.testing.assert_close(keys.match(queries), -cosines[:, 3].sum(1).mean())
    keys.match(queries).backward()
    assert keys.values.new.grad.abs().min() > 0 and not keys.values.past.requires_grad


def test_autocast_changes_no_digit_of_what_ranks_tasks_and_answers():
    """The cosines of tasks' keys are about 0.999. They differ by less than bf16's spacing of 0.004 near 1."""
    g = torch.Generator().manual_seed(0)

    def unit(*shape):
        return F.normalize(torch.randn(*shape, generator=g), dim=-1)

    keys, near = Keys(2, 64), F.normalize(unit(64) + 0.03 * unit(5, 2, 64), dim=-1)
    for key in near:
        keys.grow()
        with torch.no_grad():
            keys.values.new.copy_(key)
    task = torch.arange(50) % 5
    queries = F.normalize(near[task] + 0.003 * unit(50, 2, 64), dim=-1)
    heads, one = TaskHeads(64, 9), GlobalHead(64, 9)
    for answers in ((4, 7), (1, 4, 8)):
        heads.grow(answers)
        one.grow(answers)
    interaction = Interaction(64, 3)

    def numbers():
        feature = queries[:, 0]
        logits = heads(feature), one(feature)
        best = *heads.best(feature), *heads.best(feature, task % 2), *one.best(feature)
        return keys.select(queries), *logits, *best, interaction(feature, feature), interaction.matrices()

    plain = numbers()
    assert torch.equal(plain[0], task[:, None].expand(-1, 2))
    with torch.autocast("cpu", torch.bfloat16):
        cast = numbers()
        assert heads(queries[:, 0].bfloat16()).dtype == torch.float32
    for a, b in zip(plain, cast, strict=True):
        assert torch.equal(a, b)


def test_interaction_matrices_have_low_rank_and_give_the_formula():
    torch.manual_seed(0)
    interaction = Interaction(12, 3).double()
    visual, textual, both = interaction.matrices()
    for matrix in (visual, textual, both):
        assert torch.linalg.matrix_rank(matrix) == 3
    image, text = torch.randn(2, 4, 5, 12, dtype=torch.float64)
    wanted = image @ visual.T + text @ textual.T + (image * text) @ both.T
    torch.testing.assert_close(interaction(image, text), wanted)
    # Near zero, beside prompts.
    assert interaction.matrices().abs().max() < 0.01


def test_interaction_losses():
    fusion = torch.randn(4, 20, 12, dtype=torch.float64)
    # The cosine of a token with itself, however long, for each of four layers.
    torch.testing.assert_close(modality_loss(3 * fusion, fusion).item(), -4.0)
    torch.testing.assert_close(modality_loss(-fusion, fusion).item(), 4.0)
    half = torch.cat([fusion[:, :10], -fusion[:, 10:]], 1)
    torch.testing.assert_close(modality_loss(half, fusion).item(), 0.0)
    matrices = torch.randn(3, 12, 12)
    assert task_loss(matrices, matrices).item() == 0
    assert task_loss(matrices + 0.5, matrices).item() == pytest.approx(3 * 144 * 0.25, rel=1e-5)


def test_soft_targets_leave_out_what_the_classifier_does_not_know():
    column = torch.tensor([-1, 0, -1, 1, 2])
    answer = torch.tensor([[1, 3, -1], [0, 4, 3], [0, 2, -1], [3, -1, -1], [4, 4, -1]])
    score = torch.tensor(
        [[0.9, 0.3, 5.0], [1.0, 0.6, 0.2], [1.0, 1.0, 5.0], [0.0, 5.0, 5.0], [0.3, 0.3, 0.0]]
    )
    found = soft_targets(answer, score, column, 3)
    wanted = torch.tensor([[0.75, 0.25, 0], [0, 0.25, 0.75], [0, 0, 0], [0, 0, 0], [0, 0, 1]])
    torch.testing.assert_close(found, wanted)
    logits = torch.randn(5, 3)
    rows = -(found * logits.log_softmax(1)).sum(1)
    # Rows 2 and 3 have no target and no weight.
    torch.testing.assert_close(soft_cross_entropy(logits, found), rows.sum() / 3)
    assert soft_cross_entropy(logits, torch.zeros(5, 3)).item() == 0


def test_task_heads_answer_by_the_task_asked_for():
    torch.manual_seed(0)
    heads = TaskHeads(6, 9).double()
    for answers in ((4, 7), (1, 4, 8)):
        heads.grow(answers)
    assert heads.column.tolist() == [-1, 0, -1, -1, 1, -1, -1, -1, 2]
    feature = torch.randn(20, 6, dtype=torch.float64)
    first = F.linear(feature, heads.past_weight, heads.past_bias)
    second = heads(feature)
    task = torch.arange(20) % 2
    by_first, by_second = torch.tensor([4, 7])[first.argmax(1)], torch.tensor([1, 4, 8])[second.argmax(1)]
    assert torch.equal(heads.best(feature, task)[0], torch.where(task == 0, by_first, by_second))
    score, every = torch.cat([first, second], 1).max(1)
    assert torch.equal(heads.best(feature)[0], torch.tensor([4, 7, 1, 4, 8])[every])
    torch.testing.assert_close(heads.best(feature)[1], score)
    feature[3, 2] = torch.nan
    assert heads.best(feature, task)[1].isnan().nonzero().tolist() == [[3]]
    feature[3, 2] = 0
    assert not heads.past_weight.requires_grad and heads.weight.requires_grad

    resumed = TaskHeads(6, 9).double()
    resumed.load_state_dict(heads.state_dict())
    assert torch.equal(resumed.best(feature, task)[0], heads.best(feature, task)[0])
    assert torch.equal(resumed.column, heads.column)
    with pytest.raises(RuntimeError, match="size mismatch"):
        TaskHeads(5, 9).load_state_dict(heads.state_dict())


def test_a_global_head_knows_the_answers_of_all_tasks():
    torch.manual_seed(0)
    head = GlobalHead(6, 5)
    head.grow((3, 1))
    head.grow((4, 3))
    assert head.column.tolist() == [-1, 0, -1, 1, 2]
    feature = torch.randn(30, 6)
    every = head.linear(feature)
    torch.testing.assert_close(head(feature), every[:, [1, 3, 4]])
    assert torch.equal(head.best(feature)[0], torch.tensor([1, 3, 4])[every[:, [1, 3, 4]].argmax(1)])
    torch.testing.assert_close(head.best(feature)[1], every[:, [1, 3, 4]].amax(1))
    feature[7, 1] = torch.nan
    assert head.best(feature)[1].isnan().nonzero().tolist() == [[7]]
    feature[7, 1] = 0
    resumed = GlobalHead(6, 5)
    resumed.load_state_dict(head.state_dict())
    assert torch.equal(resumed.best(feature)[0], head.best(feature)[0])


def test_prompts_of_rows_are_those_of_their_tasks():
    torch.manual_seed(0)
    prompts = Prompts(("image", "text"), 6, (0, 1), 2, (1, 3), 4)
    for _ in range(3):
        prompts.grow()
    every = torch.cat([prompts.specific.past, prompts.specific.new])
    found = prompts.chosen(torch.tensor([[0, 2], [1, 1], [2, 0]]))
    for i, name in enumerate(("image", "text")):
        general, specific = found[name]
        assert list(general) == [0, 1] and list(specific) == [1, 3]
        assert torch.equal(general[1], prompts.general[i, 1, None])
        for row, task in enumerate(([0, 1, 2], [2, 1, 0])[i]):
            assert torch.equal(specific[3][row], every[task, i, 1])
    newest = prompts.newest()
    assert torch.equal(newest["text"][1][1], prompts.specific.new[:, 1, 0])
    assert not prompts.specific.past.requires_grad
