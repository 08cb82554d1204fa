"""Says beforehand how much of the disk a run will take."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from methods import registry as methods
from methods.backbones.clip_config import ClipConfig
from methods.backbones.clip_width import clip_width
from methods.method import ClassSpec, InputSpec

from ..config import RunConfig
from ..schema.shown import shown_bytes
from ..streams.prepare import input_spec
from ..streams.source import StreamSource
from ..streams.text.tokenizer import Tokenizer

_MUCH = 10**9  # bytes that are worth a line
_PART = 10  # as is such a part of what is free


@dataclass(frozen=True)
class DiskForecast:
    """The most checkpoints that a run will have on the disk at once.

    Attributes:
        trials: How many trials there are to be.
        whole: How many of them, those under way included, have the checkpoints of all tasks at once. The
            others have their last one.
        tasks: How many tasks the stream has.
        each: About how many bytes a checkpoint has.
        keep: The run's ``run.keep``.
        less: A value of ``run.keep`` with which there would be fewer; empty: there is none.
    """

    trials: int
    whole: int
    tasks: int
    each: int
    keep: str
    less: str = ""

    @property
    def bytes(self) -> int:
        """About how many bytes the checkpoints have together."""
        return self.each * (self.trials + min(self.trials, self.whole) * (self.tasks - 1))

    def line(self, runs: Path, storage: str | None) -> str:
        """The line for the user; empty where the bytes are not worth a line.

        Args:
            runs: The runs folder, which may not exist yet.
            storage: The URL at which checkpoints are kept; None: in ``runs``.
        """
        trials = "1 trial" if self.trials == 1 else f"{self.trials} trials"
        what = f"{trials} of {self.tasks} tasks, {_about(self.each)} a checkpoint, run.keep {self.keep}"
        whole = f"checkpoints will take up to about {_about(self.bytes)}"
        if storage:
            return f"{whole} at {storage} ({what})" if self.bytes > _MUCH else ""
        folder = next(path for path in (runs.resolve(), *runs.resolve().parents) if path.exists())
        free = shutil.disk_usage(folder).free
        if self.bytes <= _MUCH and self.bytes * _PART <= free:
            return ""
        if self.bytes < free:
            return f"{whole} ({what}); {shown_bytes(free)} are free on the disk of {folder}"
        ways = [f"run.keep={self.less}"] if self.less else []
        ways += ["fewer trials", "--storage URL", "sweep rm of older runs"]
        return (
            f"{whole} ({what}), and {shown_bytes(free)} are free on the disk of {folder}: {', '.join(ways)} "
            "would help"
        )


def checkpoint_size(config: RunConfig, source: StreamSource, tokenizer: Tokenizer | None) -> int | None:
    """About how many bytes a checkpoint of a run has after the last task, by the sizes alone.

    Args:
        config: The configuration that all trials share.
        source: The stream.
        tokenizer: The tokenizer of its texts; None: there is none, or it is not known.

    Returns:
        The bytes; None where they are few, or not known.
    """
    spec: InputSpec | ClassSpec
    if source.scenario != "recognition":
        if tokenizer is None:
            return None
        spec = input_spec(source, tokenizer)
    else:
        backbone = getattr(config.method, "backbone", None)
        width = clip_width(backbone) if isinstance(backbone, ClipConfig) else None
        if width is None:
            return None
        names, templates = tuple(source.categories), tuple(source.templates)
        spec = ClassSpec(names, templates, torch.empty(len(names), 0, width, device="meta"), 1.0)
    return methods.get(config.method_name).checkpoint_bytes(config.method, spec, len(source.tasks))


def _about(size: int) -> str:
    """A number of bytes with one or two digits."""
    return shown_bytes(float(f"{size:.1e}"))
