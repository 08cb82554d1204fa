"""Two ranks with batch b take the step of one with 2b: real processes, gloo, DistributedDataParallel."""

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from two_ranks import on_two_ranks

from methods.method import Batch, ClassSpec, Task
from methods.recognition.clap4clip.method import Clap4Clip

GLOBAL, STEPS, WIDTH = 6, 2, 8


class Loss(nn.Module):
    def __init__(self, method):
        super().__init__()
        self.method = method

    def forward(self, batch, phase):
        return self.method.loss(batch, phase)


def share(step, rank, world):
    """This rank's rows of a global batch."""
    g = torch.Generator().manual_seed(step)
    feature = F.normalize(torch.randn(GLOBAL, WIDTH, generator=g, dtype=torch.float64), dim=-1)
    label = torch.randint(0, 5, (GLOBAL,), generator=g)
    b = GLOBAL // world
    rows = slice(rank * b, (rank + 1) * b)
    token, row = torch.zeros(b, 0), torch.arange(b)
    return Batch(
        None, token, label[rows], row, seed=step, offset=rank * b, total=GLOBAL, feature=feature[rows]
    )


def train(rank, world, later=True, **options):
    """Takes two steps of each phase of a task, and returns everything that must not depend on the number of
    ranks.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    text = F.normalize(torch.randn(5, 3, WIDTH, dtype=torch.float64), dim=-1)
    spec = ClassSpec(tuple("abcde"), ("{}", "a {}", "the {}"), text, 10.0)
    config = Clap4Clip.Config(
        samples=3, global_samples=2, vga_ff=6, dropout=0.0, batch_size=GLOBAL, learning_rate=0.01, **options
    )
    method = Clap4Clip(config, spec).double()
    tasks = [Task(0, "t", "recognition", 2, range(2)), Task(1, "t", "recognition", 2, range(2, 5))]
    tasks = tasks if later else [Task(0, "t", "recognition", 1, range(5))]
    for task in tasks:
        method.start_task(task)
    if method.global_adapter is not None:
        with torch.no_grad():  # one that has left its teacher behind
            method.global_adapter.bias.new.add_(0.1)
    seen = {}
    for phase in method.phases(tasks[-1]):
        method.train()
        optimizer = phase.optimizer()
        loss_of = Loss(method)
        if world > 1:
            loss_of = nn.parallel.DistributedDataParallel(loss_of, broadcast_buffers=False)
        for step in range(STEPS):
            terms = loss_of(share(step, rank, world), phase)
            sum(terms.values()).backward()
            for name, value in terms.items():
                value = value.detach().clone()
                if world > 1:
                    dist.all_reduce(value)
                seen[f"{phase.name} {step} term {name}"] = value / world
            for name, parameter in method.named_parameters():
                if parameter.requires_grad:
                    seen[f"{phase.name} {step} gradient {name}"] = parameter.grad.clone()
            optimizer.step()
            optimizer.zero_grad()
    return seen | method.state_dict()


CASES = {
    "later": {},
    "first": {"later": False},
    "data_driven": {"prior": "data_driven", "task_tokens": True},
    "hierarchical": {"hierarchical": True, "distill_weight": 0.3, "ortho_weight": 5.0, "prior": "frozen"},
    "shared": {"task_adapters": False},
}


def cases(rank):
    return {name: train(rank, 2, **case) for name, case in CASES.items()}


@pytest.fixture(scope="module")
def two_ranks():
    """What rank 0 and rank 1 of two saw, by case."""
    return on_two_ranks(cases)


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_take_the_step_of_one(two_ranks, case):
    alone = train(0, 1, **CASES[case])
    for rank in two_ranks:
        found = rank[case]
        assert found.keys() == alone.keys()
        assert [k for k in alone if not torch.allclose(found[k], alone[k], rtol=1e-8, atol=1e-11)] == []


def test_every_term_acts(two_ranks):
    terms = {k: v for k, v in two_ranks[0]["hierarchical"].items() if k.startswith("adapt 1 term")}
    assert len(terms) == 7
    assert all(value > 1e-6 for value in terms.values()), terms
