"""A study that is about to begin, or to go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..errors import UserError
from ..execution.ray_environment import ray_environment
from ..storage.atomic_write import write_text
from ..storage.own_folder import check_own
from ..storage.plain_name import check_plain
from ..storage.run_folder import RUNS, check_free
from ..storage.run_lock import run_lock
from .arm import Arm
from .study_arm import StudyArm
from .study_request import STUDY_FILE, StudyRequest


@dataclass(frozen=True)
class StudyStart:
    """A study whose search spaces have been read. It is made by :meth:`new` or :meth:`resumed`.

    Attributes:
        name: The study's name.
        request: What is asked.
        arms: Its methods on its streams, stream by stream.
        say: Takes a line of progress.
    """

    name: str
    request: StudyRequest
    arms: tuple[StudyArm, ...]
    say: Callable[[str], None]

    @classmethod
    def new(cls, request: StudyRequest, name: str | None, say: Callable[[str], None]) -> StudyStart:
        """A study that begins.

        Args:
            request: What is asked.
            name: The study's name; None: by the time.
            say: Takes lines of progress.

        Raises:
            UserError: What is asked for cannot be had.
        """
        chosen = name or f"study-{datetime.now():%Y%m%d-%H%M%S}"
        check_free(chosen)
        start = cls._of(chosen, request, say)
        for run in start.run_names():
            check_free(run)
        return start

    @classmethod
    def resumed(
        cls,
        name: str,
        say: Callable[[str], None],
        *,
        methods: Sequence[str] = (),
        pairs: int | None = None,
    ) -> StudyStart:
        """The study in ``runs/NAME`` is gone on with, and may grow.

        Args:
            name: The study's name.
            say: Takes lines of progress.
            methods: Further methods, ``+er`` or ``er``.
            pairs: How many pairs there are to be in all; None: as many as before.

        Raises:
            UserError: There is no such study, or it cannot become what is asked for.
        """
        check_plain(name, "--resume")
        file = RUNS / name / STUDY_FILE
        if not file.is_file():
            known = sorted(path.parent.name for path in RUNS.glob(f"*/{STUDY_FILE}"))
            raise UserError(f"--resume {name}: there is no {file}; there are {known or 'none'}")
        check_own(file.parent.resolve())
        request = StudyRequest.read(file)
        if pairs is not None and pairs < request.pairs:
            raise UserError(
                f"--pairs {pairs}: the study was asked for {request.pairs}; allowed are whole numbers from "
                f"{request.pairs}, in all"
            )
        known_labels = {arm.label for arm in request.methods}
        further = [method.removeprefix("+") for method in methods]
        if again := [method for method in further if method in known_labels]:
            raise UserError(f"--methods {again[0]}: the study has it; allowed are others, as --methods +NAME")
        arms = (*request.methods, *(Arm(method, method) for method in further))
        grown = replace(request, methods=arms, pairs=pairs or request.pairs)
        return cls._of(name, grown, say)

    @classmethod
    def _of(cls, name: str, request: StudyRequest, say: Callable[[str], None]) -> StudyStart:
        given = request.streams or (None,)
        arms = [StudyArm.of(request, method, stream) for stream in given for method in request.methods]
        if not request.streams and len({arm.space.config.stream_name for arm in arms}) > 1:
            found = ", ".join(f"{arm.method.label}: {arm.space.config.stream_name}" for arm in arms)
            raise UserError(
                f"streams: none is named, and the methods' own differ ({found}); allowed: one for all"
            )
        start = cls(name, request, tuple(arms), say)
        start.run_names()
        return start

    def run_names(self) -> list[str]:
        """The names of all runs of the study, searches first.

        Raises:
            UserError: One is no plain file name, or is that of two runs.
        """
        names = [
            self.request.run_name(self.name, arm.method, arm.stream or arm.method, pair)
            for pair in (None, *range(1, self.request.pairs + 1))
            for arm in self.arms
        ]
        for name in names:
            check_plain(name, "a run of the study")
            if names.count(name) > 1:
                raise UserError(f"{name}: two runs of the study have this name; allowed: other labels")
        return names

    def preview(self) -> str:
        """What would be run, as text. Nothing is started."""
        request, lines = self.request, []
        if request.question:
            lines += [request.question, ""]
        lines.append(f"Study {self.name}: {len(self.arms)} searches, {request.pairs} pairs of seed and order")
        for arm in self.arms:
            searched = len(arm.space.parameters)
            trials = request.trials or arm.trials
            memory = arm.space.start_config.replay.size
            where = f"  {arm.method.label:<16} {arm.space.config.stream_name:<20}"
            lines.append(f"{where} {trials:>3} trials over {searched} keys, memory {memory}")
        return "\n".join(lines)

    def run(self, last: Callable[[str], None]) -> int:
        """Runs to the end.

        Args:
            last: Takes the text with which the study ends.

        Returns:
            The exit status: 0, 1 or 130.

        Raises:
            UserError: A run cannot begin.
        """
        ray_environment(self.say)  # before the first import of Ray
        from .study_run import StudyRun
        from .study_table import study_table

        folder = (RUNS / self.name).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        with run_lock(folder):
            write_text(folder / STUDY_FILE, self.request.text())
            study = StudyRun(self.name, folder, self.request, self.arms, self.say)
            status = study.run()
            text = study_table(study, self.request, self.arms)
            write_text(folder / "result.md", text)
        again = f"\nGo on: python -m orchestrator.study --resume {self.name}\n" if status else ""
        last(text + again)
        return status
