"""A reference run beside a study's methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..config import RunConfig
from ..errors import UserError
from ..references.derived_reference import DerivedReference
from ..references.seed_and_order import SeedAndOrder
from .run_request import RunRequest
from .study_arm import StudyArm


@dataclass(frozen=True)
class Reference:
    """A reference beside the methods of one stream, which is run with each pair of seed and order.

    Attributes:
        arm: The method whose configuration it is derived from.
        derived: The reference, but for the pair's values.
    """

    arm: StudyArm
    derived: DerivedReference

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
                found = DerivedReference.all_beside(arm.space.start_config, arm.method.label, kinds)
                return [cls(arm, one) for one in found]
            except UserError as error:
                refused = refused or error
        raise refused or UserError("references: there is no method; allowed: beside at least one")

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.derived.kind

    @property
    def config(self) -> RunConfig:
        """Its configuration, but for the pair's values."""
        return self.derived.config

    def of_pair(self, number: int) -> RunConfig:
        """Its configuration with a pair."""
        return self.derived.at(SeedAndOrder(number, number))

    def name(self, number: int) -> str:
        """The name of its run with a pair."""
        return self.derived.name(SeedAndOrder(number, number))

    def asked(self, number: int) -> RunRequest:
        """What its run with a pair is asked for."""
        return RunRequest({"reference": self.kind, "configuration": self.derived.digest, "pair": number})


def is_reference(asked: RunRequest) -> bool:
    """Whether a run of a study was asked for as a reference."""
    return "reference" in asked.values
