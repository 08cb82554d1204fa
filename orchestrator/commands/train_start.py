"""A run without a search that is about to begin, or to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..config import RunConfig, data_values
from ..storage.run_files import CONFIG_FILE, TRAIN_FILE, trials_of
from ..storage.run_folder import kept_folder
from .check_validation import check_validation
from .named_space import named_space
from .restored import check_restored, check_said, said_code
from .run_start import RunStart, read_stream
from .storage_of import storage_url
from .train_request import TrainRequest

if TYPE_CHECKING:
    from ..record.continues import Continues
    from ..record.run_context import RunContext
    from ..streams.source import StreamSource
    from .disk_forecast import DiskForecast
    from .run_result import RunResult
    from .sessions import Sessions


@dataclass(frozen=True)
class TrainStart(RunStart):
    """A run without a search that is about to begin, or to be resumed. It is made by :meth:`new`,
    :meth:`continued` or :meth:`resumed`.

    Attributes:
        test: Whether trained trials are tested.
        chosen: The sweep's trial whose values the run has (:func:`~.chosen_by.chosen_by`); empty: no such
            trial is known, or the run is resumed and its record has it.
    """

    request: TrainRequest
    test: bool = True
    chosen: str = ""

    file: ClassVar[str] = TRAIN_FILE

    @classmethod
    def new(
        cls,
        config: RunConfig,
        seeds: Sequence[int] | None,
        *,
        concurrent: int | None,
        storage: str | None,
        name: str | None,
        say: Callable[[str], None],
        test: bool = True,
        source: StreamSource | None = None,
        chosen: str = "",
    ) -> TrainStart:
        """A run that begins.

        Args:
            config: The configuration that all trials share.
            seeds: One trial each; None: the configuration's seed.
            concurrent: How many seeds run at once; None: as many as fit.
            storage: Where the run is kept; None: ``$VLCL_STORAGE``, or nowhere.
            name: The folder's name; None: it is made of method, stream and time.
            say: Takes lines of progress.
            test: Whether there is a look at test data.
            source: The stream, where it has been read; None: it is read.
            chosen: The sweep's trial whose values the run has; empty: no such trial is known.

        Raises:
            UserError: The request cannot be served.
        """
        own = (config.run.seed,) if seeds is None else tuple(seeds)
        request = TrainRequest(own, concurrent, storage_url(storage))
        stream = _read(config, say, source)
        return cls(request, config, stream, say, name, None, concurrent, storage, test, chosen)

    @classmethod
    def continued(
        cls,
        first: str,
        values: Mapping[str, Any],
        data: str | Path | None,
        *,
        concurrent: int | None,
        storage: str | None,
        name: str | None,
        say: Callable[[str], None],
        test: bool = True,
    ) -> TrainStart:
        """A run that begins where the trials of a finished run ended, with more tasks behind its own.

        Args:
            first: The finished run's name. It stays as it is.
            values: As of :func:`~.continued_config.continued_config`.
            data: The folder of the stream's data now; None: where it lay.
            concurrent: As of :meth:`new`, like all other arguments.

        Raises:
            UserError: The run cannot be continued in this way. The message is one line.
        """
        from .continued_config import continued_config
        from .continued_run import ContinuedRun

        run = ContinuedRun.find(first)
        say(f"reading the stream {run.config.stream_name}")
        config, stream = continued_config(run, values, data)
        request = TrainRequest(tuple(run.entries), concurrent, storage_url(storage), run.continues)
        return cls(request, config, _read(config, say, stream), say, name, None, concurrent, storage, test)

    @classmethod
    def resumed(
        cls,
        name: str,
        *,
        concurrent: int | None,
        storage: str | None,
        said: Mapping[str, Any],
        say: Callable[[str], None],
        test: bool = True,
        source: StreamSource | None = None,
    ) -> TrainStart:
        """Resumes the run in ``runs/NAME``, or at its storage.

        Args:
            name: The run's name.
            concurrent: How many seeds run at once; None: as before.
            storage: Where it is kept; None: ``$VLCL_STORAGE``, or where it was.
            said: Dotted key -> value of what it was started with, repeated.
            say: Takes lines of progress.
            test: Whether there is a look at test data, also where there was to be none before.
            source: As of :meth:`new`.

        Raises:
            UserError: There is no such run, it is not the user's own, or it was started with other values.
        """
        url = storage_url(storage)

        def accept(folder: Path) -> dict[str, Any]:
            with said_code(said, url):
                config = RunConfig.load_yaml(folder / CONFIG_FILE)
                check_said(config, said)
                check_restored(config, {}, said, url)
            return TrainRequest.read(folder / TRAIN_FILE).plain()

        folder = kept_folder(name, (TRAIN_FILE, CONFIG_FILE), url, accept)
        request = TrainRequest.read(folder / TRAIN_FILE)
        config = RunConfig.load_yaml(folder / CONFIG_FILE)
        check_said(config, said)
        stream = _read(config, say, source)
        return cls(request, config, stream, say, None, folder, concurrent, storage, test)

    @property
    def _fixed(self) -> bool:
        return True

    def _preview(self) -> str:
        from .preview import preview_train

        first, run = "", self._continues
        if run is not None:
            first = f"Goes on from {run.name}: {run.said[0].lower()}{run.said[1:]}\n"
        own = self.config, self.source, self.request.seeds, self._concurrent
        return first + preview_train(*own, test=self.test)

    def _text(self) -> str:
        if self.folder is None:
            return self.config.yaml()
        return (self.folder / CONFIG_FILE).read_text(encoding="utf-8")

    def _files(self, text: str) -> Mapping[str, str]:
        return {CONFIG_FILE: text}

    def _seeds(self) -> Sequence[int]:
        return self.request.seeds

    @property
    def _chosen(self) -> str:
        return self.chosen

    @property
    def _continues(self) -> Continues | None:
        return self.request.continues

    def _forecast(self, each: int) -> DiskForecast:
        from .disk_forecast import DiskForecast

        keep, trials = self.config.run.keep, len(self.request.seeds)
        whole = (self._concurrent or trials) if keep == "last" else trials
        less = "" if keep == "last" else "last"
        return DiskForecast(trials, whole, len(self.source.tasks), each, keep, less)

    def _run(self, run: RunContext, sessions: Sessions | None) -> RunResult:
        from .train_run import train_run

        variants = {f"seed_{seed}": {"run.seed": seed} for seed in run.seeds}
        if run.continues is not None:
            from .adopt_checkpoints import adopt_checkpoints

            seeds = {f"seed_{seed}": seed for seed in run.seeds}
            adopt_checkpoints(run, run.continues, seeds, test=self.test)
        if self.folder is not None and not self._is_over(run, variants):
            self._check(start=True)
        return train_run(run, variants, test=self.test, sessions=sessions)

    def _is_over(self, run: RunContext, variants: Iterable[str]) -> bool:
        """Whether nothing is left to do of the run's ``variants``, trial ids."""
        from ..evaluation.headline_objective import headline_objective
        from ..record.trial_store import TrialStore

        objective = headline_objective(run.source.scenario)
        store = TrialStore(trials_of(run.folder), objective, len(run.names), run.identity.stamp)
        return all(store.is_done(trial_id, test=self.test) for trial_id in variants)


