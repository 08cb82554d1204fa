"""CLAP4CLIP's golden arrays by its released code (github.com/srvCodes/clap4clip). For `released_arrays.py`.

The functions of the model are called without a model: what they take from it is given to them.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from released_code import released_code
from torch import nn

if TYPE_CHECKING:
    from released_arrays import Arrays


def compute(code: Path, arrays: Arrays) -> None:
    """Attention masks, the weights that adapters begin with, and the schedule."""
    absent: dict[str, dict[str, Any]] = {
        name: {}
        for name in (
            *("torchmetrics", "torchmetrics.classification", "dataset", "dataset.incremental_dataloader"),
            *("utils", "utils.display_results", "clip", "clip.clip", "clip.simple_tokenizer"),
        )
    }
    with released_code([code], absent):
        from classifier import continual_clip_variational as module
        from classifier.utils import build_cosine_scheduler

        for case in arrays.cases("mask"):
            sizes = arrays[f"{case}.plain.sizes"].tolist()
            for kind, more in (("plain", 0), ("tokens", len(sizes))):
                args = SimpleNamespace(default_gpu=0, expandable_tokens=bool(more))
                own = SimpleNamespace(args=args, task_to_cls_num=dict(enumerate(sizes)))
                side = sum(sizes) + more
                given = own, (side, side), len(sizes), sum(sizes)
                arrays.found(f"{case}.{kind}.out_blocked", module.CLIP.get_attention_mask(*given))
        for case in arrays.cases("init"):
            texts = arrays[f"{case}.E"]
            width = texts.shape[-1]
            mean, deviation = (SimpleNamespace(fc=nn.Sequential(nn.Linear(width, width))) for _ in range(2))
            own = SimpleNamespace(frozen_text_features_individual=texts)
            own.mu_adapters, own.sigma_adapters = [mean], [deviation]
            module.CLIP.init_new_heads(own)
            arrays.found(f"{case}.out_w_mu", mean.fc[0].weight)
            arrays.found(f"{case}.out_w_sigma", deviation.fc[0].weight)
        for case in arrays.cases("schedule"):
            steps, warm = (int(arrays.number(f"{case}.{name}")) for name in ("total_steps", "warmup_steps"))
            rate = arrays.number(f"{case}.base_lr")
            nothing = SimpleNamespace(param_groups=[])
            made = build_cosine_scheduler(nothing, lr=rate, total_step=steps, lr_warmup_step=warm)
            arrays.found(f"{case}.out_lr", torch.tensor(made.lrs))
