"""The baselines of VQACL, on the same model and with the same training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..method import Phase, Task
from .base import QuestionMethod, QuestionReplayConfig, SequentialMethod


class QuestionFinetune(SequentialMethod):
    """Sequential finetuning (Vanilla of the VQACL paper): each task's data alone. Ignores the replay
    memory.
    """


class QuestionReplay(SequentialMethod):
    """Experience replay (ER of the VQACL paper): finetuning with the memory's questions."""

    Config = QuestionReplayConfig

    @property
    def _replay(self) -> Literal["none", "merge", "paired"]:
        return self.config.replay


class QuestionJoint(QuestionMethod):
    """Joint training: each task trains on every task's data so far, all groups at once. Ignores the replay
    memory.
    """

    def phases(self, task: Task) -> Sequence[Phase]:
        return [self._phase("train", data="seen")]
