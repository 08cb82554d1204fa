"""Measures what a pretrained CLIP knows of things that it has not seen."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from methods.backbones.clip import Clip

from ..streams.recognition.shapes_recognition import ShapesRecognition
from ..streams.source import StreamSource
from ..streams.synthetic.family_split import UNSEEN
from .linear_probe import linear_probe
from .pairs import pairs

_PAIRS = 256


def judge(clip: Clip) -> dict[str, float]:
    """Measures a pretrained CLIP.

    Returns:
        Figures in 0 .. 1, the same at every call. ``retrieval`` and ``retrieval_chance`` are recall@1 from
        picture to caption among 256 pairs of invented families that pretraining did not see. ``zero_shot``
        and ``zero_shot_task`` are the accuracy on the test pictures of shapes-recognition's new
        families, with all its templates together, among all classes and among the task's. ``colour`` is how
        often the class that zero-shot finds has the right colour. ``linear_probe`` is the accuracy of a
        linear head trained on all its tasks at once; ``chance`` is that of a guess.
    """
    pictures, captions = pairs(np.random.default_rng(0), UNSEEN, _PAIRS)
    nearest = (clip.encode_image(torch.from_numpy(pictures)) @ clip.encode_text(captions).T).argmax(1)
    stream = ShapesRecognition.load(ShapesRecognition.Config(families="new"), skip_bad=False)
    image, label = _split(clip, stream, "test")
    prompts = [t.format(name) for name in stream.categories for t in stream.templates]
    text = clip.encode_text(prompts).view(len(stream.categories), len(stream.templates), -1)
    logits = image @ normalize(text.mean(1), dim=-1).T
    guess = logits.argmax(1)
    colour = np.array([name.split()[0] for name in stream.categories])
    return {
        "retrieval": _mean(nearest == torch.arange(_PAIRS)),
        "retrieval_chance": 1 / _PAIRS,
        "zero_shot": _mean(guess == label),
        "zero_shot_task": _within_tasks(logits, label, stream),
        "colour": float((colour[guess] == colour[label]).mean()),
        "linear_probe": linear_probe(*_split(clip, stream, "train"), image, label),
        "chance": 1 / len(stream.categories),
    }


def _encode(clip: Clip, pictures: np.ndarray) -> Tensor:
    return clip.encode_image(torch.from_numpy(pictures).permute(0, 3, 1, 2))


def _split(clip: Clip, stream: StreamSource, name: str) -> tuple[Tensor, Tensor]:
    """The features and labels of all tasks' pictures."""
    splits = [task.splits[name] for task in stream.tasks]
    features = [_encode(clip, s.pictures.read(np.arange(len(s.label)))) for s in splits]
    return torch.cat(features), torch.from_numpy(np.concatenate([s.label for s in splits])).long()


def _within_tasks(logits: Tensor, label: Tensor, stream: StreamSource) -> float:
    right = 0
    for task in stream.tasks:
        own = (label >= task.classes.start) & (label < task.classes.stop)
        guess = logits[own][:, task.classes.start : task.classes.stop].argmax(1) + task.classes.start
        right += int((guess == label[own]).sum())
    return right / len(label)


def _mean(right: Tensor) -> float:
    return float(right.float().mean())
