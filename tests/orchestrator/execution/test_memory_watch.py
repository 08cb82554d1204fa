"""Workers that Ray ended because their machine's memory was full. No Ray is started."""

from types import SimpleNamespace

import psutil
import pytest
import ray
from ray._private.state import state
from ray.core.generated import common_pb2, gcs_pb2

from orchestrator.execution import memory_watch as module
from orchestrator.execution.memory_watch import MemoryWatch
from orchestrator.execution.ray_watch import RayLost

_GIB = 2**30
_FULL, _OTHER = common_pb2.WorkerExitType.NODE_OUT_OF_MEMORY, common_pb2.WorkerExitType.SYSTEM_ERROR


@pytest.fixture
def table(monkeypatch):
    """Ray's table of workers, as (job, how it ended); ours is job 01000000."""
    found = []

    def rows():
        return [
            gcs_pb2.WorkerTableData(job_id=bytes.fromhex(job), exit_type=how).SerializeToString()
            for job, how in found
        ]

    context = SimpleNamespace(get_job_id=lambda: "01000000")
    monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
    monkeypatch.setattr(state, "_connect_and_get_accessor", lambda: SimpleNamespace(get_worker_table=rows))
    monkeypatch.setattr(module, "Throttle", lambda seconds: lambda: True)
    return found


def test_several_in_succession_end_the_sweep_and_some_with_a_task_between_do_not(table):
    done = [0]
    watch = MemoryWatch(lambda: done[0])
    for ended, tasks in ((2, 0), (0, 1), (2, 1), (1, 2), (2, 2)):
        done[0] = tasks
        table += [("01000000", _FULL)] * ended
        watch.look()
    table.append(("01000000", _FULL))
    with pytest.raises(RayLost, match=r"^memory: .*, 3 of them since the last finished task"):
        watch.look()


def test_another_jobs_workers_and_other_ends_do_not_count(table):
    watch = MemoryWatch(lambda: 0)
    table += [("02000000", _FULL), ("01000000", _OTHER)] * 9
    watch.look()


def test_the_line_says_how_much_is_used_by_whom_and_from_where_on_workers_are_ended(table, monkeypatch):
    used = SimpleNamespace(total=16 * _GIB, available=2 * _GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: used)

    def process(pid, name, gib):
        memory = None if gib is None else SimpleNamespace(rss=gib * _GIB)
        return SimpleNamespace(pid=pid, info={"name": name, "memory_info": memory})

    all_of_them = [
        process(*one) for one in ((3, "a", 1), (4, "b", 5), (5, "c", None), (6, "d", 3), (7, "e", 2))
    ]
    monkeypatch.setattr(psutil, "process_iter", lambda _: all_of_them)
    monkeypatch.setenv("RAY_memory_usage_threshold", "0.8")
    table += [("01000000", _FULL)] * 3
    with pytest.raises(RayLost) as lost:
        MemoryWatch(lambda: 0).look()
    assert str(lost.value) == (
        "memory: 14.0 of 16.0 GiB of this machine are in use, most by b 5.0 (pid 4), d 3.0 (pid 6), e 2.0 "
        "(pid 7); above a share of 0.8 Ray ends workers, 3 of them since the last finished task; allowed: "
        "less at once (--concurrent), or less beside it"
    )
