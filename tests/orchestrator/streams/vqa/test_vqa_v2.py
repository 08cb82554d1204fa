import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from PIL import Image
from vqa_v2_files import IDS, SHAPE, TRAIN, VAL, annotators, contvqa, jpegs, layout, picture, write

from orchestrator.errors import UserError
from orchestrator.streams.stream_record import StreamRecord
from orchestrator.streams.synthetic.questions.kinds import KINDS
from orchestrator.streams.vqa.files.coco import COCO
from orchestrator.streams.vqa.files.contvqa_tasks import PAIRS
from orchestrator.streams.vqa.files.object_groups import VQA_V2_GROUPS
from orchestrator.streams.vqa.vqa_v2 import VqaV2


def load(folder, skip_bad=False, **config):
    return VqaV2.load(VqaV2.Config(data=str(folder), **config), skip_bad)


@pytest.fixture
def files():
    return layout()


def answers_of(stream, split, row):
    questions = split.questions
    return {
        stream.tables.answers[a]: round(float(s), 3)
        for a, s in zip(questions.answer[row], questions.score[row], strict=True)
        if a >= 0
    }


def groups_of(stream, split):
    return [stream.tables.group_of[c] for c in split.label]


def every_id(stream):
    return [(t.name, s, tuple(split.ids)) for t in stream.tasks for s, split in t.splits.items()]


def test_dual_level_is_ten_kinds_with_five_groups_each(tmp_path, files):
    stream = load(write(tmp_path, files))
    assert [t.name for t in stream.tasks] == list(KINDS) == list(stream.tables.kinds)
    assert stream.scenario == "vqa" and stream.image_size == 0 and stream.augment == "none"
    assert stream.skipped == {} and stream.tables.held_out is None and stream.tables.regions == SHAPE
    assert list(stream.categories) == list(COCO.values())
    for index, task in enumerate(stream.tasks):
        assert sorted(task.groups) == [0, 1, 2, 3, 4]
        for name, split in task.splits.items():
            source = files[
                f"vqa/Partition_Q/karpathy_{name[:3] if name == 'validation' else name}_q_{task.name}.json"
            ]
            assert split.ids == [str(r["question_id"]) for r in source]
            assert split.captions == [r["sent"] for r in source]
            assert split.label.tolist() == (TRAIN if name == "train" else VAL)
            assert split.questions.kind.tolist() == [index] * len(source)
            assert (split.label.dtype, split.questions.kind.dtype) == (np.int32, np.int32)
            assert (split.questions.answer.dtype, split.questions.score.dtype) == (np.int32, np.float32)
    assert {g for t in stream.tasks for g in groups_of(stream, t.splits["train"])} == set(range(5))
    assert stream.tables.groups == ["G1", "G2", "G3", "G4", "G5"]
    assert all(stream.tables.group_of[n] == g for g, m in enumerate(VQA_V2_GROUPS.values()) for n in m)


def test_the_inner_order_is_the_seeds_and_differs_between_tasks(tmp_path, files):
    write(tmp_path, files)
    first, again, other = (load(tmp_path, seed=s) for s in (0, 0, 1))
    orders = [t.groups for t in first.tasks]
    assert len(set(orders)) > 1
    assert orders == [t.groups for t in again.tasks] != [t.groups for t in other.tasks]
    assert first.fingerprint == again.fingerprint != other.fingerprint
    picked = load(tmp_path, task_names=("judge", "count"), order=("count", "judge"))
    assert [t.groups for t in picked.tasks] == [orders[4], orders[2]]
    assert list(picked.tables.kinds) == ["judge", "count"], "numbered in the natural order"


def test_a_training_question_has_its_labels_and_another_what_its_annotators_say(tmp_path, files):
    files["vqa/Partition_Q/karpathy_val_q_color.json"][0]["answers"] = annotators(*["Met here."] * 10)
    stream = load(write(tmp_path, files))
    task, tables = stream.tasks[6], stream.tables
    train, test = task.splits["train"], task.splits["test"]
    assert answers_of(stream, task.splits["validation"], 0) == {"met here": 1.0}
    assert answers_of(stream, train, 1) == {f"color {TRAIN[1] % 3}": 1.0, "answer": 0.3}
    assert answers_of(stream, test, 2) == {
        f"color {VAL[2] % 3}": 1.0,
        # "Two." and "two" are the same once normalised: four annotators.
        "2": 1.0,
        "answer": 0.3,
        "rare": 0.3,
    }
    assert tables.vocabulary == 31 and list(tables.answers[:31]) == list(files["vqa/trainval_ans2label.json"])
    assert sorted(tables.answers[31:]) == ["2", "met here", "rare"]
    assert all(t.splits["train"].questions.answer.max() < 31 for t in stream.tasks)
    assert {s.questions.answer.shape[1] for t in stream.tasks for s in t.splits.values()} == {4}


