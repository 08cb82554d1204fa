"""``next-qa``: questions about videos (Xiao et al., CVPR 2021), in VQACL's tasks."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Literal

from ...errors import UserError
from ..bad_records import BadRecords
from ..called import called
from ..checks import check_whole
from ..file_content import file_content
from ..pictures import MissingPictures, MotionPictures
from ..source import Pictures, StreamSource
from ..task_names import picked_tasks
from .files.features import motion_places
from .files.graded import AnswerIds
from .files.next_qa_objects import NEXT_QA_OBJECTS
from .files.next_qa_records import read_next_qa, read_second_answers
from .files.object_groups import NEXT_QA_GROUPS
from .files.question_columns import LISTED_TWICE, QuestionColumns
from .files.question_config import QuestionConfig
from .files.question_stream import QuestionSubjects, TaskQuestions, question_stream
from .files.wups_measure import wups_measure

_KINDS = ("CW", "TN", "TC", "DL", "DB", "DC", "DO", "CH")  # in the paper's order
_FILES = {"train": "train", "validation": "val", "test": "test"}
_GROUPS = tuple(NEXT_QA_GROUPS)
_UNPUBLISHED = (
    "the test videos' features, extracted as the others were (the published vid_feat.zip lacks them)"
)
_LAYOUT = "Partition_Q_v2/ and vid_feat/"


@dataclass(frozen=True)
class _Config(QuestionConfig):
    """Keys of ``next-qa``: how kinds of question and object groups make tasks, and how answers are
    compared.
    """

    setting: Literal["dual-level", "novel-composition"] = "dual-level"
    """What a task is. ``dual-level``: one of eight kinds of question, each with five groups of objects.
    ``novel-composition``: the same, but the first task alone trains on the group ``held_out``."""

    held_out: int = 4
    """The group of ``novel-composition`` that is held out, G0 to G4 of VQACL. Range: 0 to 4."""

    answers_kept: int | None = None
    """How many answers may be learnt: the most frequent ones. ``None`` is all. Range: at least 1."""

    measure: Literal["exact", "wups"] = "exact"
    """The score of an answer: ``exact``, right or wrong, or ``wups``, by the distance of words in WordNet,
    which needs nltk's WordNet and ``stopwords.txt`` under ``data``. Paper: wups.
    """

    matching: Literal["official", "reference"] = "official"
    """How answers are compared. ``official``: both are normalised, and counts and yes or no are right or
    wrong by either measure, as in NExT-QA's evaluation. ``reference``: the given answer alone is normalised,
    and WUPS measures all kinds, as in VQACL's released code (``nextqa_data.py:994``), which tests for kinds
    that the data does not have. Released code: reference."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_choice("setting", ("dual-level", "novel-composition"))
        check_whole("held_out", self.held_out, 0, len(_GROUPS) - 1)
        self.check_choice("measure", ("exact", "wups"))
        self.check_choice("matching", ("official", "reference"))
        if self.answers_kept is not None:
            check_whole("answers_kept", self.answers_kept, 1)


class NextQa:
    """Open-ended questions about videos, with one answer each, and at test perhaps two.

    ``data`` is laid out as VQACL's code keeps its ``datasets/nextqa``:
    ``Partition_Q_v2/{train,val,test}_KIND.csv``, the kinds being why and how (CW, CH), next and current (TN,
    TC), and location, yes or no, count and other (DL, DB, DC, DO); ``vid_feat/app_mot_{train,val,test}.h5``,
    of which the motion half is read; where it exists, ``add_reference_answer_test.json``; and for WUPS
    ``stopwords.txt``.
    """

    Config = _Config
    scenario = "vqa"
    summary = f"NExT-QA in VQACL's tasks; needs data: the folder that holds {_LAYOUT}"

    @staticmethod
    def load(config: _Config, skip_bad: bool) -> StreamSource:
        """Reads the stream. With ``skip_bad``, malformed rows, rows without an answer and rows without
        features are left out and counted by reason.

        Raises:
            UserError: Something is malformed.
        """
        root = config.data
        if not root:
            raise UserError(f"stream next-qa: no data folder given, allowed: --data DIR with {_LAYOUT}")
        if not os.path.isdir(root):
            raise UserError(f"{root}: no such folder, allowed: one with {_LAYOUT}")
        bad = BadRecords(skip_bad)
        with bad.explaining():
            return _stream(config, bad)


