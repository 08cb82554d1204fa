"""A sweep that is about to begin, or to go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..execution.ray_environment import ray_environment
from ..storage.identity import Identity
from ..storage.refused_start import nothing_if_refused
from ..storage.run_files import SPACE_FILE, SWEEP_FILE, trials_of
from ..storage.run_folder import RUNS, check_free, kept_at, kept_folder, new_folder
from ..storage.run_lock import run_lock
from .check_run import check_run
from .restored import check_restored, check_said, said_code
from .storage_of import resumed_storage, storage_url
from .sweep_request import SweepRequest
from .unread import unread

if TYPE_CHECKING:
    from ..search.space import Space
    from ..streams.source import StreamSource
    from .run_result import RunResult


@dataclass(frozen=True)
class SweepStart:
    """A sweep whose search space and stream have been read. Nothing has been made of it yet.

    Made by :meth:`new` or :meth:`resumed`. ``folder`` is that of a sweep that is gone on with; None: a new
    one, whose folder is to be called ``name`` (None: by method, stream and time). ``trials``, ``concurrent``
    and ``storage`` are what is said now, beside what ``request`` says.
    """

    request: SweepRequest
    space: Space
    source: StreamSource
    say: Callable[[str], None]
    name: str | None
    folder: Path | None
    trials: int | None
    concurrent: int | None
    storage: str | None

    @classmethod
    def new(
        cls, request: SweepRequest, space_name: str, name: str | None, say: Callable[[str], None]
    ) -> SweepStart:
        """A sweep that begins, of the space that :func:`.named_space.named_space` names. Raises a one-line
        UserError for what cannot be had.
        """
        _check_counts(request.trials, request.concurrent)
        space = _space(request, space_name, request.method)
        source = _source(space, say)
        return cls(request, space, source, say, name, None, None, request.concurrent, request.storage)

    @classmethod
    def resumed(
        cls,
        name: str,
        *,
        trials: int | None,
        concurrent: int | None,
        storage: str | None,
        said: Mapping[str, Any],
        say: Callable[[str], None],
    ) -> SweepStart:
        """The sweep in ``runs/NAME``, or at its storage, is gone on with.

        Args:
            name: The run's name.
            trials: How many it is to have in all; None: as many as before.
            concurrent: How many run at once; None: as before.
            storage: Where it is kept; None: ``$VLCL_STORAGE``, or where it was.
            said: Dotted key -> value of what it was started with, said again.
            say: Takes lines of progress.

        Raises:
            UserError: There is no such sweep, it is not the user's own, or it was started with other values.
        """
        _check_counts(trials, concurrent)
        url = storage_url(storage)

        def accept(place: Path) -> dict[str, Any]:
            request = SweepRequest.read(place / SWEEP_FILE)
            with said_code(said, url):
                space = _space(request, str(place / SPACE_FILE))
                check_said(space.config, said)
                check_restored(space.config, {p.key: p.samples for p in space.parameters}, said, url)
            return request.plain()

        folder = kept_folder(name, (SWEEP_FILE, SPACE_FILE), url, accept)
        request = SweepRequest.read(folder / SWEEP_FILE)
        space = _space(request, str(folder / SPACE_FILE))
        check_said(space.config, said)
        return cls(request, space, _source(space, say), say, None, folder, trials, concurrent, storage)

    def preview(self) -> str:
        """What would be run, as text. Nothing is started."""
        from .preview import preview

        if self.name:
            check_free(self.name)
        self._check(start=False)
        return preview(self.space, self.source, self._trials(), self._concurrent)

    def run(self, last: Callable[[str], None]) -> RunResult:
        """Runs the sweep to its end. ``last`` takes the text with which it ends."""
        new = self.folder is None
        if new:
            self._check(start=True)  # before anything is made
        from ..tracking.store import tracking_uri

        tracking_uri(RUNS)
        from ..record.run_context import RunContext
        from ..record.trial_store import TrialStore, ask_for
        from ..streams.identity import stream_identity
        from .sweep_run import search_run

        request, space, source = self.request, self.space, self.source
        text = space.path.read_text(encoding="utf-8")
        identity = Identity.new(request.digest(text), stream_identity(source))
        if self.folder is None:
            files = {SPACE_FILE: text, SWEEP_FILE: request.text()}
            stream, url = space.config.stream_name, request.storage
            folder = new_folder(self.name, space.config.method_name, stream, url, identity, files)
        else:
            folder = self.folder
            identity = identity.gone_on_with(folder)
        with run_lock(folder), unread():
            if new:
                kept = kept_at(request.storage, folder)
            else:
                kept = resumed_storage(self.storage, request, folder / SWEEP_FILE)
            with nothing_if_refused(folder, kept) if new else nullcontext():
                trials = self._trials()
                if not new:
                    book = TrialStore(trials_of(folder), space.objective, len(source.tasks), identity.stamp)
                    if not book.is_over(trials):  # else nothing starts
                        self._check(start=True)
                if self.trials and not new:
                    ask_for(folder, self.trials)
                run = RunContext(
                    folder,
                    identity,
                    space.config,
                    source,
                    kept,
                    seeds=(space.config.run.seed,),
                    concurrent=self._concurrent,
                    at_most=self._at_most,
                    say=self.say,
                    last=last,
                )
                return search_run(run, space, trials)

    @property
    def _concurrent(self) -> int | None:
        return self.concurrent or self.request.concurrent

    @property
    def _at_most(self) -> bool:
        """Whether fewer trials at once will do: another machine may go on with the sweep."""
        return self.folder is not None and self.concurrent is None

    def _check(self, *, start: bool) -> None:
        concurrent = None if self._at_most else self._concurrent
        kept = self.folder is not None
        check_run(self.space.config, self.source, concurrent=concurrent, kept=kept, start=start)

    def _trials(self) -> int:
        """How many trials the sweep is to have: as many as were asked for last, and no more than the space
        has points. :class:`UserError`: fewer are asked for than before.
        """
        from ..record.trial_store import asked_for

        before = 0
        if self.folder is not None:
            before = asked_for(self.folder) or self.request.trials or self.space.trials
            if self.trials is not None and self.trials < before:
                raise UserError(
                    f"--trials {self.trials}: the sweep was asked for {before}; allowed are whole numbers "
                    f"from {before}, in all"
                )
        asked = self.trials or before or self.request.trials or self.space.trials
        trials = self.space.points(asked)
        if trials < asked:
            what = "one point" if trials == 1 else f"{trials} points"
            self.say(f"the search space has {what}: {trials} of the {asked} trials that were asked for")
        return trials


def _check_counts(trials: int | None, concurrent: int | None) -> None:
    for option, count in (("trials", trials), ("concurrent", concurrent)):
        if count is not None and (type(count) is not int or count < 1):
            raise UserError(f"--{option} {count}: allowed are whole numbers from 1")


def _space(request: SweepRequest, name: str, method: str | None = None) -> Space:
    from ..search.space import Space

    return Space.load(name, request.stream, request.data, request.values, method=method)


def _source(space: Space, say: Callable[[str], None]) -> StreamSource:
    from ..streams import registry as streams

    say(f"reading the stream {space.config.stream_name}")
    source = streams.get(space.config.stream_name).load(space.config.stream, space.config.run.skip_bad)
    space.check_memory(source)
    ray_environment(say)  # before the first import of Ray
    return source
