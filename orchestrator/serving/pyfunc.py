"""MLflow's way in: it imports this module by name to load a logged model."""

from __future__ import annotations

from .served_model import ServedModel

__all__ = ["_load_pyfunc"]


def _load_pyfunc(data_path: str) -> ServedModel:
    """Loads the model whose files lie in ``data_path``. MLflow calls it by this name."""
    return ServedModel.load(data_path)