def test_with_reference_matching_answers_are_not_normalised(tmp_path, files):
    stream = load(write(tmp_path, files), matching="reference")
    found = answers_of(stream, stream.tasks[0].splits["test"], 0)
    assert found["Two"] == 0.9 and found["two"] == 0.3 and stream.tables.matching == "reference"


def test_annotations_are_read_where_the_partition_has_no_annotators(tmp_path, files):
    path = "vqa/Partition_Q/karpathy_test_q_color.json"
    for row in files[path]:
        del row["answers"]
    one, other = (row["question_id"] for row in files[path][:2])
    labels = load(write(tmp_path, files))
    test = labels.tasks[6].splits["test"]
    assert answers_of(labels, test, 0) == {f"color {VAL[0] % 3}": 1.0, "answer": 0.3}
    entry = {"question_id": one, "answer_type": "other", "answers": annotators(*["Blue!"] * 10)}
    stranger = {"question_id": 5, "answer_type": "other", "answers": annotators("x")}
    files["vqa/v2_mscoco_val2014_annotations.json"] = {"annotations": [stranger, entry]}
    stream = load(write(tmp_path, files, pictures=False))
    test = stream.tasks[6].splits["test"]
    assert answers_of(stream, test, test.ids.index(str(one))) == {"blue": 1.0}
    assert answers_of(stream, test, test.ids.index(str(other))) == {f"color {VAL[1] % 3}": 1.0, "answer": 0.3}


def test_novel_composition_keeps_a_group_for_the_first_task_and_the_tests(tmp_path, files):
    write(tmp_path, files)
    stream, whole = load(tmp_path, setting="novel-composition", held_out=2), load(tmp_path)
    assert stream.tables.held_out == 2 and stream.fingerprint != whole.fingerprint
    for index, (task, plain) in enumerate(zip(stream.tasks, whole.tasks, strict=True)):
        assert (2 in task.groups) == (2 in groups_of(stream, task.splits["train"])) == (index == 0)
        for split in ("validation", "test"):
            assert task.splits[split].ids == plain.splits[split].ids
            assert 2 in groups_of(stream, task.splits[split])


def test_raw_ids_lose_the_pictures_of_the_last_ten_categories_and_say_so(tmp_path, files):
    lost = [n for n in TRAIN + VAL if IDS[n] >= 80]
    assert lost
    stream = load(write(tmp_path, files), category_ids="raw")
    count = sum(
        r["img_id"].endswith(tuple(f"{n + 1:012d}" for n in lost))
        for path, rows in files.items()
        if "Partition_Q" in path
        for r in rows
    )
    assert stream.skipped == {"picture whose object id is in no group": count}
    train = stream.tasks[0].splits["train"]
    assert train.label.tolist() == [IDS[n] for n in TRAIN if n not in lost]
    assert [stream.categories[c] for c in train.label] == [COCO[IDS[n]] for n in TRAIN if n not in lost]
    assert stream.categories[12] == "unused 12" and len(stream.categories) == 80


def test_a_picture_without_an_object_is_passed_over_and_counted(tmp_path, files):
    del files["ImgId_cate_map.json"][picture(TRAIN[0])]
    stream = load(write(tmp_path, files))
    assert stream.skipped == {"picture without an object in ImgId_cate_map.json": 10}
    assert len(stream.tasks[0].splits["train"].ids) == len(TRAIN) - 1


def test_when_every_question_is_passed_over_the_error_says_why(tmp_path, files):
    files["ImgId_cate_map.json"] = {str(int(k[-12:])): v for k, v in files["ImgId_cate_map.json"].items()}
    row = files["vqa/Partition_Q/karpathy_train_q_recognition.json"][0]
    first = next(iter(files["ImgId_cate_map.json"]))
    with pytest.raises(UserError) as caught:
        load(write(tmp_path, files))
    count = 10 * (len(TRAIN) + 2 * len(VAL))
    assert str(caught.value) == (
        "stream vqa-v2: task 'recognition' has no sound train questions, allowed: at least one; left out "
        f"before: {count} x picture without an object in ImgId_cate_map.json (the first: {tmp_path}/"
        f"vqa/Partition_Q/karpathy_train_q_recognition.json: question {row['question_id']}: picture "
        f"{row['img_id']} is not in ImgId_cate_map.json, where one is called {first!r})"
    )


@pytest.mark.parametrize("answer", ["yes", "", 3, None, {"answer": "yes"}])
def test_a_record_may_have_an_answer_beside_its_label(tmp_path, files, answer):
    write(tmp_path, files)
    expected = load(tmp_path)
    for path, rows in files.items():
        if "Partition_Q" in path:
            for row in rows:
                row["answer"] = answer
    found = load(write(tmp_path, files, pictures=False))
    assert every_id(found) == every_id(expected) and found.skipped == {}
    for split in ("train", "test"):
        old, new = (stream.tasks[3].splits[split] for stream in (expected, found))
        assert answers_of(found, new, 1) == answers_of(expected, old, 1) != {}


