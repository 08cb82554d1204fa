"""A forward pass in micro-batches: which gradient comes of it, and what is held meanwhile."""

import pytest
import torch
from live_bytes import LiveBytes
from torch import nn

from methods.common.micro_batches import in_micro_batches

ROWS, WIDTH = 11, 6


def network(dropout, depth=2):
    torch.manual_seed(0)
    layers = [(nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Dropout(dropout)) for _ in range(depth)]
    return nn.Sequential(*(layer for three in layers for layer in three)).double()


def rows(count=ROWS):
    return torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def between_samples(features):
    """A loss that sees each sample beside all others."""
    return (features @ features.T).logsumexp(1).mean()


def gradient(network, features):
    network.zero_grad()
    between_samples(features).backward()
    return [parameter.grad for parameter in network.parameters()]


@pytest.mark.parametrize("size", [1, 2, 5, 10])
def test_the_gradient_is_that_of_the_batch_in_one_go(size):
    net, given = network(0.0), rows()
    wanted = gradient(net, net(given))
    (features,) = in_micro_batches(lambda part: (net(part),), size, given)
    torch.testing.assert_close(features, net(given), rtol=0, atol=1e-12)
    torch.testing.assert_close(gradient(net, features), wanted, rtol=0, atol=1e-12)
    assert min(value.abs().max() for value in wanted) > 1e-3
    contrasted_alone = [between_samples(net(part)) for part in given.split(size)]
    assert abs(sum(contrasted_alone) / len(contrasted_alone) - between_samples(net(given))) > 0.05


def test_a_second_pass_draws_what_the_first_drew_and_changes_no_other_draw():
    net, given, passes = network(0.5), rows(), []
    net[2].register_forward_hook(lambda layer, inputs, dropped: passes.append(dropped.detach().clone()))
    torch.manual_seed(7)
    (features,) = in_micro_batches(lambda part: (net(part),), 4, given)
    before = torch.get_rng_state()
    found = gradient(net, features)
    assert torch.equal(torch.get_rng_state(), before)
    first, again = passes[:3], passes[:2:-1]  # the last micro-batch is the first to be computed again
    assert [len(value) for value in first] == [4, 4, 3]
    assert [len(value) for value in again] == [4, 4, 3]
    assert all(torch.equal(value, twin) for value, twin in zip(first, again, strict=True))
    assert not torch.equal(first[0] == 0, first[1] == 0), "each draws for itself"

    torch.manual_seed(7)
    kept = torch.cat([net(part) for part in given.split(4)])
    assert torch.equal(features, kept)
    torch.testing.assert_close(found, gradient(net, kept), rtol=0, atol=1e-12)


def test_the_activations_of_one_micro_batch_alone_are_held():
    depth = 12

    def peak(count, size):
        net, given = network(0.5, depth), rows(count)
        with LiveBytes() as live:
            (features,) = in_micro_batches(lambda part: (net(part),), size, given)
            between_samples(features).backward()
        return live.peak

    row = WIDTH * 8
    whole = peak(20, 0) - peak(10, 0)
    assert whole > 10 * depth * 2 * row, "in one go each layer's outputs are held, of every sample"
    parts = peak(20, 5) - peak(10, 5)
    assert 0 < parts < 10 * 4 * row, "in micro-batches the results alone are"


@pytest.mark.parametrize("size", [0, ROWS, ROWS + 1])
def test_a_batch_that_is_one_micro_batch_is_computed_once(size):
    net, given, passes = network(0.0), rows(), []
    (features,) = in_micro_batches(lambda part: (passes.append(part) or net(part),), size, given)
    gradient(net, features)
    assert len(passes) == 1 and passes[0] is given


def test_without_a_gradient_no_pass_is_computed_again():
    net, passes = network(0.5), []
    with torch.no_grad():
        (features,) = in_micro_batches(lambda part: (passes.append(part) or net(part),), 4, rows())
    assert not features.requires_grad and [len(part) for part in passes] == [4, 4, 3]


def test_what_is_not_there_has_no_parts():
    given, other = rows(), torch.arange(ROWS)
    seen = []

    def function(part, nothing, numbers):
        seen.append((nothing, numbers.tolist()))
        return part, None

    features, nothing = in_micro_batches(function, 4, given, None, other)
    assert torch.equal(features, given) and nothing is None
    assert seen == [(None, [0, 1, 2, 3]), (None, [4, 5, 6, 7]), (None, [8, 9, 10])]
