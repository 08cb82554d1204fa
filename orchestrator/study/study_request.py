"""The request of a study: ``study.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ..errors import UserError
from ..references.reference_kinds import plain_references, references_of
from ..schema import strict_yaml
from ..schema.flatten import flatten
from ..search.budget import Budget
from ..search.scheduler_choice import SchedulerChoice
from ..search.search_protocol import SearchProtocol
from .arm import Arm
from .check_sets import check_sets

PAIRS = 8
"""The default number of pairs of seed and order. Six are the fewest with which a Wilcoxon test can decide."""

_COUNTS = {"trials": 1, "pairs": 1, "memory": 0, "best": 1}
_BUDGETS = ("trials", "time", "gpu_hours")
_LATER = ("scheduler", "best", "pairs", "orders", "references", "set")
_KEYS = ("question", "methods", "streams", "memory", *_BUDGETS, "protocol", *_LATER)


@dataclass(frozen=True)
class StudyRequest:
    """The request of a study.

    Attributes:
        question: The question in words; empty: there is none.
        methods: The methods. The first one is compared with each of the others.
        streams: The streams, or settings of one.
        memory: The replay memory of every method that has one, in samples; None: each method's own.
        trials: Trials of the search of each method; None: the number in its search space.
        protocol: The protocol, which says by which data each search chooses.
        pairs: How many pairs of seed and order the chosen values are run with.
        values: Dotted key -> value, for all methods and streams.
        references: Which reference runs there are beside the methods; None: all of equal compute.
        budget: What the trials of each search may spend; None: each has a number of trials.
        best: How many of the best trials of each search are run with every pair. One of them is chosen by
            these runs' validation data.
        orders: ``extreme``: the chosen values are run in two extreme orders too; empty: with the pairs alone.
        scheduler: The name of the rule that stops trials of each search; None: that of its search space, as
            in studies of earlier versions.
    """

    question: str
    methods: tuple[Arm, ...]
    streams: tuple[Arm, ...]
    memory: int | None = None
    trials: int | None = None
    protocol: SearchProtocol = SearchProtocol()
    pairs: int = PAIRS
    values: Mapping[str, Any] | None = None
    references: tuple[str, ...] | None = ()
    budget: Budget | None = None
    best: int = 1
    orders: str = ""
    scheduler: str | None = None

    @classmethod
    def read(cls, path: Path) -> StudyRequest:
        """The request in a file.

        Raises:
            UserError: The file cannot be read, or asks for something that does not exist. The message is one
                line.
        """
        content, _ = strict_yaml.read(path)
        return cls.of(content, str(path))

    @classmethod
    def of(cls, content: Any, where: str) -> StudyRequest:
        """The request in a file's plain values.

        Args:
            content: The values.
            where: Where they were found, for the error.

        Raises:
            UserError: They ask for something that does not exist. The message is one line.
        """
        if not isinstance(content, dict):
            raise UserError(f"{where}: is no mapping; allowed are {', '.join(_KEYS)}")
        if unknown := [key for key in content if key not in _KEYS]:
            raise UserError(f"{where}: {unknown[0]}: not known here; allowed: {', '.join(_KEYS)}")
        for key, least in _COUNTS.items():
            count = content.get(key)
            if count is not None and (type(count) is not int or count < least):
                raise UserError(f"{where}: {key} {count!r}: allowed are whole numbers from {least}")
        values, question = content.get("set"), content.get("question")
        if not isinstance(values, dict | None):
            raise UserError(f"{where}: set {values!r}: allowed is a mapping of keys and values")
        if not isinstance(question, str | None):
            raise UserError(f"{where}: question {question!r}: allowed is text")
        methods = Arm.all_of(content.get("methods"), "methods", where)
        given = Arm.all_of(content.get("streams"), "streams", where)
        flat, memory, pairs = flatten(values or {}), content.get("memory"), content.get("pairs")
        check_sets(flat, given, methods, memory, where)
        budget = _budget(content, where)
        return cls(
            question or "",
            methods,
            given,
            memory,
            content.get("trials"),
            SearchProtocol.of(content.get("protocol"), where),
            PAIRS if pairs is None else pairs,
            flat,
            references_of(content.get("references"), where),
            budget,
            best=1 if content.get("best") is None else content["best"],
            orders=_orders(content.get("orders"), where),
            scheduler=_scheduler(content.get("scheduler"), where),
        )

    def text(self) -> str:
        """The file's content."""
        return strict_yaml.dump(
            {
                "question": self.question,
                "methods": Arm.plain_of(self.methods),
                "streams": Arm.plain_of(self.streams),
                "memory": self.memory,
                "trials": self.trials,
                **self._spent(),
                "protocol": self.protocol.text,
                **({} if self.scheduler is None else {"scheduler": self.scheduler}),
                **({} if self.best == 1 else {"best": self.best}),
                "pairs": self.pairs,
                **({"orders": self.orders} if self.orders else {}),
                **({} if self.references == () else {"references": plain_references(self.references)}),
                "set": dict(self.values or {}),
            }
        )

    def _spent(self) -> dict[str, Any]:
        """The key of the budget and its value, where there is one."""
        if self.budget is None:
            return {}
        return {"gpu_hours": self.budget.hours} if self.budget.of_gpus else {"time": self.budget.text}


def _orders(content: Any, where: str) -> str:
    if content not in (None, "random", "extreme"):
        raise UserError(f"{where}: orders {content!r}: allowed are random and extreme")
    return "extreme" if content == "extreme" else ""


def _scheduler(content: Any, where: str) -> str | None:
    def fail(key: str, problem: str) -> NoReturn:
        raise UserError(f"{where}: scheduler {problem}")

    return None if content is None else SchedulerChoice.parse(str(content), fail).name


def _budget(content: Mapping[str, Any], where: str) -> Budget | None:
    said = [key for key in _BUDGETS if content.get(key) is not None]
    if len(said) > 1:
        raise UserError(f"{where}: {said[0]} beside {said[1]}: allowed is one of the two")
    if "time" in said:
        return Budget.time(content["time"], f"{where}: time")
    return Budget.gpu_hours(content["gpu_hours"], f"{where}: gpu_hours") if "gpu_hours" in said else None
