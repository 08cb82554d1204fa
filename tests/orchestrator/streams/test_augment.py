import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from orchestrator.errors import UserError
from orchestrator.seeding import view_seeds
from orchestrator.streams.augment import augment, augment_view, crop_draws, crops_original
from orchestrator.streams.product_transform import DRAWS, product_transform
from orchestrator.streams.random_crop import random_crops


def pictures(n=24, size=32):
    coarse = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    return coarse.repeat(size // 8, 1).repeat(size // 8, 2)


SEEDS = np.arange(24, dtype=np.uint64) ** np.uint64(7)


@pytest.mark.parametrize("name", ["none", "flip", "shift", "product", "product-original"])
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


@pytest.mark.parametrize("views", [2, 4])
def test_of_a_pictures_views_half_are_mirrored(views):
    rows = np.arange(24)
    plain = pictures()
    seen = np.stack([augment_view("flip", plain, rows, view) for view in range(views)])
    mirrored = (seen == plain[:, :, ::-1]).all((2, 3, 4))
    assert (mirrored.sum(0) == views // 2).all()
    assert (mirrored | (seen == plain).all((2, 3, 4))).all()
    each = np.arange(24) % views
    np.testing.assert_array_equal(augment_view("flip", plain, rows, each), seen[each, rows])


def test_a_view_of_another_transform_is_drawn_from_its_row_and_number():
    rows, view = np.arange(24) + 7, np.arange(24) % 4
    expected = augment("shift", pictures(), view_seeds(rows, view))
    np.testing.assert_array_equal(augment_view("shift", pictures(), rows, view), expected)


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


def test_what_the_reader_has_cropped_is_not_cropped_again():
    assert [
        name for name in ("none", "flip", "shift", "product", "product-original") if crops_original(name)
    ] == ["product-original"]
    assert crop_draws("product", SEEDS) is None
    draws = crop_draws("product-original", SEEDS)
    boxes = random_crops(draws, 32, 32)
    cropped = [
        F.resized_crop(
            torch.from_numpy(picture).permute(2, 0, 1), *box, [32, 32], v2.InterpolationMode.BICUBIC
        ).permute(1, 2, 0)
        for picture, box in zip(pictures(), boxes, strict=True)
    ]
    by_reader = augment("product-original", np.stack(cropped), SEEDS)
    np.testing.assert_array_equal(by_reader, augment("product", pictures(), SEEDS))


def test_an_unknown_name_is_named():
    with pytest.raises(UserError, match="augment: 'mixup', allowed: none, flip, shift, product"):
        augment("mixup", pictures(), SEEDS)


def test_a_crop_is_enlarged_as_torchvision_does():
    picture, size = pictures(1, 32), [32, 32]
    draws = np.array([[*[0.2, 0.5, 0.3, 0.7] * 10, 0.9, *SKIP, *SKIP]])
    top, left, height, width = random_crops(draws[:, :40], 32, 32)[0]
    assert (height, width) == (19, 19)
    image = torch.from_numpy(picture[0]).permute(2, 0, 1)
    how = v2.InterpolationMode.BICUBIC
    expected = F.resized_crop(image, top, left, height, width, size, how, antialias=True)
    np.testing.assert_array_equal(product_transform(picture, draws)[0], expected.permute(1, 2, 0))


def one(values):
    """Draws of one picture that is not cropped or mirrored, then two rounds of (which, chance, sign)."""
    whole = [1.0, 0.5, 0.0, 0.0]
    return np.array([[*whole * 10, 0.9, *values[0], *values[1]]])


SKIP = (0.0, 0.9, 0.0)


@pytest.mark.parametrize(
    ("which", "sign", "expected"),
    [
        (0, 0.0, None),
        (1, 0.0, F.autocontrast),
        (2, 0.0, None),
        (3, 0.0, None),
        (4, 0.0, F.equalize),
        (5, 0.0, (0, (0, 0), (math.degrees(math.atan(0.15)), 0))),
        (5, 0.9, (0, (0, 0), (-math.degrees(math.atan(0.15)), 0))),
        (6, 0.0, (0, (0, 0), (0, math.degrees(math.atan(0.15))))),
        (7, 0.0, (0, (5, 0), (0, 0))),
        (7, 0.9, (0, (-5, 0), (0, 0))),
        (8, 0.0, (0, (0, 5), (0, 0))),
        (9, 0.0, (15, (0, 0), (0, 0))),
        (9, 0.9, (-15, (0, 0), (0, 0))),
    ],
)
def test_each_operation_is_the_paper_codes_at_level_5(which, sign, expected):
    picture = pictures(1, 224) // 2 + 40
    told = one([((which + 0.5) / 10, 0.49, sign), SKIP])
    assert told.shape == (1, DRAWS)
    out = torch.from_numpy(product_transform(picture, told)[0]).permute(2, 0, 1)
    image = torch.from_numpy(picture[0]).permute(2, 0, 1)
    if isinstance(expected, tuple):
        angle, shift, shear = expected
        options = {"interpolation": v2.InterpolationMode.BILINEAR, "fill": [128.0] * 3}
        center = [112, 112] if angle else [0, 0]
        image = F.affine(image, angle, list(shift), 1.0, list(shear), center=center, **options)
    elif expected is not None:
        image = expected(image)
    assert torch.equal(out, image)
    assert expected is None or not torch.equal(out, torch.from_numpy(picture[0]).permute(2, 0, 1))
    left = product_transform(picture, one([((which + 0.5) / 10, 0.51, sign), SKIP]))
    np.testing.assert_array_equal(left, picture, "each is applied half of the time")


def test_both_rounds_are_applied_one_after_the_other():
    picture = pictures(1, 224)
    twice = product_transform(picture, one([(0.75, 0.1, 0.1), (0.85, 0.1, 0.9)]))
    first = product_transform(picture, one([(0.75, 0.1, 0.1), SKIP]))
    np.testing.assert_array_equal(twice, product_transform(first, one([SKIP, (0.85, 0.1, 0.9)])))
