"""The checkpoint from which an interrupted pretraining is resumed."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from ..errors import UserError
from ..storage.fresh_file import fresh_file


def keep(path: Path, recipe: Any, state: dict[str, Any], step: int) -> None:
    """Writes what is needed to resume after ``step`` steps, whole or not at all.

    Args:
        path: The file.
        recipe: A dataclass.
        state: Name -> an object with a state dict.
        step: How many steps are done.
    """
    partial = path.with_name(path.name + ".part")
    content = {name: part.state_dict() for name, part in state.items()}
    with fresh_file(partial) as file:
        torch.save({"recipe": asdict(recipe), "step": step, **content}, file)
    os.replace(partial, path)


def go_on(path: Path, recipe: Any, state: dict[str, Any]) -> int:
    """Loads what :func:`keep` wrote into ``state``.

    Args:
        path: The file.
        recipe: The recipe that the file must be of.
        state: As for :func:`keep`.

    Returns:
        The step to resume from; 0 where there is no file.

    Raises:
        UserError: Another recipe left the file, or it holds more than numbers.
    """
    if not path.is_file():
        return 0
    try:
        checkpoint = torch.load(path, weights_only=True)
    except UnpicklingError:  # torch's own message advises to read it nevertheless
        raise UserError(f"{path} holds more than numbers: delete it, or say --out") from None
    if checkpoint["recipe"] != asdict(recipe):
        raise UserError(
            f"{path} was left by another recipe ({checkpoint['recipe']}): delete it, or say --out"
        )
    for name, part in state.items():
        part.load_state_dict(checkpoint[name])
    return checkpoint["step"]
