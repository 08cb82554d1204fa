"""Makes a stream that ends early: its first tasks, as if there were no others."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from ..errors import UserError
from .source import StreamSource


def first_tasks(source: StreamSource, count: int) -> StreamSource:
    """The first tasks of a stream. The result has no split of another task.

    In recognition the classes of later tasks go as well, since their names would tell of what is to come. The
    categories of retrieval and the answers and objects of questions stay: they are known from the start.
    Records keep their numbers. The fingerprints differ from those of the whole stream. Therefore nothing that
    was kept of the whole stream, such as a frozen encoder's features, is taken for this one, or the other way
    round.

    Args:
        source: The whole stream.
        count: How many tasks stay. Range: 1 to one less than the stream has.

    Raises:
        UserError: The stream does not have more tasks than that. The message is one line.
    """
    most = len(source.tasks) - 1
    if not 1 <= count <= most:
        allowed = f"whole numbers from 1 to {most}" if most else "none of a stream with one task"
        raise UserError(
            f"first-tasks {count}: the stream {source.name} has {most + 1} task{'s' * (most > 0)}; allowed: "
            f"{allowed}"
        )
    tasks = source.tasks[:count]
    stop = max(task.classes.stop for task in tasks)
    # The content of a stream does not depend on its order, but its first tasks do.
    ids = [[name, sorted(map(str, split.ids))] for task in tasks for name, split in task.splits.items()]
    pictures = source.pictures_fingerprint
    return replace(
        source,
        tasks=tasks,
        categories=source.categories[:stop] if source.scenario == "recognition" else source.categories,
        fingerprint=_digest(source.fingerprint, count, ids),
        pictures_fingerprint=None if pictures is None else _digest(pictures, count, ids),
    )


def _digest(*values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()
