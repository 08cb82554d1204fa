import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from orchestrator.streams.identity import stream_identity
from orchestrator.streams.recognition.image_folder import ImageFolder
from orchestrator.streams.recognition.shapes_recognition import ShapesRecognition
from orchestrator.streams.retrieval.p9d import P9D
from orchestrator.streams.retrieval.p9d_writer import write_p9d
from orchestrator.streams.retrieval.shapes_retrieval import ShapesRetrieval
from orchestrator.streams.vqa.shapes_vqa import ShapesVQA

SMALL = {"tasks": 2, "train": 12, "validation": 4, "test": 4}


def questions():
    return ShapesVQA.load(ShapesVQA.Config(tasks=2, train=2, validation=1, test=1), False)


def other_split(source, change):
    """``source`` with another second task's training split."""
    first, second = source.tasks
    splits = {**second.splits, "train": change(second.splits["train"])}
    return replace(source, tasks=[first, replace(second, splits=splits)])


def last(column, value):
    column = column.copy()
    column[-1] = value
    return column


CHANGES = {
    "name": lambda s: replace(s, name="other"),
    "fingerprint": lambda s: replace(s, fingerprint="other"),
    "image size": lambda s: replace(s, image_size=33),
    "transform": lambda s: replace(s, augment="flip"),
    "a category": lambda s: replace(s, categories=[*s.categories[:-1], "other"]),
    "prompts": lambda s: replace(s, templates=("a {}.",)),
    "a record skipped": lambda s: replace(s, skipped={"no picture": 1}),
    "two records skipped": lambda s: replace(s, skipped={"no picture": 2}),
    "another reason": lambda s: replace(s, skipped={"no text": 1}),
    "order of tasks": lambda s: replace(s, tasks=s.tasks[::-1]),
    "a task less": lambda s: replace(s, tasks=s.tasks[:1]),
    "a task's name": lambda s: replace(s, tasks=[s.tasks[0], replace(s.tasks[1], name="other")]),
    "a task's classes": lambda s: replace(s, tasks=[s.tasks[0], replace(s.tasks[1], classes=range(3))]),
    "order of groups": lambda s: replace(
        s, tasks=[s.tasks[0], replace(s.tasks[1], groups=s.tasks[1].groups[::-1])]
    ),
    "names of splits": lambda s: replace(
        s,
        tasks=[
            s.tasks[0],
            replace(s.tasks[1], splits=dict(zip("abc", s.tasks[1].splits.values(), strict=True))),
        ],
    ),
    "an id": lambda s: other_split(s, lambda t: replace(t, ids=[*t.ids[:-1], "other"])),
    "order of ids": lambda s: other_split(s, lambda t: replace(t, ids=t.ids[::-1])),
    "a caption": lambda s: other_split(s, lambda t: replace(t, captions=[*t.captions[:-1], "other"])),
    "a label": lambda s: other_split(s, lambda t: replace(t, label=last(t.label, 29))),
    "a kind": lambda s: other_split(
        s, lambda t: replace(t, questions=replace(t.questions, kind=last(t.questions.kind, 9)))
    ),
    "an answer": lambda s: other_split(
        s, lambda t: replace(t, questions=replace(t.questions, answer=last(t.questions.answer, 0)))
    ),
    "a worth": lambda s: other_split(
        s, lambda t: replace(t, questions=replace(t.questions, score=last(t.questions.score, 0.3)))
    ),
    "where one text ends": lambda s: other_split(
        s, lambda t: replace(t, ids=[t.ids[0] + t.ids[1][:1], t.ids[1][1:], *t.ids[2:]])
    ),
    "an answer's text": lambda s: replace(
        s, tables=replace(s.tables, answers=[*s.tables.answers[:-1], "other"])
    ),
    "what may be learnt": lambda s: replace(s, tables=replace(s.tables, vocabulary=3)),
    "held out": lambda s: replace(s, tables=replace(s.tables, held_out=2)),
    "matching": lambda s: replace(s, tables=replace(s.tables, matching="reference")),
    "groups of objects": lambda s: replace(s, tables=replace(s.tables, group_of=s.tables.group_of[::-1])),
}


def test_each_change_of_what_is_read_is_another_identity(monkeypatch):
    monkeypatch.setattr("orchestrator.streams.identity._CHUNK", 3)
    source = questions()
    found = {name: stream_identity(change(source)) for name, change in CHANGES.items()}
    assert stream_identity(source) == stream_identity(questions())
    assert len({stream_identity(source), *found.values()}) == len(CHANGES) + 1


