"""A search of the first tasks begins at nothing that later tasks chose. No Ray is started."""

import pytest
from written_run import write_run

from orchestrator.commands.sweep_request import SweepRequest
from orchestrator.commands.warm_start import warm_start
from orchestrator.errors import UserError
from orchestrator.schema import strict_yaml
from orchestrator.search.space import Space

_RATE = "method.learning_rate"


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Asks for a sweep by a protocol that begins at one on ``stream`` by the protocol ``there``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("orchestrator.search.space.check_suggestions", lambda *_: None)
    goal = {"metric": "validation/average", "mode": "max"}
    search = {_RATE: {"type": "float", "low": 1e-4, "high": 3e-2, "log": True}}
    space = {"method": "clip-er", "stream": "digits", "objective": goal, "trials": 8, "search": search}
    (tmp_path / "s.yaml").write_text(strict_yaml.dump(space))

    def asked(here, there, stream="digits"):
        folder = tmp_path / "runs" / "first"
        write_run(
            tmp_path / "runs", "first", "trial_0001", method="clip-er", stream=stream, values={_RATE: 0.02}
        )
        (folder / "sweep.yaml").write_text(_request(there).text())
        (folder / "space.yaml").write_text(strict_yaml.dump({**space, "stream": stream}))
        request = _request(here, warm_start=["first"])
        return warm_start(request, Space.load(tmp_path / "s.yaml"), lambda line: None)[1].start_points()

    return asked


def _request(protocol, **how):
    return SweepRequest("clip-er", None, None, {}, 8, None, None, 0.0, protocol=protocol, **how)


@pytest.mark.parametrize(("here", "there"), [("first-tasks 2", None), ("first-tasks 2", "first-tasks 3")])
def test_a_sweep_that_saw_later_tasks_of_the_stream_is_refused(here, there, ask):
    with pytest.raises(UserError) as raised:
        ask(here, there)
    assert str(raised.value) == (
        "--warm-start first: chose by data that this search leaves out "
        f"({there or 'end-of-stream'} on digits); allowed with first-tasks 2: a sweep that saw no later task"
    )


def test_a_sweep_on_another_stream_saw_none_of_its_tasks(ask):
    assert ask("first-tasks 2", None, stream="shapes-recognition") == [{_RATE: 0.02}]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (None, None),
        (None, "first-tasks 2"),
        ("first-tasks 2", "first-tasks 2"),
        ("first-tasks 2", "first-tasks 1"),
    ],
)
def test_a_sweep_that_saw_no_later_task_is_begun_at(here, there, ask):
    assert ask(here, there) == [{_RATE: 0.02}]


@pytest.mark.parametrize("stream", ["digits", "shapes-recognition"])
def test_a_walk_that_chose_at_each_task_has_no_values_to_begin_at(stream, ask):
    with pytest.raises(UserError) as raised:
        ask(None, "per-task", stream=stream)
    assert str(raised.value) == (
        "--warm-start first: chose its values at each task, and has none for a whole stream; allowed: "
        "a sweep without --per-task"
    )
