"""ContVQA's tasks over VQA v2 (Nikandrou et al., 2022), in the settings in which TRIPLET is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ....errors import UserError
from .annotations import ANSWER_TYPES, Annotation, read_annotations, read_questions
from .coco_pictures import CocoPictures
from .graded import AnswerIds
from .question_columns import QuestionColumns
from .question_ids import read_question_ids
from .question_stream import QuestionSubjects, TaskQuestions
from .worth import worth

_FILES = {"train": "train", "validation": "valid", "test": "test"}
_PARTS = ("train2014", "val2014")

PAIRS = {
    "transport": "scene",
    "animals": "count",
    "sports": "action",
    "food": "subcategory",
    "interior": "color",
}
"""The domain of pictures and the type of question of each task where both change.

Among all ways to pair ContVQA's five domains with its five types, this one has most questions.
"""


@dataclass(frozen=True)
class ListedTask:
    """A task of the lists.

    Attributes:
        name: The task's name.
        where: The name of each split's list in errors.
        ids: The ids of the questions of each split.
    """

    name: str
    where: dict[str, str]
    ids: dict[str, list[int]]


def listed_tasks(
    root: str,
    setting: Literal["con-vs", "con-ls", "con-vls"],
    domains: Literal["taxonomy", "diverse"],
    bad: Callable[[str, str], None],
) -> list[ListedTask]:
    """The tasks of a setting in the order of the lists; :data:`PAIRS` where both pictures and questions
    change.

    Args:
        root: A folder with ``contvqa/data/{taxonomy_domains,diverse_domains,question_types}``, each with
            ``{train,valid,test}_question_ids.json``.
        setting: What changes: pictures (``con-vs``), questions (``con-ls``), or both (``con-vls``).
        domains: Which domains of pictures are taken.
        bad: As for :func:`.question_ids.read_question_ids`.

    Raises:
        UserError: A list cannot be read, or three lists have different tasks.
    """
    if setting == "con-ls":
        return _lists(root, "question_types", bad)
    seen = _lists(root, f"{domains}_domains", bad)
    if setting == "con-vs":
        return seen
    asked = {task.name: task for task in _lists(root, "question_types", bad)}
    shown = {task.name: task for task in seen}
    for names, there, folder in (
        (PAIRS, shown, "taxonomy_domains"),
        (PAIRS.values(), asked, "question_types"),
    ):
        for name in names:
            if name not in there:
                raise UserError(
                    f"{root}/contvqa/data/{folder}: no task {name!r}, allowed: {', '.join(names)}"
                )
    out = []
    for domain, kind in PAIRS.items():
        one, other = shown[domain], asked[kind]
        of_kind = {split: set(ids) for split, ids in other.ids.items()}
        both = {split: [i for i in ids if i in of_kind[split]] for split, ids in one.ids.items()}
        out.append(ListedTask(f"{domain}-{kind}", one.where, both))
    return out


def contvqa_tasks(
    root: str,
    setting: Literal["con-vs", "con-ls", "con-vls"],
    listed: list[ListedTask],
    pictures: CocoPictures,
    answer_ids: AnswerIds,
    matching: Literal["official", "reference"],
    bad: Callable[[str, str], None],
) -> tuple[list[TaskQuestions], QuestionSubjects]:
    """Reads the questions of ``listed``, and their kinds and objects.

    Where pictures change, an object and its group are a domain. Where questions change, a task is a kind.
    Elsewhere the kinds are VQA's types of answer, and there is one object.

    Args:
        root: A folder with ``vqa/v2_OpenEnded_mscoco_{train,val}2014_questions.json`` and
            ``vqa/v2_mscoco_{train,val}2014_annotations.json``.
        setting: As for :func:`listed_tasks`.
        listed: The tasks.
        pictures: The pictures.
        answer_ids: Numbers the answers.
        matching: How a given answer is compared.
        bad: ``bad(message, reason)`` is called for each id without a question or an annotation, each
            malformed record, and each question without a picture. These are left out. It may raise.
    """
    wanted = {item for task in listed for ids in task.ids.values() for item in ids}
    questions: dict[int, tuple[str, str] | None] = {}
    annotations: dict[int, Annotation | None] = {}
    for part in _PARTS:
        path = f"{root}/vqa/v2_OpenEnded_mscoco_{part}_questions.json"
        for item, sound in read_questions(path, wanted, bad).items():
            questions[item] = None if sound is None else (f"COCO_{part}_{sound[0]:012d}", sound[1])
        annotations |= read_annotations(f"{root}/vqa/v2_mscoco_{part}_annotations.json", wanted, bad)

    tasks = []
    for number, task in enumerate(listed):
        splits = {}
        for split, ids in task.ids.items():
            splits[split] = asked = QuestionColumns.empty(answer_ids)
            how = "official" if split == "train" else matching
            for item in ids:
                where = f"{task.where[split]}: question {item}"
                sound = _sound(where, item, questions, annotations, pictures, bad)
                if sound is None:
                    continue
                picture, text, said = sound
                answers = worth(said.answers, how)
                if not answers:
                    bad(f"{where}: has no answer but marks, allowed: words", "question without an answer")
                    continue
                category = 0 if setting == "con-ls" else number
                kind = ANSWER_TYPES.index(said.answer_type) if setting == "con-vs" else number
                asked.append(str(item), picture, text, category, kind, answers)
        tasks.append(TaskQuestions(task.name, splits))
    return tasks, _subjects(setting, [task.name for task in listed])


def _sound(
    where: str,
    item: int,
    questions: Mapping[int, tuple[str, str] | None],
    annotations: Mapping[int, Annotation | None],
    pictures: CocoPictures,
    bad: Callable[[str, str], None],
) -> tuple[str, str, Annotation] | None:
    """A question's picture, text and annotation; None where the question is left out."""
    if item not in questions:
        allowed = "an id of vqa/v2_OpenEnded_mscoco_{train,val}2014_questions.json"
        bad(f"{where}: is in no file of questions, allowed: {allowed}", "unknown question")
        return None
    if item not in annotations:
        allowed = "an annotation in vqa/v2_mscoco_{train,val}2014_annotations.json"
        bad(f"{where}: has no answer, allowed: {allowed}", "question without an answer")
        return None
    question, said = questions[item], annotations[item]
    if question is None or said is None:  # malformed, and counted already
        return None
    if fault := pictures.fault(question[0]):
        bad(f"{where}: {fault[0]}", fault[1])
        return None
    return *question, said


def _lists(root: str, folder: str, bad: Callable[[str, str], None]) -> list[ListedTask]:
    paths = {
        split: f"{root}/contvqa/data/{folder}/{part}_question_ids.json" for split, part in _FILES.items()
    }
    ids = {split: read_question_ids(path, bad) for split, path in paths.items()}
    names = list(ids["train"])
    for split, path in paths.items():
        for name in [*ids[split], *names]:
            if name not in names or name not in ids[split]:
                what = "names an unknown" if name not in names else "has no"
                raise UserError(f"{path}: {what} task {name!r}, allowed: {', '.join(names)}")
    return [
        ListedTask(
            name,
            {split: f"{path}: task {name!r}" for split, path in paths.items()},
            {split: ids[split][name] for split in paths},
        )
        for name in names
    ]


def _subjects(setting: str, names: list[str]) -> QuestionSubjects:
    if setting == "con-vs":
        return QuestionSubjects(ANSWER_TYPES, names, names, range(len(names)))
    if setting == "con-ls":
        return QuestionSubjects(names, ["any"], ["any"], [0])
    domains, kinds = zip(*(name.split("-") for name in names), strict=True)
    return QuestionSubjects(kinds, domains, domains, range(len(names)))
