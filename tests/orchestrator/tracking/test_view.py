"""The page of an experiment, as a record of the journal asks for it."""

import json
from types import SimpleNamespace

import pytest

from orchestrator.tracking.record_writer import RecordWriter

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("said", [{}, {"grouped": True}])
def test_an_older_journal_says_nothing_of_grouping_and_its_page_is_not_grouped(tmp_path, said):
    tags = []
    client = SimpleNamespace(set_experiment_tag=lambda *given: tags.append(given))
    runs = SimpleNamespace(of=lambda name: "id")
    record = {"op": "view", "name": "s", "searched": [], "objective": "score", "mode": "max", "time": 1}
    RecordWriter(client, runs, "0", "key", tmp_path, "uri").write({**record, "kind": "train", **said})
    ((experiment, _, view),) = tags
    assert experiment == "0" and ("groupBy" in json.loads(json.loads(view)["state"])) is bool(said)
