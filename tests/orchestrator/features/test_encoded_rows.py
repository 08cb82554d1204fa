"""Which row a kept feature belongs to, where pictures are left out; and what decides what is kept."""

import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from methods.backbones.clip_config import ClipConfig
from methods.method import InputSpec, Task
from orchestrator.config import RunConfig
from orchestrator.errors import BadRecord, UserError
from orchestrator.features import bank as bank_module
from orchestrator.features import builder as builder_module
from orchestrator.features import encoder as encoder_module
from orchestrator.features import query_bank, query_encoder
from orchestrator.features.builder import Builder, encode_here, pictures_of
from orchestrator.features.encoder import Encoder, PictureChunk, npz, read_chunk
from orchestrator.replay.policies.herding import herding_order
from orchestrator.seeding import view_seeds
from orchestrator.streams.augment import augment
from orchestrator.streams.numbered import numbered
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.source import Questions, SplitSource, StreamSource, TaskSource
from orchestrator.streams.stream import Split, Stream, TaskData

SIZES = {"train": 11, "validation": 5, "test": 6}
LEFT_OUT = {0, 1, 5}


class _Spoilt(ArrayPictures):
    """Some rows cannot be read."""

    bad = frozenset()

    def read(self, rows):
        for row in rows:
            if int(row) in self.bad:
                raise BadRecord(f"picture {row} is no picture", int(row))
        return super().read(rows)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(builder_module, "_PICTURES", 4)
    monkeypatch.setattr(_Spoilt, "bad", frozenset())


def _source(captions=False):
    """Two tasks whose labels follow no pattern."""
    rng = np.random.default_rng(0)

    def split(task, name, count):
        label = (2 * task + rng.permutation(np.arange(count) % 2)).astype(np.int32)
        image = rng.integers(0, 256, (count, 8, 8, 3), np.uint8)
        return SplitSource(_Spoilt(image), (), label, [f"{task}-{name}-{i}" for i in range(count)])

    tasks = [TaskSource(f"t{k}", {name: split(k, name, n) for name, n in SIZES.items()}) for k in range(2)]
    return StreamSource("noise", "recognition", 8, ["a", "b", "c", "d"], tasks, "none", "f")


class _Sums:
    """Encodes a picture as four numbers of its own, and a view as those of its seed."""

    name = "sums"

    def __init__(self, source, views=0, skip_bad=False):
        self.sources, self.views, self.skip_bad = pictures_of(source), views, skip_bad

    def encode(self, chunk, device):
        kept, pictures = read_chunk(self, chunk)
        arrays = {"picture": chunk.numbers[kept], "feature": _feature(pictures)}
        if self.views and chunk.viewed:
            seeds = [view_seeds(chunk.numbers[kept], v) % np.uint64(1000) for v in range(self.views)]
            arrays["views"] = np.repeat(np.stack(seeds, 1)[..., None], 4, 2).astype(np.float16)
        return npz(**arrays)


def _feature(pictures):
    flat = pictures.reshape(len(pictures), 4, -1) if len(pictures) else np.empty((0, 4, 1))
    return (flat.mean(-1) - 128).astype(np.float16)


def _build(source, root, *, views=0, skip_bad=False, run=encode_here, said=None, **identity):
    encoder = _Sums(source, views, skip_bad)
    say = (said if said is not None else []).append
    identity = {"kind": "sums", **identity}
    return Builder(
        source, encoder, root, say, shape=(4,), identity=identity, herding=True, prompts=None
    ).build(run)


def _kept(split):
    return np.delete(np.arange(len(split.label)), sorted(_Spoilt.bad & set(range(len(split.label)))))


def test_herding_ranks_each_row_within_its_own_class_where_pictures_are_left_out(tmp_path, monkeypatch):
    source = _source()
    monkeypatch.setattr(_Spoilt, "bad", frozenset(LEFT_OUT))
    found = _build(source, tmp_path, skip_bad=True)
    splits = [task.splits["train"] for task in source.tasks]
    feature = np.concatenate([_feature(s.pictures.array[_kept(s)]) for s in splits])
    label = np.concatenate([s.label[_kept(s)] for s in splits])
    cut = np.concatenate([s.label[: len(_kept(s))] for s in splits])
    assert not np.array_equal(label, cut), "what is left out moves labels"
    expected = herding_order(feature.astype(np.float32), label)
    assert found.open("herding").tolist() == expected.tolist()
    assert np.array_equal(found.open("feature")[: len(label)], feature)
    assert expected.tolist() != herding_order(feature.astype(np.float32), cut).tolist()


