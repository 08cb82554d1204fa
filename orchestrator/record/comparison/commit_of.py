"""Reads the commit at which a run was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def commit_of(tags: Mapping[str, Any]) -> str:
    """The commit by a run's tags (:func:`~orchestrator.tracking.environment.environment_tags`).

    Args:
        tags: Name -> text.

    Returns:
        Its first ten digits, with ``+`` where files had been changed; the package's version where no commit
        is known. Behind a ``/`` comes the digest of a method's or a stream's own code.
    """
    commit = tags.get("git.commit")
    own = f"/{tags['code.own']}" if "code.own" in tags else ""  # the digest of a method from outside
    if not isinstance(commit, str):
        return str(tags.get("version.vlcl-orchestrator", "")) + own
    return commit[:10] + ("+" if tags.get("git.dirty") == "true" else "") + own
