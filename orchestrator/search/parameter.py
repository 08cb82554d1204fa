"""One searched hyper-parameter, described in Optuna's terms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from ..record.memory_worth import MEMORY_SIZE
from ..schema.scalars import Scalar, is_number, same, text

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


_EDGE = 0.05  # of a range: a value this near to its end lies at the end

_ALLOWED = {
    "float": ("type", "low", "high", "log", "step", "when"),
    "int": ("type", "low", "high", "log", "step", "when"),
    "categorical": ("type", "choices", "when"),
}


@dataclass(frozen=True)
class Condition:
    """A condition on another key's value: it is one of ``values``, or strictly between ``above`` and
    ``below`` where these are given.
    """

    values: tuple[Scalar, ...] | None = None
    above: float | None = None
    below: float | None = None

    def holds(self, value: Scalar) -> bool:
        """Whether the condition holds for the other key's value."""
        if self.values is not None:
            return any(same(value, allowed) for allowed in self.values)
        return (
            is_number(value)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        if self.values is not None:
            shown = [text(value) for value in self.values]
            return f"= {shown[0]}" if len(shown) == 1 else f"in {{{', '.join(shown)}}}"
        bounds = ((">", self.above), ("<", self.below))
        return " and ".join(f"{sign} {text(bound)}" for sign, bound in bounds if bound is not None)


@dataclass(frozen=True)
class Parameter:
    """A searched key with its distribution.

    Attributes:
        key: The dotted key.
        type: ``float``, ``int`` or ``categorical``.
        low: The lower end of a number, included.
        high: The upper end of a number, included.
        log: Whether a number is searched on a logarithmic scale. Then ``low`` is above 0 and there is no
            ``step``.
        step: Only ``low + n * step`` is allowed; None: any number between the ends.
        choices: Two or more scalars of one kind, for ``categorical``.
        when: Conditions on other keys. Where one of them does not hold, the parameter is not searched in that
            trial.
    """

    key: str
    type: Literal["float", "int", "categorical"]
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    choices: tuple[Scalar, ...] = ()
    when: Mapping[str, Condition] = field(default_factory=dict)

    @classmethod
    def parse(cls, key: str, values: Any, fail: Callable[[str, str], NoReturn]) -> Parameter:
        """Makes a parameter from its mapping in the file.

        Args:
            key: The dotted key.
            values: The mapping.
            fail: ``fail(sub-key or '', problem)`` raises the error, which names file and line.
        """
        if not isinstance(values, Mapping):
            fail("", f"expected a mapping such as {{type: float, low: 0.1, high: 1}}, found {values!r}")
        kind = values.get("type")
        if not isinstance(kind, str) or kind not in _ALLOWED:
            fail(
                "type" if "type" in values else "", f"type: allowed are {', '.join(_ALLOWED)}, found {kind!r}"
            )
        for name in values:
            if name not in _ALLOWED[kind]:
                fail(name, f"unknown key for type {kind}; allowed are {', '.join(_ALLOWED[kind])}")
        when = _conditions(values.get("when", {}), fail)
        if kind == "categorical":
            return cls(key, "categorical", choices=_choices(values.get("choices"), fail), when=when)
        return replace(_numeric(key, "int" if kind == "int" else "float", values, fail), when=when)

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """The values that reveal a wrong range: both ends, or every choice."""
        return self.choices if self.type == "categorical" else (self.low, self.high)

    @property
    def samples(self) -> tuple[Scalar, ...]:
        """:attr:`ends` and, for a number, some values between them."""
        if self.type == "categorical":
            return self.choices
        assert self.low is not None and self.high is not None  # it is numeric
        grid = self.step or (1 if self.type == "int" else None)
        between = [self.low + (self.high - self.low) * i / 64 for i in range(1, 64)]
        if grid:
            between = [self.low + round((value - self.low) / grid) * grid for value in between]
        return (*self.ends, *dict.fromkeys(between))

    @property
    def values(self) -> Iterable[Scalar] | None:
        """Every value that the parameter can have; None for a float without a step, which has too many."""
        if self.type == "categorical":
            return self.choices
        assert self.low is not None and self.high is not None  # it is numeric
        if self.type == "int":
            return range(int(self.low), int(self.high) + 1, int(self.step or 1))
        if self.step is None:
            return None
        low, high, step = self.low, self.high, self.step
        # A sum of steps may pass the end by a rounding error, and Optuna then refuses it.
        return (min(low + n * step, high) for n in range(round((high - low) / step) + 1))

    @property
    def range(self) -> str:
        """The range in a form for people: ``0.0001 .. 0.003 (log)`` or ``{0, 64, 256}``."""
        if self.type == "categorical":
            return f"{{{', '.join(text(choice) for choice in self.choices)}}}"
        notes = [
            note
            for note in ("log" if self.log else "", f"step {text(self.step)}" if self.step else "")
            if note
        ]
        return f"{text(self.low)} .. {text(self.high)}" + (f" ({', '.join(notes)})" if notes else "")

    @property
    def condition(self) -> str:
        """The conditions in a form for people: ``when replay.size > 0``; empty where there are none."""
        return " and ".join(f"{'' if i else 'when '}{k} {c}" for i, (k, c) in enumerate(self.when.items()))

    def active(self, values: Mapping[str, Any]) -> bool:
        """Whether the parameter is searched where other keys have these values. A key without a value fails
        its condition.
        """
        return all(key in values and condition.holds(values[key]) for key, condition in self.when.items())

    def contains(self, value: Scalar) -> bool:
        """Whether the distribution can give ``value``."""
        if self.type == "categorical":
            return any(same(value, choice) for choice in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float if self.type == "float" else int):
            return False
        assert self.low is not None and self.high is not None  # it is numeric
        return self.low <= value <= self.high and (self.step is None or _on_grid(value - self.low, self.step))

    def settled(self, value: Scalar) -> Scalar:
        """A value for which :meth:`contains` is true, to the digit as the distribution gives it. With steps
        of 0.1 from 0.1 on, 0.3 is 0.30000000000000004. In this way a point that was written by hand is
        recognised.
        """
        if self.type != "float":
            return value
        assert self.low is not None and self.high is not None and is_number(value)  # it is numeric
        if self.step is None:
            return float(value)
        return min(self.low + round((value - self.low) / self.step) * self.step, self.high)

    def at_edge(self, value: Scalar) -> bool:
        """Whether a number lies at an end of its range, so that a wider range may hold a better one. It does
        so within a twentieth of the range, on the scale on which it is searched, or as the least or largest
        choice. A range of one or two values has no edge, and words have none. 0 does not count, since hardly
        any hyper-parameter has values below it. The replay memory's size does not count, since it is a cost.
        """
        if value == 0 or self.key == MEMORY_SIZE:
            return False
        if self.type != "categorical":
            assert self.low is not None and self.high is not None  # it is numeric
            if not is_number(value) or len(list(itertools.islice(self.values or range(3), 3))) < 3:
                return False
            low, here, high = ((math.log(x) if self.log else x) for x in (self.low, value, self.high))
            return min(here - low, high - here) <= _EDGE * (high - low)
        numbers = [choice for choice in self.choices if is_number(choice)]
        return len(numbers) > 2 and value in (min(numbers), max(numbers))

    def suggest(self, trial: BaseTrial) -> Scalar:
        """Asks an Optuna trial for the value, under the parameter's key."""
        if self.type == "categorical":
            return trial.suggest_categorical(self.key, self.choices)
        if self.type == "int":
            return trial.suggest_int(self.key, self.low, self.high, log=self.log, step=self.step or 1)
        return trial.suggest_float(self.key, self.low, self.high, log=self.log, step=self.step)


def _on_grid(distance: float, step: float) -> bool:
    return abs(distance / step - round(distance / step)) < 1e-8


def _numeric(
    key: str, kind: Literal["float", "int"], values: Mapping[str, Any], fail: Callable[[str, str], NoReturn]
) -> Parameter:
    wanted = "a number" if kind == "float" else "an integer"
    bounds: dict[str, Any] = {}
    for name in ("low", "high", "step"):
        value = values.get(name)
        if name not in values and name != "step":
            fail("", f"{name} is missing; type {kind} needs low and high")
        if name in values and (not is_number(value) or (kind == "int" and not isinstance(value, int))):
            fail(name, f"expected {wanted}, found {value!r}")
        bounds[name] = float(values[name]) if kind == "float" and name in values else value
    low, high, step, log = bounds["low"], bounds["high"], bounds["step"], values.get("log", False)
    if not isinstance(log, bool):
        fail("log", f"expected true or false, found {log!r}")
    if low >= high:
        fail("low", f"{text(low)} is not below high {text(high)}; a single value belongs under fixed")
    if log and low <= 0:
        fail("low", f"{text(low)} cannot be on a logarithmic scale; allowed with log: true is more than 0")
    if step is not None:
        if step <= 0:
            fail("step", f"{text(step)} is not above 0")
        if log:
            fail("step", "step and log: true exclude one another")
        if not _on_grid(high - low, step):
            # Optuna would lower `high` without an error.
            fail(
                "step",
                f"{text(step)} does not lead from low {text(low)} to high {text(high)} in whole steps",
            )
    return Parameter(key, kind, low=low, high=high, log=log, step=step)


def _choices(values: Any, fail: Callable[[str, str], NoReturn]) -> tuple[Scalar, ...]:
    if not isinstance(values, list) or len(values) < 2:
        fail("choices", f"expected a list of two or more values, found {values!r}")
    kinds = {_kind(value) for value in values} - {None}
    if "" in kinds or len(kinds) > 1:
        fail("choices", f"expected numbers only, text only, or true and false (and null), found {values!r}")
    for i, value in enumerate(values):
        if any(same(value, other) for other in values[:i]):
            fail("choices", f"{text(value)} is given twice")
    return tuple(values)


def _kind(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool | str):
        return type(value).__name__
    return "number" if is_number(value) else ""


def _conditions(values: Any, fail: Callable[[str, str], NoReturn]) -> dict[str, Condition]:
    if not isinstance(values, Mapping):
        fail("when", f"expected a mapping such as {{replay.size: {{above: 0}}}}, found {values!r}")
    found = {}
    for key, value in values.items():

        def wrong(problem: str, key: Any = key) -> NoReturn:
            fail(f"when.{key}", problem)

        found[key] = _condition(value, wrong)
    return found


def _condition(value: Any, fail: Callable[[str], NoReturn]) -> Condition:
    if isinstance(value, Mapping):
        if not value or not set(value) <= {"above", "below"}:
            fail(
                f"allowed are a value, a list of values, above, below; found {', '.join(value) or 'nothing'}"
            )
        for name, bound in value.items():
            if not is_number(bound):
                fail(f"{name}: expected a number, found {bound!r}")
        return Condition(above=value.get("above"), below=value.get("below"))
    allowed: Sequence[Any] = value if isinstance(value, list) else [value]
    if not allowed or any(_kind(item) == "" for item in allowed):
        fail(f"expected a value or a list of values, found {value!r}")
    return Condition(values=tuple(allowed))
