import io
import json
import os
import pickle
import re
import shutil
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from orchestrator.errors import BadRecord, UserError
from orchestrator.streams.recognition.image_folder import ImageFolder

FOLDERS = ["n01_猫", "n02_goldfish", "n03_éclair", "n04_Ель"]
ENDINGS = ["jpg", "png", "webp", "JPEG", "bmp", "gif"]


def picture(path, seed, size=(40, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(path.suffix, seed, size))


@cache
def encoded(ending, seed, size):
    """The bytes of a picture's file, as ``Image.save`` writes it."""
    pixels, file = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8), io.BytesIO()
    kind = Image.registered_extensions()[ending.lower()]
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()


def tree(root, counts=None, folders=FOLDERS):
    """ROOT/{train,test}/CLASS, or ROOT/CLASS for a single count."""
    for top, count in (counts or {"train": 6, "test": 3}).items():
        for k, folder in enumerate(folders):
            for i in range(count):
                picture(root / top / folder / f"a {i}.{ENDINGS[i % 6]}", 100 * k + i, (40 + 9 * i, 30))
    return root


def load(root, skip_bad=False, **config):
    config = ImageFolder.Config(
        **{"data": str(root), "image_size": 16, "initial": 2, "increment": 1, **config}
    )
    return ImageFolder.load(config, skip_bad)


def message(root, **config):
    with pytest.raises(UserError) as caught:
        load(root, **config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def every_id(stream, *splits):
    return sorted(i for t in stream.tasks for n, s in t.splits.items() if n in splits for i in s.ids)


def test_folders_are_classes_in_the_order_of_the_seed(tmp_path):
    stream = load(tree(tmp_path), order=1)
    assert sorted(stream.categories) == ["n01 猫", "n02 goldfish", "n03 éclair", "n04 Ель"]
    assert stream.augment == "flip" and stream.skipped == {} and stream.templates == ("a photo of a {}.",)
    assert load(tmp_path, order="natural").categories == [f.replace("_", " ") for f in FOLDERS]
    for task in stream.tasks:
        for name, split in task.splits.items():
            assert {i.split("/")[0] for i in split.ids} == {"test" if name == "test" else "train"}
            found = [stream.categories[k] for k in split.label]
            assert found == [i.split("/")[1].replace("_", " ") for i in split.ids]
    assert len(every_id(stream, "train", "validation")) == 24 and len(every_id(stream, "test")) == 12


def test_without_train_and_test_folders_the_test_pictures_are_drawn(tmp_path):
    tree(tmp_path, {"": 6})
    (tmp_path / FOLDERS[0] / "deeper").mkdir()
    picture(tmp_path / FOLDERS[0] / "deeper" / "b.png", 1)
    (tmp_path / FOLDERS[0] / ".hidden.jpg").write_bytes(b"")
    (tmp_path / FOLDERS[0] / "notes.txt").write_text("x")
    (tmp_path / ".cache").mkdir()
    streams = [load(tmp_path, seed=seed, test=0.34) for seed in (0, 1)]
    for stream in streams:
        assert len(every_id(stream, "train", "validation", "test")) == 25
        assert every_id(stream, "test") == every_id(streams[0], "test")
        assert len(every_id(stream, "test")) == 8


def test_pictures_are_resized_by_their_short_side_and_cropped_as_clip_does(tmp_path):
    tree(tmp_path)
    sizes = [(40, 30), (30, 40), (16, 16), (33, 200), (9, 11), (70, 31)]
    for i, size in enumerate(sizes):
        picture(tmp_path / "train" / FOLDERS[0] / f"a {i}.{ENDINGS[i]}", i, size)
    transform = v2.Compose(
        [v2.Resize(16, interpolation=v2.InterpolationMode.BICUBIC), v2.CenterCrop(16), v2.PILToTensor()]
    )
    for task in load(tmp_path).tasks:
        split = task.splits["train"]
        read = split.pictures.read(np.arange(len(split.ids))[::-1])
        assert read.dtype == np.uint8 and read.shape[1:] == (16, 16, 3)
        for name, pixels in zip(split.ids[::-1], read, strict=True):
            with Image.open(tmp_path / name) as image:
                expected = transform(image.convert("RGB"))
            assert torch.equal(torch.from_numpy(pixels).permute(2, 0, 1), expected)


def test_pictures_travel_small_and_are_read_from_threads(tmp_path):
    pictures = load(tree(tmp_path)).tasks[0].splits["train"].pictures
    again = pickle.loads(pickle.dumps(pictures))
    assert len(pickle.dumps(pictures)) < 2000
    rows = np.arange(len(pictures))
    with ThreadPoolExecutor(4) as pool:
        for read in pool.map(again.read, [rows] * 6):
            np.testing.assert_array_equal(read, pictures.read(rows))


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"no picture", lambda b: b""])
def test_a_damaged_picture_is_a_bad_record_when_it_is_read(tmp_path, damage):
    tree(tmp_path, {"train": 4, "test": 2})
    split = load(tmp_path).tasks[1].splits["train"]
    row = next(i for i, name in enumerate(split.ids) if name.endswith(("jpg", "png")))
    path = tmp_path / split.ids[row]
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadRecord) as caught:
        split.pictures.read(np.array([row]))
    assert caught.value.row == row and "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: cannot be decoded (")
    path.unlink()
    with pytest.raises(BadRecord, match="cannot be read") as caught:
        split.pictures.read(np.array([row]))
    assert caught.value.row == row


