"""Configures which two frozen towers encode pictures and texts, each alone."""

from __future__ import annotations

from dataclasses import dataclass

from .clip_config import ClipConfig
from .config import BackboneConfig


@dataclass(frozen=True)
class PairConfig(BackboneConfig):
    """The two towers of an image-text model, or a CLIP in their place."""

    model: str | None = None
    """A CLIP in the place of the towers: ``small``, the CLIP that comes with the package, or the name of an
    open_clip model, such as ``ViT-B-16``. All other keys of the backbone but ``pretrained`` and
    ``trained_as`` are then without effect. ``None`` is the towers that they describe."""

    pretrained: str = "world"
    """Weights of that CLIP: one of open_clip's tags for it (such as ``openai``), downloaded where there is a
    network; the path of a weights file; ``random``; or ``world``, of ``small`` alone."""

    trained_as: str | None = None
    """With which activation and normalisation the weights file of that CLIP was trained: one of open_clip's
    tags for the model, or ``plain``. With ``None`` it is what the file tells, or what all of the model's tags
    have in common.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model is not None:
            ClipConfig(self.model, self.pretrained, self.trained_as)
            return
        own = {"pretrained": (self.pretrained, "world"), "trained_as": (self.trained_as, None)}
        for name, (value, untouched) in own.items():
            if value != untouched:
                raise ValueError(f"{name} {value!r} belongs to a CLIP: set model too, or leave it out")

    @property
    def clip(self) -> ClipConfig | None:
        """The CLIP; None where the towers are those of an image-text model."""
        return None if self.model is None else ClipConfig(self.model, self.pretrained, self.trained_as)
