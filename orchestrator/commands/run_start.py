"""A run that is about to begin, or to be resumed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..config import RunConfig
from ..execution.ray_environment import ray_environment
from ..storage.identity import Identity
from ..storage.refused_start import nothing_if_refused
from ..storage.run_files import trials_of
from ..storage.run_folder import RUNS, check_free, kept_at, new_folder
from ..storage.run_lock import run_lock
from ..storage.trial_files import STATUS_FILE
from .check_run import check_run
from .storage_of import resumed_storage
from .sweep_request import SweepRequest
from .train_request import TrainRequest
from .unread import unread

if TYPE_CHECKING:
    from ..record.continues import Continues
    from ..record.run_context import RunContext
    from ..streams.source import StreamSource
    from ..streams.text.tokenizer import Tokenizer
    from .disk_forecast import DiskForecast
    from .run_result import RunResult
    from .sessions import Sessions


@dataclass(frozen=True)
class RunStart(ABC):
    """A run whose configuration and stream have been read. Nothing has been made of it yet.

    Attributes:
        request: The request with which the run was started.
        config: The configuration that all trials share.
        source: The stream.
        say: Takes a line of progress.
        name: The name of a new run's folder; None: it is made of method, stream and time.
        folder: The folder of a resumed run; None: the run is new.
        concurrent: How many trials run at once, where it is given now; None: as the request says.
        storage: Where the run is kept, where it is given now; None: as the request says.
    """

    request: SweepRequest | TrainRequest
    config: RunConfig
    source: StreamSource
    say: Callable[[str], None]
    name: str | None
    folder: Path | None
    concurrent: int | None
    storage: str | None

    file: ClassVar[str]
    """The file that has the request."""

    def preview(self) -> str:
        """Describes what would be run, as text. Nothing is started."""
        if self.name:
            check_free(self.name)
        on_disk = self._on_disk(self._check(start=False))
        return "\n  ".join([self._preview(), *self._takes(), *([on_disk] if on_disk else [])])

    def run(
        self,
        last: Callable[[str], None],
        sessions: Sessions | None = None,
        *,
        live: Callable[[str], None] = lambda text: None,
        tags: Mapping[str, str] | None = None,
    ) -> RunResult:
        """Runs to the end.

        Args:
            last: Takes the text with which the run ends.
            sessions: Opens the session in which the trials run; None: one of the run's own.
            live: Takes in one line how far the run is, whenever that changes.
            tags: Tags of the run in MLflow beside its own, name -> text.

        Raises:
            UserError: The run cannot begin.
        """
        new = self.folder is None
        if new:
            tokenizer = self._check(start=True)  # before anything is made
            if sessions is None and (on_disk := self._on_disk(tokenizer)):
                self.say(on_disk)
        from ..tracking.store import tracking_uri

        tracking_uri(RUNS)
        from ..record.run_context import RunContext
        from ..storage.run_files import TASKS_FILE
        from ..streams.identity import stream_content, stream_identity
        from ..streams.stream_record import StreamRecord

        request, config, text = self.request, self.config, self._text()
        content = stream_content(self.source)
        identity = Identity.new(request.digest(text), stream_identity(self.source), content)
        if self.folder is None:
            files = {**self._files(text), self.file: request.text()}
            files[TASKS_FILE] = StreamRecord.of(self.source).text()
            method, stream, url = config.method_name, config.stream_name, request.storage
            folder = new_folder(self.name, method, stream, url, identity, files)
        else:
            folder = self.folder
            identity = identity.gone_on_with(folder)
        with run_lock(folder), unread():
            if new:
                kept = kept_at(request.storage, folder)
            else:
                kept = resumed_storage(self.storage, request, folder / self.file)
            run = RunContext(
                folder,
                identity,
                config,
                self.source,
                kept,
                seeds=tuple(self._seeds()),
                concurrent=self._concurrent,
                at_most=self._at_most,
                say=self.say,
                last=last,
                live=live,
                protocol=self._protocol,
                chosen=self._chosen,
                budget=self._budget_text,
                points=self._points,
                tags=tags or {},
                continues=self._continues,
            )
            with nothing_if_refused(folder, kept) if new else nullcontext():
                return self._run(run, sessions)

    @property
    def _fixed(self) -> bool:
        """Whether the configuration has all values of the trials."""
        return False

    def _takes(self) -> list[str]:
        """How long the rest of the run will take, by what such trials took before."""
        from .time_forecast import TimeForecast

        trials, tasks = self._forecast(0).trials, len(self.source.tasks)
        if self.folder is not None:
            trials -= sum(1 for _ in trials_of(self.folder).glob(f"*/{STATUS_FILE}"))
        if self._continues is not None or trials < 1:
            return []
        what = "1 trial" if trials == 1 else f"{trials} trials that all walk the whole stream"
        took = TimeForecast.of(self.config, tasks, fixed=self._fixed)
        if took is None:
            return [f"what a trial takes is not known: none like it has walked {tasks} task(s) in {RUNS}/"]
        return [f"{what}: about {took.said(trials)}"]

    @abstractmethod
    def _preview(self) -> str:
        """What would be run, as text."""

    @abstractmethod
    def _text(self) -> str:
        """The text by which, with the request, the run is known."""

    @abstractmethod
    def _files(self, text: str) -> Mapping[str, str]:
        """The files of a new run's folder beside the request's."""

    @abstractmethod
    def _seeds(self) -> Sequence[int]:
        """The trials' seeds."""

    @abstractmethod
    def _run(self, run: RunContext, sessions: Sessions | None) -> RunResult:
        """Runs to the end. A resumed run is checked first, unless nothing is left to do."""

    @abstractmethod
    def _forecast(self, each: int) -> DiskForecast:
        """How much of the disk the run will take, with so many bytes a checkpoint."""

    def _on_disk(self, tokenizer: Tokenizer | None) -> str:
        """The line about the disk; empty where there is none. A resumed run already occupies a part."""
        from .disk_forecast import checkpoint_size

        if self.folder is not None or not (each := checkpoint_size(self.config, self.source, tokenizer)):
            return ""
        return self._forecast(each).line(RUNS, self.request.storage)

    @property
    def _concurrent(self) -> int | None:
        return self.concurrent or self.request.concurrent

    @property
    def _protocol(self) -> str:
        """The name of the search's protocol; empty where nothing is searched."""
        return ""

    @property
    def _chosen(self) -> str:
        """The sweep's trial whose values the run has; empty: no such trial is known."""
        return ""

    @property
    def _budget_text(self) -> str:
        """What the trials of a search may spend; empty: there is a number of trials."""
        return ""

    @property
    def _points(self) -> int:
        """How many points the search's space has; 0: there is no search, or no end of them."""
        return 0

    @property
    def _continues(self) -> Continues | None:
        """The run that this one continues with more tasks; None: there is none."""
        return None

    @property
    def _at_most(self) -> bool:
        """Whether fewer trials at once are enough: another machine may resume the run."""
        return self.folder is not None and self.concurrent is None

    def _check(self, *, start: bool) -> Tokenizer | None:
        concurrent = None if self._at_most else self._concurrent
        kept = self.folder is not None
        return check_run(
            self.config, self.source, concurrent=concurrent, kept=kept, start=start, say=self.say
        )


def read_stream(
    config: RunConfig,
    check: Callable[[StreamSource], None],
    say: Callable[[str], None],
    source: StreamSource | None = None,
) -> StreamSource:
    """Reads the stream of a run, and sets what Ray takes from the environment.

    Args:
        config: The configuration that all trials share.
        check: Raises where the trials' memories cannot serve the stream.
        say: Takes a line of progress.
        source: The stream, where it has been read; None: it is read.

    Raises:
        UserError: The stream cannot be read, or ``check`` raises.
    """
    from ..streams import registry as streams

    if source is None:
        say(f"reading the stream {config.stream_name}")
        source = streams.get(config.stream_name).load(config.stream, config.run.skip_bad)
    check(source)
    ray_environment(say)  # before the first import of Ray
    return source
