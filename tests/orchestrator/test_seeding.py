"""Seeds are a function of their parts, for every generator that is drawn from."""

import random

import numpy as np
import torch

from orchestrator.seeding import derive, seed_everything


def _draws(*parts):
    seed_everything(*parts)
    return random.random(), float(np.random.random()), float(torch.rand(1))


def test_all_generators_repeat_and_differ_with_the_parts():
    first, again, other = _draws(1, 2), _draws(1, 2), _draws(2, 1)
    assert first == again and not set(first) & set(other)


def test_a_seed_tells_its_parts_and_their_order_apart():
    parts = [(0,), (3,), (0, 3), (1, 2), (2, 1), (1, 0, 2), (2**64 - 1,)]
    found = [derive(*own) for own in parts]
    assert len(set(found)) == len(parts) and all(0 <= seed < 2**63 for seed in found)
    assert derive(1, 2) == derive(1, 2) == derive(1, 2, 0)
