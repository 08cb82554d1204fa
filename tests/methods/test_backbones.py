"""The towers: what they compute, and how they load weights."""

import os
import re
import shutil
from pathlib import Path

import huggingface_hub.constants
import pytest
import timm
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForMaskedLM, BertModel, GPT2Config

from methods.backbones.config import BackboneConfig
from methods.backbones.image_text import ImageTextModel
from methods.backbones.text import SplitBert
from methods.backbones.vision import build_vision
from methods.method import InputSpec

SPEC = InputSpec(image_size=16, max_tokens=7, vocab_size=30, pad_id=0, cls_id=1, sep_id=2, mask_id=3)
TINY = {
    "size": "small",
    "image_width": 24,
    "text_width": 24,
    "image_heads": 2,
    "text_heads": 2,
    "image_depth": 2,
    "mlp_ratio": 2,
}


def tiny(**fields):
    return BackboneConfig(**(TINY | fields))


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory):
    """A published BERT in small: as many layers as TINY, a vocabulary of 30."""
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=30,
        hidden_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=7,
    )
    folder = tmp_path_factory.mktemp("bert")
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tokens():
    rows = torch.randint(4, 30, (3, 7), generator=torch.Generator().manual_seed(0))
    rows[:, 0] = 1
    rows[1, 4:] = 0
    return rows


