"""``vqa-v2``: questions about COCO's pictures (Goyal et al., CVPR 2017), in VQACL's and ContVQA's tasks."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...errors import UserError
from ..bad_records import BadRecords
from ..checks import check_whole
from ..source import StreamSource
from ..synthetic.questions.kinds import KINDS
from ..task_names import picked_tasks
from .files.category_map import category_names, read_category_map
from .files.coco_pictures import CocoPictures
from .files.contvqa_tasks import ListedTask, contvqa_tasks, listed_tasks
from .files.graded import AnswerIds
from .files.object_groups import VQA_V2_GROUPS
from .files.question_config import QuestionConfig
from .files.question_stream import QuestionSubjects, question_stream
from .files.vocabulary import read_vocabulary
from .files.vqacl_tasks import vqacl_tasks

_VQACL = ("dual-level", "novel-composition")
_CONTVQA = ("con-vs", "con-ls", "con-vls")
_GROUPS = tuple(VQA_V2_GROUPS)
_LAYOUT = "--data DIR with vqa/ and COCO/"


@dataclass(frozen=True)
class _Config(QuestionConfig):
    """Keys of ``vqa-v2``: the published tasks, the form of pictures, and the answers that count."""

    seed: int = 0
    """The seed that shuffles the object groups of each task (VQACL's inner sequence). Range: 0 to 2**32 - 1.
    Released code: 66666 (VQACL).
    """

    setting: Literal["dual-level", "novel-composition", "con-vs", "con-ls", "con-vls"] = "dual-level"
    """What a task is. ``dual-level``: one of VQACL's ten kinds of question, each with five groups of objects.
    ``novel-composition``: the same, but the first task alone trains on the group ``held_out``. The others are
    ContVQA's five tasks: pictures change (``con-vs``), questions change (``con-ls``), or both
    (``con-vls``)."""

    held_out: int = 4
    """The group of ``novel-composition`` that is held out, G1 to G5 counted from 0. Range: 0 to 4. Released
    code: 4."""

    domains: Literal["taxonomy", "diverse"] = "taxonomy"
    """The domains of ``con-vs``: five kinds of things that belong together (``taxonomy``), or five groups of
    things drawn at random (``diverse``)."""

    pictures: Literal["regions", "pixels"] = "regions"
    """The form of a picture: the features of its ``regions``, or ``pixels``, a square of side ``image_size``.
    Paper: regions (VQACL), pixels (TRIPLET).
    """

    image_size: int = 224
    """Side in pixels that ``pixels`` are resized to. Range: 16 to 4096."""

    category_ids: Literal["remapped", "raw"] = "remapped"
    """How a picture's object, an id of COCO's, is found in VQACL's groups: ``remapped`` to 0 to 79, or
    ``raw``, as it is. Released code: raw."""

    answers_kept: int | None = 3129
    """How many answers may be learnt where no file lists them: those that are most often the best answer to a
    training question. ``None`` is all. Range: at least 1.
    """

    matching: Literal["official", "reference"] = "official"
    """How answers are compared: both normalised (``official``), or the given one alone (``reference``).
    Released code: reference (VQACL)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_choice("setting", _VQACL + _CONTVQA)
        check_whole("held_out", self.held_out, 0, len(_GROUPS) - 1)
        self.check_choice("domains", ("taxonomy", "diverse") if self.setting == "con-vs" else ("taxonomy",))
        self.check_choice("pictures", ("regions", "pixels"))
        self.check_choice("category_ids", ("remapped", "raw"))
        self.check_choice("matching", ("official", "reference"))
        check_whole("image_size", self.image_size, 16, 4096)
        if self.answers_kept is not None:
            check_whole("answers_kept", self.answers_kept, 1)


class VqaV2:
    """Visual questions about COCO's pictures, with ten annotators' answers each.

    ``data`` is laid out as VQACL's code keeps its ``datasets``: ``vqa/Partition_Q/*.json`` and
    ``ImgId_cate_map.json``; for ContVQA's settings ``vqa/v2_*.json``, the official files, and ``contvqa/``,
    the published repository; ``vqa/trainval_ans2label.json`` where the vocabulary is given;
    ``COCO/features/*.h5`` or ``COCO/images/*/*.jpg``.

    Here it is checked that every picture exists. Whether it can be read shows when it is read.
    """

    Config = _Config
    scenario = "vqa"
    summary = "VQA v2 in VQACL's or ContVQA's tasks; needs data: the folder that holds vqa/ and COCO/"

    @staticmethod
    def load(config: _Config, skip_bad: bool) -> StreamSource:
        """Reads the stream. With ``skip_bad``, malformed records, records without an answer and records
        without a picture are left out and counted by reason.

        Raises:
            UserError: Something is malformed.
        """
        root = config.data
        if not root:
            raise UserError(f"stream vqa-v2: no data folder given, allowed: {_LAYOUT}")
        if not os.path.isdir(root):
            raise UserError(f"{root}: no such folder, allowed: one with vqa/ and COCO/")
        bad = BadRecords(skip_bad)
        with bad.explaining():
            return _stream(config, bad)


def _stream(config: _Config, bad: BadRecords) -> StreamSource:
    root = config.data
    vocabulary = read_vocabulary(f"{root}/vqa")
    answer_ids = AnswerIds(vocabulary or ())
    pictures = CocoPictures(root, config.pictures, config.image_size)
    if config.setting in _VQACL:
        names = picked_tasks(config.task_names, KINDS)
        known = None if vocabulary is None else frozenset(vocabulary)
        objects = read_category_map(f"{root}/ImgId_cate_map.json", config.category_ids, bad)
        tasks = vqacl_tasks(root, names, objects, pictures, answer_ids, known, config.matching, bad)
        subjects = _subjects(config, names)
    else:
        listed = _listed(config, bad)
        tasks, subjects = contvqa_tasks(
            root, config.setting, listed, pictures, answer_ids, config.matching, bad
        )
    regions = config.pictures == "regions"
    return question_stream(
        "vqa-v2",
        config,
        tasks,
        subjects,
        answer_ids,
        pictures=lambda _, asked: pictures.pictures(asked.pictures),
        vocabulary=vocabulary,
        answers_kept=config.answers_kept,
        held_out=config.held_out if config.setting == "novel-composition" else None,
        regions=pictures.regions,
        image_size=0 if regions else config.image_size,
        matching=config.matching,
        content=pictures.content(
            name for task in tasks for asked in task.splits.values() for name in asked.pictures
        ),
        skipped=bad.counts,
    )


def _listed(config: _Config, bad: Callable[[str, str], None]) -> list[ListedTask]:
    by_name = {t.name: t for t in listed_tasks(config.data, config.setting, config.domains, bad)}
    return [by_name[name] for name in picked_tasks(config.task_names, list(by_name))]


def _subjects(config: _Config, kinds: list[str]) -> QuestionSubjects:
    group_of = np.empty(80, int)
    for number, members in enumerate(VQA_V2_GROUPS.values()):
        group_of[list(members)] = number
    return QuestionSubjects(kinds, category_names(config.category_ids), _GROUPS, group_of.tolist())
