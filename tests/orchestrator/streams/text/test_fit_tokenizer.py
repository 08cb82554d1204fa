import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from orchestrator.errors import UserError
from orchestrator.streams import registry
from orchestrator.streams.prepare import prepare
from orchestrator.streams.recognition.shapes_recognition import ShapesRecognition
from orchestrator.streams.retrieval.p9d import P9D
from orchestrator.streams.retrieval.shapes_retrieval import ShapesRetrieval
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
from orchestrator.streams.text.tokenizer import Tokenizer
from orchestrator.streams.text.unknown_words import unknown_words

FIRST = "不锈钢保温杯大容量便携户外运动水壶新款男"
SECOND = "纯棉短袖女夏季宽松韩版学生上衣百搭显瘦潮"


def p9d(folder, **config):
    """Two tasks of captions that share no character, each record's rotated by its number."""
    for name in ("json", "train_images", "gallery_images"):
        (folder / name).mkdir()
    train, test = {}, {}
    for task, caption in (("cups", FIRST), ("shirts", SECOND)):
        train[task] = {}
        for i in range(8):
            item, title = f"{task}{i}", caption[i:] + caption[:i]
            record = {"title": title, "cate_name": f"{task}-{i % 2}"}
            folder_of = "train_images" if i < 6 else "gallery_images"
            Image.fromarray(np.full((16, 16, 3), i, np.uint8)).save(folder / folder_of / f"{item}.jpg")
            if i < 6:
                train[task][item] = record
            else:
                test[item] = {**record, "industry_name": task}
    (folder / "json/train.json").write_text(json.dumps(train), encoding="utf-8")
    (folder / "json/test.json").write_text(json.dumps(test), encoding="utf-8")
    return P9D.load(P9D.Config(data=str(folder), image_size=16, **config), False), P9D.Config(**config)


def prepared(source, config, folder):
    tokenizer = fit_tokenizer(source, config, folder)
    return prepare(source, tokenizer), tokenizer


def test_a_later_tasks_new_characters_are_read_as_the_first_tasks_are(tmp_path):
    assert len(set(FIRST)) == len(set(SECOND)) == 20 and not set(FIRST) & set(SECOND)
    (tmp_path / "data").mkdir()
    stream, tokenizer = prepared(*p9d(tmp_path / "data"), tmp_path / "tokenizer")
    assert stream.cut == {}
    for data, caption in zip(stream.tasks, (FIRST, SECOND), strict=True):
        rows = data.splits["train"].tokens
        assert (rows != tokenizer.pad_id).sum(1).tolist() == [20 + 2] * len(rows)
        assert {c for row in rows for c in tokenizer.decode(row)} == set(caption)


@pytest.mark.parametrize("length", [22, 21, 12])
def test_rows_of_any_length_hold_as_much_of_each_task(tmp_path, length):
    (tmp_path / "data").mkdir()
    stream, tokenizer = prepared(*p9d(tmp_path / "data", max_tokens=length), tmp_path / "tokenizer")
    kept = [{len(tokenizer.decode(row)) for row in t.splits["train"].tokens} for t in stream.tasks]
    assert kept == [{length - 2}] * 2


def test_the_vocabulary_owes_nothing_to_the_stream(tmp_path):
    (tmp_path / "data").mkdir()
    source, config = p9d(tmp_path / "data")
    other = ShapesRetrieval.load(ShapesRetrieval.Config(tasks=1, seed=3, train=8), False)
    found = [fit_tokenizer(s, config, tmp_path / n).to_json() for s, n in ((source, "a"), (other, "b"))]
    assert found[0] == found[1] == Tokenizer.multilingual(64).to_json()


@pytest.mark.parametrize("name", ["p9d", "vqa-v2", "next-qa", "shapes-retrieval", "shapes-vqa"])
def test_what_a_stream_reads_with_where_nothing_is_named(name):
    config = registry.get(name).Config()
    expected = ("words", 40) if name.startswith("shapes") else ("multilingual", 64)
    assert (config.tokenizer, config.max_tokens) == expected


@pytest.mark.parametrize("name", ["multilingual", "words", "world"])
def test_a_fixed_tokenizer_by_its_name(tmp_path, name):
    source = ShapesRetrieval.load(ShapesRetrieval.Config(tasks=1, train=8), False)
    config = ShapesRetrieval.Config(tokenizer=name, max_tokens=33)
    found = fit_tokenizer(source, config, tmp_path / "t")
    assert found.to_json() == getattr(Tokenizer, name)(33).to_json() and found.max_tokens == 33


def test_a_kept_tokenizer_is_taken_where_the_named_one_may_have_changed(tmp_path):
    old = Tokenizer.train(["two red cars", "a boat"], 300, 17)
    old.save(tmp_path / "t")
    path = tmp_path / "t" / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=2))
    source = ShapesRetrieval.load(ShapesRetrieval.Config(tasks=1, train=8), False)
    found = fit_tokenizer(source, ShapesRetrieval.Config(tokenizer="some/hubs"), tmp_path / "t")
    assert found.max_tokens == 17
    np.testing.assert_array_equal(found.encode(["two red boats"]), old.encode(["two red boats"]))