def test_views_and_features_belong_to_their_own_rows(tmp_path, monkeypatch):
    source = _source()
    monkeypatch.setattr(_Spoilt, "bad", frozenset(LEFT_OUT))
    found = _build(source, tmp_path, views=3, skip_bad=True)
    rows = np.concatenate([11 * k + _kept(task.splits["train"]) for k, task in enumerate(source.tasks)])
    expected = np.stack([view_seeds(rows, v) % np.uint64(1000) for v in range(3)], 1).astype(np.float16)
    assert np.array_equal(found.open("views")[..., 0], expected)
    assert {place: left.tolist() for place, left in found.left_out.items()} == {
        (k, name): sorted(row for row in LEFT_OUT if row < count)
        for k in range(2)
        for name, count in SIZES.items()
    }


class _Corner(torch.nn.Module):
    """A CLIP whose features are four pixels of a picture, as they are."""

    width, fingerprint, scale = 4, "corner", 1.0

    def read_alike(self, texts):
        return []

    def encode_text(self, texts):
        return torch.tensor([[len(text), ord(text[0]), ord(text[-1]), 1.0] for text in texts])

    def encode_image(self, image):
        return image[:, 0, 3, 3:7].float()


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_the_frozen_clip_sees_each_row_in_its_own_views(monkeypatch, batch):
    monkeypatch.setattr(encoder_module, "load_backbone", lambda config: _Corner())
    monkeypatch.setattr(encoder_module, "_BATCH", batch)
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (20, 64, 64, 3), np.uint8)
    place = (1, "train")
    encoder = Encoder(ClipConfig("small", "random"), "corner", {place: _Spoilt(array)}, "shift", 3, True)
    monkeypatch.setattr(_Spoilt, "bad", frozenset({4, 9}))
    wanted, numbers = np.arange(2, 12), np.arange(70, 50, -1)
    chunk = PictureChunk([place] * 10, wanted, numbers[wanted], True)
    with np.load(io.BytesIO(encoder.encode(chunk, "cpu"))) as found:
        picture, feature, views = found["picture"], found["feature"], found["views"]
    rows = np.array([2, 3, 5, 6, 7, 8, 10, 11])
    assert picture.tolist() == numbers[rows].tolist()
    assert np.array_equal(feature, array[rows][:, 3, 3:7, 0].astype(np.float16))
    for view in range(3):
        seen = augment("shift", array[rows], view_seeds(numbers[rows], view))
        assert np.array_equal(views[:, view], seen[:, 3, 3:7, 0].astype(np.float16))
    with np.load(io.BytesIO(encoder.encode(replace(chunk, viewed=False), "cpu"))) as found:
        assert "views" not in found, "held-out pictures have none"
    with pytest.raises(UserError, match="its weights differ between the machines"):
        replace(encoder, fingerprint="another").encode(chunk, "cpu")
    with pytest.raises(BadRecord, match="picture 4 is no picture"):
        replace(encoder, skip_bad=False).encode(chunk, "cpu")


def test_other_transforms_names_and_templates_are_other_arrays(tmp_path, monkeypatch):
    for module in (bank_module, encoder_module):
        monkeypatch.setattr(module, "load_backbone", lambda config: _Corner())
    values = {"method.name": "zero-shot", "stream.name": "shapes-recognition", "run.views": 2}
    config = RunConfig.from_dict(values | {"method.backbone.pretrained": "random"})
    source = replace(_source(), augment="flip", templates=("{}", "a {}."))

    def kept(**changes):
        bank_module.open_bank(config, replace(source, **changes), tmp_path, lambda line: None, encode_here)
        return tuple(len(list(tmp_path.glob(f"*/{name}.npy"))) for name in ("views", "text"))

    assert kept() == (1, 1) == kept()
    assert kept(augment="shift") == (2, 1)
    assert kept(categories=["a", "b", "c", "e"]) == (2, 2)
    assert kept(templates=("{}", "the {}.")) == (2, 3)
    assert kept(categories=["b", "a", "c", "d"]) == (2, 4), "their order is part of it"


class _Interrupted:
    """Encodes so many chunks and is then interrupted. Without a number it counts the pictures that it was
    given.
    """

    def __init__(self, most=None):
        self.most, self.pictures = most, 0

    def __call__(self, encoder, chunks):
        for number, item in enumerate(encode_here(encoder, chunks)):
            if number == self.most:
                raise KeyboardInterrupt
            self.pictures += chunks[number].pictures
            yield item


