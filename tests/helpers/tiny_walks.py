"""Every registered method with a stream of two tasks, so small that its walk takes a moment."""

import dataclasses
from pathlib import Path

import numpy as np

from methods import registry as methods
from orchestrator.config import RunConfig
from orchestrator.features.bank import open_bank, text_features
from orchestrator.features.builder import encode_here
from orchestrator.features.frozen import asks_queries
from orchestrator.features.query_bank import open_query_bank
from orchestrator.streams import registry as streams
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.prepare import prepare
from orchestrator.streams.stream import Stream
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer

RETRIEVAL = {
    "stream.name": "shapes-retrieval",
    "stream.train": 16,
    "stream.validation": 8,
    "stream.test": 8,
    "stream.query": 4,
    "stream.gallery": 6,
    "stream.max_tokens": 16,
    "method.backbone.size": "small",
    "method.backbone.image_width": 16,
    "method.backbone.image_depth": 1,
    "method.backbone.image_heads": 2,
    "method.backbone.text_width": 16,
    "method.backbone.text_layers": 2,
    "method.backbone.text_heads": 2,
    "method.backbone.fusion_layer": 1,
    "method.embed_dim": 8,
    "method.batch_size": 8,
    "method.epochs": 1,
    "method.learning_rate": 1e-3,
    "replay.size": 8,
    "replay.policy": "herding",
}
"""Of a small CTP, or of its baselines."""

_TOWERS = {
    name: value
    for name, value in RETRIEVAL.items()
    if name not in {"method.embed_dim", "method.batch_size", "method.epochs", "method.learning_rate"}
}
_RECOGNITION = {
    "stream.name": "shapes-recognition",
    "stream.train": 2,
    "stream.validation": 1,
    "stream.test": 1,
    "method.backbone.pretrained": "world",
    "run.views": 2,
    "replay.size": 36,
    "replay.policy": "herding",
    "replay.balance_by": "class",
}
_VQA = {
    "stream.name": "shapes-vqa",
    "stream.tokenizer": "world",
    "stream.train": 4,
    "stream.validation": 1,
    "stream.test": 1,
    "replay.size": 10,
    "replay.policy": "herding",
}
_T5 = {
    "method.backbone.size": "small",
    "method.backbone.width": 16,
    "method.backbone.layers": 1,
    "method.backbone.heads": 2,
    "method.batch_size": 4,
    "method.epochs": 1,
    "method.beams": 2,
    # An even number of rows of each group of objects, here the first task's four of each: two workers share
    # no odd one, and of a single one each has a copy, for which it draws an answer of its own.
    "replay.size": 20,
    "method.learning_rate": 1e-3,
}
_PROMPTS = {
    "method.backbone.size": "world",
    "method.batch_size": 8,
    "method.epochs": 1,
    "method.general_layers": [0, 1],
    "method.task_layers": [1, 2],
    "method.general_length": 2,
    "method.task_length": 3,
    "method.learning_rate": 1e-2,
}
_OWN = {
    "ctp": {"method.queue_size": 16},
    "itr-zero-shot": {},
    "itr-cca": {"method.projection_width": 20, "method.embed_dim": 8, "method.ridge": 0.1},
    "clap4clip": {"method.samples": 3, "method.vga_ff": 32, "method.batch_size": 8, "method.epochs": 1},
    "mma": {"method.batch_size": 8, "method.epochs": 2, "method.patience": 1},
    "zero-shot": {},
    "ncm": {},
    "nme": {},
    "slda": {},
    "ranpac": {"method.projection_width": 50},
    "l2p": {"method.general_layers": [], "method.task_layers": [0]},
}
_QUERIES = {
    "vqa-ncm": {"method.queries": "fusion"},
    "vqa-nme": {"method.queries": "text"},
    "vqa-slda": {"method.shrinkage": 1e-3},
    "vqa-ranpac": {"method.projection_width": 50},
}


def scenario_of(method: str) -> str:
    """The scenario that a method is for."""
    (scenario,) = methods.get(method).scenarios
    return scenario


def tiny_config(method: str, **changes: object) -> RunConfig:
    """The configuration of a method's tiny run; ``changes`` by dotted key."""
    scenario = scenario_of(method)
    if scenario == "retrieval":
        values = (_TOWERS if method.startswith("itr") else RETRIEVAL) | _OWN.get(method, {})
    elif scenario == "recognition":
        values = _RECOGNITION | _OWN.get(method, {"method.batch_size": 8, "method.epochs": 1})
    elif method in _QUERIES:
        values = _VQA | {"method.backbone.size": "world"} | _QUERIES[method]
    else:
        values = _VQA | (_T5 if method.startswith("vqa") else _PROMPTS | _OWN.get(method, {}))
    return RunConfig.from_dict({"method.name": method, "stream.tasks": 2, **values, **changes})


def tiny_stream(config: RunConfig, folder: Path) -> Stream:
    """The stream of a configuration, its pictures in memory; what a frozen encoder gives lies in ``folder``,
    from an earlier call or from this one. Encodes nothing with ``run.feature_cache`` off.
    """
    name, options = config.stream_name, config.stream
    source = streams.get(name).load(options, False)
    frozen = methods.get(config.method_name).frozen
    if "image" in frozen:
        if config.run.feature_cache:
            return open_bank(config, source, folder, lambda _: None, encode_here).stream(source, False)
        return _in_memory(prepare(source, text_features(config, source)))
    stream = _in_memory(prepare(source, fit_tokenizer(source, options, folder / f"tokenizer-{name}")))
    if asks_queries(config) and config.run.feature_cache:
        return open_query_bank(config, source, stream, folder, lambda _: None, encode_here).stream(stream)
    return stream


def numbers(reports: list[dict[str, float]]) -> list[dict[str, float]]:
    """Reports without their seconds and FLOPs, and what they took of GPUs."""
    took = "seconds/", "flops/", "gpus", "memory/"
    return [{k: v for k, v in report.items() if not k.startswith(took)} for report in reports]


def _in_memory(stream: Stream) -> Stream:
    for task in stream.tasks:
        for name, split in task.splits.items():
            pictures = ArrayPictures(split.pictures.read(np.arange(len(split))))
            task.splits[name] = dataclasses.replace(split, pictures=pictures)
    return stream
