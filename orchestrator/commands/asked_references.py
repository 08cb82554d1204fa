"""Which reference runs a sweep is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..references.reference_kinds import references_of
from ..storage.atomic_write import write_text
from ..storage.reference_name import REFERENCES
from ..storage.run_files import SWEEP_FILE
from .sweep_request import SweepRequest

if TYPE_CHECKING:
    from ..search.space import Space
    from .sweep_references import SweepReferences


def asked_references(
    request: SweepRequest, space: Space, further: Sequence[str] | None, storage: str | None = None
) -> tuple[SweepRequest, SweepReferences | None]:
    """Adds references to those that a sweep was asked for.

    Args:
        request: The sweep's request.
        space: The search space. The references begin at its ``start``, wherever the sweep itself begins.
        further: The kinds of further references; None: all of equal compute that there are.
        storage: The URL at which the sweep is kept from now on; None: as the request says.

    Returns:
        The request with all of them, and the references; None where there are none.

    Raises:
        UserError: There is no such reference beside the method. The message is one line.
    """
    had = references_of(list(request.references or ()), SWEEP_FILE) or ()
    if further == () and not had:
        return request, None
    from .sweep_references import SweepReferences

    like = space.start_config
    more = SweepReferences(like, None, None).kinds if further is None else further
    kinds = [kind for kind in REFERENCES if kind in (*had, *more)]
    return replace(request, references=kinds), SweepReferences(like, kinds, storage or request.storage)


def keep_references(file: Path, request: SweepRequest) -> None:
    """Writes down in a sweep's request which references it was asked for when it was resumed.

    Args:
        file: The file that has the request.
        request: The request with the references.
    """
    kept = SweepRequest.read(file)
    if list(kept.references or ()) != list(request.references or ()):
        write_text(file, replace(kept, references=request.references).text())