def test_what_an_interrupted_encoding_left_out_is_tried_once_more(tmp_path, monkeypatch):
    whole = _build(_source(), tmp_path / "whole")
    monkeypatch.setattr(_Spoilt, "bad", frozenset({2}))
    with pytest.raises(KeyboardInterrupt):
        _build(_source(), tmp_path / "cut", skip_bad=True, run=_Interrupted(3))
    monkeypatch.setattr(_Spoilt, "bad", frozenset())
    run, said = _Interrupted(), []
    mended = _build(_source(), tmp_path / "cut", skip_bad=True, run=run, said=said)
    assert mended.left_out == {}
    for name in ("feature", "herding"):
        assert np.array_equal(mended.open(name), whole.open(name))
    # Of the first three chunks, 11 pictures, the one of four that had lost a picture comes again.
    assert run.pictures == 44 - 11 + 4
    assert any("37 pictures" in line and "7 were encoded before" in line for line in said)


def test_what_an_interrupted_encoding_left_out_stops_a_run_that_may_not(tmp_path, monkeypatch):
    monkeypatch.setattr(_Spoilt, "bad", frozenset({2}))
    with pytest.raises(KeyboardInterrupt):
        _build(_source(), tmp_path, skip_bad=True, run=_Interrupted(3))
    with pytest.raises(BadRecord, match="picture 2 is no picture"):
        _build(_source(), tmp_path)


def test_whatever_decides_features_has_a_folder_of_its_own(tmp_path):
    source = _source()
    first, *rest = source.tasks
    train = first.splits["train"]

    def with_train(**changes):
        task = replace(first, splits=first.splits | {"train": replace(train, **changes)})
        return replace(source, tasks=[task, *rest])

    others = [
        replace(source, fingerprint="g"),
        replace(source, name="other"),
        replace(source, image_size=16),
        with_train(label=train.label[::-1].copy()),
        with_train(ids=[*train.ids[1:], train.ids[0]]),
        replace(source, tasks=[replace(first, name="renamed"), *rest]),
    ]
    _build(source, tmp_path)
    for number, other in enumerate(others, 2):
        _build(other, tmp_path)
        assert len(list(tmp_path.glob("*/feature.npy"))) == number
    _build(source, tmp_path, encoder="another")
    assert len(list(tmp_path.glob("*/feature.npy"))) == len(others) + 2


def _beside(source, skip_bad=False, questions=True):
    """The stream of a source. Each row has tokens and questions of its own."""
    spec, tasks = InputSpec(8, 2, 50, 0, 1, 2, 3), []
    for k, task in enumerate(source.tasks):
        splits = {}
        for name, split in task.splits.items():
            count = len(split.label)
            own = np.arange(count, dtype=np.int32) + 100 * k
            asked = Questions(own, np.stack([own, own], 1), np.stack([own, own], 1).astype(np.float32))
            tokens = np.stack([own, own + 1], 1)
            splits[name] = Split(
                split.pictures,
                tokens,
                split.label,
                own[::-1].astype(np.int64) if name == "test" else None,
                questions=asked if questions else None,
                number=own + np.int64(7),
            )
        tasks.append(TaskData(Task(k, task.name, "vqa", 2), splits))
    return Stream("noise", spec, tasks, "none", skip_bad)


@pytest.mark.parametrize("beside", [False, True])
def test_a_stream_has_its_own_feature_in_each_row_and_nothing_of_what_was_left_out(
    tmp_path, monkeypatch, beside
):
    source = _source()
    monkeypatch.setattr(_Spoilt, "bad", frozenset(LEFT_OUT))
    encoded = _build(source, tmp_path, skip_bad=True)
    whole = _beside(source, skip_bad=True)
    stream = encoded.beside(whole, pictures_too=beside)
    assert stream.skip_bad and stream.features_only is not beside
    for k, task in enumerate(stream.tasks):
        for name, split in task.splits.items():
            original, kept = whole.tasks[k].splits[name], _kept(source.tasks[k].splits[name])
            assert len(split) == len(kept) and split.beside is beside
            assert np.array_equal(split.label, original.label[kept])
            assert np.array_equal(split.tokens, original.tokens[kept])
            assert (split.record is None) is (name != "test")
            assert name != "test" or np.array_equal(split.record, original.record[kept])
            assert np.array_equal(split.number, original.number[kept])
            assert np.array_equal(split.questions.kind, original.questions.kind[kept])
            pictures = original.pictures.array[kept]
            assert np.array_equal(split.feature, _feature(pictures))
            assert np.array_equal(split.pictures.read(np.arange(len(kept))), pictures)


