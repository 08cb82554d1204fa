"""What a bank of features asks of its frozen CLIP, kept so that the CLIP need not be loaded for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from methods.backbones import clip_config
from methods.backbones.clip_config import ClipConfig
from methods.backbones.config import CLIP_MERGES, CLIP_WEIGHTS

from ..storage.file_sha256 import file_sha256
from .cache_entry import CacheEntry
from .lock import locked

if TYPE_CHECKING:
    from methods.backbones.clip import Clip

# The files of the package that decide what is kept, beside the weights.
_CODE = ("clip.py", "clip_file.py", "fit.py", "preprocess.py", "small_clip.py", "weights_file.py")
# open_clip's tokenizer mends texts by ftfy and cuts them by regex.
_RELEASES = ("open_clip_torch", "torch", "ftfy", "regex")


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a frozen CLIP without it.

    Attributes:
        fingerprint: Its fingerprint.
        width: D, the width of its features.
        scale: What similarities are multiplied by.
        alike: The pairs of texts that it reads as one (:meth:`methods.backbones.clip.Clip.read_alike`).
    """

    fingerprint: str
    width: int
    scale: float
    alike: tuple[tuple[str, str], ...]


def clip_facts(
    config: ClipConfig, texts: Sequence[str], root: Path, load: Callable[[ClipConfig], Clip]
) -> ClipFacts:
    """Returns what is known of a CLIP, and of how it reads texts.

    Of the CLIP that comes with the package, with whichever weights, the answer is kept under ``root``: to
    import open_clip and load the CLIP takes seconds, and a run whose features are all kept needs neither. The
    name of the folder is the hash of all that decides the answer, the contents of the weights' file and of
    the code among it. A CLIP that open_clip knows by name is loaded: its files are open_clip's own.

    Args:
        config: Which CLIP.
        texts: The texts.
        root: The folder of all kept features.
        load: Loads the CLIP.

    Raises:
        UserError: The CLIP cannot be loaded, or what was kept is of something else.
    """
    identity = _identity(config, texts)
    if identity is None:
        return _asked(load(config), texts)
    entry = CacheEntry(root, identity)
    if (kept := entry.finished()) is not None:
        return ClipFacts(**{**kept, "alike": tuple((one, other) for one, other in kept["alike"])})
    facts = _asked(load(config), texts)
    if _identity(config, texts) != identity:
        return facts  # a file changed meanwhile, and nobody knows of which one they are
    with locked(entry.folder, lambda line: None):
        if entry.finished() is None:
            entry.start()
            entry.finish([], asdict(facts))
    return facts


def _asked(clip: Clip, texts: Sequence[str]) -> ClipFacts:
    return ClipFacts(clip.fingerprint, clip.width, clip.scale, tuple(clip.read_alike(texts)))


def _identity(config: ClipConfig, texts: Sequence[str]) -> dict[str, Any] | None:
    """All that decides the facts, as plain values; None where they are not kept."""
    weights = CLIP_WEIGHTS if config.pretrained == "world" else Path(os.path.expanduser(config.pretrained))
    code = [Path(clip_config.__file__).with_name(name) for name in _CODE]
    if config.model != "small" or not all(file.is_file() for file in (*code, CLIP_MERGES)):
        return None
    if config.pretrained != "random" and not weights.is_file():
        return None  # whoever loads it says so
    return {
        "kind": "clip",
        "config": asdict(config),
        "weights": None if config.pretrained == "random" else file_sha256(weights),
        "code": [file_sha256(file) for file in (*code, CLIP_MERGES)],
        "releases": [version(name) for name in _RELEASES],
        "texts": list(texts),
        "facts": [field.name for field in fields(ClipFacts)],
    }
