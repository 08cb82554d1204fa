"""Weights of the whole model: the shipped ones, files, and files in ALBEF's naming."""

import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from methods.backbones.config import WORLD_WEIGHTS, BackboneConfig
from methods.backbones.image_text import ImageTextModel
from methods.backbones.pretrained_image_text import load_image_text
from methods.method import InputSpec

SPEC = InputSpec(image_size=16, max_tokens=7, vocab_size=30, pad_id=0, cls_id=1, sep_id=2, mask_id=3)
TINY = {
    "size": "small",
    "image_width": 24,
    "text_width": 24,
    "image_heads": 2,
    "text_heads": 2,
    "image_depth": 2,
    "text_layers": 5,
    "fusion_layer": 3,
}
WORLD = InputSpec(32, 40, 617, 0, 2, 3, 4)


def made(seed=0, spec=SPEC, embed_dim=8, **fields):
    torch.manual_seed(seed)
    model = ImageTextModel(BackboneConfig(**(TINY | fields)), spec, embed_dim)
    with torch.no_grad():
        for parameter in model.parameters():  # biases and gains too must arrive
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def loaded(weights, spec=SPEC, embed_dim=8, **fields):
    torch.manual_seed(1)
    return load_image_text(BackboneConfig(**(TINY | fields), weights=str(weights)), spec, embed_dim).eval()


def outputs(model, side=16):
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(4, 30, (3, 7), generator=generator)
    ids[:, 0] = 1
    ids[1, 4:] = 0
    pictures = torch.randint(0, 256, (3, 3, side, side), generator=generator, dtype=torch.uint8)
    with torch.no_grad():
        tokens, image = model.encode_image(pictures)
        words = model.mlm_logits(ids, tokens, torch.arange(14))
        return image, model.encode_text(ids), model.encode_pair(ids, tokens), words


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(outputs(one), outputs(other), strict=True))


def albef(model):
    """The state dict that ALBEF's pretraining would have written, with momentum model and queues."""
    renamed = {}
    first = len(model.bert.text_layers)
    for name, value in model.state_dict().items():
        for ours, theirs in (
            ("vision.", "visual_encoder."),
            ("bert.embeddings.", "text_encoder.bert.embeddings."),
            ("bert.text_layers.", "text_encoder.bert.encoder.layer."),
            ("bert.head.", "text_encoder.cls.predictions.transform."),
            ("bert.bias", "text_encoder.cls.predictions.bias"),
            ("image_projection.", "vision_proj."),
            ("text_projection.", "text_proj."),
        ):
            name = re.sub("^" + re.escape(ours), theirs, name)
        if found := re.match(r"bert\.fusion_layers\.(\d+)\.(.*)", name):
            name = f"text_encoder.bert.encoder.layer.{first + int(found[1])}.{found[2]}"
        renamed[name] = value
    words = renamed["text_encoder.bert.embeddings.word_embeddings.weight"]
    renamed["text_encoder.cls.predictions.decoder.weight"] = words
    renamed["text_encoder.cls.predictions.decoder.bias"] = renamed["text_encoder.cls.predictions.bias"]
    renamed["text_encoder.bert.embeddings.position_ids"] = torch.arange(512)[None]
    for online in ("visual_encoder", "text_encoder", "vision_proj", "text_proj"):
        copies = {
            n.replace(online, f"{online}_m", 1): v + 1 for n, v in renamed.items() if n.startswith(online)
        }
        renamed |= copies
    renamed |= {"temp": torch.tensor(0.07), "queue_ptr": torch.zeros(1, dtype=torch.long)}
    renamed |= {"image_queue": torch.randn(8, 16), "text_queue": torch.randn(8, 16)}
    renamed |= {"itm_head.weight": torch.randn(2, 24), "itm_head.bias": torch.randn(2)}
    return renamed


def test_a_file_of_this_model_gives_its_outputs(tmp_path):
    model = made()
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    torch.save(model.state_dict(), tmp_path / "w.pth")
    for name in ("w.safetensors", "w.pth"):
        found = loaded(tmp_path / name)
        assert same(found, model)
        assert all(p.requires_grad for p in found.parameters())
    assert not same(made(1), model)


