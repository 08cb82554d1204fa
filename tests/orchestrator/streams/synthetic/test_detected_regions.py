"""What a detector would say of scenes: what, of which colour and size, how tilted, where, and how surely."""

import numpy as np
import pytest

from orchestrator.streams.synthetic.detected_regions import WIDTH, DetectedRegions
from orchestrator.streams.synthetic.drawings import DRAWINGS
from orchestrator.streams.synthetic.questions.generate import ask

FAMILIES = [list(DRAWINGS).index(name) for name in ("vehicles", "animals", "fruit")]
N, R = 240, 6


def regions(noise, others=0, kind="location", n=N, key=0):
    asked = ask(np.random.default_rng(0), FAMILIES, 1, kind, n, others)
    seeds = np.array([(key, i) for i in range(n)])
    return asked, DetectedRegions(asked.scenes, R, noise, seeds)


def things(found):
    """The one region of each row that shows a thing, where there is no noise."""
    there = np.abs(found[..., :WIDTH]).sum(-1) > 0
    assert (there.sum(1) == 1).all()
    return found[there]


def test_a_region_a_thing_and_the_rest_is_background():
    asked, pictures = regions(0.0, others=2)
    found = pictures.read(np.arange(N))
    assert (found.shape, found.dtype, len(pictures)) == ((N, R, WIDTH + 4), np.float32, N)
    assert ((np.abs(found[..., :WIDTH]).sum(-1) > 0).sum(1) == 3).all()
    width = found[..., WIDTH + 2 :] - found[..., WIDTH : WIDTH + 2]
    assert (width > 0.1).all() and (width < 0.6).all()


def test_places_of_things_among_the_regions_say_nothing():
    _, pictures = regions(0.0)
    place = np.abs(pictures.read(np.arange(N))[..., :WIDTH]).sum(-1).argmax(1)
    assert np.bincount(place, minlength=R).min() > N / R / 2


def test_without_noise_an_object_is_named_whatever_else_is_so():
    asked, pictures = regions(0.0)
    shown = things(pictures.read(np.arange(N)))[:, :WIDTH]
    means = np.stack([shown[asked.thing == thing].mean(0) for thing in range(6)])
    nearest = ((shown[:, None] - means) ** 2).sum(-1).argmin(1)
    assert (nearest == asked.thing).mean() > 0.95
    away = np.linalg.norm(means[:, None] - means, axis=-1)[~np.eye(6, dtype=bool)]
    assert away.min() > 0.7


def test_boxes_are_where_the_answer_says():
    asked, pictures = regions(1.0)
    silent = DetectedRegions(asked.scenes, R, 0.0, pictures.seeds)
    there = np.abs(silent.read(np.arange(N))[..., :WIDTH]).sum(-1) > 0
    box = pictures.read(np.arange(N))[there][:, WIDTH:]
    x, y = (box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2
    said = [
        f"{'bottom' if b > 0.5 else 'top'} {'right' if a > 0.5 else 'left'}"
        for a, b in zip(x, y, strict=True)
    ]
    assert said == asked.answers


def test_the_tilt_is_told_by_sign_and_size():
    asked, pictures = regions(0.0, kind="action")
    # Location's scenes stand upright: what these have beside them lies along one direction.
    shown = things(pictures.read(np.arange(N)))[:, :WIDTH]
    left, right, upright = (
        shown[np.array(asked.answers) == name].mean(0)
        for name in ("leaning left", "leaning right", "standing")
    )
    assert np.linalg.norm(left - upright) > 0.3 and np.linalg.norm(right - upright) > 0.3
    assert (left - upright) @ (right - upright) < 0


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_noise_is_as_long_as_it_is_said_to_be_and_each_rows_own(noise):
    asked, noisy = regions(noise)
    silent = DetectedRegions(asked.scenes, R, 0.0, noisy.seeds)
    rows = np.arange(N)
    difference = noisy.read(rows)[..., :WIDTH] - silent.read(rows)[..., :WIDTH]
    assert np.sqrt((difference**2).sum(-1).mean()) == pytest.approx(noise, rel=0.02)
    flat = difference.reshape(N, -1)
    likeness = np.corrcoef(flat)[~np.eye(N, dtype=bool)]
    assert np.abs(likeness).max() < 0.5


def test_a_row_is_the_same_in_any_company_and_another_key_gives_another():
    _, pictures = regions(1.0)
    whole = pictures.read(np.arange(N))
    assert np.array_equal(pictures.read(np.array([7, 3])), whole[[7, 3]])
    assert len(pictures.read(np.array([], int))) == 0
    _, other = regions(1.0, key=1)
    assert not np.isclose(other.read(np.arange(3)), whole[:3]).all(axis=(1, 2)).any()
