"""Which methods there are: a name, and where its class lies."""

from __future__ import annotations

from importlib import import_module

from .method import Method

METHODS: dict[str, str] = {
    "ctp": "methods.ctp:CTP",
    "finetune": "methods.baselines:Finetune",
    "er": "methods.baselines:ExperienceReplay",
    "joint": "methods.baselines:Joint",
    "mma": "methods.mma:MMA",
    "zero-shot": "methods.recognition_baselines:ZeroShot",
    "clip-finetune": "methods.recognition_baselines:ClipFinetune",
    "clip-er": "methods.recognition_baselines:ClipReplay",
    "clip-joint": "methods.recognition_baselines:ClipJoint",
    "clap4clip": "methods.clap4clip:Clap4Clip",
    "vqacl": "methods.vqacl:VQACL",
    "vqa-finetune": "methods.question_baselines:QuestionFinetune",
    "vqa-er": "methods.question_baselines:QuestionReplay",
    "vqa-joint": "methods.question_baselines:QuestionJoint",
    "triplet": "methods.triplet:Triplet",
    "l2p": "methods.prompt_baselines:L2P",
    "dualprompt": "methods.prompt_baselines:DualPrompt",
    "triplet-finetune": "methods.prompt_baselines:TripletFinetune",
    "triplet-er": "methods.prompt_baselines:TripletReplay",
    "triplet-joint": "methods.prompt_baselines:TripletJoint",
}
"""name -> ``module:Class``; a module is imported when its method is asked for."""


def names() -> list[str]:
    """The methods' names, in the order of the table."""
    return list(METHODS)


def get(name: str) -> type[Method]:
    """The class of a method. Raises :class:`ValueError`, in one line, for a name that is not in the table."""
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}: one of {', '.join(METHODS)}")
    module, cls = METHODS[name].split(":")
    return getattr(import_module(module), cls)
