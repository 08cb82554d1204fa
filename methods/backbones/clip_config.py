"""Configures which CLIP a recognition method builds on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClipConfig:
    """Which CLIP a recognition method stands on."""

    model: str = "small"
    """``small``, the CLIP that comes with the package (64-pixel pictures), or the name of an open_clip model,
    such as ``ViT-B-16``. Paper: ViT-B-16 (CLAP4CLIP, MMA)."""

    pretrained: str = "world"
    """Weights of the model: one of open_clip's tags for it (such as ``openai``), downloaded where there is a
    network; the path of a weights file; ``random``, seeded random weights; or ``world``, of ``small`` alone,
    the shipped weights, which were trained on the generated world."""

    trained_as: str | None = None
    """With which activation and normalisation the weights file of a named model was trained: one of
    open_clip's tags for the model, or ``plain``, the model's own activation and CLIP's normalisation.
    With ``None`` it is what the file tells, or what all of the model's tags have in common. Where neither
    tells, it is an error.
    """

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
