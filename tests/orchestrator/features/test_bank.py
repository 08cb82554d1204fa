"""Features are encoded once, gone on with, and never taken for others."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from methods.backbones.clip import load_clip
from methods.backbones.clip_config import ClipConfig
from orchestrator.config import RunConfig
from orchestrator.errors import BadRecord, UserError
from orchestrator.features import builder as builder_module
from orchestrator.features.bank import open_bank, text_features
from orchestrator.features.builder import encode_here
from orchestrator.features.encoder import PictureChunk, TextChunk
from orchestrator.features.lock import locked
from orchestrator.features.progress import Progress
from orchestrator.replay.policies.herding import herding_order
from orchestrator.seeding import view_seeds
from orchestrator.streams import registry
from orchestrator.streams.augment import augment
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.recognition.class_config import ClassConfig
from orchestrator.streams.recognition.class_incremental import Examples, class_incremental
from orchestrator.streams.source import SplitSource, StreamSource, TaskSource

CLIP = ClipConfig("small", "random")
SIZES = {"train": 11, "validation": 3, "test": 4}
CHUNKS = 2 * (3 + 1 + 1)  # of pictures, four each


class _Spoilt(ArrayPictures):
    """Some rows cannot be read."""

    bad = frozenset()

    def read(self, rows):
        for row in rows:
            if int(row) in self.bad:
                raise BadRecord(f"picture {row} is no picture", int(row))
        return super().read(rows)


def _source(**changes):
    rng = np.random.default_rng(0)

    def split(task, count):
        image = rng.integers(0, 256, (count, 16, 16, 3), np.uint8)
        label = 2 * task + np.arange(count, dtype=np.int32) % 2
        return SplitSource(_Spoilt(image), (), label, [f"{task}-{i}" for i in range(count)])

    tasks = [
        TaskSource(f"t{k}", {name: split(k, n) for name, n in SIZES.items()}, range(2 * k, 2 * k + 2))
        for k in range(2)
    ]
    whole = StreamSource(
        "noise",
        "recognition",
        16,
        ["cat", "犬", "owl", "fox"],
        tasks,
        "shift",
        "f",
        templates=("a {}.", "{}"),
    )
    return replace(whole, **changes)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(builder_module, "_PICTURES", 4)
    monkeypatch.setattr(_Spoilt, "bad", frozenset())


@pytest.fixture(scope="module")
def config():
    return RunConfig.from_dict(
        {
            "method.name": "zero-shot",
            "method.backbone": {"model": "small", "pretrained": "random"},
            "stream.name": "shapes-recognition",
            "run.views": 2,
        }
    )


class _Runner:
    """Encodes in this process, counts, and may be interrupted."""

    def __init__(self, most=10**9):
        self.chunks = 0
        self._most = most

    def __call__(self, encoder, chunks):
        for item in encode_here(encoder, chunks):
            if self.chunks == self._most:
                raise KeyboardInterrupt
            self.chunks += 1
            yield item


def _open(config, source, root, run=None, said=None):
    return open_bank(config, source, root, (said if said is not None else []).append, run or _Runner())


def _same(one, other):
    for name in ("feature", "views", "herding"):
        assert np.array_equal(one.encoded.open(name), other.encoded.open(name))
    assert torch.equal(one.classes.text, other.classes.text)


def _unit_rows(pictures):
    found = load_clip(CLIP).encode_image(torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous())
    return found.numpy()


def test_what_is_encoded_is_what_the_encoder_gives(config, tmp_path):
    source = _source()
    found = _open(config, source, tmp_path)
    feature, views = found.encoded.open("feature"), found.encoded.open("views")
    assert (feature.dtype, feature.shape) == (np.float16, (36, 128))
    assert (views.dtype, views.shape) == (np.float16, (22, 2, 128))
    stream = found.stream(source, False)
    for task, original in zip(stream.tasks, source.tasks, strict=True):
        for name, split in task.splits.items():
            expected = _unit_rows(original.splits[name].pictures.array)
            assert np.allclose(split.feature, expected, atol=1e-3)
            assert np.array_equal(split.label, original.splits[name].label)
    # The second view of the second task's fourth picture: global training row 14.
    picture = source.tasks[1].splits["train"].pictures.array[3:4]
    expected = _unit_rows(augment("shift", picture, view_seeds(np.array([14]), 1)))
    assert np.allclose(stream.views[14, 1], expected[0], atol=1e-3)
    label = np.concatenate([task.splits["train"].label for task in source.tasks])
    assert np.array_equal(stream.herding, herding_order(feature[:22].astype(np.float32), label))
    text = load_clip(CLIP).encode_text(["a 犬.", "犬"])
    assert torch.allclose(stream.spec.text[1], text, atol=1e-6)
    assert stream.spec.names == ("cat", "犬", "owl", "fox") and stream.spec.scale == load_clip(CLIP).scale
    assert torch.allclose(text_features(config, source).text, stream.spec.text, atol=1e-6)


def test_a_later_run_encodes_nothing_and_reads_the_same(config, tmp_path):
    first = _open(config, _source(), tmp_path)
    said, run = [], _Runner()
    again = _open(config, _source(), tmp_path, run, said)
    assert run.chunks == 0 and "found in" in said[0]
    _same(first, again)
    assert isinstance(again.encoded.open("feature"), np.memmap)


def test_a_transform_that_changes_nothing_has_no_views(config, tmp_path):
    found = _open(config, _source(augment="none"), tmp_path)
    assert found.encoded.open("views") is None and set(found.encoded.files) == {"feature", "herding"}


def test_an_interrupted_encoding_is_gone_on_with(config, tmp_path):
    whole = _open(config, _source(), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _open(config, _source(), tmp_path / "cut", _Runner(6))
    run, said = _Runner(), []
    _same(_open(config, _source(), tmp_path / "cut", run, said), whole)
    # A chunk of texts and five of pictures were done.
    assert run.chunks == CHUNKS - 5
    assert any("17 pictures" in line and "19 were encoded before" in line for line in said)
    assert not list(tmp_path.glob("cut/*/chunks"))


def test_a_chunk_that_was_cut_short_is_encoded_again(config, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        _open(config, _source(), tmp_path / "cut", _Runner(6))
    chunk = sorted(tmp_path.glob("cut/*/chunks/*"))[2]
    chunk.write_bytes(chunk.read_bytes()[:-100])
    run, said = _Runner(), []
    _same(_open(config, _source(), tmp_path / "cut", run, said), _open(config, _source(), tmp_path / "whole"))
    assert run.chunks == CHUNKS - 4
    assert any("was cut short, it is encoded again" in line for line in said)


def test_whatever_decides_the_features_is_in_the_key(config, tmp_path, monkeypatch):
    source = _source()
    others = [
        (config, replace(source, fingerprint="g")),
        (config, replace(source, augment="none")),
        (config, replace(source, tasks=source.tasks[::-1])),
        (config.with_values({"run.views": 1}), source),
        (config.with_values({"method.backbone.pretrained": "world"}), source),
    ]
    for number, (other, changed) in enumerate([(config, source), *others]):
        run = _Runner()
        _open(other, changed, tmp_path, run)
        assert run.chunks >= CHUNKS
        assert len(list(tmp_path.glob("*/feature.npy"))) == number + 1
    # Other prompts are other texts, of the same pictures.
    run = _Runner()
    _open(config, replace(source, templates=("{}",)), tmp_path, run)
    assert run.chunks == 0 and len(list(tmp_path.glob("*/feature.npy"))) == len(others) + 1
    assert len(list(tmp_path.glob("*/text.npy"))) == 3
    # Views that are drawn from other numbers.
    monkeypatch.setattr("orchestrator.features.bank.VIEWS_SEED", 2)
    _open(config, source, tmp_path, run := _Runner())
    assert run.chunks >= CHUNKS


def _shapes(seed=0, **texts):
    stream = registry.get("shapes-recognition")
    return stream.load(stream.Config(seed=seed, tasks=2, train=2, validation=1, test=1, **texts), False)


def _classes(seed=0, names=("cat", "owl", "fox", "ant"), **texts):
    image = np.random.default_rng(seed).integers(0, 256, (16, 16, 16, 3), np.uint8)
    examples = Examples(
        lambda rows: ArrayPictures(image[rows]), np.arange(16) % 4, [f"picture {i}" for i in range(16)]
    )
    config, content = ClassConfig(initial=2, increment=2, **texts), image.tobytes()
    given = {"image_size": 16, "augment": "shift", "content": content}
    return class_incremental("classes", config, names, examples, 0.25, **given)


@pytest.mark.parametrize(
    ("load", "texts"),
    [
        (_shapes, {"templates": ("{} is here",)}),
        (_classes, {"templates": ("{} is here",)}),
        (_classes, {"names": ("猫", "owl", "fox", "ant")}),
    ],
)
def test_other_prompts_and_class_names_encode_no_picture(config, tmp_path, load, texts):
    def run(encoder, chunks):
        kinds.update(type(chunk) for chunk in chunks)
        return encode_here(encoder, chunks)

    kinds = set()
    first = _open(config, load(), tmp_path, run)
    assert kinds == {TextChunk, PictureChunk}
    kinds.clear()
    other = _open(config, load(**texts), tmp_path, run)
    assert PictureChunk not in kinds
    assert other.encoded.files == first.encoded.files
    assert not torch.equal(other.classes.text, first.classes.text)
    _open(config, load(seed=1), tmp_path, run)
    assert PictureChunk in kinds and len(list(tmp_path.glob("*/feature.npy"))) == 2


def _cut(path):
    path.write_bytes(path.read_bytes()[:-10])


def _cut_header(path):
    path.write_bytes(path.read_bytes()[:50])


def _other_numbers(path):
    np.save(path, np.load(path)[::-1])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_cut, "was cut short"),
        (_cut_header, "was cut short"),
        (_other_numbers, "its content is not what was encoded"),
        (lambda path: path.unlink(), "is missing"),
        (lambda path: np.save(path, np.zeros((128, 36), np.float16)), r"its shape is \[128, 36\]"),
    ],
)
def test_a_spoilt_file_is_one_line_that_names_it(config, tmp_path, spoil, words):
    found = _open(config, _source(), tmp_path)
    spoil(found.encoded.files["feature"])
    with pytest.raises(UserError, match=rf"feature\.npy: {words}.*remove the folder") as error:
        _open(config, _source(), tmp_path)
    assert "\n" not in str(error.value)


def test_features_of_another_encoder_are_refused(config, tmp_path):
    mine = _open(config, _source(), tmp_path).encoded.files["feature"].parent
    other = _open(config.with_values({"method.backbone.pretrained": "world"}), _source(), tmp_path)
    for path in other.encoded.files["feature"].parent.glob("*.*"):
        (mine / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"meta\.json: encoder is .* not .*"):
        _open(config, _source(), tmp_path)
    (mine / "meta.json").write_text('{"identity": ')
    with pytest.raises(UserError, match=r"meta\.json: is no whole description"):
        _open(config, _source(), tmp_path)


def test_a_bad_picture_stops_unless_it_may_be_left_out(config, tmp_path, monkeypatch):
    source = _source()
    monkeypatch.setattr(_Spoilt, "bad", frozenset({3, 10}))
    with pytest.raises(UserError, match="picture 3 is no picture"):
        _open(config, source, tmp_path)
    lenient = config.with_values({"run.skip_bad": True})
    found = _open(lenient, source, tmp_path)
    assert {place: rows.tolist() for place, rows in found.encoded.left_out.items()} == {
        (0, "train"): [3, 10],
        (1, "train"): [3, 10],
        (0, "test"): [3],
        (1, "test"): [3],
    }
    stream = found.stream(source, True)
    kept = np.delete(np.arange(11), [3, 10])
    split, original = stream.tasks[1].splits["train"], source.tasks[1].splits["train"]
    assert np.array_equal(split.label, original.label[kept])
    assert np.array_equal(split.pictures.read(np.array([4])), original.pictures.array[5:6])
    assert np.allclose(split.feature, _unit_rows(original.pictures.array[kept]), atol=1e-3)
    assert len(stream.views) == len(stream.herding) == stream.starts[-1] == 18
    # A view belongs to the source's row, whatever was left out before it.
    picture = augment("shift", original.pictures.array[5:6], view_seeds(np.array([11 + 5]), 0))
    assert np.allclose(stream.views[9 + 4, 0], _unit_rows(picture)[0], atol=1e-3)
    # What was left out once is not left out of a run that may not.
    with pytest.raises(UserError, match="picture 3 is no picture"):
        _open(config, source, tmp_path)
    run = _Runner()
    _same(_open(lenient, source, tmp_path, run), found)
    assert run.chunks == 0


def test_a_picture_that_was_mended_is_taken_in(config, tmp_path, monkeypatch):
    lenient, said = config.with_values({"run.skip_bad": True}), []
    monkeypatch.setattr(_Spoilt, "bad", frozenset({3}))
    _open(lenient, _source(), tmp_path)
    monkeypatch.setattr(_Spoilt, "bad", frozenset())
    mended = _open(lenient, _source(), tmp_path, said=said)
    assert any("can be read again" in line for line in said)
    _same(mended, _open(config, _source(), tmp_path / "whole"))


def test_a_class_without_any_picture_is_one_line(config, tmp_path, monkeypatch):
    monkeypatch.setattr(_Spoilt, "bad", frozenset({1, 3, 5, 7, 9}))
    with pytest.raises(
        UserError, match="no picture of class '犬' can be read, the first: picture 1 is no picture"
    ):
        _open(config.with_values({"run.skip_bad": True}), _source(), tmp_path)


def test_a_second_run_waits_for_the_first(tmp_path):
    said, order = [], []

    def second():
        with locked(tmp_path, said.append):
            order.append("second")

    with locked(tmp_path, said.append):
        thread = threading.Thread(target=second)
        thread.start()
        while not said:
            thread.join(0.01)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert said == [f"another run is encoding into {tmp_path}: waiting for it"]


def test_progress_is_said_at_intervals():
    said, now = [], [0.0]
    progress = Progress(said.append, 100, 20, every=5, clock=lambda: now[0])
    for seconds, pictures in ((9, 10), (10, 10), (11, 0), (14, 40), (15, 20)):
        now[0] = seconds
        progress.add(pictures)
    assert said == [
        "encoding: 30 of 100 pictures (30 %)",
        "encoding: 80 of 100 pictures (80 %), 10 a second, 2 s left",
        "encoding: 100 of 100 pictures (100 %), 12 a second, 0 s left",
    ]


def test_the_description_can_be_read(config, tmp_path):
    folder = _open(config, _source(), tmp_path).encoded.files["feature"].parent
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["identity"]["stream"] == "noise" and meta["identity"]["views"] == 2
    assert meta["identity"]["encoder"] == load_clip(CLIP).fingerprint
    assert meta["told"]["encoder"] == "small (random)"