def test_what_is_made_is_kept_and_recognition_has_none(tmp_path):
    source = ShapesRetrieval.load(ShapesRetrieval.Config(tasks=1, train=8), False)
    made = fit_tokenizer(source, ShapesRetrieval.Config(), tmp_path / "t")
    assert Tokenizer.load(tmp_path / "t").to_json() == made.to_json()
    classes = ShapesRecognition.load(ShapesRecognition.Config(tasks=1, train=1, validation=1, test=1), False)
    assert fit_tokenizer(classes, ShapesRetrieval.Config(), tmp_path / "none") is None
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"tokenizer": " "},
            r"^tokenizer: ' ', allowed: multilingual, words, world, or a tra",
        ),
        ({"max_tokens": 2}, r"^max_tokens 2: allowed are whole numbers 3 \.\. 512$"),
        ({"max_tokens": 513}, r"^max_tokens 513: "),
    ],
)
def test_a_wrong_value_is_named(values, message):
    with pytest.raises(ValueError, match=message):
        P9D.Config(**values)


@pytest.mark.parametrize("lost", ["tokenizer.json", "tokenizer_rows.json"])
def test_a_folder_that_a_kill_left_with_one_file_is_made_anew(tmp_path, lost):
    source = SimpleNamespace(scenario="retrieval")
    config = ShapesRetrieval.Config()
    whole = fit_tokenizer(source, config, tmp_path / "t")
    (tmp_path / "t" / lost).unlink()
    (tmp_path / "t.partial").mkdir()
    assert fit_tokenizer(source, config, tmp_path / "t").to_json() == whole.to_json()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["t", "tokenizer.json", "tokenizer_rows.json"]


def test_another_tokenizer_in_a_runs_folder_is_refused(tmp_path):
    source = SimpleNamespace(scenario="retrieval")
    Tokenizer.words(12).save(tmp_path / "t")
    for asked in ({"tokenizer": "multilingual", "max_tokens": 12}, {"tokenizer": "words", "max_tokens": 9}):
        with pytest.raises(UserError, match="t: is not the tokenizer '(world|multilingual|words)' that this"):
            fit_tokenizer(source, ShapesRetrieval.Config(**asked), tmp_path / "t")
    kept = fit_tokenizer(source, ShapesRetrieval.Config(tokenizer="words", max_tokens=12), tmp_path / "t")
    assert kept.max_tokens == 12
    rows = json.loads((tmp_path / "t" / "tokenizer_rows.json").read_text())
    rows["special"]["mask"] = rows["special"]["unk"]
    (tmp_path / "t" / "tokenizer_rows.json").write_text(json.dumps(rows))
    with pytest.raises(UserError, match="is not the tokenizer 'words'"):
        fit_tokenizer(source, ShapesRetrieval.Config(tokenizer="words", max_tokens=12), tmp_path / "t")


def berts(folder, words):
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    return str(folder)


def test_a_tokenizer_to_which_every_word_of_a_task_is_unknown_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    source, _ = p9d(tmp_path / "data")
    for number, (words, task) in enumerate(((["dog"], "cups"), (FIRST, "shirts"), (SECOND, "cups"))):
        config = P9D.Config(tokenizer=berts(tmp_path / str(number), words))
        with pytest.raises(
            UserError, match=f"^tokenizer '.*': every word of task '{task}' is unknown to it, al"
        ):
            fit_tokenizer(source, config, tmp_path / "t")
        assert not (tmp_path / "t").exists()
    config = P9D.Config(tokenizer=berts(tmp_path / "some", [FIRST[0], SECOND[0]]))
    assert fit_tokenizer(source, config, tmp_path / "t").vocab_size == 7


def test_tasks_of_many_unknown_words_are_said(tmp_path):
    (tmp_path / "data").mkdir()
    source, _ = p9d(tmp_path / "data")
    known = Tokenizer.from_pretrained(berts(tmp_path / "all", FIRST + SECOND), 64)
    assert unknown_words(prepare(source, known), known) is None
    some = Tokenizer.from_pretrained(berts(tmp_path / "some", FIRST[:15] + SECOND[:18]), 64)
    stream = prepare(source, some)
    count = [len(task.splits["train"].tokens) for task in stream.tasks]
    assert unknown_words(stream, some) == (
        f"unknown to the tokenizer: {5 * count[0]} of {20 * count[0]} words in task 1; stream.tokenizer "
        "names another"
    )
    few = Tokenizer.from_pretrained(berts(tmp_path / "few", FIRST[:5] + SECOND[:1]), 64)
    line = unknown_words(prepare(source, few), few)
    assert line.index("words in task 2") < line.index("words in task 1"), "the largest share first"
    ours = Tokenizer.multilingual(64)
    assert unknown_words(prepare(source, ours), ours) is None and unknown_words(stream, None) is None
    ours.unk_id = ours.pad_id  # as of one that has no [UNK]: what fills the rows is no word
    assert unknown_words(prepare(source, ours), ours) is None
