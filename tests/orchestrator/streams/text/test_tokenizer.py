import hashlib
import json
import os
import pickle
import subprocess
import sys
import unicodedata
from types import SimpleNamespace

import numpy as np
import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, T5Tokenizer

from orchestrator.errors import UserError
from orchestrator.streams.synthetic.vocabulary import world_words
from orchestrator.streams.text.multilingual import multilingual
from orchestrator.streams.text.named_tokenizer import named_tokenizer
from orchestrator.streams.text.text_config import TextConfig
from orchestrator.streams.text.tokenizer import Tokenizer

CAPTIONS = ["two red cars above a bus", "a blue boat and a bike", "a red car and two blue boats"] * 3
UNSEEN = [
    "不锈钢 保温杯 500ml（新款）",
    "👩‍🚀 rocket 🚀",
    "سيارة حمراء",
    "cafe\u0301 caf\u00e9",
    "[MASK] [SEP] mask",
    "",
]


def trained(max_tokens=64, vocab_size=300):
    return Tokenizer.train(CAPTIONS, vocab_size, max_tokens)


def test_any_language_survives_there_and_back():
    tokenizer = trained(128)
    texts = CAPTIONS[:3] + UNSEEN
    rows = tokenizer.encode(texts)
    assert [tokenizer.decode(row) for row in rows] == texts
    assert tokenizer.unk_id not in rows
    assert tokenizer.mask_id not in rows, "a special name inside a caption is text"


def test_rows_begin_with_cls_end_with_sep_and_are_padded():
    tokenizer = trained(8)
    rows = tokenizer.encode(["", "a red car", "two red cars above a bus and a blue boat"])
    assert rows.shape == (3, 8) and rows.dtype == np.int32
    assert (rows[:, 0] == tokenizer.cls_id).all()
    assert rows[0].tolist() == [tokenizer.cls_id, tokenizer.sep_id] + [tokenizer.pad_id] * 6
    assert (rows == tokenizer.sep_id).sum(1).tolist() == [1, 1, 1]
    assert rows[2, -1] == tokenizer.sep_id, "a long caption is cut before the end mark"
    assert rows.max() < tokenizer.vocab_size
    longer = trained(64).encode(["two red cars above a bus and a blue boat"])
    np.testing.assert_array_equal(rows[2, :-1], longer[0, :7])
    assert (
        len({tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id}) == 5
    )


def test_many_captions_are_encoded_as_one_by_one(monkeypatch):
    tokenizer = trained(16)
    texts = CAPTIONS + UNSEEN
    singly = np.concatenate([tokenizer.encode([text]) for text in texts])
    monkeypatch.setattr("orchestrator.streams.text.tokenizer._CHUNK", 4)
    np.testing.assert_array_equal(tokenizer.encode(texts), singly)


def test_what_is_cut_is_counted(monkeypatch):
    monkeypatch.setattr("orchestrator.streams.text.tokenizer._CHUNK", 2)
    for tokenizer in (trained(8), Tokenizer.multilingual(8), Tokenizer.words(8)):
        fits, long = "a a a a a a", "two red cars above a boat in a bus"
        rows, cut = tokenizer.encode_counting([fits, long, "", long, fits])
        assert cut == 2, "six tokens fit into a row of eight, seven do not"
        np.testing.assert_array_equal(rows, tokenizer.encode([fits, long, "", long, fits]))
        assert tokenizer.encode_counting(["a a a a a a", "a a a a a a a"])[1] == 1
    assert tokenizer.encode_counting([])[1] == 0


