"""The baselines of VQACL, on the same model and with the same training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..common.experience_replay import ExperienceReplay, ExperienceReplayConfig
from ..method import Phase, Task
from .base import QuestionMethod, SequentialConfig, SequentialMethod


class QuestionFinetune(SequentialMethod):
    """Sequential finetuning (Vanilla of the VQACL paper): each task's data alone. Ignores the replay
    memory.
    """


@dataclass(frozen=True)
class QuestionReplayConfig(ExperienceReplayConfig, SequentialConfig):
    """Hyper-parameters of training a T5 beside a memory. Defaults: the VQACL paper's."""

    def __post_init__(self) -> None:
        SequentialConfig.__post_init__(self)
        ExperienceReplayConfig.__post_init__(self)


class QuestionReplay(ExperienceReplay, SequentialMethod):
    """Experience replay (ER of the VQACL paper): finetuning with the memory's questions."""

    Config = QuestionReplayConfig


class QuestionJoint(QuestionMethod):
    """Joint training: each task trains on every task's data so far, all groups at once. Ignores the replay
    memory.
    """

    def phases(self, task: Task) -> Sequence[Phase]:
        return [self._phase("train", data="seen")]


class QuestionJointOnce(QuestionMethod):
    """Joint training, once: the first task trains on the whole stream, later ones on nothing. Ignores the
    replay memory.
    """

    whole_stream = True

    def phases(self, task: Task) -> Sequence[Phase]:
        return [self._phase("train", data="all")] if task.index == 0 else []
