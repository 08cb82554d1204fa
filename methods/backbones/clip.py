"""A frozen CLIP, built by open_clip."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from math import log
from typing import Any

import open_clip
import torch
import torch.nn.functional as F
from open_clip.transform import PreprocessCfg
from torch import Tensor, nn

from ..common.precision import full_precision
from .clip_check import check_clip
from .clip_config import ClipConfig
from .clip_file import fit_clip
from .clip_training import OPENAI_EXTRA, how_trained
from .config import CLIP_WEIGHTS
from .fit import check_finite
from .load_reason import load_reason
from .loaded_once import LoadedOnce
from .preprocess import prepare
from .small_clip import PREPROCESS, SMALL, build_small_clip
from .weights_file import read_weights

_TEXTS = 256
# CLIP's is at most 100; a file that holds 100 instead of its logarithm would stand for 10^43
_LARGEST_SCALE = 10_000


class Clip(nn.Module):
    """The two encoders of a CLIP: frozen, always in eval mode, and in float32 whatever autocast says.

    :func:`load_clip` makes it.

    Attributes:
        image_size: The side of the pictures that the image encoder sees, in pixels.
        width: D, the width of the space that pictures and texts share.
        scale: The exponential of ``logit_scale``.
        context_width: The width of the text encoder's word embeddings.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Callable[[Sequence[str]], Tensor],
        architecture: dict[str, Any],
        preprocess: PreprocessCfg,
    ) -> None:
        super().__init__()
        self.model = model.requires_grad_(False).eval()
        self.image_size = preprocess.size if isinstance(preprocess.size, int) else preprocess.size[0]
        self.width: int = architecture["embed_dim"]
        self.scale = float(model.logit_scale.exp())
        self._tokenizer = tokenizer
        self._architecture = architecture
        self._preprocess = preprocess

    @property
    def context_width(self) -> int:
        """The width of the text encoder's word embeddings."""
        return self._word_embedding().embedding_dim

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 over architecture, weights and preprocessing. It is equal for encoders that give equal
        features, on any machine.
        """
        p = self._preprocess
        how = (self._architecture, self.image_size, p.mean, p.std, p.interpolation)
        digest = hashlib.sha256(json.dumps(how, sort_keys=True).encode())
        if isinstance(self._tokenizer, open_clip.SimpleTokenizer):
            digest.update(repr(list(self._tokenizer.bpe_ranks)).encode())
        for name, value in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def train(self, mode: bool = True) -> Clip:
        """Keeps the encoders in eval mode."""
        return super().train(False)

    @torch.no_grad()
    def encode_image(self, image: Tensor) -> Tensor:
        """Encodes pictures. Pictures of another side are resized to ``image_size`` as the model's
        preprocessing does (bicubic, antialiased).

        Args:
            image: uint8 (B, 3, S, S).

        Returns:
            Unit rows (B, D).
        """
        with full_precision(image):
            return self.model.encode_image(prepare(image, self._preprocess), normalize=True)

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encodes texts in any language. A text that is longer than the context is cut.

        Args:
            texts: N texts.

        Returns:
            Unit rows (N, D).
        """
        device = self.model.logit_scale.device
        rows = [torch.empty(0, self.width, device=device)]
        with full_precision(self.model.logit_scale):
            for start in range(0, len(texts), _TEXTS):
                ids = self._tokenizer(list(texts[start : start + _TEXTS])).to(device)
                rows.append(self.model.encode_text(ids, normalize=True))
        return torch.cat(rows)

    def read_alike(self, texts: Sequence[str]) -> list[tuple[str, str]]:
        """Finds different texts that have the same token row.

        The difference of such texts lies behind the end of the context, or is ignored by the tokenizer
        (case).

        Args:
            texts: The texts.

        Returns:
            A pair for each such text: the first text with the same row, and the text itself.
        """
        first: dict[bytes, str] = {}
        pairs = []
        for text, row in zip(texts, self._tokenizer(list(texts)), strict=True):
            other = first.setdefault(row.numpy().tobytes(), text)
            if other != text:
                pairs.append((other, text))
        return pairs

    def encode_prompts(self, context: Tensor, names: Sequence[str]) -> Tensor:
        """Encodes learned prompts [V]1 .. [V]n name. The gradient flows to ``context``.

        The class name stands at the end (Zhou et al., *Learning to Prompt for Vision-Language Models*, IJCV
        2022, eq. 2). A full stop follows it, as in the released code.

        Args:
            context: float32 (n, ``context_width``), n >= 1, shared by all names.
            names: C class names.

        Returns:
            Unit rows (C, D).

        Raises:
            ValueError: n words leave no room for a name.
        """
        n = len(context)
        ids, start = self._prompt_ids(n, names)
        ids = ids.to(self.model.logit_scale.device)

        def insert(module: nn.Module, inputs: tuple, words: Tensor) -> Tensor:
            learned = context.to(words.dtype).expand(len(words), -1, -1)
            return torch.cat([words[:, :start], learned, words[:, start + n :]], 1)

        # A hook on the word embedding leaves masks and pooling to the tower itself, whichever tower it is.
        hook = self._word_embedding().register_forward_hook(insert)
        try:
            with full_precision(ids):
                return F.normalize(self.model.encode_text(ids).float(), dim=-1)
        finally:
            hook.remove()

    def _prompt_ids(self, n: int, names: Sequence[str]) -> tuple[Tensor, int]:
        """Token rows (C, L) with n placeholders, and the index where these start."""
        ids = self._tokenizer([" ".join(["x"] * n + [f"{name}."]) for name in names])
        one, other = self._tokenizer(["x", "y"])
        start = int((one != other).int().argmax())
        # There must be room for one piece of a name and for the end of the text.
        if start + n + 2 > ids.shape[1]:
            most = ids.shape[1] - start - 2
            raise ValueError(f"context {n} words leave no room for a class name: allowed are 1 .. {most}")
        if not (ids[:, start : start + n] == one[start]).all():
            raise ValueError(
                "this model's tokenizer does not keep words apart: prompts cannot be learnt for it"
            )
        return ids, start

    def _word_embedding(self) -> nn.Embedding:
        tower = getattr(self.model, "text", self.model)
        if hasattr(tower, "token_embedding"):
            return tower.token_embedding
        return tower.transformer.get_input_embeddings()


