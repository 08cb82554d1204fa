"""The one look at test data: a finished trial's checkpoints, evaluated on the test splits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from methods.registry import get as get_method

from ..config import RunConfig
from ..seeding import seed_everything
from ..storage import checkpoint
from ..storage.atomic_write import write_text
from ..storage.trial_files import (
    CHECKPOINTS_FILE,
    PREDICTIONS_FILE,
    TEST_FOLDER,
    TEST_MATRIX_FILE,
    TESTED_FILE,
)
from ..streams.stream import Stream
from .agreement import all_or_none
from .kept_predictions import write_predictions
from .retrieval_summary import CORNER, checkpoint_table
from .scenarios import evaluate, evaluation_of, summary_metrics
from .tables import write_matrix, write_table
from .vqa_tables import QUESTION_TABLES, question_tables


def final_evaluation(
    config: RunConfig,
    stream: Stream,
    folder: Path,
    device: torch.device,
    stamp: Mapping[str, str] | None = None,
    tokenizer: Mapping[str, bytes] | None = None,
) -> dict[str, float]:
    """Evaluates a finished trial's checkpoints on the test splits.

    Row t of the accuracy matrix is the model after task t on every task, later tasks included. Forward
    transfer needs those later tasks, and an untrained model's scores as its baseline. The weights come from
    the trial's checkpoints: nothing is trained again. Some metrics need classes not yet seen, so that only
    the earlier models have them; their means over these models are reported as
    ``test/over_time/harmonic_mean`` and so on.

    In retrieval the last model is looked at on the union of tasks 0 .. k for each k as well, as CTP's
    backward transfer needs (:mod:`~orchestrator.evaluation.retrieval_summary`). That embeds nothing again:
    each checkpoint embeds each split once.

    The results are written to ``folder/test``: ``matrix.csv``; for questions the tables of
    :func:`~orchestrator.evaluation.vqa_tables.question_tables`; for retrieval ``checkpoints.csv``; what the
    last model said of each sample, ``predictions.npz``
    (:mod:`~orchestrator.evaluation.kept_predictions`); and last ``metrics.json``, whose presence says that
    the evaluation is finished.

    Args:
        config: The trial's configuration.
        stream: The trial's stream.
        folder: The trial's folder.
        device: Where the method is evaluated.
        stamp: The stamp that the checkpoints must carry (:func:`~orchestrator.storage.checkpoint.load`). It
            is kept with the metrics.
        tokenizer: The files that the checkpoints must have.

    Returns:
        The test metrics, named ``test/...``.

    Raises:
        FileNotFoundError: A task has no whole checkpoint.
    """
    tasks = len(stream.tasks)
    how = evaluation_of(config, stream, device)
    seed_everything(config.run.seed)
    method = get_method(config.method_name)(config.method, stream.spec).to(device)
    baseline = evaluate(method, stream, "test", tasks=tasks, seen=0, how=how).by_task
    matrix = np.full((tasks, tasks), np.nan)
    steps: list[dict[str, float]] = []
    for t in range(tasks):
        saved = all_or_none(partial(_checkpoint, folder, t, stamp, tokenizer), device)
        checkpoint.restore(method, saved.model)
        scores = evaluate(method, stream, "test", tasks=tasks, seen=t + 1, how=how)
        matrix[t] = scores.by_task
        steps.append(scores.metrics)
    metrics = steps[-1] | _over_time(steps) | summary_metrics(stream, "test", matrix, steps, baseline)
    named = {f"test/{name}": float(value) for name, value in metrics.items()}
    if not dist.is_initialized() or dist.get_rank() == 0:
        (folder / TEST_FOLDER).mkdir(exist_ok=True)
        names = [t.task.name for t in stream.tasks]
        write_matrix(folder / TEST_MATRIX_FILE, matrix, names)
        for name, table in question_tables(steps, names).items():
            write_table(folder / TEST_FOLDER / f"{name}.csv", table, QUESTION_TABLES[name].corner)
        if (checkpoints := checkpoint_table(metrics, names)) is not None:
            write_table(folder / CHECKPOINTS_FILE, checkpoints, CORNER)
        write_predictions(folder / PREDICTIONS_FILE, scores.predictions)
        of = {} if stamp is None else {"stamp": dict(stamp)}
        write_text(folder / TESTED_FILE, json.dumps(of | named, indent=1))
    return named


def _checkpoint(
    folder: Path, task: int, stamp: Mapping[str, str] | None, tokenizer: Mapping[str, bytes] | None
) -> checkpoint.Checkpoint:
    saved = checkpoint.load(folder, task, stamp, tokenizer)
    if saved is None:
        where = checkpoint.folder_of(folder, task)
        raise FileNotFoundError(f"{where}: no whole checkpoint of task {task + 1} to test")
    return saved


def _over_time(steps: list[dict[str, float]]) -> dict[str, float]:
    """Means of the metrics that the last model does not have, over the models that have them."""
    names = {name for step in steps for name in step} - set(steps[-1])
    values_of = {name: [step[name] for step in steps if name in step] for name in sorted(names)}
    return {f"over_time/{name}": float(np.mean(values)) for name, values in values_of.items()}
