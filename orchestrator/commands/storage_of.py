"""Where a run is kept beside its folder, as whoever starts it says it."""

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
    """Where a new run is to be kept beside its folder: ``--storage``, else ``$VLCL_STORAGE``."""
    return whole_url(said or os.environ.get("VLCL_STORAGE"))


def whole_url(url: str | None) -> str | None:
    """A storage's address from any working folder: a path becomes an absolute ``file://`` URL.

    Raises:
        UserError: The address begins like a URL and is none. It would be taken for a path.
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
    """Where a run that is gone on with is kept beside its folder. The folder is brought up to what is there.

    Args:
        said: A copy of the run's storage, which is said now. It gets what it lacks, and holds from then on.
            None: the storage is as it was.
        request: What the run was started with.
        file: The file in the run's folder that has the request.

    Returns:
        The run at the storage; None: it is kept nowhere else.

    Raises:
        UserError: What is there is another run's, or an older copy.
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