@LoadedOnce
def load_clip(config: ClipConfig) -> Clip:
    """Returns the CLIP that ``config`` asks for, on the CPU. A process has one, which all who ask share,
    until the file of its weights changes.

    Weights that open_clip knows by a tag are downloaded where they are not in its cache. Random weights are
    the same in every process. torch's global generator is left as it was.

    Args:
        config: Which CLIP is wanted.

    Raises:
        ValueError: There is no such model, tag or file; the weights do not fit or are not finite;
            ``logit_scale`` is no logarithm of a scale; or a file does not tell how its weights were trained
            (see :class:`ClipConfig`). The message has one line.
    """
    check_clip(config)
    with torch.random.fork_rng(devices=[]), _quiet():
        # This is not torch.manual_seed, which would seed the GPUs' generators too.
        torch.default_generator.manual_seed(0)
        clip = (_load_small if config.model == "small" else _load_named)(config)
    if not 0 < clip.scale < _LARGEST_SCALE:
        raise ValueError(
            f"pretrained {config.pretrained!r}: logit_scale is {clip.model.logit_scale.item():g}, allowed: "
            f"the logarithm of what similarities are multiplied by, below {log(_LARGEST_SCALE):.3g}"
        )
    return clip


def _load_small(config: ClipConfig) -> Clip:
    model, tokenizer = build_small_clip()
    if config.pretrained != "random":
        path = str(CLIP_WEIGHTS) if config.pretrained == "world" else config.pretrained
        with _explained(
            f"pretrained {config.pretrained!r} is not a weights file of the model small: its weights"
        ):
            fit_clip(model, read_weights(path))
    return Clip(model, tokenizer, SMALL, PREPROCESS)


