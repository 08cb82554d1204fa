"""What CLAP4CLIP learns, and how it grows with the tasks."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...common.task_parameters import TaskParameters
from ...method import ClassSpec, Method, Task
from ..learned_prompts import LearnedPrompts
from ..logit_scale import at_logit_scale
from .adapters import ProbabilisticAdapters
from .attention import VisualGuidedAttention
from .config import Clap4ClipConfig
from .language_init import language_aware_weights
from .task_mask import task_mask

_TOKEN_DEVIATION = 0.02


class GrowingAdapters(Method):
    """The attention, the adapters, tokens and prompts of CLAP4CLIP, and which of them a phase trains.
    :class:`~methods.recognition.clap4clip.method.Clap4Clip` says what they compute.

    Args:
        config: The hyper-parameters.
        spec: The stream's classes.
        clip: The CLIP whose text tower encodes learned prompts (see
            :class:`~methods.recognition.learned_prompts.LearnedPrompts`); None: with learned prompts it is
            loaded from ``config.backbone``.

    Raises:
        ValueError: ``vga_heads`` does not divide the features' width.
    """

    Config = Clap4ClipConfig

    def __init__(self, config: Clap4ClipConfig, spec: ClassSpec, clip: nn.Module | None = None) -> None:
        super().__init__(config, at_logit_scale(spec, config.logit_scale))
        c, width, coop = config, spec.width, config.prompt == "coop"
        heads = c.vga_heads or (max(1, width // 64) if coop else 1)
        if c.vga and width % heads:
            raise ValueError(f"vga_heads {heads} does not divide the features' width of {width}")
        mean = spec.text.mean(1)
        self.register_buffer("_mean_text", mean, persistent=False)
        self.register_buffer("_text", F.normalize(mean, dim=-1), persistent=False)
        self.register_buffer("sizes", torch.empty(0, dtype=torch.long))
        self.vga = VisualGuidedAttention(width, heads, c.vga_ff, c.dropout, c.task_tokens) if c.vga else None
        self.tokens = TaskParameters(width) if c.task_tokens else None
        self.adapters = ProbabilisticAdapters(width, norm=coop)
        self.global_adapter: ProbabilisticAdapters | None = None
        self.teacher: ProbabilisticAdapters | None = None
        self.teacher_vga: VisualGuidedAttention | None = None
        self.teacher_tokens: Tensor | None = None
        if c.hierarchical:
            self.global_adapter = ProbabilisticAdapters(width, norm=coop)
            self.global_adapter.grow(None)
        self.prompts: LearnedPrompts | None = None
        if coop:
            if clip is None:
                # open_clip takes seconds to import, so that only methods with learned prompts import it.
                from ...backbones.clip import load_clip

                clip = load_clip(c.backbone)
            self.prompts = LearnedPrompts(clip, spec.names, c.context_length, c.task_contexts)
        self.register_buffer("_blocked", torch.empty(0, 0, dtype=torch.bool), persistent=False)
        self.register_buffer("_share", torch.empty(0), persistent=False)
        self._classes = 0
        self._newest = range(0)
        if c.half_precision:
            self.half()

    @classmethod
    def checkpoint_bytes(cls, config: Any, spec: Any, tasks: int) -> int | None:
        c, width = config, spec.width
        pairs = (tasks if c.task_adapters else 1) + c.hierarchical
        attention = 2 * 4 * width * (width + 1) + 2 * width * c.vga_ff if c.vga else 0
        return (2 if c.half_precision else 4) * (attention + pairs * 2 * width * (width + 1))

    def start_task(self, task: Task) -> None:
        c = self.config
        if task.classes.start != self._classes or not len(task.classes):
            raise ValueError(
                f"task {task.index} brings the classes {task.classes}, which do not follow the "
                f"{self._classes} learnt"
            )
        if self._classes and self.global_adapter is not None and c.distill_weight:
            self.teacher = copy.deepcopy(self.global_adapter).requires_grad_(False)
            if c.option_reading == "reference" and self.vga is not None:
                # It keeps the sizes of the tasks before this one, and is in eval mode in the released code.
                self.teacher_vga = copy.deepcopy(self.vga).requires_grad_(False).eval()
                self.teacher_tokens = self._all_tokens()
        first = not self._classes
        if first or c.task_adapters:
            self.adapters.grow(self._initial_weight(task.classes))
        elif c.reset_shared:
            self.adapters.reset(self._initial_weight(task.classes))
        if self.tokens is not None:
            self.tokens.grow(torch.empty(self.spec.width).normal_(0, _TOKEN_DEVIATION))
        if self.prompts is not None:
            self.prompts.start_task()
        self.sizes = torch.cat([self.sizes, self.sizes.new_tensor([len(task.classes)])])
        self._arrange()

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        saved = state_dict.get(prefix + "sizes")
        if saved is not None:
            self.sizes = self.sizes.new_empty(saved.shape)
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._arrange()

    def _arrange(self) -> None:
        """Makes what follows from the number of classes of each task."""
        sizes = self.sizes.tolist()
        self._classes = sum(sizes)
        if not sizes:
            return
        self._newest = range(self._classes - sizes[-1], self._classes)
        device = self._text.device
        count = torch.tensor(sizes)
        self._share = (1 / count.to(self._text.dtype)).repeat_interleave(count).to(device)
        self._blocked = task_mask(sizes, tokens=False).to(device)
        self.adapters.arrange(sizes if self.config.task_adapters else [self._classes])
        if self.vga is not None:
            self.vga.arrange(sizes)

    def _initial_weight(self, classes: range) -> Tensor | None:
        c = self.config
        if c.init == "default":
            return None
        start = classes.start if c.init_classes == "new" else 0
        return language_aware_weights(self.spec.text[start : classes.stop], c.init_statistic)

    def _all_tokens(self) -> Tensor | None:
        """The tokens of all tasks, (T, D), without gradients; None where there are none."""
        if self.tokens is None:
            return None
        return torch.cat([self.tokens.past, self.tokens.new]).detach().clone()

    def _adapt(self) -> torch.optim.Optimizer:
        trained = self._train_only(past=False)
        if self.vga is not None:
            trained += self.vga.requires_grad_(True).parameters()
        for growing in (self.tokens, self.prompts and self.prompts.context):
            if growing is not None:
                trained.append(growing.new.requires_grad_(True))
        return torch.optim.SGD(trained, lr=self.config.learning_rate)

    def _consolidate(self) -> torch.optim.Optimizer:
        trained = self._train_only(past=self.config.task_adapters)
        if self.config.option_reading == "reference":
            for growing in (self.tokens, self.prompts and self.prompts.context):
                if growing is not None:
                    trained += [p.requires_grad_(True) for p in (growing.past, growing.new)]
        return torch.optim.SGD(trained, lr=self.config.learning_rate * self.config.consolidation_factor)

    def _train_only(self, *, past: bool) -> list[nn.Parameter]:
        """Freezes all but the newest adapter, the global one and, with ``past``, the older adapters; returns
        the parameters of these.
        """
        self.requires_grad_(False)
        trained = self.adapters.train_only(past=past, new=True)
        if self.global_adapter is not None:
            trained += self.global_adapter.train_only(past=False, new=True)
        return trained
