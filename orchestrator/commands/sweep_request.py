"""What a sweep was asked for: ``sweep.yaml`` in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..schema import strict_yaml
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
}


@dataclass(frozen=True)
class SweepRequest:
    """What a sweep was asked for.

    ``method`` is a method's name, or the file of a search space (``*.yaml``). ``values`` are by dotted key.
    ``storage`` is a URL. What is None is the search space's to say; of ``concurrent``, as many as fit; of
    ``storage``, nowhere.
    """

    method: str
    stream: str | None
    data: str | None
    values: Mapping[str, Any] | None
    trials: int | None
    concurrent: int | None
    storage: str | None

    @classmethod
    def read(cls, path: Path) -> SweepRequest:
        """The request in a file that has :meth:`text`. Raises a one-line UserError for any other."""
        return cls(**read_request(path, _KINDS))

    def plain(self) -> dict[str, Any]:
        """The request as the file's mapping."""
        return asdict(self)

    def text(self) -> str:
        """The file's content."""
        return strict_yaml.dump(self.plain())

    def digest(self, space: str) -> str:
        """sha256 of what is asked for with the text of a search space: all but where the sweep is kept and
        how many trials run at once.
        """
        kept = {key: value for key, value in self.plain().items() if key not in ("storage", "concurrent")}
        return digest({"kind": "sweep", "request": strict_yaml.dump(kept), "space": space})
