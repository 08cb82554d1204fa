"""Emoji of four vendors as data sets, made of small archives. No Ray is started."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from emoji_archives import row, write_archives, write_small_archives
from page_commands import commands
from PIL import Image

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs" / "reference" / "streams.md"
_VENDORS = ("noto", "twemoji", "fluent", "emojione")


@pytest.fixture
def emoji(monkeypatch, tmp_path):
    """The command, in an empty folder."""
    monkeypatch.syspath_prepend(str(_ROOT / "benchmarks"))  # as `python FILE` has it
    for name in ("emoji_packages", "emoji_folders"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    spec = importlib.util.spec_from_file_location("benchmark_emoji", _ROOT / "benchmarks" / "emoji.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    return module


@pytest.fixture
def small(emoji, tmp_path):
    write_small_archives(tmp_path)
    return emoji


def _drawn(rows, vendors=_VENDORS, size=(2, 2)):
    """Vendor -> file -> a drawing, each in a colour of its own."""
    return {
        vendor: {
            r["unified"].lower(): Image.new("RGBA", size, (number, 50 * place, 0, 255))
            for number, r in enumerate(rows)
            if vendor in vendors
        }
        for place, vendor in enumerate(_VENDORS)
    }


def _read(name):
    return json.loads(Path(f"out/pairs/json/{name}.json").read_text())


def test_the_pages_commands_fetch_the_packages_and_make_the_three_data_sets(small, capsys):
    (fetch,) = [words for words in commands(_PAGE) if words[0] == "npm"]
    vendors = small.VENDORS.values()
    assert sorted(fetch[2:]) == sorted(f"{vendor.package}@{vendor.version}" for vendor in vendors)
    make = ["python", "benchmarks/emoji.py", "--out", "DIR"]
    assert make in commands(_PAGE)
    small.main(make[2:])
    assert capsys.readouterr().out.splitlines() == [
        "things: left out, as they have fewer than 80 classes: Food & Drink",
        "subgroups: left out, as they have fewer than 5 classes: Objects",
        "DIR/pairs: 270 pictures to train on, 90 to test on",
        "  Objects: 240 pictures to train on, 80 to test on",
        "  Food & Drink: 30 pictures to train on, 10 to test on",
        "DIR/things: 1 tasks of 80 classes; 240 pictures to train on, 80 to test on",
        "DIR/subgroups: 1 tasks of 5 classes; 30 pictures to train on, 10 to test on",
    ]
    said = Path("DIR/LICENCES.txt").read_text().splitlines()
    assert len(said) == 4 and all(
        v.licence in line and v.artist in line for v, line in zip(vendors, said, strict=True)
    )


def test_the_page_has_each_vendors_package_and_licence(emoji):
    rows = [line.split("|")[1:4] for line in _PAGE.read_text().splitlines() if line.startswith("| `")]
    for name, vendor in emoji.VENDORS.items():
        ((_, package, licence),) = [row for row in rows if row[0].startswith(f" `{name}`,")]
        assert package.startswith(f" `{vendor.package}` {vendor.version}")
        assert licence.strip() == vendor.licence


def test_pairs_are_read_by_p9d_with_the_test_vendor_in_no_training_split(small):
    from orchestrator.streams.registry import get

    small.main(["--out", "out", "--test", "emojione"])
    p9d = get("p9d")
    source = p9d.load(p9d.Config(data="out/pairs", image_size=16), skip_bad=False)
    assert [task.name for task in source.tasks] == ["Objects", "Food & Drink"]
    vendors = {
        name: {i.partition("-")[2] for task in source.tasks for i in task.splits[name].ids}
        for name in ("train", "validation", "test", "query", "gallery")
    }
    assert vendors["test"] == vendors["query"] == vendors["gallery"] == {"emojione"}
    assert vendors["train"] == {"noto", "twemoji", "fluent"} >= vendors["validation"]
    food = source.tasks[1].splits
    assert [len(food[name].ids) for name in ("train", "validation", "test")] == [27, 3, 10]
    assert sorted(food["test"].captions) == [f"food {k}" for k in range(10)]
    assert source.categories == ["tool", *(f"food-{k}" for k in range(5))]
    # Each second thing of a subgroup is a query, so that each has a picture of its category to find.
    assert sorted(food["query"].captions) == [f"food {k}" for k in range(5, 10)]
    assert set(food["query"].label) <= set(food["gallery"].label)


@pytest.mark.parametrize(("of", "task", "first"), [("things", 4, "thing 0"), ("subgroups", 5, "food 0")])
def test_class_folders_are_read_by_image_folder_task_by_task(of, task, first, small):
    from orchestrator.streams.registry import get

    small.main(["--out", "out", "--things", "4"])
    stream = get("image-folder")
    config = stream.Config(
        data=f"out/{of}", names="names.txt", order="natural", initial=task, increment=task, image_size=16
    )
    source = stream.load(config, skip_bad=False)
    assert source.categories[0] == first and len(source.categories) == (8 if of == "things" else 5)
    assert {i.rpartition("-")[2] for t in source.tasks for i in t.splits["test"].ids} == {"twemoji.png"}
    others = {i.rpartition("-")[2] for t in source.tasks for i in t.splits["train"].ids}
    assert others <= {"noto.png", "fluent.png", "emojione.png"}
    if of == "things":  # at even distances of 80, and the group of ten
        assert source.categories == [
            *(f"thing {k}" for k in (0, 26, 53, 79)),
            *(f"food {k}" for k in (0, 3, 6, 9)),
        ]


def test_a_thing_is_taken_that_the_held_out_vendor_and_two_others_drew(emoji, tmp_path):
    rows = [row(f"1f60{k}", f"face {k}", "Smileys", "face", k) for k in range(4)]
    drawn = _drawn(rows)
    del drawn["noto"]["1f600"]  # three are left
    del drawn["twemoji"]["1f601"]  # the one held out
    del drawn["noto"]["1f602"], drawn["fluent"]["1f602"]  # one other is left
    write_archives(tmp_path, rows, drawn)
    emoji.main(["--out", "out", "--things", "1", "--subgroups", "1"])
    assert list(_read("test")) == ["1f600-twemoji", "1f603-twemoji"]
    assert list(_read("train")["Smileys"]) == [
        f"{code}-{v}"
        for code, v in [("1f600", "fluent"), ("1f600", "emojione"), *(("1f603", v) for v in _VENDORS)]
        if v != "twemoji"
    ]


def test_the_largest_subgroups_are_classes_in_unicodes_order(emoji, tmp_path):
    subgroups = ["food-few", "food-fruit", "food-few", "drink", "drink", "food-fruit", "drink", "sweets"]
    rows = [row(f"1f34{k}", f"food {k}", "Food", name, k) for k, name in enumerate(subgroups)]
    rows.append(row("1f348", "Food 8", "Food", "sweets", 8))
    rows.append(row("1f349", "Food 9", "Food", "sweets", 9))
    write_archives(tmp_path, rows, _drawn(rows))
    emoji.main(["--out", "out", "--things", "1", "--subgroups", "2"])
    names = Path("out/subgroups/names.txt").read_text().splitlines()
    assert names == ["01.001_drink\tdrink", "01.002_sweets\tsweets"]
    assert len(list(Path("out/subgroups/test/01.002_sweets").iterdir())) == 3


def test_flags_of_countries_in_the_fluent_package_are_not_taken_for_its_own(emoji, tmp_path):
    rows = [
        row("1f1e7", "Brazil Flag", "Flags", "country-flag", 0),
        row("1f3c1", "Chequered Flag", "Flags", "flag", 1),
    ]
    write_archives(tmp_path, rows, _drawn(rows))
    emoji.main(["--out", "out", "--things", "2", "--subgroups", "2"])
    assert [item for item in _read("train")["Flags"] if item.endswith("fluent")] == ["1f3c1-fluent"]


def test_of_two_things_with_one_drawing_that_stays_which_unicode_had_first(emoji, tmp_path):
    rows = [
        row("1f1e7", "Bouvet Flag", "Flags", "flag", 0, "2.0"),
        row("1f1f3", "Norway Flag", "Flags", "flag", 1, "0.6"),
    ]
    drawn = _drawn(rows)
    drawn["emojione"]["1f1e7"] = drawn["emojione"]["1f1f3"]
    write_archives(tmp_path, rows, drawn)
    emoji.main(["--out", "out", "--things", "1", "--subgroups", "1"])
    assert [record["title"] for record in _read("test").values()] == ["norway flag"]


def test_code_points_are_matched_as_each_vendor_writes_them(emoji, tmp_path):
    """With and without the variation selector, the joiner and leading zeros."""
    rows = [
        row("0023-fe0f-20e3", "Hash Key", "Symbols", "keycap", 0),
        row("1f441-200d-1f5e8", "Eye", "Symbols", "keycap", 1),
    ]
    spelled = {
        "noto": ("0023-fe0f-20e3", "1f441-200d-1f5e8"),
        "twemoji": ("0023-fe0f-20e3", "1f441-fe0f-200d-1f5e8-fe0f"),
        "fluent": ("23-fe0f-20e3", "1f441-200d-1f5e8"),
        "emojione": ("0023-20e3", "1f441-1f5e8"),
    }
    drawn = {
        vendor: dict(zip(names, _drawn(rows)[vendor].values(), strict=True))
        for vendor, names in spelled.items()
    }
    write_archives(tmp_path, rows, drawn)
    emoji.main(["--out", "out", "--things", "2", "--subgroups", "1"])
    assert [
        len(list(Path(f"out/pairs/{name}").iterdir())) for name in ("train_images", "gallery_images")
    ] == [6, 2]


def test_a_caption_is_the_name_and_what_the_short_names_add(emoji, tmp_path):
    rows = [row("1f30a", "Water Wave", "Travel", "water", 0, short=["ocean", "big_wave", "+1"])]
    write_archives(tmp_path, rows, _drawn(rows))
    emoji.main(["--out", "out", "--things", "1", "--subgroups", "1"])
    assert _read("test")["1f30a-twemoji"] == {
        "title": "water wave ocean big",
        "cate_name": "water",
        "industry_name": "Travel",
    }


def test_a_drawing_lies_on_white_in_the_middle_of_a_square(emoji, tmp_path):
    rows = [row("1f30a", "Wave", "Travel", "water", 0)]
    drawn = _drawn(rows)
    flat = Image.new("RGBA", (8, 4), (0, 0, 255, 255))
    flat.paste((0, 0, 0, 0), (0, 0, 4, 4))  # what shows nothing, black or not, is white
    drawn["noto"]["1f30a"] = flat
    write_archives(tmp_path, rows, drawn)
    emoji.main(["--out", "out", "--things", "1", "--subgroups", "1", "--side", "8"])
    picture = np.asarray(Image.open(next(Path("out/things/train").glob("*/*noto.png"))))
    expected = np.full((8, 8, 3), 255, np.uint8)
    expected[2:6, 4:] = (0, 0, 255)
    np.testing.assert_array_equal(picture, expected)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--packages", "none"],
            "none: has no emoji-datasource-google-16.0.0.tgz, allowed: what `npm pack emoji-",
        ),
        (["--out", "."], "--out .: is there already, allowed: a folder that is not"),
        (["--things", "81"], "--things 81: no group has so many, allowed: 1 .. 80"),
        (["--subgroups", "6"], "--subgroups 6: no group has so many, allowed: 1 .. 5"),
    ],
)
def test_what_cannot_be_is_one_line(words, said, small):
    with pytest.raises(SystemExit) as ended:
        small.main(["--out", "out", *words])
    assert ended.value.code.startswith(f"error: {said}") and "\n" not in ended.value.code
    assert not Path("out").exists()


@pytest.mark.parametrize("content", [b"no archive", None])
def test_an_archive_that_is_none_is_one_line(content, small):
    path = Path("emojione-2.2.7.tgz")
    path.write_bytes(path.read_bytes()[:200] if content is None else content)
    with pytest.raises(SystemExit, match=r"^error: emojione-2.2.7.tgz: cannot be read \(.*emojione$"):
        small.main(["--out", "out"])