def test_a_malformed_record_with_an_answer_is_shown_as_one(tmp_path, files):
    row = files["vqa/Partition_Q/karpathy_val_q_count.json"][2]
    row |= {"answer": "yes", "img_id": 17}
    with pytest.raises(UserError, match=f"question {row['question_id']}: img_id is 17, allowed: COCO_"):
        load(write(tmp_path, files))


def test_an_annotation_with_an_answer_is_one_all_the_same(tmp_path, files):
    path = "vqa/Partition_Q/karpathy_test_q_color.json"
    row = files[path][0]
    row.pop("answers")
    said = {"question_id": row["question_id"], "answer_type": "other", "answer": "x"}
    place = "vqa/v2_mscoco_val2014_annotations.json"
    files[place] = {"annotations": [{**said, "answers": annotators(*["x"] * 10)}]}
    stream = load(write(tmp_path, files))
    assert answers_of(stream, stream.tasks[6].splits["test"], 0) == {"x": 1.0}
    files[place] = {"annotations": [said]}
    with pytest.raises(UserError, match=f"{place}: question {row['question_id']}: has no answers, allowed"):
        load(write(tmp_path, files, pictures=False))


def test_a_question_that_a_file_holds_twice_is_asked_once_and_counted(tmp_path, files):
    path = "vqa/Partition_Q/karpathy_train_q_count.json"
    files[path] = [*files[path], *files[path][:3]]
    stream = load(write(tmp_path, files))
    assert stream.skipped == {"question listed twice in its file": 3}
    ids = stream.tasks[4].splits["train"].ids
    assert len(ids) == len(set(ids)) == len(TRAIN)


def test_questions_that_are_trained_on_and_looked_at_are_said(tmp_path, files):
    assert load(write(tmp_path, files)).remarks == ()
    train, test = (files[f"vqa/Partition_Q/karpathy_{part}_q_count.json"] for part in ("train", "test"))
    for one, other in zip(train[:3], test[:3], strict=True):
        one["question_id"] = other["question_id"]
    assert load(write(tmp_path, files, pictures=False)).remarks == (
        f"3 of {10 * len(test)} test questions are training or validation questions as well, such as "
        f"{test[0]['question_id']}",
    )


def test_regions_are_read_by_row_from_the_file_of_their_picture(tmp_path, files):
    # Training pictures may lie in val2014, as in Karpathy's split.
    moved = files["vqa/Partition_Q/karpathy_train_q_type.json"][3]
    moved["img_id"] = picture(VAL[4], "val")
    stream = load(write(tmp_path, files))
    pictures = stream.tasks[7].splits["train"].pictures
    read = pickle.loads(pickle.dumps(pictures)).read(np.array([3, 0, 3]))
    assert read.shape == (3, 3, 9) and read.dtype == np.float32
    np.testing.assert_array_equal(read[:, 0, 0], [VAL[4], TRAIN[0], VAL[4]])
    np.testing.assert_array_equal(read[0, 0, 5:], [0, 0.5, 1, 1])
    assert len(pickle.dumps(pictures)) < 1500
    with ThreadPoolExecutor(4) as pool:
        for again in pool.map(pictures.read, [np.array([3, 0, 3])] * 8):
            np.testing.assert_array_equal(again, read)


def test_pixels_are_squares_of_the_pictures(tmp_path, files):
    stream = load(jpegs(write(tmp_path, files, pictures=False)), pictures="pixels", image_size=16)
    assert stream.image_size == 16 and stream.tables.regions is None
    read = stream.tasks[0].splits["test"].pictures.read(np.array([1, 0]))
    assert read.shape == (2, 16, 16, 3) and read.dtype == np.uint8
    assert np.abs(read[:, 8, 8, 0].astype(int) - [VAL[1], VAL[0]]).max() <= 2


def test_without_a_vocabulary_the_most_frequent_best_answers_are_learnt(tmp_path, files):
    del files["vqa/trainval_ans2label.json"]
    files["vqa/Partition_Q/karpathy_train_q_type.json"][0]["label"] = {"the first": 1, "as good": 1}
    write(tmp_path, files)
    best = [
        max(r["label"], key=r["label"].get)
        for k in KINDS
        for r in files[f"vqa/Partition_Q/karpathy_train_q_{k}.json"]
    ]
    counts = {a: best.count(a) for a in dict.fromkeys(best)}
    order = sorted(counts, key=lambda a: -counts[a])
    stream = load(tmp_path)
    assert list(stream.tables.answers[: stream.tables.vocabulary]) == order
    assert "answer" not in order and "answer" in stream.tables.answers and "as good" not in order
    few = load(tmp_path, answers_kept=25)
    assert list(few.tables.answers[:25]) == order[:25] and few.tables.vocabulary == 25
    rest = sum(counts[a] for a in order[25:])
    assert few.skipped == {"training question without an answer of the vocabulary": rest}
    assert all(task.splits["train"].questions.answer.max() < 25 for task in few.tasks)


