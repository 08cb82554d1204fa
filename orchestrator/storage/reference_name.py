"""The names of reference runs, by which they are found again."""

from __future__ import annotations

import re

REFERENCES = ("zero-shot", "finetune", "joint-once", "independent", "joint")
"""The kinds of reference run."""

_AT = r"(?:pair\d+|seed\d+-[0-9a-z]+)"
_NAME = re.compile(rf"reference-({'|'.join(REFERENCES)})-.+-{_AT}-[0-9a-f]{{12}}")


def reference_name(kind: str, stream: str, at: int | str, digest: str) -> str:
    """The name of a reference run.

    Args:
        kind: One of :data:`REFERENCES`.
        stream: The stream's name, as files have it.
        at: The seed and the order: the number of a study's pair, or what names have of others
            (:attr:`~orchestrator.references.seed_and_order.SeedAndOrder.label`).
        digest: What tells its configuration, 12 hexadecimal digits.
    """
    return f"reference-{kind}-{stream}-{f'pair{at}' if isinstance(at, int) else at}-{digest}"


def same_reference(run: str, other: str) -> bool:
    """Whether two runs are one kind of reference on one stream with one seed and order, whatever tells their
    configurations.

    Args:
        run: A run's name.
        other: Another run's name.
    """
    return bool(reference_kind(run)) and run.rpartition("-")[0] == other.rpartition("-")[0]


def reference_kind(run: str) -> str:
    """The kind of reference that a run of this name is; empty: it is none.

    Args:
        run: The run's name.
    """
    found = _NAME.fullmatch(run)
    return found[1] if found else ""
