import io
import json
import os
import pickle
import shutil
import unicodedata
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageFile

from orchestrator.config import RunConfig
from orchestrator.data.loader import Loader, eval_batches
from orchestrator.data.row_reader import RowReader
from orchestrator.errors import BadRecord, UserError
from orchestrator.seeding import hashed
from orchestrator.streams.augment import augment, crop_draws
from orchestrator.streams.prepare import prepare
from orchestrator.streams.retrieval.p9d import P9D
from orchestrator.streams.stream_record import StreamRecord
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer

INDUSTRIES = {"家居": 20, "Food & Drink": 12, "c/d": 9}


def title(industry, n):
    return f"{industry[0]}品 No{n // 2}!"


def layout():
    """Train: two pictures of each thing. Test, query, gallery: others of the same things."""
    train, test, query, gallery, number = {}, {}, {}, {}, 0
    for industry, count in INDUSTRIES.items():
        train[industry] = {}
        for n in range(count):
            record = {
                "title": title(industry, n),
                "cate_name": f"{industry}-{n // 4}",
                "image_link": "http://x",
            }
            train[industry][f"i{number:04d}"] = record
            for split in (test, query, gallery)[: 3 if n % 2 else 1]:
                split[f"{'tqg'[(test, query, gallery).index(split)]}{number:04d}"] = {
                    **record,
                    "industry_name": industry,
                }
            number += 1
    # Elsewhere the industries are mixed.
    test = dict(sorted(test.items(), key=lambda item: item[0][::-1]))
    return {"train": train, "test": test, "query": query, "gallery": gallery}


def write(folder, files):
    for name in ("json", "train_images", "gallery_images"):
        (folder / name).mkdir(exist_ok=True)
    for name, content in files.items():
        text = json.dumps(content, ensure_ascii=False)
        (folder / "json" / f"{name}.json").write_text(text, encoding="utf-8")
    for items, images in [*((i, "train_images") for i in files["train"].values())] + [
        (files[s], "gallery_images") for s in ("test", "query", "gallery") if s in files
    ]:
        for item in items:
            (folder / images / f"{item}.jpg").write_bytes(picture(sum(item.encode()) * 7 % 256))
    return folder


@cache
def picture(shade):
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (shade, 100, 200)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def files():
    return layout()


def load(folder, skip_bad=False, **config):
    return P9D.load(P9D.Config(data=str(folder), **{"image_size": 16, **config}), skip_bad)


def every_id(stream):
    return {(t.name, n): list(s.ids) for t in stream.tasks for n, s in t.splits.items()}


def test_tasks_and_splits_are_those_of_the_files(tmp_path, files):
    stream = load(write(tmp_path, files))
    assert [t.name for t in stream.tasks] == list(INDUSTRIES)
    assert stream.skipped == {} and stream.augment == "product" and stream.image_size == 16
    for task in stream.tasks:
        s = task.splits
        train = set(s["train"].ids) | set(s["validation"].ids)
        assert train == set(files["train"][task.name])
        assert not set(s["train"].ids) & set(s["validation"].ids)
        for name in ("test", "query", "gallery"):
            assert s[name].ids == [i for i, r in files[name].items() if r["industry_name"] == task.name]
        for name, split in s.items():
            source = files["train"][task.name] if name in ("train", "validation") else files[name]
            assert [stream.categories[k] for k in split.label] == [source[i]["cate_name"] for i in split.ids]
            assert split.label.dtype == np.int32
            assert len(split.pictures) == len(split.captions) == len(split.ids)
    assert stream.tasks[0].splits["test"].captions[0].startswith("家品 no")


def test_pictures_come_from_the_folder_of_their_split(tmp_path, files):
    stream = load(write(tmp_path, files))
    for name, split in stream.tasks[1].splits.items():
        folder = "train_images" if name in ("train", "validation") else "gallery_images"
        with Image.open(tmp_path / folder / f"{split.ids[-1]}.jpg") as image:
            np.testing.assert_array_equal(
                split.pictures.read(np.array([len(split.ids) - 1]))[0], np.asarray(image)
            )


