"""Class texts to encode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .encoder import TextChunk

_TEXTS = 256  # prompts a chunk


@dataclass(frozen=True)
class Prompts:
    """Texts to encode: C names in T templates, written out in that order.

    Attributes:
        texts: The C * T texts.
        names: C.
        templates: T.
        identity: What the texts are, as plain values.
    """

    texts: Sequence[str]
    names: int
    templates: int
    identity: Mapping[str, Any]

    def chunks(self) -> list[TextChunk]:
        """Returns the texts in chunks, in their order."""
        return [TextChunk(tuple(self.texts[i : i + _TEXTS])) for i in range(0, len(self.texts), _TEXTS)]