def start_config(
    method: str | None,
    space: str | Path | None,
    file: Path | None,
    stream: str | None,
    data: str | Path | None,
    values: Mapping[str, Any],
) -> RunConfig:
    """The configuration that a run without a search begins with.

    Args:
        method: A method, which begins at the start of its search space.
        space: The search space in the place of the method's own; None: the method's own.
        file: A configuration's file, in the place of a method; None: the method counts.
        stream: The stream; None: the file's or the search space's.
        data: The stream's data; None: the file's or the search space's.
        values: Dotted key -> value, which win over all else.

    Raises:
        UserError: One of the arguments is wrong. The message is one line.
    """
    if file is not None:
        config = RunConfig.load_yaml(file)
        if stream:
            values = {"stream.name": stream, **values}
        if data:
            values = {**values, **data_values(stream or config.stream_name, data)}
        return config.with_values(values, "--set")
    from ..search.preset_values import with_preset
    from ..search.space import Space

    name, given = named_space(str(method), space), with_preset(str(method), values)
    return Space.load(name, stream, data, given, method=str(method)).start_config


def _read(config: RunConfig, say: Callable[[str], None], source: StreamSource | None = None) -> StreamSource:
    from ..replay.config import check_memory

    def check(source: StreamSource) -> None:
        check_memory(config.replay, len(source.categories), source.scenario)
        check_validation(config, source)

    return read_stream(config, check, say, source)