@pytest.mark.parametrize(
    "text",
    [
        "不锈钢保温杯500ml（新款）",
        "ひらがなカタカナ",
        "대한민국",
        "Ёлка Ω ß ñ Ế",
        "हिन्दी ไทย",
        "שלום سيارة",
        "№ € ℃ “a” 😀",
    ],
)
def test_each_character_is_a_token_of_its_own_in_any_script(text):
    tokenizer = Tokenizer.multilingual(64)
    rows, cut = tokenizer.encode_counting([text])
    assert cut == 0 and (rows != tokenizer.pad_id).sum() == len(text) + 2
    assert len(set(rows[0, 1 : len(text) + 1].tolist())) == len(set(text))
    assert tokenizer.decode(rows[0]) == text and tokenizer.unk_id not in rows


@pytest.mark.parametrize("text", ["한국어 상품 설명", "é", "Crème brûlée", "Việt Nam", "Ёлка", "ガラス"])
def test_text_in_parts_of_characters_is_read_as_that_in_whole_ones(text, tmp_path):
    """A file may hold an accent or a letter of a syllable as a character of its own (NFD)."""
    tokenizer = Tokenizer.multilingual(32)
    whole, parts = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert len(whole) < len(parts)
    rows = tokenizer.encode([whole, parts])
    assert np.array_equal(rows[0], rows[1]) and (rows[0] != tokenizer.pad_id).sum() <= len(whole) + 2
    assert tokenizer.decode(rows[1]) == whole
    tokenizer.save(tmp_path)
    assert np.array_equal(Tokenizer.load(tmp_path).encode([parts]), rows[1:])


def test_characters_of_no_block_are_spelled_and_nothing_is_lost():
    tokenizer = Tokenizer.multilingual(64)
    rows = tokenizer.encode([*UNSEEN, "\U00020000", "a\tb"])
    whole = [unicodedata.normalize("NFC", text) for text in [*UNSEEN, "\U00020000", "a\tb"]]
    assert [tokenizer.decode(row) for row in rows] == whole
    assert (rows != tokenizer.pad_id).sum(1)[-2:].tolist() == [4 + 2, 3 + 2]
    assert not {tokenizer.unk_id, tokenizer.mask_id} & set(rows.flat), "special names are text"
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id) == (
        *range(5),
    )


def test_the_multilingual_vocabulary_is_fixed():
    tokens, merges = multilingual()
    assert len(tokens) == len(set(tokens)) == Tokenizer.multilingual(8).vocab_size - 256 - 5
    assert all(part in tokens for pair in merges[:50] for part in pair)
    # Ids are rows of trained weights: a token that is put in or taken out moves those behind it.
    assert hashlib.sha256(json.dumps([tokens, merges]).encode()).hexdigest()[:16] == "425c5cb50fff3680"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("what color is his shirt?", ["what", " col", "or", " is", " his", " shirt", "?"]),
        ("the the", ["the", " the"]),
        ("a 5", ["a", " ", "5"]),
        ("水 the 水", ["水", " the", " ", "水"]),
    ],
)
def test_english_is_read_in_pieces_of_words_that_hold_their_space(text, pieces):
    tokenizer = Tokenizer.multilingual(32)
    row = tokenizer.encode([text])[0]
    found = [tokenizer.decode([token]) for token in row[1 : len(pieces) + 1]]
    assert found == [piece.removeprefix(" ") for piece in pieces]
    assert (row != tokenizer.pad_id).sum() == len(pieces) + 2 and tokenizer.decode(row) == text


def test_a_word_of_the_world_is_a_token_and_any_other_text_is_spelled():
    tokenizer = Tokenizer.words(64)
    words = world_words()
    rows = tokenizer.encode(words)
    assert len(set(words)) == len(words) and ((rows != tokenizer.pad_id).sum(1) == 3).all()
    assert len(set(rows[:, 1].tolist())) == len(words)
    assert [tokenizer.decode(row) for row in tokenizer.encode(UNSEEN)] == UNSEEN


