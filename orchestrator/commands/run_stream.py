"""The stream of a run on the disk, read again."""

from __future__ import annotations

from pathlib import Path

from ..config import RunConfig
from ..errors import UserError
from ..search.search_protocol import SearchProtocol
from ..storage.identity import Identity
from ..storage.run_files import SWEEP_FILE
from ..streams import registry as streams
from ..streams.identity import stream_identity
from ..streams.source import StreamSource
from .sweep_request import SweepRequest


def run_stream(config: RunConfig, identity: Identity, folder: Path) -> StreamSource:
    """Reads the stream that the trials of a run walked. A sweep may have left out its later tasks.

    Args:
        config: The configuration of one of its trials.
        identity: The run's identity.
        folder: The run's folder.

    Raises:
        UserError: The stream cannot be read, or is another one now. The message is one line.
    """
    source = streams.get(config.stream_name).load(config.stream, config.run.skip_bad)
    if (file := folder / SWEEP_FILE).exists():
        source = SearchProtocol.of(SweepRequest.read(file).protocol, str(file)).shown(source)
    if (content := stream_identity(source)) != identity.stream:
        raise UserError(
            f"{folder}: is of another content of the stream {source.name} ({identity.stream[:12]}, not "
            f"{content[:12]}); allowed: the data that the run read"
        )
    return source
