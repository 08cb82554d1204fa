"""A method or a stream of a study, by the name that its tables have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError
from ..schema.flatten import flatten
from ..storage.plain_name import file_name

_KEYS = "name, data, space, set"


@dataclass(frozen=True)
class Arm:
    """A method or a stream of a study.

    Attributes:
        label: What tables call it.
        name: The method's or the stream's name.
        data: The folder of a stream that reads a data set; None: it reads none.
        space: The file of a method's search space; None: the shipped one.
        values: Dotted key -> value, of its runs alone.
    """

    label: str
    name: str
    data: str | None = None
    space: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file_label(self) -> str:
        """The label as part of a run's name."""
        return file_name(self.label)

    @classmethod
    def all_of(cls, content: Any, key: str, place: str, *, optional: bool = False) -> tuple[Arm, ...]:
        """The methods or streams of a study: a list of names, or label -> ``{name, data, space, set}``.

        Args:
            content: The value of ``key``.
            key: ``methods`` or ``streams``.
            place: Where it was found, for the error.
            optional: Whether there may be none.

        Raises:
            UserError: There is none, or one has what is not known. The message is one line.
        """
        if optional and not content:
            return ()
        if isinstance(content, list) and all(isinstance(name, str) for name in content):
            content = {name: {} for name in content} if len(set(content)) == len(content) else None
        if not isinstance(content, dict) or not content:
            raise UserError(f"{place}: {key}: allowed are different names in a list, or label: {{name, set}}")
        return tuple(
            cls._of(label, given or {}, f"{place}: {key}.{label}") for label, given in content.items()
        )

    @classmethod
    def _of(cls, label: str, given: Any, place: str) -> Arm:
        if not isinstance(given, dict):
            raise UserError(f"{place}: {given!r}: allowed is a mapping with {_KEYS}")
        if unknown := [key for key in given if key not in _KEYS.split(", ")]:
            raise UserError(f"{place}.{unknown[0]}: not known here; allowed: {_KEYS}")
        values = given.get("set") or {}
        if not isinstance(values, dict):
            raise UserError(f"{place}.set: {values!r}: allowed is a mapping of keys and values")
        for key in "name", "data", "space":
            if not isinstance(given.get(key), str | None):
                raise UserError(f"{place}.{key}: {given[key]!r}: allowed is text")
        return cls(label, given.get("name") or label, given.get("data"), given.get("space"), flatten(values))

    @staticmethod
    def plain_of(arms: Sequence[Arm]) -> dict[str, Any]:
        """What :meth:`all_of` reads."""
        return {
            arm.label: {
                "name": arm.name,
                **({"data": arm.data} if arm.data else {}),
                **({"space": arm.space} if arm.space else {}),
                **({"set": dict(arm.values)} if arm.values else {}),
            }
            for arm in arms
        }
