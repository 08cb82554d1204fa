"""README.md's pictures: what makes them, and how large they are. No browser is started."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.unit

_ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pictures():
    return runpy.run_path(str(_ROOT / "docs" / "pictures.py"))


def test_readme_shows_all_three_and_they_are_small(pictures):
    shown = re.findall(r'src="(docs/pictures/\w+\.png)"', (_ROOT / "README.md").read_text("utf-8"))
    files = sorted((_ROOT / "docs" / "pictures").iterdir())
    assert sorted(_ROOT / path for path in shown) == files and len(files) == 3
    assert sum(file.stat().st_size for file in files) <= pictures["LIMIT"] == 300_000
    for file in files:
        with Image.open(file) as picture:
            assert picture.format == "PNG" and min(picture.size) >= 400


def test_the_first_figure_of_a_section_keeps_the_pages_style(pictures):
    page = (
        "<html><head><style>p{}</style></head><body><h3>A</h3><figure>one</figure>"
        "<h3>B</h3><p>x</p><figure>two\n2</figure><figure>three</figure></body></html>"
    )
    head = "<html><head><style>p{}</style></head><body>"
    assert pictures["figure"](page, "B") == f"{head}<figure>two\n2</figure></body></html>"
    with pytest.raises(ValueError, match="^C: has no figure$"):
        pictures["figure"](page.replace("<h3>B", "<h3>C").replace("figure>", "x>"), "C")


def test_few_colours_are_left_and_every_pixel_is_near(pictures, tmp_path):
    file, rng = tmp_path / "a.png", np.random.default_rng(0)
    ramp = np.linspace(0, 255, 64 * 64).reshape(64, 64).astype(np.uint8)
    before = np.stack([ramp, ramp.T, rng.integers(0, 9, (64, 64)).astype(np.uint8)], -1)
    Image.fromarray(before).save(file)
    pictures["shrink"](file)
    with Image.open(file) as picture:
        after = np.asarray(picture.convert("RGB")).astype(int)
        assert len(picture.getcolors()) <= 128
    assert np.abs(after - before).max() < 60


@pytest.mark.parametrize(
    ("words", "browser", "said"),
    [
        (
            ["none", "none-er"],
            "/bin/true",
            "runs/none/report.html: is not there; allowed: a study that has ended",
        ),
        (["none", "none-er"], None, "no chromium, chromium-browser or google-chrome on the PATH"),
    ],
)
def test_what_is_missing_is_said(pictures, words, browser, said, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: browser)
    with pytest.raises(SystemExit):
        pictures["main"](words)
    assert said in capsys.readouterr().err
