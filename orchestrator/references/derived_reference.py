"""A reference that is derived from a method, and the name by which its run is found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .. import __version__
from ..config import RunConfig
from ..errors import UserError
from ..features.frozen import asks_queries, frozen_backbone
from ..run_options import CHANGES_NO_NUMBER
from ..storage.files_digests import files_digests
from ..storage.identity import digest
from ..storage.plain_name import file_name
from ..storage.reference_name import reference_name
from .reference_config import reference_config, reference_kinds
from .reference_kinds import EQUAL
from .seed_and_order import ORDER, SEED, SeedAndOrder

_DIGITS = 12  # of a sha256
_WEIGHTS = ("pretrained", "weights", "image_weights", "text_weights", "flava")  # keys of a backbone
_NO_FILES = ("", "random", "world", "towers", "timm")  # values of these keys that never name a file


@dataclass(frozen=True)
class DerivedReference:
    """A reference beside a method. It is run with a seed and an order.

    Attributes:
        kind: One of :data:`~orchestrator.storage.reference_name.REFERENCES`.
        config: Its configuration, but for the seed and the order.
    """

    kind: str
    config: RunConfig

    @classmethod
    def all_beside(cls, like: RunConfig, label: str, kinds: Sequence[str] | None) -> list[DerivedReference]:
        """The references beside a method.

        Args:
            like: The method's configuration, where its search space begins.
            label: What errors call the method.
            kinds: Which references; None: all of equal compute that there are beside the method.

        Raises:
            UserError: There is no such reference beside the method. The message is one line.
        """
        wanted = [kind for kind in reference_kinds(like) if kind in EQUAL] if kinds is None else kinds
        if not wanted:
            raise UserError(
                f"references: there is none beside {label}; allowed: without references, or a "
                "method with the backbone of finetune, clip-finetune, vqa-finetune or triplet-finetune"
            )
        found = [cls(kind, reference_config(kind, like)) for kind in wanted]
        for one in found:
            if _encoder(one.config) != _encoder(like):
                raise UserError(
                    f"references: {one.kind}: {one.config.method_name} and {label} share no "
                    "frozen encoder; allowed: other references, or another method beside them"
                )
        return found

    def at(self, where: SeedAndOrder) -> RunConfig:
        """Its configuration with a seed and an order."""
        return self.config.with_values(where.values)

    def name(self, where: SeedAndOrder) -> str:
        """The name of its run with a seed and an order.

        It follows from the configuration, from the content of weights that are named by a file or folder, and
        from this project's version, so that every study and sweep on the stream finds the run. Where data
        lies, and what changes no number of a run, are no part of it.
        """
        return reference_name(self.kind, file_name(self.config.stream_name), where.label, self.digest)

    def same(self, kept: RunConfig, where: SeedAndOrder) -> bool:
        """Whether a configuration that is kept is the one with a seed and an order."""
        return _telling(kept) == _telling(self.at(where))

    @cached_property
    def digest(self) -> str:  # a study asks for it often
        """What the name has of the configuration."""
        telling = {key: value for key, value in _telling(self.config).items() if key not in (SEED, ORDER)}
        return digest([__version__, telling, files_digests(_weights(telling))])[:_DIGITS]


def _telling(config: RunConfig) -> dict[str, object]:
    return {key: value for key, value in config.flat().items() if key not in CHANGES_NO_NUMBER}


def _weights(values: Mapping[str, object]) -> dict[str, object]:
    """The values that may name weights. Any other one, such as a preset, may have the name of a folder that
    happens to be where the command was typed.
    """
    named = {key: value for key, value in values.items() if key.rpartition(".")[2] in _WEIGHTS}
    return {key: value for key, value in named.items() if value not in _NO_FILES}


def _encoder(config: RunConfig) -> object:
    return config.method.backbone if asks_queries(config) else frozen_backbone(config)
