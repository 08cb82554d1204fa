"""The request of a run of a study, by which the run is recognised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..commands.sweep_request import SweepRequest
from ..errors import UserError
from ..schema import strict_yaml
from ..search.budget import Budget
from ..search.search_protocol import SearchProtocol
from ..storage.identity import digest

TRIALS = "trials"
"""The name of the number of trials that a search is asked for."""

BUDGET = "budget"
"""The name of what its trials may spend, where it has no such number."""

BEST = "best"
"""The name of how many of its trials are run with every pair, where these are several."""

_LONGEST = 60  # characters of a value in an error
_DIGITS = 16  # digits of a sha256, which people compare
_NOTHING = object()  # stands for no value, not even None


@dataclass(frozen=True)
class RunRequest:
    """What a run of a study is asked for.

    Attributes:
        values: Name -> plain value (JSON's types). A long value is replaced by the beginning of its sha256.
    """

    values: Mapping[str, Any]

    @classmethod
    def search(cls, request: SweepRequest, space: Path, trials: int = 0, budget: str = "") -> RunRequest:
        """What a search is asked for.

        The storage, the number of trials at once, and whether it is tested are no part of it, since they do
        not change what it finds.

        Args:
            request: The sweep's request.
            space: The file of its search space. Comments in it do not count.
            trials: How many trials it was given after it began; 0: as many as the request or the space says.
            budget: What its trials may spend, where it was given more after it began; empty: what the
                request says.

        Raises:
            UserError: The file cannot be read. The message is one line.
        """
        content, _ = strict_yaml.read(space)
        content = dict(content) if isinstance(content, dict) else {}
        if not SearchProtocol.of(request.protocol, str(space)).per_task:
            content.pop("per_task", None)  # nothing reads it, and files of earlier versions lack it
        # They are as a file gives them back: a tuple is a list.
        values, _ = strict_yaml.parse(strict_yaml.dump(dict(request.values or {})), str(space))
        given: dict[str, Any] = {TRIALS: trials or request.trials or content.get("trials")}
        if request.budget:
            given = {BUDGET: budget or request.budget}
        return cls(
            {
                "method": request.method,
                "stream": request.stream or values.get("stream.name") or content.get("stream"),
                "data": request.data,
                **given,
                "margin": request.margin,
                # It is left out where it is the usual one, which had no name in requests of earlier versions.
                **({"protocol": request.protocol} if request.protocol else {}),
                **({"sampler": request.sampler} if request.sampler else {}),
                **({"scheduler": request.scheduler} if request.scheduler else {}),
                **({"warm start": " ".join(request.warm_start)} if request.warm_start else {}),
                "search space": digest(strict_yaml.dump(content))[:_DIGITS],  # their order counts
                **{f"set {key}": values[key] for key in sorted(values)},
            }
        )

    @classmethod
    def pair(cls, search: str, trial: str, config: str, values: Mapping[str, Any]) -> RunRequest:
        """What a run with a pair is asked for.

        Args:
            search: The name of the run that chose the values.
            trial: The id of the trial that was chosen.
            config: The sha256 of the trial's configuration.
            values: Dotted key -> value of seed and order.
        """
        chosen = {"search": search, "trial": trial, "configuration": config[:_DIGITS]}
        return cls({**chosen, **{f"set {key}": value for key, value in values.items()}})

    def with_best(self, count: int) -> RunRequest:
        """This, of a search of which so many trials are run with every pair. One is not named, since earlier
        versions had no other number.
        """
        known = {key: value for key, value in self.values.items() if key != BEST}
        return RunRequest(known if count == 1 else {**known, BEST: count})

    def check(self, kept: RunRequest, where: str, allowed: str) -> None:
        """Checks that a run was asked for this, or a search for fewer trials or less time: it may grow.

        Args:
            kept: What it was asked for.
            where: The run, for the error.
            allowed: What is allowed, for the error.

        Raises:
            UserError: The run had another request. The message is one line.
        """
        for key in (*self.values, *(key for key in kept.values if key not in self.values)):
            then, now = (one.values.get(key, _NOTHING) for one in (kept, self))
            if then != now and not _grows(key, then, now):
                said = f"{where}: was asked for with {key} {_shown(then)}, not {_shown(now)}"
                raise UserError(f"{said}; allowed: {allowed}")


def _grows(key: str, then: Any, now: Any) -> bool:
    """Whether a search that was given ``then`` may be given ``now``."""
    if key == BUDGET and isinstance(then, str) and isinstance(now, str):
        before, after = Budget.of(then, BUDGET), Budget.of(now, BUDGET)
        return before.of_gpus == after.of_gpus and before.hours < after.hours
    if key == BEST and then is _NOTHING:
        return True
    return key in (TRIALS, BEST) and isinstance(then, int) and isinstance(now, int) and then < now


def _shown(value: Any) -> str:
    text = "nothing" if value is _NOTHING else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
