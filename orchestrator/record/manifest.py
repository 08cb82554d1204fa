"""The manifest of a run: how many trials it has and was asked for, its budget, and its number of tasks."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import UserError
from ..storage.atomic_write import write_text
from ..storage.run_files import MANIFEST_FILE

_COUNTS = ("asked", "tasks", "first")


def asked_for(folder: Path) -> int:
    """How many trials the run in ``folder`` was asked for after it was started, or came to with its budget; 0
    where its manifest does not say.

    Raises:
        UserError: The manifest cannot be understood. The message is one line.
    """
    return read_manifest(folder)["asked"]


def ask_for(folder: Path, trials: int) -> None:
    """Writes down how many trials the run in ``folder`` is to have."""
    if trials != asked_for(folder):
        _write(folder, asked=trials)


def budget_of(folder: Path) -> str:
    """The budget that the run in ``folder`` was given after it was started, in the form of
    :attr:`~orchestrator.search.budget.Budget.text`; empty where its manifest does not say.

    Raises:
        UserError: The manifest cannot be understood. The message is one line.
    """
    return str(_content(folder).get("budget", ""))


def give_budget(folder: Path, budget: str) -> None:
    """Writes down that the run in ``folder`` has another budget. Its number of trials is then open again."""
    if budget != budget_of(folder):
        _write(folder, budget=budget, asked=0)


def open_budget(folder: Path) -> None:
    """Forgets to how many trials the run in ``folder`` has come with its budget."""
    _write(folder, asked=0, first=0)


def came_to(folder: Path, trials: int) -> None:
    """Writes down to how many trials the run in ``folder`` has come with its budget."""
    _write(folder, asked=trials, first=first_count(folder) or trials)


def first_count(folder: Path) -> int:
    """How many trials the run in ``folder`` came to with its first budget; 0 where its manifest does not say.

    Raises:
        UserError: The manifest cannot be understood. The message is one line.
    """
    return read_manifest(folder)["first"]


def count_trials(folder: Path, trials: int, tasks: int) -> None:
    """Writes down how many trials a run has.

    Args:
        folder: The run's folder.
        trials: How many trials the run has.
        tasks: How many tasks its stream has; 0: that is not known.
    """
    _write(folder, trials=trials, tasks=tasks)


def read_manifest(folder: Path) -> dict[str, int]:
    """Reads how many ``trials`` the run in ``folder`` has, how many it was ``asked`` for, how many it came to
    ``first`` with a budget, and how many ``tasks`` its stream has. Each is 0 where the manifest does not say.

    Raises:
        UserError: The manifest cannot be understood. The message is one line.
    """
    content = _content(folder)
    try:
        return {"trials": int(content["trials"]), **{name: int(content.get(name, 0)) for name in _COUNTS}}
    except (ValueError, KeyError, TypeError):
        raise _no_manifest(folder) from None


def _write(folder: Path, **changed: int | str) -> None:
    known: dict[str, int | str] = {**read_manifest(folder), "budget": budget_of(folder), **changed}
    write_text(folder / MANIFEST_FILE, json.dumps({k: v for k, v in known.items() if v or k == "trials"}))


def _content(folder: Path) -> dict[str, int | str]:
    try:
        content = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"trials": 0}
    except ValueError:
        raise _no_manifest(folder) from None
    if not isinstance(content, dict):
        raise _no_manifest(folder)
    return content


def _no_manifest(folder: Path) -> UserError:
    return UserError(f"{folder / MANIFEST_FILE}: is no manifest of a run")
