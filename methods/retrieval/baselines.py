"""The baselines of CTP, on the same model and with the same training."""

from __future__ import annotations

from .base import RetrievalMethod


class Finetune(RetrievalMethod):
    """Sequential finetuning (SeqF of the CTP paper): each task's data alone. Ignores the replay memory."""


class ExperienceReplay(RetrievalMethod):
    """Finetuning with the replay memory's rows merged into each task's data, as the CTP paper's ER does."""

    _replay = "merge"


class Joint(RetrievalMethod):
    """Joint training (JointT): each task trains on every task's data so far. Ignores the replay memory."""

    _data = "seen"
