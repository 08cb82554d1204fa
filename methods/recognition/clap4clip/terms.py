"""The terms of CLAP4CLIP's loss beside the cross-entropy, each with its weight."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .adapters import ProbabilisticAdapters
from .config import Clap4ClipConfig
from .distributions import Noise, Posterior
from .losses import gaussian_divergence, language_regularisation


def regularisations(
    config: Clap4ClipConfig,
    posterior: Posterior,
    noise: Noise,
    classes: slice,
    *,
    text: Tensor,
    share: Tensor,
    blocked: Tensor,
) -> dict[str, Tensor]:
    """The terms ``lasp`` of ``classes``, ``global_lasp`` and ``ortho``, as far as they have a weight.

    Args:
        config: The terms' weights, and whether there is a global adapter.
        posterior: The distributions of all learnt classes.
        noise: What is drawn from them.
        classes: Those whose distributions are regularised towards past tasks' texts.
        text: Mean text features of all learnt classes, (C, D).
        share: (len(classes),), the weight of each of ``classes``, one over the size of its task.
        blocked: bool (len(classes), len(classes)), the pairs of ``classes`` that do not compete.
    """
    terms = {}
    drawn = torch.addcmul(posterior.mean, posterior.deviation, noise.task.mean(0)).mean(0)
    if config.lasp_weight:
        lasp = language_regularisation(text[classes], drawn[classes], blocked)
        terms["lasp"] = config.lasp_weight * (share * lasp).sum()
        if posterior.shared is not None:
            drawn_shared = torch.addcmul(*posterior.shared, noise.shared.mean(0))
            lasp = language_regularisation(text, drawn_shared)
            terms["global_lasp"] = config.lasp_weight * lasp.mean()
    if config.ortho_weight:
        terms["ortho"] = config.ortho_weight * language_regularisation(drawn, drawn).mean()
    return terms


def divergences(
    weight: float,
    posterior: Posterior,
    classes: slice,
    share: Tensor,
    prior: tuple[Tensor, Tensor] | None,
    shared_prior: tuple[Tensor, Tensor] | None,
) -> dict[str, Tensor]:
    """The KL divergences from the priors: ``kl``, of ``classes``, and ``global_kl``, of the global adapter
    where there is one.

    Args:
        weight: The factor on both terms, at least 0.
        posterior: The distributions of all learnt classes.
        classes: The classes whose distributions are kept near ``prior``.
        share: (len(classes),), the weight of each of them.
        prior: The mean and the deviation of the prior of ``classes``; None: N(0, I).
        shared_prior: The same of the global adapter's prior.
    """
    kl = gaussian_divergence(posterior.mean[:, classes], posterior.deviation[:, classes], prior)
    terms = {"kl": weight * (share * kl.mean(0)).sum()}
    if posterior.shared is not None:
        terms["global_kl"] = weight * gaussian_divergence(*posterior.shared, shared_prior).mean()
    return terms


def distillation(
    teacher: ProbabilisticAdapters, student: ProbabilisticAdapters, text: Tensor, taught: Tensor
) -> Tensor:
    """Mean squared change of the global adapter's means since the previous task.

    Args:
        teacher: The global adapter of the previous task.
        student: The global adapter.
        text: (1, C, D), the student's input.
        taught: (1, C, D), the teacher's input.
    """
    with torch.no_grad():
        wanted, _ = teacher(taught)
    mean, _ = student(text)
    return F.mse_loss(mean, wanted)