def test_the_seed_draws_validation_and_the_same_seed_the_same(tmp_path, files):
    write(tmp_path, files)
    first, again, other = load(tmp_path), load(tmp_path), load(tmp_path, seed=1)
    assert every_id(first) == every_id(again) != every_id(other)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert [len(t.splits["validation"].ids) for t in first.tasks] == [2, 1, 1]
    half = load(tmp_path, validation=0.5)
    held = [t.splits["validation"] for t in half.tasks]
    assert [len(v.ids) for v in held] == [10, 6, 4]
    assert all(len(set(v.captions)) == len(v.captions) for v in held), "different captions first"


def test_with_a_share_of_0_all_training_records_are_trained_on(tmp_path, files):
    write(tmp_path, files)
    whole, held = load(tmp_path, validation=0), load(tmp_path)
    assert held.holds_out and not whole.holds_out
    for task, other in zip(whole.tasks, held.tasks, strict=True):
        assert set(other.splits) - set(task.splits) == {"validation"}
        both = [i for name in ("train", "validation") for i in other.splits[name].ids]
        assert sorted(task.splits["train"].ids) == sorted(both)
        assert task.splits["test"].ids == other.splits["test"].ids
    with pytest.raises(ValueError, match="^validation: 0.6, allowed: 0 to 0.5$"):
        load(tmp_path, validation=0.6)


def test_validation_is_no_larger_than_test(tmp_path, files):
    keep = {i for i, r in list(files["test"].items()) if r["industry_name"] != "家居"}
    few = [i for i, r in files["test"].items() if r["industry_name"] == "家居"][:3]
    files["test"] = {i: r for i, r in files["test"].items() if i in keep or i in few}
    stream = load(write(tmp_path, files), validation=0.5)
    assert len(stream.tasks[0].splits["validation"].ids) == 3


def test_the_order_is_the_files_or_the_lists_or_a_seeds(tmp_path, files):
    write(tmp_path, files)
    picked = load(tmp_path, task_names=("家居", "c/d"), order=("c/d", "家居"))
    assert [t.name for t in picked.tasks] == ["c/d", "家居"]
    assert [t.name for t in load(tmp_path, task_names=("家居", "c/d")).tasks] == ["家居", "c/d"]
    plain = every_id(load(tmp_path))
    assert all(plain[key] == ids for key, ids in every_id(picked).items()), (
        "a task does not depend on its place"
    )
    assert [t.name for t in load(tmp_path, tasks=2).tasks] == list(INDUSTRIES)[:2]
    orders = {tuple(t.name for t in load(tmp_path, order=s).tasks) for s in range(8)}
    assert len(orders) > 1 and all(sorted(o) == sorted(INDUSTRIES) for o in orders)
    first = {t.name for s in range(8) for t in load(tmp_path, order=s, tasks=2).tasks}
    assert first == set(list(INDUSTRIES)[:2]), "which tasks there are does not depend on their order"


def test_a_trial_may_take_a_few_items_and_queries_keep_something_to_find(tmp_path, files):
    stream = load(write(tmp_path, files), max_items=5)
    for task in stream.tasks:
        s = task.splits
        assert len(s["train"].ids) + len(s["validation"].ids) == 5
        assert (
            1 <= len(s["test"].ids) <= 5 and 1 <= len(s["query"].ids) <= 5 and 1 <= len(s["gallery"].ids) <= 5
        )
        assert set(s["query"].label) <= set(s["gallery"].label)
    other = load(tmp_path, max_items=5, seed=1)
    for split, chosen in every_id(stream).items():
        assert split[1] in ("query", "gallery") or chosen != every_id(other)[split], "drawn by the seed"


