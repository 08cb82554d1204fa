"""The numbers of one phase: gradients, rates, what is averaged, which weights are kept."""

import warnings
from functools import partial

import pytest
import torch
from torch import nn
from two_ranks import on_two_ranks

from methods.method import Batch, Method, Phase
from orchestrator.numerics.diverged import Diverged
from orchestrator.numerics.finite import check_weights
from orchestrator.training.loss_curves import Curves
from orchestrator.training.phase import train_phase

CPU = torch.device("cpu")
ROWS, WIDTH = 8, 3


class Line(Method):
    """Mean squared error of a linear map, with a parameter that another phase trains, and a running count."""

    def __init__(self, dtype=torch.float64):
        super().__init__(None, None)
        start = torch.linspace(-1, 1, WIDTH, dtype=dtype)
        self.weight, self.other = nn.Parameter(start), nn.Parameter(start.clone())
        self.register_buffer("count", torch.zeros((), dtype=dtype))
        self.calls = []

    def loss(self, batch, phase):
        assert self.training and torch.is_grad_enabled()
        self.calls.append("loss")
        error = batch.feature @ (self.weight + 0 * self.other) - batch.label
        return {"square": error.square().mean(), "size": 0.01 * self.weight.square().sum()}

    def before_step(self, phase):
        self.calls.append("before")
        self.count += 1


class Slope(Line):
    """A loss whose gradient is ``slope``, whatever the weights are."""

    slope = torch.tensor([3.0, 0.0, 4.0], dtype=torch.float64)

    def loss(self, batch, phase):
        return {"slope": (self.slope * self.weight).sum() + 0 * self.other.sum()}


def batches(count, rows=ROWS, dtype=torch.float64):
    """``count`` batches, cut from the same stream of samples whatever number of rows each has."""
    g = torch.Generator().manual_seed(0)
    feature = torch.randn(count * rows, WIDTH, generator=g, dtype=torch.float64).to(dtype)
    label = torch.randn(count * rows, generator=g, dtype=torch.float64).to(dtype)
    none = torch.empty(rows, 0, dtype=torch.int64)
    parts = zip(feature.split(rows), label.split(rows), strict=True)
    return [Batch(None, none, y, torch.arange(rows), feature=x) for x, y in parts]


def phase(method, *, epochs=1, rate=lambda step, steps: 1.0, optimizer=None, **options):
    return Phase("p", epochs, ROWS, optimizer or partial(_sgd, [method.weight]), rate, **options)


def _sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


def train(method, one, given, steps, *, accumulate=1, precision="fp32", **options):
    curves = Curves()
    curves.start(1, "p")
    how = {"device": CPU, "precision": precision, "accumulate": accumulate, "curves": curves}
    train_phase(method, one, given, steps, **how, **options)
    return curves


def test_patience_brings_back_the_very_weights_of_the_best_epoch():
    method, scores, seen = Line(), iter([1.0, 3.0, 2.0, 3.0, 9.0]), []

    def validate():
        assert not method.training
        seen.append({name: tensor.clone() for name, tensor in method.state_dict().items()})
        return next(scores)

    train(method, phase(method, epochs=6, patience=2), batches(12), 12, validate=validate)
    assert len(seen) == 4, "two epochs without a better score end the phase, and an equal one is no better"
    assert [state["count"].item() for state in seen] == [2, 4, 6, 8], "after each epoch of two steps"
    assert not torch.equal(seen[1]["weight"], seen[3]["weight"])
    for name, tensor in method.state_dict().items():
        assert torch.equal(tensor, seen[1][name]), name
    assert not method.training


def test_patience_counts_from_the_last_better_epoch():
    method, scores = Line(), [1.0, 0.5, 2.0, 1.5, 1.0, 9.0]
    left = iter(scores)
    train(method, phase(method, epochs=8, patience=2), batches(16), 16, validate=lambda: next(left))
    assert list(left) == [9.0], "the epoch of 0.5 was made good by that of 2.0"


def test_without_patience_nothing_is_validated_and_the_last_weights_stay():
    method = Line()
    train(method, phase(method, epochs=3), batches(6), 6, validate=lambda: pytest.fail("validated"))
    assert method.count == 6


@pytest.mark.parametrize("steps, epochs, after", [(2, 5, [1, 2]), (5, 2, [2, 4, 5]), (1, 1, [1])])
def test_patience_validates_the_last_step_however_many_make_an_epoch(steps, epochs, after):
    method, seen = Line(), []
    validate = lambda: seen.append(int(method.count)) or float(len(seen))  # noqa: E731
    train(method, phase(method, epochs=epochs, patience=9), batches(steps), steps, validate=validate)
    assert seen == after and method.count == steps


