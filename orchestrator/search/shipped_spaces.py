"""The search spaces that are shipped with the package."""

from __future__ import annotations

from pathlib import Path

from methods import registry as methods

from ..errors import UserError
from ..schema.registered import registered

# The folder of data lies beside the package, in a checkout and in an installation. importlib.resources cannot
# be used: it does not read a folder without code from an editable installation (NotADirectoryError in Python
# 3.11).
_FOLDER = Path(__file__).resolve().parents[2] / "search_spaces"


def names() -> list[str]:
    """The methods for which a search space is shipped."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def is_shipped(path: Path) -> bool:
    """Whether a search space's file is a shipped one."""
    return path.parent == _FOLDER


def find(path_or_method: str | Path) -> Path:
    """The file of a search space.

    Args:
        path_or_method: A method, for its shipped file, or a file (``*.yaml``).

    Raises:
        UserError: There is no such method, or no search space is shipped for it.
    """
    name = str(path_or_method)
    if name.endswith((".yaml", ".yml")):
        return Path(path_or_method)
    if name in names():
        return _FOLDER / f"{name}.yaml"
    registered(name, "METHOD", methods, "method")
    raise UserError(
        f"{name}: no search space is shipped for it, only for {', '.join(names())}; allowed: a file of "
        "your own, by --space FILE"
    )