def lists(root, change=lambda lines: lines):
    """ImageNet-R's lists of a tree, labels in an order that is not the folders' own."""
    label = {folder: (k + 2) % 4 for k, folder in enumerate(FOLDERS)}
    (root / "split").mkdir(exist_ok=True)
    for top in ("train", "test"):
        lines = [
            f"{top}/{folder}/{name} {label[folder]}"
            for folder in FOLDERS
            for name in sorted(os.listdir(root / top / folder))
        ]
        text = "\n".join(change(lines) if top == "train" else lines) + "\n"
        (root / "split" / f"{top}.txt").write_text(text, encoding="utf-8")
    return {"train_list": "split/train.txt", "test_list": "split/test.txt"}


def test_lists_say_which_pictures_belong_to_which_class_and_split(tmp_path):
    tree(tmp_path)
    given = lists(tmp_path, lambda lines: [line for line in lines if "a 5" not in line])
    stream = load(tmp_path, order="natural", **given)
    assert stream.categories == ["n03 éclair", "n04 Ель", "n01 猫", "n02 goldfish"]
    assert len(every_id(stream, "train", "validation")) == 20 and len(every_id(stream, "test")) == 12
    for task in stream.tasks:
        for split in task.splits.values():
            found = [stream.categories[k] for k in split.label]
            assert found == [i.split("/")[1].replace("_", " ") for i in split.ids]
    whole = {key: str(tmp_path / path) for key, path in given.items()}
    assert load(tmp_path, order="natural", **whole).fingerprint == stream.fingerprint


def test_names_come_from_a_file_exactly_as_they_are_written(tmp_path):
    tree(tmp_path)
    names = dict(zip(FOLDERS, ["sea_lion", "金魚  (キンギョ)", "Café “au lait”", "ёлка"], strict=True))
    (tmp_path / "a.json").write_text(json.dumps({**names, "n99": "unused"}), encoding="utf-8")
    (tmp_path / "b.yaml").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
    text = "\r\n".join(f"{folder}\t{name}\t" for folder, name in names.items())  # a spreadsheet's
    (tmp_path / "c.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "d.txt").write_text(
        "\n".join(f"{f} {n}" for f, n in names.items()) + "\n\n", encoding="utf-8"
    )
    for file in ("a.json", "b.yaml", "c.txt", str(tmp_path / "d.txt")):
        stream = load(tmp_path, names=file, order="natural")
        assert stream.categories == list(names.values())


