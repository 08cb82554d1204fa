"""A run's folder as a run of today leaves it, without the run."""

import json

import numpy as np
import yaml

from orchestrator.evaluation.tables import write_matrix
from orchestrator.schema.flatten import flatten
from orchestrator.storage.identity import Identity
from orchestrator.storage.run_files import IDENTITY_FILE


def write_run(
    runs, run, trial, *, method="ctp", stream="shapes", seed=0, values=None, averages=(60.0, 50.0),
    reports=None, status="finished", test=None, matrix=None, kind="sweep", content="content", commit="c" * 40,
    ended=None,
):  # fmt: skip
    """Writes one trial, beside others of its run, and returns its folder.

    ``values``: dotted key -> value; searched where they are a method's or the memory's. ``averages``: on
    validation after each task. ``content``: of the stream, or that whatever its order and that with it.
    ``test``: the average on test, or all metrics, or None. ``ended``: seconds.
    """
    place = runs / run
    if not (place / IDENTITY_FILE).exists():
        place.mkdir(parents=True, exist_ok=True)
        anyhow, arranged = (content, content) if isinstance(content, str) else content
        fresh = Identity.new(run, arranged, anyhow)
        (place / IDENTITY_FILE).write_text(fresh.text())
        (place / f"{kind}.yaml").write_text("")
        _note(place, op="open", key=fresh.run)
    folder, identity = place / "trials" / trial, Identity.of(place)
    folder.mkdir(parents=True)
    flat = {
        "method.name": method,
        "stream.name": stream,
        "replay.size": 0,
        "run.seed": seed,
        **(values or {}),
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(_nested(flat)))
    searched = {k: v for k, v in (values or {}).items() if k.startswith(("method.", "replay."))}
    stamp = identity.stamp(trial, searched)
    _json(folder / "trial.json", {"stamp": stamp, "number": 0, "values": searched})
    if reports is None:
        reports = [{"task": t, "validation/average": value} for t, value in enumerate(averages, 1)]
    _json(folder / "status.json", {"stamp": stamp, "status": status, "reason": "", "reports": reports})
    (folder / "tasks.jsonl").write_text("".join(json.dumps(report) + "\n" for report in reports))
    if test is not None:
        found = test if isinstance(test, dict) else {"test/average": test}
        (folder / "test").mkdir()
        _json(folder / "test" / "metrics.json", {"stamp": stamp, **found})
        shown = np.array([[70.0, 5.0], [60.0, 40.0]]) if matrix is None else np.asarray(matrix)
        write_matrix(folder / "test" / "matrix.csv", shown, ["一", "two", "three"][: shown.shape[1]])
    _note(place, op="start", run=trial, tags={"git.commit": commit, "git.dirty": "false"}, time=0)
    _note(place, op="end", run=trial, tags={"status": status}, time=int(1000 * (ended or 1e9)))
    return folder


def make_earlier(folder):
    """Makes the run of a trial's folder one of an earlier version, whose files do not say whose they are."""
    (folder.parents[1] / IDENTITY_FILE).unlink()
    (folder / "trial.json").unlink()
    _json(folder / "status.json", {"status": "finished", "reason": ""})
    if (path := folder / "test" / "metrics.json").exists():
        _json(path, {k: v for k, v in json.loads(path.read_text()).items() if k != "stamp"})


def _nested(flat):
    found = {}
    for key, value in flat.items():
        section, _, name = key.partition(".")
        found.setdefault(section, {})[name] = value
    assert flatten(found) == flat
    return found


def _note(place, **record):
    with open(place / "tracking.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _json(path, found):
    path.write_text(json.dumps(found))
