"""The baselines of CTP, on the same model and with the same training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..common.experience_replay import ExperienceReplay, ExperienceReplayConfig
from ..method import Pass, Phase, Task
from .base import RetrievalConfig, RetrievalMethod


class Finetune(RetrievalMethod):
    """Sequential finetuning (SeqF of the CTP paper): each task's data alone. Ignores the replay memory."""


@dataclass(frozen=True)
class RetrievalReplayConfig(ExperienceReplayConfig, RetrievalConfig):
    """Hyper-parameters of image-text training beside a memory."""

    def __post_init__(self) -> None:
        RetrievalConfig.__post_init__(self)
        ExperienceReplayConfig.__post_init__(self)


class RetrievalReplay(ExperienceReplay, RetrievalMethod):
    """Experience replay: finetuning with the memory's pairs. ER of the CTP paper, and of its code, merges."""

    Config = RetrievalReplayConfig
    presets = {"fair": {}, "paper": {"replay": "merge"}, "reference": {"replay": "merge"}}


class Joint(RetrievalMethod):
    """Joint training: each task trains on every task's data so far. Ignores the replay memory."""

    _data = "seen"


class JointOnce(RetrievalMethod):
    """Joint training, once: the first task trains on the whole stream, later ones on nothing. Ignores the
    replay memory.

    After the last task it equals JointT of CTP's released code, which trains when all data are there.
    """

    whole_stream = True
    _data = "all"

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        return super().phases(task) if task.index == 0 else []