@pytest.mark.parametrize(
    "file, text, found",
    [
        ("n.txt", "n01_猫\tcat\n", "has no name for the folder 'n02_goldfish', allowed: one for each class"),
        ("n.txt", "n01_猫\n", ":1: 'n01_猫' has no name, allowed: a folder, a tab, its name"),
        (
            "n.txt",
            "n01_猫\tcat\t7\n",
            "n.txt:1: 'n01_猫\\tcat\\t7' has 2 tabs, allowed: a folder, a tab, its name",
        ),
        ("n.txt", "n01_猫\ta\nn01_猫\tb\n", "folder 'n01_猫' is given twice, allowed: once"),
        ("n.txt", "sea lion\t\n", "folder 'sea lion' is named '', allowed: text that is not empty"),
        ("n.txt", "n01_猫\t \n", "folder 'n01_猫' is named ' ', allowed: text that is not empty"),
        ("n.txt", "", "names no class, allowed: folder and name of each class"),
        ("n.json", '{"n01_猫": "a", "n01_猫": "b"}', "folder 'n01_猫' is given twice, allowed: once"),
        ("n.json", '{"n01_猫": 3}', "folder 'n01_猫' is named 3, allowed: text that is not empty"),
        ("n.json", '{"n01_猫": "a"', "not whole JSON ("),
        ("n.json", '["a"]', "names no class, allowed: folder and name of each class"),
        ("n.json", "{}", "names no class, allowed: folder and name of each class"),
        ("n.yml", "n01_猫: a\nn01_猫: b\n", "the key is given twice"),
        ("n.yml", "n01_猫: 3\n", "folder 'n01_猫' is named 3, allowed: text that is not empty"),
        ("n.yml", "- a\n", "names no class, allowed: folder and name of each class"),
    ],
)
def test_a_wrong_file_of_names_is_one_line(tmp_path, file, text, found):
    tree(tmp_path)
    (tmp_path / file).write_text(text, encoding="utf-8")
    said = message(tmp_path, names=file)
    assert said.startswith(f"{tmp_path / file}:") and found in said


def test_names_in_another_encoding_or_nowhere_are_one_line(tmp_path):
    tree(tmp_path)
    (tmp_path / "n.txt").write_bytes("n01 Ель".encode("cp1251"))
    assert "n.txt:1: not UTF-8 (byte 4 of the file), allowed: a file of" in message(tmp_path, names="n.txt")
    (tmp_path / "n.txt").write_bytes(b"\xef\xbb\xbfa b\n" + "Ель".encode("cp1251"))
    assert "n.txt:2: not UTF-8 (byte 7 of the file)" in message(tmp_path, names="n.txt")
    assert "m.txt: cannot be read (No such file" in message(tmp_path, names="m.txt")
    names = "".join(f"{folder}\tsame\n" for folder in FOLDERS)
    (tmp_path / "n.txt").write_text(names, encoding="utf-8")
    assert (
        f"class name 'same' is used twice, for folder {FOLDERS[0]!r} and folder {FOLDERS[1]!r}, allowed: "
        "each name once"
    ) in message(tmp_path, names="n.txt")


