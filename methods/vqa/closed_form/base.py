"""Closed-form visual question answering on the queries of frozen image-text encoders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from ...common.closed_form.sums import ClosedFormSums
from ...method import Answers, Batch, Pass, QuestionSpec, Task
from ..triplet.backbone_config import FrozenBackboneConfig
from ..triplet.frozen_backbone import FrozenBackbone
from ..triplet.losses import soft_targets
from ..triplet.query_method import QueryMethod

_Queries = Literal["all", "fusion", "text", "image"]
_ROWS = {"all": (0, 1, 2), "fusion": (2,), "text": (1,), "image": (0,)}


@dataclass(frozen=True)
class QueryFormConfig:
    """Hyper-parameters that all closed forms on frozen queries share."""

    backbone: FrozenBackboneConfig = field(default_factory=FrozenBackboneConfig)
    """The image-text model whose queries are classified."""

    queries: _Queries = "all"
    """Which of its queries are classified: those of picture, question and both, one after another (``all``),
    or one of them: of both (``fusion``), of the question (``text``), of the picture (``image``)."""

    def __post_init__(self) -> None:
        if self.queries not in get_args(_Queries):
            raise ValueError(f"queries {self.queries!r} must be one of {', '.join(get_args(_Queries))}")


class QueryForm(ClosedFormSums, QueryMethod):
    """A classifier of questions that follows from sums over frozen queries. Answers are the classes.

    A question's features are its queries, each a unit row, one after another and divided by the square root
    of their number. A question with several answers counts for each in proportion to the answer's score. A
    question whose answers all have a score of 0 does not count. An answer is given only once a question has
    had it. All A answers of the stream have a row from the first task on: a task may ask for answers of an
    earlier one.

    Args:
        config: The hyper-parameters.
        spec: The stream's questions and answers.
        backbone: The frozen encoders, as of :class:`~..triplet.query_method.QueryMethod`.
    """

    frozen = frozenset({"queries"})
    spec: QuestionSpec
    config: QueryFormConfig

    def __init__(
        self, config: QueryFormConfig, spec: QuestionSpec, backbone: FrozenBackbone | None = None
    ) -> None:
        super().__init__(config, spec, backbone)
        (backbone,) = self._held
        self._make_sums(len(_ROWS[config.queries]) * backbone.width)

    def start_task(self, task: Task) -> None:
        self._begin(len(self.spec.answers))

    @torch.no_grad()
    def observe(self, batch: Batch, step: Pass) -> None:
        assert batch.answer is not None and batch.score is not None
        columns = torch.arange(len(self.counts), device=batch.answer.device)
        score = batch.score.to(self.sums)
        self._add(self._features(batch), soft_targets(batch.answer, score, columns, len(columns)))

    @torch.no_grad()
    def answer(self, batch: Batch) -> Answers:
        if not self.counts.any():
            raise ValueError("no answer is known: no question was kept; allowed: a replay.size above 0")
        logits = self._logits(self._features(batch), slice(None))
        score, index = logits.masked_fill(self.counts == 0, -torch.inf).max(1)
        return Answers([self.spec.answers[i] for i in index.tolist()], score)

    def _features(self, batch: Batch) -> Tensor:
        """float64 (B, D), unit rows, whatever autocast says."""
        queries = self.queries(batch)[:, list(_ROWS[self.config.queries])].to(self.sums)
        return F.normalize(queries, dim=-1).flatten(1) / queries.shape[1] ** 0.5

    def _place(self) -> tuple[torch.device, torch.dtype]:
        return self.sums.device, torch.float32
