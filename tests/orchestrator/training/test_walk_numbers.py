"""What a walk trains on, in which order, from which seeds, and what decides: a method writes it down."""

import copy
import random
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from methods.method import InputSpec, Method, Phase, Task
from orchestrator.numerics.diverged import Diverged
from orchestrator.storage import checkpoint
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.stream import Split, Stream, TaskData
from orchestrator.training import stream_loop
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

CPU = torch.device("cpu")
TASKS, ROWS, BATCH = 3, 12, 4


@dataclass
class Step:
    """The contents of a micro-batch."""

    task: int
    phase: str
    rows: list[int]
    seed: int
    image: torch.Tensor
    weight: torch.Tensor | None


class Writer(Method):
    """A linear map of mean colours to labels.

    ``steps`` are its micro-batches; ``plan`` has its phases, by options of :class:`Phase`.
    """

    scenarios = frozenset({"retrieval"})
    plan = ({},)
    steps: list[Step] = []
    drawn: list[tuple[float, ...]] = []
    at_end = None

    def __init__(self, config, spec):
        super().__init__(config, spec)
        self.drawn.append(_drawn())
        self.weight = nn.Parameter(torch.randn(3, 4))
        self.words = nn.Parameter(torch.randn(9, 4))
        self.register_buffer("count", torch.zeros(()))

    def start_task(self, task):
        self.task = task.index
        self.drawn.append(_drawn())

    def phases(self, task):
        how = {"epochs": 2, "batch_size": BATCH, "replay": "none"}
        return [
            Phase(f"phase {number}", optimizer=self._optimizer, learning_rate=lambda *_: 1.0, **how | options)
            for number, options in enumerate(self.plan)
        ]

    def _optimizer(self):
        return torch.optim.Adam(self.parameters(), lr=0.05)

    def loss(self, batch, phase):
        step = Step(self.task, phase.name, batch.row.tolist(), batch.seed, batch.image.clone(), batch.weight)
        self.steps.append(step)
        near = (self._image(batch) @ self.weight - self.words[batch.tokens[:, 0]]).square().mean()
        return {"near": near, "far": 0.1 * (self.weight.norm() - 1).square()}

    def before_step(self, phase):
        self.count += 1

    def finish_task(self, task, data):
        if self.at_end is not None:
            type(self).at_end(self)

    def embed(self, batch, kind):
        image, text = self._image(batch) @ self.weight, self.words[batch.tokens[:, 0]]
        return F.normalize({"image": image, "text": text, "pair": image + text}[kind], dim=1)

    def _image(self, batch):
        return batch.image.float().mean((2, 3)) / 255


def _drawn():
    return torch.rand(()).item(), random.random(), np.random.random()


def make_stream():
    rng = np.random.default_rng(0)

    def split(k, count):
        label = (3 * k + np.arange(count) % 3).astype(np.int32)
        pictures = ArrayPictures(rng.integers(0, 256, (count, 8, 8, 3), np.uint8))
        return Split(pictures, label[:, None], label, record=np.arange(count) + 100 * k)

    sizes = {"train": ROWS, "validation": 6, "test": 6, "query": 3, "gallery": 3}
    tasks = [
        TaskData(Task(k, f"task {k}", "retrieval", TASKS), {n: split(k, size) for n, size in sizes.items()})
        for k in range(TASKS)
    ]
    return Stream("toy", InputSpec(8, 1, 9, 0, 1, 2, 3), tasks, "flip")


STREAM = make_stream()


@pytest.fixture
def walk(small_config, monkeypatch, tmp_path):
    """Maps phases' options and changes of the configuration to the steps taken and the reports."""
    walks = []

    def run(*plan, stream=STREAM, at_end=None, **changes):
        steps = []
        run.drawn = []
        named = {"plan": plan, "steps": steps, "at_end": at_end, "drawn": run.drawn}
        monkeypatch.setattr(stream_loop, "get_method", lambda name: type("Written", (Writer,), named))
        config = small_config("finetune", method__batch_size=BATCH, **changes)
        reporter, folder = CollectingReporter(), tmp_path / str(len(walks))
        walks.append(folder)
        StreamLoop(config, stream, folder, reporter, device=CPU).run()
        numbers = [{k: v for k, v in r.items() if not k.startswith("seconds/")} for r in reporter.reports]
        return steps, numbers

    run.saved = lambda number, task: checkpoint.load(tmp_path / str(number), task)
    return run


