"""Reads what a sweep chose, for another sweep to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..evaluation.recorded_objective import recorded_objective
from ..record.seen_trials import SeenTrials
from ..schema import strict_yaml
from ..schema.flatten import flatten
from ..schema.shown import shown_score
from ..search.search_protocol import SearchProtocol
from ..storage.run_files import CONFIG_FILE, SPACE_FILE, SWEEP_FILE
from .sweep_request import SweepRequest


@dataclass(frozen=True)
class WarmSweep:
    """The trial that a sweep chooses now.

    Attributes:
        values: Dotted key -> value, of its whole configuration.
        searched: The keys that the sweep searched.
        trial: Its id.
        said: A description of the trial for people.
        stream: The name of the stream that it was searched on.
        protocol: By which data it was chosen.
    """

    values: Mapping[str, Any]
    searched: tuple[str, ...]
    trial: str
    said: str
    stream: str
    protocol: SearchProtocol


def warm_sweep(folder: Path, method: str, where: str) -> WarmSweep:
    """Reads what a sweep chose.

    Args:
        folder: The sweep's folder. Nothing is written there.
        method: The method that it has to be of.
        where: Where it was named. Errors begin with it.

    Raises:
        UserError: The sweep searched another method, has chosen no trial yet, or cannot be read. The message
            is one line.
    """
    request, (space, _) = SweepRequest.read(folder / SWEEP_FILE), strict_yaml.read(folder / SPACE_FILE)
    objective = recorded_objective(space, request.margin)
    if objective is None or "method" not in space or "stream" not in space:
        raise UserError(f"{where}: {folder / SPACE_FILE} is not what a sweep wrote; leave it out")
    there, stream = str(space["method"]), str(request.stream or space["stream"])
    if there != method:
        raise UserError(f"{where}: is a sweep of {there}; allowed: sweeps of {method}")
    protocol = SearchProtocol.of(request.protocol, str(folder / SWEEP_FILE))
    store = SeenTrials(folder, objective)
    best = store.best()
    if best is None:
        raise UserError(
            f"{where}: none of its trials walked the whole stream; allowed: one that chose a trial"
        )
    path = store.trial_folder(best.id) / CONFIG_FILE
    config = strict_yaml.read(path)[0] if path.is_file() else {}
    values = flatten(config) if isinstance(config, Mapping) else {}
    score = f"{objective.metric} {shown_score(store.value(best))}"
    chosen = (
        f"trial {best.number + 1} of {folder.name}, {method} on {stream}: {score}, of {store.ended} trials"
    )
    return WarmSweep({**values, **best.values}, tuple(best.values), best.id, chosen, stream, protocol)
