"""What a study found on one of its streams."""

from __future__ import annotations

from dataclasses import dataclass

from .comparison_result import ComparisonResult
from .method_result import MethodResult


@dataclass(frozen=True)
class StreamResult:
    """The methods on one stream.

    Attributes:
        title: The stream's name or label.
        measure: The metric on test data by which methods are compared, without ``test/``.
        objective: The metric on validation data that searches go by.
        about: What the table's figures are, in sentences.
        methods: The methods, the first one first.
        comparisons: The first method beside each other one that shares a pair with it.
        failed: A line for each run that failed.
        unread: A line for each run whose files cannot be read, so that something of it is missing here.
        asked: Metrics that are shown whatever else is.
    """

    title: str
    measure: str
    objective: str
    about: str
    methods: tuple[MethodResult, ...]
    comparisons: tuple[ComparisonResult, ...] = ()
    failed: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
