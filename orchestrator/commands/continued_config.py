"""The configuration and the stream of a run that goes on with more tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import RunConfig, data_values, flatten
from ..errors import UserError
from ..streams import registry as streams
from ..streams.recognition.class_config import ClassConfig
from ..streams.source import StreamSource
from .continued_run import ContinuedRun

_ORDER, _BATCHES = "stream.order", "stream.batches"
_FIXED = ("stream.name", "run.seed")


def continued_config(
    run: ContinuedRun, values: Mapping[str, Any], data: str | Path | None
) -> tuple[RunConfig, StreamSource]:
    """The configuration of ``run`` with more tasks behind its own, and their stream.

    A stream that can tell which of its data are new (``grown``) makes a task of them, unless ``values`` say
    which tasks are new. Where the stream's own order would move a trained task, the order becomes a list: the
    trained tasks as they came, then the new ones in their natural order.

    Args:
        run: The run.
        values: Dotted key -> value of the stream and of how the run is run.
        data: The folder of the stream's data now, with those of the trained tasks; None: where it lay.

    Raises:
        UserError: A value belongs to the method, the memory or the seeds; or the stream is not the run's own
            with more tasks behind. The message is one line.
    """
    name, flat = run.folder.name, flatten(values)
    for key in flat:
        if key in _FIXED or key.partition(".")[0] not in ("stream", "run"):
            raise UserError(
                f"--continue {name}: --set {key}: the run goes on with its own method, stream, memory and "
                "seeds; allowed are other keys of stream.* and run.*"
            )
    where = data_values(run.config.stream_name, data) if data else {}
    config = run.config.with_values({**where, **flat}, "--set")
    config = _grown(config, run.record.lists["categories"], said=_BATCHES in flat)
    config, source = _ordered(config, run.record.names, name, said=_ORDER in flat)
    run.record.check_grown(source, name)
    return config, source


def _grown(config: RunConfig, known: Sequence[str], *, said: bool) -> RunConfig:
    grown = getattr(streams.get(config.stream_name), "grown", None)
    if grown is None or said:
        return config
    return replace(config, stream=grown(config.stream, known, config.run.skip_bad))


def _ordered(
    config: RunConfig, names: Sequence[str], run: str, *, said: bool
) -> tuple[RunConfig, StreamSource]:
    """The configuration with an order that leaves the tasks called ``names`` in front, where there is one."""
    order = getattr(config.stream, "order", None)
    # A stream of classes has an order of classes, not of tasks.
    if said or order is None or isinstance(config.stream, ClassConfig):
        return config, _load(config)
    if not isinstance(order, list | tuple):  # a list does not name the new tasks
        source = _load(config)
        if [task.name for task in source.tasks[: len(names)]] == list(names):
            return config, source
    there = [task.name for task in _load(config.with_values({_ORDER: "natural"})).tasks]
    if gone := [name for name in names if name not in there]:
        raise UserError(
            f"--continue {run}: the stream has no task {gone[0]!r}, which the run has trained; allowed: "
            f"all of its tasks, beside new ones ({', '.join(map(repr, there))} are there)"
        )
    behind = [name for name in there if name not in names]
    config = config.with_values({_ORDER: [*names, *behind]})
    return config, _load(config)


def _load(config: RunConfig) -> StreamSource:
    return streams.get(config.stream_name).load(config.stream, config.run.skip_bad)