def rows_of(steps, task, phase="phase 0"):
    return [step.rows for step in steps if (step.task, step.phase) == (task, phase)]


def flat(rows):
    return [row for part in rows for row in part]


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"data": "task"}, [range(0, 12), range(12, 24), range(24, 36)]),
        ({"data": "seen"}, [range(0, 12), range(0, 24), range(0, 36)]),
    ],
)
def test_each_epoch_walks_the_rows_that_a_phase_asks_for(options, expected, walk):
    steps, _ = walk(options, replay__size=8)
    for task, wanted in enumerate(expected):
        rows = flat(rows_of(steps, task))
        assert len(rows) == 2 * len(wanted)
        for epoch in (rows[: len(wanted)], rows[len(wanted) :]):
            assert sorted(epoch) == list(wanted)


def test_the_memorys_rows_join_a_phase_that_merges_and_follow_in_one_that_pairs(walk):
    alone, _ = walk({}, replay__size=8)
    merged, _ = walk({"replay": "merge"}, replay__size=8)
    paired, _ = walk({"replay": "paired"}, replay__size=8)
    memory, _ = walk({}, {"data": "memory"}, replay__size=8)
    for task in (1, 2):
        kept = walk.saved(0, task - 1).memory["rows"].tolist()
        own = list(range(12 * task, 12 * task + 12))
        assert len(kept) == 8 and not set(kept) & set(own)
        assert sorted(flat(rows_of(alone, task))) == sorted(2 * own)
        assert sorted(flat(rows_of(merged, task))) == sorted(2 * (own + kept))
        found = rows_of(paired, task)
        assert sorted(flat(found[::2])) == sorted(2 * own), "every second step is on the memory"
        # As many steps as on the task: six batches of four, of eight rows.
        assert sorted(flat(found[1::2])) == sorted(3 * kept)
        taken_in = walk.saved(0, task).memory["rows"].tolist()
        assert set(taken_in) & set(own), "the memory has taken in the task"
        assert sorted(flat(rows_of(memory, task, "phase 1"))) == sorted(2 * taken_in)