@pytest.fixture(scope="module")
def pictures():
    return torch.randint(
        0, 256, (3, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )


def split_bert(**fields):
    torch.manual_seed(0)
    return SplitBert(tiny(**fields).resolved(), SPEC).eval()


def image_text(**fields):
    torch.manual_seed(0)
    return ImageTextModel(tiny(**fields), SPEC, embed_dim=8).eval()


def test_text_layers_compute_what_the_published_bert_does(bert_folder, tokens):
    whole = BertModel.from_pretrained(bert_folder).eval()
    hidden, _ = split_bert(text_weights=str(bert_folder), fusion_layer=2).encode(tokens)
    wanted = whole(tokens, attention_mask=(tokens != 0).long(), output_hidden_states=True).hidden_states[2]
    read = tokens != 0  # what a padding position holds is read by nobody
    torch.testing.assert_close(hidden[read], wanted[read])


def test_mlm_head_is_loaded_and_tied(bert_folder):
    whole = BertForMaskedLM.from_pretrained(bert_folder).eval()
    split = split_bert(text_weights=str(bert_folder))
    with torch.no_grad():
        whole.cls.predictions.bias.add_(torch.arange(30.0))
        split.bias.add_(torch.arange(30.0))
    hidden = torch.randn(2, 7, 24)
    torch.testing.assert_close(split.words(hidden), whole.cls(hidden))
    split.words(hidden).sum().backward()
    assert split.embeddings.word_embeddings.weight.grad.abs().sum() > 0
    storages = [t.data_ptr() for t in split.state_dict().values()]
    assert len(set(storages)) == len(storages)


def test_fusion_layers_keep_the_published_self_attention(bert_folder):
    published = BertForMaskedLM.from_pretrained(bert_folder).bert.encoder.layer[3]
    loaded = split_bert(text_weights=str(bert_folder)).fusion_layers[1]
    wanted, found = published.state_dict(), loaded.state_dict()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    extra = {name.split(".")[0] for name in found.keys() - wanted.keys()}
    assert extra == {"crossattention"}


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_attention_is_bidirectional_and_ignores_padding(attention, tokens, pictures):
    model = image_text(attention=attention)
    image_tokens, _ = model.encode_image(pictures)
    changed = tokens.clone()
    changed[0, 6] = 5 if tokens[0, 6] != 5 else 6
    for encode in (model.encode_text, lambda ids: model.encode_pair(ids, image_tokens)):
        before, after = encode(tokens), encode(changed)
        assert not torch.allclose(before[0], after[0], atol=1e-5)  # the first token reads the last
        torch.testing.assert_close(before[1:], after[1:])
    # A shorter row of the same words, without its padding, has the same feature.
    torch.testing.assert_close(model.encode_text(tokens[1:2, :4]), model.encode_text(tokens[1:2]))
    short = model.encode_pair(tokens[1:2, :4], image_tokens[1:2])
    torch.testing.assert_close(short, model.encode_pair(tokens[1:2], image_tokens[1:2]))


def test_eager_and_sdpa_agree(tokens, pictures):
    found = []
    for attention in ("sdpa", "eager"):
        model = image_text(attention=attention)
        image_tokens, image = model.encode_image(pictures)
        logits = model.mlm_logits(tokens, image_tokens, torch.arange(4))
        found.append((image, model.encode_text(tokens), model.encode_pair(tokens, image_tokens), logits))
        assert {b.attn.fused_attn for b in model.vision.blocks} == {attention == "sdpa"}
        assert model.bert.text_layers[0].attention.self.config._attn_implementation == attention
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_pictures_matter_to_words_and_not_to_text_features(tokens, pictures):
    model = image_text()
    one, _ = model.encode_image(pictures)
    other, _ = model.encode_image(255 - pictures)
    at = torch.tensor([1, 8, 15])
    assert not torch.allclose(
        model.mlm_logits(tokens, one, at), model.mlm_logits(tokens, other, at), atol=1e-5
    )
    assert not any("crossattention" in name for name in model.bert.text_layers.state_dict())
    # A position counts through the rows: 8 is the second token of the second row.
    each = model.mlm_logits(tokens, one, torch.arange(21)).view(3, 7, -1)
    torch.testing.assert_close(
        model.mlm_logits(tokens, one, at), torch.stack([each[0, 1], each[1, 1], each[2, 1]])
    )


def test_pictures_are_normalised_as_clip_does():
    seen = []
    model = image_text()
    model.vision.patch_embed.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model.encode_image(torch.full((1, 3, 16, 16), 255, dtype=torch.uint8))
    mean = torch.tensor((0.48145466, 0.4578275, 0.40821073))
    wanted = (1 - mean) / torch.tensor((0.26862954, 0.26130258, 0.27577711))
    torch.testing.assert_close(seen[0][0, :, 0, 0], wanted)


def test_features_are_full_precision_under_autocast(tokens, pictures):
    model = image_text()
    with torch.autocast("cpu", torch.bfloat16):
        image_tokens, image = model.encode_image(pictures)
        features = image, model.encode_text(tokens), model.encode_pair(tokens, image_tokens)
        logits = model.mlm_logits(tokens, image_tokens, torch.arange(3))
    for feature in features:
        assert feature.dtype == torch.float32
        torch.testing.assert_close(feature.norm(dim=1), torch.ones(3))
    assert logits.dtype == torch.float32


def test_dropout_is_berts_and_only_in_training(tokens):
    model = image_text(dropout=0.5)
    assert torch.equal(model.encode_text(tokens), model.encode_text(tokens))
    model.train()
    assert not torch.equal(model.encode_text(tokens), model.encode_text(tokens))


def test_image_weights_from_a_file_with_another_resolution(tmp_path, pictures):
    torch.manual_seed(2)
    sizes = {"patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 2, "mlp_ratio": 2}
    published = timm.create_model("vit_tiny_patch16_224", img_size=16, num_classes=5, **sizes).eval()
    save_file(published.state_dict(), tmp_path / "vit.safetensors")
    torch.save(published.state_dict(), tmp_path / "vit.pth")
    images = torch.randn(2, 3, 16, 16)
    for file in ("vit.safetensors", "vit.pth"):
        config = tiny(image_weights=str(tmp_path / file)).resolved()
        tower = build_vision(config, 16).eval()
        torch.testing.assert_close(tower.forward_features(images), published.forward_features(images))
    larger = build_vision(config, 32)
    assert larger.pos_embed.shape == (1, 17, 24)
    assert torch.equal(larger.blocks[0].attn.qkv.weight, published.blocks[0].attn.qkv.weight)


def test_paper_sizes():
    base = BackboneConfig().resolved()
    assert (base.image_depth, base.text_layers, base.fusion_layer, base.dropout) == (12, 12, 6, 0.1)
    assert (base.image_model, base.text_weights) == ("deit_base_patch16_224", "bert-base-chinese")
    with torch.device("meta"):
        vision = build_vision(BackboneConfig(image_weights="random").resolved(), 224)
    assert sum(p.numel() for p in vision.parameters()) == 85_798_656  # ViT-B/16 without its head


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": "huge"}, "size 'huge' must be one of base, small, world"),
        ({"attention": "flash"}, "attention 'flash' must be one of sdpa, eager"),
        ({"fusion_layer": 4}, "fusion_layer 4 must be >= 1 and <= 3"),
        ({"dropout": 1.0}, "dropout 1.0 must be >= 0 and < 1"),
        ({"image_width": 48}, "image_width 48 must equal text_width 24"),
        ({"text_heads": 5}, "text_width 24 must be a multiple of text_heads 5"),
    ],
)
def test_a_size_out_of_range_is_one_line(fields, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        tiny(**fields)


def test_weights_that_do_not_fit_are_one_line(tmp_path, bert_folder, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    empty, broken, other = tmp_path / "empty", tmp_path / "broken.safetensors", tmp_path / "other.safetensors"
    empty.mkdir()
    broken.write_bytes(b"not weights")
    save_file({"a": torch.zeros(1)}, other)
    BertModel(BertConfig.from_pretrained(bert_folder)).save_pretrained(tmp_path / "headless")
    GPT2Config().save_pretrained(tmp_path / "gpt2")
    bert = {"text_weights": str(bert_folder)}
    cases = [
        (bert | {"text_layers": 6}, SPEC, "have text_layers 4, not 6"),
        (bert, InputSpec(16, 7, 31, 0, 1, 2, 3), "have 30 words, the tokenizer 31"),
        (bert, InputSpec(16, 9, 30, 0, 1, 2, 3), "read 7 tokens, not 9"),
        ({"text_weights": str(tmp_path / "none")}, SPEC, "no such folder"),
        ({"text_weights": str(empty)}, SPEC, "cannot load text_weights"),
        ({"text_weights": str(tmp_path / "gpt2")}, SPEC, "those of a gpt2, not of a BERT"),
        ({"text_weights": "nobody/no-such-bert"}, SPEC, "cannot load text_weights 'nobody/no-such-bert'"),
        ({"text_weights": str(tmp_path / "headless")}, SPEC, "cls.predictions"),
        ({"image_weights": str(tmp_path / "none.pth")}, SPEC, "no such file"),
        ({"image_weights": str(broken)}, SPEC, "do not fit the image tower"),
        ({"image_weights": str(other)}, SPEC, "do not fit the image tower"),
        ({"image_weights": "timm"}, SPEC, "with timm's weights"),
        ({"image_model": "vit_nonsense"}, SPEC, "cannot make image_model 'vit_nonsense'"),
        ({"image_model": "resnet18"}, SPEC, "image_model 'resnet18'"),
        ({"patch_size": 5}, SPEC, "image size 16 must be a multiple of patch_size 5"),
    ]
    for fields, spec, message in cases:
        with pytest.raises(ValueError) as caught:
            ImageTextModel(tiny(**fields), spec, embed_dim=8)
        assert message in str(caught.value), fields
        assert "\n" not in str(caught.value), fields


class _Harm:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_what_would_run_something_is_refused_and_nothing_runs(tmp_path, bert_folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # transformers would ask on the terminal.
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    torch.save({"a": _Harm()}, "harm.pth")
    shutil.copytree(bert_folder, "bin")
    Path("bin/model.safetensors").unlink()
    shutil.copy("harm.pth", "bin/pytorch_model.bin")
    Path("code").mkdir()
    Path("code/config.json").write_text('{"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}')
    Path("code/own.py").write_text("import os\nos.mkdir('ran')\n")
    tensors_alone = "neither safetensors nor a torch file that holds tensors alone"
    for fields, message in (
        ({"image_weights": "harm.pth"}, f"do not fit the image tower: {tensors_alone}"),
        ({"text_weights": "./bin"}, tensors_alone),
        ({"text_weights": "./code"}, "it needs code of its own, which is never run"),
    ):
        with pytest.raises(ValueError) as caught:
            ImageTextModel(tiny(**fields), SPEC, embed_dim=8)
        assert str(caught.value).endswith(message)
    assert not Path("ran").exists()