class _Queries(torch.nn.Module):
    """Three queries of two numbers: of the picture, of the question, of both."""

    rows, width = 3, 2

    def __init__(self, fingerprint="f"):
        super().__init__()
        self.fingerprint = fingerprint

    def encode(self, image, tokens):
        picture, question = image.float().mean((1, 2, 3)), tokens.float()[:, 0]
        rows = torch.stack([picture, question, picture + question], 1)
        return torch.stack([rows, rows + 1], 2)


@pytest.fixture
def open_queries(tmp_path, monkeypatch):
    """Source and stream -> its query bank, under a model of no weights."""
    model = {"fingerprint": "f"}

    def load(backbone, spec):
        return _Queries(model["fingerprint"])

    for module in (query_bank, query_encoder):
        monkeypatch.setattr(module, "load_queries", load)

    def open_(source, whole, fingerprint="f", skip_bad=False, method="triplet"):
        model["fingerprint"] = fingerprint
        config = SimpleNamespace(
            method_name=method, method=SimpleNamespace(backbone=None), run=SimpleNamespace(skip_bad=skip_bad)
        )
        return query_bank.open_query_bank(config, source, whole, tmp_path, lambda line: None, encode_here)

    return open_


def _expected(split, rows):
    picture, question = split.pictures.array[rows].mean((1, 2, 3)), split.tokens[rows, 0]
    columns = np.stack([picture, question, picture + question], 1)
    return np.stack([columns, columns + 1], 2)


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_queries_are_of_their_own_picture_and_question(open_queries, monkeypatch, batch):
    monkeypatch.setattr(query_encoder, "_BATCH", batch)
    source = _source()
    monkeypatch.setattr(_Spoilt, "bad", frozenset(LEFT_OUT))
    whole = _beside(source, skip_bad=True)
    stream = open_queries(source, whole, skip_bad=True).stream(whole)
    for k, task in enumerate(stream.tasks):
        for name, split in task.splits.items():
            expected = _expected(whole.tasks[k].splits[name], _kept(source.tasks[k].splits[name]))
            assert split.beside and np.allclose(split.feature, expected, rtol=1e-3, atol=0.2)


def test_other_questions_of_the_same_length_are_other_queries(open_queries, tmp_path):
    source, whole = _source(), _beside(_source())
    open_queries(source, whole)
    split = whole.tasks[0].splits["test"]
    whole.tasks[0].splits["test"] = replace(split, tokens=split.tokens[::-1].copy())
    other = open_queries(source, whole)
    assert len(list(tmp_path.glob("*/feature.npy"))) == 2
    found = other.stream(whole).tasks[0].splits["test"].feature[:, 1, 0]
    assert found.tolist() == [5, 4, 3, 2, 1, 0]
    open_queries(source, whole, fingerprint="g")
    assert len(list(tmp_path.glob("*/feature.npy"))) == 3
    # What a method goes by alone is kept apart from what it reads beside pictures.
    assert not open_queries(source, whole, method="itr-cca").pictures_too
    assert len(list(tmp_path.glob("*/feature.npy"))) == 4


def test_queries_of_another_order_are_found_by_their_records(open_queries, tmp_path):
    tasks, ends = numbered(_source().tasks)
    source = replace(_source(), tasks=tasks, number_ends=ends)
    other, whole = replace(source, tasks=tasks[::-1]), _beside(source)
    turned = Stream("noise", whole.spec, whole.tasks[::-1], "none")
    first = open_queries(source, whole).stream(whole)
    second = open_queries(other, turned).stream(turned)
    assert len(list(tmp_path.glob("*/feature.npy"))) == 1
    for one, two in zip(first.tasks, second.tasks[::-1], strict=True):
        for name, split in one.splits.items():
            assert np.array_equal(two.splits[name].feature, split.feature)
    # Questions that have changed their pictures are others.
    splits = [task.splits["test"] for task in whole.tasks]
    for task, split in zip(turned.tasks, splits, strict=True):
        task.splits["test"] = replace(task.splits["test"], tokens=split.tokens)
    open_queries(other, turned)
    assert len(list(tmp_path.glob("*/feature.npy"))) == 2


def test_a_machine_with_other_weights_is_refused(open_queries):
    source, whole = _source(), _beside(_source())
    open_queries(source, whole)
    place = (0, "test")
    tokens = {place: whole.tasks[0].splits["test"].tokens}
    found = query_encoder.QueryEncoder(None, whole.spec, "another", pictures_of(source), tokens, False)
    with pytest.raises(UserError, match="its weights differ between the machines"):
        found.encode(PictureChunk([place] * 2, np.arange(2), np.arange(2), False), "cpu")