def _load_named(config: ClipConfig) -> Clip:
    name, pretrained = config.model.replace("/", "-"), config.pretrained
    architecture = open_clip.get_model_config(name)
    tag = open_clip.get_pretrained_cfg(name, pretrained)
    if pretrained == "random":
        model = _made(name, "random weights")
    elif tag:
        model = _of_tag(config, name, tag)
    else:
        model, tag = _of_file(config, name)
    text = architecture["text_cfg"]
    words = text.get("hf_tokenizer_name") or text.get("hf_model_name") or "its own"
    with _explained(f"cannot make the tokenizer of {name} ({words}):"):
        tokenizer = open_clip.get_tokenizer(name)
    architecture["quick_gelu"] = architecture.get("quick_gelu", False) or tag.get("quick_gelu", False)
    return Clip(model, tokenizer, architecture, PreprocessCfg(**model.visual.preprocess_cfg))


def _made(name: str, weights: str, **options: Any) -> nn.Module:
    with _explained(f"cannot make model {name!r} with {weights}:"):
        return open_clip.create_model(name, pretrained_text=False, **options)


def _of_tag(config: ClipConfig, name: str, tag: dict[str, Any]) -> nn.Module:
    if config.trained_as is not None:
        raise ValueError(
            f"trained_as {config.trained_as!r} belongs to a weights file, not to the tag "
            f"{config.pretrained!r}: leave it out"
        )
    failed = (
        f"pretrained {config.pretrained!r} of {name} wants {_wanted(tag)} "
        "(or name a weights file; see docs/reference/backbones.md#files-of-weights):"
    )
    # Some tags have an activation that the plain names do not have, as OpenAI's tags do.
    quick = tag.get("quick_gelu", False)
    with _explained(failed):
        model = open_clip.create_model(
            name, pretrained=config.pretrained, pretrained_text=False, force_quick_gelu=quick
        )
    with _explained(f"pretrained {config.pretrained!r} of {name}: its weights"):
        check_finite(model.state_dict())
    return model


def _of_file(config: ClipConfig, name: str) -> tuple[nn.Module, dict[str, Any]]:
    """The model, and the notes on the tag that its weights belong to."""
    path = os.path.expanduser(config.pretrained)
    failed = f"pretrained {config.pretrained!r} is not a weights file of {name}: its weights"
    big_vision = path.endswith((".npz", ".npy"))  # JAX's arrays, which open_clip can read
    with _explained(failed):
        state = {} if big_vision else read_weights(path)
    try:
        notes = how_trained(name, config.trained_as, state.keys())
    except ValueError as error:
        raise ValueError(f"pretrained {config.pretrained!r}: {error}") from error
    kept = {key: notes[key] for key in ("mean", "std", "interpolation") if key in notes}
    model = _made(
        name, "weights of a file", force_quick_gelu=notes.get("quick_gelu", False), force_preprocess_cfg=kept
    )
    with _explained(failed):
        if big_vision:
            open_clip.load_checkpoint(model, path)
            check_finite(model.state_dict())
        else:
            fit_clip(model, {key: value for key, value in state.items() if key not in OPENAI_EXTRA})
    return model, notes


def _wanted(tag: dict[str, Any]) -> str:
    """Describes the file behind a tag."""
    repository, _, file = tag.get("hf_hub", "").rpartition("/")
    if repository:
        return f"{file or 'open_clip_model.safetensors'} of the Hub's {repository}"
    return tag.get("url", "a weights file")


@contextmanager
def _explained(failed: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # open_clip, torch, safetensors and the Hub's client each raise their own
        raise ValueError(f"{failed} {load_reason(error)}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences open_clip's reports to the root logger, which would set one up where there is none."""
    handler, disabled = logging.NullHandler(), logging.root.manager.disable
    logging.root.addHandler(handler)
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(disabled)
        logging.root.removeHandler(handler)
