"""What every published stream of questions lets its user say."""

from __future__ import annotations

from dataclasses import dataclass

from ...checks import check_whole
from ...text.text_config import TextConfig


@dataclass(frozen=True)
class QuestionConfig(TextConfig):
    """What every published stream of questions lets its user say."""

    data: str = ""
    """The folder of the data set, as VQACL's code keeps it."""

    task_names: tuple[str, ...] = ()
    """Where not empty, the tasks and their order, each name once."""

    seed: int = 0
    """What shuffles the object groups of each task (VQACL's inner sequence). Range: 0 to 2**32 - 1. Released
    code: 66666."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("seed", self.seed, 0, 2**32 - 1)
        if isinstance(self.task_names, str) or not all(isinstance(n, str) for n in self.task_names):
            raise ValueError(f"task_names: {self.task_names!r}, allowed: a list of names")
        if len(set(self.task_names)) < len(self.task_names):
            raise ValueError(f"task_names: {list(self.task_names)}, allowed: each name once")

    def check_choice(self, name: str, allowed: tuple[str, ...]) -> None:
        """Checks that the field ``name`` is one of ``allowed``.

        Raises:
            ValueError: It is not. The message is one line.
        """
        value = getattr(self, name)
        if value not in allowed:
            raise ValueError(f"{name}: {value!r}, allowed: {', '.join(allowed)}")
