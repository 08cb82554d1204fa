"""Whether a stream is an earlier one with more tasks behind it."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.streams import registry as streams
from orchestrator.streams.pictures import ArrayPictures, FolderPictures
from orchestrator.streams.source import Questions
from orchestrator.streams.stream_record import StreamRecord
from orchestrator.streams.task_digests import picture_files, task_digests

_SIZES = {"train": 4, "validation": 2, "test": 2}


def _stream(name, **config):
    stream = streams.get(name)
    return stream.load(stream.Config(**_SIZES, **config), False)


def _line(record, source):
    with pytest.raises(UserError) as caught:
        record.check_grown(source, "first")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _changed(source, task, split, **columns):
    """The source with other columns in one split."""
    own = source.tasks[task]
    splits = {**own.splits, split: replace(own.splits[split], **columns)}
    tasks = [*source.tasks[:task], replace(own, splits=splits), *source.tasks[task + 1 :]]
    return replace(source, tasks=tasks)


@pytest.mark.parametrize("name", ["shapes-retrieval", "shapes-recognition", "shapes-vqa"])
def test_a_generated_stream_grows_by_tasks_and_a_file_keeps_what_it_was(name, tmp_path):
    two, three = (_stream(name, tasks=tasks) for tasks in (2, 3))
    record = StreamRecord.of(two)
    (tmp_path / "tasks.json").write_text(record.text(), encoding="utf-8")
    read = StreamRecord.read(tmp_path / "tasks.json")
    assert read == record and read.digests == task_digests(three, True)[:2] and len(set(read.digests)) == 2
    read.check_grown(three, "first")
    assert "the stream has no task beyond its 2 tasks" in _line(read, two)
    other = _stream(name, tasks=3, seed=1)
    assert _line(read, other).startswith("--continue first: ")


def test_what_a_task_has_is_part_of_its_digest():
    three = _stream("shapes-retrieval", tasks=3)
    record, split = StreamRecord.of(_stream("shapes-retrieval", tasks=2)), three.tasks[1].splits["test"]
    black = ArrayPictures(np.zeros((2, 32, 32, 3), np.uint8))
    columns = {
        "ids": ["a", *split.ids[1:]],
        "captions": ["a", *split.captions[1:]],
        "label": split.label + 1,
        "pictures": black,
    }
    for name, column in columns.items():
        line = _line(record, _changed(three, 1, "test", **{name: column}))
        assert f"the data of task 2, {three.tasks[1].name!r}, is not as the run read it" in line, name
    record.check_grown(_changed(three, 2, "test", label=three.tasks[2].splits["test"].label + 1), "first")


def test_an_answer_is_told_by_its_text_and_by_what_it_is_worth():
    source = _stream("shapes-vqa", tasks=2)
    asked = source.tasks[0].splits["train"].questions
    wide = Questions(asked.kind, np.pad(asked.answer, ((0, 0), (0, 2)), constant_values=-1), asked.score)
    wide = replace(wide, score=np.pad(asked.score, ((0, 0), (0, 2))))
    first = task_digests(source, True)
    assert task_digests(_changed(source, 0, "train", questions=wide), True) == first
    tables = source.tables
    renamed = replace(source, tables=replace(tables, answers=["x", *tables.answers[1:]]))
    worse = replace(asked, score=asked.score / 2)
    other = replace(asked, kind=asked.kind + 1)
    found = [task_digests(_changed(source, 0, "train", questions=q), True)[0] for q in (worse, other)]
    assert len({first[0], *found}) == 3
    used = {
        int(n) for task in source.tasks[:1] for s in task.splits.values() for n in s.questions.answer[:, 0]
    }
    assert (task_digests(renamed, True)[0] != first[0]) is (0 in used)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("categories", "the classes, categories or objects have other numbers, 0 was "),
        ("answers", "allowed: a vocabulary of its own, vqa/trainval_ans2label.json, that numbers them"),
        ("kinds", "the kinds of question have other numbers, 0 was "),
        ("groups", "the object groups have other numbers, 0 was "),
        ("group_of", "the objects' groups have other numbers, 0 was "),
    ],
)
def test_weights_keep_their_rows(name, said):
    record = StreamRecord.of(_stream("shapes-vqa", tasks=2))
    turned = replace(record, lists={**record.lists, name: list(reversed(record.lists[name]))})
    assert said in _line(turned, _stream("shapes-vqa", tasks=3))
    longer = replace(record, lists={**record.lists, name: [*record.lists[name], "one more"]})
    line = _line(longer, _stream("shapes-vqa", tasks=3))
    if name == "categories":
        assert "objects had 'one more', which is not there now; allowed: all that the run had" in line
        return
    assert f"{len(record.lists[name])} was 'one more' and is nothing" in line


@pytest.mark.parametrize("name", ["stream", "image_size", "augment", "templates", "matching", "crop"])
def test_what_all_tasks_share_stays(name):
    record = StreamRecord.of(_stream("shapes-vqa", tasks=2))
    other = replace(record, facts={**record.facts, name: "other"})
    now = record.facts[name]
    line = _line(other, _stream("shapes-vqa", tasks=3))
    assert line == f"--continue first: the stream's {name} was 'other' and is {now!r}; allowed: 'other'"


def test_files_are_told_by_their_bytes_or_as_the_record_says_by_their_times(tmp_path):
    source = _stream("shapes-recognition", tasks=1)
    count = len(source.tasks[0].splits["train"].label)
    for row in range(count):
        (tmp_path / f"{row}.png").write_bytes(b"12")
    pictures = FolderPictures(str(tmp_path), [f"{row}.png" for row in range(count)], 32)
    source = _changed(source, 0, "train", pictures=pictures)
    assert list(picture_files(source)) == [f"{tmp_path}/{row}.png" for row in range(count)]
    bytes_, times = (task_digests(source, whole) for whole in (True, False))
    for row in range(count):
        os.utime(tmp_path / f"{row}.png", (5, 5))
    assert task_digests(source, False) != times and task_digests(source, True) == bytes_
    (tmp_path / "3.png").write_bytes(b"13")
    assert task_digests(source, True) != bytes_


def test_an_array_is_told_by_all_of_it():
    source, array = _stream("shapes-recognition", tasks=1), np.zeros((48, 2, 2, 3), np.uint8)
    found = []
    for last in (0, 1):
        array = array.copy()
        array[-1] = last
        found += task_digests(_changed(source, 0, "train", pictures=ArrayPictures(array)), True)
    assert found[0] != found[1]


@pytest.mark.parametrize(
    "other",
    [
        {"format": 2},
        {"lists": {}},
        {"lists": None},
        {"facts": []},
        {"names": 3},
        {"names": [], "digests": []},
        {"names": [1, 2]},
        {"digests": None},
        {"digests": ["0"]},
        {"whole": None},
        {"more": 1},
    ],
)
def test_a_file_that_is_no_record_is_one_line(other, tmp_path):
    path, record = tmp_path / "tasks.json", StreamRecord.of(_stream("shapes-vqa", tasks=2))
    path.write_text(json.dumps({**json.loads(record.text()), **other}), encoding="utf-8")
    said = f"^{path}: is no record of a stream .*; allowed: what the run wrote$"
    with pytest.raises(UserError, match=said):
        StreamRecord.read(path)