def test_an_epoch_under_patience_is_as_many_steps_with_micro_batches_as_without():
    method, seen = Line(), []
    one = phase(method, epochs=2, patience=1)
    validate = lambda: seen.append(int(method.count)) or 0.0  # noqa: E731
    train(method, one, batches(12, rows=2), 6, accumulate=2, validate=validate)
    assert seen == [3, 6] and method.count == 3, "the second is no better: the first comes back"


@pytest.mark.parametrize("clip, moved", [(1.0, 1.0), (2.5, 2.5), (5.5, 5.0), (None, 5.0)])
def test_a_gradient_is_scaled_down_to_the_norm_that_a_phase_allows(clip, moved):
    method = Slope()
    before = method.weight.detach().clone()
    train(method, phase(method, clip=clip), batches(1), 1)
    step = (before - method.weight.detach()) / 0.1
    assert step.norm().item() == pytest.approx(moved, rel=1e-5)
    torch.testing.assert_close(step / step.norm(), Slope.slope / 5)


def test_what_is_clipped_is_the_gradient_of_all_micro_batches_together():
    whole, parts = Line(), Line()
    train(whole, phase(whole, clip=0.05), batches(3), 3)
    train(parts, phase(parts, clip=0.05), batches(12, rows=2), 3, accumulate=4)
    torch.testing.assert_close(parts.weight, whole.weight, rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype, rtol", [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("accumulate", [2, 4])
def test_micro_batches_take_the_step_of_the_whole_batch(accumulate, dtype, rtol):
    whole, parts = Line(dtype), Line(dtype)
    one = train(whole, phase(whole), batches(3, dtype=dtype), 3)
    other = train(
        parts,
        phase(parts),
        batches(3 * accumulate, ROWS // accumulate, dtype),
        3,
        accumulate=accumulate,
    )
    assert (whole.weight - Line(dtype).weight).abs().min() > 0.01, "it has learnt something"
    torch.testing.assert_close(parts.weight, whole.weight, rtol=rtol, atol=0)
    assert [row[:4] for row in other.rows] == [row[:4] for row in one.rows]
    assert [row[4] for row in other.rows] == pytest.approx([row[4] for row in one.rows], rel=1e-6)


def test_before_step_comes_once_a_step_ahead_of_its_losses():
    method = Line()
    train(method, phase(method), batches(6), 2, accumulate=3)
    assert method.calls == ["before", "loss", "loss", "loss"] * 2


def test_each_step_takes_its_own_factor_on_each_groups_base_rate():
    method, asked, weights = Slope(), [], []
    method.slope = torch.ones(WIDTH, dtype=torch.float64)

    def rate(step, steps):
        asked.append((step, steps))
        weights.append((method.weight[0].item(), method.other[0].item()))
        return [0.5, 1.0, 0.25, 0.0][step]

    def optimizer():
        groups = [{"params": [method.weight]}, {"params": [method.other], "lr": 0.2}]
        return torch.optim.SGD(groups, lr=0.1)

    method.loss = lambda batch, phase: {"a": method.weight.sum() + method.other.sum()}
    train(method, phase(method, rate=rate, optimizer=optimizer), batches(4), 4)
    assert asked == [(0, 4), (1, 4), (2, 4), (3, 4)]
    weights.append((method.weight[0].item(), method.other[0].item()))
    moved = [(a[0] - b[0], a[1] - b[1]) for a, b in zip(weights[:-1], weights[1:], strict=True)]
    for found, factor in zip(moved, [0.5, 1.0, 0.25, 0.0], strict=True):
        assert found == pytest.approx((0.1 * factor, 0.2 * factor), abs=1e-12)


def test_a_gradient_that_an_earlier_phase_left_is_no_part_of_the_next_ones_first():
    method = Line()
    method.loss = lambda batch, phase: {"a": method.weight.sum() + method.other.sum()}
    train(method, phase(method), batches(3), 3)
    before = method.other.detach().clone()
    train(method, phase(method, optimizer=partial(_sgd, [method.other])), batches(1), 1)
    torch.testing.assert_close(before - method.other.detach(), torch.full_like(before, 0.1))


def test_terms_that_come_in_some_steps_alone_are_recorded_and_checked():
    method, calls = Line(), []

    def loss(batch, phase):
        calls.append(0)
        late = {"late": method.weight.sum() * (torch.nan if len(calls) == 4 else 1)}
        return {"a": method.weight.sum()} if len(calls) % 2 else {"a": method.weight.sum(), **late}

    method.loss = loss
    curves = train(method, phase(method), batches(3), 3)
    assert [(row[2], row[3]) for row in curves.rows] == [(0, "a"), (1, "a"), (1, "late"), (2, "a")]
    calls.clear()
    with pytest.raises(Diverged, match="loss term late is nan at step 3 of phase p, task 2"):
        train(method, phase(method), batches(4), 4)


def test_a_loss_that_is_nan_at_the_last_step_is_caught():
    method, given = Line(), batches(3)
    given[-1].feature[0, 0] = torch.nan
    with pytest.raises(Diverged, match="loss term square is nan at step 2 of phase p, task 2"):
        train(method, phase(method), given, 3)


def test_a_bad_loss_is_named_before_the_model_is_validated():
    method, given = Line(), batches(4)
    given[1].feature[0, 0] = torch.inf

    def validate():
        raise AssertionError("validated")

    with pytest.raises(Diverged, match="loss term square is inf at step 1"):
        train(method, phase(method, epochs=2, patience=1), given, 4, validate=validate)


@pytest.mark.parametrize("broken, said", [(torch.inf, "inf"), (torch.nan, "nan"), (1e200, "inf")])
def test_a_clipped_gradient_without_a_norm_is_an_error_though_every_loss_is_finite(broken, said):
    method = Slope()
    method.weight.register_hook(lambda gradient: gradient.masked_fill(gradient != 0, broken))
    # 1e200: each entry is finite and their norm is not; all would be scaled down to nothing.
    with pytest.raises(Diverged, match=f"the gradient's norm is {said} at step 0 of phase p, task 2"):
        train(method, phase(method, clip=1.0), batches(1), 1)


def test_a_gradient_of_zero_is_clipped_to_zero():
    method = Slope()
    method.slope = torch.zeros(WIDTH, dtype=torch.float64)
    before = method.weight.detach().clone()
    train(method, phase(method, clip=1.0), batches(1), 1)
    assert torch.equal(method.weight.detach(), before)


def test_bf16_computes_the_loss_in_it_and_keeps_weights_and_validation_out_of_it():
    method, kinds = Line(torch.float32), []

    def loss(batch, phase):
        product = batch.feature @ method.weight[:, None]
        kinds.append(product.dtype)
        return {"a": product.float().square().mean()}

    method.loss = loss
    validate = lambda: kinds.append((torch.ones(2, 2) @ torch.ones(2, 2)).dtype) or 0.0  # noqa: E731
    given = batches(2, dtype=torch.float32)
    train(method, phase(method, epochs=2, patience=1), given, 2, precision="bf16", validate=validate)
    assert kinds == [torch.bfloat16, torch.float32] * 2 and method.weight.dtype == torch.float32


def share(rank, world):
    """A rank's rows of two steps of two micro-batches."""
    found = []
    for batch in batches(4, rows=4):
        own = slice(rank * 4 // world, (rank + 1) * 4 // world)
        parts = (batch.tokens, batch.label, batch.row)
        found.append(Batch(None, *(part[own] for part in parts), feature=batch.feature[own]))
    return found


def trained(rank, world):
    """Weights, curve and the rank's own buffer after two steps; no warning on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        method = Line()
        method.before_step = lambda phase: method.count.fill_(rank)
        curves = train(method, phase(method, clip=0.5), share(rank, world), 2, accumulate=2)
    return method.weight.detach().clone(), [row[4] for row in curves.rows], method.count.item()


def said_of_weights(rank):
    """What a rank is told where rank 1 alone has a weight that is not finite."""
    method = Line()
    method.other.data[2] = torch.nan if rank else 0.0
    with pytest.raises(Diverged) as error:
        check_weights(method, "task 1")
    return str(error.value)


def on_a_rank(rank):
    return *trained(rank, 2), said_of_weights(rank)


def test_two_ranks_take_the_steps_of_one_and_leave_each_others_buffers_alone():
    weight, values, _ = trained(0, 1)
    for rank, found in enumerate(on_two_ranks(on_a_rank)):
        torch.testing.assert_close(found[0], weight, rtol=1e-12, atol=0)
        assert found[1] == pytest.approx(values, rel=1e-6)
        assert found[2] == rank
        assert found[3] == "weight other is not finite after task 1"
