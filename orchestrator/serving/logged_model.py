"""The result of logging a trial as a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LoggedModel:
    """A trial as a model in MLflow.

    Attributes:
        run: The run's name.
        trial: The trial's id.
        id: MLflow's id of the model.
        store: The store's address, without a password.
        new: Whether it was logged now. An equal model of an earlier call stays as it is.
        bytes: The size of its files.
        version: The number under which it is registered; None: it is not registered.
        registered: The name under which it is registered; empty: it is not registered.
        request: A file with a request of one row; None where the store keeps its files elsewhere.
        command: The command that answers that request.
    """

    run: str
    trial: str
    id: str
    store: str
    new: bool
    bytes: int
    version: int | None
    registered: str
    request: Path | None
    command: str

    @property
    def uri(self) -> str:
        """The address by which MLflow loads it."""
        return f"models:/{self.id}" if self.version is None else f"models:/{self.registered}/{self.version}"
