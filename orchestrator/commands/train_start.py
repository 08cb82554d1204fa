"""A run without a search that is about to begin, or to go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import RunConfig, data_values
from ..errors import UserError
from ..execution.ray_environment import ray_environment
from ..storage.identity import Identity
from ..storage.refused_start import nothing_if_refused
from ..storage.run_files import CONFIG_FILE, TRAIN_FILE, trials_of
from ..storage.run_folder import RUNS, check_free, kept_at, kept_folder, new_folder
from ..storage.run_lock import run_lock
from ..storage.trial_files import tested_in
from .check_run import check_run
from .named_space import named_space
from .restored import check_restored, check_said, said_code
from .storage_of import resumed_storage, storage_url
from .train_request import TrainRequest
from .unread import unread

if TYPE_CHECKING:
    from ..streams.source import StreamSource
    from .run_result import RunResult


@dataclass(frozen=True)
class TrainStart:
    """A run whose configuration and stream have been read. Nothing has been made of it yet.

    Made by :meth:`new` or :meth:`resumed`. ``folder`` is that of a run that is gone on with; None: a new one,
    whose folder is to be called ``name`` (None: by method, stream and time). ``concurrent`` and ``storage``
    are what is said now, beside what ``request`` says.
    """

    request: TrainRequest
    config: RunConfig
    source: StreamSource
    say: Callable[[str], None]
    name: str | None
    folder: Path | None
    concurrent: int | None
    storage: str | None

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
    ) -> TrainStart:
        """A run that begins. ``seeds``: one trial each; None: the configuration's seed.

        Raises a one-line UserError for what cannot be had.
        """
        _check_concurrent(concurrent)
        own = [config.run.seed] if seeds is None else list(seeds)
        wrong = not own or any(type(seed) is not int or seed < 0 for seed in own)
        if wrong or len(set(own)) < len(own):
            raise UserError(f"--seeds {' '.join(map(str, own))}: allowed are different whole numbers from 0")
        request = TrainRequest(tuple(own), concurrent, storage_url(storage))
        return cls(request, config, _source(config, say), say, name, None, concurrent, storage)

    @classmethod
    def resumed(
        cls,
        name: str,
        *,
        concurrent: int | None,
        storage: str | None,
        said: Mapping[str, Any],
        say: Callable[[str], None],
    ) -> TrainStart:
        """The run in ``runs/NAME``, or at its storage, is gone on with.

        Args:
            name: The run's name.
            concurrent: How many seeds run at once; None: as before.
            storage: Where it is kept; None: ``$VLCL_STORAGE``, or where it was.
            said: Dotted key -> value of what it was started with, said again.
            say: Takes lines of progress.

        Raises:
            UserError: There is no such run, it is not the user's own, or it was started with other values.
        """
        _check_concurrent(concurrent)
        url = storage_url(storage)

        def accept(place: Path) -> dict[str, Any]:
            with said_code(said, url):
                config = RunConfig.load_yaml(place / CONFIG_FILE)
                check_said(config, said)
                check_restored(config, {}, said, url)
            return TrainRequest.read(place / TRAIN_FILE).plain()

        folder = kept_folder(name, (TRAIN_FILE, CONFIG_FILE), url, accept)
        request = TrainRequest.read(folder / TRAIN_FILE)
        config = RunConfig.load_yaml(folder / CONFIG_FILE)
        check_said(config, said)
        return cls(request, config, _source(config, say), say, None, folder, concurrent, storage)

    def preview(self) -> str:
        """What would be run, as text. Nothing is started."""
        from .preview import preview_train

        if self.name:
            check_free(self.name)
        self._check(start=False)
        return preview_train(self.config, self.source, self.request.seeds, self._concurrent)

    def run(self, last: Callable[[str], None]) -> RunResult:
        """Runs all seeds to their end. ``last`` takes the text with which the run ends."""
        new = self.folder is None
        if new:
            self._check(start=True)  # before anything is made
        from ..tracking.store import tracking_uri

        tracking_uri(RUNS)
        from ..record.run_context import RunContext
        from ..streams.identity import stream_identity
        from .train_run import train_run

        request, config, seeds = self.request, self.config, self.request.seeds
        text = config.yaml() if self.folder is None else (self.folder / CONFIG_FILE).read_text("utf-8")
        identity = Identity.new(request.digest(text), stream_identity(self.source))
        if self.folder is None:
            files = {CONFIG_FILE: text, TRAIN_FILE: request.text()}
            method, stream, url = config.method_name, config.stream_name, request.storage
            folder = new_folder(self.name, method, stream, url, identity, files)
        else:
            folder = self.folder
            identity = identity.gone_on_with(folder)
        variants = {f"seed_{seed}": {"run.seed": seed} for seed in seeds}
        with run_lock(folder), unread():
            if new:
                kept = kept_at(request.storage, folder)
            else:
                kept = resumed_storage(self.storage, request, folder / TRAIN_FILE)
                if not _is_over(folder, identity, variants):  # else nothing starts
                    self._check(start=True)
            run = RunContext(
                folder,
                identity,
                config,
                self.source,
                kept,
                seeds=seeds,
                concurrent=self._concurrent,
                at_most=self._at_most,
                say=self.say,
                last=last,
            )
            with nothing_if_refused(folder, kept) if new else nullcontext():
                return train_run(run, variants)

    @property
    def _concurrent(self) -> int | None:
        return self.concurrent or self.request.concurrent

    @property
    def _at_most(self) -> bool:
        """Whether fewer trials at once will do: another machine may go on with the run."""
        return self.folder is not None and self.concurrent is None

    def _check(self, *, start: bool) -> None:
        concurrent = None if self._at_most else self._concurrent
        kept = self.folder is not None
        check_run(self.config, self.source, concurrent=concurrent, kept=kept, start=start)


def start_config(
    method: str | None,
    space: str | Path | None,
    file: Path | None,
    stream: str | None,
    data: str | Path | None,
    values: Mapping[str, Any],
) -> RunConfig:
    """The configuration of a method, at the start of its search space or of ``space``, or of a ``file``.

    Beside it stand a stream, its data, and ``values`` by dotted key.
    """
    if file is not None:
        config = RunConfig.load_yaml(file)
        if stream:
            values = {"stream.name": stream, **values}
        if data:
            values = {**values, **data_values(stream or config.stream_name, data)}
        return config.with_values(values, "--set")
    from ..search.space import Space

    name = named_space(str(method), space)
    return Space.load(name, stream, data, values, method=str(method)).start_config


def _check_concurrent(concurrent: int | None) -> None:
    if concurrent is not None and (type(concurrent) is not int or concurrent < 1):
        raise UserError(f"--concurrent {concurrent}: allowed are whole numbers from 1")


def _is_over(folder: Path, identity: Identity, variants: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether all ``variants`` (trial id -> dotted values) of the run in ``folder`` have been tested."""
    return all(
        tested_in(trials_of(folder) / trial_id, identity.stamp(trial_id, values))
        for trial_id, values in variants.items()
    )


def _source(config: RunConfig, say: Callable[[str], None]) -> StreamSource:
    from ..replay.config import check_memory
    from ..streams import registry as streams

    say(f"reading the stream {config.stream_name}")
    source = streams.get(config.stream_name).load(config.stream, config.run.skip_bad)
    check_memory(config.replay, len(source.categories), source.scenario)
    ray_environment(say)  # before the first import of Ray
    return source
