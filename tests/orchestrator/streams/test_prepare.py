import numpy as np

from orchestrator.streams.prepare import input_spec, prepare
from orchestrator.streams.retrieval.shapes_retrieval import ShapesRetrieval
from orchestrator.streams.source import Questions, QuestionTables, SplitSource, StreamSource, TaskSource
from orchestrator.streams.text.tokenizer import Tokenizer


def test_every_split_is_tokenised_and_pictures_stay_where_they_are():
    config = ShapesRetrieval.Config(tasks=3, train=20, validation=8, test=8, query=6, gallery=6)
    source = ShapesRetrieval.load(config, skip_bad=False)
    tokenizer = Tokenizer.train(source.tasks[0].splits["train"].captions, 300, 64)
    stream = prepare(source, tokenizer, skip_bad=True)
    assert stream.spec == input_spec(source, tokenizer)
    assert (stream.spec.image_size, stream.spec.max_tokens, stream.spec.vocab_size) == (
        32,
        64,
        tokenizer.vocab_size,
    )
    special = {stream.spec.pad_id, stream.spec.cls_id, stream.spec.sep_id, stream.spec.mask_id}
    assert len(special) == 4
    assert (stream.name, stream.augment, stream.skip_bad) == ("shapes-retrieval", "none", True)
    assert stream.starts.tolist() == [0, 20, 40, 60]
    for index, (before, after) in enumerate(zip(source.tasks, stream.tasks, strict=True)):
        assert (after.task.index, after.task.name, after.task.total) == (index, before.name, 3)
        assert after.task.scenario == "retrieval"
        assert set(after.splits) == set(before.splits)
        for name, split in after.splits.items():
            assert split.pictures is before.splits[name].pictures
            assert split.tokens.dtype == np.int32 and split.tokens.shape == (len(split), 64)
            assert [tokenizer.decode(row) for row in split.tokens] == before.splits[name].captions
            np.testing.assert_array_equal(split.label, before.splits[name].label)


def split(*ids, answers=None):
    n = len(ids)
    questions = None
    if answers is not None:
        answer = np.array(answers, np.int32)
        questions = Questions(np.zeros(n, np.int32), answer, np.ones(answer.shape, np.float32))
    return SplitSource(None, ["a"] * n, np.zeros(n, np.int32), ids, questions)


def test_a_query_is_known_where_it_lies_in_the_gallery_and_in_no_other_split():
    tasks = [
        TaskSource(name, {"train": split("q1"), "query": split(*query), "gallery": split(*gallery)})
        for name, query, gallery in (
            ("a", ("q1", "q2"), ("g", "q2", "q1")),
            ("b", ("q3",), ("q3", "q1", "g2")),
        )
    ]
    source = StreamSource("made", "retrieval", 16, ["c"], tasks, "none", "f")
    first, second = (task.splits for task in prepare(source, Tokenizer.words(8)).tasks)
    assert first["train"].record is None
    query, gallery = first["query"].record, first["gallery"].record
    assert query.dtype == np.int64
    assert (query[:, None] == gallery).tolist() == [[False, False, True], [False, True, False]]
    assert (second["query"].record[:, None] == second["gallery"].record).tolist() == [[True, False, False]]
    assert second["gallery"].record[1] == query[0], "the same record in another task"
    assert len({*query.tolist(), *gallery.tolist(), *second["gallery"].record.tolist()}) == 5


def test_a_task_knows_the_answers_of_its_training_questions_alone():
    tables = QuestionTables(["red", "two", "cat", "far"], 3, ["k"], ["g", "h"], [0, 1], regions=(4, 5))
    parts = {
        "train": split("1", "2", answers=[[2, -1], [0, 2]]),
        "validation": split("3", answers=[[1, -1]]),
        "test": split("4", answers=[[3, 1]]),
    }
    tasks = [TaskSource("a", parts, groups=(1, 0)), TaskSource("b", {**parts, "train": parts["validation"]})]
    source = StreamSource("made", "vqa", 0, ["c", "d"], tasks, "none", "f", tables=tables)
    tokenizer = Tokenizer.words(8)
    stream = prepare(source, tokenizer)
    assert [data.task.answers for data in stream.tasks] == [(0, 2), (1,)]
    assert [data.task.groups for data in stream.tasks] == [(1, 0), ()]
    assert stream.spec.answers == ("red", "two", "cat"), "not those that are only compared with"
    assert [stream.spec.detokenize(row) for row in stream.spec.answer_tokens.tolist()] == [
        "red",
        "two",
        "cat",
    ]
    assert (stream.spec.kinds, stream.spec.objects) == (("k",), ("c", "d"))
    assert (stream.spec.groups, stream.spec.group_of, stream.spec.regions) == (("g", "h"), (0, 1), (4, 5))


def test_the_special_ids_are_the_tokenizers():
    source = ShapesRetrieval.load(ShapesRetrieval.Config(tasks=1, train=4), skip_bad=False)
    tokenizer = Tokenizer.words(20)
    spec = input_spec(source, tokenizer)
    assert (spec.pad_id, spec.cls_id, spec.sep_id, spec.mask_id) == (0, 2, 3, 4)
    assert (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id) == (
        *range(5),
    )