def test_saved_and_loaded_it_is_the_same_and_holds_json_only(tmp_path):
    tokenizer = trained(16)
    tokenizer.save(tmp_path)
    for file in tmp_path.iterdir():
        json.loads(file.read_text(encoding="utf-8"))
    again = Tokenizer.load(tmp_path)
    np.testing.assert_array_equal(again.encode(CAPTIONS + UNSEEN), tokenizer.encode(CAPTIONS + UNSEEN))
    assert (again.vocab_size, again.max_tokens, again.mask_id) == (
        tokenizer.vocab_size,
        16,
        tokenizer.mask_id,
    )


def test_loading_what_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UserError, match="holds no saved tokenizer") as caught:
        Tokenizer.load(tmp_path / "nowhere")
    assert "\n" not in str(caught.value)


def test_ids_depend_on_neither_run_nor_threads_nor_caption_order(tmp_path):
    program = (
        "import sys; from orchestrator.streams.text.tokenizer import Tokenizer\n"
        "words = ['ab', 'ba', 'cd', 'dc', 'ef', 'fe', 'abcd', 'efab', 'dcba']\n"
        "captions = [f'{a} {b}' for a in words for b in words][::int(sys.argv[1])]\n"
        "print(Tokenizer.train(captions, 290, 16).encode(['abcdef fedcba abba cddc']).tolist())"
    )
    outputs = set()
    for threads, step in (("1", "1"), ("4", "1"), ("4", "-1")):
        env = {**os.environ, "RAYON_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", program, step], env=env, capture_output=True, text=True, check=True
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1


@pytest.mark.parametrize(
    ("arguments", "message"), [((200, 16), "vocab_size: 200"), ((300, 2), "max_tokens: 2")]
)
def test_sizes_out_of_range_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Tokenizer.train(CAPTIONS, *arguments)


