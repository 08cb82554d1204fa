"""Measures what the pretrained image-text model knows of things that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from torch import Tensor

from methods.backbones.image_text import ImageTextModel

from ..streams.synthetic.family_split import UNSEEN
from ..streams.text.tokenizer import Tokenizer
from .linear_probe import linear_probe
from .scenes import SceneContents, draw_pictures, draw_scenes
from .statements import WORDS, Group, describe, groups, own_colour, say

_PAIRS = 256
_TRAIN, _TEST = 3072, 1024


@dataclass(frozen=True)
class _Cloze:
    """A gap to fill: ``statement`` ends with the aspect that is hidden, and ``question`` has that aspect as
    its answer.
    """

    aspect: str
    statement: str
    question: str
    by_colour: bool = False


_ASKED = {
    "color_by_place": _Cloze("colour", "the color {place} is {colour}", "what color is the {some} {place}?"),
    "color_by_noun": _Cloze("colour", "the color of the {things} is {colour}", "what color is the {things}?"),
    "place_by_color": _Cloze(
        "place", "the {colour} {some} {are} {place}", "where {are} the {colour} {some}?", by_colour=True
    ),
    "place_by_noun": _Cloze("place", "the {things} {are} {place}", "where {are} the {things}?"),
    "count_by_place": _Cloze(
        "count", "the number of things {place} is {count}", "how many things are {place}?"
    ),
    "count_by_color": _Cloze(
        "count",
        "the number of {colour} things is {count}",
        "how many {colour} things are there?",
        by_colour=True,
    ),
    "size_by_place": _Cloze("size", "the {some} {place} {are} {size}", "what size is the {some} {place}?"),
    "posture_by_place": _Cloze(
        "posture", "the {some} {place} {are} {posture}", "what is the {some} {place} doing?"
    ),
    "posture_by_color": _Cloze(
        "posture", "the {colour} {some} {are} {posture}", "what is the {colour} {some} doing?", by_colour=True
    ),
}


def judge_image_text(model: ImageTextModel, tokenizer: Tokenizer) -> dict[str, float]:
    """Measures the pretrained image-text model on scenes of families that pretraining did not see.

    Returns:
        Figures in 0 .. 1, the same at every call. ``retrieval`` and ``retrieval_chance`` are recall@1 from
        picture to description among 256. The others are measured for each aspect and for each way of saying
        whose aspect it is. ``masked_*`` is how often the hidden end of a statement is found among the
        aspect's words. ``probe_*`` is the accuracy of a linear head on the fused class token of a question of
        this kind, of which pretraining has seen none. ``*_other_picture`` is the same with the picture of
        another scene.
    """
    model.eval()
    told, pictures = _scenes(0, _PAIRS)
    talk = Random(0)
    texts = [describe(told, row, talk)[0] for row in range(_PAIRS)]
    with torch.no_grad():
        _, image = model.encode_image(pictures)
        text = model.encode_text(torch.from_numpy(tokenizer.encode(texts)).long())
    nearest = (image @ text.T).argmax(1) == torch.arange(_PAIRS)
    figures = {"retrieval": float(nearest.float().mean()), "retrieval_chance": 1 / _PAIRS}
    train, test = _Seen(model, *_scenes(1, _TRAIN)), _Seen(model, *_scenes(2, _TEST))
    for name, asked in _ASKED.items():
        for suffix, shift in (("", 0), ("_other_picture", 1)):
            figures[f"masked_{name}{suffix}"] = _masked(model, tokenizer, test, asked, shift)
            figures[f"probe_{name}{suffix}"] = linear_probe(
                *_answered(model, tokenizer, train, asked, shift),
                *_answered(model, tokenizer, test, asked, shift),
            )
    return figures


def _scenes(seed: int, n: int) -> tuple[SceneContents, Tensor]:
    rng = np.random.default_rng(seed)
    told = draw_scenes(rng, UNSEEN, n)
    return told, torch.from_numpy(draw_pictures(rng, told))


class _Seen:
    """Scenes, and the image tower's tokens of them."""

    @torch.no_grad()
    def __init__(self, model: ImageTextModel, told: SceneContents, pictures: Tensor) -> None:
        self.told = told
        self.tokens = model.encode_image(pictures)[0]

    def pick(self, asked: _Cloze, shift: int) -> tuple[list[Group], Tensor]:
        """A group of each scene that can be asked about, and the image tokens of the scene that is ``shift``
        places later.
        """
        talk, rows, picked = Random(0), [], []
        for row in range(len(self.tokens)):
            present = groups(self.told, row)
            fit = [
                g
                for g in present
                if getattr(g, asked.aspect) and (not asked.by_colour or own_colour(g, present))
            ]
            if fit:
                rows.append(row)
                picked.append(talk.choice(fit))
        return picked, self.tokens[(torch.tensor(rows) + shift) % len(self.tokens)]


@torch.no_grad()
def _answered(
    model: ImageTextModel, tokenizer: Tokenizer, seen: _Seen, asked: _Cloze, shift: int
) -> tuple[Tensor, Tensor]:
    """The fused class tokens of questions, and their answers."""
    picked, tokens = seen.pick(asked, shift)
    ids = torch.from_numpy(tokenizer.encode([say(asked.question, group) for group in picked])).long()
    labels = [WORDS[asked.aspect].index(getattr(group, asked.aspect)) for group in picked]
    return model.encode_pair(ids, tokens), torch.tensor(labels)


@torch.no_grad()
def _masked(model: ImageTextModel, tokenizer: Tokenizer, seen: _Seen, asked: _Cloze, shift: int) -> float:
    """How often the right word of the aspect is also the likeliest one in the hidden place."""
    picked, tokens = seen.pick(asked, shift)
    scores = []
    for value in WORDS[asked.aspect]:
        ending = tokenizer.encode_answers([value])[0, :-1]
        texts = [say(asked.statement, group).removesuffix(getattr(group, asked.aspect)) for group in picked]
        ids = torch.from_numpy(tokenizer.encode([text + value for text in texts])).long()
        end = (ids == tokenizer.sep_id).int().argmax(1)
        at = (
            end[:, None]
            - len(ending)
            + torch.arange(len(ending))
            + ids.shape[1] * torch.arange(len(ids))[:, None]
        )
        hidden = ids.flatten().clone()
        hidden[at] = tokenizer.mask_id
        logits = model.mlm_logits(hidden.view_as(ids), tokens, at.flatten()).log_softmax(-1)
        likely = logits.view(*at.shape, -1).gather(
            2, torch.from_numpy(ending).long().expand_as(at)[..., None]
        )
        scores.append(likely[..., 0].mean(1))
    guess = torch.stack(scores, 1).argmax(1).tolist()
    return float(
        np.mean(
            [WORDS[asked.aspect][i] == getattr(g, asked.aspect) for i, g in zip(guess, picked, strict=True)]
        )
    )
