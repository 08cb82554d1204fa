"""The Python door. :func:`sweep` and :func:`train` do what the command lines do; :func:`load` and
:func:`log_model` use the finished runs.

Nothing is printed. Whatever a caller can mend is a one-line :class:`~orchestrator.errors.UserError`, which
names an argument as the command line does (``--trials``).
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .commands.recipe_preview import RecipePreview
from .commands.requested_run import requested_sweep, requested_train
from .commands.run_result import RunResult
from .commands.trial_result import TrialResult
from .errors import UserError
from .evaluation.predictions import AnswerPrediction, ClassPrediction, MatchPrediction
from .serving.logged_model import LoggedModel

__all__ = [
    "AnswerPrediction",
    "LoggedModel",
    "MatchPrediction",
    "ClassPrediction",
    "RunResult",
    "TrialResult",
    "UserError",
    "load",
    "log_model",
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
    time: str | None = None,
    gpu_hours: float | None = None,
    concurrent: int | None = None,
    margin: float | None = None,
    first_tasks: int | None = None,
    per_task: bool = False,
    sampler: str | None = None,
    scheduler: str | None = None,
    warm_start: Sequence[str] | None = None,
    references: Sequence[str] | bool | None = None,
    name: str | None = None,
    storage: str | None = None,
    resume: str | None = None,
    say: Say | None = None,
    last: Say | None = None,
    live: Say | None = None,
) -> RunResult:
    """Searches a method's hyper-parameters over a stream, and looks at test data with the best trial.

    Ctrl-C ends it as it ends the command. The tasks under way are finished, a second Ctrl-C stops them, and
    the result says ``interrupted``.

    Args:
        method: A method's name, or ``module:Class`` of one's own.
        recipe: In the place of ``method``, the configuration of a published table, such as
            ``clap4clip/cifar100``. Keys that it names are not searched, unless a ``space`` of one's own
            searches them, and ``set`` wins over it.
        space: The file of a search space (``*.yaml``). None: the one that is shipped for the method.
        stream: The stream's name. None: the search space's.
        data: The folder of a stream that reads a data set.
        set: Configuration values by dotted key, or nested. Keys that are options of the command line are
            among them: ``run.seed``, ``run.workers``, ``run.gpus_per_trial``, ``run.skip_bad``,
            ``run.feature_cache``.
        trials: How many trials, in all. None: the search space's number.
        time: In the place of ``trials``, the time that training and evaluation of all trials may take
            together: ``30m``, ``2h`` or ``1.5h``. Trials are begun until it is used up.
        gpu_hours: The same in GPU-hours: each trial's hours times the GPUs that it holds.
        concurrent: How many run at once. None: as many as fit, and at most a quarter of them.
        margin: Points of the objective that a smaller replay memory may cost, where ``replay.size`` is
            searched: the smallest memory within them of the best is chosen. 0: the best. None: 1.
        first_tasks: Trials end after so many tasks, and one is chosen by the validation data of these tasks
            alone. The search sees nothing of the later tasks, and looks at no test data. None: all tasks.
        per_task: In the place of a search, one trial, which chooses its values at each task by the validation
            data of that task alone, as the section ``per_task`` of the search space says.
        sampler: The sampler that proposes trials: ``tpe``, ``random``, ``gp``, ``qmc`` or ``grid``. None: the
            search space's, or ``tpe``.
        scheduler: The rule that stops trials: ``asha``, ``median`` or ``none``. None: the search space's, or
            ``asha``.
        warm_start: Names of sweeps and recipes of the method: the first trials are what each sweep chose, and
            each recipe's values, as far as they fit. None: the search space says where it begins.
        references: Reference runs beside the best trial, with the same seed and order: some of ``zero-shot``,
            ``finetune``, ``joint-once``, ``independent`` and ``joint``; True: all but the last, as far as
            there are any beside the method. Those that are in ``runs`` are not run again. None: none.
        name: The run's name, and its folder's under ``runs``. None: by method, stream and time.
        storage: A URL where the run is kept as well. None: ``$VLCL_STORAGE``, or nowhere.
        resume: The name of a sweep that is resumed, or given more ``trials``, ``time`` or ``gpu_hours``, or
            further ``references``. ``concurrent`` and ``storage`` are allowed beside it. Where there is a
            storage, ``data`` and ``set`` are allowed too; they repeat which files of this machine the sweep
            reads.
        say: Takes lines of progress. None: they are dropped.
        last: Takes the text with which the command ends: table, best trial, how to go on.
        live: Takes in one line how far the trials are, whenever that changes: tasks done of all, the best
            trial so far, the time left.

    Returns:
        The result of the sweep and of each trial.

    Raises:
        UserError: The request cannot be served.
    """
    with _own_files():
        start = requested_sweep(
            method,
            recipe=recipe,
            space=space,
            stream=stream,
            data=data,
            given=set,
            trials=trials,
            time=time,
            gpu_hours=gpu_hours,
            concurrent=concurrent,
            margin=margin,
            first_tasks=first_tasks,
            per_task=per_task,
            sampler=sampler,
            scheduler=scheduler,
            warm_start=warm_start,
            references=references,
            name=name,
            storage=storage,
            resume=resume,
            say=say,
        )
        return start.run(last or _nobody, live=live or _nobody)


def preview_sweep(method: str | None = None, *, first: Say | None = None, **asked: Any) -> str:
    """Describes what :func:`sweep` would run with the same arguments: configuration, search space, tasks and
    resources, as text. Nothing is started.

    Args:
        method: As of :func:`sweep`.
        first: Takes what is said of a recipe before its data are read, which the text then leaves out: it
            says which data they are. None: the text has it.
        **asked: The other arguments of :func:`sweep`.

    Raises:
        UserError: As :func:`sweep` raises it.
    """
    with _own_files():  # a run is brought here from a storage
        named, recipe = _named(asked, sweep), RecipePreview.begin(asked.get("recipe"), first)
        start = requested_sweep(method, **named)
        return recipe.with_changes(start.config, start.space.searched) + start.preview()


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
    test: bool = True,
    name: str | None = None,
    storage: str | None = None,
    resume: str | None = None,
    continue_from: str | None = None,
    say: Say | None = None,
    last: Say | None = None,
    live: Say | None = None,
) -> RunResult:
    """Walks one configuration over a stream, once for each seed, and looks at test data with each.

    Args:
        method: A method's name, at its search space's start.
        config: In the place of ``method``, the file of a configuration, as every trial keeps one.
        recipe: In the place of both, the configuration of a published table.
        space: As in :func:`sweep`, beside ``method``.
        stream, data, set, name, storage, say, last, live: As in :func:`sweep`.
        seeds: The seeds, different whole numbers from 0. None: the configuration's one.
        concurrent: How many seeds run at once. None: as many as fit.
        test: Whether test data is looked at. False leaves it to a later ``train(resume=NAME)``.
        resume: The name of a run that is resumed.
        continue_from: In the place of ``method``, the name of a finished run that is taught more tasks. The
            new run begins with that run's trained trials. ``data`` and ``set`` say what is new, by
            ``stream.*`` and ``run.*``.

    Returns:
        The result of the run: one trial for each seed, and the figures on test data over them.

    Raises:
        UserError: The request cannot be served.
    """
    with _own_files():
        start = requested_train(
            method,
            config=config,
            recipe=recipe,
            space=space,
            stream=stream,
            data=data,
            given=set,
            seeds=seeds,
            concurrent=concurrent,
            test=test,
            name=name,
            storage=storage,
            resume=resume,
            continue_from=continue_from,
            say=say,
        )
        return start.run(last or _nobody, live=live or _nobody)


def preview_train(method: str | None = None, *, first: Say | None = None, **asked: Any) -> str:
    """Describes what :func:`train` would run with the same arguments, as text. Nothing is started.

    Args:
        method: As of :func:`train`.
        first: As of :func:`preview_sweep`.
        **asked: The other arguments of :func:`train`.

    Raises:
        UserError: As :func:`train` raises it.
    """
    with _own_files():
        named, recipe = _named(asked, train), RecipePreview.begin(asked.get("recipe"), first)
        start = requested_train(method, **named)
        return recipe.with_changes(start.config, ()) + start.preview()


def load(
    run: str | Path,
    trial: str | None = None,
    *,
    device: str | torch.device | None = None,
) -> Predictor:
    """Loads the method of a finished trial, ready for pictures and texts of one's own.

    Neither Ray nor a GPU is needed. The run's stream is read again, since the method is sized by it.

    Args:
        run: A run's name, or its folder.
        trial: A trial's id. None: the best one on validation data.
        device: Where it computes, ``cpu`` or ``cuda``, whatever the trial computed on. None: on a GPU where
            there is one.

    Returns:
        The trained method, with :meth:`~orchestrator.evaluation.predictor.Predictor.predict`.

    Raises:
        UserError: There is no such run, trial or device, the trial has not finished, or its weights are gone.
    """
    from .commands.load_trial import load_trial

    return load_trial(run, trial, device)


def log_model(
    run: str | Path,
    trial: str | None = None,
    *,
    gallery: str | Path | None = None,
    register: str | None = None,
) -> LoggedModel:
    """Logs a finished trial as a model of MLflow, which ``mlflow models predict`` and ``serve`` answer with.

    Neither Ray nor the stream's data is needed. Equal models are logged once, however often it is called.

    Args:
        run: A run's name, or its folder.
        trial: A trial's id. None: the best one on validation data.
        gallery: In retrieval a folder with the pictures that texts find. None: each request brings pictures.
        register: A name in MLflow's registry, under which the model becomes a version. None: it is not
            registered.

    Returns:
        The model's address, and the command that asks it.

    Raises:
        UserError: There is no such run, trial or folder, the trial has not finished, its weights are gone, or
            MLflow cannot be reached.
    """
    from .serving.log_trial import log_trial

    with _own_files():
        return log_trial(run, trial, gallery, register)


def _named(asked: Mapping[str, Any], like: Callable[..., Any]) -> dict[str, Any]:
    """What is asked for, by the names in :mod:`.commands.requested_run`. ``like`` takes the same ones."""
    names = [name for name in inspect.signature(like).parameters if name not in ("method", "last", "live")]
    if unknown := [name for name in asked if name not in names]:
        raise UserError(f"{', '.join(unknown)}: not known here; allowed: {', '.join(names)}")
    return {"given" if name == "set" else name: value for name, value in asked.items()}


def _nobody(line: str) -> None:
    """Takes a line that nobody wants."""


@contextmanager
def _own_files() -> Iterator[None]:
    """Within the block files are written so that only the user may change them, whatever the umask is: a run
    that is resumed trusts its folder.
    """
    before = os.umask(0o022)
    try:
        os.umask(before | 0o022)
        yield
    finally:
        os.umask(before)
