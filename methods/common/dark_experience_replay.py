"""Dark experience replay: a memory's samples come with the logits that they once had."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..method import Batch
from .checks import check_range
from .experience_replay import ExperienceReplay, ExperienceReplayConfig
from .output_method import OutputMethod
from .weighted_mean import weighted_mean


@dataclass(frozen=True)
class DERConfig(ExperienceReplayConfig):
    """Hyper-parameters of DER++."""

    derpp_alpha: float = 0.3
    """alpha, the weight of the squared distance from the stored logits. A term of weight 0 is not computed.
    Range: at least 0. Paper: searched. Released code: 0.3 (Mammoth's example)."""

    derpp_beta: float = 0.5
    """beta, the weight of a memory's samples in the method's own loss. At 1, and ``derpp_alpha`` 0, DER++ is
    experience replay. Range: at least 0. Paper: searched. Released code: 0.5 (Mammoth's example)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("derpp_alpha", self.derpp_alpha, 0)
        check_range("derpp_beta", self.derpp_beta, 0)


class DarkExperienceReplay(ExperienceReplay, OutputMethod):
    """Adds stored logits to the experience replay of the method whose class comes next among the bases.

    The loss of a sample of the memory is beta times the method's own, and alpha MSE(logits, stored logits):
    DER++ of Buzzega et al. (NeurIPS 2020), equation 6. Logits are stored as the memory takes a sample in, and
    are not refreshed.

    Its ``Config`` is a :class:`DERConfig`, too. Subclasses implement :meth:`~methods.method.Method.keep` and
    :meth:`distances`.
    """

    keeps = True

    def terms(self, outputs: Any, batch: Batch) -> dict[str, Tensor]:
        if batch.kept is None:
            return super().terms(outputs, batch)
        c = self.config
        replayed = ~batch.kept.flatten(1).isnan().all(1)
        factor = torch.where(replayed, c.derpp_beta, 1.0).to(batch.kept.dtype)
        weight = factor if batch.weight is None else factor * batch.weight
        terms = super().terms(outputs, replace(batch, weight=weight))
        if c.derpp_alpha:
            values = self.distances(outputs, batch.kept, batch)
            terms["stored_logits"] = c.derpp_alpha * weighted_mean(values, batch.weight)
        return terms

    def distances(self, outputs: Any, stored: Tensor, batch: Batch) -> Tensor:
        """Returns each sample's squared distance (B,), by
        :func:`~methods.common.stored_error.stored_error`.

        Args:
            outputs: The model's outputs.
            stored: (B, ...), what :meth:`~methods.method.Method.keep` gave; NaN where nothing is stored.
            batch: The batch.
        """
        raise NotImplementedError
