"""The comparison page of a sweep: a saved view of MLflow's run table and charts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

_COLUMNS = ("validation/average", "validation/forgetting")
# Left to itself the page shows no column of ours and puts its charts in alphabetical order, bytes before
# scores.
_SECTIONS = ("validation", "validation/seen", "test", "test/seen", "train")


def view_tag(key: str) -> str:
    """The experiment tag that MLflow (3.17) keeps the saved view ``key`` in; others pass over it."""
    return f"mlflow.sharedViewState.{key}"


def page_path(experiment_id: str, key: str) -> str:
    """Where on a server of MLflow the saved view ``key`` is opened."""
    view = f"workflowType=machine_learning&compareRunsMode=CHART&viewStateShareKey={key}"
    return f"/#/experiments/{experiment_id}/runs?{view}"


def view_state(
    name: str, parent_run: str, searched: Sequence[str], objective: str, mode: str, time: int
) -> str:
    """The tag's value: the finished trials of ``parent_run``, best first, with what was ``searched``.

    Stopped trials are filtered out: their last value is of an earlier task and looks better than a finished
    one's. ``time`` in milliseconds.
    """
    scores = dict.fromkeys([objective, *_COLUMNS])
    columns = ["tags.`status`", *(f"metrics.`{m}`" for m in scores), *(f"params.`{p}`" for p in searched)]
    search: dict[str, Any] = {"uuid": "search", "name": "search", "display": True, "columns": 1}
    state = {
        "searchFilter": f"tags.`mlflow.parentRunId` = '{parent_run}' and attributes.status = 'FINISHED'",
        "orderByKey": f"metrics.`{objective}`",
        "orderByAsc": mode == "min",
        "selectedColumns": columns,
        "runsHiddenMode": "SHOWALL",
        "compareRunCharts": [
            {
                "type": "PARALLEL",
                "uuid": "search-parallel",
                "metricSectionId": "search",
                "deleted": False,
                "isGenerated": False,
                "runsCountToCompare": 100,
                "selectedParams": list(searched),
                "selectedMetrics": [objective],
                "showAllRuns": False,
            }
        ],
        "compareRunSections": [
            search,
            *({"uuid": s, "name": s, "display": True, "isGenerated": True} for s in _SECTIONS),
        ],
        "isAccordionReordered": True,
    }
    return json.dumps({"name": name, "createdAt": time, "updatedAt": time, "state": json.dumps(state)})
