"""TRIPLET on FLAVA: its weights, its masks, its queries, and a task learnt."""

import re

import pytest
import torch
from transformers import BertConfig, FlavaConfig, FlavaForPreTraining, FlavaModel

from methods.method import Batch, QuestionSpec, Task
from methods.vqa.triplet.backbone_config import FrozenBackboneConfig
from methods.vqa.triplet.load import load_frozen
from methods.vqa.triplet.method import Triplet
from methods.vqa.triplet.queries import load_query_encoder

WORDS, WIDTH = 7, 12
MEAN = torch.tensor((0.48145466, 0.4578275, 0.40821073)).view(3, 1, 1)
STD = torch.tensor((0.26862954, 0.26130258, 0.27577711)).view(3, 1, 1)


def spec(image_size=8, vocab_size=30, max_tokens=WORDS):
    return QuestionSpec(
        image_size=image_size,
        max_tokens=max_tokens,
        vocab_size=vocab_size,
        pad_id=0,
        cls_id=1,
        sep_id=2,
        mask_id=3,
        answers=("red", "blue", "two"),
        answer_tokens=torch.zeros(3, 2, dtype=torch.int64),
        kinds=("color",),
        objects=("car",),
        groups=("vehicles",),
        group_of=(0,),
        regions=None,
        detokenize=str,
    )