def test_label2ans_stands_for_ans2label(tmp_path, files):
    answers = list(files.pop("vqa/trainval_ans2label.json"))
    files["vqa/trainval_label2ans.json"] = answers
    tables = load(write(tmp_path, files)).tables
    assert list(tables.answers[: tables.vocabulary]) == answers


def test_an_empty_label_is_not_trained_on_but_its_annotators_are_asked_at_test(tmp_path, files):
    for split in ("train", "test"):
        files[f"vqa/Partition_Q/karpathy_{split}_q_causal.json"][2]["label"] = {}
    worthless = files["vqa/Partition_Q/karpathy_train_q_causal.json"][5]
    worthless["label"] = {"answer": 0}
    stream = load(write(tmp_path, files))
    task = stream.tasks[9]
    assert stream.skipped == {"training question without an answer of the vocabulary": 2}
    left = [r for r in files["vqa/Partition_Q/karpathy_train_q_causal.json"] if r["label"]]
    left.remove(worthless)
    train = task.splits["train"]
    assert train.ids == [str(r["question_id"]) for r in left] and len(task.splits["test"].ids) == len(VAL)
    for row, source in enumerate(left):
        assert answers_of(stream, train, row) == source["label"]
        assert train.pictures.read(np.array([row]))[0, 0, 0] == int(source["img_id"][-12:]) - 1


def test_an_annotator_may_have_said_nothing(tmp_path, files):
    files["vqa/Partition_Q/karpathy_test_q_type.json"][0]["answers"] = annotators("", "?", *["x"] * 8)
    stream = load(write(tmp_path, files))
    assert answers_of(stream, stream.tasks[7].splits["test"], 0) == {"x": 1.0}


def test_an_answer_may_be_called_like_a_field(tmp_path, files):
    row = files["vqa/Partition_Q/karpathy_train_q_type.json"][0]
    row["label"] = {"img_id": 1, "question_id": 0.6, "answers": 0.3, "answer": 0.3}
    del files["vqa/trainval_ans2label.json"]
    stream = load(write(tmp_path, files), task_names=("type",))
    assert answers_of(stream, stream.tasks[0].splits["train"], 0) == {"img_id": 1.0}


def put(name, value):
    return lambda row: row.__setitem__(name, value)


def drop(*names):
    def damage(row):
        for name in names:
            row.pop(name, None)

    return damage


@pytest.mark.parametrize(
    ("split", "damage", "found", "reason"),
    [
        ("train", drop("label"), "has no answer", "question without an answer"),
        ("test", drop("label", "answers"), "has no answer", "question without an answer"),
        ("test", put("answers", []), "has no answers", "question without an answer"),
        ("test", put("answers", annotators("", "")), "has no answers", "question without an answer"),
        ("test", put("answers", annotators("x", 5)), "an answer is 5", "answer is no text"),
        ("test", put("answers", [{"said": "x"}]), "an answer is an object", "answer is no text"),
        ("train", put("sent", "\u200b "), "sent is ", "question is no text"),
        ("test", put("answers", "x"), 'answers is "x"', "answers are no list"),
        (
            "train",
            put("label", {"unheard of": 1}),
            "label: 'unheard of' is not in the vocabulary",
            "answer is not in the vocabulary",
        ),
        ("train", put("label", ["x"]), "label is a list", "label is no object"),
        ("val", put("label", {"x": 1.5}), "label: 'x' has score 1.5", "score is out of range"),
        ("train", put("label", {"x": float("nan")}), "label: 'x' has score NaN", "score is out of range"),
        ("train", put("label", {"": 1}), 'an answer of label is ""', "answer is no text"),
        ("train", put("sent", ""), 'sent is ""', "question is no text"),
        ("train", put("sent", "\ud83d"), "sent holds half a character", "question is no text"),
        ("test", put("img_id", "../x"), 'img_id is "../x"', "img_id is no picture of COCO"),
        ("test", drop("img_id"), "img_id is null", "img_id is no picture of COCO"),
        (
            "train",
            put("img_id", picture(VAL[0])),
            f"picture {picture(VAL[0])} has no features",
            "no features in COCO/features",
        ),
    ],
)
def test_a_malformed_record_is_one_line_or_counted(tmp_path, files, split, damage, found, reason):
    path = f"vqa/Partition_Q/karpathy_{split}_q_count.json"
    row = files[path][1]
    files["ImgId_cate_map.json"][picture(VAL[0])] = IDS[VAL[0]]
    write(tmp_path, files)
    damage(row)
    (tmp_path / path).write_text(json.dumps(files[path]), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/{path}: question {row['question_id']}: {found}")
    assert ", allowed: " in message and "\n" not in message
    stream = load(tmp_path, skip_bad=True)
    assert stream.skipped == {reason: 1}
    name = {"val": "validation"}.get(split, split)
    assert str(row["question_id"]) not in stream.tasks[4].splits[name].ids
    assert len(stream.tasks[4].splits[name].ids) == len(files[path]) - 1


@pytest.mark.parametrize(
    ("value", "found"), [("x", 'is "x"'), (None, "is null"), ({}, "question_id is null")]
)
def test_a_record_without_a_name_is_known_by_its_place(tmp_path, files, value, found):
    path = "vqa/Partition_Q/karpathy_train_q_judge.json"
    files[path][2] = value
    with pytest.raises(UserError, match=rf"karpathy_train_q_judge.json: \[2\]: {found}, allowed: "):
        load(write(tmp_path, files))
    assert sum(load(tmp_path, skip_bad=True).skipped.values()) == 1


def test_a_malformed_annotation_is_one_line_or_counted_once(tmp_path, files):
    path = "vqa/Partition_Q/karpathy_test_q_color.json"
    for row in files[path]:
        del row["answers"]
    item = files[path][0]["question_id"]
    files["vqa/v2_mscoco_val2014_annotations.json"] = {
        "annotations": [{"question_id": item, "answer_type": "other", "answers": []}]
    }
    with pytest.raises(
        UserError, match=f"val2014_annotations.json: question {item}: has no answers, allowed: "
    ):
        load(write(tmp_path, files))
    assert load(tmp_path, skip_bad=True).skipped == {"question without an answer": 1}


def test_a_category_that_is_not_cocos_is_one_line_or_counted(tmp_path, files):
    files["ImgId_cate_map.json"][picture(TRAIN[0])] = 12
    with pytest.raises(
        UserError, match=f"ImgId_cate_map.json: picture '{picture(TRAIN[0])}' has category 12"
    ):
        load(write(tmp_path, files))
    skipped = load(tmp_path, skip_bad=True).skipped
    assert skipped["category is no id of COCO's"] == 1


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("vqa/Partition_Q/karpathy_test_q_type.json", '[{"a": 1}, ', r"not whole JSON \(.*line 1 column"),
        ("vqa/Partition_Q/karpathy_test_q_type.json", '{"a": [1]}', "holds an object, allowed: a list"),
        ("ImgId_cate_map.json", "[1]", "holds a list, allowed: an object"),
        ("vqa/trainval_ans2label.json", '{"a": 0, "b": 0}', "'b' has number 0, allowed: 0 .. 1, each once"),
        ("vqa/trainval_ans2label.json", "{}", "holds no answer"),
    ],
)
def test_a_file_cut_short_or_of_another_shape_is_refused(tmp_path, files, path, text, found):
    write(tmp_path, files)
    (tmp_path / path).write_text(text)
    with pytest.raises(UserError, match=f"^{tmp_path}/{path}: {found}"):
        load(tmp_path, skip_bad=True)