def wordlevel(folder, **special):
    vocabulary = {
        t: i for i, t in enumerate(["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "a", "red", "car"])
    }
    backend = Backend(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(folder)


def test_a_pretrained_tokenizer_is_taken_with_its_own_special_ids(tmp_path):
    names = {f"{k}_token": f"[{k.upper()}]" for k in ("pad", "unk", "cls", "sep", "mask")}
    wordlevel(tmp_path, **names)
    tokenizer = Tokenizer.from_pretrained(str(tmp_path), 6)
    assert tokenizer.encode(["a red car", "a blue"]).tolist() == [[1, 5, 6, 7, 2, 3], [1, 5, 0, 2, 3, 3]]
    assert tokenizer.vocab_size == 8


def test_rows_are_cut_and_filled_by_their_own_length_whatever_the_file_says(tmp_path):
    trained(8).save(tmp_path)
    path = tmp_path / "tokenizer.json"
    backend = Backend.from_file(str(path))
    backend.enable_truncation(1)
    backend.enable_padding(length=9)
    backend.save(str(path))
    text = ["two red cars above a bus and a blue boat", "a"]
    expected, cut = trained(8).encode_counting(text)
    rows, found = Tokenizer.load(tmp_path).encode_counting(text)
    assert rows.tolist() == expected.tolist() and found == cut == 1


def test_a_pretrained_tokenizer_without_special_tokens_is_refused(tmp_path):
    wordlevel(tmp_path, unk_token="[UNK]")
    with pytest.raises(
        UserError, match=r"has no pad, sep token, allowed: one with pad and sep \(or eos\) token$"
    ):
        Tokenizer.from_pretrained(str(tmp_path), 6)


def test_what_nothing_reads_is_no_other_token_of_a_pretrained_tokenizer(tmp_path):
    """Otherwise models would not see where a text ends, or would not learn to end one, or would not see which
    words are unknown.
    """
    names = {f"{k}_token": f"[{k.upper()}]" for k in ("pad", "unk", "cls", "sep", "mask")}
    for key in ("sep", "cls", "mask"):
        wordlevel(tmp_path / key, **(names | {"pad_token": names[f"{key}_token"]}))
        said = rf"'\[{key.upper()}\]', which nothing reads, is its {key} token too, allowed: one of its own$"
        with pytest.raises(UserError, match=f"its pad token {said}"):
            Tokenizer.from_pretrained(str(tmp_path / key), 6)
    wordlevel(tmp_path / "unk", **(names | {"pad_token": "[UNK]"}))
    with pytest.raises(
        UserError, match=r"does not know become its pad token '\[UNK\]', which nothing reads, all"
    ):
        Tokenizer.from_pretrained(str(tmp_path / "unk"), 6)


def test_t5s_tokenizer_has_an_end_and_nothing_before_the_text(tmp_path):
    pieces = ["<pad>", "</s>", "<unk>", "\u2581a", "\u2581red", "\u2581car", "s"]
    T5Tokenizer([(piece, -float(i)) for i, piece in enumerate(pieces)], extra_ids=2).save_pretrained(tmp_path)
    tokenizer = Tokenizer.from_pretrained(str(tmp_path), 7)
    assert (tokenizer.pad_id, tokenizer.sep_id, tokenizer.unk_id) == (0, 1, 2)
    assert tokenizer.cls_id == tokenizer.mask_id == tokenizer.pad_id
    assert tokenizer.encode(["a red cars"]).tolist() == [[0, 3, 4, 5, 6, 1, 0]]
    assert tokenizer.encode_answers(["red", "red cars"]).tolist() == [[4, 1, 0, 0], [4, 5, 6, 1]]
    assert tokenizer.decode([4, 5, 6, 1, 0]) == "red cars"
    tokenizer.save(tmp_path / "kept")
    for again in (Tokenizer.load(tmp_path / "kept"), pickle.loads(pickle.dumps(tokenizer))):
        assert again.encode(["a red cars"]).tolist() == tokenizer.encode(["a red cars"]).tolist()


def test_answers_are_ended_padded_and_whole():
    tokenizer = trained(4)
    rows = tokenizer.encode_answers(["red", "a red car above two blue boats", ""])
    assert rows.dtype == np.int32 and len(rows) == 3
    assert (rows == tokenizer.sep_id).sum(1).tolist() == [1, 1, 1]
    assert rows[1, -1] == tokenizer.sep_id, "the longest has no padding"
    assert rows[2].tolist() == [tokenizer.sep_id] + [tokenizer.pad_id] * (rows.shape[1] - 1)
    assert tokenizer.cls_id not in rows
    texts = [tokenizer.decode(row) for row in rows.tolist()]
    assert texts == ["red", "a red car above two blue boats", ""]
    assert tokenizer.encode_answers([]).shape == (0, 1)


@pytest.mark.parametrize("make", [trained, lambda: Tokenizer.world(16), lambda: Tokenizer.multilingual(99)])
def test_it_travels_to_workers(make):
    tokenizer = make()
    detokenize = pickle.loads(pickle.dumps(tokenizer.decode))
    again = pickle.loads(pickle.dumps(tokenizer))
    np.testing.assert_array_equal(again.encode(CAPTIONS + UNSEEN), tokenizer.encode(CAPTIONS + UNSEEN))
    row = tokenizer.encode(["two red cars"])[0]
    assert detokenize(row) == again.decode(row) == "two red cars"
    assert vars(again).keys() == vars(tokenizer).keys()
    assert (again.max_tokens, again.vocab_size, again.pad_id) == (
        tokenizer.max_tokens,
        tokenizer.vocab_size,
        tokenizer.pad_id,
    )


def test_the_shipped_tokenizer_reads_any_text_and_knows_the_words_of_asking():
    tokenizer = Tokenizer.world(128)
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id) == (
        *range(5),
    )
    assert [tokenizer.decode(row) for row in tokenizer.encode(UNSEEN)] == UNSEEN
    row = tokenizer.encode(["what color is the thing top left?"])[0]
    assert (row != tokenizer.pad_id).sum() == 2 + 7 + 1


@pytest.mark.parametrize("name", ["nobody/has-this", "none", "./none"])
def test_a_pretrained_tokenizer_that_is_not_there_is_one_line(tmp_path, monkeypatch, name):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    with pytest.raises(
        UserError, match=f"^tokenizer '{name}': cannot be loaded .*, allowed: a folder"
    ) as caught:
        Tokenizer.from_pretrained(name, 6)
    assert "\n" not in str(caught.value)


def test_code_that_comes_with_a_pretrained_tokenizer_is_not_run(tmp_path, monkeypatch):
    # transformers would ask on the terminal.
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    config = '{"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", "own.Own"]}}'
    (tmp_path / "tokenizer_config.json").write_text(config)
    (tmp_path / "own.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\n")
    with pytest.raises(UserError, match="cannot be loaded"):
        Tokenizer.from_pretrained(str(tmp_path), 6)
    assert not (tmp_path / "ran").exists()


SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "红", "色", "鞋", "dog"]


def vocabulary(folder, words, *, config="tokenizer_config.json", end="\n", encoding="utf-8"):
    """A folder with a BERT's ``vocab.txt``, and a file which says that it is a BERT's."""
    folder.mkdir(parents=True)
    if words is not None:
        (folder / "vocab.txt").write_bytes("".join(word + end for word in words).encode(encoding))
    said = {
        "config.json": '{"model_type": "bert"}',
        "tokenizer_config.json": '{"tokenizer_class": "BertTokenizer"}',
    }
    if config:
        (folder / config).write_text(said[config])
    return str(folder)


@pytest.mark.parametrize("config", ["tokenizer_config.json", "config.json"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_folder_with_a_vocabulary_reads_its_words(tmp_path, config, end):
    tokenizer = Tokenizer.from_pretrained(vocabulary(tmp_path / "t", WORDS, config=config, end=end), 8)
    assert tokenizer.vocab_size == 9
    assert tokenizer.encode(["红色 鞋 dog"]).tolist() == [[2, 5, 6, 7, 8, 3, 0, 0]]


def test_a_folder_in_the_users_home_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    vocabulary(tmp_path / "t", WORDS)
    assert Tokenizer.from_pretrained("~/t", 8).vocab_size == 9


@pytest.mark.parametrize("words", [None, [], SPECIAL, ["[PAD]", ""]])
@pytest.mark.parametrize("config", ["tokenizer_config.json", "config.json"])
def test_a_tokenizer_without_a_word_is_refused(tmp_path, words, config):
    folder = vocabulary(tmp_path / "t", words, config=config)
    with pytest.raises(
        UserError,
        match=f"^tokenizer '{folder}': cannot be loaded .it has no vocabulary: none of its \\d tok",
    ) as caught:
        Tokenizer.from_pretrained(folder, 8)
    assert "hf download" not in str(caught.value)


@pytest.mark.parametrize("kind", ["t5", "roberta", "xlm-roberta", "flava"])
def test_so_is_one_of_another_kind(tmp_path, kind):
    """transformers makes this up from the folder of a model that was saved without its tokenizer."""
    (tmp_path / "config.json").write_text(f'{{"model_type": "{kind}"}}')
    with pytest.raises(
        UserError, match=r"^tokenizer .*: cannot be loaded \(it has no vocabulary: .*\), allowed: "
    ):
        Tokenizer.from_pretrained(str(tmp_path), 8)


def test_so_is_a_model_whose_vocabulary_is_not_in_the_cache(tmp_path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    place = tmp_path / "models--nobody--bert"
    vocabulary(place / "snapshots" / ("a" * 40), None, config="config.json")
    (place / "refs").mkdir()
    (place / "refs/main").write_text("a" * 40)
    with pytest.raises(
        UserError,
        match=r"^tokenizer 'nobody/bert': cannot be loaded .it has no voc.*'hf download nobody/bert' puts",
    ):
        Tokenizer.from_pretrained("nobody/bert", 8)


def test_what_is_no_tokenizers_folder_is_said_with_the_reason(tmp_path):
    whole = vocabulary(tmp_path / "whole", WORDS)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/tokenizer.json").write_text("{")
    for name, held in (
        ("lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
        ("junk", b"x"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "spiece.model").write_bytes(held)
        (tmp_path / name / "config.json").write_text('{"model_type": "t5"}')
    (tmp_path / "whole/model.safetensors").write_bytes((tmp_path / "lfs/spiece.model").read_bytes())
    assert Tokenizer.from_pretrained(whole, 8).vocab_size == 9, "whose weights are not there"
    for name, said in (
        (f"{whole}/vocab.txt", "it is a file, not its folder"),
        (str(tmp_path / "nowhere"), "no such folder"),
        ("~/nowhere-at-all", "no such folder"),
        (str(tmp_path / "empty"), "the folder is empty"),
        (
            vocabulary(tmp_path / "alone", WORDS, config=None),
            "the folder has vocab.txt, but no tokenizer.json, ",
        ),
        (vocabulary(tmp_path / "gb", WORDS, encoding="gb18030"), "its vocabulary is not UTF-8"),
        (str(tmp_path / "broken"), ""),
        (str(tmp_path / "lfs"), "spiece.model is git-lfs's pointer to a file: 'git lfs pull' brings it)"),
        (str(tmp_path / "junk"), "its vocabulary is of no known format)"),
    ):
        with pytest.raises(UserError) as caught:
            Tokenizer.from_pretrained(name, 8)
        message = str(caught.value)
        assert message.startswith(f"tokenizer '{name}': cannot be loaded ({said}"), message
        assert "\n" not in message and "hf download" not in message
        assert message.endswith(
            "a folder with tokenizer.json, or with a vocabulary and tokenizer_config.json"
        )


def test_a_vocabulary_without_its_unknown_token_is_refused(tmp_path):
    """It would end the run at the first word that it does not have."""
    folder = vocabulary(tmp_path / "t", [word for word in WORDS if word != "[UNK]"])
    with pytest.raises(
        UserError,
        match=f"^tokenizer '{folder}': cannot read a word that it does not know .*Missing .UNK. token.*, "
        "allowed: a vocabulary that has the unknown token$",
    ):
        Tokenizer.from_pretrained(folder, 8)


def test_so_is_one_that_leaves_every_word_of_a_task_out(tmp_path):
    alphabet = Backend(models.BPE({"[PAD]": 0, "[SEP]": 1, **{c: k for k, c in enumerate("dogcat", 2)}}, []))
    special = {"pad_token": "[PAD]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=alphabet, **special).save_pretrained(tmp_path)
    config = TextConfig(tokenizer=str(tmp_path))
    for captions, lost in ((["a dog", "猫"], False), (["猫", "红鞋"], True)):
        task = SimpleNamespace(name="toys", splits={"train": SimpleNamespace(captions=captions)})
        source = SimpleNamespace(scenario="retrieval", tasks=[task])
        if not lost:
            assert named_tokenizer(source, config).encode(["cat"]).tolist()[0][1:4] != [0, 0, 0]
            continue
        with pytest.raises(UserError, match="every word of task 'toys' is unknown to it, allowed: one of"):
            named_tokenizer(source, config)


def test_a_word_that_stands_twice_leaves_an_id_without_a_word(tmp_path):
    tokenizer = Tokenizer.from_pretrained(vocabulary(tmp_path / "t", [*WORDS, "dog", "cat"]), 8)
    assert tokenizer.encode(["cat"]).tolist() == [[2, 10, 3, 0, 0, 0, 0, 0]]
    assert tokenizer.vocab_size == 11, "rows of the weights, one a line of the file"


def test_unknown_words_are_counted(tmp_path):
    tokenizer = Tokenizer.from_pretrained(vocabulary(tmp_path / "t", WORDS), 8)
    assert tokenizer.unknown(["红色 猫", "a dog", ""]) == (2, 5)
    assert Tokenizer.multilingual(8).unknown(["红色 猫"])[0] == 0
