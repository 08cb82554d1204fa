"""One rank in a process group of its own exchanges nothing."""

import pytest
import torch
import torch.distributed as dist
from torch import nn

from orchestrator.evaluation.distributed import add_up, gather_rows, largest
from orchestrator.numerics.finite import check_weights
from orchestrator.training.loss_curves import Curves

CPU = torch.device("cpu")


@pytest.fixture
def alone(tmp_path, monkeypatch):
    dist.init_process_group("gloo", f"file://{tmp_path}/rendezvous", rank=0, world_size=1)

    def exchange(*args, **options):
        raise AssertionError("an exchange with nobody")

    for name in ("all_reduce", "broadcast", "all_gather"):
        monkeypatch.setattr(dist, name, exchange)
    yield
    dist.destroy_process_group()


def test_a_rank_alone_exchanges_nothing(alone):
    assert largest(7, CPU) == 7
    assert add_up(torch.tensor([1.0, 2.0])).tolist() == [1, 2]
    rows = gather_rows([torch.ones(2, 3)], [torch.tensor([2, 0])], 3, CPU)
    assert rows.tolist() == [[1, 1, 1], [0, 0, 0], [1, 1, 1]]
    check_weights(nn.Linear(2, 2), "task 1")
    curves = Curves()
    curves.start(0, "train")
    curves.add(0, {"a": torch.tensor(2.0)})
    curves.flush()
    assert curves.means(0) == {"a": 2.0, "total": 2.0}