def test_a_few_queries_are_of_what_the_gallery_holds(tmp_path, files):
    for industry in INDUSTRIES:
        for n in range(40):
            record = {"title": "x", "cate_name": f"{industry} in the gallery alone {n}"}
            files["gallery"][f"o{len(files['gallery']):04d}"] = {**record, "industry_name": industry}
    for task in load(write(tmp_path, files), max_items=5).tasks:
        query, gallery = (set(task.splits[name].label.tolist()) for name in ("query", "gallery"))
        assert query and query == gallery


def test_query_and_gallery_may_both_be_absent(tmp_path, files):
    del files["query"], files["gallery"]
    stream = load(write(tmp_path, files))
    assert all(set(t.splits) == {"train", "validation", "test"} for t in stream.tasks)


def test_pictures_pickle_without_captions_or_records(tmp_path, files):
    pictures = load(write(tmp_path, files)).tasks[0].splits["train"].pictures
    assert len(pickle.dumps(pictures)) < 1500


def one(files, split="test"):
    """Some record that is neither first nor last, and its id."""
    records = files["train"]["Food & Drink"] if split == "train" else files[split]
    item = list(records)[3]
    return records, item


def drop(name):
    def damage(files, split):
        records, item = one(files, split)
        del records[item][name]

    return damage


def put(name, value):
    def damage(files, split):
        records, item = one(files, split)
        records[item][name] = value

    return damage


def rename(to):
    def damage(files, split):
        records, item = one(files, split)
        records[to] = records.pop(item)

    return damage


def replace_record(value):
    def damage(files, split):
        records, item = one(files, split)
        records[item] = value

    return damage


@pytest.mark.parametrize(
    ("split", "damage", "found", "reason"),
    [
        ("train", drop("title"), "has no title", "no title"),
        ("test", drop("cate_name"), "has no cate_name", "no cate_name"),
        ("query", drop("industry_name"), "has no industry_name", "no industry_name"),
        ("train", put("title", 5), "title is 5", "title is no text"),
        ("train", put("title", None), "title is null", "title is no text"),
        ("test", put("title", "  "), 'title is "  "', "title is no text"),
        ("gallery", put("cate_name", ["x"]), "cate_name is a list", "cate_name is no text"),
        ("test", put("industry_name", "Cars"), "industry_name is 'Cars'", "industry_name not in train.json"),
        ("test", put("industry_name", {}), "industry_name is an object", "industry_name is no text"),
        ("train", put("title", "\ud83d"), "title holds half a character", "title is not Unicode"),
        ("train", put("title", "***!!!"), 'title is "***!!!"', "title is punctuation alone"),
        ("test", put("title", " (...) ; ~"), 'title is " (...) ; ~"', "title is punctuation alone"),
        ("gallery", put("title", "\u200b\ufeff\u00ad"), "title is ", "title is no text"),
        ("train", put("title", "!\u200b!"), "title is ", "title is punctuation alone"),
        ("train", put("title", "--- ???"), 'title is "--- ???"', "title is punctuation alone"),
        ("test", put("title", "，。！"), "title is ", "title is punctuation alone"),
        ("train", put("title", "\u3164 \u2800"), "title is ", "title is no text"),
        ("train", put("title", "\u0301\ufe0f"), "title is ", "title is no text"),
        ("train", put("title", ["a", "b"]), "title is a list", "title is no text"),
        ("train", replace_record("x"), 'is "x"', "record is no object"),
        ("test", replace_record(["x"]), "is a list", "record is no object"),
    ],
)
def test_a_malformed_record_is_one_line_or_counted(tmp_path, files, split, damage, found, reason):
    damage(files, split)
    write(tmp_path, {k: v for k, v in layout().items()})
    (tmp_path / "json" / f"{split}.json").write_text(json.dumps(files[split]), encoding="utf-8")
    _, item = one(layout(), split)
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/json/{split}.json: record '{item}': {found}")
    assert "allowed: " in message and "\n" not in message
    stream = load(tmp_path, skip_bad=True)
    assert stream.skipped == {reason: 1}
    assert item not in {i for ids in every_id(stream).values() for i in ids}
    counts = (
        sum(len(ids) for ids in every_id(s).values()) for s in (stream, load(write(tmp_path, layout())))
    )
    assert next(counts) == next(counts) - 1


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", "", "..", "a\0b"])
def test_an_id_that_is_no_file_name_is_refused(tmp_path, files, name):
    write(tmp_path, files)
    rename(name)(files, "test")
    (tmp_path / "json" / "test.json").write_text(json.dumps(files["test"]), encoding="utf-8")
    with pytest.raises(
        UserError, match="test.json: record .*: its id is no file name, allowed: an id without"
    ):
        load(tmp_path)
    assert load(tmp_path, skip_bad=True).skipped == {"id is no file name": 1}


