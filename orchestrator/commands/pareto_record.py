"""The Pareto set of a search for several objectives: kept with the sweep, and drawn."""

from __future__ import annotations

import json

from ..record.pareto_plot import PARETO_PICTURE, ParetoPoint
from ..record.recorder import RunRecorder
from ..record.run_context import RunContext
from ..storage.atomic_write import write_text
from ..storage.full_disk import is_full
from ..storage.run_files import PARETO_FILE, PARETO_FOLDER


def pareto_record(run: RunContext, recorder: RunRecorder) -> None:
    """Keeps the Pareto set of a search, unless it has one objective, or its folder says the same already and
    has the picture.

    Nothing that goes wrong here is the search's: it is said in a line.

    Args:
        run: The run.
        recorder: The run's record, in which the picture comes too.
    """
    store, folder = recorder.store, run.folder / PARETO_FOLDER
    if not store.objective.others:
        return
    found = store.pareto_set()
    if not found.measured:
        return
    file, text = folder / PARETO_FILE, json.dumps(found.plain(), indent=1)
    try:
        if (folder / PARETO_PICTURE).exists() and file.exists() and file.read_text(encoding="utf-8") == text:
            return
        folder.mkdir(exist_ok=True)
        (folder / PARETO_PICTURE).unlink(missing_ok=True)  # of fewer trials
        write_text(file, text)
    except Exception as error:
        if is_full(error):
            raise
        run.say(f"the Pareto set could not be kept: {type(error).__name__} {error}")
        return
    points = []
    for entry in found.measured:
        told = store.objective.told(entry.reports)
        over = any(excess > 0 for excess in store.objective.excess(told).values())
        kind = "suggested" if entry is found.knee else "set" if entry in found.trials else "dominated"
        values = tuple(told[goal.metric] for goal in store.objective.all)
        points.append(ParetoPoint(entry.number + 1, values, "beyond" if over else kind))
    recorder.pareto(folder, points)
