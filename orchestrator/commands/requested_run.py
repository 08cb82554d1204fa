"""Makes a run that is about to begin, or to be resumed, from the arguments of the Python door."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config import flatten
from ..errors import UserError
from ..record.memory_worth import MARGIN
from ..references.reference_kinds import references_of
from ..search.preset_values import with_preset
from ..search.search_protocol import SearchProtocol
from ..storage.reserved_name import check_reserved
from ..storage.user_path import user_path
from .check_kinds import check_kinds, names_of, points, seeds_of, whole
from .check_recipe_searched import check_recipe_searched
from .chosen_by import chosen_by
from .given import check_beside, check_continued, check_once, check_one_walk, said_again
from .named_space import named_space
from .plain_values import plain_values
from .recipe_values import recipe_config, recipe_values
from .requested_budget import requested_budget
from .storage_of import storage_url
from .sweep_request import SweepRequest
from .sweep_start import SweepStart
from .train_start import TrainStart, start_config


def requested_sweep(
    method: str | None = None,
    *,
    recipe: str | None = None,
    space: str | Path | None = None,
    stream: str | None = None,
    data: str | Path | None = None,
    given: Mapping[str, Any] | None = None,
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
    say: Callable[[str], None] | None = None,
) -> SweepStart:
    """Makes a sweep that is about to begin, or to be resumed.

    The arguments are those of :func:`orchestrator.api.sweep`, with ``given`` in the place of ``set``.

    Raises:
        UserError: The arguments cannot be served. The message is one line.
    """
    check_kinds(method=method, recipe=recipe, space=space, stream=stream, data=data, name=name)
    check_kinds(storage=storage, resume=resume, say=say, sampler=sampler, scheduler=scheduler)
    check_kinds(per_task=per_task)
    trials, concurrent = whole("trials", trials), whole("concurrent", concurrent)
    margin, first_tasks = points("margin", margin), whole("first-tasks", first_tasks)
    warm_start, budget = names_of("warm-start", warm_start), requested_budget(trials, time, gpu_hours)
    kinds = references_of(list(references) if isinstance(references, tuple) else references, "--references")
    say, values = say or _nobody, plain_values(given)
    folder = str(user_path(data)) if data else None
    if resume is not None:
        other: dict[str, Any] = {"method": method, "recipe": recipe, "space": space, "stream": stream}
        other |= {"name": name, "margin": margin, "first_tasks": first_tasks}
        other |= {"sampler": sampler, "scheduler": scheduler, "warm_start": warm_start}
        other |= {"per_task": per_task or None}
        check_beside(resume, storage, {"data": data, "set": values}, **other)
        said = said_again(values, folder)
        where: dict[str, Any] = {"concurrent": concurrent, "storage": storage}
        where |= {"trials": trials, "budget": budget, "references": kinds}
        return SweepStart.resumed(resume, said=said, say=say, **where)
    if kinds != () and first_tasks is not None:
        raise UserError(
            f"--references: beside --first-tasks {first_tasks}, which looks at no test data, by which "
            "references are compared; allowed: one of the two"
        )
    check_reserved(name)
    check_once(values, stream, data)
    if per_task:
        beside: dict[str, Any] = {"trials": trials, "time": time, "gpu_hours": gpu_hours, "margin": margin}
        beside |= {"first_tasks": first_tasks, "sampler": sampler, "scheduler": scheduler}
        check_one_walk({**beside, "warm_start": warm_start, "concurrent": concurrent})
    if recipe is not None:
        method, stream, values = recipe_values(recipe, method, space, stream, values)
        check_recipe_searched(recipe, values)
    elif method is not None:
        values = with_preset(str(method), values)
    else:
        raise UserError("sweep: no method; allowed: a method's name, module:Class, or resume=NAME")
    url, protocol = storage_url(storage), SearchProtocol(first_tasks, per_task=per_task)
    request = SweepRequest(
        str(method),
        stream,
        folder,
        values,
        trials,
        concurrent,
        url,
        MARGIN if margin is None else margin,
        # The chosen trial is trained on the later tasks in a run of its own. Test data of the first tasks
        # alone would tell little.
        test=first_tasks is None,
        protocol=None if protocol.usual else protocol.text,
        sampler=sampler,
        scheduler=scheduler,
        warm_start=warm_start,
        budget=None if budget is None else budget.text,
    )
    return SweepStart.new(request, named_space(request.method, space), name, say, references=kinds)


def requested_train(
    method: str | None = None,
    *,
    config: str | Path | None = None,
    recipe: str | None = None,
    space: str | Path | None = None,
    stream: str | None = None,
    data: str | Path | None = None,
    given: Mapping[str, Any] | None = None,
    seeds: Sequence[int] | None = None,
    concurrent: int | None = None,
    test: bool = True,
    name: str | None = None,
    storage: str | None = None,
    resume: str | None = None,
    continue_from: str | None = None,
    say: Callable[[str], None] | None = None,
) -> TrainStart:
    """Makes a run without a search that is about to begin, or to be resumed.

    The arguments are those of :func:`orchestrator.api.train`, with ``given`` in the place of ``set``.

    Raises:
        UserError: The arguments cannot be served. The message is one line.
    """
    check_kinds(method=method, config=config, recipe=recipe, space=space, stream=stream, data=data, name=name)
    check_kinds(storage=storage, resume=resume, continue_from=continue_from, say=say, test=test)
    seeds, concurrent = seeds_of(seeds), whole("concurrent", concurrent)
    say, values = say or _nobody, plain_values(given)
    if resume is not None:
        other = {"method": method, "config": config, "recipe": recipe, "space": space, "stream": stream}
        other |= {"continue": continue_from}
        check_beside(resume, storage, {"data": data, "set": values}, **other, seeds=seeds, name=name)
        said = said_again(values, str(user_path(data)) if data else None)
        return TrainStart.resumed(
            resume, concurrent=concurrent, storage=storage, said=said, say=say, test=test
        )
    check_reserved(name)
    check_once(values, stream, data)
    if continue_from is not None:
        other = {"method": method, "config": config, "recipe": recipe, "space": space, "stream": stream}
        check_continued(continue_from, **other, seeds=seeds)
        return TrainStart.continued(
            continue_from,
            values,
            data,
            concurrent=concurrent,
            storage=storage,
            name=name,
            say=say,
            test=test,
        )
    if sum(one is not None for one in (method, config, recipe)) != 1:
        raise UserError(
            "train: allowed are a method, the file of a config, a recipe, one of them, or resume=NAME or "
            "continue_from=NAME"
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
    how: dict[str, Any] = {"concurrent": concurrent, "storage": storage, "name": name, "say": say}
    return TrainStart.new(base, seeds, test=test, chosen="" if file is None else chosen_by(file, base), **how)


def _nobody(line: str) -> None:
    """Takes a line that nobody wants."""
