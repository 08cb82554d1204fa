import csv
import json
import os
import pickle

import h5py
import nltk.data
import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.streams.source import WupsMeasure
from orchestrator.streams.stream_record import StreamRecord
from orchestrator.streams.vqa.files.next_qa_objects import NEXT_QA_OBJECTS
from orchestrator.streams.vqa.files.object_groups import NEXT_QA_GROUPS
from orchestrator.streams.vqa.next_qa import NextQa

KINDS = ["CW", "TN", "TC", "DL", "DB", "DC", "DO", "CH"]
SPLITS = {"train": "train", "val": "validation", "test": "test"}
COLUMNS = ["video", "frame_count", "width", "height", "question", "answer", "qid", "type", "bigCate"]
# Two objects of each group.
OBJECTS = [n for members in NEXT_QA_GROUPS.values() for n in members[:2]]
CLIPS, WIDTH = 4, 3


def video(split, n):
    return 2_400_000_000 + list(SPLITS).index(split) * 1000 + n


def layout():
    """Rows by file: ten questions a kind and split, about a video of each object."""
    return {
        f"{split}_{kind}": [
            {
                "video": video(split, n),
                "frame_count": 900,
                "width": 640,
                "height": 480,
                "question": f"为什么 {kind}, {n}",
                "answer": f"answer {n % 3}" if split != "test" else f"only at test {n}",
                "qid": k,
                "type": kind,
                "bigCate": big,
            }
            for n, big in enumerate(OBJECTS)
        ]
        for split in SPLITS
        for k, kind in enumerate(KINDS)
    }


def features(path, split, clips=CLIPS):
    with h5py.File(path, "w") as file:
        # Not in the order of the questions.
        order = list(range(len(OBJECTS)))[::-1]
        file["ids"] = np.array([video(split, n) for n in order])
        feat = np.empty((len(order), clips, 2 * WIDTH), np.float32)
        feat[:, :, :WIDTH] = -1
        feat[:, :, WIDTH:] = np.array(order)[:, None, None] + np.arange(clips)[:, None] / 10
        file["feat"] = feat


def write(folder, files, second=None):
    for name in ("Partition_Q_v2", "vid_feat"):
        (folder / name).mkdir(exist_ok=True)
    for name, rows in files.items():
        with open(folder / f"Partition_Q_v2/{name}.csv", "w", encoding="utf-8", newline="") as file:
            # The published files have a column without a name in front.
            writer = csv.DictWriter(file, ["", *COLUMNS])
            writer.writeheader()
            writer.writerows({"": i, **row} for i, row in enumerate(rows))
    for split in SPLITS:
        features(folder / f"vid_feat/app_mot_{split}.h5", split)
    if second is not None:
        (folder / "add_reference_answer_test.json").write_text(json.dumps(second))
    return folder


@pytest.fixture
def files():
    return layout()


def load(folder, skip_bad=False, **config):
    return NextQa.load(NextQa.Config(data=str(folder), **config), skip_bad)


def answers_of(stream, split, row):
    questions = split.questions
    return {
        stream.tables.answers[a]: float(s)
        for a, s in zip(questions.answer[row], questions.score[row], strict=True)
        if a >= 0
    }


def test_eight_kinds_with_five_groups_each(tmp_path, files):
    stream = load(write(tmp_path, files))
    tables = stream.tables
    assert [t.name for t in stream.tasks] == KINDS == list(tables.kinds)
    assert stream.scenario == "vqa" and stream.image_size == 0 and stream.skipped == {}
    assert tables.regions == (CLIPS, WIDTH) and tables.held_out is None
    assert len(stream.categories) == 80 and stream.categories[57] == "adult"
    for k, task in enumerate(stream.tasks):
        assert sorted(task.groups) == [0, 1, 2, 3, 4]
        for split, name in SPLITS.items():
            source, found = files[f"{split}_{task.name}"], task.splits[name]
            assert found.ids == [f"{r['video']}_{k}" for r in source]
            assert found.captions == [r["question"] for r in source]
            assert found.label.tolist() == [r["bigCate"] - 1 for r in source]
            assert [tables.group_of[c] for c in found.label] == [g for g in range(5) for _ in range(2)]
            assert found.questions.kind.tolist() == [k] * 10
            assert [answers_of(stream, found, i) for i in range(10)] == [{r["answer"]: 1.0} for r in source]
    assert len({t.groups for t in stream.tasks}) > 1
    assert tables.vocabulary == 3 and sorted(tables.answers[:3]) == [f"answer {i}" for i in range(3)]
    assert len(tables.answers) == 3 + 10 and len(NEXT_QA_OBJECTS) == 80


