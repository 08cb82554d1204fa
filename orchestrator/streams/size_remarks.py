"""Remarks on a stream whose sizes hardly serve their purpose."""

from __future__ import annotations

from collections.abc import Iterator

from .source import StreamSource

_FEW = 20  # records: with these few, a single one counts five points


def size_remarks(source: StreamSource, largest_memory: int) -> Iterator[str]:
    """Makes remarks on sizes, one line each.

    There is one where a task has few or no validation records, by which configurations are chosen, and one
    where the memory holds all that could be replayed.

    Args:
        source: The stream.
        largest_memory: How many records the memory holds at most.
    """
    if not source.holds_out:
        yield "no validation records (stream.validation 0): a run is measured on test data alone, at its end"
    sizes = {t.name: len(t.splits["validation"].label) for t in source.tasks if "validation" in t.splits}
    few = [name for name, size in sizes.items() if size < _FEW]
    if few:
        least = min(few, key=sizes.__getitem__)
        yield (
            f"few validation records: {len(few)} of {len(sizes)} tasks have less than {_FEW}, the fewest "
            f"{sizes[least]} (task {least}), where one more that is right is worth "
            f"{100 / sizes[least]:.3g} points"
        )
    past = sum(len(task.splits["train"].label) for task in source.tasks[:-1])
    if 0 < past <= largest_memory:
        yield (
            f"the memory is as large as the data: up to {largest_memory} records (replay.size) are all "
            f"{past} training records of the tasks before the last"
        )