def test_half_precision_is_read_as_float32(tmp_path):
    model = made()
    save_file({k: v.half() for k, v in model.state_dict().items()}, tmp_path / "w.safetensors")
    found = loaded(tmp_path / "w.safetensors")
    assert {p.dtype for p in found.parameters()} == {torch.float32}
    torch.testing.assert_close(outputs(found)[0], outputs(model)[0], atol=1e-2, rtol=0)


def test_albefs_checkpoint_gives_its_outputs(tmp_path):
    model = made()
    torch.save({"model": albef(model), "epoch": 29, "config": {"queue_size": 65536}}, tmp_path / "ALBEF.pth")
    save_file({k: v.clone() for k, v in albef(model).items()}, tmp_path / "albef.safetensors")
    assert same(loaded(tmp_path / "ALBEF.pth"), model)
    assert same(loaded(tmp_path / "albef.safetensors"), model)


def test_weights_make_the_towers_own_unnecessary(tmp_path):
    """The base size takes timm's and the Hub's weights where nothing else is set."""
    sizes = {k: v for k, v in TINY.items() if k != "size"} | {"patch_size": 8, "mlp_ratio": 2, "dropout": 0.0}
    model = made(image_model="deit_base_patch16_224")
    torch.save(model.state_dict(), tmp_path / "w.pth")
    config = BackboneConfig("base", **sizes, weights=str(tmp_path / "w.pth"))
    assert same(load_image_text(config, SPEC, 8).eval(), model)


def test_longer_texts_are_cut_and_pictures_of_another_side_fit(tmp_path):
    model = made(spec=InputSpec(24, 20, 30, 0, 1, 2, 3))
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    found = loaded(tmp_path / "w.safetensors")
    name = "bert.embeddings.position_embeddings.weight"
    assert torch.equal(found.state_dict()[name], model.state_dict()[name][:7])
    # ALBEF's code, models/vit.py, interpolate_pos_embed.
    wide = model.vision.pos_embed
    grid = wide[:, 1:].reshape(-1, 3, 3, 24).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, size=(2, 2), mode="bicubic", align_corners=False)
    grid = grid.permute(0, 2, 3, 1).flatten(1, 2)
    torch.testing.assert_close(found.vision.pos_embed, torch.cat([wide[:, :1], grid], 1))


def test_towers_are_loaded_as_before():
    torch.manual_seed(0)
    plain = ImageTextModel(BackboneConfig(**TINY), SPEC, 8).eval()
    torch.manual_seed(0)
    assert same(load_image_text(BackboneConfig(**TINY), SPEC, 8).eval(), plain)


def test_the_shipped_weights_are_small_and_load():
    assert WORLD_WEIGHTS.stat().st_size < 5e6
    model = load_image_text(BackboneConfig("world"), WORLD, 256)
    stored = load_file(WORLD_WEIGHTS)
    assert stored.keys() == model.state_dict().keys()
    assert all(v.dtype == torch.float16 for v in stored.values())
    assert len(model.bert.text_layers) == len(model.bert.fusion_layers) == 4
    assert len(model.vision.blocks) == 6
    larger = load_image_text(BackboneConfig("world"), InputSpec(64, 24, 617, 0, 2, 3, 4), 256)
    assert larger.vision.pos_embed.shape[1] > model.vision.pos_embed.shape[1]


class Evil:
    def __reduce__(self):
        return print, ("run",)


