"""Modules and packages of one's own, as a user has them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from methods import outside

METHOD = """
from dataclasses import dataclass
from methods.method import Method


@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    batch_size: int = 4


class Mine(Method):
    '''What I do.'''
    Config = Config
    scenarios = frozenset({"recognition"})
"""

STREAM = """
from orchestrator.streams.recognition.digits import Digits


class MyStream(Digits):
    summary = "digits under another name"
"""


@contextmanager
def own_package(folder: Path, patch: pytest.MonkeyPatch, **modules: str) -> Iterator[Path]:
    """The package ``mypkg`` with its ``modules`` (name -> source) in ``folder``, the working folder, which is
    on no path; nothing of it stays imported.
    """
    (folder / "mypkg").mkdir(exist_ok=True)
    for name, text in (modules or {"mymethod": METHOD, "mystream": STREAM}).items():
        (folder / "mypkg" / f"{name}.py").write_text(text)
    patch.chdir(folder)
    # A page's commands leave the folder that they were tried in, which has a package of that name too.
    patch.setattr(sys, "path", [place for place in sys.path if place and not Path(place, "mypkg").exists()])
    forget()
    try:
        yield folder
    finally:
        forget()
        outside._offered.cache_clear()


def forget() -> None:
    """What a new process knows of the package: nothing."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "mypkg"]:
        del sys.modules[name]


def install(folder: Path, package: str, **groups: dict[str, str]) -> None:
    """An installed package with entry points: ``methods`` and ``streams``, name -> ``module:Class``. Within
    :func:`own_package`, whose paths it joins.
    """
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [
        f"[vlcl.{g}]\n" + "".join(f"{n} = {v}\n" for n, v in found.items()) for g, found in groups.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    sys.path.insert(0, str(folder))
    outside._offered.cache_clear()
