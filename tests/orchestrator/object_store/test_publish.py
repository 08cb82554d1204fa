"""With a real Ray: shared arrays outlive processes, are mapped in place, and are the same in both modes."""

import os
import pickle
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import ray
import torch
from ray.exceptions import ObjectLostError

from methods.method import ClassSpec
from orchestrator.data.row_reader import RowReader
from orchestrator.errors import UserError
from orchestrator.execution.start_ray import start_ray
from orchestrator.object_store import shared_store as store_module
from orchestrator.object_store.array_owner import ArrayOwner
from orchestrator.object_store.memory_plan import memory_plan
from orchestrator.object_store.publish import publish
from orchestrator.object_store.shared_store import SharedStore, store_bytes
from orchestrator.replay.config import ReplayConfig
from orchestrator.replay.memory import ReplayMemory
from orchestrator.streams.pictures import MissingPictures
from orchestrator.streams.pictures.substitute import SubstitutePictures
from orchestrator.streams.stream import Stream, TaskData


@pytest.fixture(scope="module", autouse=True)
def _ray(on_shared_ray):
    started = start_ray(lambda line: None)
    yield
    started.end()


@pytest.fixture(scope="module")
def _started(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "shared"
    found = SharedStore.start(folder, str(folder))
    yield found
    found.close(delete=True)


@pytest.fixture
def store(_started, readers, row_reader):
    """A store whose owner is a process. It is the same for all tests, and empty for each."""
    yield _started
    _started.forget()
    shutil.rmtree(_started.folder, ignore_errors=True)
    Path(_started.folder).mkdir()
    emptied = _hub(_started).__ray_call__.remote(lambda self: self._refs.clear())
    forgotten = [one.forget.remote(_started) for one in (*readers, row_reader)]
    ray.get([emptied, *forgotten])


@pytest.fixture
def own_store(tmp_path, monkeypatch):
    """A store whose owner is no process but an object of this one, for what only this process reads."""
    found = SharedStore(str(tmp_path / "shared"), tmp_path.name)
    Path(found.folder).mkdir()
    owner = ArrayOwner.__ray_metadata__.modified_class(found.folder)
    calls = SimpleNamespace(put=_called(owner.put), refs=_called(owner.refs))
    monkeypatch.setattr(SharedStore, "_actor", lambda self: calls)
    yield found
    found.close(delete=True)


def _called(method):
    """A method as that of an actor is called."""
    return SimpleNamespace(remote=lambda *given: ray.put(method(*given)))


@pytest.fixture(scope="module")
def readers():
    return [Reader.remote() for _ in range(2)]


@ray.remote(num_cpus=0)
class Reader:
    """A process that maps arrays, and imports no torch."""

    def forget(self, store):
        store.forget()

    def pid(self):
        return os.getpid()

    def checksum(self, store, name):
        return int(store.get(name).sum(dtype=np.int64))

    def write(self, store, name):
        store.get(name)[0] = 0

    def proportional_bytes(self, store, name):
        """Resident bytes of the view's pages and this process's share of them."""
        address = store.get(name).__array_interface__["data"][0]
        sizes = {"Rss": 0, "Pss": 0}
        inside = False
        for line in Path("/proc/self/smaps").read_text().splitlines():
            head, *rest = line.split()
            if "-" in head and not head.endswith(":"):
                begin, end = (int(part, 16) for part in head.split("-"))
                inside = begin <= address < end
            elif inside and head[:-1] in sizes:
                sizes[head[:-1]] += int(rest[0]) * 1024
        return sizes["Rss"], sizes["Pss"]


@pytest.fixture(scope="module")
def row_reader():
    return Rows.remote()


@ray.remote(num_cpus=0)
class Rows:
    """A trial's process."""

    def forget(self, store):
        store.forget()

    def read(self, handle, rows, views=None):
        return RowReader(handle.open()).read(rows, views)


def _kill(actor_pid):
    os.kill(actor_pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(actor_pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{actor_pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.01)
    raise AssertionError("the process did not die")


def _hub(store):
    return ray.get_actor(store.owner, "vlcl-replay")


def _hub_pid(store):
    return ray.get(_hub(store).__ray_call__.remote(lambda self: os.getpid()))


def test_capacity_is_the_object_stores():
    assert store_bytes() == ray.cluster_resources()["object_store_memory"] == 300 * 2**20


def test_views_are_read_only_and_shared_between_processes(store, readers):
    data = np.random.default_rng(0).integers(0, 256, (20_000, 1000), np.uint8)
    store.put("data", data)
    assert len(pickle.dumps(store)) < 500
    assert store.nbytes == data.nbytes + 128
    view = store.get("data")
    assert view is store.get("data") and np.array_equal(view, data)
    total = int(data.sum(dtype=np.int64))
    assert ray.get([r.checksum.remote(store, "data") for r in readers]) == [total, total]
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        ray.get(readers[0].write.remote(store, "data"))
    for resident, share in ray.get([r.proportional_bytes.remote(store, "data") for r in readers]):
        # Three processes have touched every page: this one and two readers.
        assert resident >= data.nbytes
        assert share < 0.4 * resident


def test_arrays_outlive_whoever_asked_for_them(store, readers):
    data = np.arange(500_000)
    store.put("data", data)
    reader = Reader.remote()
    assert ray.get(reader.checksum.remote(store, "data")) == data.sum()
    _kill(ray.get(reader.pid.remote()))
    assert ray.get(readers[0].checksum.remote(store, "data")) == data.sum()


def test_arrays_are_loaded_again_when_the_hub_dies(store, readers):
    data = np.arange(500_000)
    store.put("data", data)
    mapped = store.get("data")
    old = store._refs(["data"], [])[0]
    first = _hub_pid(store)
    _kill(first)
    assert ray.get(readers[0].checksum.remote(store, "data")) == data.sum()
    assert _hub_pid(store) != first
    assert mapped.sum() == data.sum()
    # A process that got the reference before the hub died, and the array only after.
    assert np.array_equal(store._map("data", old), data)


def test_an_object_that_was_lost_is_put_again(store, monkeypatch):
    data = np.arange(500_000)
    store.put("data", data)
    lost = store._refs(["data"], [])[0]
    real = ray.get

    def get(ref, **options):
        if ref == lost:
            raise ObjectLostError(lost.hex(), None, "")
        return real(ref, **options)

    monkeypatch.setattr(store_module.ray, "get", get)
    assert np.array_equal(store.get("data"), data)
    assert store._refs(["data"], [])[0] != lost
    # Whoever comes later with the same complaint is told of the new object, not the cause of a third.
    assert store._refs(["data"], [lost.hex()]) == store._refs(["data"], [])


def test_a_twin_that_was_removed_is_one_line(store):
    store.put("data", np.arange(10))
    Path(store.folder, "data.npy").unlink()
    _kill(_hub_pid(store))
    with pytest.raises(UserError, match="shared arrays are gone: a file of data was removed"):
        store.get("data")


def test_a_write_that_fails_leaves_nothing(own_store):
    with pytest.raises(RuntimeError), own_store.writing("data", (10,), np.int64):
        raise RuntimeError
    assert not list(Path(own_store.folder).iterdir())


def test_a_write_may_end_short(own_store):
    with own_store.writing("data", (10, 3), np.int16) as twin:
        twin.array[:4] = 7
        twin.length = 4
    assert np.array_equal(own_store.get("data"), np.full((4, 3), 7, np.int16))
    own_store.put("none", np.empty((0, 3)))
    assert own_store.get("none").shape == (0, 3)


def test_two_runs_have_an_owner_each_and_one_that_comes_again_a_fresh_one(store, tmp_path):
    one = SharedStore.start(tmp_path / "here", "run one")
    one.put("data", np.arange(3))
    store.put("data", np.arange(5))
    again = SharedStore.start(tmp_path / "elsewhere", "run one")
    again.put("data", np.arange(7))
    assert [len(each.get("data")) for each in (again, store)] == [7, 5]
    again.close(delete=True)
    assert not (tmp_path / "elsewhere").exists()


def _same(found, expected):
    assert (found.name, found.spec, found.augment) == (expected.name, expected.spec, expected.augment)
    assert found.starts.tolist() == expected.starts.tolist()
    for mine, theirs in zip(found.tasks, expected.tasks, strict=True):
        assert mine.task == theirs.task and set(mine.splits) == set(theirs.splits)
        for name, split in theirs.splits.items():
            every = np.arange(len(split))
            assert np.array_equal(mine.splits[name].pictures.read(every), split.pictures.read(every))
            assert np.array_equal(mine.splits[name].tokens, split.tokens)
            assert np.array_equal(mine.splits[name].label, split.label)
            assert np.array_equal(mine.splits[name].record, split.record)


@pytest.mark.parametrize("stream_in", ["memory", "disk"])
def test_generated_pictures_in_both_modes(array_stream, store, row_reader, stream_in):
    chosen = memory_plan(array_stream, largest=10, store_bytes=store_bytes(), seeds=[4], stream_in=stream_in)
    progress = []
    handle = publish(array_stream, store, chosen, lambda *counts: progress.append(counts))
    assert progress[-1] == ((111, 111) if stream_in == "memory" else (20, 20))
    assert handle.skipped == {}
    _same(handle.open(), array_stream)
    rows = np.random.default_rng(1).permutation(75)
    expected = RowReader(array_stream).read(rows)
    found = ray.get(row_reader.read.remote(handle, rows))
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("kept", ["decoded", "encoded"])
def test_files_are_read_from_disk_and_candidates_from_memory(file_stream, own_store, tmp_path, kept):
    stream = file_stream()
    chosen = memory_plan(
        stream, largest=8, store_bytes=store_bytes(), seeds=[4], stream_in="disk", store=kept
    )
    handle = publish(stream, own_store, chosen)
    assert len(pickle.dumps(handle)) < 20_000
    opened = handle.open()
    _same(opened, stream)
    reader = RowReader(opened)
    candidates = opened.candidates.rows
    assert np.histogram(candidates, stream.starts)[0].tolist() == [8, 8, 0]
    expected = RowReader(stream).read(candidates).pictures
    for path in tmp_path.glob("pictures/*/train/*.jpg"):
        path.unlink()
    assert np.array_equal(reader.read(candidates).pictures, expected)
    with pytest.raises(UserError, match="cannot be read"):
        reader.read(np.setdiff1d(np.arange(75), candidates)[:1])
    if kept == "encoded":
        assert 300 < reader.bytes_per_row - 28 < 2000
        assert own_store.get("candidates.flat").nbytes == pytest.approx(16 * (reader.bytes_per_row - 28))


@pytest.mark.parametrize("seeds", [[4], [9, 4, 1]])
def test_every_choice_of_a_random_policy_is_a_candidate(array_stream, own_store, seeds):
    chosen = memory_plan(array_stream, largest=12, store_bytes=store_bytes(), seeds=seeds, stream_in="disk")
    opened = publish(array_stream, own_store, chosen).open()
    assert 192 * len(opened.candidates.rows) == chosen.disk_bytes - 111 * 28 < 192 * 50
    for seed in seeds:
        for policy in ("reservoir", "random", "balanced"):
            for size in (3, 12):
                memory = ReplayMemory(ReplayConfig(size, policy), seed=seed)
                for task in range(2):
                    label = opened.tasks[task].splits["train"].label
                    memory.update(task, opened.train_rows(task), label, None)
                    assert np.isin(memory.rows, opened.candidates.rows).all()


def test_features_are_shared_from_the_files_they_lie_in(encoded_stream, store, row_reader):
    stream, files = encoded_stream
    chosen = memory_plan(stream, largest=10, store_bytes=store_bytes(), seeds=[4])
    handle = publish(stream, store, chosen, files=files)
    for name, path in files.items():
        assert Path(store.folder, f"{name}.npy").samefile(path)
    assert len(pickle.dumps(handle)) < 5000
    opened = handle.open()
    assert opened.image_size == stream.image_size
    assert np.array_equal(opened.spec.text, stream.spec.text)
    assert (opened.spec.names, opened.spec.scale) == (stream.spec.names, stream.spec.scale)
    assert np.array_equal(opened.views, stream.views) and np.array_equal(opened.herding, stream.herding)
    for mine, theirs in zip(opened.tasks, stream.tasks, strict=True):
        for name, split in theirs.splits.items():
            assert np.array_equal(mine.splits[name].feature, split.feature)
            assert np.array_equal(mine.splits[name].label, split.label)
    assert np.shares_memory(opened.tasks[1].splits["test"].feature, store.get("feature"))
    rows, view = np.random.default_rng(1).permutation(75), np.arange(75) % 3
    expected = RowReader(stream).read(rows, view)
    found = ray.get(row_reader.read.remote(handle, rows, view))
    assert np.array_equal(found.feature, expected.feature) and np.array_equal(found.label, expected.label)
    assert RowReader(opened).bytes_per_row == RowReader(stream).bytes_per_row == 4 * 16 * 2 + 4
    with pytest.raises(RuntimeError, match="cannot be read here"):
        opened.tasks[0].splits["train"].pictures.read(np.array([0]))
    SharedStore(store.folder, "nobody").close(delete=True)
    assert not Path(store.folder).exists()
    assert all(path.exists() for path in files.values())


def _spoil(folder):
    for place in ("0/train/3", "0/train/29", "1/test/0"):
        (folder / "pictures" / f"{place}.jpg").write_bytes(b"no picture")


def test_bad_pictures_stop_publishing_unless_they_may_be_skipped(file_stream, own_store, tmp_path):
    stream = file_stream()
    _spoil(tmp_path)
    with pytest.raises(UserError, match="0/train/3.jpg"):
        publish(stream, own_store, memory_plan(stream, largest=8, store_bytes=store_bytes(), seeds=[4]))
    assert not list(Path(own_store.folder).iterdir())


def test_bad_pictures_are_left_out_of_memory_and_counted(file_stream, own_store, tmp_path):
    stream = file_stream(skip_bad=True)
    _spoil(tmp_path)
    handle = publish(stream, own_store, memory_plan(stream, largest=8, store_bytes=store_bytes(), seeds=[4]))
    assert handle.skipped == {"task-0/train": 2, "task-1/test": 1}
    opened = handle.open()
    assert opened.starts.tolist() == [0, 28, 48, 73]
    good = np.setdiff1d(np.arange(30), [3, 29])
    split, whole = opened.tasks[0].splits["train"], stream.tasks[0].splits["train"]
    assert np.array_equal(split.pictures.read(np.arange(28)), whole.pictures.read(good))
    assert np.array_equal(split.tokens, whole.tokens[good])
    assert np.array_equal(split.label, whole.label[good])
    assert len(opened.tasks[1].splits["test"]) == 6
    # A training row is known by what it was before any was left out.
    reader = RowReader(opened)
    assert reader.origin(np.array([0, 3, 27, 28])).tolist() == [0, 4, 28, 30]
    records = stream.tasks[1].splits["test"].record
    assert opened.tasks[1].splits["test"].record.tolist() == records[1:].tolist()


@pytest.mark.parametrize("kept", ["decoded", "encoded"])
def test_bad_pictures_met_on_disk_are_replaced(file_stream, own_store, tmp_path, kept):
    stream = file_stream(skip_bad=True)
    _spoil(tmp_path)
    chosen = memory_plan(
        stream, largest=30, store_bytes=store_bytes(), seeds=[4], stream_in="disk", store=kept
    )
    handle = publish(stream, own_store, chosen)
    assert handle.skipped == {"task-1/test": 1}
    opened = handle.open()
    test = opened.tasks[1].splits["test"]
    assert np.array_equal(test.tokens, stream.tasks[1].splits["test"].tokens[1:])
    assert len(test.pictures.read(np.arange(6))) == 6
    reader = RowReader(opened)
    label = stream.tasks[0].splits["train"].label
    order = {bad: (*range(bad + 1, 30), *range(bad)) for bad in (3, 29)}
    stands_in = [next(row for row in rows if label[row] == label[bad]) for bad, rows in order.items()]
    found = reader.read(np.array([3, 29, 5]))
    assert found.rows.tolist() == [*stands_in, 5]
    assert found.label.tolist() == label[[3, 29, 5]].tolist()
    train = opened.tasks[0].splits["train"].pictures
    assert isinstance(train, SubstitutePictures)
    assert train.take(np.array([3, 29]))[1].tolist() == stands_in


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_class_that_loses_all_its_pictures_is_an_error(file_stream, own_store, tmp_path, split):
    stream = file_stream(skip_bad=True)
    spec = ClassSpec(tuple("abcde"), ("{}",), torch.zeros(5, 1, 4), 1.0)
    tasks = [
        TaskData(replace(data.task, scenario="recognition", classes=range(5)), data.splits)
        for data in stream.tasks
    ]
    stream = Stream("tiny", spec, tasks, "none", True, 8)
    label = tasks[1].splits[split].label
    for row in np.flatnonzero(label == label[0]):
        (tmp_path / "pictures" / "1" / split / f"{row}.jpg").write_bytes(b"no picture")
    row = np.flatnonzero(label == label[0])[0]
    lost = (
        f"^task task-1, split {split}: no picture of class '{'abcde'[label[0]]}' can be read, the first: "
        f".*/1/{split}/{row}.jpg: cannot be decoded"
    )
    with pytest.raises(UserError, match=lost):
        publish(stream, own_store, memory_plan(stream, largest=8, store_bytes=store_bytes(), seeds=[4]))


@pytest.mark.parametrize("stream_in", ["memory", "disk"])
def test_a_split_without_pictures_is_an_error_where_it_is_looked_at_alone(
    question_stream, own_store, stream_in
):
    stream, _ = question_stream(regions=True)
    stream.skip_bad = True
    for data in stream.tasks:
        split = data.splits["test"]
        data.splits["test"] = replace(split, pictures=MissingPictures(len(split), "a.h5: no such file"))
    found = memory_plan(stream, largest=8, store_bytes=store_bytes(), seeds=[4], stream_in=stream_in)
    handle = pickle.loads(pickle.dumps(publish(stream, own_store, found)))
    assert handle.skipped == {} and [sizes["test"] for _, sizes in handle.tasks] == [7, 7, 7]
    for data, shared in zip(stream.tasks, handle.open().tasks, strict=True):
        for name in ("train", "validation"):
            old, new = data.splits[name].pictures, shared.splits[name].pictures
            np.testing.assert_array_equal(new.read(np.arange(5)), old.read(np.arange(5)))
        with pytest.raises(UserError, match="^a.h5: no such file$"):
            shared.splits["test"].pictures.read(np.array([0]))


def test_a_split_without_any_picture_is_an_error(file_stream, own_store, tmp_path):
    stream = file_stream(skip_bad=True)
    for path in (tmp_path / "pictures" / "1" / "test").iterdir():
        path.unlink()
    with pytest.raises(
        UserError, match="split test: none of its pictures can be read, the first: .*/0.jpg: cannot"
    ):
        publish(stream, own_store, memory_plan(stream, largest=8, store_bytes=store_bytes(), seeds=[4]))


@pytest.mark.parametrize("stream_in", ["memory", "disk"])
@pytest.mark.parametrize(("regions", "beside"), [(False, False), (True, False), (False, True)])
def test_questions_and_regions_and_queries_are_shared(
    question_stream, store, row_reader, stream_in, regions, beside
):
    stream, files = question_stream(regions, beside)
    chosen = memory_plan(stream, largest=10, store_bytes=store_bytes(), seeds=[4], stream_in=stream_in)
    handle = publish(stream, store, chosen, files=files)
    opened = handle.open()
    assert opened.picture == stream.picture and opened.tables == stream.tables
    assert not opened.features_only
    for mine, theirs in zip(opened.tasks, stream.tasks, strict=True):
        for name, split in theirs.splits.items():
            found, rows = mine.splits[name], np.arange(len(split))
            assert np.array_equal(found.pictures.read(rows), split.pictures.read(rows))
            assert found.beside == beside
            assert not beside or np.array_equal(found.feature, split.feature)
            for column in ("kind", "answer", "score"):
                assert np.array_equal(getattr(found.questions, column), getattr(split.questions, column))
    rows = np.random.default_rng(1).permutation(75)
    expected, found = RowReader(stream).read(rows), ray.get(row_reader.read.remote(handle, rows))
    assert np.array_equal(found.pictures, expected.pictures)
    assert found.pictures.dtype == (np.float32 if regions else np.uint8)
    assert np.array_equal(found.questions.score, expected.questions.score)
    assert (found.feature is not None) == beside
    assert not beside or np.array_equal(found.feature, expected.feature)
    per_row = (3 * 9 * 4 if regions else 3 * 8 * 8) + 4 * 6 + 4 + (4 + 2 * 8) + (24 if beside else 0)
    assert RowReader(opened).bytes_per_row == RowReader(stream).bytes_per_row == per_row
