"""Reads a model of transformers from a folder or by its name on the Hub."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import PreTrainedModel
from transformers.utils import logging

from .fit import check_finite
from .lfs_pointer import lfs_pointer
from .load_reason import load_reason
from .weights_file import read_weights

_WRAPPED = {r"^module\.": "", r"^_orig_mod\.": ""}  # prefixes that training programs put before each name
_WEIGHTS = (".weight", ".bias", ".gamma", ".beta")
_LAYER = re.compile(r"\.(layer|block)\.\d+\.")


class DoesNotFit(ValueError):
    """A model was read, but it is not the one that was asked for."""


@contextmanager
def quiet() -> Iterator[None]:
    """Hides transformers' progress bar, and its remarks on what a checkpoint has and lacks."""
    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()


@contextmanager
def reading(field: str, name: str, what: str, otherwise: str) -> Iterator[str]:
    """Yields the folder or name to read from, and silences transformers within the block.

    Args:
        field: The field that the user set.
        name: The field's value.
        what: The kind of model, such as "a T5".
        otherwise: Another value that the field may have.

    Raises:
        ValueError: There is no such folder, or it is not whole; or reading raised an error, in whose place
            this one comes. The message has one line.
        DoesNotFit: It is raised within the block, and passes through.
    """
    source = os.path.expanduser(name)
    if (os.path.isabs(source) or source.startswith(".")) and not os.path.isdir(source):
        raise ValueError(f"{field} {name!r}: no such folder (or say {otherwise}, or a name on the Hub)")
    try:
        _check_folder(source)
        with quiet():
            yield source
    except DoesNotFit:
        raise
    except Exception as error:  # transformers, the Hub's client and its transport each raise their own
        raise ValueError(
            f"cannot load {field} {name!r} ({what}'s folder, its name on the Hub, or {otherwise}): "
            f"{load_reason(error)}"
        ) from error


def _check_folder(source: str) -> None:
    """Checks what transformers would pass over, or would report in other words."""
    if not os.path.isdir(source):
        return
    if not os.path.isfile(os.path.join(source, "config.json")):
        raise ValueError("the folder has no config.json")
    if pointer := lfs_pointer(source):
        raise ValueError(pointer)


def load_whole(
    field: str, name: str, model: type[PreTrainedModel], source: str, what: str, **options: Any
) -> PreTrainedModel:
    """Loads a model with all of its weights, in float32 whatever their precision.

    Args:
        field: The field that the user set.
        name: The field's value.
        model: The model's class.
        source: What :func:`reading` yielded.
        what: The kind of model, such as "a T5".
        **options: Options of transformers.

    Raises:
        DoesNotFit: Weights are missing, of another shape, whole numbers or not finite, or there is a layer
            that the model does not have. Cross-attention, which :class:`SplitBert` adds to a BERT, may be
            missing. The message has one line.
    """
    loaded, info = model.from_pretrained(
        source,
        dtype=torch.float32,
        ignore_mismatched_sizes=True,  # reported below, with the sizes
        key_mapping=_WRAPPED,
        output_loading_info=True,
        **options,
    )
    if wrong := sorted(info["mismatched_keys"]):
        key, has, asked = wrong[0]
        has, asked = ("x".join(map(str, shape)) for shape in (has, asked))
        raise DoesNotFit(f"{field} {name!r} do not fit: {key} is {has}, not {asked}")
    if missing := sorted(key for key in info["missing_keys"] if "crossattention" not in key):
        raise DoesNotFit(f"{field} {name!r} lack {len(missing)} of {what}'s weights, {missing[0]} first")
    if more := sorted(key for key in info["unexpected_keys"] if _LAYER.search(key)):
        raise DoesNotFit(
            f"{field} {name!r} hold {len(more)} more than their config.json says, {more[0]} first"
        )
    if whole := _whole_numbers(Path(source)):
        raise DoesNotFit(f"{field} {name!r} do not fit: {whole}, not of a floating-point type")
    try:
        check_finite(loaded.state_dict())
    except ValueError as error:
        raise DoesNotFit(f"{field} {name!r} {error}") from error
    return loaded


def _whole_numbers(folder: Path) -> str | None:
    """The first weight in a folder that consists of whole numbers, which transformers would take for the
    weight itself.
    """
    shards = sorted(folder.glob("model*.safetensors"))
    for path in shards:
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - it is no dict
                kind = file.get_slice(name).get_dtype()
                if name.endswith(_WEIGHTS) and not kind.startswith(("F", "BF")):
                    return f"{name} is of {kind}"
    for path in [] if shards else sorted(folder.glob("pytorch_model*.bin")):
        for name, value in read_weights(path).items():
            if name.endswith(_WEIGHTS) and not value.is_floating_point():
                return f"{name} is of {value.dtype}"
    return None