def test_a_missing_picture_is_one_line_or_counted(tmp_path, files):
    write(tmp_path, files)
    _, item = one(files, "train")
    (tmp_path / "train_images" / f"{item}.jpg").unlink()
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/json/train.json: record '{item}': has no picture, "
        f"allowed: one with train_images/{item}.jpg"
    )
    stream = load(tmp_path, skip_bad=True)
    assert stream.skipped == {"no picture in train_images": 1}
    assert item not in {i for ids in every_id(stream).values() for i in ids}
    for name in ("train", "validation"):
        split, source = stream.tasks[1].splits[name], files["train"]["Food & Drink"]
        assert [stream.categories[k] for k in split.label] == [source[i]["cate_name"] for i in split.ids]


def test_the_fingerprint_tells_captions_categories_and_pictures_and_not_the_folder(tmp_path, files):
    found = [load(write(tmp_path, files)).fingerprint]
    record = next(iter(files["test"].values()))
    for key, value in (("title", "another"), ("cate_name", "c/d-0")):
        record[key] = value
        (tmp_path / "json" / "test.json").write_text(json.dumps(files["test"]))
        found.append(load(tmp_path).fingerprint)
    path = next((tmp_path / "gallery_images").iterdir())
    path.write_bytes(path.read_bytes() + b"\0")
    found.append(load(tmp_path).fingerprint)
    assert len(set(found)) == 4
    shutil.copytree(tmp_path, tmp_path.parent / "moved")
    assert load(tmp_path.parent / "moved").fingerprint == found[-1]


@pytest.mark.parametrize("what", ["dead link", "loop", "folder", "pipe"])
def test_what_is_no_picture_file_is_a_missing_picture(tmp_path, files, what):
    write(tmp_path, files)
    _, item = one(files, "train")
    path = tmp_path / "train_images" / f"{item}.jpg"
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path.name if what == "loop" else "/nowhere/x.jpg")
    with pytest.raises(UserError, match=f"record '{item}': has no picture"):
        load(tmp_path)
    assert load(tmp_path, skip_bad=True).skipped == {"no picture in train_images": 1}


