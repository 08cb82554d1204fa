import pytest
from ray.exceptions import ActorDiedError, GetTimeoutError, OutOfMemoryError, RayTaskError

from orchestrator.execution.ray_watch import RayLost
from orchestrator.execution.stopped_by import stopped_by


def _caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "line", "foreseen"),
    [
        (RayLost("the raylet\nhas died"), "the raylet has died", True),
        (GetTimeoutError("in time"), "in time", True),
        (_caused(ValueError("x"), _caused(KeyError("y"), RayLost("it died"))), "it died", True),
        # What a task raised is no error of Ray's.
        (_caused(ValueError("x"), RayTaskError("f", "its traceback", KeyError("y"))), "ValueError: x", False),
        (KeyError("a\nb"), "KeyError: 'a\\nb'", False),
    ],
)
def test_what_ended_a_run_is_one_line_and_whether_ray_did(error, line, foreseen):
    assert stopped_by(error) == (line, foreseen)


def test_what_came_while_ray_was_being_lost_is_no_news():
    try:
        try:
            raise ActorDiedError()
        except ActorDiedError:
            raise AttributeError("of what was left") from None
    except AttributeError as error:
        assert stopped_by(error)[1]


def test_on_a_cluster_the_memory_of_this_machine_is_not_told_of(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.1:6379")
    full = "1 worker(s) were killed due to the node running low on memory. Object store usage: [- 0 ...]"
    line, foreseen = stopped_by(OutOfMemoryError(full))
    assert foreseen and line.startswith(
        "memory: Ray ended 1 of the job's workers since the last finished task"
    )
    assert "GiB" not in line and "Object store" not in line