def test_features_are_the_motion_half_of_the_splits_own_file(tmp_path, files):
    stream = load(write(tmp_path, files))
    for name in SPLITS.values():
        pictures = stream.tasks[2].splits[name].pictures
        read = pickle.loads(pickle.dumps(pictures)).read(np.array([7, 2, 7]))
        assert read.shape == (3, CLIPS, WIDTH + 4)
        expected = np.array([7, 2, 7])[:, None] + np.arange(CLIPS) / 10
        np.testing.assert_allclose(read[:, :, 0], expected, rtol=1e-6)
        assert (read[:, :, WIDTH:] == [0, 0, 1, 1]).all()


def test_a_second_answer_counts_at_test_alone(tmp_path, files):
    second = {
        str(video("test", 3)): {"5": "two "},
        str(video("train", 3)): {"5": "answer 1"},
        "1": {"0": "x"},
    }
    stream = load(write(tmp_path, files, second))
    task = stream.tasks[5]
    assert answers_of(stream, task.splits["test"], 3) == {"only at test 3": 1.0, "two": 1.0}
    assert answers_of(stream, task.splits["train"], 3) == {"answer 0": 1.0}
    assert {s.questions.answer.shape[1] for t in stream.tasks for s in t.splits.values()} == {2}


@pytest.mark.parametrize(
    "order",
    [
        KINDS,
        ["DL", "DB", "CW", "TN", "TC", "DC", "DO", "CH"],
        ["TN", "DB", "CW", "DL", "TC", "DC", "DO", "CH"],
    ],
)
def test_the_order_is_the_papers_or_named(tmp_path, files, order):
    write(tmp_path, files)
    assert [t.name for t in load(tmp_path).tasks] == list(KINDS)
    assert [t.name for t in load(tmp_path, order=tuple(order)).tasks] == list(order)
    assert [t.name for t in load(tmp_path, task_names=("DC", "CH")).tasks] == ["DC", "CH"]
    with pytest.raises(UserError, match="task_names: 'XX', allowed: CW, TN"):
        load(tmp_path, task_names=("XX",))


def test_novel_composition_and_the_most_frequent_answers(tmp_path, files):
    write(tmp_path, files)
    stream = load(tmp_path, setting="novel-composition", held_out=1)
    for index, task in enumerate(stream.tasks):
        groups = {stream.tables.group_of[c] for c in task.splits["train"].label}
        assert (1 in groups) == (1 in task.groups) == (index == 0)
    few = load(tmp_path, answers_kept=1)
    assert few.tables.answers[0] == "answer 0"
    assert few.skipped == {"training question without an answer of the vocabulary": 6 * 8}


@pytest.mark.parametrize(
    ("split", "column", "value", "found", "reason"),
    [
        ("train", "answer", " ", "has no answer", "question without an answer"),
        ("test", "answer", "", "has no answer", "question without an answer"),
        ("train", "answer", " ?!", "answer is ' ?!', allowed: words", "question without an answer"),
        ("val", "question", "", "question is empty", "question is no text"),
        ("train", "bigCate", 81, "bigCate is '81', allowed: 1 .. 80", "bigCate is out of range"),
        ("train", "bigCate", "1.0", "bigCate is '1.0'", "bigCate is out of range"),
        ("test", "type", "CW", "type is 'CW', allowed: TC", "type is not the file's"),
        ("train", "qid", "a", "qid is 'a'", "qid is no number"),
        ("train", "video", "../x", "video is '../x'", "video is no number"),
        ("val", "video", 5, "question 5_2: video 5 has no features", "no features in vid_feat"),
    ],
)
def test_a_malformed_row_is_one_line_or_counted(tmp_path, files, split, column, value, found, reason):
    files[f"{split}_TC"][4][column] = value
    with pytest.raises(UserError) as caught:
        load(write(tmp_path, files))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/Partition_Q_v2/{split}_TC.csv:6: {found}")
    assert ", allowed: " in message and "\n" not in message
    stream = load(tmp_path, skip_bad=True)
    assert stream.skipped == {reason: 1} and len(stream.tasks[2].splits[SPLITS[split]].ids) == 9


def test_a_question_that_a_file_holds_twice_is_asked_once_and_counted(tmp_path, files):
    files["train_TC"] += files["train_TC"][:3]
    files["test_DO"].append(files["test_DO"][9] | {"answer": "another"})
    stream = load(write(tmp_path, files))
    assert stream.skipped == {"question listed twice in its file": 4}
    ids = stream.tasks[2].splits["train"].ids
    assert len(ids) == len(set(ids)) == 10
    assert len(stream.tasks[6].splits["test"].ids) == 10


def made(folder):
    folder.mkdir()
    return folder


