"""Tags for the releases and the commit with which a run was made."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("torch", "torchvision", "transformers", "timm", "ray", "optuna", "mlflow", "vlcl-orchestrator")


def environment_tags() -> dict[str, str]:
    """The versions of Python and of the packages that decide numbers (``version.*``), and the project's
    commit.

    ``git.commit`` and ``git.dirty`` are there where the project runs from its own git checkout. The commit is
    also given as MLflow's own tag, which its run table shows. No environment variable is read, so that
    nothing secret can get in.
    """
    tags = {"version.python": platform.python_version()}
    for package in _PACKAGES:
        try:
            tags[f"version.{package}"] = version(package)
        except PackageNotFoundError:
            continue
    root = Path(__file__).resolve().parents[2]
    # Where the package is installed in site-packages, the folder may lie inside another project's checkout,
    # whose commit is not ours.
    if _git(root, "rev-parse", "--show-toplevel") == str(root):
        commit = _git(root, "rev-parse", "HEAD")
        if commit:
            dirty = str(bool(_git(root, "status", "--porcelain"))).lower()
            tags |= {"git.commit": commit, "git.dirty": dirty, "mlflow.source.git.commit": commit}
    return tags


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(done.stdout).strip()
