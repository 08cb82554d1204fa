"""``shapes-vqa``: questions about generated scenes, in VQACL's sequence of tasks and TRIPLET's three."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np

from ..checks import check_number, check_whole
from ..numbered import numbered
from ..order import Order, check_order, ordered
from ..source import Questions, QuestionTables, SplitSource, StreamSource, TaskSource
from ..synthetic.concatenated import joined
from ..synthetic.detected_regions import WIDTH, DetectedRegions
from ..synthetic.drawings import DRAWINGS
from ..synthetic.families import THINGS, family
from ..synthetic.pictures import ScenePictures
from ..synthetic.questions.answers import vocabulary
from ..synthetic.questions.base_scene import PLAYERS
from ..synthetic.questions.generate import ask
from ..synthetic.questions.kinds import KINDS
from ..synthetic.questions.paraphrases import paraphrased
from ..text.text_config import TextConfig

GROUPS = ("vehicles", "animals", "clothes", "fruit", "furniture")
"""The object groups. Each is a drawn family that no backbone is pretrained on."""

SHIFT_KINDS = ("action", "color", "count", "type", "subcategory")
"""The kinds of question of TRIPLET's shifts of language, in the order of ContVQA's question types, whose
"scene" is ``type`` here.
"""

_SETTINGS = ("dual-level", "novel-composition", "con-vs", "con-ls", "con-vls")
_SPLITS = ("train", "validation", "test")
_LATER = ("pictures", "region_noise", "paraphrases")
_REGIONS = PLAYERS + 2  # two of background beside the most things that a scene has
_FAMILIES = tuple(list(DRAWINGS).index(name) for name in GROUPS)


@dataclass(frozen=True)
class _Config(TextConfig):
    """Keys of ``shapes-vqa``: how kinds of question and object groups make tasks, and sizes."""

    tokenizer: str = "words"
    max_tokens: int = 40
    """Length of a row in tokens, special tokens included. Longer questions are cut, and counted. Range: 3 to
    512.
    """

    seed: int = 0
    """The seed of scenes, questions and the order of the groups inside a task. Range: 0 to 2**32 - 1."""

    order: Order = "natural"
    """Order of the tasks: ``natural``, VQACL's or that of the setting; a seed, which shuffles them; or a list
    of all their names or numbers (from 0). Range of a seed: 0 to 2**32 - 1. Paper: natural (VQACL)."""

    setting: Literal["dual-level", "novel-composition", "con-vs", "con-ls", "con-vls"] = "dual-level"
    """What a task is. ``dual-level``: a kind of question, VQACL's ten in its order, and inside it the five
    groups in an order drawn anew for each task. ``novel-composition``: the same, but only the first task
    trains on the group ``held_out``, which all validation and test splits have. ``con-vs``, where the
    pictures change: a group, with all ten kinds. ``con-ls``, where the questions change: one of five kinds,
    with all groups. ``con-vls``, where both change: the t-th of these kinds about group t."""

    held_out: int = 4
    """The group of ``novel-composition`` that is held out: vehicles, animals, clothes, fruit, furniture.
    Range: 0 to 4."""

    tasks: int | None = None
    """How many of the setting's tasks are used, from the first of the natural order. ``None`` is all. Range:
    at least 1.
    """

    others: int = 0
    """Things in a picture beside the one that is asked about, where the question does not need more. With
    them the words are needed to know which thing is meant. Range: 0 to 3.
    """

    pictures: Literal["pixels", "regions"] = "pixels"
    """The form of a picture: ``pixels``, or the features of its ``regions``, which tell a thing's kind and
    position, as those of a pretrained detector do.
    """

    region_noise: float = 1.0
    """Length of the noise in the features of ``regions``, where those of an object have length 1. Range: 0 to
    100."""

    paraphrases: bool = False
    """Whether each question is said in words drawn from four phrasings of its kind, which share words with
    other kinds."""

    image_size: int = 32
    """Side of a picture in pixels. Range: 16 to 1024."""

    train: int = 80
    """Training questions of each kind about each group. Range: 1 to 10**7."""

    validation: int = 10
    """Questions of each kind about each group in the validation split. Range: 1 to 10**7."""

    test: int = 16
    """Questions of each kind about each group in the test split. Range: 1 to 10**7."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.setting not in _SETTINGS:
            raise ValueError(f"setting: {self.setting!r}, allowed: {', '.join(_SETTINGS)}")
        limits = {
            "seed": (0, 2**32 - 1),
            "held_out": (0, len(GROUPS) - 1),
            "others": (0, PLAYERS - 1),
            "image_size": (16, 1024),
            **dict.fromkeys(_SPLITS, (1, 10**7)),
        }
        for name, (low, high) in limits.items():
            check_whole(name, getattr(self, name), low, high)
        if self.pictures not in ("pixels", "regions"):
            raise ValueError(f"pictures: {self.pictures!r}, allowed: pixels, regions")
        check_number("region_noise", self.region_noise, 0, 100)
        if self.tasks is not None:
            check_whole("tasks", self.tasks, 1, len(_plans(self, 0)))
        check_order(self.order)


@dataclass(frozen=True)
class _Plan:
    """A task: its name, its kinds, its groups, and the groups that it trains on, in the order of the inner
    sequence.
    """

    name: str
    kinds: tuple[int, ...]
    groups: tuple[int, ...]
    trained: tuple[int, ...]


