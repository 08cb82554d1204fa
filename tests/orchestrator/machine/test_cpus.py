"""The CPUs that a process may use. No Ray is started."""

import os

import pytest

from orchestrator.commands import preview
from orchestrator.machine.cpus import usable_cpus
from orchestrator.sweep import main


@pytest.fixture(autouse=True)
def eight(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


def _root(folder, cgroup, files):
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/cgroup").write_text(cgroup)
    for name, text in files.items():
        path = folder / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


_JOB = "0::/slurm/job_7\n"
_V1 = "4:memory:/x\n2:cpu,cpuacct:/docker/7\n0::/\n"


@pytest.mark.parametrize(
    ("cgroup", "files", "count"),
    [
        ("", {}, 8),
        (_JOB, {"slurm/job_7/cpu.max": "max 100000\n"}, 8),
        (_JOB, {"slurm/job_7/cpu.max": "300000 100000\n"}, 3),
        (_JOB, {"slurm/job_7/cpu.max": "350000 100000\n"}, 3),
        (_JOB, {"slurm/job_7/cpu.max": "20000 100000\n"}, 1),
        (_JOB, {"slurm/job_7/cpu.max": "1600000 100000\n"}, 8),
        (_JOB, {"slurm/job_7/cpu.max": "max 100000\n", "slurm/cpu.max": "200000 100000\n"}, 2),
        # In a container, where only what is its own can be seen.
        (_JOB, {"cpu.max": "250000 50000\n"}, 5),
        (_V1, {"cpu/docker/7/cpu.cfs_quota_us": "-1\n", "cpu/docker/7/cpu.cfs_period_us": "100000\n"}, 8),
        (_V1, {"cpu/docker/7/cpu.cfs_quota_us": "400000\n", "cpu/docker/7/cpu.cfs_period_us": "100000\n"}, 4),
        (_V1, {"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "50000\n"}, 3),
        # Another's group, by the name that this process' group has for memory.
        (_V1, {"cpu/x/cpu.cfs_quota_us": "100000\n", "cpu/x/cpu.cfs_period_us": "100000\n"}, 8),
        (_JOB, {"slurm/job_7/cpu.max": "what 0\n"}, 8),
    ],
)
def test_the_groups_share_of_time_counts_where_it_is_less_than_the_processors(cgroup, files, count, tmp_path):
    assert usable_cpus(_root(tmp_path, cgroup, files)) == count


def test_processors_that_it_may_not_be_scheduled_on_are_none(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5})
    assert usable_cpus(_root(tmp_path, _JOB, {"cpu.max": "400000 100000\n"})) == 1


def test_they_are_what_a_dry_run_says(monkeypatch, capsys):
    monkeypatch.setattr(preview, "usable_cpus", lambda: 3)
    assert main(["clip-finetune", "--dry-run"]) == 0
    assert "on this machine (3 CPUs)" in capsys.readouterr().out
