"""What MMA and the recognition baselines share: frozen class texts, cross-entropy, and one phase a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..backbones.clip_config import ClipConfig
from ..common.checks import check_range
from ..common.output_method import OutputMethod
from ..common.precision import full_precision
from ..common.weighted_mean import weighted_mean
from ..method import Batch, ClassSpec, Pass, Phase, Scenario, Task


@dataclass(frozen=True)
class RecognitionConfig:
    """Hyper-parameters of training on frozen features of CLIP."""

    backbone: ClipConfig = field(default_factory=ClipConfig)
    """The CLIP that is never trained."""

    learning_rate: float = 1e-3
    """The optimiser's rate at the start of every task. Range: above 0."""

    epochs: int = 20
    """Passes over a task's training set. Range: at least 1."""

    batch_size: int = 256
    """Pictures in a step, over all workers. Range: at least 1."""

    def __post_init__(self) -> None:
        check_range("learning_rate", self.learning_rate, 0, open_low=True)
        check_range("epochs", self.epochs, 1)
        check_range("batch_size", self.batch_size, 1)


class RecognitionMethod(OutputMethod):
    """A deterministic classifier on frozen image features and frozen class texts.

    ``text`` (C, D) holds the unit rows of all classes: the normalised means over the templates. The
    classifier is trained by cross-entropy over the classes seen so far, in full precision whatever autocast
    says, since what is trained is small. Subclasses implement :meth:`scores` and :meth:`adapted`. A subclass
    without parameters has no phase.

    Args:
        config: The method's hyper-parameters.
        spec: The stream's classes.
    """

    scenarios: ClassVar[frozenset[Scenario]] = frozenset({"recognition"})
    frozen: ClassVar[frozenset[Literal["image", "text"]]] = frozenset({"image", "text"})
    Config: ClassVar[type] = RecognitionConfig
    _data: ClassVar[Literal["task", "seen", "all"]] = "task"
    _replay: ClassVar[Literal["none", "merge"]] = "none"
    _patience = 0

    def __init__(self, config: Any, spec: ClassSpec) -> None:
        super().__init__(config, spec)
        # The stream gives the texts; a checkpoint keeps only what was learnt.
        self.register_buffer("text", F.normalize(spec.text.mean(1), dim=-1), persistent=False)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self._classes = range(0)

    def start_task(self, task: Task) -> None:
        self._classes = range(task.classes.stop)
        self.seen.fill_(task.classes.stop)

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        c = self.config
        if next(self.parameters(), None) is None:
            return []
        how = self._optimizer, self._factor, self._data, self._replay, self._patience
        return [Phase("train", c.epochs, c.batch_size, *how)]

    def loss(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        with full_precision(batch.feature):
            return super().loss(batch, phase)

    def outputs(self, batch: Batch) -> Any:
        """Returns the logits (B, C) of the classes seen so far."""
        return self.scores(batch.feature, self._classes)

    def terms(self, outputs: Any, batch: Batch) -> dict[str, Tensor]:
        losses = F.cross_entropy(outputs, batch.label, reduction="none")
        return {"cross_entropy": weighted_mean(losses, batch.weight)}

    @torch.no_grad()
    def embed(self, batch: Batch, kind: Literal["image", "text", "pair"]) -> Tensor:
        """Returns the pictures' rows (B, D) as they are compared with the classes seen so far.

        Args:
            batch: The pictures.
            kind: ``image``.
        """
        with full_precision(batch.feature):
            image, _ = self.adapted(batch.feature, range(int(self.seen)))
        return F.normalize(image, dim=-1)

    def sample(self, batch: Batch, classes: range) -> Tensor:
        with full_precision(batch.feature):
            return self.scores(batch.feature, classes)[None]

    @torch.no_grad()
    def class_features(self, batch: Batch, classes: range) -> Tensor:
        with full_precision(batch.feature):
            return self.adapted(batch.feature, classes)[1]

    def scores(self, feature: Tensor, classes: range) -> Tensor:
        """Returns logits.

        Args:
            feature: (B, D), the pictures' unit rows.
            classes: The classes.

        Returns:
            (B, len(classes)).
        """
        raise NotImplementedError

    def adapted(self, feature: Tensor, classes: range) -> tuple[Tensor, Tensor]:
        """Returns the rows that :meth:`scores` compares.

        Args:
            feature: (B, D), the pictures' unit rows.
            classes: The classes.

        Returns:
            The rows of the pictures (B, D), and those of the classes (len(classes), D). The latter are means
            over the batch where they depend on the picture.
        """
        raise NotImplementedError

    def _texts(self, classes: range) -> Tensor:
        return self.text[classes.start : classes.stop]

    def _optimizer(self) -> torch.optim.Optimizer:
        """Makes a fresh optimiser of all parameters."""
        raise NotImplementedError

    def _factor(self, step: int, steps: int) -> float:
        """The factor on the learning rate."""
        raise NotImplementedError
