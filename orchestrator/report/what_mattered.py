"""The hyper-parameters of a search that mattered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

LEAST = 12
"""How many trials must have ended before anything is said."""

LEVEL = 0.05
"""The probability with which chance alone makes any of the values stand out."""

_SHOWN = 4  # values that a line names


@dataclass(frozen=True)
class Mattered:
    """How much a hyper-parameter mattered.

    Attributes:
        key: The dotted key.
        share: The key's part of what all keys explain by themselves, 0 to 1; None where some trials do not
            have the key.
        p: The probability that chance alone gives some key as large an effect.
    """

    key: str
    share: float | None
    p: float

    @property
    def told(self) -> bool:
        """Whether the effect can be told from chance."""
        return self.p <= LEVEL

    @property
    def said(self) -> str:
        """The key, with its share where it has one."""
        return self.key if self.share is None else f"{self.key} {100 * self.share:.0f} %"


@dataclass(frozen=True)
class WhatMattered:
    """Which hyper-parameters of a search mattered.

    Attributes:
        trials: The number of trials that count.
        found: An entry for each key, the largest share first; empty where the trials are too few.
    """

    trials: int
    found: tuple[Mattered, ...] = ()

    @property
    def said(self) -> list[str]:
        """What mattered, in one line or two."""
        told = [one.said for one in self.found if one.told]
        if self.trials < LEAST:
            return [f"What mattered: {self.trials} trials are too few to say it; {LEAST} may be enough."]
        if not told:
            return [f"What mattered: in {self.trials} trials no value can be told from chance."]
        more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        left = len(self.found) - len(told)
        rest = f"  {left} other{'s' * (left > 1)} cannot be told from chance."
        named = f"What mattered, in {self.trials} trials: {', '.join(told[:_SHOWN])}{more}."
        return [named, rest] if left else [named]

    @classmethod
    def read(cls, content: Any) -> WhatMattered:
        """Reads what :meth:`plain` made.

        Raises:
            KeyError, TypeError, ValueError: The content has another form.
        """
        found = [
            Mattered(str(one["key"]), None if one["share"] is None else float(one["share"]), float(one["p"]))
            for one in content["found"]
        ]
        return cls(int(content["trials"]), tuple(found))

    def plain(self) -> Mapping[str, Any]:
        """Returns it as a mapping for JSON."""
        return {
            "trials": self.trials,
            "found": [asdict(one) for one in self.found],
            "said": self.said,
        }
