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
    """What a run was asked for beside its configuration, which ``config.yaml`` has.

    Attributes:
        seeds: The seed of each trial.
        concurrent: How many trials run at once; None: as many as fit.
        storage: The URL at which the run is kept beside its folder; None: nowhere.
    """

    seeds: tuple[int, ...]
    concurrent: int | None
    storage: str | None

    @classmethod
    def read(cls, path: Path) -> TrainRequest:
        """The request in a file.

        Raises:
            UserError: The file does not have what :meth:`text` makes. The message is one line.
        """
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
        """The sha256 of the request and of the text of a configuration. Where the run is kept and how many
        trials run at once are no part of it.
        """
        return digest({"kind": "train", "config": config, "seeds": list(self.seeds)})
