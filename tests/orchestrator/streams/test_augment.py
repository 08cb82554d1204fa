from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from orchestrator.errors import UserError
from orchestrator.streams.augment import augment


def pictures(n=24, size=32):
    coarse = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    return coarse.repeat(size // 8, 1).repeat(size // 8, 2)


SEEDS = np.arange(24, dtype=np.uint64) ** np.uint64(7)


@pytest.mark.parametrize("name", ["none", "flip", "shift", "product"])
def test_a_sample_depends_on_its_own_seed_alone(name):
    whole = augment(name, pictures(), SEEDS)
    assert whole.shape == (24, 32, 32, 3) and whole.dtype == np.uint8
    order = np.random.default_rng(1).permutation(24)
    np.testing.assert_array_equal(augment(name, pictures()[order], SEEDS[order]), whole[order])
    np.testing.assert_array_equal(augment(name, pictures()[3:4], SEEDS[3:4]), whole[3:4])
    with ThreadPoolExecutor(4) as pool:
        for other in pool.map(lambda _: augment(name, pictures(), SEEDS), range(8)):
            np.testing.assert_array_equal(other, whole)


def test_no_global_generator_is_read_or_moved():
    torch.manual_seed(0)
    np.random.seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = augment("product", pictures(), SEEDS)
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])
    torch.manual_seed(5)
    np.testing.assert_array_equal(first, augment("product", pictures(), SEEDS))


def test_the_input_is_left_alone_and_may_be_read_only():
    read_only = pictures()
    read_only.setflags(write=False)
    for name in ("none", "flip", "shift", "product"):
        augment(name, read_only, SEEDS)
    np.testing.assert_array_equal(read_only, pictures())


def test_flip_mirrors_half_of_them_left_to_right():
    one = np.random.default_rng(2).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    out = augment("flip", one.repeat(400, 0), np.arange(400, dtype=np.uint64))
    mirrored = (out == one[:, :, ::-1]).all((1, 2, 3))
    assert (mirrored | (out == one).all((1, 2, 3))).all()
    assert 160 < mirrored.sum() < 240


def test_shift_moves_by_two_of_32_pixels_at_most_and_reaches_every_move():
    base = pictures(1)
    padded = np.pad(base[0], ((2, 2), (2, 2), (0, 0)), mode="edge")
    moves = {padded[y : y + 32, x : x + 32].tobytes(): (y, x) for y in range(5) for x in range(5)}
    seeds = np.arange(400, dtype=np.uint64)
    out = augment("shift", base.repeat(400, 0), seeds)
    assert {moves[p.tobytes()] for p in out} == set(moves.values())


def test_product_crops_flips_and_fills_with_grey():
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8)[None, None, :, None] * 4, (400, 32, 32, 3))
    out = augment("product", ramp, np.arange(400, dtype=np.uint64)).astype(int)
    slope = out[:, 16, 24, 0] - out[:, 16, 8, 0]
    falling = (slope < 0).mean()
    assert 0.4 < falling < 0.6, "half of them are mirrored"
    grey = (out == 128).all(-1)
    corners = grey[:, [0, 0, -1, -1], [0, -1, 0, -1]].any(1).mean()
    # Two draws of ten, each kept half of the time, five of the ten leave a corner empty.
    assert 0.2 < corners < 0.6
    widths = np.abs(slope[~grey.any((1, 2))])
    assert widths.min() < 40 and widths.max() >= 60, "crops of different sizes"


def test_product_varies_with_the_seed():
    out = augment("product", pictures(1).repeat(50, 0), np.arange(50, dtype=np.uint64))
    assert len({p.tobytes() for p in out}) > 40


def test_an_unknown_name_is_named():
    with pytest.raises(UserError, match="augment: 'mixup', allowed: none, flip, shift, product"):
        augment("mixup", pictures(), SEEDS)
