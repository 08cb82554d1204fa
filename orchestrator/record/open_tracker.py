"""Opens the record of a run in MLflow."""

from __future__ import annotations

import os
from collections.abc import Collection

from ..evaluation.objective import Objective
from ..storage.run_files import CONFIG_FILE, SPACE_FILE, SWEEP_FILE, TRAIN_FILE
from ..tracking import Tracker, environment_tags, recorded
from ..tracking.names import POINTS, SEARCHED
from .own_code_tags import own_code_tags
from .run_context import RunContext

_REQUESTS = (SWEEP_FILE, SPACE_FILE, TRAIN_FILE, CONFIG_FILE)  # in a run's own folder


def open_tracker(
    run: RunContext, objective: Objective, trials: int, searched: Collection[str], *, all_tested: bool
) -> Tracker:
    """Opens, or opens again, the record of a run. It has the run's start and the files of its request.

    Args:
        run: The run.
        objective: The metric of its trials' scores.
        trials: How many trials are to come; 0: that is not known.
        searched: The keys in which the trials differ.
        all_tested: Whether every trial is tested, as ``train`` does.

    Raises:
        UserError: See :class:`~orchestrator.tracking.tracker.Tracker`.
    """
    folder, config = run.folder, run.config
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    # Each stream has an experiment, so that methods meet on one page.
    tracker = Tracker(folder, uri, config.stream_name, folder.name, run=run.identity.run)
    shared = {key: value for key, value in config.flat().items() if key not in searched}
    all_seeds = " ".join(map(str, run.seeds))
    first = run.continues
    told = {"protocol": run.protocol, "search": run.chosen, "budget": run.budget}
    told |= {POINTS: str(run.points or ""), SEARCHED: "" if all_tested else " ".join(searched)}
    told |= run.tags
    if first is not None:
        told |= {"continues": first.name, "continues_run": first.run}
    known = {name: text for name, text in told.items() if text}
    content = {"data.content": run.identity.content, "data.identity": run.identity.stream}
    tracker.start(
        shared | {"objective": objective.metric, "seeds": all_seeds},
        {"method": config.method_name, "stream": config.stream_name}
        | {name: value for name, value in content.items() if value}
        | environment_tags()
        | own_code_tags(config),
        objective=recorded(objective.metric),
        mode=objective.mode,
        kind="train" if all_tested else "sweep",
        # a search may be given more trials
        own_tags={"seeds": all_seeds, **({"trials": trials} if trials else {}), **known},
    )
    for name in _REQUESTS:
        if (folder / name).exists():
            tracker.request_file(folder / name)
    return tracker
