"""What a run without a search was asked for: ``train.yaml`` in its folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..schema import strict_yaml
from ..storage.identity import digest
from .kept_request import read_request

_KINDS = {"seeds": list, "concurrent": int, "storage": str}


@dataclass(frozen=True)
class TrainRequest:
    """What a run was asked for beside its configuration, which ``config.yaml`` has: one trial for each of
    ``seeds``, ``concurrent`` of them at once (None: as many as fit), kept at the URL ``storage`` (None:
    nowhere) beside its folder.
    """

    seeds: tuple[int, ...]
    concurrent: int | None
    storage: str | None

    @classmethod
    def read(cls, path: Path) -> TrainRequest:
        """The request in a file that has :meth:`text`. Raises a one-line UserError for any other."""
        found = read_request(path, _KINDS)
        seeds = found["seeds"]
        if not seeds or any(type(seed) is not int or seed < 0 for seed in seeds):
            raise UserError(f"{path}: seeds {str(seeds)[:60]}: allowed are whole numbers from 0")
        return cls(tuple(seeds), found["concurrent"], found["storage"])

    def plain(self) -> dict[str, Any]:
        """The request as the file's mapping."""
        return {**asdict(self), "seeds": list(self.seeds)}

    def text(self) -> str:
        """The file's content."""
        return strict_yaml.dump(self.plain())

    def digest(self, config: str) -> str:
        """sha256 of what is asked for with the text of a configuration: all but where the run is kept and how
        many trials run at once.
        """
        return digest({"kind": "train", "config": config, "seeds": list(self.seeds)})
