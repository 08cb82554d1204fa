"""The pictures of a search: which there are, and that odd searches do not keep them from being drawn."""

import numpy as np
import pytest
from PIL import Image

from orchestrator.record import search_plots
from orchestrator.record.search_plots import SearchedKey, SearchedTrial, search_pictures
from orchestrator.report.what_mattered import Mattered, WhatMattered

_KEYS = [
    SearchedKey("method.learning_rate", True, ()),
    SearchedKey("method.head", False, ("linear", "adapter", None)),
    SearchedKey("method.ratio", False, ()),
    SearchedKey("method.mask", False, (False, True)),
]
_FOUND = WhatMattered(16, (Mattered(_KEYS[0].key, 0.9, 0.01), Mattered(_KEYS[1].key, 0.1, 0.6)))


def _trials(count, rate=None):
    draw, found = np.random.default_rng(0), []
    for number in range(count):
        values = {_KEYS[0].key: rate or float(10 ** draw.uniform(-4, -1))}
        values[_KEYS[1].key] = _KEYS[1].choices[number % 3]
        if number % 2:
            values[_KEYS[2].key] = float(draw.random())
        found.append(SearchedTrial(values, float(draw.random())))
    return found


def _drawn(folder, what=_FOUND, trials=None):
    files = search_pictures(folder, what, _KEYS, trials or _trials(9), "validation/average", "x")
    assert all(path.with_suffix(".pdf").stat().st_size > 500 for path in files)
    return [path.name for path in files]


def test_importance_slices_and_a_contour_are_drawn(tmp_path):
    assert _drawn(tmp_path) == ["importance.png", "contour.png", "slices.png"]
    with Image.open(tmp_path / "slices.png") as shown:
        assert shown.width == 2160, "as wide as two columns at 300 dpi"


def test_few_trials_have_slices_alone(tmp_path):
    assert _drawn(tmp_path, WhatMattered(5), _trials(5)) == ["slices.png"]
    assert _drawn(tmp_path, _FOUND, _trials(5)) == ["importance.png", "slices.png"]


@pytest.mark.parametrize("rate", [1e-3, None])
def test_a_contour_has_its_surface_where_there_is_one(tmp_path, monkeypatch, rate):
    found, usual = [], search_plots._surface
    monkeypatch.setattr(search_plots, "_surface", lambda *given: found.append(usual(*given)) or found[-1])
    assert _drawn(tmp_path, trials=_trials(9, rate))[-2] == "contour.png"
    assert (found[0] is None) == (rate is not None), "of trials on a line there is none"


def test_a_logarithmic_axis_has_plain_numbers(tmp_path, monkeypatch):
    found, usual = [], search_plots._axis

    def axis(given, scale, key):
        usual(given, scale, key)
        given.axes.set_xlim(1e-4, 1e-1)
        found.append([label.get_text() for label in given.get_ticklabels()])

    monkeypatch.setattr(search_plots, "_axis", axis)
    search_plots._slices(tmp_path / "s.png", _KEYS[:1], _trials(5), "m", "")
    assert {"0.0001", "0.001", "0.01", "0.1"} <= set(found[0])


def test_two_trials_at_one_place_have_no_surface():
    x, y = np.array([0.1, 0.1, 0.2, 0.3]), np.array([0.0, 0.0, 1.0, 0.0])
    assert search_plots._surface((_KEYS[0], _KEYS[2]), x, y) is None
    assert search_plots._surface((_KEYS[0], _KEYS[2]), x[1:], y[1:]) is not None
