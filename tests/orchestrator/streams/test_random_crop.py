"""Where a random crop lies, against torchvision's own loop."""

import math

import numpy as np
import pytest

from orchestrator.streams.random_crop import CROP_DRAWS, random_crops


def _by_torchvision(draws, height, width):
    """torchvision's RandomResizedCrop.get_params, its generator's draws replaced by ours."""
    found = []
    for tries in draws.reshape(-1, 10, 4):
        for area, ratio, top, left in tries:
            area = height * width * (0.2 + area * (1 - 0.2))
            ratio = math.exp(math.log(3 / 4) + ratio * (math.log(4 / 3) - math.log(3 / 4)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                found.append((int(top * (height - h + 1)), int(left * (width - w + 1)), h, w))
                break
        else:
            w, h = width, height
            if width / height < 3 / 4:
                h = round(width / (3 / 4))
            elif width / height > 4 / 3:
                w = round(height * (4 / 3))
            found.append(((height - h) // 2, (width - w) // 2, h, w))
    return found


@pytest.mark.parametrize(("height", "width"), [(224, 224), (800, 800), (300, 400), (500, 90), (90, 500)])
def test_crops_are_those_of_random_resized_crop(height, width):
    draws = np.random.default_rng(0).random((300, CROP_DRAWS))
    found = random_crops(draws, height, width)
    assert found == _by_torchvision(draws, height, width)
    assert len(set(found)) > 20 or min(height, width) == 90


@pytest.mark.parametrize(
    ("height", "width", "middle"),
    [(224, 224, (0, 0, 224, 224)), (300, 90, (90, 0, 120, 90)), (90, 301, (0, 90, 90, 120))],
)
def test_where_no_try_fits_it_is_the_largest_middle_of_such_a_ratio(height, width, middle):
    draws = np.full((2, CROP_DRAWS), 0.999)  # as large and as wide as none that fits
    if width < height:
        draws[:, 1::4] = 0.0  # as high
    assert random_crops(draws, height, width) == [middle] * 2 == _by_torchvision(draws, height, width)


def test_a_crop_is_where_its_draws_say():
    corner = np.array([[0.25, 0.5, 0.999, 0.0] * 10])
    assert random_crops(corner, 20, 20) == [(7, 0, 13, 13)]
