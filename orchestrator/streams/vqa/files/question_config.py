"""The keys that every published stream of questions has."""

from __future__ import annotations

from dataclasses import dataclass

from ...checks import check_whole
from ...order import Order, check_order
from ...task_names import check_task_names
from ...text.text_config import TextConfig


@dataclass(frozen=True)
class QuestionConfig(TextConfig):
    """The keys that every published stream of questions has."""

    data: str = ""
    """The folder of the data set, as VQACL's code keeps it."""

    task_names: tuple[str, ...] = ()
    """The tasks that are used, each name once, in their natural order; empty: all of them."""

    order: Order = "natural"
    """Order of the tasks: ``natural``, VQACL's, or as the lists of ids have them; a seed, which shuffles
    them; or a list of all their names or numbers (from 0). Range of a seed: 0 to 2**32 - 1. Paper:
    natural."""

    seed: int = 0
    """The seed that shuffles the object groups of each task (VQACL's inner sequence). Range: 0 to 2**32 - 1.
    Released code: 66666.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("seed", self.seed, 0, 2**32 - 1)
        check_task_names(self.task_names)
        check_order(self.order)

    def check_choice(self, name: str, allowed: tuple[str, ...]) -> None:
        """Checks that the field ``name`` is one of ``allowed``.

        Raises:
            ValueError: It is none of them. The message is one line.
        """
        value = getattr(self, name)
        if value not in allowed:
            raise ValueError(f"{name}: {value!r}, allowed: {', '.join(allowed)}")
