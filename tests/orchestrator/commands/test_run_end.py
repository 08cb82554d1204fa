"""How a run ends, with a record that is played."""

from types import SimpleNamespace

import pytest

from orchestrator.commands.run_end import RunEnd
from orchestrator.errors import UserError
from orchestrator.execution.ray_watch import RayLost


def _recorder(raises=None):
    def catch_up():
        found.caught_up += 1
        if raises is not None:
            raise raises

    found = SimpleNamespace(
        caught_up=0,
        catch_up=catch_up,
        fatal="",
        interrupted=False,
        store=SimpleNamespace(trials={"a": SimpleNamespace(reports=[1])}),
    )
    return found


_FAILS = [None, KeyboardInterrupt(), UserError("no space left"), OSError("away")]


@pytest.mark.parametrize("fails", _FAILS, ids=["", "Ctrl-C", "an error of the user", "an error"])
@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ("interrupted", "interrupted"),
        (KeyboardInterrupt(), "interrupted"),
        (ValueError("broken"), "failed"),
        (RayLost("Ray has died"), "failed"),
    ],
    ids=["told to end", "Ctrl-C", "an error", "no Ray"],
)
def test_a_run_that_was_cut_short_catches_up_once_and_has_its_last_lines_whatever_comes_of_it(
    ends, status, fails
):
    end, recorder = RunEnd(), _recorder(fails)
    with end.caught(recorder):
        if not isinstance(ends, str):
            raise ends
        end.status = ends
    assert (end.status, recorder.caught_up) == (status, 1)
    assert end.unforeseen is (ends if isinstance(ends, ValueError) else None)
    said = "" if fails is None or isinstance(fails, KeyboardInterrupt) else str(fails)
    assert (said if status == "interrupted" else str(ends)) in recorder.fatal
    assert bool(recorder.fatal) == bool(said or status == "failed")


def test_a_run_that_ended_by_itself_does_not_catch_up():
    end, recorder = RunEnd(), _recorder()
    with end.caught(recorder):
        end.status = "finished"
    assert (end.status, recorder.caught_up, recorder.fatal) == ("finished", 0, "")


@pytest.mark.parametrize("begun", [True, False])
def test_a_users_error_has_last_lines_where_a_task_was_finished_and_is_raised_where_none_was(begun):
    end, recorder = RunEnd(), _recorder()
    recorder.store.trials["a"].reports = [1] if begun else []
    if begun:
        with end.caught(recorder):
            raise UserError("no lane came up")
        assert (end.status, recorder.fatal, recorder.caught_up) == ("failed", "no lane came up", 0)
    else:
        with pytest.raises(UserError, match="no lane came up"), end.caught(recorder):
            raise UserError("no lane came up")
