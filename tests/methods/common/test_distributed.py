"""Sums and gathers on one rank and on two."""

import torch
from two_ranks import on_two_ranks

from methods.common.distributed import all_gather, all_gather_with_grad, all_reduce_sum, rank, world_size


def test_without_a_process_group_there_is_one_rank():
    assert (rank(), world_size()) == (0, 1)
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert all_gather(x) is x and all_gather_with_grad(x) is x


def test_a_sum_is_a_new_tensor_without_gradient():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    total = all_reduce_sum(x)
    assert not total.requires_grad
    total += 1
    assert x.tolist() == [1, 2] and total.tolist() == [2, 3]


def _gathered(number):
    """Of a tensor (2, 3) that is the transpose of another, so that its rows do not lie one after another."""
    own = (torch.arange(6.0).view(3, 2) + 10 * number).T.requires_grad_()
    plain = all_gather(own)
    rows = all_gather_with_grad(own)
    (rows * torch.arange(12.0).view(4, 3) * (number + 1)).sum().backward()
    kept = torch.tensor([1.0 + number])
    return plain.tolist(), rows.tolist(), own.grad.tolist(), all_reduce_sum(kept).item(), kept.item()


def test_two_ranks_gather_in_their_order_and_send_gradients_home():
    rows = [[0, 2, 4], [1, 3, 5], [10, 12, 14], [11, 13, 15]]
    for number, (plain, found, gradient, total, kept) in enumerate(on_two_ranks(_gathered)):
        assert plain == found == rows
        # Rank 0's loss weighs each number once, rank 1's twice.
        wanted = 3 * torch.arange(12.0).view(4, 3)[2 * number : 2 * number + 2]
        assert gradient == wanted.tolist()
        assert (total, kept) == (3, 1 + number)