def test_questions_that_are_trained_on_and_looked_at_are_said(tmp_path, files):
    assert load(write(made(tmp_path / "plain"), files)).remarks == ()
    files["val_TC"] = [*files["train_TC"][:2], *files["val_TC"][2:]]
    files["test_DO"] = [*files["train_DO"][:1], *files["val_DO"][1:3], *files["test_DO"][3:]]
    known = {part: {video(part, n) for n in range(len(OBJECTS))} for part in SPLITS}
    mixed = write(made(tmp_path / "mixed"), files)
    for part in ("val", "test"):
        ids = sorted(known["train"] | known["val"] | known["test"])
        rewrite(ids=ids, feat=np.zeros((len(ids), CLIPS, 2 * WIDTH)))(mixed / f"vid_feat/app_mot_{part}.h5")
    assert load(mixed).remarks == (
        f"2 of 80 validation questions are training questions as well, such as {video('train', 0)}_2",
        f"3 of 80 test questions are training or validation questions as well, such as {video('train', 0)}_6",
    )


def test_a_row_of_another_length_is_one_line_or_counted(tmp_path, files):
    path = write(tmp_path, files) / "Partition_Q_v2/train_DO.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[2] = lines[2].rsplit(",", 1)[0]
    lines[3] += ",5"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(UserError, match="train_DO.csv:3: does not have the header's fields, allowed: "):
        load(tmp_path)
    assert load(tmp_path, skip_bad=True).skipped == {"row of another length": 2}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"video,question,answer,qid,type\n", "has no column bigCate"),
        (b"", "has no column video"),
        (b"video,question,answer,qid,type,bigCate,answer\n", "has two columns answer"),
        ("video\n,é".encode("latin-1"), r"not UTF-8 \(byte 7 of the file\)"),
        (b'video,question,answer,qid,type,bigCate\n1,"x"y,a,1,TC,1\n', "no CSV"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_no_such_csv_is_refused(tmp_path, files, content, found):
    path = write(tmp_path, files) / "Partition_Q_v2/test_TC.csv"
    path.unlink() if content is None else path.write_bytes(content)
    line = {"not": ":2", "no ": ":2", "has": ":1"}.get(found[:3], "")
    with pytest.raises(UserError, match=f"test_TC.csv{line}: {found}.*, allowed: a CSV file") as caught:
        load(tmp_path, skip_bad=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("second", "found", "reason"),
    [
        ({"7": "x"}, "video '7' is \"x\"", "second answers are no object"),
        ({"7": {"1": ""}}, 'question 7_1: answer is ""', "second answer is no text"),
    ],
)
def test_a_malformed_second_answer_is_one_line_or_counted(tmp_path, files, second, found, reason):
    with pytest.raises(UserError, match=f"add_reference_answer_test.json: {found}, allowed: "):
        load(write(tmp_path, files, second))
    assert load(tmp_path, skip_bad=True).skipped == {reason: 1}


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def rewrite(**columns):
    def damage(path):
        with h5py.File(path, "w") as file:
            for name, value in columns.items():
                file[name] = value

    return damage


def test_videos_under_other_names_are_shown(tmp_path, files):
    path = write(tmp_path, files) / "vid_feat/app_mot_val.h5"
    ids = np.array([video("val", n) for n in range(len(OBJECTS))], float)
    rewrite(ids=ids, feat=np.zeros((len(ids), CLIPS, 2 * WIDTH)))(path)
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    assert str(caught.value).endswith(
        f"video {video('val', 0)} has no features, allowed: one with a row in vid_feat/app_mot_val.h5, where "
        f"one is called '{video('val', 0)}.0'"
    )


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (cut, "cannot be read"),
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.unlink() or path.mkdir(), r"cannot be read \(is no file\)"),
        (lambda path: path.unlink() or os.mkfifo(path), r"cannot be read \(is no file\)"),
        (rewrite(feat=np.zeros((2, 4, 6))), "has no ids"),
        (rewrite(ids=[1, 2], feat=np.zeros((3, 4, 6))), r"3 rows of feat and ids \(2,\)"),
        (rewrite(ids=[1], feat=np.zeros((1, 4, 5))), r"feat has shape \(1, 4, 5\)"),
        (rewrite(ids=[1], feat=np.zeros((1, 5, 6))), "5 clips of 3 features"),
        (rewrite(ids=[1, 2, 1], feat=np.zeros((3, 4, 6))), "ids holds 1 twice"),
        (rewrite(ids=[1], feat=np.zeros((1, 4, 6), complex)), "feat holds complex128"),
        (rewrite(ids=[1], feat=np.full((1, 4, 6), b"x")), r"feat holds \|S1"),
        (rewrite(ids=[1], feat=h5py.SoftLink("/nowhere")), "cannot be read"),
    ],
)
def test_features_cut_short_or_of_another_layout_are_refused(tmp_path, files, damage, found):
    damage(write(tmp_path, files) / "vid_feat/app_mot_val.h5")
    with pytest.raises(UserError, match=f"app_mot_val.h5: {found}.*, allowed: ") as caught:
        load(tmp_path, skip_bad=True)
    assert "\n" not in str(caught.value)


