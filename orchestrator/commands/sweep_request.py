"""The request of a sweep: ``sweep.yaml`` in its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..schema import strict_yaml
from ..search.search_protocol import SearchProtocol
from ..storage.identity import digest
from .kept_request import read_request

_KINDS = {
    "method": str,
    "stream": str,
    "data": str,
    "values": dict,
    "trials": int,
    "concurrent": int,
    "storage": str,
    "margin": float,
    "test": bool,
    "protocol": str,
    "sampler": str,
    "scheduler": str,
    "warm_start": list,
    "starts": list,
    "budget": str,
    "references": list,
}
# Not written where None.
_UNSAID = ("protocol", "sampler", "scheduler", "warm_start", "starts", "budget", "references")
# Requests of earlier versions lack these. Such runs are refused by their identity's format.
_LATER = {"margin": 0.0, "test": True, **dict.fromkeys(_UNSAID)}


@dataclass(frozen=True)
class SweepRequest:
    """The request of a sweep.

    Attributes:
        method: A method's name, or the file of a search space (``*.yaml``).
        stream: The stream's name; None: the search space's.
        data: The stream's data; None: the search space's.
        values: Dotted key -> value of what is fixed; None: nothing.
        trials: How many trials there are to be; None: the search space's number.
        concurrent: How many trials run at once; None: at most a quarter of them.
        storage: The URL at which the sweep is kept beside its folder; None: nowhere.
        margin: How much of the objective the choice gives up for a smaller replay memory.
        test: Whether the best trial is tested, also when the sweep is resumed. A study's search tests none.
        protocol: By which data the search chooses, a name of
            :class:`~orchestrator.search.search_protocol.SearchProtocol`; None: ``end-of-stream``.
        sampler: The name of the sampler that proposes trials; None: the search space's.
        scheduler: The name of the rule that stops them; None: the search space's.
        warm_start: The names of the sweeps and recipes at which the search begins; None: none.
        starts: All points at which it begins, in the form of
            :meth:`~orchestrator.search.start_point.StartPoint.plain`; None: the search space's points, none
            of which was given by a name.
        budget: What its trials may spend in the place of ``trials``, in the form of
            :attr:`~orchestrator.search.budget.Budget.text`; None: it has a number of trials.
        references: The kinds of the reference runs beside the best trial; None: there are none.
    """

    method: str
    stream: str | None
    data: str | None
    values: Mapping[str, Any] | None
    trials: int | None
    concurrent: int | None
    storage: str | None
    margin: float
    test: bool = True
    protocol: str | None = None
    sampler: str | None = None
    scheduler: str | None = None
    warm_start: Sequence[str] | None = None
    starts: Sequence[Mapping[str, Any]] | None = None
    budget: str | None = None
    references: Sequence[str] | None = None

    @classmethod
    def read(cls, path: Path) -> SweepRequest:
        """The request in a file.

        Raises:
            UserError: The file does not have what :meth:`text` makes. The message is one line.
        """
        request = read_request(path, _KINDS, _LATER)
        return cls(**{**request, "margin": request["margin"] or 0.0, "test": request["test"] is not False})

    def plain(self) -> dict[str, Any]:
        """The request as the file's mapping."""
        kept = asdict(self)
        return {key: value for key, value in kept.items() if value is not None or key not in _UNSAID}

    def text(self) -> str:
        """The file's content."""
        return strict_yaml.dump(self.plain())

    def digest(self, space: str) -> str:
        """The sha256 of the request and of the text of a search space. The storage, the number of trials at
        once, the way in which one is chosen, whether it is tested and what is run beside it are no part of
        it. What a protocol leaves out of a stream is part of the stream's own identity.
        """
        left_out = {"storage", "concurrent", "margin", "test", "protocol", "references"}
        if SearchProtocol.of(self.protocol, "protocol").per_task:  # it leaves nothing out of the stream
            left_out.remove("protocol")
        kept = {key: value for key, value in self.plain().items() if key not in left_out}
        return digest({"kind": "sweep", "request": strict_yaml.dump(kept), "space": space})
