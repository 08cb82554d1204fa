"""The comparison page of a run: a saved view of MLflow's run table and charts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from .names import CONFIGURATION, SCORE, TASKS

_COLUMNS = {
    "sweep": (TASKS, "validation/average", "validation/forgetting"),
    "train": (
        "test/average",
        "test/forgetting",
        "test/seen/r_mean",
        "test/seen/accuracy",
        "validation/average",
        "validation/forgetting",
    ),
}
_BARS = ("test/average", "test/forgetting", "test/seen/r_mean", "test/seen/accuracy")
_LINE = {  # the fields of MLflow's own charts, all of which its page reads
    "xAxisKey": "step",
    "yAxisKey": "metric",
    "xAxisScaleType": "linear",
    "scaleType": "linear",
    "range": {},
    "lineSmoothness": 0,
    "selectedXAxisMetricKey": "",
    "yAxisExpressions": [],
    "ignoreOutliers": False,
    "useGlobalXaxisKey": True,
    "useGlobalLineSmoothing": True,
}
# Each chart has a section of its own, since MLflow gives all charts of parallel coordinates the same name.
# MLflow sorts sections by name, and ours come before those of "test" and "validation".
_SECTIONS = {
    "sweep": (
        "Finished trials, by score",
        "Matrices",
        "Objective over tasks",
        "Stopped trials too, by tasks done",
    ),
    "train": ("Runs",),
}
_GROUPED: dict[str, Any] = {
    "searchFilter": "tags.kind = 'trial' AND tags.of = 'train'",
    "groupBy": {
        "aggregateFunction": "average",
        "groupByKeys": [{"mode": "tag", "groupByData": tag} for tag in ("method", CONFIGURATION)],
    },
    "useGroupedValuesInCharts": True,
}


def view_tag(key: str) -> str:
    """The experiment tag in which MLflow (3.17) keeps the saved view ``key``. Other versions ignore it."""
    return f"mlflow.sharedViewState.{key}"


def page_path(experiment_id: str, key: str) -> str:
    """The path on an MLflow server that opens the saved view ``key``."""
    view = f"workflowType=machine_learning&compareRunsMode=CHART&viewStateShareKey={key}"
    return f"/#/experiments/{experiment_id}/runs?{view}"


def view_state(
    name: str,
    parent_run: str,
    searched: Sequence[str],
    objective: str,
    mode: str,
    time: int,
    *,
    order: str = SCORE,
    kind: Literal["sweep", "train"] = "sweep",
    grouped: bool = False,
) -> str:
    """The value of a saved view's tag: the runs that it shows, the best first.

    The view of a search shows all trials of ``parent_run``. That of fixed configurations shows those of all
    methods on the stream, whose experiment it is, grouped over seeds and orders: MLflow then shows each
    group's mean, and the range of its curves.

    Stopped trials have no score and therefore come last. The value at which a trial was stopped belongs to an
    earlier task, and looks better than that of a finished trial. The charts of a search show its searched
    values, for all trials beside the tasks that they did and for the finished ones beside their score, the
    objective over the tasks, and their matrices. Fixed configurations (``train``) are shown by the objective
    over the tasks, by test scores and by matrices of these.

    Args:
        name: The view's name.
        parent_run: MLflow's id of the parent run.
        searched: The parameters that are searched.
        objective: The objective of the search.
        mode: ``max`` or ``min``.
        time: When the view was made, in milliseconds.
        order: The metric by which trials are ordered.
        kind: ``sweep`` or ``train``.
        grouped: Whether runs have the tags by which fixed configurations are grouped. Without them a view of
            theirs shows the trials of ``parent_run``.
    """
    scores = dict.fromkeys([order, objective, *_COLUMNS[kind]])
    columns = ["tags.`status`", *(f"metrics.`{m}`" for m in scores), *(f"params.`{p}`" for p in searched)]
    sections = _SECTIONS[kind]
    common = {"deleted": False, "isGenerated": False, "runsCountToCompare": 100}
    state: dict[str, Any] = {
        "searchFilter": f"tags.`mlflow.parentRunId` = '{parent_run}'",
        "orderByKey": f"metrics.`{order}`",
        "orderByAsc": mode == "min",
        "selectedColumns": columns,
        "runsHiddenMode": "SHOW_ALL",
        "hideEmptyCharts": True,  # test scores that the scenario does not have
        "compareRunCharts": [
            {**chart, **common, "metricSectionId": sections[number % len(sections)], "uuid": f"own-{number}"}
            for number, chart in enumerate(_charts(kind, searched, objective, order))
        ],
        "compareRunSections": [
            *({"uuid": name, "name": name, "display": True, "columns": 1} for name in sections),
            {"uuid": "others", "name": "Model metrics", "display": True, "isGenerated": True},
        ],
        "isAccordionReordered": False,
    }
    if grouped and kind == "train":
        state |= _GROUPED
    return json.dumps({"name": name, "createdAt": time, "updatedAt": time, "state": json.dumps(state)})


def _charts(kind: str, searched: Sequence[str], objective: str, order: str) -> list[dict[str, Any]]:
    over_tasks = {
        "type": "LINE",
        "metricKey": objective,
        "selectedMetricKeys": [objective],
        "displayName": f"{objective} over tasks",
        **_LINE,
    }
    if kind == "sweep":
        return [_parallel(searched, order), _matrices("validation"), over_tasks, _parallel(searched, TASKS)]
    bars = [{"type": "BAR", "metricKey": metric, "displayName": metric} for metric in _BARS]
    return [over_tasks, *bars, _matrices("test")]


def _matrices(split: str) -> dict[str, Any]:
    """The newest matrices of up to ten runs, side by side. MLflow shows them where runs are not grouped."""
    return {
        "type": "IMAGE",
        "imageKeys": [f"pictures/{split} matrix"],
        "step": 0,
        "displayName": f"Matrices of {split} scores",
    }


def _parallel(searched: Sequence[str], metric: str) -> dict[str, Any]:
    return {
        "type": "PARALLEL",
        "selectedParams": list(searched),
        "selectedMetrics": [metric],
        "showAllRuns": False,
    }
