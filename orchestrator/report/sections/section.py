"""A section of a page."""

from __future__ import annotations

from dataclasses import dataclass

from ..html import Html, tag


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes:
        title: Its heading.
        body: What is below the heading.
        optional: Whether it may be left out where a page would become too large.
    """

    title: str
    body: Html
    optional: bool = False

    def html(self, made: str) -> Html:
        """The section as HTML.

        Args:
            made: The command that makes its numbers.
        """
        said = tag("p", "Made by ", tag("code", made), kind="made")
        return tag("section", tag("h3", self.title), self.body, said)
