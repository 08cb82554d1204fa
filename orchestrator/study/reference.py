"""A reference run beside a study's methods: what it is, and the name by which it is found again."""

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
from .pair import Pair
from .reference_config import reference_config, reference_kinds
from .reference_kinds import EQUAL
from .run_request import RunRequest
from .study_arm import StudyArm

_DIGITS = 12  # of a sha256
_WEIGHTS = ("pretrained", "weights", "image_weights", "text_weights", "flava")  # keys of a backbone
_NO_FILES = ("", "random", "world", "towers", "timm")  # values of these keys that never name a file


@dataclass(frozen=True)
class Reference:
    """A reference beside the methods of one stream, which is run with each pair of seed and order.

    Attributes:
        kind: One of :data:`~orchestrator.storage.reference_name.REFERENCES`.
        arm: The method whose configuration it is derived from.
        config: Its configuration, but for the pair's values.
    """

    kind: str
    arm: StudyArm
    config: RunConfig

    @classmethod
    def all_of(cls, arms: Sequence[StudyArm], kinds: Sequence[str] | None) -> list[Reference]:
        """The references beside a study's methods on one stream.

        They are derived from the first method that has them, and from where its search space begins, not
        from what a search chose, so that other searches on the stream have the same.

        Args:
            arms: The methods on the stream.
            kinds: Which references; None: all of equal compute that there are beside the method.

        Raises:
            UserError: There is no such reference beside any of the methods. The message is one line, about
                the first.
        """
        refused: UserError | None = None
        for arm in arms:
            try:
                return cls._all_beside(arm, kinds)
            except UserError as error:
                refused = refused or error
        raise refused or UserError("references: there is no method; allowed: beside at least one")

    @classmethod
    def _all_beside(cls, arm: StudyArm, kinds: Sequence[str] | None) -> list[Reference]:
        like = arm.space.start_config
        wanted = [kind for kind in reference_kinds(like) if kind in EQUAL] if kinds is None else kinds
        if not wanted:
            raise UserError(
                f"references: there is none beside {arm.method.label}; allowed: without references, or a "
                "method with the backbone of finetune, clip-finetune, vqa-finetune or triplet-finetune"
            )
        found = [cls(kind, arm, reference_config(kind, like)) for kind in wanted]
        for one in found:
            if _encoder(one.config) != _encoder(like):
                raise UserError(
                    f"references: {one.kind}: {one.config.method_name} and {arm.method.label} share no "
                    "frozen encoder; allowed: other references, or another method beside them"
                )
        return found

    def of_pair(self, number: int) -> RunConfig:
        """Its configuration with a pair."""
        return self.config.with_values(Pair(number).values)

    def name(self, number: int) -> str:
        """The name of its run with a pair.

        It follows from the configuration, from the content of weights that are named by a file or folder, and
        from this project's version, so that every study on the stream finds the run. Where data lies, and
        what changes no number of a run, are no part of it.
        """
        return reference_name(self.kind, file_name(self.config.stream_name), number, self._digest)

    def asked(self, number: int) -> RunRequest:
        """What its run with a pair is asked for."""
        return RunRequest({"reference": self.kind, "configuration": self._digest, "pair": number})

    def same(self, kept: RunConfig, number: int) -> bool:
        """Whether a configuration that is kept is the one with a pair."""
        return _telling(kept) == _telling(self.of_pair(number))

    @cached_property
    def _digest(self) -> str:  # a study asks for it often
        telling = {key: value for key, value in _telling(self.config).items() if key not in Pair(1).values}
        return digest([__version__, telling, files_digests(_weights(telling))])[:_DIGITS]


def is_reference(asked: RunRequest) -> bool:
    """Whether a run of a study was asked for as a reference."""
    return "reference" in asked.values


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