def test_without_the_test_features_a_search_runs_and_the_look_at_test_says_what_it_needs(tmp_path, files):
    """NExT-QA's published vid_feat.zip has none."""
    whole = load(write(tmp_path, files))
    path = tmp_path / "vid_feat/app_mot_test.h5"
    path.unlink()
    stream = load(tmp_path)
    assert stream.skipped == {} and stream.remarks == (
        f"{path}: no such file; search and validation do without, the look at test needs the test "
        "videos' features, extracted as the others were (the published vid_feat.zip lacks them)",
    )
    assert whole.remarks == () and whole.fingerprint != stream.fingerprint
    for old, new in zip(whole.tasks, stream.tasks, strict=True):
        for name in SPLITS.values():
            assert old.splits[name].ids == new.splits[name].ids
            assert len(new.splits[name].pictures) == len(OBJECTS)
            if name != "test":
                read = (task.splits[name].pictures.read(np.arange(10)) for task in (old, new))
                np.testing.assert_array_equal(*read)
    pictures = pickle.loads(pickle.dumps(stream.tasks[0].splits["test"].pictures))
    with pytest.raises(UserError, match=f"^{path}: no such file, allowed: the test videos") as caught:
        pictures.read(np.array([0]))
    assert type(caught.value) is UserError, "no record that could be left out"
    (tmp_path / "vid_feat/app_mot_val.h5").unlink()
    with pytest.raises(UserError, match="app_mot_val.h5: cannot be read"):
        load(tmp_path, skip_bad=True)


def test_a_run_without_the_test_features_has_a_record_of_its_tasks(tmp_path, files):
    write(tmp_path, files)
    (tmp_path / "vid_feat" / "app_mot_test.h5").unlink()
    one, two = (load(tmp_path, task_names=kinds) for kinds in (("CW",), ("CW", "CH")))
    record = StreamRecord.of(one)
    assert record.digests == StreamRecord.of(two).digests[:1]
    record.check_grown(two, "first")


def test_a_missing_data_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="no data folder given, allowed: --data DIR"):
        load("")
    with pytest.raises(UserError, match="nowhere: no such folder"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "wrong",
    [{"setting": "con-vs"}, {"held_out": -1}, {"order": "seed"}, {"answers_kept": 0}, {"task_names": "CW"}],
)
def test_a_wrong_value_is_named_in_one_line(wrong):
    with pytest.raises(ValueError, match=rf"^{next(iter(wrong))}: .*, allowed: ") as caught:
        NextQa.Config(**wrong)
    assert "\n" not in str(caught.value)


def test_wups_is_measured_where_it_is_asked_for(tmp_path, files, monkeypatch):
    write(tmp_path, files)
    plain = load(tmp_path)
    assert plain.tables.wups is None and plain.tables.matching == "official"
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(UserError, match="nltk has no WordNet"):
        load(tmp_path, measure="wups")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    (tmp_path / "corpora/wordnet").mkdir(parents=True)
    (tmp_path / "stopwords.txt").write_text("the\na\n")
    official, reference = (load(tmp_path, measure="wups", matching=m) for m in ("official", "reference"))
    assert official.tables.wups == WupsMeasure(("a", "the"), [KINDS.index("DB"), KINDS.index("DC")])
    assert reference.tables.wups == WupsMeasure(("a", "the"), []) and reference.tables.matching == "reference"
    assert load(tmp_path, measure="wups", task_names=("DC", "CH")).tables.wups.exact == [0]
    assert len({plain.fingerprint, official.fingerprint, reference.fingerprint}) == 3
    (tmp_path / "stopwords.txt").write_text("the\n")
    assert load(tmp_path, measure="wups").fingerprint != official.fingerprint
    with pytest.raises(ValueError, match="measure: 'soft', allowed: exact, wups"):
        load(tmp_path, measure="soft")


@pytest.mark.parametrize("split", SPLITS)
def test_the_fingerprint_tells_other_features(tmp_path, files, split):
    first = load(write(tmp_path, files)).fingerprint
    assert load(tmp_path).fingerprint == first
    path = tmp_path / f"vid_feat/app_mot_{split}.h5"
    path.write_bytes(path.read_bytes() + b"\0")
    assert load(tmp_path).fingerprint != first
