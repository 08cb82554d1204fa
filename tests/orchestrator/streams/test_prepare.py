import numpy as np

from orchestrator.streams.prepare import input_spec, prepare
from orchestrator.streams.shapes_retrieval import ShapesRetrieval
from orchestrator.streams.tokenizer import Tokenizer


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
