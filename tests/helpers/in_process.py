"""A session that trains in this process, for whole runs without Ray."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lane_here import draw_nothing
from tiny_walks import RETRIEVAL

from methods import registry as methods
from orchestrator.commands import sweep_run, train_run
from orchestrator.config import RunConfig
from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.execution.job import Outcome
from orchestrator.execution.trial_folder import trial_folder
from orchestrator.features.bank import open_bank
from orchestrator.features.builder import encode_here
from orchestrator.record import open_tracker
from orchestrator.storage.run_files import TOKENIZER_FOLDER
from orchestrator.streams.prepare import prepare
from orchestrator.tracking.sender import Sender
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")
_SEARCHED = {"stream.name", "method.learning_rate", "replay.policy"}
TINY = {
    **{key: value for key, value in RETRIEVAL.items() if key not in _SEARCHED},
    "stream.train": 12,
    "stream.validation": 4,
    "stream.test": 4,
    "method.batch_size": 4,
    "replay.size": 6,
}
"""Values with which er learns a task of ``shapes-retrieval`` in a moment."""


def runs_here(patch: pytest.MonkeyPatch, folder: Path, features: Path) -> InProcess:
    """Runs that begin within ``patch`` do so in ``folder``, train in this process, and send and draw nothing.

    Returns:
        Their sessions.
    """
    sessions = InProcess(features)
    for module in (train_run, sweep_run):
        patch.setattr(module, "Session", sessions)
    patch.setattr(Sender, "_work", lambda self: None)
    patch.setattr(open_tracker, "environment_tags", dict)
    patch.delenv("MLFLOW_TRACKING_URI", raising=False)
    draw_nothing(patch)
    patch.chdir(folder)
    torch.set_num_threads(1)
    return sessions


class InProcess:
    """What a run takes for its sessions. What frozen encoders give is kept in ``features``.

    ``trained`` has each task that was trained, (run, trial, task). Where ``stop_after`` is a number, Ctrl-C
    comes right after that task of a trial.
    """

    def __init__(self, features: Path) -> None:
        self.features = features
        self.trained: list[tuple[str, str, int]] = []
        self.stop_after: int | None = None

    def __call__(self, request, say, last_words):
        return _Session(request, self)


class _Session:
    def __init__(self, request, owner):
        self._request, self._owner = request, owner

    def __enter__(self):
        config, source, tokenizer = self._request.base, self._request.source, self._request.tokenizer
        if "image" in methods.get(config.method_name).frozen:
            bank = open_bank(config, source, self._owner.features, lambda _: None, encode_here)
            self._stream = bank.stream(source, False)
        else:
            self._stream = prepare(source, tokenizer)
        folder = self._request.folder / TOKENIZER_FOLDER
        self._tokenizer = {path.name: path.read_bytes() for path in folder.glob("*")}
        return self

    def __exit__(self, *_):
        pass

    def run(self, jobs, *, on_start, on_report, on_end, go):
        waiting = list(jobs)
        while waiting:
            job = waiting.pop(0)
            on_start(job)
            outcome = self._outcome(job, on_report)
            if (follows := on_end(job, outcome)) is not None:
                waiting.append(follows)

    def _outcome(self, job, on_report):
        config = RunConfig.from_dict(job.base).with_values(job.values)
        with trial_folder(job) as opened:
            of = job.stamp, self._tokenizer
            if job.kind == "test":
                metrics = final_evaluation(config, self._stream, opened.path, _CPU, *of)
                opened.keep_test()
                return Outcome("finished", metrics=metrics)
            reporter = _Reporter(job, on_report, self._owner)
            loop = _Loop(config, self._stream, opened.path, reporter, job, self._owner, of, opened)
            return Outcome(loop.run())


class _Reporter:
    def __init__(self, job, on_report, owner):
        self._job, self._on_report, self._owner = job, on_report, owner

    def report(self, metrics):
        self._on_report(self._job, metrics)
        if metrics["task"] == self._owner.stop_after:
            raise KeyboardInterrupt
        return True

    def answer(self, task):
        return True


class _Loop(StreamLoop):
    """It tells its owner of what is trained."""

    def __init__(self, config, stream, folder, reporter, job, owner, of, keeper):
        stamp, tokenizer = of
        options = {"stamp": stamp, "tokenizer": tokenizer, "keeper": keeper}
        super().__init__(config, stream, folder, reporter, device=_CPU, **options)
        self._job, self._owner = job, owner

    def _task(self, index, *rest):
        self._owner.trained.append((self._job.folder.parents[1].name, self._job.folder.name, index + 1))
        return super()._task(index, *rest)