def test_weights_make_tasks_count_alike_in_a_set_merged_with_the_memory_and_on_the_memory(walk):
    plan = {"replay": "merge", "epochs": 3}, {"data": "memory", "replay": "none"}
    merged, _ = walk(*plan, replay__size=8)
    weighted, _ = walk(*({**phase, "replay": "weighted"} for phase in plan), replay__size=8)
    assert [step.rows for step in weighted] == [step.rows for step in merged]
    assert all(step.weight is None for step in merged)
    for task in range(TASKS):
        for phase, epochs in (("phase 0", 3), ("phase 1", 2)):
            steps = [step for step in weighted if (step.task, step.phase) == (task, phase)]
            parts = {}
            for step in steps:
                assert step.weight.dtype == torch.float32
                for row, weight in zip(step.rows, step.weight.tolist(), strict=True):
                    parts[row // ROWS] = parts.get(row // ROWS, 0) + weight
            rows = len(flat(rows_of(weighted, task, phase))) // epochs
            assert sorted(parts) == list(range(task + 1))
            assert list(parts.values()) == pytest.approx([epochs * rows / (task + 1)] * (task + 1))


def orders(steps, first=lambda step: 12 * step.task):
    """(task, phase) -> the order of its rows, counted from the task's first."""
    found = {}
    for step in steps:
        found.setdefault((step.task, step.phase), []).extend(row - first(step) for row in step.rows)
    return found


def test_order_depends_on_seed_task_phase_and_epoch(walk):
    steps, reports = walk({}, {})
    again, same = walk({}, {})
    assert orders(again) == orders(steps) and same == reports
    assert all(torch.equal(a.image, b.image) for a, b in zip(steps, again, strict=True))
    other, reports_of_other = walk({}, {}, run__seed=1)
    every = [*orders(steps).values(), *orders(other).values()]
    epochs = [tuple(order[at : at + ROWS]) for order in every for at in (0, ROWS)]
    assert len(epochs) == 2 * TASKS * 2 * 2 and len(set(epochs)) == len(epochs)
    assert reports_of_other != reports


def test_the_memorys_order_depends_on_seed_task_and_phase(walk):
    """In tasks 1 and 2 the memory has all rows of one task, so that orders can be compared."""
    found = []
    for seed in (0, 1):
        steps, _ = walk(
            {"replay": "paired"},
            {"replay": "paired"},
            run__seed=seed,
            replay__size=12,
            replay__policy="first",
        )
        for task in (1, 2):
            for phase in ("phase 0", "phase 1"):
                rows = flat(rows_of(steps, task, phase)[1::2])[:12]
                kept = sorted(set(flat(rows_of(steps, task, phase)[1::2])))
                found.append(tuple(kept.index(row) for row in rows))
                own = flat(rows_of(steps, task, phase)[::2])[:12]
                found.append(tuple(row - 12 * task for row in own))
    assert len(found) == 16 and len(set(found)) == 16, "the task's own orders are others, too"


def test_seeds_of_masks_and_noise_depend_on_seed_task_phase_and_step(walk):
    seeds = []
    for seed in (0, 1):
        seeds += [step.seed for step in walk({}, {"replay": "paired"}, run__seed=seed, replay__size=8)[0]]
    assert len(set(seeds)) == len(seeds) > 2 * TASKS * 12


def mirrored(steps):
    """(task, phase, nth time, row) -> whether the picture came mirrored."""
    found, times = {}, {}
    for step in steps:
        for row, image in zip(step.rows, step.image, strict=True):
            place = (step.task, step.phase, row)
            times[place] = times.get(place, 0) + 1
            task = STREAM.tasks[row // ROWS].splits["train"]
            plain = torch.from_numpy(task.pictures.read(np.array([row % ROWS]))[0]).permute(2, 0, 1)
            assert torch.equal(image, plain) or torch.equal(image, plain.flip(2))
            found[*place, times[place]] = torch.equal(image, plain.flip(2))
    return found


def test_augmentation_depends_on_seed_phase_and_epoch(walk):
    one, other = (mirrored(walk({}, {}, run__seed=seed)[0]) for seed in (0, 1))
    assert one.keys() == other.keys() and one != other
    for phase, epoch in (("phase 1", 1), ("phase 0", 2)):
        pairs = [
            (v, one[t, phase, row, epoch]) for (t, p, row, e), v in one.items() if (p, e) == ("phase 0", 1)
        ]
        assert 0 < sum(a != b for a, b in pairs) < len(pairs) == TASKS * ROWS


@pytest.mark.parametrize("accumulate", [2, 4])
def test_micro_batches_end_at_the_weights_of_whole_batches(accumulate, walk):
    # Unclipped and by one learning rate, so that only the gradients' sum matters.
    whole, _ = walk({}, run__accumulate=1)
    parts, _ = walk({}, run__accumulate=accumulate)
    assert len(parts) == accumulate * len(whole) == accumulate * TASKS * 6
    assert flat([step.rows for step in parts]) == flat([step.rows for step in whole])
    for name, tensor in walk.saved(0, 2).model.items():
        torch.testing.assert_close(walk.saved(1, 2).model[name], tensor, rtol=1e-4, atol=1e-5)
    assert walk.saved(1, 2).model["count"] == TASKS * 6, "as many steps"


def without(stream, *names):
    """The stream, without some of its splits."""
    found = copy.copy(stream)
    found.tasks = [
        TaskData(data.task, {n: split for n, split in data.splits.items() if n not in names})
        for data in stream.tasks
    ]
    return found


def test_nothing_that_a_walk_decides_or_reports_looks_at_test_data(walk):
    plan = {"patience": 1, "epochs": 4, "replay": "merge"}
    _, reports = walk(plan, replay__size=8)
    _, blind = walk(plan, stream=without(STREAM, "test", "query", "gallery"), replay__size=8)
    assert blind == reports


SCORES = {
    # (task trained, epoch) -> scores on tasks 0 ..: the mean is best in epoch 1, the newest's in epoch 2.
    (0, 0): [10],
    (0, 1): [20],
    (0, 2): [15],
    (1, 0): [50, 10],
    (1, 1): [60, 20],
    (1, 2): [10, 60],
}


def test_the_mean_over_all_tasks_with_rows_in_the_training_set_decides_which_weights_stay(walk, monkeypatch):
    asked, states = [], {}

    def score(method, stream, k, classes, how):
        epoch = int(method.count - method.started) // per_epoch[method.task] - 1
        asked.append((method.task, epoch, k))
        states[method.task, epoch] = {n: t.clone() for n, t in method.state_dict().items()}
        return SCORES[method.task, epoch][k]

    started = Writer.start_task

    def start_task(self, task):
        started(self, task)
        self.started = self.count.clone()

    per_epoch = {0: 3, 1: 5}  # 12 rows, and 8 of the memory; batches of 4
    monkeypatch.setattr(Writer, "start_task", start_task)
    monkeypatch.setattr(stream_loop, "task_score", score)
    two = copy.copy(STREAM)
    two.tasks = STREAM.tasks[:2]
    walk({"patience": 2, "epochs": 3, "replay": "merge"}, stream=two, replay__size=8)
    assert asked == [(t, e, k) for t in (0, 1) for e in range(3) for k in range(t + 1)]
    for task in (0, 1):
        for name, tensor in walk.saved(0, task).model.items():
            assert torch.equal(tensor, states[task, 1][name]), (task, name)


def test_a_validation_score_is_among_the_classes_seen_by_the_newest_of_its_tasks(monkeypatch):
    asked = []
    monkeypatch.setattr(
        stream_loop, "task_score", lambda method, stream, k, classes, how: asked.append((k, classes)) or k
    )
    loop = StreamLoop.__new__(StreamLoop)
    tasks = [SimpleNamespace(task=SimpleNamespace(classes=range(3 * k, 3 * k + 3))) for k in range(TASKS)]
    loop.stream, loop.how = SimpleNamespace(tasks=tasks, task_of=lambda rows: rows // ROWS), None
    assert loop._validate(None, np.array([20, 30, 14])) == 1.5
    assert asked == [(1, 9), (2, 9)]


def test_what_a_method_draws_depends_on_seed_and_task_alone(walk):
    walk({})
    first = walk.drawn
    assert len(first) == 1 + TASKS, "at the start, and at each task's"
    # However much was drawn before, in the task before as well.
    _drawn()
    walk({}, at_end=lambda method: _drawn())
    assert walk.drawn == first
    walk({}, run__seed=1)
    numbers = [number for drawn in (first, walk.drawn) for three in drawn for number in three]
    assert len(set(numbers)) == len(numbers) == 6 * (1 + TASKS)


def test_weights_that_the_last_step_broke_end_the_walk(walk, monkeypatch):
    class Breaks(torch.optim.SGD):
        def step(self, closure=None):
            super().step(closure)
            self.taken = getattr(self, "taken", 0) + 1
            if self.taken == 6:  # of six
                self.param_groups[0]["params"][1].data[2, 1] = torch.inf

    monkeypatch.setattr(torch.optim, "Adam", Breaks)
    with pytest.raises(Diverged, match="^weight words is not finite after phase phase 0, task 1$"):
        walk({})


def test_weights_that_the_end_of_a_task_broke_end_the_walk(walk):
    def broken(method):
        if method.task == 1:
            method.count.fill_(torch.nan)

    with pytest.raises(Diverged, match="^weight count is not finite after task 2$"):
        walk({}, at_end=broken)


def test_an_embedding_that_is_not_finite_names_split_and_task(walk, monkeypatch):
    sound = Writer.embed

    def embed(self, batch, kind):
        found = sound(self, batch, kind)
        bad = batch.tokens[:, 0] == 4  # in task 2, samples 1 and 4
        return found.masked_fill(bad[:, None] & (kind == "text"), torch.nan)

    monkeypatch.setattr(Writer, "embed", embed)
    said = "^the text embedding of sample 1 is not finite: retrieval, validation split of task 2$"
    with pytest.raises(Diverged, match=said):
        walk({})
    with pytest.raises(Diverged, match=said):  # early stopping looks at it first
        walk({"patience": 1})


def test_exemplars_are_not_ranked_by_features_that_are_not_finite(walk, monkeypatch):
    sound = Writer.embed

    def embed(self, batch, kind):
        return sound(self, batch, kind) * (torch.inf if kind == "pair" else 1)

    monkeypatch.setattr(Writer, "embed", embed)
    said = "^the pair embedding of sample 0 is not finite: retrieval, candidates .* training split of task 1$"
    with pytest.raises(Diverged, match=said):
        walk({}, replay__size=8, replay__policy="herding")


@pytest.mark.parametrize("on", [False, True])
def test_algorithms_are_deterministic_in_training_and_evaluation_where_asked_for(on, walk, monkeypatch):
    found = []

    def look(name, sound):
        return lambda self, batch, what: (
            found.append((name, torch.are_deterministic_algorithms_enabled())) or sound(self, batch, what)
        )

    for name in ("loss", "embed"):
        monkeypatch.setattr(Writer, name, look(name, getattr(Writer, name)))
    walk({}, run__deterministic=on)
    assert set(found) == {("loss", on), ("embed", on)}
    assert not torch.are_deterministic_algorithms_enabled()
