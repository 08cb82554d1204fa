"""How a walk chooses its values at each task: the ``per_task`` section of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import UserError
from .schema.config_error import ConfigError
from .schema.flatten import flatten
from .schema.scalars import is_number
from .schema.typed_values import construct, plain

_SECTION = "method"


@dataclass(frozen=True)
class PerTask:
    """How a walk chooses its values at each task, by the validation data of that task alone.

    The protocol is that of De Lange et al., "A continual learning survey: defying forgetting in
    classification tasks" (TPAMI 2021, section 4, algorithm 1). First the learning rate is the one with which
    finetuning on the new task reaches the best score A*. Then the method trains with it, and its strength
    against forgetting is multiplied by ``decay`` until the new task's score is at least (1 - ``margin``) A*.
    The strength begins where the configuration has it, and goes on at the next task from where it is.
    """

    learning_rate: str
    """The dotted key of the learning rate."""

    learning_rates: tuple[float, ...] = ()
    """The learning rates that are tried at each task, in this order. Of equally good ones the first is taken.
    In a search space, none: five over the range of the key. Range: above 0. Paper: 0.01, 0.005, 0.001,
    0.0005, 0.0001."""

    strength: tuple[str, ...] = ()
    """The dotted keys of what holds against forgetting. They are decayed together, and are 0 in finetuning.
    None: the learning rate alone is chosen."""

    margin: float = 0.2
    """The part of A* that the new task's score may be below A* (p of the paper). Range: at least 0, below 1.
    Paper: 0.2."""

    decay: float = 0.5
    """The factor on ``strength`` where the score is below that (alpha of the paper). Range: above 0, below 1.
    Paper: 0.5."""

    attempts: int = 10
    """How often the method is trained on a task at most. The last time that did not diverge counts, whatever
    its score. Range: at least 1. Released code: 10."""

    def __post_init__(self) -> None:
        if not 0 <= self.margin < 1:
            raise ValueError(f"margin {self.margin:g} is not in 0 .. 1, 1 excluded")
        if not 0 < self.decay < 1:
            raise ValueError(f"decay {self.decay:g} is not in 0 .. 1, both excluded")
        if self.attempts < 1:
            raise ValueError(f"attempts {self.attempts} is below 1")
        if any(rate <= 0 for rate in self.learning_rates):
            raise ValueError(f"learning_rates {min(self.learning_rates):g} is not above 0")
        for name, given in (("learning_rates", self.learning_rates), ("strength", self.strength)):
            if len(set(given)) < len(given):
                raise ValueError(f"{name} {next(v for v in given if given.count(v) > 1)} is given twice")

    def at(self, method: Any, learning_rate: float, strength: float) -> Any:
        """A method's values in one training of a task.

        Args:
            method: The ``method`` section of the configuration, whose strengths are those of the beginning.
            learning_rate: The learning rate.
            strength: The factor on the strengths, 0 to 1; 0: finetuning.

        Raises:
            ConfigError: The method does not take these values.
        """
        own = _numbers(method)
        values = {self.learning_rate: learning_rate, **{key: strength * own[key] for key in self.strength}}
        below = {key.removeprefix(f"{_SECTION}."): value for key, value in values.items()}
        return construct(type(method), below, _SECTION, method)

    def check(self, method: Any, *, fresh: bool) -> None:
        """Checks that the walk of a configuration can choose by this section.

        Args:
            method: The ``method`` section of the configuration.
            fresh: Whether each task begins with a new model.

        Raises:
            ConfigError: A key is none of the method's numbers, or the method does not take a value.
        """
        own = _numbers(method)
        if not self.learning_rates:
            raise ConfigError("per_task.learning_rates", "missing; expected a list of numbers above 0")
        for name, keys in (("learning_rate", (self.learning_rate,)), ("strength", self.strength)):
            for key in keys:
                if key not in own:
                    raise ConfigError(f"per_task.{name}", f"{key!r} is no number of the method's section")
        if self.learning_rate in self.strength:
            raise ConfigError("per_task.strength", f"{self.learning_rate} is the learning rate")
        for key in self.strength:
            if own[key] <= 0:
                raise ConfigError(
                    "per_task.strength", f"{key} is {own[key]:g}, and begins at a number above 0"
                )
        if patience := getattr(method, "patience", 0):
            # Early stopping goes by the validation data of each task that the training set has samples of.
            raise ConfigError(
                "per_task", f"method.patience {patience} goes by earlier tasks' validation data; allowed is 0"
            )
        if fresh:
            raise ConfigError("per_task", "run.fresh true leaves no past to hold on to; allowed is false")
        for rate in self.learning_rates:
            for strength in (1.0, self.decay, 0.0):
                self._try(method, rate, strength)

    def _try(self, method: Any, rate: float, strength: float) -> None:
        try:
            self.at(method, rate, strength)
        except UserError as error:
            said = "at a strength of 0, as in finetuning, " if not strength else ""
            raise ConfigError("per_task", f"{said}the method refuses {error}") from None


def _numbers(method: Any) -> Mapping[str, float]:
    """Dotted key -> value, of the numbers in a method's section."""
    flat = flatten({_SECTION: plain(method)})
    return {key: value for key, value in flat.items() if is_number(value)}