class ShapesVQA:
    """Visual question answering over scenes of four things, one in each quarter of the picture.

    There are ten kinds of question about thirty objects in five groups of six.
    :func:`~orchestrator.streams.synthetic.questions.generate.ask` says what each kind asks. A question has
    one right answer, which is drawn before the scene, so that its words do not give it away. The category is
    the object that the question is about. The questions of a kind about a group depend on seed and sizes
    alone, and not on the setting.
    """

    Config = _Config
    scenario = "vqa"
    summary = "generated scenes and ten kinds of question about them, in VQACL's order or TRIPLET's shifts"

    @staticmethod
    def load(config: _Config, skip_bad: bool) -> StreamSource:
        """Makes the stream. There is nothing bad to skip."""
        del skip_bad
        digest = hashlib.sha256(repr(_shown(config)).encode())
        order = ordered(config.order, [plan.name for plan in _plans(config, 0)[: config.tasks]], "tasks")
        # In the natural order, whose fingerprint is that of any order.
        tasks, number_ends = numbered(
            [_task(config, plan, digest) for plan in _plans(config, order[0])[: config.tasks]]
        )
        answers = vocabulary(_FAMILIES)
        return StreamSource(
            name="shapes-vqa",
            scenario="vqa",
            image_size=0 if config.pictures == "regions" else config.image_size,
            categories=[noun for index in _FAMILIES for noun in family(index).nouns],
            tasks=[tasks[number] for number in order],
            augment="none",
            fingerprint=digest.hexdigest(),
            families=_FAMILIES,
            number_ends=number_ends,
            tables=QuestionTables(
                answers=answers,
                vocabulary=len(answers),
                kinds=KINDS,
                groups=GROUPS,
                group_of=[group for group in range(len(GROUPS)) for _ in range(THINGS)],
                held_out=config.held_out if config.setting == "novel-composition" else None,
                regions=(_REGIONS, WIDTH) if config.pictures == "regions" else None,
            ),
        )


def _shown(config: _Config) -> tuple[Any, ...]:
    """The part of the configuration that the fingerprint covers. Keys of later versions count only where they
    do not have their defaults, so that the fingerprint of a stream without them stays.
    """
    later = {f.name: f.default for f in fields(_Config) if f.name in _LATER}
    shown = [(name, value) for name, value in asdict(config).items() if name != "order"]
    told = [(name, value) for name, value in shown if name in later and value != later[name]]
    return (*(value for name, value in shown if name not in later), *told)


def _plans(config: _Config, first: int) -> list[_Plan]:
    """The setting's tasks in their natural order. The task with index ``first`` comes first, and therefore
    trains on the group that ``novel-composition`` holds out.
    """
    kinds, groups = tuple(range(len(KINDS))), tuple(range(len(GROUPS)))
    shift = [KINDS.index(name) for name in SHIFT_KINDS]
    if config.setting == "con-vs":
        return [_Plan(GROUPS[g], kinds, (g,), (g,)) for g in groups]
    if config.setting == "con-ls":
        return [_Plan(KINDS[k], (k,), groups, groups) for k in shift]
    if config.setting == "con-vls":
        return [_Plan(f"{KINDS[k]} about {GROUPS[g]}", (k,), (g,), (g,)) for g, k in enumerate(shift)]
    plans = []
    for k in kinds:
        inner = np.random.default_rng([config.seed, 0, k]).permutation(len(GROUPS)).tolist()
        if config.setting == "novel-composition" and k != first:
            inner.remove(config.held_out)
        plans.append(_Plan(KINDS[k], (k,), groups, tuple(inner)))
    return plans


def _task(config: _Config, plan: _Plan, digest: hashlib._Hash) -> TaskSource:
    splits = {
        split: _split(config, split, plan.kinds, plan.trained if split == "train" else plan.groups, digest)
        for split in _SPLITS
    }
    return TaskSource(plan.name, splits, groups=plan.trained)


def _split(
    config: _Config, split: str, kinds: Sequence[int], groups: Sequence[int], digest: hashlib._Hash
) -> SplitSource:
    n = getattr(config, split)
    cells = [(kind, group) for group in groups for kind in kinds]
    asked, questions = [], []
    for kind, group in cells:
        key = kind, group, _SPLITS.index(split)
        rng = np.random.default_rng([config.seed, 1, *key])
        asked.append(ask(rng, _FAMILIES, group, KINDS[kind], n, config.others))
        said = asked[-1].questions
        if config.paraphrases:
            said = paraphrased(np.random.default_rng([config.seed, 2, *key]), KINDS[kind], said)
        questions += said
    scenes = joined([a.scenes for a in asked])
    pictures: ScenePictures | DetectedRegions = ScenePictures(scenes, config.image_size)
    if config.pictures == "regions":
        keys = np.array(
            [(config.seed, 3, *cell, _SPLITS.index(split), i) for cell in cells for i in range(n)]
        )
        pictures = DetectedRegions(scenes, _REGIONS, config.region_noise, keys)
    answers = [answer for a in asked for answer in a.answers]
    for column in scenes.columns():
        digest.update(np.ascontiguousarray(column))
    digest.update(repr((questions, answers)).encode())
    # The drawings are part of the content.
    digest.update(pictures.read(np.arange(0, len(pictures), n)))
    number = {answer: index for index, answer in enumerate(vocabulary(_FAMILIES))}
    return SplitSource(
        pictures=pictures,
        captions=questions,
        label=np.concatenate(
            [group * THINGS + a.thing for (_, group), a in zip(cells, asked, strict=True)]
        ).astype(np.int32),
        ids=[f"{KINDS[kind]}-{GROUPS[group]}-{split}-{i:06d}" for kind, group in cells for i in range(n)],
        questions=Questions(
            kind=np.repeat(np.array([kind for kind, _ in cells], np.int32), n),
            answer=np.array([[number[answer]] for answer in answers], np.int32),
            score=np.ones((len(answers), 1), np.float32),
        ),
    )
