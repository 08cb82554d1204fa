"""A study whose search spaces have been read: its name, its request, and the names of its runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..storage.extreme_name import EXTREMES
from ..storage.plain_name import check_plain
from ..storage.run_folder import RUNS
from ..streams.text.text_config import TextConfig
from .reference import Reference
from .run_name import run_name
from .study_arm import StudyArm
from .study_book import Part
from .study_request import StudyRequest

_TRIAL = re.compile(r"trial_\d+")
_TEXTS = [f"stream.{field.name}" for field in fields(TextConfig)]


@dataclass(frozen=True)
class Study:
    """A study whose search spaces have been read.

    Attributes:
        name: Its name, and its folder's under ``runs``.
        request: The request.
        arms: Its methods on its streams, stream by stream.
        references: The references beside the methods, stream by stream.
    """

    name: str
    request: StudyRequest
    arms: tuple[StudyArm, ...]
    references: tuple[Reference, ...] = ()

    @classmethod
    def of(cls, name: str, request: StudyRequest) -> Study:
        """Reads the search spaces of a request.

        Raises:
            UserError: A part of the request is wrong. The message is one line.
        """
        given = request.streams or (None,)
        arms = [StudyArm.of(request, method, stream) for stream in given for method in request.methods]
        study = cls(name, request, tuple(arms))
        if (kinds := request.references) != ():
            beside = [one for some in study.on_streams() for one in Reference.all_of(some, kinds)]
            study = replace(study, references=tuple(beside))
        study._check_best()
        study._check_memory()
        study._check_streams()
        study._check_names()
        return study

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return (RUNS / self.name).resolve()

    @property
    def numbers(self) -> range:
        """The pairs' numbers."""
        return range(1, self.request.pairs + 1)

    def on_streams(self) -> Iterator[list[StudyArm]]:
        """Its methods on each stream."""
        for _, arms in groupby(self.arms, key=lambda arm: arm.stream):
            yield list(arms)

    @property
    def beyond(self) -> Sequence[str]:
        """The names of the extreme orders that its methods are run in beside the pairs."""
        return EXTREMES if self.request.orders else ()

    def sharing(self) -> Iterator[list[StudyArm]]:
        """Its methods, stream by stream, in groups that share a session."""
        for arms in self.on_streams():
            groups: dict[str, list[StudyArm]] = {}
            for arm in arms:
                groups.setdefault(arm.shares(), []).append(arm)
            yield from groups.values()

    def name_of(self, arm: StudyArm, pair: int | str | None = None) -> str:
        """The name of the run of a method's search, or of its run with a pair."""
        return run_name(self.name, self.request, arm.method, arm.stream, pair)

    def pair_name(self, arm: StudyArm, pair: int | str, chosen: Part | None) -> str:
        """The name of a method's run with a pair and the values that its search has chosen.

        Args:
            arm: The method on its stream.
            pair: The pair's number, or the name of an extreme order.
            chosen: The search.

        Returns:
            The name; None where the search has chosen nothing yet.
        """
        later = "" if chosen is None else chosen.later
        return run_name(self.name, self.request, arm.method, arm.stream, pair, later)

    def names_of(self, arm: StudyArm) -> list[str]:
        """The names of a method's runs on a stream, its search first, as long as no search has grown."""
        return [self.name_of(arm), *(self.name_of(arm, one) for one in (*self.numbers, *self.beyond))]

    @property
    def names(self) -> list[str]:
        """The names of all runs, as long as no search has grown."""
        return [name for arm in self.arms for name in self.names_of(arm)]

    def _check_best(self) -> None:
        protocol, best = self.request.protocol, self.request.best
        if best > 1 and protocol.other:
            raise UserError(
                f"best {best}: with protocol {protocol.text} the choice would be made on the stream that is "
                "reported on; allowed: best 1, or another protocol"
            )

    def _check_memory(self) -> None:
        memory = self.request.memory
        if memory and all(arm.space.start_config.replay.size != memory for arm in self.arms):
            found = ", ".join(f"{arm.method.label} {arm.memory}" for arm in self.arms)
            raise UserError(f"memory {memory}: no method comes to have it ({found}); allowed: without memory")

    def _check_streams(self) -> None:
        """Checks that the compared methods have one stream, whatever their search spaces fix. They may read
        its texts in different ways.
        """
        if not self.request.streams and len({arm.space.config.stream_name for arm in self.arms}) > 1:
            found = ", ".join(f"{arm.method.label}: {arm.space.config.stream_name}" for arm in self.arms)
            raise UserError(
                f"streams: none is named, and the methods' own differ ({found}); allowed: one for all"
            )
        for arms in self.on_streams():
            for spaces in ([arm.space for arm in arms], [arm.searched.space for arm in arms]):
                _check_alike([arm.method.label for arm in arms], [space.config.flat() for space in spaces])

    def _check_names(self) -> None:
        names = self.names
        for name in names:
            check_plain(name, "a run of the study")
        if twice := [name for name in names if names.count(name) > 1]:
            raise UserError(f"{twice[0]}: two runs of the study have this name; allowed: other labels")
        searches = [self.name_of(arm) for arm in self.arms]
        for name in searches:
            if name.rpartition("-")[0] in searches and _TRIAL.fullmatch(name.rpartition("-")[2]):
                raise UserError(f"{name}: ends as the runs of a later choice do; allowed: another label")


def _check_alike(labels: Sequence[str], flats: Sequence[Mapping[str, Any]]) -> None:
    for key in (key for key in flats[0] if key.startswith("stream.") and key not in _TEXTS):
        for label, flat in zip(labels, flats, strict=True):
            if flat[key] != flats[0][key]:
                found = f"{labels[0]} has {flats[0][key]!r}, {label} {flat[key]!r}"
                raise UserError(f"{key}: {found}, by their search spaces; allowed: one for all, by set")
