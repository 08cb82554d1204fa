"""A method or a stream of a study, by the name that its tables have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import UserError
from ..schema.flatten import flatten
from ..storage.plain_name import file_name

_KEYS = {"methods": ("name", "space", "set"), "streams": ("name", "data", "set")}


@dataclass(frozen=True)
class Arm:
    """A method or a stream of a study.

    Attributes:
        label: Its name in tables.
        name: The method's or the stream's name.
        data: The folder of a stream that reads a data set; None: it reads none, or it is a method.
        space: The file of a method's search space; None: the shipped one, or it is a stream.
        values: Dotted key -> value, for its runs alone.
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
    def all_of(cls, content: Any, kind: Literal["methods", "streams"], where: str) -> tuple[Arm, ...]:
        """The methods or streams of a study: a list of names, or label -> ``{name, space, set}`` of methods
        and ``{name, data, set}`` of streams.

        Args:
            content: The value of the key ``kind``.
            kind: Which of them. There may be no streams.
            where: Where it was found, for the error.

        Raises:
            UserError: There is no method, or a method or stream has an unknown key. The message is one line.
        """
        if kind == "streams" and (content is None or content in ([], {})):
            return ()
        if isinstance(content, list) and all(isinstance(name, str) for name in content):
            content = {name: None for name in content} if len(set(content)) == len(content) else None
        if not isinstance(content, dict) or not content:
            keys = ", ".join(_KEYS[kind])
            raise UserError(f"{where}: {kind}: allowed are different names in a list, or label: {{{keys}}}")
        if wrong := [label for label in content if not isinstance(label, str) or not label]:
            raise UserError(f"{where}: {kind}: label {wrong[0]!r}: allowed is text, as '{wrong[0] or 'a'}'")
        return tuple(
            cls._of(label, {} if given is None else given, _KEYS[kind], f"{where}: {kind}.{label}")
            for label, given in content.items()
        )

    @classmethod
    def _of(cls, label: str, given: Any, keys: Sequence[str], where: str) -> Arm:
        if not isinstance(given, dict):
            raise UserError(f"{where}: {given!r}: allowed is a mapping with {', '.join(keys)}")
        if unknown := [key for key in given if key not in keys]:
            raise UserError(f"{where}.{unknown[0]}: not known here; allowed: {', '.join(keys)}")
        for key in keys[:-1]:
            text = given.get(key)
            if text is not None and (not isinstance(text, str) or not text):
                raise UserError(f"{where}.{key}: {text!r}: allowed is text")
        values = given.get("set")
        if not isinstance(values, dict | None):
            raise UserError(f"{where}.set: {values!r}: allowed is a mapping of keys and values")
        name = given.get("name") or label
        return cls(label, name, given.get("data"), given.get("space"), flatten(values or {}))

    @staticmethod
    def plain_of(arms: Sequence[Arm]) -> dict[str, Any] | None:
        """The content that :meth:`all_of` reads; None where there are none."""
        return {
            arm.label: {
                "name": arm.name,
                **({"data": arm.data} if arm.data else {}),
                **({"space": arm.space} if arm.space else {}),
                **({"set": dict(arm.values)} if arm.values else {}),
            }
            for arm in arms
        } or None
