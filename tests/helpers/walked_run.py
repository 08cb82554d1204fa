"""Finished runs of one seed that were walked in this process, with their record in MLflow."""

import torch
from tiny_walks import tiny_config, tiny_stream

from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.evaluation.objective import Objective
from orchestrator.evaluation.protocol import HEADLINE
from orchestrator.record.trial_store import TrialStore
from orchestrator.storage.identity import Identity
from orchestrator.storage.run_files import IDENTITY_FILE, TASKS_FILE
from orchestrator.streams import registry
from orchestrator.streams.identity import stream_identity
from orchestrator.streams.stream_record import StreamRecord
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
from orchestrator.tracking import Tracker
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

TINY = {
    "finetune": {"stream.test": 12, "method.epochs": 2},
    "clip-finetune": {"stream.test": 2},
    "vqa-finetune": {"stream.test": 3, "method.epochs": 12, "method.learning_rate": 1e-2},
}
"""A method of each scenario, and what differs from its tiny walk: figures that say something."""


def write_walked(runs, method, **changes):
    """Walks the tiny stream of a method and looks at its test data: the folder of the run ``runs/METHOD``,
    whose trial is ``seed_0``. Its record is in the database in ``runs``.
    """
    config = tiny_config(method, **TINY.get(method, {}), **changes)
    source = registry.get(config.stream_name).load(config.stream, False)
    folder = runs / method.replace(":", ".")
    folder.mkdir(parents=True)
    identity = Identity.new(method, stream_identity(source))
    (folder / IDENTITY_FILE).write_text(identity.text())
    (folder / TASKS_FILE).write_text(StreamRecord.of(source).text())
    (folder / "train.yaml").write_text("seeds: [0]\nconcurrent:\nstorage:\n")
    stream = tiny_stream(config, runs / "features")
    fit_tokenizer(source, config.stream, folder / "tokenizer")
    texts = {path.name: path.read_bytes() for path in (folder / "tokenizer").glob("*")}
    metric, tasks = f"validation/{HEADLINE[source.scenario]}", len(source.tasks)
    store = TrialStore(folder / "trials", Objective(metric, "max"), tasks, identity.stamp)
    entry = store.propose("seed_0", {"run.seed": 0}, config.to_dict())
    place, stamp = store.trial_folder("seed_0"), identity.stamp("seed_0", entry.values)
    how = {"device": torch.device("cpu"), "stamp": stamp, "tokenizer": texts}
    StreamLoop(config, stream, place, CollectingReporter(), **how).run()
    tested = final_evaluation(config, stream, place, torch.device("cpu"), stamp, texts)
    store.refresh(entry)
    store.end("seed_0", "finished")
    tracker = Tracker(folder, None, config.stream_name, folder.name, run=identity.run)
    tracker.start({}, {"method": method, "stream": config.stream_name}, kind="train")
    tracker.trial_start("seed_0", {"run.seed": 0}, searched=["run.seed"])
    tracker.task("seed_0", tasks, {"tasks": tasks, **tested})
    tracker.trial_end("seed_0", "finished", score=store.trials["seed_0"].reports[-1][metric])
    tracker.finish("finished")
    assert tracker.close(120).message == ""
    return folder