@pytest.mark.parametrize(
    "gone",
    [
        "vqa/Partition_Q/karpathy_val_q_judge.json",
        "ImgId_cate_map.json",
        "COCO/features/train2014_obj36.h5",
        "COCO/features/val2014_obj36.h5",
    ],
)
def test_a_missing_file_is_named(tmp_path, files, gone):
    write(tmp_path, files)
    (tmp_path / gone).unlink()
    with pytest.raises(UserError, match=f"^{tmp_path}/{gone}: cannot be read "):
        load(tmp_path, skip_bad=True)


def test_features_cut_short_are_refused_whatever_is_skipped(tmp_path, files):
    path = write(tmp_path, files) / "COCO/features/val2014_obj36.h5"
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(
        UserError, match="val2014_obj36.h5: cannot be read .*, allowed: a whole HDF5 file"
    ) as e:
        load(tmp_path, skip_bad=True)
    assert "\n" not in str(e.value)


def test_features_of_two_shapes_are_refused(tmp_path, files):
    write(tmp_path, files)
    with h5py.File(tmp_path / "COCO/features/val2014_obj36.h5", "w") as file:
        file[f"{picture(VAL[0], 'val')}/features"] = np.zeros((2, 5))
    with pytest.raises(UserError, match=r"val2014_obj36.h5: features \(2, 5\), allowed: \(3, 5\), as in"):
        load(tmp_path)


def test_a_missing_picture_or_folder_is_named(tmp_path, files):
    jpegs(write(tmp_path, files, pictures=False))
    name = picture(VAL[1], "val")
    (tmp_path / f"COCO/images/val2014/{name}.jpg").unlink()
    with pytest.raises(
        UserError,
        match=f"picture {name} is not there, allowed: one with COCO/images/val2014/{name}.jpg, where one is "
        f"called '{picture(min({*VAL} - {VAL[1]}), 'val')}'$",
    ):
        load(tmp_path, pictures="pixels")
    assert load(tmp_path, skip_bad=True, pictures="pixels").skipped == {"no picture in COCO/images": 20}
    (tmp_path / "COCO/images/val2014").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="COCO/images/val2014: cannot be read"):
        load(tmp_path, pictures="pixels")


