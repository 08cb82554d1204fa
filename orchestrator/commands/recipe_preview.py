"""What a preview says of a recipe: before the data are read, and after."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from ..config import RunConfig
from ..recipes.recipe import Recipe
from .recipe_changes import recipe_changes


@dataclass(frozen=True)
class RecipePreview:
    """What a preview says of a recipe.

    Attributes:
        recipe: The recipe; None: there is none, and nothing is said.
        apart: Whether lines of progress stand between the two parts, of which each then names the recipe.
        said: What is said of the recipe as it is shipped, unless it was told already.
    """

    recipe: Recipe | None
    apart: bool
    said: str

    @classmethod
    def begin(cls, name: Any, first: Callable[[str], None] | None) -> RecipePreview:
        """Says what a recipe is, for which no data are needed.

        Args:
            name: The recipe's name; None, or what is no name and is refused elsewhere: nothing is said.
            first: Takes it at once; None: :meth:`with_changes` has it.

        Raises:
            UserError: There is no such recipe.
        """
        if not isinstance(name, str):
            return cls(None, False, "")
        recipe = Recipe.load(name)
        if first is None:
            return cls(recipe, False, f"{recipe.describe()}\n")
        first(recipe.describe())
        return cls(recipe, True, "")

    def with_changes(self, config: RunConfig, searched: Collection[str]) -> str:
        """What is left to say of the recipe: its values that are set otherwise, and an empty line.

        Args:
            config: The configuration that all trials share.
            searched: The dotted keys that the search gives each trial.
        """
        if self.recipe is None:
            return ""
        changes = recipe_changes(self.recipe, config, searched)
        head = [f"Recipe {self.recipe.name}"] if self.apart and changes else []
        return self.said + "".join(f"{line}\n" for line in (*head, *changes, ""))
