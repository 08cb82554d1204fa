"""A recognition sweep's session: encoded once, by a pool on a real Ray, then read in place by its lanes and
by the next session.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from lane_here import lanes_here

from orchestrator.config import RunConfig
from orchestrator.execution import encoding_pool
from orchestrator.execution.job import Job
from orchestrator.execution.session import Session
from orchestrator.execution.session_request import SessionRequest
from orchestrator.features.bank import open_bank
from orchestrator.features.builder import encode_here
from orchestrator.storage.identity import Identity
from orchestrator.streams import registry
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

# The pool must have its turn before lanes hold the CPUs.
_LINES = ("joining Ray", "encoding on", "warming", "features in memory")


@pytest.fixture(scope="module")
def config():
    return RunConfig.from_dict(
        {
            "method.name": "clip-er",
            "method.epochs": 1,
            "method.batch_size": 8,
            "stream.name": "shapes-recognition",
            "stream.tasks": 2,
            "stream.train": 4,
            "stream.validation": 2,
            "stream.test": 2,
            "replay.size": 16,
            "replay.policy": "herding",
            "replay.balance_by": "class",
            "run.views": 2,
            "run.device": "cpu",
        }
    )


def _compared(reports):
    return [{k: v for k, v in report.items() if not k.startswith("seconds/")} for report in reports]


def _nothing_to_do(encoder, chunks):
    raise AssertionError("all of it was encoded before")


def test_a_sweep_encodes_first_and_its_trials_report_what_one_process_reports(
    config, tmp_path, on_shared_ray, monkeypatch
):
    source = registry.get(config.stream_name).load(config.stream, False)
    said, reports, outcomes = [], [], {}
    folder = tmp_path / "sweep"
    request = SessionRequest(
        folder, Identity.new("", ""), config, source, None, lanes=1, jobs=2, seeds=[0], largest_memory=16
    )
    with lanes_here(), Session(request, said.append) as session:
        jobs = [
            Job(name, "train", config.to_dict(), values, folder / name)
            for name, values in (("good", {}), ("other", {"run.views": 3}))
        ]
        session.run(
            jobs,
            on_report=lambda job, metrics: reports.append(metrics),
            on_end=lambda job, outcome: outcomes.update({job.id: outcome}),
        )
        # The lanes hold the CPUs: what another order needs is encoded without any of them.
        monkeypatch.setattr(encoding_pool, "RayPool", lambda *_: pytest.fail("asks for CPUs"))
        turned = config.with_values({"stream.order": 3})
        order = registry.get(turned.stream_name).load(turned.stream, False)
        session.switch(replace(session.request, base=turned, source=order, identity=Identity.new("", "")))
        later = []
        session.run(
            [Job("turned", "train", turned.to_dict(), {}, folder / "turned")],
            on_report=lambda job, metrics: later.append(metrics),
        )
    assert outcomes["good"].status == "finished"
    assert (
        outcomes["other"].status == "failed" and "run.views 3 is not the sweep's" in outcomes["other"].reason
    )
    began = {start: next(i for i, line in enumerate(said) if line.startswith(start)) for start in _LINES}
    assert list(began.values()) == sorted(began.values())
    assert not (folder / "shared").exists()

    for name, base, pictures, found in (("own", config, source, reports), ("turned", turned, order, later)):
        bank = open_bank(base, pictures, tmp_path / "features", said.append, _nothing_to_do)
        assert said[-1].startswith("features of shapes-recognition: found in")
        reporter, place = CollectingReporter(), tmp_path / f"alone {name}"
        StreamLoop(base, bank.stream(pictures, False), place, reporter, device=torch.device("cpu")).run()
        assert len(found) == len(reporter.reports) == len(source.tasks)
        for one, other in zip(_compared(found), _compared(reporter.reports), strict=True):
            assert one.keys() == other.keys()
            np.testing.assert_allclose(list(one.values()), [other[k] for k in one], rtol=1e-4, atol=1e-4)

    pool = open_bank(config, source, tmp_path / "features", said.append, _nothing_to_do)
    here = open_bank(config, source, tmp_path / "here", said.append, encode_here)
    assert torch.equal(pool.classes.text, here.classes.text)
    for name in ("feature", "views"):
        np.testing.assert_array_equal(pool.encoded.open(name), here.encoded.open(name))
