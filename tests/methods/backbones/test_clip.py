import dataclasses
import gzip
import logging
import os
import pickle

import numpy as np
import open_clip
import pytest
import torch
from open_clip import tokenizer as open_clip_tokenizer
from open_clip.transform import image_transform_v2
from open_clip.transformer import QuickGELU
from PIL import Image
from safetensors.torch import save_file

from methods.backbones.clip import Clip, load_clip
from methods.backbones.clip_config import ClipConfig
from methods.backbones.config import CLIP_WEIGHTS
from methods.backbones.small_clip import MERGES, PREPROCESS, SMALL, build_small_clip

RANDOM = ClipConfig("small", "random")


@pytest.fixture(autouse=True)
def no_cache():
    yield
    load_clip.cache_clear()


def pictures(n=3, size=32):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (n, 3, size, size), dtype=np.uint8))


def close(a, b, tolerance=1e-5):
    torch.testing.assert_close(a, b, atol=tolerance, rtol=0)


def custom_text():
    """The small architecture in the form of models with a text tower of their own."""
    torch.manual_seed(3)
    return Clip(open_clip.CustomTextCLIP(**SMALL), build_small_clip()[1], SMALL, PREPROCESS)


def test_features_are_unit_rows_and_nothing_is_trained():
    clip = load_clip(RANDOM)
    image, text = clip.encode_image(pictures()), clip.encode_text(["a dog", "一张鸟的照片", ""])
    for rows in (image, text):
        assert rows.shape == (3, clip.width) and rows.dtype == torch.float32
        close(rows.norm(dim=1), torch.ones(3))
        assert (rows[0] - rows[1]).abs().max() > 1e-4
    assert clip.encode_text([]).shape == (0, clip.width)
    clip.train()
    assert not any(m.training for m in clip.modules())
    assert not any(p.requires_grad for p in clip.parameters())
    assert clip.scale == pytest.approx(1 / 0.07)


def test_pictures_are_prepared_as_open_clip_does():
    clip = load_clip(RANDOM)
    smooth = torch.nn.functional.interpolate(pictures(2, 8).float(), size=75, mode="bilinear").byte()
    transform = image_transform_v2(PREPROCESS, is_train=False)
    theirs = torch.stack([transform(Image.fromarray(p.permute(1, 2, 0).numpy())) for p in smooth])
    close(clip.encode_image(smooth), clip.model.encode_image(theirs, normalize=True), 5e-3)
    exact = pictures(1, clip.image_size)
    theirs = transform(Image.fromarray(exact[0].permute(1, 2, 0).numpy()))[None]
    close(clip.encode_image(exact), clip.model.encode_image(theirs, normalize=True))


def test_texts_may_be_many_and_long():
    clip = load_clip(RANDOM)
    texts = [f"a photo of thing {i}" for i in range(300)] + ["very " * 100 + "long"]
    many = clip.encode_text(texts)
    assert many.shape == (301, clip.width)
    close(many[[7, 299, 300]], clip.encode_text([texts[7], texts[299], texts[300]]))
    close(many[300], clip.encode_text(["very " * 200])[0])


def test_texts_that_differ_behind_the_context_or_in_case_alone_are_read_alike():
    clip = load_clip(ClipConfig())
    long = "红色的小猫坐在木头椅子上看着窗外飞"
    texts = [f"{long}鸟", "cat", f"{long}虫", "Cat", "dog"]
    assert clip.read_alike(texts) == [(texts[0], texts[2]), ("cat", "Cat")]
    assert clip.read_alike(["鸟", "虫", "cat"]) == []


