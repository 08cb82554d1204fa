"""Weights of a named CLIP from a file: whose they are, and how they were trained."""

import re

import open_clip
import pytest
import torch
from open_clip.transformer import QuickGELU
from safetensors.torch import save_file

from methods.backbones.clip import load_clip
from methods.backbones.clip_config import ClipConfig

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 2},
}
OPENAI = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Makes the models of these names small. They keep their tags."""
    configs = open_clip.factory._MODEL_CONFIGS
    wide = TINY | {"vision_cfg": TINY["vision_cfg"] | {"image_size": 48}}
    names = (
        "ViT-B-32",
        "ViT-B-16",
        "ViT-L-14",
        "ViT-B-16-SigLIP",
        "MobileCLIP-B",
        "ViT-L-14-336",
        "ViT-S-32",
    )
    for name in names:
        monkeypatch.setitem(configs, name, wide if name == "ViT-L-14-336" else TINY)
    monkeypatch.setitem(configs, "ViT-B-32-quickgelu", TINY | {"quick_gelu": True})
    monkeypatch.setitem(
        configs, "RN50", TINY | {"vision_cfg": {"image_size": 32, "layers": [1] * 4, "width": 8}}
    )
    # SigLIP's own is fetched from the network.
    monkeypatch.setattr(open_clip, "get_tokenizer", lambda _: open_clip.SimpleTokenizer(context_length=12))
    yield
    load_clip.cache_clear()


def made(quick=False, change=lambda state: state, name="ViT-B-32"):
    """The state of a model in which the activation makes a difference, as in a trained one."""
    torch.manual_seed(0)
    model = open_clip.create_model(name, force_quick_gelu=quick)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if "mlp" in parameter_name and parameter.ndim == 2:
                parameter.mul_(4)
    return model, change(model.state_dict())


def loaded(path, model="ViT-B-32", trained_as=None):
    return load_clip(ClipConfig(model, str(path), trained_as))


def refused(said, *given, **named):
    with pytest.raises(ValueError, match=said) as caught:
        loaded(*given, **named)
    assert "\n" not in str(caught.value)


def features(clip):
    pictures = torch.randint(
        0, 256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    return torch.cat([clip.encode_image(pictures), clip.encode_text(["a dog", "a cat"])])


def normalised(clip):
    return clip._preprocess.mean, clip._preprocess.std


def test_a_file_that_does_not_tell_its_activation_is_refused_and_the_tag_says_it(tmp_path, monkeypatch):
    path = tmp_path / "openai-like.pt"
    _, state = made(quick=True)
    torch.save({name: value.half() for name, value in state.items()}, path)
    refused(
        r"^pretrained '.*openai-like\.pt': ViT-B-32 was trained with different activations or normalisations"
        r", and the file does not say with which: set trained_as to .*\(openai, laion2b_e16 differ\), or to ",
        path,
    )
    monkeypatch.setattr(open_clip.factory, "download_pretrained", lambda *_, **__: str(path))
    by_tag = features(load_clip(ClipConfig("ViT-B-32", "openai")))
    for as_openai in (loaded(path, trained_as="openai"), loaded(path, "ViT-B-32-quickgelu")):
        assert any(isinstance(module, QuickGELU) for module in as_openai.modules())
        assert torch.equal(features(as_openai), by_tag)
    for plain in ("plain", "laion2b_s34b_b79k", "laion2b-s34b-b79k"):
        other = loaded(path, trained_as=plain)
        assert not any(isinstance(module, QuickGELU) for module in other.modules())
        assert (features(other) - by_tag).norm(dim=1)[:2].min() > 1e-3
        assert other.fingerprint != as_openai.fingerprint
    refused(
        r"trained_as 'opnai' is unknown for ViT-B-32: allowed are openai, .*, plain$",
        path,
        trained_as="opnai",
    )


@pytest.mark.parametrize(
    ("model", "mean", "std", "interpolation"),
    [
        ("ViT-B-16-SigLIP", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic"),
        ("MobileCLIP-B", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "bilinear"),
        ("ViT-L-14-336", *OPENAI, "bicubic"),  # OpenAI's alone
        ("ViT-S-32", *OPENAI, "bicubic"),  # no tag
    ],
)
def test_what_all_tags_of_a_model_have_in_common_holds_for_a_file(tmp_path, model, mean, std, interpolation):
    save_file(made(name=model)[1], tmp_path / "w.safetensors")
    clip = loaded(tmp_path / "w.safetensors", model)
    assert normalised(clip) == (mean, std) and clip._preprocess.interpolation == interpolation
    assert any(isinstance(m, QuickGELU) for m in clip.modules()) == (model == "ViT-L-14-336")
    assert normalised(loaded(tmp_path / "w.safetensors", model, "plain")) == OPENAI


def test_a_tag_s_own_normalisation_holds_where_tags_differ(tmp_path):
    save_file(made(name="ViT-L-14")[1], tmp_path / "w.safetensors")
    refused("openai, laion400m_e31, laion2b_s32b_b82k differ", tmp_path / "w.safetensors", "ViT-L-14")
    for tag, mean in (("openai", OPENAI[0]), ("laion2b_s32b_b82k", (0.5, 0.5, 0.5))):
        assert normalised(loaded(tmp_path / "w.safetensors", "ViT-L-14", tag))[0] == mean


class Archived(torch.nn.Module):
    """A CLIP in the form of OpenAI's archives: its sizes lie beside the weights, and masks in its parts."""

    def __init__(self, model):
        super().__init__()
        for name, part in model.named_children():
            setattr(self, name, part)
        for name, parameter in model.named_parameters(recurse=False):
            setattr(self, name, parameter)
        for name, number in (("input_resolution", 32), ("context_length", 12), ("vocab_size", 49408)):
            self.register_buffer(name, torch.tensor(number))
        for block in self.transformer.resblocks:
            block.attn_mask = torch.full((12, 12), float("-inf")).triu(1)

    def forward(self, image):
        return self.visual(image) * self.logit_scale.exp()


