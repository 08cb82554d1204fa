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
    """A small BERT in the form in which one is published: as many layers as TINY, a vocabulary of 30."""
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
    torch.testing.assert_close(model.encode_text(tokens[1:2, :4]), model.encode_text(tokens)[1:2])
    short = model.encode_pair(tokens[1:2, :4], image_tokens[1:2])
    torch.testing.assert_close(short, model.encode_pair(tokens, image_tokens)[1:2])


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


def bert_state(bert_folder):
    return BertForMaskedLM.from_pretrained(bert_folder).state_dict()


def bert_of(folder, bert_folder, state, name="pytorch_model.bin"):
    """A folder with the sizes of ``bert_folder`` and other weights."""
    folder.mkdir()
    shutil.copy(bert_folder / "config.json", folder)
    torch.save(state, folder / name)
    return str(folder)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("safetensors", [True, False])
def test_a_bert_in_half_precision_is_read_as_float32(
    tmp_path, bert_folder, tokens, pictures, dtype, safetensors
):
    whole = BertForMaskedLM.from_pretrained(bert_folder, dtype=dtype)
    whole.save_pretrained(tmp_path / "half")
    assert f'"dtype": "{str(dtype)[6:]}"' in (tmp_path / "half/config.json").read_text()
    if not safetensors:
        (tmp_path / "half/model.safetensors").unlink()
        torch.save(whole.state_dict(), tmp_path / "half/pytorch_model.bin")
    model = image_text(text_weights=str(tmp_path / "half"))
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    layer = whole.bert.encoder.layer[3].output.dense.weight
    assert torch.equal(model.bert.fusion_layers[1].output.dense.weight, layer.float())
    found = model.encode_pair(tokens, model.encode_image(pictures)[0])
    assert found.isfinite().all()


def test_berts_of_other_layouts_are_the_same_bert(tmp_path, bert_folder, tokens):
    state = bert_state(bert_folder)
    wanted = split_bert(text_weights=str(bert_folder), fusion_layer=2).encode(tokens)[0]
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in state.items()
    }
    more = {
        "bert.pooler.dense.weight": torch.zeros(24, 24),
        "bert.embeddings.position_ids": torch.arange(7)[None],
    }
    layouts = {
        "gamma": old,
        "module": {f"module.{name}": value for name, value in state.items()},
        "compiled": {f"_orig_mod.{name}": value for name, value in state.items()},
        "pooler": state | more | {"cls.seq_relationship.weight": torch.zeros(2, 24)},
    }
    for name, changed in layouts.items():
        assert (name in ("pooler",)) or changed.keys() != state.keys()
        folder = bert_of(tmp_path / name, bert_folder, changed)
        found = split_bert(text_weights=folder, fusion_layer=2)
        assert torch.equal(found.encode(tokens)[0], wanted), name
    BertForMaskedLM.from_pretrained(bert_folder).save_pretrained(tmp_path / "sharded", max_shard_size="20KB")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 2
    found = split_bert(text_weights=str(tmp_path / "sharded"), fusion_layer=2)
    assert torch.equal(found.encode(tokens)[0], wanted)