def flava_config(**fusion):
    size = {"hidden_size": WIDTH, "num_attention_heads": 2, "intermediate_size": 24}
    return FlavaConfig(
        image_config={**size, "num_hidden_layers": 4, "image_size": 8, "patch_size": 4},
        text_config={**size, "num_hidden_layers": 3, "vocab_size": 30, "max_position_embeddings": WORDS},
        multimodal_config={**size, "num_hidden_layers": 3, **fusion},
        projection_dim=6,
        init_codebook=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    model = FlavaModel(flava_config())
    with torch.no_grad():
        # Made for a width of 768: so narrow, all pictures and questions would look alike.
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(15)
        # They start at zero, where no error would show.
        for parameter in (model.image_model.embeddings.position_embeddings, model.multimodal_model.cls_token):
            parameter.normal_()
    path = tmp_path_factory.mktemp("flava")
    model.save_pretrained(path)
    return str(path)


@pytest.fixture(scope="module")
def batch():
    g = torch.Generator().manual_seed(1)
    image = torch.randint(0, 256, (4, 3, 8, 8), generator=g, dtype=torch.uint8)
    tokens = torch.randint(4, 30, (4, WORDS), generator=g)
    tokens[:, 0] = 1
    tokens[1, 4:] = 0
    row = torch.arange(4)
    return Batch(image, tokens, row, row, answer=row[:, None] % 2, score=torch.ones(4, 1))


def make(folder, **changes):
    torch.manual_seed(0)
    values = {
        "backbone": FrozenBackboneConfig(flava=folder),
        "general_layers": (0, 1),
        "task_layers": (1, 2),
        "rank": 3,
        "batch_size": 4,
        "learning_rate": 1e-2,
    } | changes
    return Triplet(Triplet.Config(**values), spec())


def test_without_prompts_it_is_flava(folder, batch):
    plain = FlavaModel.from_pretrained(folder).eval()
    pixels = (batch.image / 255 - MEAN) / STD
    with torch.no_grad():
        wanted = plain(batch.tokens, pixels, attention_mask=(batch.tokens != 0).long())
    config = FrozenBackboneConfig(flava=folder)
    backbone = load_frozen(config, spec())
    found = backbone.fused(batch.image, batch.tokens, {}, True)
    torch.testing.assert_close(found, wanted.multimodal_embeddings[:, 0])
    queries = load_query_encoder(config, spec()).encode(batch.image, batch.tokens)
    embedded = (wanted.image_embeddings, wanted.text_embeddings, wanted.multimodal_embeddings)
    classes = torch.stack([e[:, 0] for e in embedded], 1)
    torch.testing.assert_close(queries, classes, atol=2e-3, rtol=2e-3)
    assert torch.equal(queries, queries.half().float())
    assert backbone.depths == {"image": 4, "text": 3, "fusion": 3} and backbone.width == WIDTH


@pytest.mark.parametrize("pass_prompts", [True, False])
def test_a_question_is_answered_as_by_itself(folder, batch, pass_prompts):
    method = make(folder, pass_prompts=pass_prompts)
    method.start_task(Task(0, "t", "vqa", 1, answers=(0, 1)))
    prompts = method.prompts.newest()
    together = method.fused(batch, prompts)
    for i, length in enumerate((WORDS, 4)):  # row 1 is 4 tokens and 3 of padding
        rows = slice(i, i + 1)
        alone = method.backbone.fused(
            batch.image[rows], batch.tokens[rows, :length], prompts, method.config.pass_prompts
        )
        torch.testing.assert_close(together[rows], alone)


def test_each_layer_has_its_slots(folder, batch):
    method = make(folder)
    method.start_task(Task(0, "t", "vqa", 1, answers=(0, 1)))
    model = method.backbone.model
    seen = {name: [] for name in ("image_model", "text_model", "multimodal_model")}
    hooks = [
        layer.register_forward_hook(lambda _, args, out, to=found: to.append(out[0].shape[1]))
        for name, found in seen.items()
        for layer in getattr(model, name).encoder.layer
    ]
    method.fused(batch, method.prompts.newest())
    for hook in hooks:
        hook.remove()
    assert [n - 5 for n in seen["image_model"]] == [5, 25, 25, 25]
    assert [n - WORDS for n in seen["text_model"]] == [5, 25, 25]
    # Both encoders' 25 slots, and its own after the class token.
    assert [n - 1 - 5 - WORDS - 50 for n in seen["multimodal_model"]] == [5, 25, 25]


def test_a_task_is_learnt(folder, batch):
    method = make(folder, learning_rate=0.03)
    task = Task(0, "t", "vqa", 1, answers=(0, 1))
    method.start_task(task)
    (phase,) = method.phases(task)
    optimizer, seen = phase.optimizer(), []
    for _ in range(60):
        terms = method.loss(batch, phase)
        sum(terms.values()).backward()
        optimizer.step()
        if not seen:
            assert all(
                p.grad is not None and p.grad.abs().sum() > 0
                for p in method.prompts.parameters()
                if p.requires_grad
            )
        optimizer.zero_grad()
        seen.append(terms["cross_entropy"].item())
    assert seen[-1] < 0.5 * seen[0]
    assert all(p.grad is None for p in method.backbone.parameters())
    assert list(method.answer(batch).texts) == ["red", "blue"] * 2


def test_pictures_of_another_size_and_weights_of_the_pretraining_model(tmp_path, batch):
    torch.manual_seed(0)
    whole = FlavaForPreTraining(flava_config())
    whole.save_pretrained(tmp_path)
    backbone = load_frozen(FrozenBackboneConfig(flava=str(tmp_path)), spec(image_size=12))
    name = "text_model.embeddings.word_embeddings.weight"
    assert torch.equal(backbone.model.state_dict()[name], whole.flava.state_dict()[name])
    larger = torch.nn.functional.interpolate(batch.image.float(), size=12).to(torch.uint8)
    assert backbone.fused(larger, batch.tokens, {}, True).isfinite().all()


def test_a_flava_in_half_precision_is_read_as_float32(tmp_path, folder):
    half = FlavaModel.from_pretrained(folder, dtype=torch.bfloat16)
    half.save_pretrained(tmp_path)
    model = load_frozen(FrozenBackboneConfig(flava=str(tmp_path)), spec()).model
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert torch.equal(model.text_to_mm_projection.weight, half.text_to_mm_projection.weight.float())


def test_what_does_not_fit_is_one_line(folder, tmp_path):
    def refused(match, name=folder, **fields):
        with pytest.raises(ValueError, match=match) as caught:
            load_frozen(FrozenBackboneConfig(flava=str(name)), spec(**fields))
        assert "\n" not in str(caught.value)

    refused("has 30 words, the tokenizer 31", vocab_size=31)
    refused("reads 7 tokens, not 9", max_tokens=9)
    refused("patches of 4 pixels, which do not tile 10", image_size=10)
    refused("no such folder", name=tmp_path / "nowhere")
    refused("cannot load flava", name=tmp_path)
    BertConfig().save_pretrained(tmp_path)
    refused("is a bert, not a FLAVA", name=tmp_path)
    flava_config(hidden_size=8).save_pretrained(tmp_path)
    refused(re.escape("widths [12, 12, 8]"), name=tmp_path)
    flava_config(use_cls_token=False).save_pretrained(tmp_path)
    refused("no class token", name=tmp_path)
    with pytest.raises(
        ValueError, match=re.escape("task_layers 3 must be in 0 .. 2: the text encoder has 3")
    ):
        make(folder, task_layers=(2, 3))
