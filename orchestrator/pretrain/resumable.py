"""What an interrupted pretraining goes on from."""

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
    """Writes what is needed to go on after ``step`` steps: whole or not at all.

    ``recipe``: a dataclass. ``state``: name -> anything with a state dict.
    """
    partial = path.with_name(path.name + ".part")
    content = {name: part.state_dict() for name, part in state.items()}
    with fresh_file(partial) as file:
        torch.save({"recipe": asdict(recipe), "step": step, **content}, file)
    os.replace(partial, path)


def go_on(path: Path, recipe: Any, state: dict[str, Any]) -> int:
    """Loads what :func:`keep` wrote into ``state``; gives the step to go on from, 0 where nothing is found.

    Raises :class:`~orchestrator.errors.UserError` for what another recipe left there.
    """
    if not path.is_file():
        return 0
    try:
        found = torch.load(path, weights_only=True)
    except UnpicklingError:  # torch's own message advises to read it nevertheless
        raise UserError(f"{path} holds more than numbers: delete it, or say --out") from None
    if found["recipe"] != asdict(recipe):
        raise UserError(f"{path} was left by another recipe ({found['recipe']}): delete it, or say --out")
    for name, part in state.items():
        part.load_state_dict(found[name])
    return found["step"]