def test_a_bert_that_is_not_what_its_folder_says_is_one_line(tmp_path, bert_folder):
    state = bert_state(bert_folder)
    words, layer = "bert.embeddings.word_embeddings.weight", "bert.encoder.layer.3.output.dense.weight"
    deeper = {name.replace("layer.3", "layer.4"): value for name, value in state.items() if "layer.3" in name}
    relative = {"bert.encoder.layer.0.attention.self.distance_embedding.weight": torch.zeros(13, 12)}
    lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    broken = {
        "words": (state | {words: torch.zeros(31, 24)}, f"do not fit: {words} is 31x24, not 30x24"),
        "wide": (state | {layer: torch.zeros(24, 49)}, f"do not fit: {layer} is 24x49, not 24x48"),
        "deeper": (state | deeper, "hold 16 more than their config.json says, bert.encoder.layer.4."),
        "relative": (
            state | relative,
            "hold 1 more than their config.json says, bert.encoder.layer.0.",
        ),
        "nan": (state | {layer: state[layer] * float("nan")}, "are not finite: "),
        "whole": (
            state | {layer: state[layer].to(torch.int8)},
            f"do not fit: {layer} is of torch.int8, not of a",
        ),
        "bare": (
            {n[5:]: v for n, v in state.items() if n[:5] == "bert."},
            "lack 6 of BERT's weights, cls.pred",
        ),
        "other": (
            {"encoder.layers.0.w": torch.zeros(1)},
            "of BERT's weights, bert.embeddings.LayerNorm.bias",
        ),
    }
    folders = {name: bert_of(tmp_path / name, bert_folder, changed) for name, (changed, _) in broken.items()}
    said = {name: message for name, (_, message) in broken.items()}
    folders |= {name: bert_of(tmp_path / name, bert_folder, state) for name in ("lfs", "noconfig", "cut")}
    (tmp_path / "lfs/pytorch_model.bin").write_bytes(lfs)
    (tmp_path / "noconfig/config.json").unlink()
    (tmp_path / "cut/pytorch_model.bin").write_bytes((tmp_path / "cut/pytorch_model.bin").read_bytes()[:-900])
    BertForMaskedLM.from_pretrained(bert_folder).save_pretrained(tmp_path / "shard", max_shard_size="20KB")
    sorted((tmp_path / "shard").glob("*.safetensors"))[1].unlink()
    folders["shard"] = str(tmp_path / "shard")
    said |= {
        "lfs": "pytorch_model.bin is git-lfs's pointer to a file: 'git lfs pull' brings it",
        "noconfig": "the folder has no config.json",
        "cut": "cannot load text_weights",
        "shard": "cannot load text_weights",
    }
    whole = {name: value.clone() for name, value in state.items() if "decoder" not in name}
    folders["whole_st"] = bert_of(tmp_path / "whole_st", bert_folder, {})
    (tmp_path / "whole_st/pytorch_model.bin").unlink()
    save_file(whole | {layer: whole[layer].long()}, tmp_path / "whole_st/model.safetensors")
    said["whole_st"] = f"do not fit: {layer} is of I64, not of a floating-point type"
    for name, folder in folders.items():
        with pytest.raises(ValueError) as caught:
            split_bert(text_weights=folder)
        assert said[name] in str(caught.value), (name, str(caught.value))
        assert f"text_weights '{folder}'" in str(caught.value) and "\n" not in str(caught.value)
        assert "above report" not in str(caught.value)


def vision_file(path, change=lambda state: state, **sizes):
    torch.manual_seed(2)
    sizes = {"patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 2, "mlp_ratio": 2} | sizes
    published = timm.create_model("vit_tiny_patch16_224", img_size=16, num_classes=5, **sizes).eval()
    torch.save(change(published.state_dict()), path)
    return published


def test_an_image_tower_in_half_precision_and_another_container(tmp_path):
    wrapped = {
        "half.pth": lambda state: {name: value.half() for name, value in state.items()},
        "ddp.pth": lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}},
    }
    for name, change in wrapped.items():
        published = vision_file(tmp_path / name, change)
        for side in (16, 32):  # position embeddings are resized, in float32
            tower = build_vision(tiny(image_weights=str(tmp_path / name)).resolved(), side)
            weight = published.blocks[0].attn.qkv.weight
            assert torch.equal(
                tower.blocks[0].attn.qkv.weight, weight.half().float() if name[0] == "h" else weight
            )
            assert {p.dtype for p in tower.parameters()} == {torch.float32}


def test_an_image_tower_that_fits_by_shape_alone_is_one_line(tmp_path):
    def with_rows(rows):
        return lambda state: state | {"pos_embed": torch.zeros(1, rows, 24)}

    cases = [
        (
            with_rows(6),
            {},
            "do not fit the model: pos_embed has 6 rows, which are no square and a class token",
        ),
        (with_rows(16), {}, "do not fit the model: pos_embed has 16 rows"),
        (lambda state: state, {"patch_size": 4}, "patch_embed.proj.weight is 24x3x4x4, not 24x3x8x8"),
        (lambda state: state, {"depth": 3}, "hold 12 that the model lacks, blocks.2.norm1.weight first"),
        (
            lambda s: s | {"norm.bias": torch.full((24,), float("nan"))},
            {},
            "are not finite: norm.bias holds NaN",
        ),
    ]
    for change, sizes, said in cases:
        vision_file(tmp_path / "w.pth", change, **sizes)
        with pytest.raises(ValueError, match=re.escape(said)) as caught:
            build_vision(tiny(image_weights=str(tmp_path / "w.pth")).resolved(), 16)
        assert "\n" not in str(caught.value)


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
        ({"image_weights": "harm.pth"}, f"do not fit the image tower: they cannot be read: {tensors_alone}"),
        ({"text_weights": "./bin"}, tensors_alone),
        ({"text_weights": "./code"}, "it needs code of its own, which is never run"),
    ):
        with pytest.raises(ValueError) as caught:
            ImageTextModel(tiny(**fields), SPEC, embed_dim=8)
        assert str(caught.value).endswith(message)
    assert not Path("ran").exists()
