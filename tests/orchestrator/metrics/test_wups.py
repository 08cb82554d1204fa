"""WUPS over a WordNet of a few words."""

import nltk.data
import numpy as np
import pytest
from nltk.corpus.reader.wordnet import WordNetCorpusReader

from orchestrator.errors import UserError
from orchestrator.evaluation.answer_index import AnswerIndex
from orchestrator.metrics import wups
from orchestrator.metrics.wups import Wups
from orchestrator.streams.source import QuestionTables, WupsMeasure
from orchestrator.streams.vqa.files.wups_measure import wups_measure

_LEXNAMES = "00\tadj.all\t3\n01\tadj.pert\t3\n02\tadv.all\t4\n03\tnoun.Tops\t1\n"
_HEADER = "  1 WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved.  \n"

#: entity - animal - dog, cat; entity - toy - ball.
NOUNS = {"entity": None, "animal": "entity", "dog": "animal", "cat": "animal", "toy": "entity", "ball": "toy"}
# Wu and Palmer: twice the depth of what is above both over the sum of their depths; the root's is 1.
DOG_CAT, DOG_BALL = 2 * 2 / (3 + 3), 2 * 1 / (3 + 3)


def write_wordnet(folder, parent_of):
    """``parent_of``: noun -> the noun above it, None for the root, parents first."""
    folder = folder / "corpora" / "wordnet"
    folder.mkdir(parents=True)
    (folder / "lexnames").write_text(_LEXNAMES)
    for part in ("noun", "verb", "adj", "adv"):
        for name in (f"data.{part}", f"index.{part}"):
            (folder / name).write_text(_HEADER)
        (folder / f"{part}.exc").write_text("")
    place, lines, at = {}, [], len(_HEADER)
    for word, parent in parent_of.items():
        place[word] = at
        above = "000" if parent is None else f"001 @ {place[parent]:08d} n 0000"
        lines.append(f"{at:08d} 03 n 01 {word} 0 {above} | a {word}  \n")
        at += len(lines[-1])
    (folder / "data.noun").write_text(_HEADER + "".join(lines))
    index = [f"{w} n 1 {0 if p is None else '1 @'} 1 0 {place[w]:08d}  \n" for w, p in parent_of.items()]
    (folder / "index.noun").write_text(_HEADER + "".join(sorted(index)))
    senses = [f"{word}%1:03:00:: {place[word]:08d} 1 0\n" for word in parent_of]
    (folder / "index.sense").write_text("".join(sorted(senses)))


@pytest.fixture
def wordnet(tmp_path, monkeypatch):
    write_wordnet(tmp_path, NOUNS)
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    reader = WordNetCorpusReader(str(tmp_path / "corpora/wordnet"), None)
    monkeypatch.setattr(wups, "wordnet", reader)
    return tmp_path


@pytest.mark.parametrize(
    ("said", "answer", "worth"),
    [
        ("dog", "dog", 1.0),
        ("dog", "cat", DOG_CAT),
        ("dogs", "cat", DOG_CAT),
        ("dog", "ball", DOG_BALL),
        ("the dog", "a cat", DOG_CAT),
        ("", "dog", 0.0),
        ("blorb", "dog", 0.0),
        ("blorb", "blorb", 1.0),
        # A word that is near none of the others' is passed over, and each word takes the nearest.
        ("blorb dog", "dog", 1.0),
        ("dog ball", "cat", min(DOG_CAT * DOG_BALL, DOG_CAT)),
        ("cat", "dog ball", DOG_CAT * DOG_BALL),
    ],
)
@pytest.mark.filterwarnings("ignore:The multilingual functions")
def test_what_an_answer_is_worth(wordnet, said, answer, worth):
    assert Wups(["the", "a"]).score(said, answer) == pytest.approx(worth)


ANSWERS = ["Dog", "2", "cat"]
# The prediction, its kind, the answers that count, what both readings give.
ROWS = [
    ("a cat.", 0, [0, -1], DOG_CAT, DOG_CAT),  # WordNet does not mind capitals
    ("cat", 0, [0, 2], 1.0, 1.0),
    ("two", 1, [1, -1], 1.0, 1.0),
    ("dog", 1, [2, -1], 0.0, DOG_CAT),
    ("dog", 0, [-1, -1], 0.0, 0.0),
]


@pytest.mark.parametrize(("matching", "exact", "column"), [("official", (1,), 3), ("reference", (), 4)])
@pytest.mark.filterwarnings("ignore:The multilingual functions")
def test_a_streams_predictions(wordnet, matching, exact, column):
    measure = WupsMeasure((), exact)
    tables = QuestionTables(ANSWERS, 3, ["why", "count"], ["all"], [0], matching=matching, wups=measure)
    texts, kind, answer = zip(*(row[:3] for row in ROWS), strict=True)
    worth = (np.array(answer) >= 0).astype(np.float32)
    found = AnswerIndex(tables).scores(texts, np.array(kind), np.array(answer), worth)
    assert found == pytest.approx([row[column] for row in ROWS])


@pytest.mark.filterwarnings("ignore:The multilingual functions")
def test_what_it_needs_is_said(wordnet, monkeypatch):
    with pytest.raises(
        UserError, match="stopwords.txt: cannot be read .No such file.*allowed: words that WUPS"
    ):
        wups_measure(str(wordnet), [])
    (wordnet / "stopwords.txt").write_bytes(b"the\n\xff\n")
    with pytest.raises(UserError, match="stopwords.txt:2: not UTF-8 .byte 4 of the file"):
        wups_measure(str(wordnet), [])
    (wordnet / "stopwords.txt").write_text("the\n\na\n")
    assert wups_measure(str(wordnet), [1]) == WupsMeasure(("a", "the"), [1])
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(UserError, match="nltk has no WordNet, allowed: after python -m nltk"):
        wups_measure(str(wordnet), [])
