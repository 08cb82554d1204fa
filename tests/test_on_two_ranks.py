"""Ranks that fail, die or hang fail the test that they were made for, and the next test has new ones."""

import os
import time

import psutil
import pytest
import torch
import torch.distributed as dist
from two_ranks import on_two_ranks

_left = []


def _sum(rank, of):
    _left.append(rank)
    total = torch.tensor(of[rank])
    dist.all_reduce(total)
    return int(total), _left, os.getpid()


def _look(rank):
    umask = os.umask(0)
    os.umask(umask)
    return os.environ.get("OF_THIS_TEST"), os.getcwd(), umask


def _fail(rank, how):
    if rank == 0:
        dist.barrier()  # rank 1 never comes
    if how == "raise":
        raise ValueError(f"rank {rank} says why")
    if how == "die":
        os._exit(7)
    time.sleep(600)


def test_both_ranks_answer_and_are_new_ones_each_time():
    found = [on_two_ranks(_sum, [3, 4]) for _ in range(2)]
    assert [[(total, left) for total, left, _ in ranks] for ranks in found] == [[(7, [0]), (7, [1])]] * 2
    numbers = {number for ranks in found for *_, number in ranks}
    assert len(numbers) == 4 and not [number for number in numbers if psutil.pid_exists(number)]


def test_ranks_have_the_environment_folder_and_umask_of_their_test(monkeypatch, tmp_path):
    on_two_ranks(_sum, [1, 1])  # what they are forked from began before
    monkeypatch.setenv("OF_THIS_TEST", "yes")
    monkeypatch.chdir(tmp_path)
    umask = os.umask(0o027)
    try:
        assert on_two_ranks(_look) == [("yes", str(tmp_path), 0o027)] * 2
    finally:
        os.umask(umask)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raise", "(?s)rank 1: Traceback .*ValueError: rank 1 says why"),
        ("die", "rank 1 ended with exit code 7"),
        ("hang", "not all ranks answered within 3 s"),
    ],
)
def test_ranks_that_fail_are_named_and_the_next_ones_sound(how, said):
    with pytest.raises(AssertionError, match=said):
        on_two_ranks(_fail, how, limit=3)
    assert on_two_ranks(_sum, [1, 1])[0][0] == 2
