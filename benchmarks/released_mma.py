"""MMA's steps, by its released code (github.com/dqmis/clip-mma) and by ours. For `released_steps.py`.

Both have random unit features in the place of CLIP's: 256 pictures a step at most, and the 37 classes of
Oxford Pets. MMA has one task. The second task here is the released training begun anew on all classes.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from released_code import Loader, released_code
from released_ledger import Ledger, Steps, own_weights, walk
from torch import Tensor, nn

from methods.method import Batch, ClassSpec, Task
from methods.recognition.mma.method import MMA, MMAConfig
from orchestrator.config import RunConfig

_WIDTH, _CLASSES, _BASE = 512, 37, 18
_SIZES = (256, 32)  # what an epoch of 18 classes of 16 pictures is cut into


class Inputs:
    """The classes' texts, and two batches of pictures for each of two tasks."""

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(0)
        self.text = F.normalize(torch.randn(_CLASSES, _WIDTH, generator=draw), dim=-1)
        self.tasks = []
        for stop in (_BASE, _CLASSES):
            batches = []
            for size in _SIZES:
                label = torch.randint(stop, (size,), generator=draw)
                noise = torch.randn(size, _WIDTH, generator=draw) / math.sqrt(_WIDTH)
                batches.append((F.normalize(0.03 * self.text[label] + noise, dim=-1), label))
            self.tasks.append((stop, batches))


def released(code: Path, config: RunConfig, ledger: Ledger, older: Path | None) -> None:
    """Two steps in each of two tasks, by the released ``Learner``.

    Args:
        code: The folder with the released code.
        config: Our recipe's configuration.
        ledger: Takes the steps.
        older: A folder with an older transformers; None: the installed one.
    """
    inputs = Inputs()
    names = [f"class {k}" for k in range(_CLASSES)]
    clip = {
        "tokenize": lambda prompt: torch.tensor([int(prompt.split()[1].rstrip("."))]),
        "_MODELS": {},
    }
    start = {"initalize_test_dataloader_subsample": None}
    absent = {"clip": {"clip": SimpleNamespace(**clip)}, "fomo.pipelines.utils.initializers": start}
    with released_code([code], absent), _said():
        from fomo.models.clip import MODELS
        from fomo.models.clip.clip_base import ClipBase
        from fomo.pipelines import train
        from fomo.pipelines.types.learner_args import LearnerArgs

        with patch.object(ClipBase, "_load_clip_to_cpu", lambda *_: (_Clip(inputs.text), None)):
            model = MODELS[config.method.adapter]()
        model.to_cpu()
        for number, (stop, batches) in enumerate(inputs.tasks, 1):
            loader = Loader(batches, sum(_SIZES))
            given = {
                "intialize_model": lambda *_: model,
                "initalize_datasets": lambda *_, stop=stop: ((None, None), (names[:stop], names[:stop])),
                "initalize_dataloaders": lambda *_, loader=loader: (loader, loader, loader),
                "save_checkpoint": lambda *_, **__: None,
            }
            with patch.multiple(train, **given):
                learner = train.Learner(_arguments(LearnerArgs, config.method))
                record = partial(ledger.record, weights=own_weights(model.adapter))
                _hear(learner, record, f"task {number} step")
                learner.train_one_epoch(0)


def ours(config: RunConfig, ledger: Ledger) -> None:
    """The same steps by ``methods.recognition.mma``."""
    inputs = Inputs()
    spec = ClassSpec(tuple(map(str, range(_CLASSES))), ("{}",), inputs.text[:, None], 100.0)
    method = MMA(config.method, spec)
    method.adapter.adapter.load_state_dict(ledger.weights("task 1 step 0"))
    first = 0
    for index, (stop, batches) in enumerate(inputs.tasks):
        task = Task(index, "t", "recognition", 2, range(first, stop))
        first = stop
        method.start_task(task)
        prefix = f"task {index + 1} step"
        weights = partial(own_weights, method.adapter.adapter)
        ledger.compare(f"{prefix} 0", {}, weights())
        (phase,) = method.phases(task)
        given = [_batch(feature, label) for feature, label in batches]
        # Early stopping does nothing in a phase's first epoch.
        walk(method, replace(phase, patience=0), given, Steps(ledger, prefix, weights), len(given))


def _batch(feature: Tensor, label: Tensor) -> Batch:
    return Batch(None, label.new_zeros(len(label), 0), label, label, feature=feature)


def _arguments(made: Any, c: MMAConfig) -> Any:
    return made(
        device="cpu",
        model_type=c.adapter,
        epochs=c.epochs,
        patience=c.patience,
        batch_size=c.batch_size,
        learning_rate=c.learning_rate,
        weight_decay=c.weight_decay,
        text_prompt_template="{}.",
    )


def _hear(learner: Any, record: Any, prefix: str) -> None:
    """Records each step of the released loop."""
    losses: list[float] = []
    loss = learner.criterion

    def criterion(outputs: Tensor, targets: Tensor) -> Tensor:
        value = loss(outputs, targets)
        losses.append(value.item())
        return value

    def after(*_: Any) -> None:
        record(f"{prefix} {len(losses)}", {"cross_entropy": losses[-1]})

    learner.criterion = criterion
    record(f"{prefix} 0", {})
    learner.optimizer.register_step_post_hook(after)


class _Clip(nn.Module):
    """Stands for CLIP: a picture is its feature, and a prompt the number of its class."""

    def __init__(self, text: Tensor) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(100)))
        self.visual = nn.Identity()
        self._text = text

    def encode_image(self, image: Tensor) -> Tensor:
        return image.clone()  # the caller divides in place

    def encode_text(self, numbers: Tensor) -> Tensor:
        return self._text[numbers]


@contextlib.contextmanager
def _said() -> Any:
    """Keeps what the released code prints to itself."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def given(layers: int | None, pixels: int) -> dict[str, object]:
    """What is set beside the recipe."""
    return {}


def notes(config: RunConfig) -> Mapping[str, str]:
    """What the two sides were given that is not the recipe's."""
    return {"features": "random unit rows of 512", "logit scale": "100"}