def test_openai_s_own_archive_has_openai_s_activation(tmp_path, monkeypatch):
    model, state = made(quick=True)
    torch.jit.save(
        torch.jit.trace(Archived(model).eval(), torch.zeros(1, 3, 32, 32)), tmp_path / "ViT-B-32.pt"
    )
    save_file(state, tmp_path / "w.safetensors")
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("its program was loaded"))
    clip = loaded(tmp_path / "ViT-B-32.pt")
    assert torch.equal(features(clip), features(loaded(tmp_path / "w.safetensors", trained_as="openai")))
    assert any(isinstance(module, QuickGELU) for module in clip.modules())
    refused(
        r"is not a weights file of RN50: its weights lack \d+ of the model's names",
        tmp_path / "ViT-B-32.pt",
        "RN50",
    )


def test_other_containers(tmp_path):
    _, state = made()
    half = {name: value.half() for name, value in state.items()}
    for number, held in enumerate(
        (
            {"state_dict": {f"module.{name}": value for name, value in half.items()}},
            {"state_dict": {f"model.{name}": value for name, value in half.items()}, "epoch": 3},
            {"model": half},
            {f"_orig_mod.module.{name}": value for name, value in half.items()},
        )
    ):
        torch.save(held, tmp_path / f"{number}.pt")
        clip = loaded(tmp_path / f"{number}.pt", trained_as="plain")
        assert torch.equal(clip.model.visual.proj, half["visual.proj"].float())
        assert clip.model.visual.proj.dtype == torch.float32
    names = {"vision_model.embeddings.class_embedding": torch.zeros(4), "text_model.a": torch.zeros(4)}
    torch.save(names, tmp_path / "hf.bin")
    refused("their names begin with text_model, vision_model$", tmp_path / "hf.bin", trained_as="plain")
    refused(r"is a folder, allowed: the weights file in it$", tmp_path)


def test_half_precision_of_another_picture_size_is_resized(tmp_path):
    _, state = made()
    torch.save({name: value.half() for name, value in state.items()}, tmp_path / "w.pt")
    clip = loaded(tmp_path / "w.pt", "ViT-L-14-336", "plain")
    rows = clip.model.visual.positional_embedding
    assert rows.shape == (37, 64) and rows.dtype == torch.float32
    assert torch.equal(rows[0], state["visual.positional_embedding"][0].half().float())


def test_what_fits_by_shape_and_not_by_kind(tmp_path):
    _, state = made()
    longer = state | {"positional_embedding": torch.randn(24, 8)}
    distilled = state | {"visual.positional_embedding": torch.randn(38, 64)}
    deeper = state | {
        name.replace("resblocks.1", "resblocks.2"): value
        for name, value in state.items()
        if "resblocks.1" in name
    }
    broken = state | {"visual.proj": torch.full_like(state["visual.proj"], float("nan"))}
    for changed, said in (
        (longer, "do not fit the model: positional_embedding is 24x8, not 12x8"),
        (
            distilled,
            "do not fit the model: visual.positional_embedding has 38 rows, which are no square and a",
        ),
        (deeper, "hold 24 that the model lacks, visual.transformer.resblocks.2"),
        (broken, "are not finite: visual.proj holds NaN or infinity"),
    ):
        torch.save(changed, tmp_path / "w.pt")
        refused(
            re.escape(f"is not a weights file of ViT-B-32: its weights {said}"),
            tmp_path / "w.pt",
            trained_as="plain",
        )


def test_a_scale_that_is_no_logarithm_is_refused(tmp_path):
    """The exponential of such a scale is infinite or 0: all similarities would be equal."""
    _, state = made()
    path = tmp_path / "w.pt"
    for held in (100.0, -200.0):
        torch.save(state | {"logit_scale": torch.tensor(held)}, path)
        refused(f"logit_scale is {held:g}, allowed: the logarithm of what", path, trained_as="plain")
    torch.save(state | {"logit_scale": torch.tensor(4.6052)}, path)
    assert round(loaded(path, trained_as="plain").scale) == 100


def test_weights_of_a_tag_that_are_not_finite_are_refused(tmp_path, monkeypatch):
    state = made()[1]
    state["text_projection"][0, 0] = float("inf")
    torch.save(state, tmp_path / "w.pt")
    monkeypatch.setattr(open_clip.factory, "download_pretrained", lambda *_, **__: str(tmp_path / "w.pt"))
    with pytest.raises(
        ValueError, match="^pretrained 'laion2b_e16' of ViT-B-32: its weights are not finite: tex"
    ):
        load_clip(ClipConfig("ViT-B-32", "laion2b_e16"))


def test_trained_as_has_a_place_beside_a_file_alone():
    for model, pretrained in (("small", "world"), ("small", "w.pt"), ("ViT-B-32", "random")):
        with pytest.raises(ValueError, match="^trained_as 'openai' belongs to a weights file"):
            ClipConfig(model, pretrained, "openai")
    with pytest.raises(
        ValueError, match="^trained_as 'openai' belongs to a weights file, not to the tag 'laion"
    ):
        load_clip(ClipConfig("ViT-B-32", "laion2b_e16", "openai"))


def test_a_name_that_leads_elsewhere_is_none_of_open_clip_s():
    for name in ("local-dir:x", "hf-hub:x", "local-dir:"):
        with pytest.raises(
            ValueError, match=f"^model '{name}' is unknown: allowed are small and open_clip's"
        ):
            load_clip(ClipConfig(name, "random"))
