"""The reference runs of a study on one stream, and what its methods' matrices come to beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import UserError
from ..metrics.against_references import against_references
from ..report.method_result import MethodResult
from ..report.pair_result import PairResult
from ..storage.identity import Identity
from ..storage.reference_name import same_reference
from ..storage.run_files import trials_of
from ..storage.run_folder import RUNS
from .pair import Pair
from .recorded_pair import recorded_pair
from .reference import Reference
from .stream_figures import StreamFigures
from .study import Study
from .study_book import Part, StudyBook


class ReferenceResults:
    """The references beside a study's methods on one stream, as far as they have ended.

    Args:
        study: The study.
        book: Its runs that have ended.
        there: The figures of the methods on the stream.

    Attributes:
        references: The references, each as a method without a search.
        unread: A line for each run of which something cannot be read.
        failed: A line for each run that failed.
        about: How they were come by, in sentences; empty where there are none.
    """

    def __init__(self, study: Study, book: StudyBook, there: StreamFigures) -> None:
        self.unread: list[str] = []
        self.failed: list[str] = []
        self._study = study
        self._book = book
        self._there = there
        own = [one for one in study.references if one.arm.stream == there.arms[0].stream]
        self.about = _about(own)
        self.references = tuple(self._result(one) for one in own)

    def beside(self, method: MethodResult) -> MethodResult:
        """The method with the metrics that there are references for, pair by pair. A pair of which a matrix
        is missing has none.
        """
        return replace(method, pairs=tuple(map(self._beside, method.pairs)))

    def _beside(self, pair: PairResult) -> PairResult:
        if pair.matrix is None:
            return pair
        there: dict[str, np.ndarray] = {}
        for reference in self.references:
            for other in reference.pairs:
                if other.number == pair.number and other.matrix is not None:
                    there[reference.label] = other.matrix
        alike = {kind: matrix for kind, matrix in there.items() if matrix.shape == pair.matrix.shape}
        return replace(pair, test={**pair.test, **against_references(pair.matrix, alike)})

    def _result(self, reference: Reference) -> MethodResult:
        pairs = []
        for number in self._study.numbers:
            part = self._part(reference, number)
            if part is None:
                continue
            matrix, cost, missing = recorded_pair(trials_of(RUNS / part.name) / part.trial)
            if changed := _made_anew(part):
                matrix, cost, missing = None, {}, changed
            self.unread += [missing] if missing else []
            seed, order = Pair(number).values["run.seed"], self._there.order_of(number)
            found = seed, order, part.test, cost, matrix, part.name, self._there.stream_of(number)
            pairs.append(PairResult(number, *found))
        return MethodResult(reference.kind, None, 0, "0", tuple(pairs))

    def _part(self, reference: Reference, number: int) -> Part | None:
        """What the study has of a reference's run with a pair. Where this version has made none, it is what
        another one made on the same data, so that a result is written as it was.
        """
        name = reference.name(number)
        if (part := self._book.done(name, reference.asked(number))) is not None:
            return part
        if (failed := self._book.parts.get(name)) is not None:
            self.failed += [f"{name}: {failed.reason}"] if failed.reason else []
            return None
        # Another stream of the study may have the same name and content, and other tasks.
        others = {one.name(number) for one in self._study.references}
        search = self._book.parts.get(self._study.name_of(reference.arm))
        before = [
            part
            for part in self._book.parts.values()
            if same_reference(part.name, name)
            and part.name not in others
            and not part.reason
            and search
            and part.content == search.content
        ]
        self.about += f" {before[-1].name} is shown as another version made it." if before else ""
        return before[-1] if before else None


def _made_anew(part: Part) -> str:
    """Why the folder of a run is of other data than its figures, in one line; empty where it is not, or where
    the folder does not say.
    """
    try:
        there = Identity.of(RUNS / part.name).content
    except (UserError, OSError):
        return ""
    if not part.content or there == part.content:
        return ""
    return f"{RUNS / part.name}: was made anew on other data ({there[:12]}, not {part.content[:12]})"


def _about(references: list[Reference]) -> str:
    if not references:
        return ""
    label, like = references[0].arm.method.label, references[0].arm.space.start_config.flat()
    size = ""
    if any("method.epochs" in one.config.flat() for one in references):
        size = (
            f" They train {like['method.epochs']} epochs in batches of {like['method.batch_size']}, where "
            f"the search space of {label} begins; what a search chose may differ."
            if {"method.epochs", "method.batch_size"} <= set(like)
            else f" They train as their own search spaces begin, since {label} has no epochs or batches."
        )
    names = ", ".join(f"{one.kind} is {one.config.method_name}" for one in references)
    return f"References with each pair's seed and order: {names}.{size}"
