"""Which methods there are: a name, and where its class lies."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

from .method import Method, Scenario
from .outside import NamedClasses, config_problem

METHODS: dict[str, str] = {
    "ctp": "methods.retrieval.ctp:CTP",
    "finetune": "methods.retrieval.baselines:Finetune",
    "er": "methods.retrieval.baselines:RetrievalReplay",
    "joint": "methods.retrieval.baselines:Joint",
    "ewc": "methods.retrieval.regularised:RetrievalEWC",
    "lwf": "methods.retrieval.regularised:RetrievalLwF",
    "derpp": "methods.retrieval.regularised:RetrievalDER",
    "joint-once": "methods.retrieval.baselines:JointOnce",
    "itr-zero-shot": "methods.retrieval.closed_form.zero_shot:PairsZeroShot",
    "itr-cca": "methods.retrieval.closed_form.canonical:CanonicalCorrelation",
    "mma": "methods.recognition.mma.method:MMA",
    "zero-shot": "methods.recognition.baselines:ZeroShot",
    "clip-finetune": "methods.recognition.baselines:ClipFinetune",
    "clip-er": "methods.recognition.baselines:ClipReplay",
    "clip-ewc": "methods.recognition.regularised:ClipEWC",
    "clip-lwf": "methods.recognition.regularised:ClipLwF",
    "clip-derpp": "methods.recognition.regularised:ClipDER",
    "clip-icarl": "methods.recognition.icarl:ClipICaRL",
    "clip-joint": "methods.recognition.baselines:ClipJoint",
    "clip-joint-once": "methods.recognition.baselines:ClipJointOnce",
    "ncm": "methods.recognition.closed_form.nearest_class_mean:NearestClassMean",
    "nme": "methods.recognition.closed_form.nearest_exemplar_mean:NearestExemplarMean",
    "slda": "methods.recognition.closed_form.slda:SLDA",
    "ranpac": "methods.recognition.closed_form.ranpac:RanPAC",
    "clap4clip": "methods.recognition.clap4clip.method:Clap4Clip",
    "vqacl": "methods.vqa.vqacl.method:VQACL",
    "vqa-finetune": "methods.vqa.baselines:QuestionFinetune",
    "vqa-er": "methods.vqa.baselines:QuestionReplay",
    "vqa-ewc": "methods.vqa.regularised:QuestionEWC",
    "vqa-lwf": "methods.vqa.regularised:QuestionLwF",
    "vqa-derpp": "methods.vqa.regularised:QuestionDER",
    "vqa-joint": "methods.vqa.baselines:QuestionJoint",
    "vqa-joint-once": "methods.vqa.baselines:QuestionJointOnce",
    "vqa-ncm": "methods.vqa.closed_form.nearest_answer_mean:NearestAnswerMean",
    "vqa-nme": "methods.vqa.closed_form.nearest_kept_mean:NearestKeptMean",
    "vqa-slda": "methods.vqa.closed_form.answer_discriminant:AnswerDiscriminant",
    "vqa-ranpac": "methods.vqa.closed_form.answer_ridge:AnswerRidge",
    "triplet": "methods.vqa.triplet.method:Triplet",
    "l2p": "methods.vqa.triplet.baselines:L2P",
    "dualprompt": "methods.vqa.triplet.baselines:DualPrompt",
    "triplet-finetune": "methods.vqa.triplet.baselines:TripletFinetune",
    "triplet-er": "methods.vqa.triplet.baselines:TripletReplay",
    "triplet-joint": "methods.vqa.triplet.baselines:TripletJoint",
}
"""name -> ``module:Class``; a module is imported when its method is asked for."""


GROUP = "vlcl.methods"
"""The entry point group in which an installed package offers methods."""


def names() -> list[str]:
    """The methods' names: the table's, in its order, then those that installed packages offer."""
    return _CLASSES.names()


def outside(name: str) -> bool:
    """Whether a method is not the project's own."""
    return _CLASSES.outside(name)


def get(name: str) -> type[Method]:
    """The class of a method: of a name of :func:`names`, or ``module:Class``.

    Raises:
        ValueError: In one line: the name is not known, or what it stands for is no method.
        NotSaid: See :func:`~methods.outside.only_said`.
    """
    return _CLASSES.get(name)


def _problem(cls: Any) -> str:
    if not isinstance(cls, type) or not issubclass(cls, Method):
        return "is no subclass of methods.method.Method"
    if problem := config_problem(cls):
        return problem
    allowed = get_args(Scenario)
    scenarios = getattr(cls, "scenarios", None)
    if not isinstance(scenarios, frozenset | set) or not scenarios or not scenarios <= {*allowed}:
        return f"has no scenarios; allowed: a frozenset of some of {', '.join(allowed)}"
    if not isinstance(cls.presets, dict) or "paper" not in cls.presets:
        return "has presets without 'paper'; allowed: name -> values, of 'paper' none"
    if all(cls.presets.values()):
        return "has no preset without values; allowed: one that sets nothing, as 'paper'"
    known = {field.name for field in fields(cls.Config)}
    if cls.frozen & {"image", "queries", "pairs"} and "backbone" not in known:
        return f"is frozen in {', '.join(sorted(cls.frozen))}, and its Config has no backbone"
    return ""


_CLASSES = NamedClasses("method", GROUP, METHODS, _problem)
