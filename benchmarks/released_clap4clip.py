"""CLAP4CLIP's steps, by its released code (github.com/srvCodes/clap4clip) and by ours, for
`released_steps.py`.

Both have random unit features in the place of CLIP's, 18 templates, and two tasks of ten classes. A task has
five epochs of two batches each, 32 and 17 pictures. The second task has two further epochs of consolidation.
Attention has its dropout, drawn from equal seeds on both sides.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from released_code import Loader, With, released_code
from released_ledger import Ledger, Steps, walk
from torch import Tensor, nn

from methods.method import Batch, ClassSpec, Phase, Task
from methods.recognition.clap4clip.config import Clap4ClipConfig
from methods.recognition.clap4clip.method import Clap4Clip
from orchestrator.config import RunConfig

_WIDTH, _TEMPLATES, _NEW, _TASKS = 512, 18, 10, 2
_SIZES = (32, 17)


class Inputs:
    """Class texts, and the batches of each stretch: one of the first task, two of the second."""

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(0)
        named = torch.randn(_TASKS * _NEW, 1, _WIDTH, generator=draw)
        spread = torch.randn(_TASKS * _NEW, _TEMPLATES, _WIDTH, generator=draw)
        self.text = F.normalize(named + spread, dim=-1)
        self.stretches = {}
        for name, classes in (("task 1 adapt", _NEW), ("task 2 adapt", 20), ("task 2 consolidate", 20)):
            batches = []
            for size in _SIZES:
                label = torch.randint(classes, (size,), generator=draw)
                noise = torch.randn(size, _WIDTH, generator=draw) / math.sqrt(_WIDTH)
                feature = F.normalize(0.1 * self.text[label].mean(1) + noise, dim=-1)
                batches.append((feature, label, torch.arange(size)))
            self.stretches[name] = batches


def released(code: Path, config: RunConfig, ledger: Ledger, older: Path | None) -> None:
    """The released ``fit`` and ``finetuning`` of two tasks.

    Args:
        code: The folder with the released code.
        config: Our recipe's configuration.
        ledger: Takes the steps.
        older: A folder with an older transformers; None: the installed one.
    """
    inputs, c = Inputs(), config.method
    absent: dict[str, Mapping[str, Any]] = {
        "torchmetrics": {},
        "torchmetrics.classification": {},
        "dataset": {},
        "dataset.incremental_dataloader": {},
        "utils": {},
        "utils.display_results": {},
    }
    with released_code([code], absent), contextlib.redirect_stdout(io.StringIO()), _quiet():
        from classifier import continual_clip_variational as module

        heard = _Heard(ledger, c)
        given = {
            "load": lambda *_, **__: (_Clip(inputs.text), None),
            "tokenize": lambda prompts: torch.tensor([_number(prompt) for prompt in prompts]),
            "F": With(F, cross_entropy=heard.cross_entropy),
        }
        noise = patch.object(torch.distributions.normal, "_standard_normal", heard.normal)
        with patch.multiple(module, **given), noise:
            args = _arguments(c)
            model = module.ClClipVariational(args)
            heard.follow(module, model)
            for task in range(_TASKS):
                args.sess = task
                data = {
                    "class_names": [f"class {k}" for k in range(task * _NEW, (task + 1) * _NEW)],
                    "prompt_templates": [f"{{}} template {k}" for k in range(_TEMPLATES)],
                    "train_loader": _loader(inputs, f"task {task + 1} adapt"),
                    "memory_loader": _loader(inputs, "task 2 consolidate"),
                }
                heard.stretch(f"task {task + 1} adapt")
                model.fit(data)
                model.post_training(finalize=False)
                if task:
                    heard.stretch(f"task {task + 1} consolidate")
                    model.finetuning(data)


def ours(config: RunConfig, ledger: Ledger) -> None:
    """The same by ``methods.recognition.clap4clip``."""
    inputs, c = Inputs(), config.method
    names = tuple(map(str, range(_TASKS * _NEW)))
    spec = ClassSpec(names, ("{}",) * _TEMPLATES, inputs.text, 100.0)
    method = Clap4Clip(c, spec)
    for index in range(_TASKS):
        classes = range(index * _NEW, (index + 1) * _NEW)
        task = Task(index, "t", "recognition", _TASKS, classes)
        method.start_task(task)
        _begin(method, index, ledger.weights(f"task {index + 1} adapt step 0"))
        for phase in method.phases(task):
            prefix = f"task {index + 1} {phase.name}"
            ledger.compare(f"{prefix} step 0", {}, _weights(method))
            batches = inputs.stretches[prefix] * phase.epochs
            given = [_batch(f, label, step) for step, (f, label, _) in enumerate(batches)]
            steps = Steps(ledger, f"{prefix} step", partial(_weights, method))
            with patch.object(method, "before_step", partial(_same_dropout, iter(range(len(given))))):
                walk(method, phase, given, steps, len(given))


def given(layers: int | None, pixels: int) -> dict[str, object]:
    """What is set beside the recipe."""
    return {}


def notes(config: RunConfig) -> Mapping[str, str]:
    """What the two sides were given that is not the recipe's."""
    return {
        "features": "random unit rows of 512; CLIP's scale is 100",
        "classes": "10 a task, 18 templates, batches of 32 and 17 pictures",
        "floats": "32 bits, where the released code computes in 16",
    }


