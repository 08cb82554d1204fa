"""The configurations of reference runs, derived from that of a method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from methods import registry as methods

from ..config import RunConfig
from ..errors import UserError
from ..schema.typed_values import plain
from ..search.space import Space
from ..storage.reference_name import REFERENCES

_FRESH = ("independent", "joint")  # each task with a new model
_SHARED = ("backbone", "epochs", "batch_size")

_FAMILIES: Mapping[str, Mapping[str, str]] = {
    "ClipConfig": {
        "zero-shot": "zero-shot",
        "finetune": "clip-finetune",
        "joint-once": "clip-joint-once",
        "independent": "clip-finetune",
        "joint": "clip-joint",
    },
    "BackboneConfig": {
        "finetune": "finetune",
        "joint-once": "joint-once",
        "independent": "finetune",
        "joint": "joint",
    },
    "JointT5Config": {
        "finetune": "vqa-finetune",
        "joint-once": "vqa-joint-once",
        "independent": "vqa-finetune",
        "joint": "vqa-joint",
    },
    "FrozenBackboneConfig": {
        "finetune": "triplet-finetune",
        "independent": "triplet-finetune",
        "joint": "triplet-joint",
    },
}
"""The type of a method's backbone -> reference -> the method that trains it."""


def reference_kinds(config: RunConfig) -> list[str]:
    """The references that there are beside a method, in the order of :data:`REFERENCES`; none where its
    backbone is no one's that the references are made with.

    Args:
        config: A configuration of the method.
    """
    return [kind for kind in REFERENCES if kind in _family(config)]


def reference_config(kind: str, like: RunConfig) -> RunConfig:
    """The configuration of a reference beside a method, at equal compute.

    The stream, ``run.*`` and the backbone are the method's, and so are ``method.epochs`` and
    ``method.batch_size``: each task, or the whole stream at once, is so walked over as often and in as large
    batches as the method walks over a task. Where the method's hyper-parameters are the reference's and more,
    as CTP's are those of ``finetune``, all that both have are the method's. The others are where the search
    space of the reference's own method begins. There is no replay memory.

    ``finetune`` trains on one task after another. ``independent`` trains a new model on each task alone.
    ``joint-once`` trains one model on all tasks at once, in as many steps as ``finetune`` takes in all, up to
    what fills no batch. ``joint`` trains for each task a new model on that task and all before it: of T equal
    tasks it takes (T + 1) / 2 times the steps. ``zero-shot`` trains nothing.

    Args:
        kind: One of :func:`reference_kinds` of ``like``.
        like: The method's configuration.

    Raises:
        UserError: There is no such reference beside the method. The message is one line.
    """
    family = _family(like)
    if kind not in family:
        allowed = ", ".join(reference_kinds(like)) or "none"
        raise UserError(f"references: {kind}: there is none beside {like.method_name}; allowed: {allowed}")
    name = family[kind]
    own, values = Space.load(name, None, None, {}, method=name).start_config, like.to_dict()
    both = {field.name for field in fields(own.method)} & {field.name for field in fields(like.method)}
    if not isinstance(like.method, methods.get(name).Config):
        both &= set(_SHARED)
    theirs = plain(like.method)
    return RunConfig.from_dict(
        {
            "method": {**own.to_dict()["method"], **{key: theirs[key] for key in sorted(both)}},
            "stream": values["stream"],
            "run": {**values["run"], "fresh": kind in _FRESH},
        }
    )


def _family(config: RunConfig) -> Mapping[str, str]:
    return _FAMILIES.get(type(getattr(config.method, "backbone", None)).__name__, {})