def test_what_does_not_fit_is_one_line(tmp_path, capsys):
    model = made()
    state = model.state_dict()
    (tmp_path / "broken.safetensors").write_bytes(b"not weights")
    torch.save({"model": Evil()}, tmp_path / "evil.pth")
    torch.save([1], tmp_path / "list.pth")
    torch.save({"model": {"a": 1}}, tmp_path / "numbers.pth")
    save_file(state, tmp_path / "w.safetensors")
    save_file({k: v for k, v in state.items() if "head" not in k}, tmp_path / "headless.safetensors")
    save_file(state | {"extra.weight": torch.zeros(1)}, tmp_path / "more.safetensors")
    torch.save(albef(model) | {"text_decoder.x": torch.zeros(1)}, tmp_path / "vqa.pth")
    good = tmp_path / "w.safetensors"
    cases = [
        (tmp_path / "none.pth", {}, "are no file (or say world, or towers)"),
        (tmp_path, {}, "are no file"),
        (tmp_path / "broken.safetensors", {}, "cannot be read: "),
        (tmp_path / "evil.pth", {}, "hold no model's state dict, neither bare nor under"),
        (tmp_path / "list.pth", {}, "hold no model's state dict"),
        (tmp_path / "numbers.pth", {}, "hold no model's state dict"),
        (tmp_path / "headless.safetensors", {}, "lack 4 of the model's names, bert.head.dense.weight first"),
        (tmp_path / "more.safetensors", {}, "hold 1 that the model lacks, extra.weight first"),
        (tmp_path / "vqa.pth", {}, "hold 1 that the model lacks, text_decoder.x first"),
        (good, {"spec": InputSpec(16, 7, 31, 0, 1, 2, 3)}, "have 30 words, the tokenizer 31"),
        (good, {"spec": InputSpec(16, 9, 30, 0, 1, 2, 3)}, "read 7 tokens, not 9"),
        (good, {"embed_dim": 16}, "have embed_dim 8, not 16"),
        (good, {"image_depth": 3}, "lack 12 of the model's names, vision.blocks.2.norm1.weight first"),
        (good, {"fusion_layer": 2}, "lack"),
        (good, {"patch_size": 4}, "do not fit the model: vision.patch_embed.proj.weight is 24x3x8x8, not"),
        ("world", {}, "have 617 words, the tokenizer 30"),
    ]
    for weights, fields, message in cases:
        with pytest.raises(ValueError) as caught:
            loaded(weights, **fields)
        assert str(caught.value).startswith(f"weights '{weights}' {message}") or message in str(caught.value)
        assert str(caught.value).startswith(f"weights '{weights}' ") and "\n" not in str(caught.value)
    assert capsys.readouterr().out == "", "what is in a file is never run"


@pytest.mark.parametrize("rows", [51, 198, 16, 13, 1])
def test_position_rows_that_are_no_square_and_a_class_token_are_one_line(tmp_path, rows):
    for name, state in (
        ("vision.pos_embed", made().state_dict()),
        ("visual_encoder.pos_embed", albef(made())),
    ):
        torch.save({"model": state | {name: torch.zeros(1, rows, 24)}}, tmp_path / "w.pth")
        with pytest.raises(
            ValueError,
            match=f"^weights '.*w.pth' do not fit the model: pos_embed has {rows} rows, which are no",
        ):
            loaded(tmp_path / "w.pth")


def test_weights_that_are_not_finite_are_refused_by_name(tmp_path):
    state = albef(made())
    state["text_encoder.bert.encoder.layer.4.crossattention.self.key.bias"][3] = float("nan")
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(
        ValueError,
        match=r"^weights '.*w.pth' are not finite: bert\.fusion_layers\.1\.crossattention\.self\.key",
    ):
        loaded(tmp_path / "w.pth")


def test_what_training_programs_put_around_the_weights(tmp_path):
    model = made()
    for number, state in enumerate((model.state_dict(), albef(model))):
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / f"{number}.pth")
        assert same(loaded(tmp_path / f"{number}.pth"), model)


def test_towers_weights_beside_the_whole_models_are_refused():
    with pytest.raises(ValueError, match="^text_weights 'bert' has no place beside weights 'world'"):
        BackboneConfig("world", text_weights="bert")
    assert BackboneConfig("world", weights="towers", text_weights="bert").resolved().text_weights == "bert"


def test_a_tokenizer_without_class_or_mask_token_is_refused():
    for spec in (InputSpec(16, 7, 30, 0, 0, 1, 2), InputSpec(16, 7, 30, 0, 1, 2, 0)):
        with pytest.raises(ValueError, match=r"^the tokenizer has no \[CLS\] or no \[MASK\]"):
            made(spec=spec)
