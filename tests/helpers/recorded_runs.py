"""Runs as the record in MLflow has them, without MLflow."""

import re

from orchestrator.tracking.recorded_run import RecordedRun

CONTENT = "c" * 64


class Record:
    """Answers what :class:`~orchestrator.tracking.record_reader.RecordReader` answers, of runs that it was
    given by :meth:`run`.
    """

    store = "the store"

    def __init__(self):
        self._runs, self._histories, self._texts, self._data = [], {}, {}, {}

    def run(
        self, name, method, trials, *, kind="train", stream="digits", values=None, content=CONTENT, best="",
        search="", protocol="", **further,
    ):  # fmt: skip
        """A command's run. Returns its identity: its name's letters and digits.

        ``trials``: of each, what :func:`trial` gives. ``values``: dotted key -> value, of all trials.
        ``content``: of the stream; empty as in earlier versions, which recorded none. ``best``: the id of a
        sweep's chosen trial. ``search``: the ``RUN/TRIAL`` whose values the run has.
        ``further``: more tags of the run.
        """
        key = "".join(letter for letter in name if letter.isalnum())
        params = {"method.name": method, "stream.name": stream, "replay.size": 0, "stream.tasks": 5}
        params |= {"method.backbone.model": "small", **(values or {})}
        tags = {"git.commit": "a" * 40, **({"data.content": content} if content else {})}
        own = {"kind": kind, "best": best, "search": search, "protocol": protocol, **tags, **further}
        drawn = {"run.seed": trials[0]["seed"], "stream.order": trials[0]["order"]} if kind == "sweep" else {}
        self._add(key, "", name, {k: v for k, v in own.items() if v}, {**params, **drawn}, {})
        for one in trials:
            arranged = {"data.identity": str(one["order"])} if content else {}
            told = {"kind": "trial", "status": one["status"], **tags, **arranged}
            figures = {f"test/{k}": v for k, v in one["test"].items()} | one["reports"][-1]
            figures |= {} if one["score"] is None else {"score": one["score"]}
            order = {"run.seed": one["seed"], "stream.order": one["order"]}
            id = self._add(key, one["id"], name, told, {**params, **order, **one["values"]}, figures)
            for task, report in enumerate(one["reports"], 1):
                for metric, value in report.items():
                    self._histories.setdefault((id, metric), {})[task] = value
            if one["matrix"] is not None:
                self._texts[id] = _csv(one["matrix"])
            if one["predictions"] is not None:
                self._data[id] = one["predictions"]
        return key

    def _add(self, key, trial, name, tags, params, metrics):
        texts = {key: str(value) for key, value in params.items()}
        id = str(len(self._runs))
        self._runs.append(RecordedRun(id, key, trial, name, tags, texts, metrics, float(id), ""))
        return id

    def runs(self, condition):
        (kind,) = re.findall(r"tags\.kind = '(\w+)'", condition)
        found = [run for run in self._runs if run.tags["kind"] == kind]
        return [run for run in found if "test/average" not in condition or "test/average" in run.metrics]

    def of(self, key):
        return [run for run in self._runs if run.run == key]

    def history(self, run, metric):
        return self._histories.get((run.id, metric), {})

    def text(self, run, path):
        key = run.id if path == "test/matrix.csv" else (run.id, path)
        if key not in self._texts:
            raise LookupError(f"{run.name}/{run.trial}: no {path} in the record")
        return self._texts[key]

    def data(self, run, path):
        if path != "test/predictions.npz" or run.id not in self._data:
            raise LookupError(f"{run.name}/{run.trial}: no {path} in the record")
        return self._data[run.id]


def trial(seed, test=None, *, order=None, id="", tasks=2, seconds=2.0, gpus=0.0, matrix=None, score=None,
          values=None, status="finished", predictions=None, **more):  # fmt: skip
    """A trial with ``test``, the average on test data or all metrics there; None: it was not tested.

    ``tasks``: how many it reported, each of ``seconds`` of training and one of evaluation, on ``gpus``.
    ``predictions``: the bytes of its file of kept predictions; None: it has none.
    ``more`` are further metrics of each report, where ``__`` stands for ``/``.
    """
    figures = test if isinstance(test, dict) else {} if test is None else {"average": test}
    told = {key.replace("__", "/"): value for key, value in more.items()}
    report = {"seconds/train": seconds, "seconds/evaluate": 1.0, "gpus": gpus, "replay/bytes": 512.0, **told}
    return {
        "id": id or f"seed_{seed}", "seed": seed, "order": seed if order is None else order, "score": score,
        "test": figures, "reports": [report] * tasks, "matrix": matrix, "values": values or {},
        "status": status, "predictions": predictions,
    }  # fmt: skip


def _csv(matrix):
    lines = [["after", *(f"t{k}" for k in range(len(matrix[0])))]]
    lines += [[f"t{k}", *map(repr, row)] for k, row in enumerate(matrix)]
    return "\n".join(",".join(line) for line in lines) + "\n"
