"""Two ranks with batch b take the step of one with 2b: real processes, gloo, DistributedDataParallel."""

import pytest
import torch
import torch.distributed as dist
from torch import nn
from two_ranks import on_two_ranks

from methods.method import Batch, QuestionSpec, Task
from methods.registry import get
from methods.vqa.triplet.backbone_config import FrozenBackboneConfig

GLOBAL, STEPS, WORDS = 6, 2, 7
TASKS = [Task(0, "a", "vqa", 2, answers=(0, 1, 2)), Task(1, "b", "vqa", 2, answers=(2, 3))]
SPEC = QuestionSpec(
    image_size=8,
    max_tokens=WORDS,
    vocab_size=30,
    pad_id=0,
    cls_id=1,
    sep_id=2,
    mask_id=3,
    answers=tuple("abcde"),
    answer_tokens=torch.zeros(5, 2, dtype=torch.int64),
    kinds=("color",),
    objects=("car",),
    groups=("vehicles",),
    group_of=(0,),
    regions=None,
    detokenize=str,
)
BACKBONE = FrozenBackboneConfig(
    size="small",
    patch_size=4,
    image_width=12,
    text_width=12,
    image_depth=3,
    text_layers=6,
    fusion_layer=3,
)


class Loss(nn.Module):
    def __init__(self, method):
        super().__init__()
        self.method = method

    def forward(self, batch, phase):
        return self.method.loss(batch, phase)


def share(step, rank, world):
    """This rank's rows of a global batch. The classifier of task 1 knows none of the answers of some rows."""
    g = torch.Generator().manual_seed(step)
    image = torch.randint(0, 256, (GLOBAL, 3, 8, 8), generator=g, dtype=torch.uint8)
    tokens = torch.randint(4, 30, (GLOBAL, WORDS), generator=g)
    tokens[:, 0] = 1
    # Task 1 knows one of the first half, all of the second.
    answer = torch.tensor([[2, 0], [0, 1], [4, -1], [3, 2], [2, -1], [3, -1]])
    score = torch.rand(GLOBAL, 2, generator=g, dtype=torch.float64)
    b = GLOBAL // world
    rows = slice(rank * b, (rank + 1) * b)
    label = torch.arange(b)
    return Batch(
        image[rows],
        tokens[rows],
        label,
        label,
        seed=step,
        offset=rank * b,
        total=GLOBAL,
        answer=answer[rows],
        score=score[rows],
    )


def train(rank, world, name, index):
    """Takes two steps of a task, and returns everything that must not depend on the number of ranks."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cls = get(name)
    layers = {} if name == "l2p" else {"general_layers": (0, 1), "task_layers": (1, 2)}
    method = cls(cls.Config(BACKBONE, batch_size=GLOBAL, learning_rate=0.01, **layers), SPEC).double()
    for task in TASKS[: index + 1]:
        method.start_task(task)
    (phase,) = method.phases(TASKS[index])
    method.train()
    optimizer, seen = phase.optimizer(), {}
    loss_of = Loss(method)
    if world > 1:
        loss_of = nn.parallel.DistributedDataParallel(loss_of, broadcast_buffers=False)
    for step in range(STEPS):
        terms = loss_of(share(step, rank, world), phase)
        sum(terms.values()).backward()
        for term, value in terms.items():
            value = value.detach().clone()
            if world > 1:
                dist.all_reduce(value)
            seen[f"{step} term {term}"] = value / world
        for key, parameter in method.named_parameters():
            if parameter.requires_grad:
                seen[f"{step} gradient {key}"] = parameter.grad.clone()
        optimizer.step()
        optimizer.zero_grad()
    return seen | method.state_dict()


CASES = [("triplet", 0), ("triplet", 1), ("l2p", 1), ("triplet-finetune", 1)]


def cases(rank):
    return {case: train(rank, 2, *case) for case in CASES}


@pytest.fixture(scope="module")
def two_ranks():
    """What rank 0 and rank 1 of two saw, by case."""
    return on_two_ranks(cases)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_two_ranks_take_the_step_of_one(two_ranks, case):
    alone = train(0, 1, *case)
    for rank in two_ranks:
        found = rank[case]
        assert found.keys() == alone.keys()
        # Adam divides by the gradient's size: what is lost there of tiny gradients is seen in the weights.
        assert [k for k in alone if not torch.allclose(found[k], alone[k], rtol=1e-6, atol=1e-9)] == []


def test_every_term_acts(two_ranks):
    terms = {k: v for k, v in two_ranks[0][("triplet", 1)].items() if k.startswith("1 term")}
    assert len(terms) == 4
    assert all(value.abs() > 1e-9 for value in terms.values()), terms
