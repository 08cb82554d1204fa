"""transformers' AdamW of old: a step reckoned by hand, many against the formula in float64, and torch's."""

import math

import pytest
import torch

from methods.common.reference_adamw import ReferenceAdamW


def test_one_step_by_hand():
    """m = 0.05, v = 0.00025; the rate is 0.1 sqrt(0.001) / 0.1, the divisor sqrt(v) + 0.01 = 0.0258113883."""
    p = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    p.grad = torch.tensor([0.5], dtype=torch.float64)
    ReferenceAdamW([p], lr=0.1, eps=0.01, weight_decay=0.2).step()
    moved = 2 - 0.0316227766 * 0.05 / 0.0258113883
    assert moved == pytest.approx(1.938742589)
    assert p.item() == pytest.approx(moved * (1 - 0.1 * 0.2), abs=1e-9)
    # torch: 2 (1 - 0.02) - 0.1 * 0.5 / (0.5 + 0.01)
    q = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    q.grad = p.grad
    torch.optim.AdamW([q], lr=0.1, eps=0.01, weight_decay=0.2).step()
    assert q.item() == pytest.approx(1.96 - 0.05 / 0.51)


def test_many_steps_at_changing_rates_and_a_group_without_decay():
    g = torch.Generator().manual_seed(0)
    start = torch.randn(2, 3, generator=g, dtype=torch.float64)
    params = [row.clone().requires_grad_() for row in start]
    groups = [{"params": params[:1]}, {"params": params[1:], "weight_decay": 0.0}]
    optimizer = ReferenceAdamW(groups, lr=0.0, eps=1e-2, weight_decay=0.1)
    wanted, m, v = start.clone(), torch.zeros(2, 3), torch.zeros(2, 3)
    for n in range(1, 7):
        grads, rate = torch.randn(2, 3, generator=g, dtype=torch.float64), 0.03 * n
        for row, p in enumerate(params):
            p.grad = grads[row].clone()
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        m, v = 0.9 * m + 0.1 * grads, 0.999 * v + 0.001 * grads**2
        step = rate * math.sqrt(1 - 0.999**n) / (1 - 0.9**n)
        wanted = wanted - step * m / (v.sqrt() + 1e-2)
        wanted[0] = wanted[0] - rate * 0.1 * wanted[0]
        torch.testing.assert_close(torch.stack(params).detach(), wanted, rtol=1e-12, atol=1e-12)


def test_where_nothing_is_added_to_the_root_and_nothing_decays_it_is_torchs():
    one, other = (torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True) for _ in range(2))
    optimizers = (
        ReferenceAdamW([one], lr=0.01, eps=0.0),
        torch.optim.AdamW([other], 0.01, eps=0, weight_decay=0),
    )
    for n in range(5):
        one.grad = torch.tensor([math.cos(n), 0.1 * n + 0.1], dtype=torch.float64)
        other.grad = one.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    torch.testing.assert_close(one, other, rtol=1e-12, atol=0)


def test_what_has_no_gradient_stays_and_a_closure_is_asked():
    p, still = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = ReferenceAdamW([p, still], lr=0.1, weight_decay=0.5)

    def closure():
        loss = 3 * p.sum()
        loss.backward()
        return loss.item()

    assert optimizer.step(closure) == 3
    assert p.item() < 1 and still.item() == 1


@pytest.mark.parametrize("name", ["lr", "eps", "weight_decay"])
def test_a_negative_value_is_one_line(name):
    with pytest.raises(ValueError, match=f"{name} -1 must be >= 0"):
        ReferenceAdamW([torch.ones(1)], **({"lr": 0.1} | {name: -1}))
