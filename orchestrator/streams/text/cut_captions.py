"""The remark on captions that were cut."""

from __future__ import annotations

from ..stream import Stream

_PLACES = 3


def cut_captions(stream: Stream) -> str | None:
    """One line on how many captions or questions of which tasks are longer than a row of tokens and were cut;
    None where none was.

    The tasks that lost most come first. From the fourth on they are summed up.
    """
    if not stream.cut:
        return None
    places = sorted(stream.cut.items(), key=lambda item: -item[1])
    told = [
        f"{count:,} of {len(stream.tasks[task].splits[split]):,} in task {task + 1} ({split})"
        for (task, split), count in places[:_PLACES]
    ]
    if rest := places[_PLACES:]:
        told.append(f"{sum(count for _, count in rest):,} in {len(rest)} other splits")
    length = stream.tasks[0].splits["train"].tokens.shape[1]
    return f"captions cut: {', '.join(told)} at {length} tokens; stream.max_tokens sets the length"