@pytest.mark.parametrize(
    ("stream", "values"),
    [
        (ShapesRetrieval, {**SMALL, "query": 6, "gallery": 6}),
        (ShapesRecognition, {"tasks": 2, "train": 2, "validation": 1, "test": 1}),
        (ShapesVQA, {**SMALL, "train": 2}),
    ],
)
def test_a_generated_stream_is_known_by_its_configuration(stream, values):
    def identity(**changes):
        return stream_identity(stream.load(stream.Config(**values, **changes), False))

    assert identity() == identity()
    assert len({identity(), identity(seed=1), identity(image_size=16)}) == 3


def p9d(folder):
    made = ShapesRetrieval.load(ShapesRetrieval.Config(**SMALL, query=6, gallery=6), False)
    write_p9d(made, folder)
    return lambda at=folder, **config: stream_identity(
        P9D.load(P9D.Config(data=str(at), image_size=16, **config), True)
    )


def class_folders(folder):
    for k, name in enumerate("abc"):
        for i in range(4):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (16, 16), (80 * k, 60 * i, 0)).save(folder / name / f"{i}.png")
    return lambda at=folder, **config: stream_identity(
        ImageFolder.load(
            ImageFolder.Config(data=str(at), image_size=16, initial=1, increment=1, **config), True
        )
    )


def test_a_folder_is_the_same_read_twice_from_elsewhere_or_moved(tmp_path, monkeypatch):
    for name, make in (("p9d", p9d), ("folders", class_folders)):
        identity = make(tmp_path / name)
        first = identity()
        monkeypatch.chdir(tmp_path)
        assert identity() == first == identity(name), "a relative path"
        shutil.copytree(tmp_path / name, tmp_path / "b" / name, copy_function=shutil.copy)
        os.utime(next((tmp_path / "b" / name).rglob("*.*g")), (9, 9))
        assert identity(tmp_path / "b" / name) == first, "copied, without its times"
        (tmp_path / name).rename(tmp_path / f"moved {name}")
        assert identity(tmp_path / f"moved {name}") == first


def test_what_changes_in_a_folder_of_captioned_pictures_is_told(tmp_path):
    identity = p9d(tmp_path)
    found = [identity(), identity(seed=1), identity(order=3)]
    train = json.loads((tmp_path / "json/train.json").read_text())
    task = next(iter(train))
    items = list(train[task])

    def changed():
        (tmp_path / "json/train.json").write_text(json.dumps(train))
        found.append(identity())

    train[task][items[0]]["title"] = "a red caption"
    changed()
    train[task][items[0]]["cate_name"] = train[task][items[1]]["cate_name"] + "s"
    changed()
    train[task] = {item: train[task][item] for item in reversed(items)}
    changed()
    train[task][items[0]]["title"] = 5  # a bad record is skipped,
    changed()
    del train[task][items[0]]  # which is not the same as none
    changed()
    path = tmp_path / "train_images" / f"{items[1]}.jpg"
    picture = path.read_bytes()
    path.write_bytes(picture[:-1] + bytes([picture[-1] ^ 1]))
    found.append(identity())
    path.write_bytes(b"no picture")  # bad where it is read,
    found.append(identity())
    path.write_bytes(picture)  # mended,
    assert identity() == found[-3], "as it was"
    path.unlink()  # and skipped as missing
    found.append(identity())
    gallery = next((tmp_path / "gallery_images").iterdir())
    gallery.write_bytes(gallery.read_bytes() + b"\0")
    found.append(identity())
    assert len(set(found)) == len(found) == 12


def test_what_changes_in_class_folders_is_told(tmp_path):
    identity = class_folders(tmp_path)
    found = [identity(), identity(seed=1), identity(order="natural"), identity(templates=("the {}.",))]
    Image.new("RGB", (16, 16)).save(tmp_path / "a" / "9.png")
    found.append(identity())
    pixels = Image.fromarray(np.full((16, 16, 3), 7, np.uint8))
    pixels.save(tmp_path / "a" / "9.png")
    found.append(identity())
    (tmp_path / "a" / "9.png").rename(tmp_path / "b" / "9.png")
    found.append(identity())
    (tmp_path / "b").rename(tmp_path / "d")
    found.append(identity())
    (tmp_path / "d" / "9.png").unlink()
    found.append(identity())
    assert len(set(found)) == len(found)
