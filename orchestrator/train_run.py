"""Fixed configurations, each walked over the stream and then tested: no search."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .cli import short_path
from .config import RunConfig
from .full_disk import full_disk, is_full
from .job import Job, Outcome
from .run_storage import RunStorage
from .scoring import HEADLINE, SHOWN
from .session import Session
from .space import Objective
from .streams.fit_tokenizer import fit_tokenizer
from .streams.source import StreamSource
from .watch import Watch


def train_run(
    folder: Path,
    config: RunConfig,
    variants: dict[str, dict[str, Any]],
    source: StreamSource,
    concurrent: int | None,
    kept: RunStorage | None,
    say: Callable[[str], None],
) -> int:
    """Runs, or goes on with, ``config`` in each of its ``variants`` (trial id -> dotted values); returns the
    exit status.

    0: all finished; 1: one failed; 130: interrupted. A variant that was tested before is not run again.
    """
    names = [task.name for task in source.tasks]
    objective = Objective(f"validation/{HEADLINE[source.scenario]}", "max")
    watch = Watch.open(folder, config, config.with_values, objective, names, len(variants), kept, say)
    book = watch.book
    base = config.to_dict()

    def on_end(job: Job, outcome: Outcome) -> Job | None:
        trial_id = job.folder.name
        if job.kind == "test":
            if outcome.status == "finished":
                watch.tested(trial_id, outcome.metrics)
            watch.end(trial_id, outcome.status, outcome.reason)
            return None
        if outcome.status == "finished":
            say(f"{trial_id}: all tasks done, looking at test")
            return Job(f"test-{trial_id}", "test", base, job.values, job.folder, job.storage)
        if outcome.fatal:
            watch.fatal = outcome.reason
        watch.end(trial_id, outcome.status, outcome.reason)
        return None

    status = "interrupted"
    try:
        jobs = [
            Job(trial_id, "train", base, values, book.folder / trial_id, kept and kept.trial(trial_id))
            for trial_id, values in variants.items()
            if not _tested(book.folder / trial_id)
        ]
        tokenizer = fit_tokenizer(source, config.stream, folder / "tokenizer")
        with Session(
            folder,
            config,
            source,
            tokenizer,
            wanted=concurrent,
            jobs=max(1, len(jobs)),
            follow_ups=len(jobs),  # each is tested
            largest_memory=config.replay.most(len(source.categories)),
            say=say,
        ) as session:
            try:
                session.run(
                    jobs,
                    on_start=lambda job: watch.start(job.id, job.values) if job.kind == "train" else None,
                    on_report=lambda job, metrics: watch.task(job.id, metrics),
                    on_end=on_end,
                )
            except Exception as error:
                if not is_full(error):
                    raise
                watch.fatal = full_disk(folder)
        status = (
            "failed" if watch.fatal or any(t.status == "failed" for t in book.trials.values()) else "finished"
        )
    except KeyboardInterrupt:
        status = "interrupted"
    finally:
        tested = [found for trial_id in variants if (found := _tested(book.folder / trial_id))]
        means = {name: float(np.mean([t[name] for t in tested])) for name in _names(tested)}
        record = watch.finish(status, means, {})
    print("\n" + "\n".join(_closing(folder, watch, tested, status, record)), flush=True)
    return {"finished": 0, "interrupted": 130}.get(status, 1)


def _tested(folder: Path) -> dict[str, float]:
    path = folder / "test" / "metrics.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _names(tested: list[dict[str, float]]) -> list[str]:
    return [name for name in (tested[0] if tested else {}) if all(name in found for found in tested)]


def _closing(
    folder: Path, watch: Watch, tested: list[dict[str, float]], status: str, record: list[str]
) -> list[str]:
    lines = []
    if tested:
        lines.append(f"Test, mean and standard deviation over {len(tested)} run(s)")
        for name in SHOWN:
            if f"test/{name}" in _names(tested):
                values = [found[f"test/{name}"] for found in tested]
                spread = f" +- {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
                lines.append(f"  {name:<25} {np.mean(values):6.2f}{spread}")
        lines.append(f"  matrices: {short_path(folder / 'trials')}/*/test/matrix.csv")
    lines += [f"failed: {t.id}: {t.reason}" for t in watch.book.trials.values() if t.status == "failed"]
    lines += ["", *record]
    if watch.fatal:
        lines += ["", f"Stopped: {watch.fatal}"]
    if status == "interrupted" or watch.fatal:
        lines += ["", "Everything finished so far is recorded. Go on with:"]
        lines.append(f"  python -m orchestrator.train --resume {folder.name}")
    return lines
