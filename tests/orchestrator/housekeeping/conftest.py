import json

import pytest

from orchestrator.schema import strict_yaml
from orchestrator.storage.identity import Identity
from orchestrator.storage.task_key import task_key
from orchestrator.study.study_request import StudyRequest


class Runs:
    """Writes runs as the commands leave them, without the runs."""

    def __init__(self, folder):
        self.folder = folder

    def sweep(
        self, name, scores, *, asked=None, tested=(), margin=0.0, storage=None, status=None, sizes=None
    ):
        """``scores``: of each trial the values after its tasks; a trial of fewer than two was stopped.
        ``tested``: the numbers of trials that were looked at, from 0. ``status``: a trial's number -> its
        end, None for one under way. ``sizes``: of the memories. Returns the folder.
        """
        place = self._begun(name, len(scores) if asked is None else asked)
        request = {"method": "er", "stream": None, "data": None, "values": {}, "trials": asked or len(scores)}
        request |= {"concurrent": None, "storage": storage, "margin": margin}
        (place / "sweep.yaml").write_text(strict_yaml.dump(request))
        space = {"method": "er", "stream": "shapes-retrieval", "trials": 16, "search": {}}
        space["objective"] = {"metric": "validation/seen/r_mean", "mode": "max"}
        (place / "space.yaml").write_text(strict_yaml.dump(space))
        for number, values in enumerate(scores):
            end = (status or {}).get(number, "finished" if len(values) == 2 else "stopped")
            searched = {"method.learning_rate": 0.001 * (number + 1)}
            searched |= {"replay.size": sizes[number]} if sizes else {}
            self._trial(place, f"trial_{number + 1:04d}", number, searched, values, end, number in tested)
        return place

    def train(
        self,
        name,
        scores,
        *,
        tested=True,
        status="finished",
        storage=None,
        note=None,
        metric="validation/average",
    ):
        """``scores``: of each seed, from 0, the values of ``metric`` after its tasks. ``note``: how the run
        ended.
        """
        place = self._begun(name, len(scores), note)
        request = {"seeds": list(range(len(scores))), "concurrent": None, "storage": storage}
        (place / "train.yaml").write_text(strict_yaml.dump(request))
        config = {"method": {"name": "mma"}, "stream": {"name": "digits"}}
        (place / "config.yaml").write_text(strict_yaml.dump(config))
        for seed, values in enumerate(scores):
            self._trial(place, f"seed_{seed}", seed, {"run.seed": seed}, values, status, tested, metric)
        return place

    def study(self, name, methods, pairs, done=(), failed=()):
        place = self.folder / name
        place.mkdir(parents=True)
        request = StudyRequest.of({"methods": list(methods), "pairs": pairs}, "")
        (place / "study.yaml").write_text(request.text())
        parts = {one: {"name": one, "asked": {}, "reason": ""} for one in done}
        parts |= {one: {"name": one, "asked": {}, "reason": "the disk was full"} for one in failed}
        (place / "parts.json").write_text(json.dumps({"format": 2, "parts": parts}))
        (place / "result.md").write_text("## digits\n\n| method | trials |\n")
        return place

    def _begun(self, name, trials, note=None):
        place = self.folder / name
        (place / "trials").mkdir(parents=True)
        (place / "identity.json").write_text(Identity.new("c", "s").text())
        records = [
            {"op": "open", "store": "mlflow.db"},
            {"op": "start", "run": "", "tags": {"trials": str(trials)}},
        ]
        records += [] if note is None else [{"op": "end", "run": "", "tags": {"status": note}}]
        journal = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
        (place / "tracking.jsonl").write_text(journal)
        marks = {"format": 2, "stores": {"mlflow.db": {"sent": len(journal), "aside": [], "noted": 0}}}
        (place / "tracking.sent.json").write_text(json.dumps(marks))
        return place

    def _trial(self, place, trial, number, searched, values, end, tested, metric="validation/seen/r_mean"):
        folder = place / "trials" / trial
        folder.mkdir()
        (folder / "config.yaml").write_text("method: {name: er}\n")
        (folder / "trial.json").write_text(json.dumps({"number": number, "values": searched}))
        reports = [{"task": t, "validation/average": 0.0, metric: value} for t, value in enumerate(values, 1)]
        for task in range(len(reports)):
            saved = folder / "checkpoints" / task_key(task)
            saved.mkdir(parents=True)
            (saved / "model.safetensors").write_bytes(bytes(1000))
            state = {"sizes": {"model.safetensors": 1000}, "reports": reports[: task + 1]}
            (saved / "state.json").write_text(json.dumps(state))
        if end is not None:
            (folder / "status.json").write_text(json.dumps({"status": end, "reason": "", "reports": reports}))
        if tested:
            (folder / "test").mkdir()
            (folder / "test" / "metrics.json").write_text(json.dumps({"test/average": 41.5}))


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    return Runs(tmp_path / "runs")
