"""What the command lines do, from Python: :func:`sweep`, :func:`train`, and :func:`load` of what they leave.

Nothing is printed. Whatever a caller can mend is a one-line :class:`~orchestrator.errors.UserError`, which
names an argument as the command line does (``--trials``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .commands.named_space import named_space
from .commands.plain_values import plain_values
from .commands.recipe_values import recipe_config, recipe_values
from .commands.run_result import RunResult
from .commands.storage_of import storage_url
from .commands.sweep_request import SweepRequest
from .commands.sweep_start import SweepStart
from .commands.train_start import TrainStart, start_config
from .commands.trial_result import TrialResult
from .config import flatten
from .errors import UserError
from .evaluation.predictions import Answered, Matched, Recognised
from .recipes.recipe import Recipe
from .storage.user_path import user_path

__all__ = [
    "Answered",
    "Matched",
    "Recognised",
    "RunResult",
    "TrialResult",
    "UserError",
    "load",
    "preview_sweep",
    "preview_train",
    "sweep",
    "train",
]

if TYPE_CHECKING:
    import torch

    from .evaluation.predictor import Predictor

Say = Callable[[str], None]


def sweep(
    method: str | None = None,
    *,
    recipe: str | None = None,
    space: str | Path | None = None,
    stream: str | None = None,
    data: str | Path | None = None,
    set: Mapping[str, Any] | None = None,
    trials: int | None = None,
    concurrent: int | None = None,
    name: str | None = None,
    storage: str | None = None,
    resume: str | None = None,
    say: Say | None = None,
    last: Say | None = None,
) -> RunResult:
    """Searches a method's hyper-parameters over a stream, and looks at test data with the best trial.

    Ctrl-C ends it as it does the command: the tasks under way are finished, a second one stops them, and the
    result says ``interrupted``.

    Args:
        method: A method's name, or ``module:Class`` of one's own.
        recipe: In the place of ``method``, the configuration of a published table, such as
            ``clap4clip/cifar100``. What it names is not searched, unless a ``space`` of one's own searches
            it, and ``set`` wins over it.
        space: The file of a search space (``*.yaml``). None: the one that is shipped for the method.
        stream: The stream's name. None: the search space's.
        data: The folder of a stream that reads a data set.
        set: Configuration values by dotted key, or nested. What an option of the command line stands for is
            among them: ``run.seed``, ``run.workers``, ``run.gpus_per_trial``, ``run.skip_bad``,
            ``run.feature_cache``.
        trials: How many trials, in all. None: the search space's number.
        concurrent: How many run at once. None: as many as fit, and at most a quarter of them.
        name: The run's name, and its folder's under ``runs``. None: by method, stream and time.
        storage: A URL where the run is kept as well. None: ``$VLCL_STORAGE``, or nowhere.
        resume: The name of a sweep that is gone on with, or given more ``trials``. Beside it ``concurrent``
            and ``storage`` are allowed, and where there is a storage ``data`` and ``set``, to say again what
            files of this machine it reads.
        say: Takes lines of progress. None: nobody does.
        last: Takes the text with which the command ends: table, best trial, how to go on.

    Returns:
        What became of the sweep and of each trial.

    Raises:
        UserError: What was asked for cannot be had.
    """
    with _own_files():
        start = _sweep(
            method, recipe, space, stream, data, set, trials, concurrent, name, storage, resume, say
        )
        return start.run(last or _nobody)


def preview_sweep(method: str | None = None, **asked: Any) -> str:
    """What :func:`sweep` would run, given the same: configuration, search space, tasks and resources, as
    text. Nothing is started.
    """
    names = (
        "recipe",
        "space",
        "stream",
        "data",
        "set",
        "trials",
        "concurrent",
        "name",
        "storage",
        "resume",
        "say",
    )
    with _own_files():  # a run is brought here from a storage
        return _told(asked) + _sweep(method, *_in_order(asked, names)).preview()


def train(
    method: str | None = None,
    *,
    config: str | Path | None = None,
    recipe: str | None = None,
    space: str | Path | None = None,
    stream: str | None = None,
    data: str | Path | None = None,
    set: Mapping[str, Any] | None = None,
    seeds: Sequence[int] | None = None,
    concurrent: int | None = None,
    name: str | None = None,
    storage: str | None = None,
    resume: str | None = None,
    say: Say | None = None,
    last: Say | None = None,
) -> RunResult:
    """Walks one configuration over a stream, once for each seed, and looks at test data with each.

    Args:
        method: A method's name, at its search space's start.
        config: In the place of ``method``, the file of a configuration, as every trial keeps one.
        recipe: In the place of both, the configuration of a published table.
        space: As in :func:`sweep`, beside ``method``.
        stream: As in :func:`sweep`, as are ``data``, ``set``, ``name``, ``storage``, ``say`` and ``last``.
        seeds: The seeds, different whole numbers from 0. None: the configuration's one.
        concurrent: How many seeds run at once. None: as many as fit.
        resume: The name of a run that is gone on with.

    Returns:
        What became of the run: a trial a seed, and the figures on test data over them.

    Raises:
        UserError: What was asked for cannot be had.
    """
    with _own_files():
        start = _train(
            method, config, recipe, space, stream, data, set, seeds, concurrent, name, storage, resume, say
        )
        return start.run(last or _nobody)


def preview_train(method: str | None = None, **asked: Any) -> str:
    """What :func:`train` would run, given the same, as text. Nothing is started."""
    names = "config", "recipe", "space", "stream", "data", "set", "seeds"
    how = "concurrent", "name", "storage", "resume", "say"
    with _own_files():
        return _told(asked) + _train(method, *_in_order(asked, [*names, *how])).preview()


def load(
    run: str | Path,
    trial: str | None = None,
    *,
    device: str | torch.device | None = None,
) -> Predictor:
    """The method of a finished trial, ready to be asked about pictures and texts of one's own.

    Neither Ray nor a GPU is needed. The run's stream is read again, since the method is sized by it.

    Args:
        run: A run's name, or its folder.
        trial: A trial's id. None: the best one on validation data.
        device: Where it computes, ``cpu`` or ``cuda``, whatever the trial computed on. None: on a GPU where
            there is one.

    Returns:
        What :meth:`~orchestrator.evaluation.predictor.Predictor.predict` is asked of.

    Raises:
        UserError: There is no such run, trial or device, the trial has not finished, or its weights are gone.
    """
    from .commands.load_trial import load_trial

    return load_trial(run, trial, device)


def _sweep(
    method: str | None,
    recipe: str | None,
    space: str | Path | None,
    stream: str | None,
    data: str | Path | None,
    given: Mapping[str, Any] | None,
    trials: int | None,
    concurrent: int | None,
    name: str | None,
    storage: str | None,
    resume: str | None,
    say: Say | None,
) -> SweepStart:
    say, values = say or _nobody, plain_values(given)
    folder = str(user_path(data)) if data else None
    if resume is not None:
        other = {"method": method, "recipe": recipe, "space": space, "stream": stream, "name": name}
        _check_beside(resume, storage, {"data": data, "set": values}, **other)
        said = _said(values, folder)
        return SweepStart.resumed(
            resume, trials=trials, concurrent=concurrent, storage=storage, said=said, say=say
        )
    _check_once(values, stream, data)
    if recipe is not None:
        method, stream, values = recipe_values(recipe, method, space, stream, values)
    if method is None:
        raise UserError("sweep: no method; allowed: a method's name, module:Class, or resume=NAME")
    url = storage_url(storage)
    request = SweepRequest(str(method), stream, folder, values, trials, concurrent, url)
    return SweepStart.new(request, named_space(request.method, space), name, say)


def _train(
    method: str | None,
    config: str | Path | None,
    recipe: str | None,
    space: str | Path | None,
    stream: str | None,
    data: str | Path | None,
    given: Mapping[str, Any] | None,
    seeds: Sequence[int] | None,
    concurrent: int | None,
    name: str | None,
    storage: str | None,
    resume: str | None,
    say: Say | None,
) -> TrainStart:
    say, values = say or _nobody, plain_values(given)
    if resume is not None:
        other = {
            "method": method,
            "config": config,
            "recipe": recipe,
            "space": space,
            "stream": stream,
            "seeds": seeds,
            "name": name,
        }
        _check_beside(resume, storage, {"data": data, "set": values}, **other)
        said = _said(values, str(user_path(data)) if data else None)
        return TrainStart.resumed(resume, concurrent=concurrent, storage=storage, said=said, say=say)
    _check_once(values, stream, data)
    if seeds is not None and (isinstance(seeds, str) or not isinstance(seeds, Sequence)):
        raise UserError(f"--seeds {seeds!r}: allowed are different whole numbers from 0, in a list")
    if sum(one is not None for one in (method, config, recipe)) != 1:
        raise UserError(
            "train: allowed are a method, the file of a config, a recipe, one of them, or resume=NAME"
        )
    file = None if config is None else user_path(config, follow=False)
    if file is not None and space is not None:
        raise UserError(f"--space {space}: beside --config; allowed: one of the two")
    if recipe is not None:
        base = recipe_config(recipe, space, stream, data, values)
    else:
        base = start_config(method, space, file, stream, data, values)
    if seeds is not None and "run.seed" in flatten(values):
        raise UserError(
            f"--seeds {' '.join(map(str, seeds))}: a seed is given as well; allowed: one of the two"
        )
    return TrainStart.new(base, seeds, concurrent=concurrent, storage=storage, name=name, say=say)


def _told(asked: Mapping[str, Any]) -> str:
    """What a preview tells of the recipe that is asked for; empty: none is."""
    return f"{Recipe.load(asked['recipe']).describe()}\n\n" if asked.get("recipe") else ""


def _check_once(values: Mapping[str, Any], stream: str | None, data: str | Path | None) -> None:
    """UserError: the stream or its data are given twice, of which one would be dropped."""
    for option, given, key in (("stream", stream, "stream.name"), ("data", data, "stream.data")):
        if given is not None and (other := flatten(values).get(key)) is not None:
            raise UserError(
                f"--{option} {given}: --set {key}={other} is given as well; allowed: one of the two"
            )


def _check_beside(resume: str, storage: str | None, with_storage: Mapping[str, Any], **others: Any) -> None:
    """UserError: something is given beside ``resume`` that would not be honoured."""
    if not storage_url(storage):
        others |= with_storage
    if left := [name for name, value in others.items() if value is not None and value != {}]:
        raise UserError(
            f"--resume {resume}: goes on with what the run was started with; leave out {', '.join(left)}"
        )


def _said(values: Mapping[str, Any], folder: str | None) -> dict[str, Any]:
    """Dotted key -> value of what is said again of a run that is gone on with."""
    return {**flatten(values), **({"stream.data": folder} if folder else {})}


def _in_order(asked: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    if unknown := [name for name in asked if name not in names]:
        raise UserError(f"{', '.join(unknown)}: not known here; allowed: {', '.join(names)}")
    return [asked.get(name) for name in names]


def _nobody(line: str) -> None:
    """Takes what nobody asked for."""


@contextmanager
def _own_files() -> Iterator[None]:
    """Within it what is written only the user may change, whatever the umask: a run's folder is gone on
    with.
    """
    before = os.umask(0o022)
    try:
        os.umask(before | 0o022)
        yield
    finally:
        os.umask(before)
