"""Finds the storage of a run from what its user says."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..storage.atomic_write import write_text
from ..storage.run_folder import kept_at
from ..storage.user_path import user_path

if TYPE_CHECKING:
    from ..storage.run_storage import RunStorage
    from .sweep_request import SweepRequest
    from .train_request import TrainRequest


def storage_url(said: str | None) -> str | None:
    """The storage of a new run: ``--storage``, else ``$VLCL_STORAGE``."""
    return whole_url(said or os.environ.get("VLCL_STORAGE"))


def whole_url(url: str | None) -> str | None:
    """A storage's address from any working folder: a path becomes an absolute ``file://`` URL.

    Raises:
        UserError: The address begins like a URL and is none. Otherwise it would be taken for a path.
    """
    if not url:
        return None
    if match := re.match(r"([A-Za-z][A-Za-z0-9+.-]+):(?!//|:)", url):
        raise UserError(
            f"--storage {url}: is no URL; allowed: {match[1]}://..., or a path (./{url} for one of that name)"
        )
    path = url.removeprefix("file://").removeprefix("local://")
    if path == url and "://" in url or "::" in url:
        return url
    return f"file://{user_path(path, follow=False)}"


def resumed_storage(said: str | None, request: SweepRequest | TrainRequest, file: Path) -> RunStorage | None:
    """Opens the storage of a resumed run, and brings the run's folder up to what is there.

    Args:
        said: The address of a copy of the run's storage, given now. The copy gets what it lacks, and is the
            storage from then on. None: the storage is as it was.
        request: The request with which the run was started.
        file: The file in the run's folder that has the request.

    Returns:
        The run at the storage; None: it is kept nowhere else.

    Raises:
        UserError: The files there belong to another run, or are an older copy.
    """
    url = whole_url(said) or request.storage
    kept = kept_at(url, file.parent)
    if kept is not None:
        kept.agree()
        kept_at(url, file.parent, check=True)  # only now: nothing is made where another run is
    if kept is not None and url != request.storage:
        kept.push_all()
        write_text(file, replace(request, storage=url).text())
    return kept
