"""Two ranks with batch b take the step of one with 2b: real processes, gloo, DistributedDataParallel."""

import pytest
import torch
import torch.distributed as dist
from torch import nn
from two_ranks import on_two_ranks

from methods.method import Batch, QuestionSpec, Task
from methods.vqa.t5.config import JointT5Config
from methods.vqa.vqacl.method import VQACL

GLOBAL, STEPS = 6, 3
ANSWERS = torch.tensor([[20, 2, 0], [21, 2, 0], [22, 20, 2]])
SPEC = QuestionSpec(
    8, 8, 30, 0, 1, 2, 3, ("a", "b", "c"), ANSWERS, ("k", "l"), ("o", "p"), ("g",), (0, 0), None, str
)


class Loss(nn.Module):
    def __init__(self, method):
        super().__init__()
        self.method = method

    def forward(self, batch, phase):
        return self.method.loss(batch, phase)


def share(step, rank, world):
    """This rank's rows of a global batch: kinds and objects lie unevenly, questions differ in length, one has
    no answer.
    """
    g = torch.Generator().manual_seed(step)
    image = torch.randint(0, 256, (GLOBAL, 3, 8, 8), generator=g, dtype=torch.uint8)
    tokens = torch.randint(4, 20, (GLOBAL, 8), generator=g)
    length = torch.tensor([[4], [5], [3], [7], [4], [6]])
    tokens[torch.arange(8) >= length] = 0
    kind, label = torch.tensor([0, 0, 0, 1, 1, step % 2]), torch.tensor([0, 1, 1, 1, 1, 1])
    answer = torch.tensor([[0, 1], [1, 2], [-1, -1], [2, 0], [0, -1], [1, 2]])
    score = torch.tensor([[0.5, 0.5], [0.3, 0.9], [0, 0], [1, 0.6], [0.6, 0], [0.5, 0.5]])
    b = GLOBAL // world
    at = slice(rank * b, (rank + 1) * b)
    place = {"seed": step, "offset": rank * b, "total": GLOBAL}
    row = torch.arange(b)
    return Batch(
        image[at], tokens[at], label[at], row, kind=kind[at], answer=answer[at], score=score[at], **place
    )


def train(rank, world, **readings):
    """Takes some steps of two tasks, and returns everything that must not depend on the number of ranks."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    backbone = JointT5Config(size="small", width=16, layers=1, heads=2, ff=24, grid=2)
    method = VQACL(VQACL.Config(backbone, batch_size=GLOBAL, **readings), SPEC).double().train()
    seen = {}
    for index in (0, 1):
        task = Task(index, "t", "vqa", 2)
        method.start_task(task)
        (phase,) = method.phases(task)
        optimizer = phase.optimizer()
        loss_of = Loss(method)
        if world > 1:
            loss_of = nn.parallel.DistributedDataParallel(loss_of, broadcast_buffers=False)
        for step in range(STEPS):
            terms = loss_of(share(3 * index + step, rank, world), phase)
            sum(terms.values()).backward()
            for name, value in terms.items():
                value = value.detach().clone()
                if world > 1:
                    dist.all_reduce(value)
                seen[f"task {index} step {step} term {name}"] = value / world
            for name, parameter in method.named_parameters():
                seen[f"task {index} step {step} gradient {name}"] = parameter.grad.clone()
            optimizer.step()
            optimizer.zero_grad()
        seen |= {
            f"task {index} {name}": value.clone() for name, value in method.prototypes.state_dict().items()
        }
    return seen | method.state_dict()


CASES = {"paper": {}, "reference": VQACL.presets["reference"] | {"question_tokens": 6}}


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
        differing = [k for k in alone if not torch.allclose(found[k], alone[k], rtol=1e-8, atol=1e-11)]
        assert differing == []
    assert alone["prototypes.question"].any(1).all() or case == "reference"
