"""What a method says beforehand of the size of its checkpoints is what they have."""

from dataclasses import replace

import pytest
import torch
from tiny_walks import tiny_config, tiny_stream

from methods import registry as methods
from methods.backbones.config import BackboneConfig
from methods.backbones.pretrained_image_text import load_image_text
from methods.method import ClassSpec, InputSpec
from methods.vqa.t5.config import JointT5Config
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_VARIANTS = {
    "clap4clip, all its parts": ("clap4clip", {"method.hierarchical": True, "method.half_precision": True}),
    "clap4clip, an adapter for all tasks and no attention": (
        "clap4clip",
        {"method.task_adapters": False, "method.vga": False},
    ),
    "er, pretrained on the world": (
        "er",
        {
            **{f"method.backbone.{part}": None for part in ("image_width", "image_depth", "image_heads")},
            **{f"method.backbone.{part}": None for part in ("text_width", "text_layers", "text_heads")},
            "method.backbone.fusion_layer": None,
            "method.backbone.size": "world",
            "stream.tokenizer": "world",
            "method.embed_dim": 256,
            "stream.max_tokens": 24,
        },
    ),
}
_RUNS = {name: (name, {}) for name in methods.names()} | _VARIANTS
_FEW = {
    "itr-zero-shot",
    "itr-cca",
    "mma",
    "zero-shot",
    "ncm",
    "nme",
    "slda",
    "clip-icarl",
    "vqa-ncm",
    "vqa-nme",
    "vqa-slda",
}
_FEW |= {f"clip-{name}" for name in ("finetune", "er", "ewc", "lwf", "derpp", "joint", "joint-once")}
_FEW |= {"triplet", "l2p", "dualprompt", *(f"triplet-{name}" for name in ("finetune", "er", "joint"))}

_PART = {"ctp": 0.99, "vqacl": 0.97, "clap4clip": 0.99, "ranpac": 0.1, "vqa-ranpac": 0.1}
"""What is left out of a tiny method: queue, prototypes, numbers of classes, and what lies beside G."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@pytest.mark.parametrize("run", _RUNS)
def test_a_checkpoint_has_the_size_that_its_method_says_beforehand(run, shelf, tmp_path):
    name, changes = _RUNS[run]
    config = tiny_config(name, **{"run.feature_cache": False, **changes})
    stream = tiny_stream(config, shelf / str(changes.get("stream.tokenizer")))  # which is kept there
    kind, spec = methods.get(name), stream.spec
    sizes = replace(spec, text=spec.text.to("meta")) if isinstance(spec, ClassSpec) else spec
    said = kind.checkpoint_bytes(config.method, sizes, len(stream.tasks))
    assert (said is None) == (name in _FEW)
    if said is None:
        return
    loop = StreamLoop(config, stream, tmp_path, CollectingReporter(), device=torch.device("cpu"))
    method, _ = loop._fresh()
    if name == "clap4clip":  # it grows
        for data in stream.tasks:
            method.start_task(data.task)
    kept = sum(value.nbytes for value in method.state_dict().values())
    assert _PART.get(name, 1) * kept <= said <= kept, f"{said:,} of {kept:,}"


def test_the_paper_sizes_are_those_of_the_published_models():
    """BERT's and DeiT's counts, and T5-base's 223 million."""
    spec = InputSpec(224, 50, 21128, 0, 101, 102, 103)
    config = BackboneConfig(image_weights="random", text_weights="random")
    with torch.device("meta"):
        model = load_image_text(config, spec, 256)
    kept = sum(value.numel() for value in model.state_dict().values())
    said = config.numbers(224, 21128, 50, 256)
    assert kept == pytest.approx(said, rel=1e-3) and 200e6 < said < 220e6
    assert JointT5Config().numbers(32128, 0, 0) == pytest.approx(222.9e6, rel=1e-3)
