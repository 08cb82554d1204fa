import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from orchestrator.streams.synthetic.caption import captions
from orchestrator.streams.synthetic.colours import COLOURS
from orchestrator.streams.synthetic.families import DRAWN, THINGS, family
from orchestrator.streams.synthetic.pictures import ScenePictures
from orchestrator.streams.synthetic.scenes import arrange
from orchestrator.streams.synthetic.sprite import stamp


def scenes(seed=0, index=0, n=40, groups=None):
    rng = np.random.default_rng(seed)
    if groups is None:
        highs = (THINGS, len(COLOURS), 2, 2)
        groups = np.stack([rng.integers(0, high, (n, 4)) for high in highs], 2) + [0, 0, 0, 1]
    return arrange(rng, index, np.array(groups))


def test_families_have_things_enough_and_no_noun_twice():
    families = [family(i) for i in range(DRAWN + 40)]
    assert DRAWN >= 12
    assert len({f.name for f in families}) == len(families)
    nouns = [noun for f in families for noun in f.nouns]
    assert len(nouns) == len(set(nouns)) == THINGS * len(families)
    assert all(noun.isalpha() and len(noun) <= 8 for noun in nouns)


@pytest.mark.parametrize("index", [*range(DRAWN), DRAWN, DRAWN + 7])
def test_things_of_a_family_look_different_and_fill_their_square(index):
    shapes = [1 - stamp(index, thing, 14, 0)[0][:, :, 0] for thing in range(THINGS)]
    for i, shape in enumerate(shapes):
        assert shape.min() >= 0 and shape.max() <= 1
        assert 0.1 < shape.mean() < 0.95
        for other in shapes[:i]:
            assert np.abs(shape - other).mean() > 0.08


def test_a_stamp_is_antialiased_and_shared_safely():
    through, added = stamp(0, 0, 14, 0)
    assert ((through > 0.1) & (through < 0.9)).any()
    assert (added <= 1 - through + 1e-6).all()
    with pytest.raises(ValueError):
        added[0] = 1


def test_objects_lie_in_the_quarter_of_their_group_and_columns_agree():
    world = scenes(n=300)
    present = world.family >= 0
    assert (present.argmin(1)[~present.all(1)] == present.sum(1)[~present.all(1)]).all(), "objects come first"
    x, y, side = (column.astype(float) for column in (world.x, world.y, world.side))
    right, low = world.group % 2, world.group // 2
    for centre, part in ((x, right), (y, low)):
        inside = (centre - side / 2 >= part / 2 - 0.03) & (centre + side / 2 <= part / 2 + 0.53)
        assert inside[present].all()
    for group in range(4):
        of_group = present & (world.group == group)
        assert set(of_group.sum(1)) == {1, 2}
    assert all(len(column) == 300 for column in world.columns())


def test_a_caption_tells_what_is_drawn():
    #   thing, colour, size, count
    told = scenes(
        groups=[[[0, 0, 1, 2], [1, 1, 1, 1], [2, 2, 0, 1], [5, 3, 0, 2]], [[4, 1, 0, 1]] * 4], index=3
    )
    assert family(3).nouns[:3] == ("car", "bus", "boat")
    assert captions(told) == [
        "two big red cars and a bus above a boat and two bikes",
        "a small orange plane and a plane above a plane and a plane",
    ]


def test_a_picture_shows_the_colour_in_the_quarter_told():
    names = list(COLOURS)
    groups = [[[2, names.index(c), 1, 1] for c in ("red", "green", "blue", "white")]]
    picture = ScenePictures(scenes(groups=groups), 64).read(np.array([0]))[0].astype(float)
    quarters = [picture[:32, :32], picture[:32, 32:], picture[32:, :32], picture[32:, 32:]]
    middle = [q[12:20, 12:20].mean((0, 1)) for q in quarters]
    assert [int(m.argmax()) for m in middle[:3]] == [0, 1, 2]
    assert middle[3].min() > 180


@pytest.mark.parametrize("size", [16, 32, 75])
def test_pictures_have_any_size_and_are_the_same_at_every_reading(size):
    pictures = ScenePictures(scenes(), size)
    rows = np.array([7, 3, 3, 39])
    read = pictures.read(rows)
    assert read.shape == (4, size, size, 3) and read.dtype == np.uint8
    np.testing.assert_array_equal(read[1], read[2])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(pictures)).read(rows), read)
    with ThreadPoolExecutor(4) as pool:
        for other in pool.map(pictures.read, [rows] * 8):
            np.testing.assert_array_equal(other, read)
    assert len({p.tobytes() for p in pictures.read(np.arange(40))}) == 40


def test_scenes_are_much_smaller_than_their_pictures():
    few, many = (len(pickle.dumps(ScenePictures(scenes(n=n), 32))) for n in (100, 1100))
    assert (many - few) / 1000 < 200