@pytest.mark.parametrize(
    "change, found",
    [
        (lambda x: [*x, "train/n09/a.jpg"], "train.txt:25: 'train/n09/a.jpg' is no picture with its label"),
        (lambda x: [*x, "train/n09/a.jpg two"], "is no picture with its label, allowed: PATH LABEL"),
        (lambda x: [*x, f"{x[0][:-1]}--5"], "train.txt:25: 'train/n01_猫/a 0.jpg --5' is no picture with"),
        (lambda x: [*x, f"{x[0][:-1]}٣"], "train.txt:25: 'train/n01_猫/a 0.jpg ٣' is no picture with"),
        (
            lambda x: [*x, x[0] + "9" * 5000],
            f"99{'9' * 100}' is no picture with its label, allowed: PATH LABEL",
        ),
        (lambda x: [x[0].replace(" 2", "\t2").replace("a 0", "a0")], "jpg\\t2' is no picture with its label"),
        (lambda x: [*x, "train/n09/a.jpg 2"], "train/n09/a.jpg: no such file, allowed: one that exists"),
        (lambda x: [*x, "../n01/a.jpg 2"], "train.txt:25: ../n01/a.jpg is not in "),
        (lambda x: [*x, "train/../../n01/a.jpg 2"], "../n01/a.jpg is not in "),
        (lambda x: [*x, x[0]], "train/n01_猫/a 0.jpg is listed twice, allowed: once"),
        (lambda x: [*x, f"test/n01_猫/a 0.jpg {x[0][-1]}"], "a 0.jpg is listed twice, allowed: once"),
        (lambda x: [x[0][:-1] + "4", *x[1:]], "a 0.jpg has label 4, allowed: 0 .. 3, one for each of the 4"),
        (
            lambda x: [x[0][:-1] + "-1", *x[1:]],
            "a 0.jpg has label -1, allowed: 0 .. 3, one for each of the 4",
        ),
        (lambda x: [x[0][:-1] + "9" * 30, *x[1:]], "allowed: 0 .. 3, one for each of the 4 class folders"),
        (lambda x: [x[0], x[1][:-1] + "3", *x[2:]], "a 1.png has label 3, allowed: 2, its folder's"),
        (
            lambda x: [line[:-1] + "2" for line in x],
            "has label 2, which is that of n01_猫, allowed: one folder a label",
        ),
        (lambda x: x[6:], "class 'n01 猫' has no pictures, allowed: at least 2"),
        (lambda x: x[5:], "class 'n01 猫' has 1 picture, allowed: at least 2"),
    ],
)
def test_a_wrong_list_is_one_line(tmp_path, change, found):
    tree(tmp_path)
    assert found in message(tmp_path, **lists(tmp_path, change))


def test_bad_lines_are_left_out_and_counted_where_asked(tmp_path):
    tree(tmp_path)
    given = lists(tmp_path, lambda x: ["nonsense", *x, "train/n09/a.jpg 2"])
    (tmp_path / "train" / FOLDERS[0] / "a 0.jpg").unlink()
    stream = load(tmp_path, skip_bad=True, **given)
    assert stream.skipped == {"no picture with its label": 1, "no such file": 2}
    assert len(every_id(stream, "train", "validation")) == 23


