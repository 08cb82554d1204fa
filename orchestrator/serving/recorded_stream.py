"""Reads the stream of a run on the disk, without its data."""

from __future__ import annotations

from pathlib import Path

from ..commands.run_stream import run_stream
from ..config import RunConfig
from ..storage.identity import Identity
from ..storage.run_files import TASKS_FILE
from ..streams.source import StreamSource
from ..streams.stream_record import StreamRecord


def recorded_stream(config: RunConfig, identity: Identity, folder: Path) -> StreamSource:
    """Reads what a run recorded of its stream. The data set is read only where the run recorded nothing.

    Args:
        config: The configuration of one of the run's trials.
        identity: The run's identity.
        folder: The run's folder.

    Raises:
        UserError: The record is not the run's own; or there is none, and the data is not there either.
    """
    if (folder / TASKS_FILE).exists():
        return StreamRecord.read(folder / TASKS_FILE).source()
    return run_stream(config, identity, folder)
