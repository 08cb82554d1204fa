"""Configures which CLIP a recognition method builds on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClipConfig:
    """``model``: ``small``, the CLIP that comes with the package (32 pixels), or the name of an open_clip
    model, as ``ViT-B-16``. ``pretrained``: one of open_clip's tags for it (``openai``, say), downloaded where
    there is a network; or the path of a weights file; or ``random``, seeded random weights; ``world``, of
    ``small`` alone, are the shipped weights, trained on the generated world.

    ``trained_as``: of a weights file of a named model, the tag whose activation and normalisation its weights
    were trained with, or ``plain``, the model's own and CLIP's. None: as the file tells, or as all of the
    model's tags have in common; an error where neither does.
    """

    model: str = "small"
    pretrained: str = "world"
    trained_as: str | None = None

    def __post_init__(self) -> None:
        for name in ("model", "pretrained"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty")
        if self.pretrained == "world" and self.model != "small":
            raise ValueError(
                f"pretrained 'world' belongs to the model small, not to {self.model}: allowed are one of "
                "open_clip's tags, a weights file, or random"
            )
        if self.trained_as is not None and (self.model == "small" or self.pretrained == "random"):
            raise ValueError(
                f"trained_as {self.trained_as!r} belongs to a weights file of one of open_clip's models: "
                "leave it out"
            )
