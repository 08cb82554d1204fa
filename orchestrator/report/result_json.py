"""A study's result as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ..metrics.measures import unit
from ..schema.plain_json import plain_json
from .candidate_result import CandidateResult
from .comparison_result import ComparisonResult
from .method_result import MethodResult
from .metric_summary import metric_summary
from .pair_result import PairResult
from .stream_result import StreamResult
from .study_result import StudyResult
from .told_metrics import costs, every_metric

_FORMAT = 1


def result_json(result: StudyResult) -> str:
    """The study's result as JSON, for programs: summaries, comparisons, and each pair's figures.

    A number that is missing or not finite is ``null``.

    Args:
        result: The study.
    """
    content = {
        "format": _FORMAT,
        "name": result.name,
        "question": result.question,
        "pairs": result.pairs,
        "streams": [_stream(stream) for stream in result.streams],
        "remarks": result.remarks,
    }
    return json.dumps(plain_json(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _stream(stream: StreamResult) -> dict[str, Any]:
    return {
        "stream": stream.title,
        "measure": stream.measure,
        "unit": unit(stream.measure),
        "objective": stream.objective,
        "methods": [_method(stream, method) for method in stream.methods],
        **({"references": [_reference(one) for one in stream.references]} if stream.references else {}),
        **({"orders": asdict(stream.orders)} if stream.orders is not None else {}),
        "comparisons": [_comparison(found) for found in stream.comparisons],
        "failed": stream.failed,
        "unread": [*stream.unread, *stream.unread_for_page],
    }


def _method(stream: StreamResult, method: MethodResult) -> dict[str, Any]:
    summaries = {
        metric: asdict(told)
        for metric in dict.fromkeys([*every_metric(stream), *costs(stream)])
        if (told := metric_summary(method, metric)) is not None
    }
    return {
        "method": method.label,
        "trials": method.trials,
        "failed_trials": method.failed_trials,
        "memory": method.memory,
        "validation": method.score,
        "chosen": method.chosen,
        **({"candidates": [_candidate(one) for one in method.candidates]} if method.candidates else {}),
        "commands": method.commands,
        "spent": method.spent,
        "summaries": summaries,
        "pairs": [_pair(pair) for pair in method.pairs],
        **({"extremes": method.extremes} if method.extremes else {}),
    }


def _candidate(one: CandidateResult) -> dict[str, Any]:
    return {
        "trial": one.trial,
        "search": one.score,
        "mean": one.mean,
        "pairs": {str(number): value for number, value in one.validation.items()},
        "chosen": one.chosen,
    }


def _reference(reference: MethodResult) -> dict[str, Any]:
    return {"reference": reference.label, "pairs": [_pair(pair) for pair in reference.pairs]}


def _pair(pair: PairResult) -> dict[str, Any]:
    return {
        "pair": pair.number,
        "seed": pair.seed,
        "order": pair.order,
        "test": pair.test,
        "cost": pair.cost,
        "matrix": pair.matrix,
        **({"drift": pair.drift} if pair.drift else {}),
        **({"run": pair.run} if pair.run else {}),
    }


def _comparison(found: ComparisonResult) -> dict[str, Any]:
    return {
        "first": found.first,
        "other": found.other,
        **asdict(found.found),
        "holm_p": found.corrected_p,
        "sentence": found.sentence,
    }
