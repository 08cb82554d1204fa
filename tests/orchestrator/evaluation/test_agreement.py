"""What is decided from files and time is decided by rank 0, and what one rank cannot do all hear of."""

import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from two_ranks import on_two_ranks

from orchestrator.errors import UserError
from orchestrator.evaluation.agreement import all_or_none, first_reason, from_first
from orchestrator.execution.job import Job
from orchestrator.execution.worker import _missing
from orchestrator.storage import checkpoint
from orchestrator.storage.checkpoint import Checkpoint
from orchestrator.training.saved_tasks import SavedTasks
from orchestrator.training.verdict import go_on

CPU = torch.device("cpu")
TIMEOUT = 3.0  # seconds that a collective waits
SLOW = 4.5  # seconds that a verdict takes


class Slow:
    """A reporter whose driver is suspended for longer than a collective waits."""

    def __init__(self):
        self.asked, self._began = 0, time.monotonic()

    def report(self, metrics):
        return None

    def answer(self, task):
        self.asked += 1
        time.sleep(0.5)
        return None if time.monotonic() - self._began < SLOW else task == 1


def _saved(folder, tasks):
    for task in range(tasks):
        checkpoint.save(
            folder, task, Checkpoint({}, {"rows": np.arange(2)}, [{"task": k + 1} for k in range(task + 1)])
        )


def _message(call, *args):
    try:
        return call(*args)
    except (UserError, OSError) as error:
        return f"{type(error).__name__}: {error}"


def _raised(rank):
    def work():
        if rank == 1:
            raise OSError("stale file handle")
        return "went on"

    return all_or_none(work, CPU)


def _uploaded(rank):
    """Rank 0 takes longer than a collective waits."""
    return all_or_none(lambda: time.sleep(SLOW * (rank == 0)) or rank, CPU)


def on_a_rank(rank, folder):
    dist.barrier()
    dist.distributed_c10d._set_pg_timeout(timedelta(seconds=TIMEOUT), dist.group.WORLD)
    found = {
        "from the first": from_first(["zero", "one"][rank], CPU),
        "no reason": first_reason(None, CPU),
        "a reason": first_reason([None, "not on this machine"][rank], CPU),
        "raised": _message(_raised, rank),
        "uploaded": _uploaded(rank),
    }
    # Rank 1's share is stale: it has the first task's checkpoint alone.
    mine = folder / f"share {rank}"
    _saved(mine, 3 - 2 * rank)
    found["stale"] = _message(SavedTasks(mine, rank, CPU).newest, 4)
    _saved(folder / "both" / str(rank), 2)
    found["alike"] = SavedTasks(folder / "both" / str(rank), rank, CPU).newest(4)[0]
    reporter = Slow() if rank == 0 else None
    found["slow verdicts"] = [go_on(reporter, {"task": task}, rank, 2, CPU) for task in (1, 2)]
    found["asked"] = reporter.asked if reporter else None
    found["after"] = from_first(rank, CPU)
    return found


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    return on_two_ranks(on_a_rank, tmp_path_factory.mktemp("agreement"))


def test_what_rank_0_says_and_what_any_rank_lacks_all_know(ranks):
    for found in ranks:
        assert (found["from the first"], found["no reason"]) == ("zero", None)
        assert found["a reason"] == "not on this machine" and found["after"] == 0
    assert [found["raised"] for found in ranks] == [
        "ElsewhereError: stale file handle",
        "OSError: stale file handle",
    ]


def test_an_upload_may_take_longer_than_a_collective_waits(ranks):
    assert [found["uploaded"] for found in ranks] == [0, 1]


def test_ranks_go_on_from_one_checkpoint_or_none_does(ranks):
    lines = [found["stale"] for found in ranks]
    assert [line.partition(": ")[0] for line in lines] == ["ElsewhereError", "UserError"]
    lines = [line.partition(": ")[2] for line in lines]
    assert lines[0] == lines[1] and "rank 1 finds no whole checkpoint where rank 0 does" in lines[0]
    assert "task_03" in lines[0] and [found["alike"] for found in ranks] == [2, 2]


def test_a_verdict_may_take_longer_than_a_collective_waits(ranks):
    assert [found["slow verdicts"] for found in ranks] == [[True, False]] * 2
    assert ranks[0]["asked"] > 2, "rank 1 was told meanwhile that there is none yet"


def test_a_checkpoint_that_cannot_be_read_now_is_not_taken_for_none(tmp_path, monkeypatch):
    _saved(tmp_path, 2)
    read = Path.read_text

    def stale(self, *args, **options):
        if self.name == "state.json":
            raise OSError(116, "Stale file handle")
        return read(self, *args, **options)

    monkeypatch.setattr(Path, "read_text", stale)
    with pytest.raises(OSError, match="Stale file handle"):
        SavedTasks(tmp_path, 0, CPU).newest(4)


def test_a_worker_that_does_not_see_the_runs_folder_says_which_and_where(tmp_path):
    job = Job("t", "train", {}, {}, tmp_path / "runs" / "s" / "trials" / "t")
    reason = _missing(job)
    assert (
        reason.startswith(f"{tmp_path}/runs/s of the driver's machine is not on ")
        and "--storage URL" in reason
    )
    (tmp_path / "runs" / "s").mkdir(parents=True)
    assert _missing(job) is None
    assert _missing(SimpleNamespace(storage=object(), folder=tmp_path / "x" / "y" / "z")) is None
