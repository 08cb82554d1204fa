"""What lies beside the pictures of class folders: links, other splits, other endings, other spellings."""

import os
import unicodedata

import pytest

from orchestrator.errors import UserError
from orchestrator.streams.bad_records import BadRecords
from orchestrator.streams.recognition import class_folders as walking
from orchestrator.streams.recognition.class_folders import class_folders

CLASSES = ["ant", "bee", "cat"]


def touch(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def tree(root, *tops, count=2, classes=CLASSES):
    for top in tops or ("",):
        for name in classes:
            for i in range(count):
                touch(root / top / name / f"{i}.jpg")
    return root


def walk(root, skip=False):
    bad = BadRecords(skip)
    folders, parts = class_folders(str(root), bad)
    found = [
        sorted((folders[label], path) for path, label in zip(part.paths, part.labels, strict=True))
        for part in parts
    ]
    return folders, found, bad


def plain(*tops, count=2):
    return [
        sorted((c, os.path.join(top, c, f"{i}.jpg")) for c in CLASSES for i in range(count)) for top in tops
    ]


def message(root):
    with pytest.raises(UserError) as caught:
        walk(root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("target", [".", "..", "../..", "../../..", "/"])
def test_a_link_that_leads_back_up_adds_nothing(tmp_path, target):
    root = tree(tmp_path / "data")
    (root / "ant" / "self").symlink_to(target)
    folders, found, bad = walk(root)
    assert folders == CLASSES and found == plain("") and bad.remarks == [] and not bad.counts


def test_links_that_lead_to_each_other_end(tmp_path):
    tree(tmp_path)
    for name in ("x", "y"):
        (tmp_path / "ant" / name).mkdir()
        touch(tmp_path / "ant" / name / "0.jpg")
    (tmp_path / "ant" / "x" / "down").symlink_to("../y")
    (tmp_path / "ant" / "y" / "down").symlink_to("../x")
    more = [("ant", "ant/x/0.jpg"), ("ant", "ant/y/0.jpg")]
    assert walk(tmp_path)[1] == [sorted(plain("")[0] + more)]


def test_each_file_of_a_class_is_there_once_by_its_own_name(tmp_path):
    tree(tmp_path / "data")
    (tmp_path / "data" / "ant" / "a_link.jpg").symlink_to("1.jpg")
    (tmp_path / "data" / "ant" / "deep").mkdir()
    touch(tmp_path / "data" / "ant" / "z" / "2.jpg")
    (tmp_path / "data" / "ant" / "deep" / "again").symlink_to("../z")
    touch(tmp_path / "elsewhere" / "3.jpg")
    for name in ("more", "same"):
        (tmp_path / "data" / "ant" / name).symlink_to("../../elsewhere")
    (tmp_path / "data" / "bee" / "b.jpg").symlink_to("../../elsewhere/3.jpg")
    (tmp_path / "data" / "bee" / "c.jpg").symlink_to("../../elsewhere/3.jpg")
    _, found, bad = walk(tmp_path / "data")
    more = [("ant", "ant/z/2.jpg"), ("ant", "ant/more/3.jpg"), ("bee", "bee/b.jpg")]
    assert found == [sorted(plain("")[0] + more)]
    assert bad.counts == {"link to another picture of its class": 2}


@pytest.mark.parametrize("name", ["zz.jpg", "no_ending", "deeper"])
@pytest.mark.parametrize("target", ["/nowhere/x.jpg", "itself"])
def test_a_link_that_leads_nowhere_is_one_line_or_counted(tmp_path, name, target):
    tree(tmp_path)
    link = tmp_path / "ant" / name
    link.symlink_to(name if target == "itself" else target)
    said = message(tmp_path)
    assert said.startswith(
        f"{link}: is a link that leads nowhere" if target != "itself" else f"{link}: cannot"
    )
    assert said.endswith(", allowed: a file")
    _, found, bad = walk(tmp_path, skip=True)
    assert found == plain("") and bad.counts == {"no such file": 1}


def test_a_class_folder_that_is_a_dead_link_is_not_forgotten(tmp_path):
    tree(tmp_path, "train", "test")
    (tmp_path / "train" / "dog").symlink_to("nowhere")
    assert message(tmp_path) == (
        f"{tmp_path}/train/dog: is a link that leads nowhere, allowed: a class folder"
    )


def test_what_is_no_file_is_one_line_and_a_folder_called_like_a_picture_is_a_folder(tmp_path):
    tree(tmp_path)
    touch(tmp_path / "ant" / "d.jpg" / "0.jpg")
    assert ("ant", "ant/d.jpg/0.jpg") in walk(tmp_path)[1][0]
    os.mkfifo(tmp_path / "ant" / "p.jpg")
    assert message(tmp_path) == f"{tmp_path}/ant/p.jpg: is no file, allowed: a file"


def test_a_folder_that_cannot_be_listed_is_one_line_or_counted(tmp_path, monkeypatch):
    tree(tmp_path)
    touch(tmp_path / "ant" / "closed" / "0.jpg")
    scandir = os.scandir

    def refused(place):
        if str(place).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(place)

    monkeypatch.setattr(walking.os, "scandir", refused)
    assert message(tmp_path) == (
        f"{tmp_path}/ant/closed: cannot be read (Permission denied), allowed: a folder"
    )
    _, found, bad = walk(tmp_path, skip=True)
    assert found == plain("") and bad.counts == {"folder cannot be read": 1}


@pytest.mark.parametrize(
    "tops, said",
    [
        (("Train", "Test"), "has Test/, Train/ with folders in them, and no train/ and no test/"),
        (("training", "validation"), "has training/, validation/ with folders in them, and no train/ and no"),
        (("val", "test"), "has test/, val/ with folders in them, and no train/, "),
        (("train", "val"), "has train/, val/ with folders in them, and no test/, "),
        (("train",), "has train/ with folders in it, and no test/, "),
        (("train", "TEST"), "has TEST/, train/ with folders in them, and no test/, "),
        (("seg_train", "seg_test"), "has seg_test/, seg_train/ with folders in them, "),
        (("train2017", "val2017"), "has train2017/, val2017/ with folders in them, "),
        (("Training_Set", "Testing-Set"), "has Testing-Set/, Training_Set/ with folders in them, "),
    ],
)
def test_splits_under_other_names_are_no_classes(tmp_path, tops, said):
    found = message(tree(tmp_path, *tops))
    assert found.startswith(f"{tmp_path}: {said}")
    assert found.endswith("allowed: train/ and test/, so called, or class folders alone")


def test_classes_may_be_called_like_splits_where_they_hold_pictures(tmp_path):
    folders, found, _ = walk(tree(tmp_path, classes=["Train", "bus", "val", "trained"]))
    assert folders == ["Train", "bus", "trained", "val"] and len(found[0]) == 8
    touch(tmp_path / "Train" / "2019" / "2.jpg")
    assert len(walk(tmp_path)[1][0]) == 9, "pictures, and more in a folder beside them"


def test_other_folders_beside_train_and_test_are_told(tmp_path):
    _, found, bad = walk(tree(tmp_path, "train", "test", "val", "extra"))
    assert found == plain("train", "test")
    assert bad.remarks == [
        "passed over beside train/ and test/: extra/, val/; validation pictures are drawn from train/ "
        "(stream.validation)"
    ]


def test_test_folders_that_train_does_not_have_are_one_line(tmp_path):
    tree(tmp_path, "train")
    touch(tmp_path / "test" / "images" / "0.jpg")
    assert message(tmp_path) == (
        f"{tmp_path}/test: has images/, which train/ does not have, allowed: train/'s class folders "
        "(ant, bee, cat)"
    )
    touch(tmp_path / "test" / "Ant" / "0.jpg")
    assert "/test: has 2 folders that train/ does not have, such as Ant/, allowed:" in message(tmp_path)


@pytest.mark.parametrize("empty, full", [("train", "test"), ("test", "train")])
def test_one_of_train_and_test_without_class_folders_is_one_line(tmp_path, empty, full):
    tree(tmp_path, full)
    touch(tmp_path / empty / "0.jpg")
    assert message(tmp_path).startswith(f"{tmp_path}/{empty}: holds no class folders, allowed: ant, bee, cat")


def test_all_that_pillow_reads_is_read_and_what_is_passed_over_is_told(tmp_path):
    tree(tmp_path, count=1)
    for ending in ("JFIF", "avif", "jpe", "Png", "pnm", "apng"):
        touch(tmp_path / "ant" / f"a.{ending}")
    for name in ("a.heic", "b.HEIC", "notes.txt", "bare", ".hidden.jpg"):
        touch(tmp_path / "bee" / name)
    touch(tmp_path / "beside.jpg")
    touch(tmp_path / "readme.md")
    _, found, bad = walk(tmp_path)
    assert len(found[0]) == 3 + 6 and not bad.counts
    passed, beside = bad.remarks
    assert passed.startswith(
        "passed over, as their endings are no picture's: 2 x .heic, 1 x no ending, 1 x .txt (read: .jpg, "
    )
    assert beside == "passed over: 1 picture(s) in no class folder"


def test_names_of_the_same_letters_are_one_class_however_they_are_composed(tmp_path):
    one, other = (unicodedata.normalize(form, "éclair") for form in ("NFC", "NFD"))
    assert one != other
    tree(tmp_path, "train", classes=["ant", other])
    tree(tmp_path, "test", classes=["ant", one])
    folders, found, _ = walk(tmp_path)
    assert folders == ["ant", other]
    assert [len(part) for part in found] == [4, 4]
    assert {path for name, path in found[1] if name == other} == {f"test/{one}/{i}.jpg" for i in range(2)}
    tree(tmp_path, "train", classes=[one])
    assert "names differ in how their letters are composed alone (NFC, NFD), allowed: one" in message(
        tmp_path
    )


def test_the_order_in_which_a_machine_lists_changes_nothing(tmp_path, monkeypatch):
    tree(tmp_path, count=5)
    (tmp_path / "ant" / "one").symlink_to("../../elsewhere")
    (tmp_path / "ant" / "two").symlink_to("../../elsewhere")
    touch(tmp_path.parent / "elsewhere" / "9.jpg")
    touch(tmp_path / "ant" / "z.jpg")
    scandir = os.scandir
    results = []
    for reverse in (False, True):

        class Listing:
            def __init__(self, place):
                self.entries = sorted(scandir(place), key=lambda e: e.name, reverse=reverse)  # noqa: B023

            def __enter__(self):
                return iter(self.entries)

            def __exit__(self, *_):
                pass

        monkeypatch.setattr(walking.os, "scandir", Listing)
        folders, parts = class_folders(str(tmp_path), BadRecords(False))
        results.append((folders, [part.paths for part in parts]))
    assert results[0] == results[1]
    (paths,) = results[0][1]
    assert paths == sorted(paths) and paths.index("ant/one/9.jpg") < paths.index("ant/z.jpg")


@pytest.mark.parametrize("name", ["@eaDir", "__MACOSX", "lost+found"])
def test_folders_that_systems_make_hold_no_pictures_and_are_no_classes(tmp_path, name):
    tree(tmp_path)
    touch(tmp_path / name / "thumbnail.jpg")
    touch(tmp_path / "ant" / name / "0.jpg" / "thumbnail.jpg")
    folders, found, bad = walk(tmp_path)
    assert folders == CLASSES and found == plain("") and bad.remarks == [] and not bad.counts


@pytest.mark.parametrize(
    "splits",
    [
        ("train", "test"),
        ("Training", "val"),
        ("test_set", "train_set"),
        ("eval", "train"),
        ("train_2012", "val_2012"),
        ("my_test", "my_train"),
    ],
)
def test_splits_inside_of_classes_are_not_mixed(tmp_path, splits):
    """Splits would be drawn anew, and the data set's test pictures would be trained on."""
    for split in splits:
        for name in ("bee", "ant"):
            touch(tmp_path / name / split / "0.jpg")
    one, other = sorted(splits)
    assert message(tmp_path) == (
        f"{tmp_path}: has ant/{one}/, ant/{other}/ and 1 more such class folders, allowed: the splits first, "
        "train/CLASS/ and test/CLASS/, or classes without splits"
    )


def test_views_of_a_bullet_train_and_a_crash_test_are_no_splits(tmp_path):
    for name in ("bullet train", "crash test", "t-test", "train"):
        touch(tmp_path / "ant" / name / "0.jpg")
    touch(tmp_path / "bee" / "0.jpg")
    assert walk(tmp_path)[0] == ["ant", "bee"]


def test_a_folder_of_trains_is_no_split(tmp_path):
    tree(tmp_path, classes=["train", "car"])
    touch(tmp_path / "car" / "train" / "0.jpg")
    touch(tmp_path / "car" / "deeper" / "test" / "0.jpg")
    folders, found, _ = walk(tmp_path)
    assert folders == ["car", "train"] and len(found[0]) == 6
