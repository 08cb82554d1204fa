"""Which values of a search mattered: measured once its trials have ended, kept with the sweep, and drawn."""

from __future__ import annotations

import json

from ..record.recorded_importance import ENDED, recorded_importance
from ..record.recorder import RunRecorder
from ..record.run_context import RunContext
from ..record.search_plots import SLICES_FILE, SearchedKey, SearchedTrial
from ..search.importance import importance
from ..search.space import Space
from ..storage.atomic_write import write_text
from ..storage.full_disk import is_full
from ..storage.run_files import IMPORTANCE_FILE, IMPORTANCE_FOLDER


def what_mattered(run: RunContext, space: Space, recorder: RunRecorder) -> list[str]:
    """Measures which values of a search mattered.

    Nothing is done where the run's folder already has the measurement for as many trials, with the pictures.
    With too few trials to say anything, nothing is kept. An error here does not end the search: it becomes
    one line for the user.

    Args:
        run: The run.
        space: The search space.
        recorder: The run's recorder, which also gets the pictures.

    Returns:
        Lines for the user; none where nothing is searched, or there is only one trial.
    """
    store, folder = recorder.store, run.folder / IMPORTANCE_FOLDER
    if not space.parameters or store.ended < 2:
        return []
    known = recorded_importance(run.folder, store.ended)
    if known is not None and (folder / SLICES_FILE).exists():  # or it was killed as it drew
        return known.said
    try:
        objective = store.objective
        what = importance(space.suggest, list(store.trials.values()), store.value, objective.mode)
        if not what.found:
            return what.said
        folder.mkdir(exist_ok=True)
        (folder / SLICES_FILE).unlink(missing_ok=True)  # the last to be drawn: of fewer trials
        write_text(folder / IMPORTANCE_FILE, json.dumps({ENDED: store.ended, **what.plain()}, indent=1))
    except Exception as error:
        if is_full(error):
            raise
        run.say(f"what mattered could not be told: {type(error).__name__} {error}")
        return []
    keys = [SearchedKey(p.key, p.log, p.choices) for p in space.parameters]
    whole = [
        SearchedTrial(dict(entry.values), score)
        for entry in store.trials.values()
        if entry.status == "finished" and (score := store.value(entry)) is not None
    ]
    recorder.mattered(folder, what, keys, whole)
    return what.said
