"""Styles change how a picture looks, and neither what it shows nor where."""

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.streams.synthetic.pictures import ScenePictures
from orchestrator.streams.synthetic.scenes import arrange
from orchestrator.streams.synthetic.styles import STYLES, drawn_in

_OTHERS = [style for style in STYLES if style != "plain"]


@pytest.fixture(scope="module")
def scenes():
    rng = np.random.default_rng(0)
    groups = np.stack([rng.integers(0, high, (12, 4)) for high in (6, 8, 2, 1)], -1)
    groups[:, :, 3] = 1
    return arrange(rng, 3, groups)


@pytest.fixture(scope="module")
def plain(scenes):
    return ScenePictures(scenes, 32).read(np.arange(12))


def test_plain_pictures_are_left_alone(plain):
    assert drawn_in("plain", plain) is plain


@pytest.mark.parametrize("side", [16, 32, 45])
@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_the_same_at_every_reading_and_row_by_row(style, side, scenes):
    pictures = ScenePictures(scenes, side, style)
    whole = pictures.read(np.arange(12))
    assert whole.shape == (12, side, side, 3) and whole.dtype == np.uint8
    np.testing.assert_array_equal(whole[[7]], pictures.read(np.array([7])))


def test_all_styles_look_different(plain):
    looks = {style: drawn_in(style, plain).astype(float) for style in STYLES}
    for one in STYLES:
        for other in STYLES[: STYLES.index(one)]:
            assert np.abs(looks[one] - looks[other]).mean() > 5, (one, other)


@pytest.mark.parametrize("style", _OTHERS)
def test_hues_stay(style, plain):
    """Of the pixels that have a plain hue both before and after, the strongest channel is the same."""
    after = drawn_in(style, plain).astype(int)
    before = plain.astype(int)

    def hued(x):
        return np.ptp(x, -1) > 24

    both = hued(before) & hued(after)
    assert both.sum() > 300
    assert (before.argmax(-1) == after.argmax(-1))[both].mean() > 0.95


@pytest.mark.parametrize("style", _OTHERS)
def test_things_stay_in_their_quarters(style, scenes):
    """A quarter's picture owes nothing to what another quarter shows, but at their border."""
    fewer = replace(scenes, family=np.where(scenes.group == 3, -1, scenes.family))
    full, less = (ScenePictures(s, 32, style).read(np.arange(12)).astype(int) for s in (scenes, fewer))
    np.testing.assert_array_equal(full[:, :, :14], less[:, :, :14])
    np.testing.assert_array_equal(full[:, :14], less[:, :14])
    assert np.abs(full - less)[:, 17:, 17:].max() > 20