class _Heard:
    """Hears the released code's terms and steps, and gives it its draws."""

    def __init__(self, ledger: Ledger, config: Clap4ClipConfig) -> None:
        self._ledger, self._config = ledger, config
        self._entropies: list[float] = []
        self._divergence = 0.0
        self._draws: Iterator[Tensor] = iter(())
        self._name, self._step = "", 0

    def stretch(self, name: str) -> None:
        self._name, self._step = name, 0

    def follow(self, module: Any, model: Any) -> None:
        forward, build = module.CLIP.forward, model.build_optimizer

        def heard_forward(clip: Any, *args: Any, **kwargs: Any) -> Any:
            self._entropies.clear()
            sizes = [clip.task_to_cls_num[k] for k in range(clip.args.sess + 1)]
            self._draws = iter(_noise(self._config.samples, sum(sizes), self._step).split(sizes, 1))
            torch.manual_seed(self._step)
            found = forward(clip, *args, **kwargs)
            self._divergence = found[1][1].item()
            return found

        def heard_build(*args: Any, **kwargs: Any) -> None:
            build(*args, **kwargs)
            self._ledger.record(f"{self._name} step 0", {}, self._weights(model))
            model.optimizer.register_step_post_hook(lambda *_: self._after(model))

        module.CLIP.forward, model.build_optimizer = heard_forward, heard_build

    def cross_entropy(self, *args: Any, **kwargs: Any) -> Tensor:
        value = F.cross_entropy(*args, **kwargs)
        self._entropies.append(value.item())
        return value

    def normal(self, shape: Any, dtype: Any, device: Any) -> Tensor:
        drawn = next(self._draws)
        assert drawn.shape == torch.Size(shape)
        return drawn

    def _after(self, model: Any) -> None:
        self._step += 1
        *lasp, entropy = self._entropies
        terms = {
            "cross_entropy": entropy,
            "lasp": self._config.lasp_weight * sum(lasp),
            "kl": self._divergence,
        }
        self._ledger.record(f"{self._name} step {self._step}", terms, self._weights(model))

    @staticmethod
    def _weights(model: Any) -> dict[str, Tensor]:
        found = {f"vga.{n}": p for n, p in model.vga.layers[0].named_parameters()}
        for part, adapters in (("mean", model.mu_adapters), ("deviation", model.sigma_adapters)):
            for task, adapter in enumerate(adapters):
                for name in ("weight", "bias"):
                    found[f"adapter {task} {part} {name}"] = getattr(adapter.fc[0], name)
        return found


def _weights(method: Clap4Clip) -> dict[str, Tensor]:
    found = {f"vga.{n}": p for n, p in method.vga.layer.named_parameters()}
    for name, parameters in (("weight", method.adapters.weight), ("bias", method.adapters.bias)):
        for task, pair in enumerate([*parameters.past, *parameters.new]):
            for part, value in zip(("mean", "deviation"), pair, strict=True):
                found[f"adapter {task} {part} {name}"] = value
    return found


@torch.no_grad()
def _begin(method: Clap4Clip, task: int, wanted: Mapping[str, Tensor]) -> None:
    """Gives ours the released code's random numbers: the biases of the newest adapter, and at first the
    attention. The weights of the adapter follow from the texts, and are ours.
    """
    own = _weights(method)
    for name, value in wanted.items():
        if name.startswith(f"adapter {task} ") and name.endswith("bias") or (not task and name[:3] == "vga"):
            own[name].copy_(value)


def _batch(feature: Tensor, label: Tensor, step: int) -> Batch:
    return Batch(None, label.new_zeros(len(label), 0), label, label, feature=feature, seed=step)


def _same_dropout(steps: Iterator[int], phase: Phase) -> None:
    torch.manual_seed(next(steps))


def _noise(samples: int, classes: int, seed: int) -> Tensor:
    """What ours draws for a batch of that seed, (M, C, D)."""
    return torch.randn(samples, 1, classes, _WIDTH, generator=torch.Generator().manual_seed(seed))[:, 0]


def _loader(inputs: Inputs, name: str) -> Loader:
    return Loader(inputs.stretches[name], sum(_SIZES))


def _number(prompt: str) -> int:
    """The row of a prompt among all, from "class 3 template 7"."""
    words = prompt.split()
    return int(words[1]) * _TEMPLATES + int(words[3])


def _arguments(c: Clap4ClipConfig) -> Any:
    """The released code's options for the recipe's values. Options that the recipe leaves off are off there
    by default.
    """
    off = "hierarchical expandable_tokens expandable_prompt distill ortho_loss use_np_prior frozen_prior"
    off += " compute_ram get_interclass_dist get_adapter_distances"
    return SimpleNamespace(
        **dict.fromkeys(off.split(), False),
        sess=0,
        ckpt_path="",
        default_gpu=0,
        gpus=[0],
        lr=c.learning_rate * 20 / c.batch_size,  # which the code multiplies by the batch over 20
        wd=0.0,
        epochs=c.epochs,
        finetune_epochs=c.consolidation_epochs,
        train_batch=c.batch_size,
        variational=True,
        use_vga=c.vga,
        expandable_adapter=c.task_adapters,
        lasp=True,
        beta=c.lasp_weight,
        alpha=10.0,
        forward_times=c.samples,
        forward_times_global=c.global_samples,
    )


class _Clip(nn.Module):
    """Stands for CLIP: a picture is its feature, and a prompt the number of its row."""

    def __init__(self, text: Tensor) -> None:
        super().__init__()
        self.ln_final = nn.LayerNorm(_WIDTH)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(100)))
        self.visual = _Visual()
        self.transformer = self.positional_embedding = self.text_projection = None
        self.dtype = torch.float32
        self._text = text.flatten(0, 1)

    def encode_text(self, numbers: Tensor) -> Tensor:
        return self._text[numbers]


class _Visual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        return image


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stderr(io.StringIO()):
        yield