@pytest.mark.parametrize(("on_disk", "typed"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_picture_whose_name_is_composed_otherwise_is_its_records(tmp_path, files, on_disk, typed):
    write(tmp_path, files)
    items, item = one(files, "train")
    items[unicodedata.normalize(typed, "é9")] = items.pop(item)
    folder = tmp_path / "train_images"
    (folder / f"{item}.jpg").rename(folder / f"{unicodedata.normalize(on_disk, 'é9')}.jpg")
    (tmp_path / "json" / "train.json").write_text(json.dumps(files["train"]), encoding="utf-8")
    stream = load(tmp_path)
    name = unicodedata.normalize(typed, "é9")
    splits = [split for task in stream.tasks for split in task.splits.values() if name in split.ids]
    assert len(splits) == 1 and stream.skipped == {}
    assert splits[0].pictures.read(np.array([splits[0].ids.index(name)])).shape == (1, 16, 16, 3)


@pytest.mark.parametrize("forms", [("NFD", "NFC"), ("NFC", "NFD")])
def test_industries_and_categories_that_are_composed_otherwise_are_the_same(tmp_path, files, forms):
    on_disk, typed = (unicodedata.normalize(form, "Café") for form in forms)
    files["train"] = {on_disk if name == "c/d" else name: found for name, found in files["train"].items()}
    for n, record in enumerate(files["train"][on_disk].values()):
        record["cate_name"] = (on_disk, typed)[n % 2]
    for split in ("test", "query", "gallery"):
        for record in files[split].values():
            if record["industry_name"] == "c/d":
                record |= {"industry_name": typed, "cate_name": typed}
    stream = load(write(tmp_path, files))
    assert stream.skipped == {} and stream.tasks[2].name == on_disk
    assert [set(split.label.tolist()) for split in stream.tasks[2].splits.values()] == [
        {len(stream.categories) - 1}
    ] * 5
    assert stream.categories[-1] == unicodedata.normalize("NFC", typed)


def test_an_error_says_why_nothing_is_left(tmp_path, files):
    for records in files["train"].values():
        for record in records.values():
            record["title"] = [record["title"]]
    count = sum(INDUSTRIES.values())
    with pytest.raises(UserError) as caught:
        load(write(tmp_path, files), skip_bad=True)
    assert str(caught.value) == (
        f"{tmp_path}/json/train.json: task '家居' has 0 sound records, allowed: at least 2; left out before: "
        f"{count} x title is no text (the first: {tmp_path}/json/train.json: record 'i0000': title is a "
        "list, allowed: a string that is not empty)"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": ' + "9" * 5000 + "}", "holds a number that is too long (Exceeds the limit (4300 digits)"),
        ('{"a": -' + "9" * 5000 + "}", "holds a number that is too long (Exceeds the limit (4300 digits)"),
        ("[" * 200_000, "nested too deeply, allowed: a JSON object"),
        ('{"a": {}, "b": {}, "b": {}}', 'holds "b" twice in one object, allowed: a JSON object'),
        ('{"a": {"title": "x", "title": "y"}}', 'holds "title" twice in one object, allowed: a JSON object'),
        ('{"a":' * 200_000, "nested too deeply, allowed: a JSON object"),
        ('{"a": 1}\n{"b": 2}', "not whole JSON (Extra data, line 2 column 1), allowed: a JSON object"),
        ("", "not whole JSON (Expecting value, line 1 column 1), allowed: a JSON object"),
    ],
    ids=["digits", "negative", "lists", "twice", "twice below", "objects", "lines", "empty"],
)
def test_json_that_python_does_not_read_is_one_line(tmp_path, files, text, found):
    write(tmp_path, files)
    (tmp_path / "json" / "test.json").write_text(text)
    with pytest.raises(UserError) as caught:
        load(tmp_path, skip_bad=True)
    assert str(caught.value).startswith(f"{tmp_path}/json/test.json: {found}")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_file_where_a_folder_should_be_and_a_folder_for_a_file_are_named(tmp_path, files):
    write(tmp_path, files)
    (tmp_path / "json" / "test.json").rename(tmp_path / "elsewhere")
    (tmp_path / "json" / "test.json").mkdir()
    with pytest.raises(UserError, match="test.json: cannot be read .Is a directory., allowed: a JSON object"):
        load(tmp_path)


def test_test_pictures_that_are_trained_on_are_remarked(tmp_path, files):
    write(tmp_path, files)
    for number, path in enumerate(sorted(tmp_path.glob("*_images/*.jpg"))):
        Image.new("RGB", (16, 16), (0, 9, 3 * number)).save(path, "PNG")
    sources = load(tmp_path).tasks[1].splits
    same, other = sources["train"].pictures.path(0), sources["test"].pictures.path(2)
    Image.new("RGB", (16, 16), (200, 9, 0)).save(same, "PNG")
    shutil.copy(same, other)
    assert [line for line in load(tmp_path).remarks if " test " in line] == [
        f"1 of {sum(INDUSTRIES.values())} test pictures are training or validation pictures as well, byte "
        f"for byte, such as {other}, which is {same}"
    ]


def test_a_truncated_picture_is_a_bad_record_when_it_is_read(tmp_path, files):
    write(tmp_path, files)
    split = load(tmp_path).tasks[0].splits["test"]
    path = tmp_path / "gallery_images" / f"{split.ids[4]}.jpg"
    path.write_bytes(path.read_bytes()[:-200])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    with pytest.raises(BadRecord, match="cannot be decoded") as caught:
        split.pictures.read(np.arange(3, 6))
    assert caught.value.row == 4 and str(path) in str(caught.value)


def test_json_cut_short_names_line_and_column(tmp_path, files):
    write(tmp_path, files)
    path = tmp_path / "json" / "query.json"
    path.write_text(json.dumps(files["query"], indent=1)[:200], encoding="utf-8")
    with pytest.raises(UserError, match=r"query.json: not whole JSON \(.*line \d+ column \d+\)"):
        load(tmp_path, skip_bad=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[1]", "holds a list"),
        ("3", "holds 3"),
        ('{"a": [1]}', "industry 'a' is a list"),
        ("{}", "holds no industry"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, files, text, found):
    write(tmp_path, files)
    (tmp_path / "json" / "train.json").write_text(text)
    with pytest.raises(UserError, match=f"train.json: {found}"):
        load(tmp_path, skip_bad=True)


def test_bytes_that_are_no_utf8_are_refused(tmp_path, files):
    write(tmp_path, files)
    (tmp_path / "json" / "test.json").write_bytes('{"é": 1}'.encode("latin-1"))
    with pytest.raises(UserError, match="test.json: not JSON in UTF-8"):
        load(tmp_path)


@pytest.mark.parametrize(
    "gone", ["json/train.json", "json/test.json", "json/query.json", "train_images", "gallery_images"]
)
def test_a_missing_file_or_folder_is_named(tmp_path, files, gone):
    write(tmp_path, files)
    (tmp_path / gone).rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=f"{gone}: cannot be read"):
        load(tmp_path)


def test_a_missing_data_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="no data folder given, allowed: --data DIR"):
        load("")
    with pytest.raises(UserError, match="nowhere: no such folder"):
        load(tmp_path / "nowhere")