def test_autocast_does_not_reach_the_frozen_encoders():
    clip = load_clip(RANDOM)
    context = torch.randn(4, clip.context_width, generator=torch.Generator().manual_seed(0))

    def rows():
        learnt = clip.encode_prompts(0.02 * context, ["dog", "coffee machine"])
        return clip.encode_image(pictures()), clip.encode_text(["a dog"]), learnt

    plain = rows()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = rows()
    for a, b in zip(plain, cast, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("make", [lambda: load_clip(RANDOM), custom_text])
def test_a_prompt_of_known_words_is_the_text_of_these_words(make):
    clip = make()
    names = ["dog", "猫", "coffee machine"]
    tower = getattr(clip.model, "text", clip.model)
    ids = clip._tokenizer(["a photo of a"])[0, 1:5]
    words = tower.token_embedding.weight[ids].detach().clone().requires_grad_()
    assert words.shape == (4, clip.context_width)
    before = clip.encode_text(["a dog"])
    rows = clip.encode_prompts(words, names)
    close(rows, clip.encode_text([f"a photo of a {name}." for name in names]))
    (rows[:, 0].sum()).backward()
    assert (words.grad.abs().sum(1) > 0).all()
    assert all(p.grad is None for p in clip.parameters())
    assert torch.equal(clip.encode_text(["a dog"]), before)


def test_a_prompt_leaves_room_for_the_name():
    clip = load_clip(RANDOM)
    names = ["dog", "very long name " * 20]
    most = torch.zeros(29, clip.context_width)
    assert clip.encode_prompts(most, names).shape == (2, clip.width)
    with pytest.raises(ValueError, match=r"^context 30 words .* allowed are 1 \.\. 29$"):
        clip.encode_prompts(torch.zeros(30, clip.context_width), names)


def test_random_weights_are_the_same_whatever_was_drawn_before_and_draw_nothing():
    first = load_clip(RANDOM)
    assert load_clip(ClipConfig("small", "random")) is first
    load_clip.cache_clear()
    torch.manual_seed(99)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    handlers = list(logging.root.handlers)
    second = load_clip(RANDOM)
    assert second is not first and second.fingerprint == first.fingerprint
    assert torch.equal(torch.get_rng_state(), before[0]) and np.random.get_state()[1].tolist() == before[1]
    assert logging.root.handlers == handlers and logging.root.manager.disable == 0


def test_the_fingerprint_is_that_of_weights_architecture_and_preprocessing():
    def of(architecture=SMALL, preprocess=PREPROCESS, change=False):
        torch.manual_seed(0)
        model, tokenizer = build_small_clip()
        if change:
            with torch.no_grad():
                model.text_projection[0, 0] += 1
        return Clip(model, tokenizer, architecture, preprocess).fingerprint

    same = of()
    assert of() == same
    others = [
        of(change=True),
        of(architecture=SMALL | {"quick_gelu": True}),
        of(preprocess=dataclasses.replace(PREPROCESS, mean=(0.5, 0.5, 0.5))),
    ]
    assert len({same, *others}) == 4


def test_a_named_model_has_the_activation_of_its_tag(monkeypatch):
    monkeypatch.setattr(open_clip.factory, "download_pretrained", lambda *_, **__: "file")
    monkeypatch.setattr(open_clip.factory, "load_checkpoint", lambda *_, **__: {})
    for drawn in ("normal_", "uniform_", "kaiming_uniform_", "xavier_uniform_"):
        monkeypatch.setattr(torch.nn.init, drawn, lambda weights, *_, **__: weights.detach().zero_())
    gelu = load_clip(ClipConfig("RN50", "random"))
    quick = load_clip(ClipConfig("RN50", "openai"))
    assert not any(isinstance(m, QuickGELU) for m in gelu.modules())
    assert any(isinstance(m, QuickGELU) for m in quick.modules())
    assert (quick.image_size, quick.width, quick.context_width) == (224, 1024, 512)
    assert quick.encode_text(["a dog"]).shape == (1, 1024)


def test_a_tag_that_cannot_be_fetched_names_its_file(monkeypatch):
    def no_network(*_, **__):
        raise OSError("no route\nto host")

    monkeypatch.setattr(open_clip.factory, "download_pretrained", no_network)
    with pytest.raises(ValueError) as caught:
        load_clip(ClipConfig("ViT-B-32", "openai"))
    wants = "wants open_clip_model.safetensors of the Hub's timm/vit_base_patch32_clip_224.openai"
    assert wants in str(caught.value) and "no route to host" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "pretrained", "said"),
    [
        ("ViT-B16", "openai", r"^model 'ViT-B16' is unknown: .* nearest are ViT-B-16, "),
        ("?", "openai", r"^model '\?' is unknown: allowed are small and open_clip's \d+ models"),
        (
            "ViT-B/32",
            "opnai",
            r"^pretrained 'opnai' is unknown for ViT-B/32: allowed are openai, .* random or ",
        ),
        (
            "small",
            "openai",
            r"^pretrained 'openai' is unknown for small: allowed are world, random or a weig",
        ),
        ("small", "no/such.pt", r"^pretrained 'no/such.pt': no such file$"),
        ("ViT-B-32", "none.safetensors", r"^pretrained 'none.safetensors': no such file$"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(model, pretrained, said):
    with pytest.raises(ValueError, match=said):
        load_clip(ClipConfig(model, pretrained))


def test_weights_from_a_file(tmp_path):
    model, _ = build_small_clip()
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(state, tmp_path / "w.safetensors")
    torch.save(state, tmp_path / "w.pt")
    loaded = [load_clip(ClipConfig("small", str(tmp_path / name))) for name in ("w.safetensors", "w.pt")]
    assert loaded[0].fingerprint == loaded[1].fingerprint != load_clip(RANDOM).fingerprint
    assert torch.equal(loaded[0].model.text_projection, model.text_projection)


class _Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


def test_a_broken_or_foreign_file_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, _ = build_small_clip()
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(state, "whole.safetensors")
    with open("whole.safetensors", "rb") as file, open("cut.safetensors", "wb") as cut:
        cut.write(file.read()[:-1000])
    torch.save(state, "whole.pt")
    with open("whole.pt", "rb") as file, open("cut.pt", "wb") as cut:
        cut.write(file.read()[:-1000])
    save_file({"weight": torch.zeros(2)}, "foreign.safetensors")
    save_file(state | {"text_projection": torch.zeros(128, 64)}, "shape.safetensors")
    save_file({k: v for k, v in state.items() if k != "ln_final.bias"}, "lacking.safetensors")
    with open("harm.pt", "wb") as file:
        pickle.dump(_Harm(), file)
    for name in ("cut.safetensors", "cut.pt", "foreign.safetensors", "shape.safetensors", "harm.pt") + (
        "lacking.safetensors",
    ):
        with pytest.raises(
            ValueError, match=f"^pretrained '{name}' is not a weights file of the model sm"
        ) as e:
            load_clip(ClipConfig("small", name))
        assert "\n" not in str(e.value) and "weights_only" not in str(e.value)
    assert not os.path.exists("harm")


def test_the_shipped_weights_are_small_and_load():
    assert CLIP_WEIGHTS.stat().st_size + MERGES.stat().st_size <= 5e6
    clip = load_clip(ClipConfig())
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in clip.parameters())
    assert clip.fingerprint != load_clip(RANDOM).fingerprint
    red = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    red[:, 0, 6:26, 6:26] = 225
    words = clip.encode_text(
        ["a photo of a red block.", "a photo of a green block.", "a photo of a blue block."]
    )
    assert (clip.encode_image(red) @ words.T).argmax() == 0


def test_the_shipped_merges_are_the_first_of_open_clips():
    with gzip.open(MERGES) as ours, gzip.open(open_clip_tokenizer.default_bpe()) as theirs:
        lines = ours.read().decode().split("\n")
        assert lines == theirs.read().decode().split("\n")[: len(lines)]
    tokenizer = build_small_clip()[1]
    assert tokenizer.vocab_size == SMALL["text_cfg"]["vocab_size"]
    assert tokenizer.decode(tokenizer.encode("海 hammer")).strip() == "海 hammer"
