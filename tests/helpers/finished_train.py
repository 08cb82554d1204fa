"""A finished run of ``train`` without its weights, for what is decided before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestrator.commands.train_request import TrainRequest
from orchestrator.config import RunConfig
from orchestrator.evaluation.objective import Objective
from orchestrator.evaluation.protocol import HEADLINE
from orchestrator.record.trial_store import TrialStore
from orchestrator.storage.identity import Identity
from orchestrator.storage.run_files import CONFIG_FILE, IDENTITY_FILE, TASKS_FILE, TRAIN_FILE, trials_of
from orchestrator.streams import registry as streams
from orchestrator.streams.identity import stream_content, stream_identity
from orchestrator.streams.stream_record import StreamRecord


def write_finished(folder: Path, config: RunConfig, seeds: Sequence[int] = (0,)) -> None:
    """Writes the run, whose trials have walked the stream of ``config``."""
    folder.mkdir(parents=True)
    source = streams.get(config.stream_name).load(config.stream, False)
    request, text = TrainRequest(tuple(seeds), None, None), config.yaml()
    identity = Identity.new(request.digest(text), stream_identity(source), stream_content(source))
    written = {
        IDENTITY_FILE: identity.text(),
        TRAIN_FILE: request.text(),
        CONFIG_FILE: text,
        TASKS_FILE: StreamRecord.of(source).text(),
    }
    for name, content in written.items():
        (folder / name).write_text(content, encoding="utf-8")
    metric = f"validation/{HEADLINE[source.scenario]}"
    store = TrialStore(trials_of(folder), Objective(metric, "max"), len(source.tasks), identity.stamp)
    for seed in seeds:
        values = {"run.seed": seed}
        store.start(f"seed_{seed}", values, config.with_values(values).to_dict())
        for task in range(len(source.tasks)):
            store.report(f"seed_{seed}", {"task": task + 1, metric: 40.0 + seed})
        store.end(f"seed_{seed}", "finished")