def test_a_task_left_with_nothing_is_named(tmp_path, files):
    files["test"] = {i: r for i, r in files["test"].items() if r["industry_name"] != "c/d"}
    with pytest.raises(UserError, match="test.json: task 'c/d' has 0 sound records, allowed: at least 1"):
        load(write(tmp_path, files))


def test_thirty_words_of_a_caption_are_kept(tmp_path, files):
    words = [f"w{i}" for i in range(40)]
    for records in files["train"].values():
        for record in records.values():
            record["title"] = " ".join(words)
    for task in load(write(tmp_path, files)).tasks:
        assert set(task.splits["train"].captions) == {" ".join(words[:30])}


def test_unknown_task_names_and_too_many_tasks_are_named(tmp_path, files):
    write(tmp_path, files)
    with pytest.raises(UserError, match="task_names: 'Cars', allowed: 家居, Food & Drink, c/d"):
        load(tmp_path, task_names=("Cars",))
    with pytest.raises(UserError, match="c/d, 家居 are not in their natural order, allowed: 家居, c/d"):
        load(tmp_path, task_names=("c/d", "家居"))
    with pytest.raises(UserError, match=r"tasks: 4, allowed: 1 \.\. 3"):
        load(tmp_path, tasks=4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"image_size": 3},
        {"seed": -1},
        {"tasks": 0},
        {"max_items": 1.5},
        {"order": "random"},
        {"validation": -0.1},
        {"validation": 0.6},
        {"task_names": "家居"},
        {"task_names": ("a", "a")},
    ],
)
def test_a_wrong_value_is_named_in_one_line(wrong):
    with pytest.raises(ValueError, match=rf"^{next(iter(wrong))}: .*, allowed: ") as caught:
        P9D.Config(**wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("crop", ["resized", "original"])
def test_training_crops_the_picture_as_it_is_told_and_evaluation_none(tmp_path, files, crop):
    write(tmp_path, files)
    rng = np.random.default_rng(0)
    for path in tmp_path.glob("*_images/*.jpg"):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    source = load(tmp_path, crop=crop, max_tokens=8)
    config = RunConfig.from_dict({"method.name": "ctp", "stream.name": "p9d", "stream.data": str(tmp_path)})
    stream = prepare(source, fit_tokenizer(source, config.stream, tmp_path / "tokenizer"), False)
    rows = np.arange(int(stream.starts[1]))
    loader = Loader(
        RowReader(stream), rows, batch_size=len(rows), steps=1, seed=3, augment=stream.augment, threads=1
    )
    with loader:
        (batch,) = list(loader)
    pictures = stream.tasks[0].splits["train"].pictures
    for row, seen in zip(batch.row.tolist(), batch.image.permute(0, 2, 3, 1).numpy(), strict=True):
        seeds = hashed(3, 0, np.array([row]), 0)
        if crop == "resized":
            expected = augment("product", pictures.read(np.array([row])), seeds)
        else:
            cropped = pictures.read_crops(np.array([row]), crop_draws("product-original", seeds))
            expected = augment("product-original", cropped, seeds)
        np.testing.assert_array_equal(seen, expected[0])
    held_out = next(iter(eval_batches(stream.tasks[0].splits["test"], batch_size=1))).image[0]
    with Image.open(stream.tasks[0].splits["test"].pictures.path(0)) as image:
        whole = image.convert("RGB").resize((16, 16), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(held_out.permute(1, 2, 0), np.asarray(whole))


def test_a_crop_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="crop: 'centre', allowed: resized, original"):
        P9D.Config(crop="centre")


def test_a_record_has_its_own_number_in_whatever_order(tmp_path, files):
    write(tmp_path, files)
    natural, other = load(tmp_path), load(tmp_path, order=[2, 0, 1])
    assert [task.name for task in natural.tasks] != [task.name for task in other.tasks]
    by_split = [
        {
            (task.name, name): split.number.tolist()
            for task in source.tasks
            for name, split in task.splits.items()
        }
        for source in (natural, other)
    ]
    assert by_split[0] == by_split[1] and natural.number_ends == other.number_ends
    every = [number for numbers in by_split[0].values() for number in numbers]
    assert sorted(every) == list(range(natural.number_ends[-1]))
    first = natural.tasks[0].splits["train"].number
    assert first.tolist() == list(range(len(first)))


def test_a_run_goes_on_with_industries_that_came_later_and_not_with_changed_ones(tmp_path, files):
    later = {split: dict(records) for split, records in files.items()}
    del files["train"]["c/d"]
    for split in ("test", "query", "gallery"):
        files[split] = {i: r for i, r in files[split].items() if r["industry_name"] != "c/d"}
    record = StreamRecord.of(load(write(tmp_path, files)))
    assert list(record.names) == list(INDUSTRIES)[:2]
    with pytest.raises(UserError, match="the stream has no task beyond its 2 tasks"):
        record.check_grown(load(tmp_path), "first")
    more = load(write(tmp_path, {**later, "train": {**files["train"], "c/d": layout()["train"]["c/d"]}}))
    record.check_grown(more, "first")
    assert [task.name for task in more.tasks] == list(INDUSTRIES)
    record.check_grown(load(tmp_path, order=[*list(INDUSTRIES)[:2], "c/d"]), "first")
    with pytest.raises(UserError, match="task 1 was '家居' and would be 'c/d'"):
        record.check_grown(load(tmp_path, order=["c/d", *list(INDUSTRIES)[:2]]), "first")
    place = tmp_path / "train_images" / "i0021.jpg"
    place.write_bytes(place.read_bytes() + b"0")
    with pytest.raises(UserError, match="the data of task 2, 'Food & Drink', is not as the run read it"):
        record.check_grown(load(tmp_path), "first")
