"""Which reference runs a study or a sweep asks for, as its file says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import UserError
from ..storage.reference_name import REFERENCES

EQUAL = REFERENCES[:-1]
"""Those that take at most as many steps as training on one task after another does."""


def references_of(content: Any, where: str) -> tuple[str, ...] | None:
    """The references of a study's file.

    Args:
        content: The value of the key ``references``.
        where: Where it was found, for the error.

    Returns:
        The kinds in the order of :data:`REFERENCES`, none of which is there twice; None: all of
        :data:`EQUAL` that there are beside the study's methods.

    Raises:
        UserError: It is something else. The message is one line.
    """
    if content is True:
        return None
    if content is None or content is False:
        return ()
    if not isinstance(content, list) or any(kind not in REFERENCES for kind in content):
        some = f"some of {', '.join(REFERENCES)} in a list"
        raise UserError(f"{where}: references {content!r}: allowed are true, false, or {some}")
    return tuple(kind for kind in REFERENCES if kind in content)


def more_references(
    references: tuple[str, ...] | None, further: Sequence[str] | bool
) -> tuple[str, ...] | None:
    """The references of a study that is to have further ones.

    Args:
        references: Those that it has, as of :func:`references_of`.
        further: What it is asked for beside them; True: all of :data:`EQUAL`.

    Raises:
        UserError: There is no such reference, or the study has all that are equal and is asked for others, or
            the other way round.
    """
    asked = references_of(further if isinstance(further, bool) else list(further), "--references")
    if references == ():
        return asked
    if asked is None:
        if unequal := [kind for kind in references or () if kind not in EQUAL]:
            raise UserError(
                f"--references: those of equal compute, and the study has {unequal[0]}; allowed: some of "
                f"{', '.join(REFERENCES)} after it"
            )
        return None
    if references is None and (more := [kind for kind in asked if kind not in EQUAL]):
        raise UserError(
            f"--references {more[0]}: the study has true; allowed: references in its study.yaml as a list"
        )
    return references and tuple(kind for kind in REFERENCES if kind in (*references, *asked))


def plain_references(references: tuple[str, ...] | None) -> Any:
    """What :func:`references_of` reads."""
    return True if references is None else list(references)
