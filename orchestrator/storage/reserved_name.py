"""Refuses names by which a study knows its own runs."""

from __future__ import annotations

from ..errors import UserError
from .extreme_name import extreme_order
from .reference_name import reference_kind


def check_reserved(name: str | None) -> None:
    """Checks that a user's run is not taken for one that no mean counts.

    Args:
        name: The name that a user gave; None: there is none.

    Raises:
        UserError: A study's run in an extreme order, or a reference run, would have the name. The message is
            one line.
    """
    if name is None:
        return
    if which := extreme_order(name):
        raise UserError(
            f"--name {name}: a study's run in its {which} order alone ends in -{which}-order; allowed: "
            "another name"
        )
    if reference_kind(name):
        raise UserError(f"--name {name}: only a reference run has such a name; allowed: another name")