def test_when_no_line_of_a_list_is_sound_the_first_fault_is_told(tmp_path):
    tree(tmp_path)
    given = lists(tmp_path, lambda lines: [line.replace("/", ":") for line in lines])
    with pytest.raises(UserError) as caught:
        load(tmp_path, skip_bad=True, **given)
    assert "; left out before: 24 x no such file (the first: " in str(caught.value)
    assert "split/train.txt:1: " in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("forms", [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_list_and_names_whose_letters_are_composed_otherwise_mean_the_same(tmp_path, forms):
    on_disk, typed = (unicodedata.normalize(form, "n05_éclair") for form in forms)
    folders = [*FOLDERS[:3], on_disk]
    tree(tmp_path, folders=folders)
    for top in ("train", "test"):
        lines = [
            f"{top}/{typed if f == on_disk else f}/{file} {k}"
            for k, f in enumerate(folders)
            for file in sorted(os.listdir(tmp_path / top / f))
        ]
        (tmp_path / f"{top}.txt").write_text("\r\n".join(lines), encoding="utf-8")
    names = "\n".join(f"{typed if f == on_disk else f}\tclass {k}" for k, f in enumerate(folders))
    (tmp_path / "names.txt").write_text(names, encoding="utf-8")
    given = {"train_list": "train.txt", "test_list": "test.txt"}
    for how in ({}, given):
        stream = load(tmp_path, names="names.txt", order="natural", **how)
        assert stream.categories == [f"class {k}" for k in range(4)] and stream.skipped == {}
        assert len(every_id(stream, "train", "validation")) == 24 and len(every_id(stream, "test")) == 12
        assert stream.tasks[2].splits["train"].pictures.read(np.array([0])).shape == (1, 16, 16, 3)


def test_what_was_found_beside_the_pictures_is_remarked(tmp_path):
    tree(tmp_path, {"train": 6, "test": 3, "val": 1})
    shutil.copy(tmp_path / "train" / FOLDERS[0] / "a 1.png", tmp_path / "test" / FOLDERS[0] / "a 1.png")
    stream = load(tmp_path, validation=0.5)
    beside, same = stream.remarks
    assert beside.startswith("passed over beside train/ and test/: val/; ")
    assert re.match(r"(\d+ of 12 (validation|test)) pictures are training", same)


def test_a_folder_that_holds_no_such_thing_is_one_line(tmp_path):
    assert message("") == (
        "stream image-folder: no data folder given, allowed: --data DIR with class folders"
    )
    assert f"{tmp_path}/none: no such folder" in message(tmp_path / "none")
    assert f"{tmp_path}: holds no class folders, allowed: train/ and test/" in message(tmp_path)
    tree(tmp_path, {"train": 3})
    assert message(tmp_path).startswith(f"{tmp_path}: has train/ with folders in it, and no test/, allowed: ")
    tree(tmp_path, {"test": 1})
    (tmp_path / "train" / "empty").mkdir()
    assert "class 'empty' has no pictures, allowed: at least 2" in message(tmp_path, increment=3)
    (tmp_path / "train" / "empty").rmdir()
    shutil.rmtree(tmp_path / "test" / FOLDERS[2])
    assert "class 'n03 éclair' has no pictures to test on, allowed: at least 1" in message(tmp_path)
    shutil.rmtree(tmp_path / "train" / FOLDERS[2])
    assert message(tmp_path, initial=4).startswith("stream.initial: 4, allowed: 1 .. 3")


def test_two_folders_of_one_name_are_one_line(tmp_path):
    tree(tmp_path, {"": 3}, ["sea_lion", "sea lion", "c"])
    found = message(tmp_path)
    assert found.startswith("stream image-folder: class name 'sea lion' is used twice, for folder 'sea")
    assert "'sea_lion'" in found and "'sea lion'" in found.partition("twice")[2]


def test_names_of_a_file_go_by_the_folder_whatever_its_order(tmp_path):
    tree(tmp_path, {"train": 4, "test": 2})
    names = {folder: f"name of {folder}" for folder in FOLDERS}
    (tmp_path / "names.json").write_text(json.dumps(dict(reversed(names.items()))))
    stream = load(tmp_path, names="names.json", seed=2)
    for task in stream.tasks:
        for split in task.splits.values():
            found = [stream.categories[k] for k in split.label]
            assert found == [names[path.split("/")[1]] for path in split.ids]


def test_the_fingerprint_tells_other_pictures(tmp_path):
    tree(tmp_path)
    first = load(tmp_path).fingerprint
    assert load(tmp_path).fingerprint == first != load(tmp_path, image_size=32).fingerprint
    picture(tmp_path / "test" / FOLDERS[1] / "a 0.jpg", 77, (50, 50))
    assert load(tmp_path).fingerprint != first


@pytest.mark.parametrize(
    "change, found",
    [
        ({"train_list": "a"}, "test_list: '', allowed: a file, as the other list is given"),
        ({"test_list": "a"}, "train_list: '', allowed: a file, as the other list is given"),
        ({"image_size": 8}, "image_size: 8, allowed: an integer 16 .. 4096"),
        ({"test": 0}, "test: 0, allowed: above 0, at most 0.5"),
    ],
)
def test_a_wrong_configuration_is_one_line(change, found):
    with pytest.raises(ValueError) as caught:
        ImageFolder.Config(**change)
    assert str(caught.value) == found
