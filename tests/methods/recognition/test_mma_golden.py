"""MMA and its variants against what the published functions gave (tests/golden/mma.npz), number by number."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from methods.method import Batch, ClassSpec, Task
from methods.recognition.mma.adapters.config import AdapterConfig
from methods.recognition.mma.adapters.multimodal import AttentionAdapter
from methods.recognition.mma.adapters.registry import ADAPTERS
from methods.recognition.mma.method import MMA, MMAConfig

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "mma.npz")
TASK = Task(0, "t", "recognition", 1, range(5))
# The sizes that the variants were recorded with.
DOWN = {
    "clip_transformer_adapter_text": 16,
    "clip_transformer_adapter": 16,
    "clip_transformer_downscaled": 8,
    "clip_transformer_w_hypernet": 8,
    "clip_mm_mlp": 16,
    "clip_mm_mlp_adapter": 8,
    "clip_adapter": 8,
}


def case(prefix):
    """The arrays below ``prefix`` by their last names, as tensors."""
    return {k[len(prefix) + 1 :]: torch.tensor(GOLDEN[k]) for k in GOLDEN.files if k.startswith(prefix + ".")}


def close(found, wanted, tolerance=1e-9):
    assert found.shape == wanted.shape
    error = (found.detach() - wanted).abs().max().item()
    assert error <= 1e-12 + tolerance * wanted.abs().max().item(), error


def recorded(variant, **values):
    """The variant as it was recorded, and the one batch."""
    text = torch.tensor(GOLDEN["model.text_feat"])
    spec = ClassSpec(
        tuple("abcde"), ("a photo of a {}",), text[:, None], GOLDEN["model.logit_scale_exp"].item()
    )
    config = MMAConfig(adapter=variant, down_dim=DOWN.get(variant), **values)
    method = MMA(config, spec).double()
    method.adapter.load_state_dict(case(f"model.{variant}.w"))
    method.start_task(TASK)
    image, label = torch.tensor(GOLDEN["model.image_feat"]), torch.tensor(GOLDEN["model.labels"])
    return method, Batch(None, torch.zeros(len(image), 0, dtype=torch.int64), label, label, feature=image)


@pytest.mark.parametrize("mode", ["additive_one", "blocked"])
@pytest.mark.parametrize(("n", "width", "down"), [(0, 32, 16), (1, 16, 8)])
def test_adapter(n, width, down, mode):
    c = case(f"adapter.{n}")
    config = AdapterConfig(heads=int(c["heads"]), mask_mode=mode)
    adapter = AttentionAdapter(width, down, config).double()
    adapter.load_state_dict(case(f"adapter.{n}.w"))
    tokens = c["input"]
    for b in range(tokens.shape[1]):  # recorded with other texts in each sequence
        text, image = tokens[:-1, b], tokens[-1:, b]
        found, rows = adapter(image, text)
        close(found, c[f"out_{mode}"][-1:, b])
        written = rows.hidden[0] @ rows.weight.T + rows.bias
        close(written.expand(len(text), -1), c[f"out_{mode}"][:-1, b])

        # The attention, put together from its parts.
        wanted = c[f"attention_{mode}"][b]
        _, attended = adapter.mha(adapter.downsampler(image), adapter.downsampler(text))
        if mode == "blocked":
            assert attended.share is None
            assert torch.equal(wanted[:, :-1, -1], torch.ones_like(wanted[:, :-1, -1]))
        else:
            close(attended.share[..., 0], wanted[:, :-1, -1])


@pytest.mark.parametrize("variant", ADAPTERS)
def test_variant(variant):
    c = case(f"model.{variant}")
    method, batch = recorded(variant, mask_mode="additive_one")
    assert {n for n, _ in method.adapter.named_parameters()} == set(case(f"model.{variant}.w"))
    close(method.predict(batch, range(5)), c["out_logits"])
    phases = method.phases(TASK)
    if variant == "clip_base":
        assert phases == []
        close(F.cross_entropy(method.predict(batch, range(5)), batch.label), c["out_loss"])
        return
    loss = method.loss(batch, phases[0])["cross_entropy"]
    close(loss, c["out_loss"])
    loss.backward()
    for name, wanted in case(f"model.{variant}.grad").items():
        close(method.adapter.get_parameter(name).grad, wanted, 1e-7)
    assert all(p.grad is not None for p in method.parameters())


@pytest.mark.parametrize("variant", [v for v in ADAPTERS if f"model.{v}.out_logits_blocked" in GOLDEN])
def test_variant_blocked(variant):
    method, batch = recorded(variant)
    close(method.predict(batch, range(5)), case(f"model.{variant}")["out_logits_blocked"])


@pytest.mark.parametrize("variant", ["clip_linear", "clip_mm_mlp_adapter"])
def test_clamp_of_the_reference(variant):
    c = case(f"model.{variant}")
    method, batch = recorded(variant, clamp_scale=True)
    (phase,) = method.phases(TASK)
    method.train()
    method.before_step(phase)
    close(method.loss(batch, phase)["cross_entropy"], c["out_loss"])  # the first step knows no clamp
    clamped = c["out_logits_after_first_step_clamp"]
    close(method.eval().predict(batch, range(5)), clamped)
    method.train()
    method.before_step(phase)
    close(method.loss(batch, phase)["cross_entropy"], F.cross_entropy(clamped, batch.label))
    assert MMA.presets["reference"]["clamp_scale"] is True
    kept, _ = recorded(variant)
    kept.before_step(phase)
    close(kept.predict(batch, range(5)), c["out_logits"])


@pytest.mark.parametrize("variant", ["clip_transformer_adapter_text", "clip_transformer_adapter"])
def test_float32_is_close(variant):
    method, batch = recorded(variant, mask_mode="additive_one")
    batch.feature = batch.feature.float()
    close(method.float().predict(batch, range(5)).double(), case(f"model.{variant}")["out_logits"], 2e-5)


def test_published_sizes():
    facts = json.loads(str(GOLDEN["facts.facts_json"]))
    text = F.normalize(torch.randn(3, 1, 512), dim=-1)
    config = MMAConfig()
    method = MMA(config, ClassSpec(tuple("abc"), ("{}",), text, 100.0))
    adapter = method.adapter.adapter
    assert sum(p.numel() for p in method.parameters()) == facts["adapter_default"]["parameters"]
    assert adapter.mha.embed_dim == facts["adapter_default"]["attention_dim"]
    assert adapter.mha.num_heads == facts["adapter_default"]["heads"]
    assert config.rank == facts["adapter_default"]["first_bottleneck"]
    assert config.ratio == facts["ratio_image"] == facts["ratio_text"]
    assert sorted(ADAPTERS) == facts["registry"]
