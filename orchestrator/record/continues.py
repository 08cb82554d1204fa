"""The run that another run continues with more tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import UserError
from ..storage.plain_name import check_plain


@dataclass(frozen=True)
class Continues:
    """The run whose trained tasks are the first tasks of another run.

    Attributes:
        name: The first run's name.
        run: Its UUID.
        tasks: How many tasks it has trained. At least 1.
        trials: Trial of the other run -> the first run's trial that it continues.
    """

    name: str
    run: str
    tasks: int
    trials: Mapping[str, str]

    @classmethod
    def of(cls, content: Any, where: str) -> Continues | None:
        """Reads what :meth:`plain` gave; None for None.

        Args:
            content: A mapping of plain values.
            where: Where it was found, for the error.

        Raises:
            UserError: ``content`` has another form. The message is one line.
        """
        if content is None:
            return None
        try:
            continues = cls(**content)
            trials = {**continues.trials}
            sound = type(continues.tasks) is int and continues.tasks > 0 and isinstance(continues.run, str)
        except TypeError:
            sound = False
        if not sound:
            raise UserError(f"{where}: continues {str(content)[:60]!r}; allowed: what the run wrote there")
        for name in (continues.name, *trials, *trials.values()):
            check_plain(name, f"{where}: continues")
        return continues

    def plain(self) -> dict[str, Any]:
        """Returns nested plain values."""
        return {**asdict(self), "trials": dict(self.trials)}

    @property
    def said(self) -> str:
        """Describes it in words."""
        tasks = "Task 1 is" if self.tasks == 1 else f"Tasks 1 to {self.tasks} are"
        return f"{tasks} {self.name}'s."