def test_features_under_other_names_are_shown(tmp_path, files):
    path = write(tmp_path, files) / "COCO/features/train2014_obj36.h5"
    with h5py.File(path, "a") as file:
        for name in list(file):
            file.move(name, str(int(name[-12:])))
        first = sorted(file)[0]
    place = "in COCO/features/train2014_obj36.h5"
    with pytest.raises(
        UserError,
        match=f": picture (COCO_\\w+) has no features, allowed: one with a group \\1 {place}, where one",
    ) as caught:
        load(tmp_path)
    assert str(caught.value).endswith(f", where one is called {first!r}")


def test_a_task_left_with_nothing_is_named(tmp_path, files):
    files["vqa/Partition_Q/karpathy_val_q_action.json"] = []
    with pytest.raises(
        UserError, match="task 'action' has no sound validation questions, allowed: at least one"
    ):
        load(write(tmp_path, files))


@pytest.fixture(scope="module")
def con(tmp_path_factory):
    return write(tmp_path_factory.mktemp("con"), contvqa())


@pytest.mark.parametrize(
    ("setting", "names", "size"),
    [
        ("con-vs", list(PAIRS), 20),
        ("con-ls", list(PAIRS.values()), 20),
        ("con-vls", [f"{d}-{k}" for d, k in PAIRS.items()], 4),
    ],
)
def test_contvqas_tasks_are_those_of_the_lists(con, setting, names, size):
    stream = load(con, setting=setting)
    tables = stream.tables
    assert [t.name for t in stream.tasks] == names and stream.skipped == {}
    for index, task in enumerate(stream.tasks):
        assert {name: len(s.ids) for name, s in task.splits.items()} == dict.fromkeys(task.splits, size)
        for split in task.splits.values():
            words = [c.split() for c in split.captions]
            assert {w[2] for w in words} == {"猫"}
            if setting != "con-ls":
                assert {w[0] for w in words} == {task.name.split("-")[0]}
            if setting != "con-vs":
                assert {w[1] for w in words} == {task.name.split("-")[-1]}
            assert set(split.label) == {0 if setting == "con-ls" else index}
            if setting == "con-vs":
                kinds = [list(PAIRS.values()).index(w[1]) % 3 for w in words]
                assert split.questions.kind.tolist() == kinds
            else:
                assert set(split.questions.kind) == {index}
        assert task.groups == ((0,) if setting == "con-ls" else (index,))
    train, test = (stream.tasks[0].splits[s] for s in ("train", "test"))
    kind = train.captions[0].split()[1]
    assert answers_of(stream, train, 0) == {f"{kind} 0": 1.0}
    assert answers_of(stream, test, 0) == {f"{kind} 0": 1.0, f"rare {test.ids[0]}": 0.6, "dog": 0.3}
    assert list(tables.kinds) == (
        ["yes/no", "number", "other"] if setting == "con-vs" else list(PAIRS.values())
    )
    pictures = test.pictures.read(np.array([0]))
    assert pictures[0, 0, 0] == VAL[int(test.ids[0]) % len(VAL)]


def test_what_is_learnt_is_normalised_whatever_it_is_compared_by(con, tmp_path, files):
    stream = load(con, setting="con-ls", matching="reference")
    train, test = (stream.tasks[0].splits[s] for s in ("train", "test"))
    kind = train.captions[0].split()[1]
    assert answers_of(stream, train, 0) == {f"{kind} 0": 1.0}
    assert answers_of(stream, test, 0)[f"{kind.title()} 0"] == 1.0
    row = files["vqa/Partition_Q/karpathy_train_q_type.json"][0]
    del row["label"]
    row["answers"] = annotators(*["Type 0"] * 10)
    other = files["vqa/Partition_Q/karpathy_train_q_type.json"][1]
    del other["label"]
    entry = {"question_id": other["question_id"], "answer_type": "other", "answers": row["answers"]}
    files["vqa/v2_mscoco_train2014_annotations.json"] = {"annotations": [entry]}
    stream = load(write(tmp_path, files), matching="reference")
    for place in (0, 1):
        assert answers_of(stream, stream.tasks[7].splits["train"], place) == {"type 0": 1.0}


def test_contvqas_diverse_domains_are_a_reading_of_con_vs(con):
    stream = load(con, setting="con-vs", domains="diverse")
    assert sorted(t.name for t in stream.tasks) == [f"group_{n}" for n in range(1, 6)]


def test_the_order_is_the_lists_or_shuffled_or_named(con):
    def names(**config):
        return [t.name for t in load(con, **config).tasks]

    published = ("color", "subcategory", "action", "count", "scene")
    assert names(setting="con-ls", order=published) == list(published)
    orders = {tuple(names(setting="con-vls", order=s)) for s in range(4)}
    assert len(orders) > 1 and all(sorted(o) == sorted(f"{d}-{k}" for d, k in PAIRS.items()) for o in orders)
    assert names(setting="con-vs", task_names=("sports", "food"), order=(1, 0)) == ["food", "sports"]
    with pytest.raises(UserError, match="task_names: 'cars', allowed: transport, animals"):
        names(setting="con-vs", task_names=("cars",))


def con_file(tmp_path, path, change):
    files = contvqa()
    change(files[path])
    return write(tmp_path, files)


