"""What two frozen towers give for pictures and captions: encoded once, in the place of pictures."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny_walks import numbers, tiny_config, tiny_stream

from methods import registry as methods
from methods.backbones.clip import load_clip
from methods.backbones.load_pairs import load_pairs
from orchestrator.data.loader import eval_batches
from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.evaluation.predictor import Predictor
from orchestrator.features.frozen import load_queries
from orchestrator.streams import registry as streams
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")
_CLIP = {"method.backbone.model": "small", "stream.tokenizer": "multilingual", "stream.max_tokens": 64}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="module")
def clips_shelf(tmp_path_factory):
    """A stream of another tokenizer."""
    return tmp_path_factory.mktemp("clip")


def _walk(config, stream, folder):
    reporter = CollectingReporter()
    assert StreamLoop(config, stream, folder, reporter, device=_CPU).run() == "finished"
    return numbers(reporter.reports), final_evaluation(config, stream, folder, _CPU)


@pytest.mark.parametrize("values", [{}, _CLIP], ids=["towers", "clip"])
@pytest.mark.parametrize("method", ["itr-zero-shot", "itr-cca"])
def test_rows_encoded_once_give_the_numbers_of_rows_computed_each_time(
    method, values, shelf, clips_shelf, tmp_path
):
    found, shelf = [], clips_shelf if values else shelf
    for cached in (True, False):
        config = tiny_config(method, **{"run.feature_cache": cached, **values})
        stream = tiny_stream(config, shelf)
        split = stream.tasks[1].splits["gallery"]
        assert stream.features_only is cached and (split.feature is not None) is cached
        reports, tested = _walk(config, stream, tmp_path / str(cached))
        for report in reports:
            report.pop("replay/bytes")
        found.append((reports, tested))
    (reports, tested), (others, other) = found
    assert reports == [pytest.approx(report, rel=1e-9) for report in others]
    assert tested == pytest.approx(other, rel=1e-9) and {"test/seen/map1", "test/seen/r_mean"} <= {*tested}


def test_a_batch_has_rows_and_tokens_and_no_picture(shelf):
    config = tiny_config("itr-cca")
    stream = tiny_stream(config, shelf)
    batch = next(iter(eval_batches(stream.tasks[1].splits["train"], batch_size=5)))
    assert batch.image is None and batch.feature.shape == (5, 2, 16) and batch.tokens.shape == (5, 16)
    whole = tiny_stream(tiny_config("itr-cca", **{"run.feature_cache": False}), shelf)
    pictures = next(iter(eval_batches(whole.tasks[1].splits["train"], batch_size=5)))
    encoder = load_pairs(config.method.backbone, stream.spec)
    torch.testing.assert_close(
        batch.feature, encoder.encode(pictures.image, pictures.tokens), atol=2e-3, rtol=0
    )


def test_a_query_is_known_where_it_lies_in_the_gallery(shelf):
    config = tiny_config("itr-zero-shot")
    with_rows = tiny_stream(config, shelf)
    whole = tiny_stream(tiny_config("itr-zero-shot", **{"run.feature_cache": False}), shelf)
    for mine, theirs in zip(with_rows.tasks, whole.tasks, strict=True):
        for name in ("query", "gallery"):
            assert len(theirs.splits[name].record) == len(theirs.splits[name])
            assert np.array_equal(mine.splits[name].record, theirs.splits[name].record)


def test_a_clip_reads_the_captions_themselves(clips_shelf):
    config = tiny_config("itr-zero-shot", **_CLIP)
    stream = tiny_stream(config, clips_shelf)
    source = streams.get(config.stream_name).load(config.stream, False)
    clip = load_clip(config.method.backbone.clip)
    for task, told in zip(stream.tasks, source.tasks, strict=True):
        captions = told.splits["test"].captions
        wanted = clip.encode_text(list(captions)).half().numpy()
        assert len({*captions}) == 8 and task.splits["test"].feature.shape == (8, 2, 128)
        np.testing.assert_allclose(task.splits["test"].feature[:, 1], wanted, atol=2e-3)
        rows = torch.from_numpy(task.splits["test"].feature[:, 1].astype(np.float32))
        compared = load_pairs(config.method.backbone, stream.spec).compared(rows, "text")
        torch.testing.assert_close(compared.norm(dim=1), torch.ones(8), rtol=0, atol=1e-6)
        image = clip.encode_image(
            torch.from_numpy(told.splits["test"].pictures.read(np.arange(8))).permute(0, 3, 1, 2)
        )
        np.testing.assert_allclose(task.splits["test"].feature[:, 0], image.half().numpy(), atol=2e-3)


def test_a_finished_method_reads_pictures_and_texts_of_ones_own(shelf):
    config = tiny_config("itr-cca")
    stream = tiny_stream(config, shelf)
    source = streams.get(config.stream_name).load(config.stream, False)
    method = methods.get("itr-cca")(config.method, stream.spec)
    method.start_task(stream.tasks[0].task)
    for batch in eval_batches(stream.tasks[0].splits["train"], batch_size=5):
        method.observe(batch, method.phases(stream.tasks[0].task)[0])
    method.finish_task(stream.tasks[0].task, list)
    tokenizer = fit_tokenizer(source, config.stream, shelf / "tokenizer-shapes-retrieval")
    split = source.tasks[0].splits["test"]
    asked = Predictor(method, config, source, tokenizer, _CPU)
    found = asked.predict(list(split.pictures.read(np.arange(3))), split.captions[:5])
    (batch,) = eval_batches(stream.tasks[0].splits["test"], batch_size=8)
    image, text = (method.embed(batch, kind) for kind in ("image", "text"))
    assert image.norm(dim=1).min() > 0.99
    np.testing.assert_allclose(found.scores, image[:3] @ text[:5].T, atol=2e-2)


def test_other_towers_have_other_rows(shelf):
    config = tiny_config("itr-cca")
    spec = tiny_stream(config, shelf).spec
    same, clip = load_queries(config.method.backbone, spec), tiny_config("itr-cca", **_CLIP)
    assert same is load_pairs(config.method.backbone, dataclasses.replace(spec, detokenize=str))
    other = load_pairs(tiny_config("itr-cca", **{"method.backbone.image_heads": 4}).method.backbone, spec)
    # Another number of heads has weights of the same shapes, which were drawn alike.
    assert [*map(torch.equal, same.state_dict().values(), other.state_dict().values())].count(False) == 0
    found = load_queries(clip.method.backbone, spec)
    assert len({same.fingerprint, other.fingerprint, found.fingerprint}) == 3


def test_another_order_of_tasks_encodes_nothing(tmp_path):
    natural = tiny_stream(tiny_config("itr-zero-shot"), tmp_path)
    (kept,) = tmp_path.glob("*/feature.npy")
    other = tiny_stream(tiny_config("itr-zero-shot", **{"stream.order": [1, 0]}), tmp_path)
    assert list(tmp_path.glob("*/feature.npy")) == [kept]
    names = [[data.task.name for data in stream.tasks] for stream in (natural, other)]
    assert names[0] == names[1][::-1] and len({*names[0]}) == 2
    for mine, theirs in zip(natural.tasks, reversed(other.tasks), strict=True):
        for name, split in mine.splits.items():
            assert np.array_equal(split.feature, theirs.splits[name].feature)
            assert np.array_equal(split.tokens, theirs.splits[name].tokens)