def _stream(config: _Config, bad: BadRecords) -> StreamSource:
    root = config.data
    kinds = picked_tasks(config.task_names, _KINDS)
    exact = ("DB", "DC") if config.matching == "official" else ()
    wups = (
        wups_measure(root, [kinds.index(k) for k in exact if k in kinds])
        if config.measure == "wups"
        else None
    )
    paths = {split: f"{root}/vid_feat/app_mot_{part}.h5" for split, part in _FILES.items()}
    untested = not os.path.exists(paths["test"])
    there = {split: path for split, path in paths.items() if split != "test" or not untested}
    features = {split: motion_places(path) for split, path in there.items()}
    places = {split: source for split, (source, _) in features.items()}
    shape = features["train"][1]
    for split, (_, other) in features.items():
        if other != shape:
            raise UserError(
                f"{paths[split]}: {other[0]} clips of {other[1]} features, allowed: {shape[0]} of "
                f"{shape[1]}, as in {paths['train']}"
            )
    if untested:
        bad.remarks.append(
            f"{paths['test']}: no such file; search and validation do without, the look at test needs "
            f"{_UNPUBLISHED}"
        )
    answer_ids = AnswerIds()
    tasks = _tasks(root, kinds, places, answer_ids, bad)

    def pictures(split: str, asked: QuestionColumns) -> Pictures:
        if split not in places:
            return MissingPictures(len(asked), f"{paths[split]}: no such file, allowed: {_UNPUBLISHED}")
        rows = [places[split][video] for video in asked.pictures]
        return MotionPictures(paths[split], rows, asked.pictures, shape)

    group_of = {n: g for g, members in enumerate(NEXT_QA_GROUPS.values()) for n in members}
    source = question_stream(
        "next-qa",
        config,
        tasks,
        QuestionSubjects(kinds, NEXT_QA_OBJECTS, _GROUPS, [group_of[n] for n in sorted(group_of)]),
        answer_ids,
        pictures=pictures,
        vocabulary=None,
        answers_kept=config.answers_kept,
        held_out=config.held_out if config.setting == "novel-composition" else None,
        regions=shape,
        image_size=0,
        matching=config.matching,
        content=file_content(paths.values()) + repr(wups and wups.stopwords).encode(),
        wups=wups,
        skipped=bad.counts,
    )
    return replace(source, remarks=(*bad.remarks, *source.remarks))


def _tasks(
    root: str,
    kinds: list[str],
    places: dict[str, dict[str, int]],
    answer_ids: AnswerIds,
    bad: BadRecords,
) -> list[TaskQuestions]:
    second = f"{root}/add_reference_answer_test.json"
    others = read_second_answers(second, bad) if os.path.exists(second) else {}
    tasks = []
    for number, kind in enumerate(kinds):
        splits = {}
        for split, part in _FILES.items():
            splits[split] = asked = QuestionColumns.empty(answer_ids)
            seen: set[str] = set()
            for record in read_next_qa(f"{root}/Partition_Q_v2/{part}_{kind}.csv", kind, bad):
                if record.item in seen:
                    bad.pass_over(f"{record.where}: is listed twice", LISTED_TWICE)
                    continue
                seen.add(record.item)
                if split in places and record.video not in places[split]:
                    bad(
                        f"{record.where}: video {record.video} has no features, allowed: one with a row in "
                        f"vid_feat/app_mot_{part}.h5, {called(places[split])}",
                        "no features in vid_feat",
                    )
                    continue
                answers = [record.answer, others.get(record.item)] if split == "test" else [record.answer]
                asked.append(
                    record.item,
                    record.video,
                    record.text,
                    record.category,
                    number,
                    {answer: 1.0 for answer in answers if answer is not None},
                )
        tasks.append(TaskQuestions(kind, splits))
    return tasks
