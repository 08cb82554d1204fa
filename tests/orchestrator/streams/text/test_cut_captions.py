import numpy as np
import pytest

from orchestrator.features.encoded import FrozenFeatures
from orchestrator.streams import registry
from orchestrator.streams.prepare import prepare
from orchestrator.streams.retrieval.shapes_retrieval import ShapesRetrieval
from orchestrator.streams.source import SplitSource, StreamSource, TaskSource
from orchestrator.streams.synthetic.caption import plural
from orchestrator.streams.synthetic.families import DRAWN, family
from orchestrator.streams.synthetic.questions.kinds import KINDS
from orchestrator.streams.text.cut_captions import cut_captions
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
from orchestrator.streams.text.tokenizer import Tokenizer
from orchestrator.streams.vqa.shapes_vqa import ShapesVQA

_SETTINGS = ("dual-level", "novel-composition", "con-vs", "con-ls", "con-vls")


def source(*captions):
    """A task for each argument, a list of captions for each of its splits."""

    def split(texts):
        return SplitSource(None, texts, np.zeros(len(texts), np.int32), [str(i) for i in range(len(texts))])

    names = ("train", "validation", "test")
    tasks = [
        TaskSource(f"t{i}", dict(zip(names, map(split, parts), strict=True)))
        for i, parts in enumerate(captions)
    ]
    return StreamSource("made", "retrieval", 16, ["c"], tasks, "none", "f")


def test_cuts_are_counted_by_task_and_split_and_said_in_one_line():
    fits, long = ["水水水水"], ["水水水水水"]
    stream = prepare(
        source(
            (fits * 3, fits, fits),
            (long * 12 + fits * 1988, long * 3 + fits, fits),
            (long * 4, fits, long * 2),
        ),
        Tokenizer.multilingual(6),
    )
    assert stream.cut == {(1, "train"): 12, (1, "validation"): 3, (2, "train"): 4, (2, "test"): 2}
    assert cut_captions(stream) == (
        "captions cut: 12 of 2,000 in task 2 (train), 4 of 4 in task 3 (train), 3 of 4 in task 2 (validation)"
        ", 2 in 1 other splits at 6 tokens; stream.max_tokens sets the length"
    )
    whole = prepare(source((fits, fits, fits), (long, long, long)), Tokenizer.multilingual(7))
    assert whole.cut == {} and cut_captions(whole) is None


def default_sources():
    yield ShapesRetrieval.Config()
    # All drawn families, and invented ones, whose nouns are spelled.
    small = {"train": 90, "validation": 20, "test": 20, "query": 6, "gallery": 6}
    yield ShapesRetrieval.Config(seed=1, tasks=18, **small)
    for setting in _SETTINGS:
        yield ShapesVQA.Config(setting=setting)
    yield ShapesVQA.Config(others=3, seed=5)


def test_these_are_all_streams_with_texts_that_need_no_data():
    made = {name for name in registry.names() if "needs data" not in registry.get(name).summary}
    with_texts = {name for name in made if registry.get(name).scenario != "recognition"}
    assert with_texts == {"shapes-retrieval", "shapes-vqa"}
    assert len(KINDS) == 10


@pytest.mark.parametrize("config", default_sources(), ids=str)
def test_no_caption_of_a_default_stream_is_cut_and_each_word_is_one_token(config, tmp_path):
    found = (ShapesVQA if isinstance(config, ShapesVQA.Config) else ShapesRetrieval).load(config, False)
    tokenizer = fit_tokenizer(found, config, tmp_path / "t")
    stream = prepare(found, tokenizer)
    assert stream.cut == {} and cut_captions(stream) is None
    for task, data in zip(found.tasks, stream.tasks, strict=True):
        for name, split in task.splits.items():
            rows = data.splits[name].tokens
            if task.name.startswith("invented"):
                assert [tokenizer.decode(row) for row in rows] == split.captions
                continue
            words = [len(text.replace("?", " ?").split()) for text in split.captions]
            assert (rows != tokenizer.pad_id).sum(1).tolist() == [n + 2 for n in words]
    if found.tables is not None:
        answers = tokenizer.encode_answers(found.tables.answers)
        assert (answers != tokenizer.pad_id).sum(1).tolist() == [
            len(answer.split()) + 1 for answer in found.tables.answers
        ]


def test_the_longest_captions_of_a_thousand_tasks_fit():
    tokenizer = Tokenizer.words(ShapesRetrieval.Config().max_tokens)
    nouns = [noun for index in range(DRAWN, 1000) for noun in family(index).nouns]
    texts = [f"two small orange {plural(noun)} and a {noun} above a {noun} and a {noun}" for noun in nouns]
    assert tokenizer.encode_counting(texts)[1] == 0


def test_a_stream_with_features_beside_it_still_tells():
    stream = prepare(source((["水水"], ["水"], ["水"])), Tokenizer.multilingual(3))
    found = FrozenFeatures({"feature": np.zeros((3, 4), np.float16)}, {}, None, {}).beside(
        stream, pictures_too=True
    )
    assert found.cut == stream.cut == {(0, "train"): 1}