def test_an_unknown_question_in_a_list_is_one_line_or_counted(tmp_path):
    path = "contvqa/data/question_types/valid_question_ids.json"
    con_file(tmp_path, path, lambda lists: lists["count"].insert(1, "999999"))
    with pytest.raises(UserError) as caught:
        load(tmp_path, setting="con-ls")
    assert str(caught.value).startswith(
        f"{tmp_path}/{path}: task 'count': question 999999: is in no file of questions, allowed: an id of"
    )
    stream = load(tmp_path, skip_bad=True, setting="con-ls")
    assert stream.skipped == {"unknown question": 1}


@pytest.mark.parametrize(
    ("value", "found", "reason"),
    [
        ("12a", '"12a" is no question id', "question id is no number"),
        (None, "null is no question id", "question id is no number"),
        ("5", "names question 5 twice", "named twice"),
    ],
)
def test_a_malformed_id_is_one_line_or_counted(tmp_path, value, found, reason):
    path = "contvqa/data/taxonomy_domains/train_question_ids.json"
    con_file(tmp_path, path, lambda lists: lists["transport"].extend(["5", value]))
    with pytest.raises(UserError, match=f"{path}: task 'transport': {found}, allowed: "):
        load(tmp_path, setting="con-vs")
    assert load(tmp_path, skip_bad=True, setting="con-vs").skipped[reason] == 1


def first(records):
    return records[next(k for k in ("questions", "annotations") if k in records)][0]


@pytest.mark.parametrize(
    ("name", "change", "found", "reason"),
    [
        (
            "v2_mscoco_train2014_annotations.json",
            lambda r: first(r).update(answers=[]),
            "has no answers",
            "question without an answer",
        ),
        (
            "v2_mscoco_train2014_annotations.json",
            lambda r: r["annotations"].pop(0),
            "has no answer",
            "question without an answer",
        ),
        (
            "v2_mscoco_train2014_annotations.json",
            lambda r: first(r).update(answer_type="colour"),
            'answer_type is "colour"',
            "answer_type is unknown",
        ),
        (
            "v2_OpenEnded_mscoco_train2014_questions.json",
            lambda r: first(r).update(question=None),
            "question is null",
            "question is no text",
        ),
        (
            "v2_OpenEnded_mscoco_train2014_questions.json",
            lambda r: first(r).update(image_id="x"),
            'image_id is "x"',
            "image_id is no number",
        ),
        (
            "v2_OpenEnded_mscoco_train2014_questions.json",
            lambda r: first(r).update(image_id=777777),
            "picture COCO_train2014_000000777777 has no features",
            "no features in COCO/features",
        ),
    ],
)
def test_a_malformed_question_or_annotation_is_one_line_or_counted(tmp_path, name, change, found, reason):
    con_file(tmp_path, f"vqa/{name}", change)
    with pytest.raises(
        UserError, match=rf"\.json: (task 'transport': )?question 1: {found}, allowed: "
    ) as caught:
        load(tmp_path, setting="con-vs")
    assert "\n" not in str(caught.value)
    stream = load(tmp_path, skip_bad=True, setting="con-vs")
    assert stream.skipped == {reason: 1}
    assert "1" not in stream.tasks[0].splits["train"].ids


@pytest.mark.parametrize("name", ["OpenEnded_mscoco_train2014_questions", "mscoco_train2014_annotations"])
def test_of_a_question_that_stands_twice_the_first_counts(tmp_path, name):
    def twice(records):
        kind = name.rpartition("_")[2]
        again = records[kind][0] | {"question": "another", "answers": annotators(*["another"] * 10)}
        records[kind].append(again)

    con_file(tmp_path, f"vqa/v2_{name}.json", twice)
    with pytest.raises(UserError, match=rf"v2_{name}\.json: question 1: stands there twice, allowed: once$"):
        load(tmp_path, setting="con-vs")
    stream = load(tmp_path, skip_bad=True, setting="con-vs")
    assert stream.skipped == {"question stands twice in a file": 1}
    train = stream.tasks[0].splits["train"]
    row = train.ids.index("1")
    assert train.captions[row] != "another"
    assert "another" not in answers_of(stream, train, row)


def test_a_question_that_no_list_names_may_be_malformed(tmp_path):
    files = contvqa()
    for path, key in (("OpenEnded_mscoco_train2014_questions", "questions"),):
        files[f"vqa/v2_{path}.json"][key].append({"question_id": 10**6})
    assert load(write(tmp_path, files), setting="con-vls").skipped == {}


