"""The commands that repeat a study's runs."""

from __future__ import annotations

import shlex
from typing import Any

from ..commands.train_start import start_config
from ..config import RunConfig, parse_set
from ..errors import UserError
from ..schema.shown import shown_value
from ..storage.run_files import CONFIG_FILE, trials_of
from ..storage.run_folder import RUNS
from .study_arm import StudyArm
from .study_book import Part

_NOTHING = object()  # stands for no value, not even None


def commands_of(arm: StudyArm, search: Part | None, pair: tuple[int, Part] | None) -> dict[str, str]:
    """The commands that repeat a method's runs outside the study.

    Args:
        arm: The method on its stream.
        search: The method's search; None: it has not ended. With a budget it has the trials to which it came,
            and as many of them at once.
        pair: The number of a pair, and the method's run with it; None: there is none yet.

    Returns:
        The name of a step -> the command as it is typed. The search and the run with a pair get other names.
    """
    searched = arm.searched
    words = ["python", "-m", "orchestrator.sweep", arm.method.name]
    words += ["--space", arm.method.space] if arm.method.space else []
    words += ["--stream", searched.stream] if searched.stream else []
    words += ["--data", searched.data] if searched.data else []
    words += ["--per-task"] if arm.protocol.per_task else _given(arm, search)
    words += [] if arm.protocol.tasks is None else ["--first-tasks", str(arm.protocol.tasks)]
    given = [f"{key}={shown_value(value)}" for key, value in searched.values.items()]
    found = {"search": shlex.join([*words, *(["--set", *given] if given else [])])}
    if pair is not None:
        number, part = pair
        file = trials_of(RUNS / part.name) / part.trial / CONFIG_FILE
        found[f"pair {number}"] = shlex.join(["python", "-m", "orchestrator.train", "--config", str(file)])
    return found


def train_command(arm: StudyArm, config: RunConfig) -> str:
    """The command that trains a configuration without a file of the study.

    Args:
        arm: The method on its stream.
        config: The configuration of one of its runs.

    Returns:
        The command as it is typed, with every value that differs from the start of the search space. Empty
        where such a command would not give the configuration.
    """
    method, stream = arm.method, arm.stream
    name, data = (None, None) if stream is None else (stream.name, stream.data)
    asked = config.flat()
    try:
        begins = start_config(method.name, method.space, None, name, data, {}).flat()
        differs = {key: value for key, value in asked.items() if begins.get(key, _NOTHING) != value}
        given = [f"{key}={_exact(value)}" for key, value in differs.items()]
        if start_config(method.name, method.space, None, name, data, parse_set(given)).flat() != asked:
            return ""
    except UserError:
        return ""
    words = ["python", "-m", "orchestrator.train", method.name]
    for option, text in (("--space", method.space), ("--stream", name), ("--data", data)):
        words += [option, text] if text else []
    return shlex.join([*words, *(["--set", *given] if given else [])])


def _exact(value: Any) -> str:
    """A value as ``--set`` takes it, with every digit."""
    return repr(value) if isinstance(value, float) else shown_value(value)


def _given(arm: StudyArm, search: Part | None) -> list[str]:
    if arm.budget is None:
        return ["--trials", str(arm.trials)]
    if search is None or search.reason:
        return arm.budget.option.split()
    at_once = arm.searched.space.plan(None, None).lanes
    return ["--trials", str(search.trials), "--concurrent", str(min(search.trials, at_once))]
