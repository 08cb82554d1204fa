"""The reference runs of a study on one stream, and what its methods' matrices come to beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..metrics.against_references import against_references
from ..report.method_result import MethodResult
from ..report.pair_result import PairResult
from ..storage.run_files import trials_of
from ..storage.run_folder import RUNS
from .pair import Pair
from .recorded_pair import recorded_pair
from .reference import Reference
from .study import Study
from .study_arm import StudyArm
from .study_book import StudyBook


class ReferenceResults:
    """The references beside a study's methods on one stream, as far as they have ended.

    Args:
        study: The study.
        book: Its runs that have ended.
        arm: The first method on the stream.

    Attributes:
        references: The references, each as a method without a search.
        unread: A line for each run of which something cannot be read.
        failed: A line for each run that failed.
        about: How they were come by, in sentences; empty where there are none.
    """

    def __init__(self, study: Study, book: StudyBook, arm: StudyArm) -> None:
        self.unread: list[str] = []
        self.failed: list[str] = []
        self._study = study
        self._book = book
        own = [one for one in study.references if one.arm.stream == arm.stream]
        self.references = tuple(self._result(one) for one in own)
        self.about = _about(own)

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
            name = reference.name(number)
            part = self._book.done(name, reference.asked(number))
            if part is None:
                failed = self._book.parts.get(name)
                self.failed += [f"{name}: {failed.reason}"] if failed and failed.reason else []
                continue
            matrix, cost, missing = recorded_pair(trials_of(RUNS / name) / part.trial)
            self.unread += [missing] if missing else []
            values = Pair(number).values
            found = values["run.seed"], values["stream.order"], part.test, cost, matrix, name
            pairs.append(PairResult(number, *found))
        return MethodResult(reference.kind, None, 0, "0", tuple(pairs))


def _about(references: list[Reference]) -> str:
    if not references:
        return ""
    first = references[0]
    flat = next((one.config.flat() for one in references if "method.epochs" in one.config.flat()), {})
    size = (
        f" They train {flat['method.epochs']} epochs in batches of {flat['method.batch_size']}, where the "
        f"search space of {first.arm.method.label} begins; what a search chose may differ."
        if flat
        else ""
    )
    names = ", ".join(f"{one.kind} is {one.config.method_name}" for one in references)
    return f"References with each pair's seed and order: {names}.{size}"
