"""Two ranks with batch b take the step of one with 2b: real processes, gloo, DistributedDataParallel."""

import pytest
import torch
import torch.distributed as dist
from torch import nn
from two_ranks import on_two_ranks

from methods.backbones.config import BackboneConfig
from methods.method import Batch, InputSpec, Task
from methods.retrieval.ctp import CTP

GLOBAL, STEPS = 6, 2
SPEC = InputSpec(image_size=8, max_tokens=7, vocab_size=30, pad_id=0, cls_id=1, sep_id=2, mask_id=3)


class Loss(nn.Module):
    def __init__(self, method):
        super().__init__()
        self.method = method

    def forward(self, batch, phase):
        return self.method.loss(batch, phase)


def share(step, rank, world):
    """This rank's rows of a global batch whose captions differ in length."""
    g = torch.Generator().manual_seed(step)
    image = torch.randint(0, 256, (GLOBAL, 3, 8, 8), generator=g, dtype=torch.uint8)
    tokens = torch.randint(4, 30, (GLOBAL, 7), generator=g)
    tokens[:, 0] = 1
    length = torch.randint(3, 8, (GLOBAL, 1), generator=g)
    tokens[torch.arange(7) >= length] = 0
    b = GLOBAL // world
    rows = slice(rank * b, (rank + 1) * b)
    row = torch.arange(b)
    return Batch(image[rows], tokens[rows], row, row, seed=step, offset=rank * b, total=GLOBAL)


def train(rank, world, later, **readings):
    """Takes two steps of a task, and returns everything that must not depend on the number of ranks."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    backbone = BackboneConfig(
        size="small", patch_size=4, image_width=12, text_width=12, image_heads=2, text_heads=2, image_depth=1
    )
    config = CTP.Config(
        backbone, embed_dim=6, batch_size=GLOBAL, queue_size=2 * GLOBAL, mlm_probability=0.4, **readings
    )
    method = CTP(config, SPEC).double().train()
    task = Task(int(later), "t", "retrieval", 2)
    method.start_task(task)
    with torch.no_grad():  # a student that has left its teachers behind: topology has something to say
        for parameter in method.model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.05)
    (phase,) = method.phases(task)
    optimizer = phase.optimizer()
    loss_of = Loss(method)
    if world > 1:
        loss_of = nn.parallel.DistributedDataParallel(loss_of, broadcast_buffers=False)
    seen = {}
    for step in range(STEPS):
        method.before_step(phase)
        terms = loss_of(share(step, rank, world), phase)
        sum(terms.values()).backward()
        for name, value in terms.items():
            value = value.detach().clone()
            if world > 1:
                dist.all_reduce(value)
            seen[f"step {step} term {name}"] = value / world
        for name, parameter in method.model.named_parameters():
            if parameter.requires_grad:  # what no term trains is frozen, so that none waits for its gradient
                seen[f"step {step} gradient {name}"] = parameter.grad.clone()
        optimizer.step()
        optimizer.zero_grad()
    return seen | method.state_dict()


CASES = {
    "later": {"later": True},
    "first": {"later": False},
    "unmasked": {"later": True, "mask_own": False, "ita_weight": 0.0},
    "no_alignment": {"later": False, "ita_weight": 0.0, "contrast_weight": 0.0},
    "no_fusion": {"later": True, "mlm_weight": 0.0, "mlm_distill_weight": 0.0},
    "local": {"later": True, "contrast_keys": "local"},
    "micro_batches": {"later": True, "micro_batch_size": 2},  # a rank's three pairs are two and one
}


def cases(rank):
    return {name: train(rank, 2, **case) for name, case in CASES.items()}


@pytest.fixture(scope="module")
def two_ranks():
    """What rank 0 and rank 1 of two saw, by case."""
    return on_two_ranks(cases)


def differing(found, wanted):
    assert found.keys() == wanted.keys()
    return [k for k in wanted if not torch.allclose(found[k], wanted[k], rtol=1e-8, atol=1e-11)]


@pytest.mark.parametrize("case", [c for c in CASES if c not in ("local", "micro_batches")])
def test_two_ranks_take_the_step_of_one(two_ranks, case):
    alone = train(0, 1, **CASES[case])
    for rank in two_ranks:
        assert differing(rank[case], alone) == []


def test_two_ranks_in_micro_batches_take_the_step_of_one_in_one_go(two_ranks):
    alone = train(0, 1, later=True)
    for rank in two_ranks:
        assert differing(rank["micro_batches"], alone) == []


def test_micro_batches_of_one_rank_have_the_local_keys_that_ranks_have(two_ranks):
    alone = train(0, 1, micro_batch_size=GLOBAL // 2, **CASES["local"])
    assert differing(two_ranks[0]["local"], alone) == []


def test_every_term_acts_in_a_later_task(two_ranks):
    terms = {k: v for k, v in two_ranks[0]["later"].items() if k.startswith("step 1 term")}
    assert len(terms) == 6
    assert all(value > 1e-4 for value in terms.values()), terms


def test_local_keys_contrast_with_a_ranks_own_share(two_ranks):
    alone = train(0, 1, **CASES["local"])
    wrong = differing(two_ranks[0]["local"], alone)
    assert "step 0 term contrast" in wrong
    assert "step 0 term ita" not in wrong
    # The queue takes all ranks' features in either reading; step 0's came before any difference.
    first = two_ranks[0]["local"]["queue.image"][:GLOBAL]
    assert torch.allclose(first, alone["queue.image"][:GLOBAL], rtol=1e-8)
    assert differing(two_ranks[0]["local"], two_ranks[1]["local"]) == []
