"""The request of a run without a search: ``train.yaml`` in its folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..record.continues import Continues
from ..schema import strict_yaml
from ..storage.identity import digest
from .kept_request import read_request

_KINDS = {"seeds": list, "concurrent": int, "storage": str, "continues": dict}
_LATER = {"continues": None}


@dataclass(frozen=True)
class TrainRequest:
    """The request of a run without its configuration, which ``config.yaml`` has.

    Attributes:
        seeds: The seed of each trial.
        concurrent: How many trials run at once; None: as many as fit.
        storage: The URL at which the run is kept beside its folder; None: nowhere.
        continues: The run that it continues with more tasks; None: none.
    """

    seeds: tuple[int, ...]
    concurrent: int | None
    storage: str | None
    continues: Continues | None = None

    @classmethod
    def read(cls, path: Path) -> TrainRequest:
        """The request in a file.

        Raises:
            UserError: The file does not have what :meth:`text` makes. The message is one line.
        """
        content = read_request(path, _KINDS, _LATER)
        seeds = content["seeds"]
        if not seeds or any(type(seed) is not int or seed < 0 for seed in seeds):
            raise UserError(f"{path}: seeds {str(seeds)[:60]}: allowed are whole numbers from 0")
        continues = Continues.of(content["continues"], str(path))
        return cls(tuple(seeds), content["concurrent"], content["storage"], continues)

    def plain(self) -> dict[str, Any]:
        """The request as the file's mapping."""
        return {**asdict(self), "seeds": list(self.seeds)} | self._continues()

    def text(self) -> str:
        """The file's content. It has ``continues`` where there is such a run."""
        plain = self.plain()
        return strict_yaml.dump({k: v for k, v in plain.items() if k not in _LATER or v is not None})

    def digest(self, config: str) -> str:
        """The sha256 of the request and of the text of a configuration. The storage and the number of trials
        at once are no part of it.
        """
        asked = {"kind": "train", "config": config, "seeds": list(self.seeds)}
        return digest(asked if self.continues is None else asked | self._continues())

    def _continues(self) -> dict[str, Any]:
        return {"continues": self.continues and self.continues.plain()}
