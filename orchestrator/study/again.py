"""The commands that repeat a study's runs."""

from __future__ import annotations

import shlex

from ..schema.shown import shown_value
from ..storage.run_files import CONFIG_FILE, trials_of
from ..storage.run_folder import RUNS
from .study_arm import StudyArm
from .study_book import Part


def commands_of(arm: StudyArm, pair: tuple[int, Part] | None) -> dict[str, str]:
    """The commands that repeat a method's runs outside the study.

    Args:
        arm: The method on its stream.
        pair: The number of a pair, and the method's run with it; None: there is none yet.

    Returns:
        The name of a step -> the command as it is typed. The search and the run with a pair get other names.
    """
    searched = arm.searched
    words = ["python", "-m", "orchestrator.sweep", arm.method.name]
    words += ["--space", arm.method.space] if arm.method.space else []
    words += ["--stream", searched.stream] if searched.stream else []
    words += ["--data", searched.data] if searched.data else []
    words += ["--trials", str(arm.trials)]
    words += [] if arm.protocol.tasks is None else ["--first-tasks", str(arm.protocol.tasks)]
    given = [f"{key}={shown_value(value)}" for key, value in searched.values.items()]
    found = {"search": shlex.join([*words, *(["--set", *given] if given else [])])}
    if pair is not None:
        number, part = pair
        file = trials_of(RUNS / part.name) / part.trial / CONFIG_FILE
        found[f"pair {number}"] = shlex.join(["python", "-m", "orchestrator.train", "--config", str(file)])
    return found
