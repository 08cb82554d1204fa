"""Small streams to share, and a whole sweep."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from methods.method import ClassSpec, InputSpec, Task
from orchestrator.streams.pictures import ArrayPictures, FilePictures
from orchestrator.streams.source import Questions, QuestionTables
from orchestrator.streams.split_spans import split_spans
from orchestrator.streams.stream import Split, Stream, TaskData
from orchestrator.tracking.__main__ import main as tracking

SIZE, LENGTH = 8, 6
SPEC = InputSpec(SIZE, LENGTH, 50, 0, 1, 2, 3)


def _stream(pictures_of, skip_bad: bool) -> Stream:
    rng = np.random.default_rng(0)

    def split(place: str, count: int) -> Split:
        tokens = rng.integers(0, 50, (count, LENGTH), dtype=np.int32)
        label = rng.integers(0, 5, count, dtype=np.int32)
        record = rng.permutation(100)[:count] if place.endswith("test") else None
        return Split(pictures_of(rng, place, count), tokens, label, record)

    tasks = []
    for index, count in enumerate((30, 20, 25)):
        sizes = {"train": count, "validation": 5, "test": 7}
        splits = {name: split(f"{index}/{name}", n) for name, n in sizes.items()}
        tasks.append(TaskData(Task(index, f"task-{index}", "retrieval", 3), splits))
    return Stream("tiny", SPEC, tasks, "none", skip_bad)


@pytest.fixture
def array_stream() -> Stream:
    """Three tasks of 30, 20 and 25 training rows, pictures in memory."""
    return _stream(
        lambda rng, place, n: ArrayPictures(rng.integers(0, 256, (n, SIZE, SIZE, 3), np.uint8)), False
    )


@pytest.fixture
def file_stream(tmp_path: Path):
    """Makes a stream of the same sizes, its pictures in files ``pictures/TASK/SPLIT/ROW.jpg``."""

    def make(skip_bad: bool = False) -> Stream:
        def pictures(rng: np.random.Generator, place: str, count: int) -> FilePictures:
            folder = tmp_path / "pictures" / place
            folder.mkdir(parents=True, exist_ok=True)
            for i, pixels in enumerate(rng.integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)):
                Image.fromarray(pixels).save(folder / f"{i}.jpg")
            return FilePictures(str(folder), [str(i) for i in range(count)], SIZE)

        return _stream(pictures, skip_bad)

    return make


@pytest.fixture
def encoded_stream(array_stream: Stream, tmp_path: Path):
    """The same three tasks with features (D = 16, three views), and the files that these lie in."""
    rng = np.random.default_rng(1)
    total = sum(len(split) for task in array_stream.tasks for split in task.splits.values())
    arrays = {
        "feature": rng.normal(size=(total, 16)).astype(np.float16),
        "views": rng.normal(size=(75, 3, 16)).astype(np.float16),
        "herding": rng.permutation(75).astype(np.int32),
    }
    files = {name: tmp_path / f"{name}.npy" for name in arrays}
    for name, array in arrays.items():
        np.save(files[name], array)
    spec = ClassSpec(("a", "b"), ("{}",), torch.randn(2, 1, 16), 50.0)
    sizes = [{name: len(split) for name, split in task.splits.items()} for task in array_stream.tasks]
    tasks = [TaskData(task.task, dict(task.splits)) for task in array_stream.tasks]
    for (index, name), (begin, end) in split_spans(sizes).items():
        split = tasks[index].splits[name]
        tokens = np.empty((len(split), 0), np.int32)
        feature = arrays["feature"][begin:end]
        tasks[index].splits[name] = Split(split.pictures, tokens, split.label, feature=feature)
    stream = Stream("tiny", spec, tasks, "shift", image_size=SIZE)
    stream.views, stream.herding = arrays["views"], arrays["herding"]
    return stream, files


@pytest.fixture
def question_stream(array_stream: Stream, tmp_path: Path):
    """Makes the same three tasks with questions, K = 2: of pixels, or of ``regions`` (R = 3, F = 5); with
    queries (3, 4) ``beside`` the pictures. Returns the stream and the files that the queries lie in.
    """

    def make(regions: bool = False, beside: bool = False) -> tuple[Stream, dict[str, Path]]:
        rng = np.random.default_rng(2)
        tables = QuestionTables(
            ["red", "two", "cat"], 2, ["color", "count"], ["a", "b"], [0, 0, 1, 1, 1], None,
            (3, 5) if regions else None,
        )  # fmt: skip
        sizes = [{name: len(split) for name, split in task.splits.items()} for task in array_stream.tasks]
        query = rng.normal(size=(sum(n for s in sizes for n in s.values()), 3, 4)).astype(np.float16)
        tasks = [TaskData(Task(k, f"t{k}", "vqa", 3), {}) for k in range(3)]
        for (index, name), (begin, end) in split_spans(sizes).items():
            old, count = array_stream.tasks[index].splits[name], end - begin
            pictures = old.pictures
            if regions:
                pictures = ArrayPictures(rng.random((count, 3, 9), np.float32))
            questions = Questions(
                rng.integers(0, 2, count, np.int32),
                rng.integers(-1, 2, (count, 2), np.int32),
                rng.random((count, 2), np.float32),
            )
            feature = query[begin:end] if beside else None
            tasks[index].splits[name] = Split(
                pictures, old.tokens, old.label, feature=feature, questions=questions, beside=beside
            )
        np.save(tmp_path / "query.npy", query)
        size = 0 if regions else SIZE
        stream = Stream("asked", InputSpec(size, LENGTH, 50, 0, 1, 2, 3), tasks, "none", False, size, tables)
        return stream, {"feature": tmp_path / "query.npy"} if beside else {}

    return make


@pytest.fixture(scope="session")
def small_sweep(small_values):
    """The options of a small sweep of CTP: its tasks, epochs and other values that differ."""

    def options(tasks=2, **changes):
        values = small_values("ctp", stream__tasks=tasks, **changes)
        kept = ("method.name", "stream.name", "method.queue_size", "method.learning_rate")
        return ["--set", *(f"{key}={value}" for key, value in values.items() if key not in kept)]

    return options


@pytest.fixture(scope="session")
def whole_sweep(small_method, small_sweep, tmp_path_factory):
    """A sweep as a user starts it, on its own Ray: two trials over two workers, with secrets in its
    environment, each of which begins with ``mark``. MLflow is away. What is told of it: the folder it ran in,
    what it printed, the command lines and listening sockets of its processes while it trained, its Ray's
    token, and the files of its Ray (path: bytes) as it looked at test.
    """
    folder, mark = tmp_path_factory.mktemp("whole"), "xyzzy-"
    secrets = {
        "AWS_SECRET_ACCESS_KEY": f"{mark}aws",
        "HF_TOKEN": f"{mark}hf",
        "MLFLOW_TRACKING_PASSWORD": f"{mark}password",
        # Nobody listens there: the record stays in the journal.
        "MLFLOW_TRACKING_URI": f"http://me:{mark}uri@127.0.0.1:9",
    }
    process = psutil.Popen(
        [sys.executable, "-m", "orchestrator.sweep", *small_method, "--name", "s", "--trials", "2"]
        + ["--workers", "2", *small_sweep()],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | secrets,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed, commands, listening, files = [], {}, {}, {}
    try:
        for line in process.stdout:
            printed.append(line)
            if "task 1/2" in line and not commands:
                for one in (process, *process.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess):  # it ends while it is looked at
                        commands[one.pid] = one.cmdline()
                        # A Python process shows its title in the place of these.
                        if one.name() == "gcs_server":
                            token = one.environ()["RAY_AUTH_TOKEN"]
                        found = [
                            c.laddr for c in one.net_connections("inet") if c.status == psutil.CONN_LISTEN
                        ]
                        listening |= {(one.pid, address.port): address.ip for address in found}
            if "looking at test" in line:
                options = [word for command in commands.values() for word in command]
                ray = next(Path(o.partition("=")[2]) for o in options if o.startswith("--session-dir="))
                files = {path: path.read_bytes() for path in ray.rglob("*") if path.is_file()}
        status = process.wait(60)
    finally:
        with suppress(psutil.NoSuchProcess):
            process.kill()  # where a line before failed
    assert status == 0, "".join(printed)
    assert not ray.parents[1].exists(), "it went with the sweep"
    return SimpleNamespace(
        folder=folder,
        mark=mark,
        printed="".join(printed),
        commands=commands,
        listening=listening,
        token=token,
        files=files,
    )


@pytest.fixture(scope="session")
def sent_sweep(whole_sweep, with_tables):
    """The same, once its record was sent to the MLflow in its folder."""
    with_tables(whole_sweep.folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{whole_sweep.folder / 'runs' / 'mlflow.db'}")
        assert tracking(["send", str(whole_sweep.folder / "runs" / "s")]) == 0
    return whole_sweep
