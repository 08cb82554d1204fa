"""The result of a study on one of its streams."""

from __future__ import annotations

from dataclasses import dataclass

from .comparison_result import ComparisonResult
from .method_result import MethodResult
from .orders_result import OrdersResult


@dataclass(frozen=True)
class StreamResult:
    """The methods on one stream.

    Attributes:
        title: The stream's name or label.
        measure: The metric on test data by which methods are compared, without ``test/``.
        objective: The metric on validation data that searches optimise.
        about: Sentences that say what the table's figures are.
        methods: The methods, the first one first.
        comparisons: The first method compared with each other method that shares a pair with it.
        failed: A line for each run that failed.
        unread: A line for each run that is incomplete here because files of it cannot be read.
        asked: Metrics that are shown in any case.
        references: The reference runs beside the methods, each kind as a method.
        about_references: How they were come by, in sentences; empty where there are none.
        failed_references: A line for each of their runs that failed.
        orders: The extreme orders; None where none are asked for.
        about_comparisons: Which comparisons there are, or why there is none, in a sentence; empty where that
            needs no word.
        family: How many comparisons p is corrected for; 0: for those that there are.
        runs_file: The file that has each run's figures.
        unread_for_page: A line for each file without which tables are whole, and a page is not.
        unread_references: A line for each of their runs of which something cannot be read.
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
    references: tuple[MethodResult, ...] = ()
    about_references: str = ""
    failed_references: tuple[str, ...] = ()
    unread_references: tuple[str, ...] = ()
    unread_for_page: tuple[str, ...] = ()
    orders: OrdersResult | None = None
    about_comparisons: str = ""
    family: int = 0
    runs_file: str = "pairs.csv"
