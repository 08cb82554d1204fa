"""A recipe: the configuration of a published table, read from its file."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from methods import registry as methods

from ..config import RunConfig, where_in
from ..errors import UserError
from ..schema import strict_yaml
from ..schema.config_error import ConfigError, known
from ..schema.flatten import flatten
from ..schema.registered import registered
from ..search.preset_values import with_preset
from ..search.shipped_spaces import is_shipped
from ..search.space_file import SpaceFile
from ..streams import registry as streams

_FOLDER = Path(__file__).parent
_KEYS = ("table", "method", "stream", "values", "metrics", "needs", "differs")
_WIDTH = 98


@dataclass(frozen=True)
class Recipe:
    """The configuration of a published table.

    Attributes:
        name: Its name, ``METHOD/NAME``.
        table: The published table, and whether it is read as in the paper or as in the released code.
        method: The method's name.
        stream: The stream's name.
        values: Dotted key -> value, of the sections ``method``, ``stream``, ``replay`` and ``run``.
        metrics: The metrics that the table prints -> their names there, and the published figures where they
            are known.
        needs: The data and weights that it needs.
        differs: What differs from the published setting all the same.
    """

    name: str
    table: str
    method: str
    stream: str
    values: Mapping[str, Any]
    metrics: Mapping[str, str]
    needs: tuple[str, ...]
    differs: tuple[str, ...]

    @staticmethod
    def names() -> list[str]:
        """The recipes that are shipped."""
        return sorted(f"{path.parent.name}/{path.stem}" for path in _FOLDER.glob("*/*.yaml"))

    @classmethod
    def load(cls, name: str) -> Recipe:
        """Reads a recipe.

        Args:
            name: One of :meth:`names`.

        Raises:
            UserError: There is no such recipe, or its file is wrong.
        """
        if name not in cls.names():
            try:
                known(name, "--recipe", cls.names(), "recipe")
            except ConfigError as error:
                raise UserError(f"--recipe {name}: {error.problem}") from None
        path = _FOLDER / f"{name}.yaml"
        content, lines = strict_yaml.read(path)
        if not isinstance(content, Mapping) or set(content) != set(_KEYS):
            raise UserError(f"{path}: expected the keys {', '.join(_KEYS)}")
        recipe = cls(
            name,
            content["table"],
            registered(content["method"], "method", methods, "method"),
            registered(content["stream"], "stream", streams, "stream"),
            flatten(content["values"]),
            content["metrics"],
            tuple(content["needs"]),
            tuple(content["differs"]),
        )
        try:
            recipe.config()
        except ConfigError as error:
            raise ConfigError(
                error.key, error.problem, where_in(path, lines, f"values.{error.key}")
            ) from None
        return recipe

    def config(self, stream: str | None = None, preset: str | None = None) -> RunConfig:
        """The recipe's configuration: the method's and the stream's own values, the preset's, then the
        recipe's.

        Args:
            stream: A stream in the place of the recipe's, at that stream's own values.
            preset: A preset in the place of the recipe's. The preset's values win over the recipe's values.
        """
        name = stream or self.stream
        values = self._values(name, preset)
        return RunConfig.from_dict({**values, "method.name": self.method, "stream.name": name})

    def beside(self, space: Path, stream: str | None = None, preset: str | None = None) -> dict[str, Any]:
        """The values of a sweep of this recipe, for ``Space.load``.

        They take the place of what the search space fixes, and keys that the recipe names are not searched.
        In a space of the user's own, the keys that the file searches stay searched.

        Args:
            space: The search space's file.
            stream: A stream in the place of the recipe's.
            preset: A preset in the place of the recipe's, as in :meth:`config`.

        Returns:
            Dotted key -> value.
        """
        file, name = SpaceFile(space), stream or self.stream
        own = flatten(self.config(name, preset).to_dict())
        taken = file.fixed if name == file.stream else [k for k in file.fixed if not k.startswith("stream.")]
        # No recipe says where the data lie.
        values = {key: own[key] for key in taken if key in own and key != "stream.data"}
        values |= self._values(name, preset)
        searched = set() if is_shipped(space) else {parameter.key for parameter in file.parameters}
        return {key: value for key, value in values.items() if key not in searched}

    def describe(self) -> str:
        """Describes the recipe, in lines of 98 columns: its table and metrics, its values by section, what it
        needs and what differs. None of it needs the data.
        """
        parts = [
            f"Recipe {self.name}: {self.table}",
            *(f"  {metric}: {name}" for metric, name in self.metrics.items()),
            *(f"  {line}" for line in self._sections()),
            *(f"  needs: {line}" for line in self.needs),
            *(f"  differs: {line}" for line in self.differs),
        ]
        return "\n".join(
            textwrap.fill(part, _WIDTH, subsequent_indent="      ", break_on_hyphens=False) for part in parts
        )

    def _sections(self) -> Iterator[str]:
        """The values, a line for each section."""
        named = {"method": f" {self.method}", "stream": f" {self.stream}"}
        for section in dict.fromkeys(key.partition(".")[0] for key in self.values):
            own = {key: value for key, value in self.values.items() if key.startswith(f"{section}.")}
            said = (f"{key.removeprefix(f'{section}.')}={_text(value)}" for key, value in own.items())
            yield f"{section}{named.get(section, '')}: {', '.join(said)}"

    def _values(self, stream: str, preset: str | None) -> dict[str, Any]:
        same = stream == self.stream
        values = {key: v for key, v in self.values.items() if same or not key.startswith("stream.")}
        return values if preset is None else values | with_preset(self.method, {"method.preset": preset})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