@pytest.mark.parametrize(
    ("path", "change", "found"),
    [
        (
            "contvqa/data/taxonomy_domains/valid_question_ids.json",
            lambda lists: lists.pop("food"),
            "has no task 'food', allowed: transport",
        ),
        (
            "contvqa/data/taxonomy_domains/test_question_ids.json",
            lambda lists: lists.update(cars=["1"]),
            "names an unknown task 'cars', allowed: transport",
        ),
        (
            "contvqa/data/taxonomy_domains/test_question_ids.json",
            lambda lists: lists.update(food="1"),
            "task 'food' is \"1\", allowed: a list",
        ),
        (
            "vqa/v2_mscoco_val2014_annotations.json",
            lambda top: top.pop("annotations"),
            'holds an object without annotations, allowed: an object with "annotations"',
        ),
    ],
)
def test_lists_of_different_tasks_and_files_of_another_shape_are_refused(tmp_path, path, change, found):
    con_file(tmp_path, path, change)
    with pytest.raises(UserError, match=f"^{tmp_path}/{path}: {found}"):
        load(tmp_path, skip_bad=True, setting="con-vs")


def test_con_vls_needs_the_published_tasks(tmp_path):
    files = contvqa()
    for split in ("train", "valid", "test"):
        lists = files[f"contvqa/data/question_types/{split}_question_ids.json"]
        lists["place"] = lists.pop("scene")
    with pytest.raises(
        UserError, match="contvqa/data/question_types: no task 'scene', allowed: scene, count"
    ):
        load(write(tmp_path, files), setting="con-vls")


def test_a_missing_data_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="no data folder given, allowed: --data DIR"):
        load("")
    with pytest.raises(UserError, match="nowhere: no such folder"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "wrong",
    [
        {"setting": "ConVS"},
        {"held_out": 5},
        {"order": "published"},
        {"domains": "diverse", "setting": "con-vls"},
        {"pictures": "both"},
        {"image_size": 3},
        {"category_ids": "fixed"},
        {"answers_kept": 0},
        {"matching": "exact"},
        {"seed": -1},
        {"task_names": "count"},
        {"task_names": ("count", "count")},
    ],
)
def test_a_wrong_value_is_named_in_one_line(wrong):
    with pytest.raises(ValueError, match=rf"^{next(iter(wrong))}: .*, allowed: ") as caught:
        VqaV2.Config(**wrong)
    assert "\n" not in str(caught.value)


def test_the_fingerprint_tells_other_features_and_other_pixels(tmp_path, files):
    write(tmp_path, files)
    first = load(tmp_path).fingerprint
    assert load(tmp_path).fingerprint == first
    path = tmp_path / "COCO/features/val2014_obj36.h5"
    path.write_bytes(path.read_bytes() + b"\0")
    assert load(tmp_path).fingerprint != first

    for part, numbers in (("train", TRAIN), ("val", VAL)):
        (tmp_path / f"COCO/images/{part}2014").mkdir(parents=True)
        for n in numbers:
            Image.new("RGB", (16, 16), (n, 0, 0)).save(
                tmp_path / f"COCO/images/{part}2014/{picture(n, part)}.jpg"
            )
    first = load(tmp_path, pictures="pixels").fingerprint
    path = tmp_path / f"COCO/images/val2014/{picture(VAL[-1], 'val')}.jpg"
    Image.new("RGB", (16, 16), (9, 9, 9)).save(path)
    assert load(tmp_path, pictures="pixels").fingerprint != first


def test_the_fingerprint_tells_questions_answers_and_whose_pictures_they_are(tmp_path, files):
    files["ImgId_cate_map.json"][picture(TRAIN[2])] = IDS[TRAIN[3]]  # two pictures of one object
    root, tmp_path = tmp_path, tmp_path / "first"
    tmp_path.mkdir()
    found = [load(write(tmp_path, files)).fingerprint]
    row = files["vqa/Partition_Q/karpathy_train_q_type.json"][3]
    for change in ({"sent": "another?"}, {"label": {"answer": 0.6}}, {"img_id": picture(TRAIN[2])}):
        row |= change
        found.append(load(write(tmp_path, files, pictures=False)).fingerprint)
    assert len(set(found)) == 4
    tmp_path.rename(root / "moved")
    assert load(root / "moved").fingerprint == found[-1]


def test_a_run_goes_on_with_more_kinds_where_a_vocabulary_numbers_the_answers(tmp_path, files):
    two, three = list(KINDS)[:2], list(KINDS)[:3]
    record = StreamRecord.of(load(write(tmp_path, files), task_names=two))
    more = load(tmp_path, task_names=three)
    record.check_grown(more, "first")
    assert (list(record.names), list(record.lists["kinds"])) == (two, two) and len(more.tasks) == 3
    with pytest.raises(UserError, match=f"task 2 was {two[1]!r} and would be {three[2]!r}"):
        record.check_grown(load(tmp_path, task_names=[two[0], three[2]]), "first")
    with pytest.raises(UserError, match="the stream has no task beyond its 2 tasks"):
        record.check_grown(load(tmp_path, task_names=two), "first")
    file = f"vqa/Partition_Q/karpathy_train_q_{two[1]}.json"
    write(tmp_path, {file: [{**row, "sent": "what?"} for row in files[file]]}, pictures=False)
    with pytest.raises(UserError, match=f"the data of task 2, {two[1]!r}, is not as the run read it"):
        record.check_grown(load(tmp_path, task_names=three), "first")
