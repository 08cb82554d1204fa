"""The table of methods: each method's name, and where its class lies."""

from __future__ import annotations

from importlib import import_module

from .method import Method

METHODS: dict[str, str] = {
    "ctp": "methods.retrieval.ctp:CTP",
    "finetune": "methods.retrieval.baselines:Finetune",
    "er": "methods.retrieval.baselines:ExperienceReplay",
    "joint": "methods.retrieval.baselines:Joint",
    "mma": "methods.recognition.mma.method:MMA",
    "zero-shot": "methods.recognition.baselines:ZeroShot",
    "clip-finetune": "methods.recognition.baselines:ClipFinetune",
    "clip-er": "methods.recognition.baselines:ClipReplay",
    "clip-joint": "methods.recognition.baselines:ClipJoint",
    "clap4clip": "methods.recognition.clap4clip.method:Clap4Clip",
    "vqacl": "methods.vqa.vqacl.method:VQACL",
    "vqa-finetune": "methods.vqa.baselines:QuestionFinetune",
    "vqa-er": "methods.vqa.baselines:QuestionReplay",
    "vqa-joint": "methods.vqa.baselines:QuestionJoint",
    "triplet": "methods.vqa.triplet.method:Triplet",
    "l2p": "methods.vqa.triplet.baselines:L2P",
    "dualprompt": "methods.vqa.triplet.baselines:DualPrompt",
    "triplet-finetune": "methods.vqa.triplet.baselines:TripletFinetune",
    "triplet-er": "methods.vqa.triplet.baselines:TripletReplay",
    "triplet-joint": "methods.vqa.triplet.baselines:TripletJoint",
}
"""name -> ``module:Class``. A module is imported when its method is asked for."""


def names() -> list[str]:
    """Returns the methods' names, in the order of the table."""
    return list(METHODS)


def get(name: str) -> type[Method]:
    """Returns the class of a method.

    Raises:
        ValueError: The name is not in the table. The message has one line.
    """
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}: one of {', '.join(METHODS)}")
    module, cls = METHODS[name].split(":")
    return getattr(import_module(module), cls)
