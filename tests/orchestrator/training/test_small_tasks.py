"""What a step of a walk holds where a task has fewer rows than a batch, and with micro-batches."""

from dataclasses import replace
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch

from methods.method import Batch
from methods.retrieval.baselines import Finetune, Joint
from methods.retrieval.ctp import CTP
from methods.retrieval.losses.contrast import symmetric_contrast
from methods.retrieval.losses.topology import topology_divergence
from orchestrator.errors import UserError
from orchestrator.replay.config import ReplayConfig
from orchestrator.replay.memory import ReplayMemory
from orchestrator.seeding import derive, hashed
from orchestrator.training import stream_loop
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")


class _Step(NamedTuple):
    batch: Batch
    terms: dict[str, torch.Tensor]
    expected: dict[str, torch.Tensor]


@pytest.fixture
def watched(monkeypatch):
    """Records the micro-batches that methods of a class are given from now on, and what they make of them.

    ``expect`` gives what that should be, from the method and the batch in the order of its rows.
    """

    def watch(kind, expect=lambda method, batch: {}):
        found, loss = [], kind.loss

        def seen(self, batch, phase):
            with torch.no_grad():
                order = batch.row.argsort()
                expected = expect(self, replace(batch, image=batch.image[order], tokens=batch.tokens[order]))
            terms = loss(self, batch, phase)
            found.append(_Step(batch, {name: term.detach() for name, term in terms.items()}, expected))
            return terms

        monkeypatch.setattr(kind, "loss", seen)
        return found

    return watch


def _walk(config, stream, folder):
    StreamLoop(config, stream, folder, CollectingReporter(), device=_CPU).run()


def _rows(steps):
    return [step.batch.row.tolist() for step in steps]


def _features(model, batch):
    return model.encode_image(batch.image)[1], model.encode_text(batch.tokens)


def test_six_pairs_are_contrasted_with_each_other_and_never_with_copies(
    watched, small_config, small_stream, tmp_path
):
    def six(method, batch):
        image, text = _features(method.model, batch)
        return {"ita": symmetric_contrast(image, text, image, text, method.config.temperature)}

    steps = watched(Finetune, six)
    config = small_config("finetune", stream__train=6, method__batch_size=16)
    _walk(config, small_stream(config), tmp_path)
    assert [sorted(rows) for rows in _rows(steps)] == [
        list(range(6 * task, 6 * task + 6)) for task in range(3) for _ in range(2)
    ]
    for step in steps:
        assert torch.allclose(step.terms["ita"], step.expected["ita"], atol=1e-5)


def test_the_topology_of_six_pairs_is_that_of_six(watched, small_config, small_stream, tmp_path):
    def six(method, batch):
        if method.reference_model is None:
            return {}
        student, reference = _features(method.model, batch), _features(method.reference_model, batch)
        temperature = method.config.temperature

        def divergence(query, key, own=None):
            return topology_divergence(
                student[query], student[key], reference[query], reference[key], temperature, own
            )

        return {
            "topology_cross": (divergence(0, 1) + divergence(1, 0)) / 2,
            "topology_same": (divergence(0, 0, 0) + divergence(1, 1, 0)) / 2,
        }

    steps = watched(CTP, six)
    config = small_config("ctp", stream__train=6, method__batch_size=16)
    _walk(config, small_stream(config), tmp_path)
    assert all(len(set(rows)) == len(rows) == 6 for rows in _rows(steps))
    later = [step for step in steps if step.expected]
    assert len(later) == 2 * 2
    for step in later:
        for name, value in step.expected.items():
            assert torch.allclose(step.terms[name], value, atol=1e-5), name


def test_micro_batches_of_a_small_task_are_as_few_as_hold_it(watched, small_config, small_stream, tmp_path):
    """Six pairs in micro-batches of at most four are twice three, rather than four times one."""
    steps = watched(Finetune)
    config = small_config("finetune", stream__train=6, method__batch_size=16, run__accumulate=4)
    _walk(config, small_stream(config), tmp_path)
    rows = _rows(steps)
    assert [len(micro) for micro in rows] == [3] * (3 * 2 * 2)
    epochs = [sorted(rows[i] + rows[i + 1]) for i in range(0, len(rows), 2)]
    assert epochs == [list(range(6 * task, 6 * task + 6)) for task in range(3) for _ in range(2)]


@pytest.mark.parametrize(
    ("batch_size", "accumulate", "rows", "micro", "number"),
    [
        (32, 4, 6, 6, 1),
        (32, 4, 17, 8, 2),  # three of five would hold fifteen
        (32, 4, 31, 7, 4),  # three of eight would hold 24
        (64, 16, 63, 4, 15),  # sixteen of three would hold 48
        (16, 4, 8, 4, 2),
        (8, 8, 7, 1, 7),
        (8, 8, 1, 1, 1),
    ],
)
def test_a_small_task_loses_as_few_rows_as_can_be(
    batch_size, accumulate, rows, micro, number, watched, small_config, small_stream, tmp_path
):
    steps = watched(Finetune)
    config = small_config(
        "finetune",
        stream__tasks=1,
        stream__train=rows,
        method__batch_size=batch_size,
        method__epochs=1,
        run__accumulate=accumulate,
    )
    _walk(config, small_stream(config), tmp_path)
    found = _rows(steps)
    assert [len(part) for part in found] == [micro] * number
    assert len(set(sum(found, []))) == micro * number


@pytest.mark.parametrize("accumulate", [2, 4, 8])
def test_no_seed_comes_twice_within_a_phase(accumulate, watched, small_config, small_stream, tmp_path):
    steps = watched(Finetune)
    config = small_config(
        "finetune",
        stream__tasks=2,
        stream__train=12,
        method__batch_size=16,
        method__epochs=4,
        run__accumulate=accumulate,
    )
    _walk(config, small_stream(config), tmp_path)
    seeds = [step.batch.seed for step in steps]
    an_epoch = -(-12 * accumulate // 16)
    assert len(seeds) == len(set(seeds)) == 2 * 4 * an_epoch
    rows = _rows(steps)
    for i in range(0, len(rows), an_epoch):
        epoch = sum(rows[i : i + an_epoch], [])
        assert len(set(epoch)) == len(epoch) == 12 // an_epoch * an_epoch


def test_an_epoch_of_micro_batches_is_an_epoch_of_batches(watched, small_config, small_stream, tmp_path):
    """50 rows could make three micro-batches of 16. An epoch of one batch of 32 takes two."""
    found = {}
    for accumulate in (1, 2):
        steps = watched(Finetune)
        config = small_config(
            "finetune",
            stream__tasks=2,
            stream__train=50,
            method__batch_size=32,
            method__epochs=3,
            run__accumulate=accumulate,
        )
        _walk(config, small_stream(config), tmp_path / str(accumulate))
        rows = _rows(steps)
        assert len(rows) == 2 * 3 * accumulate
        found[accumulate] = [sum(rows[i : i + accumulate], []) for i in range(0, len(rows), accumulate)]
    assert found[1] == found[2]


def test_rows_that_are_trained_on_anyway_are_not_merged_from_the_memory(
    watched, small_config, small_stream, tmp_path, monkeypatch
):
    phases = Finetune.phases
    monkeypatch.setattr(
        Finetune,
        "phases",
        lambda self, task: [replace(phases(self, task)[0], data="seen", replay="merge", batch_size=96)],
    )
    steps = watched(Finetune)
    config = small_config("finetune", replay__size=10, method__epochs=1)
    _walk(config, small_stream(config), tmp_path)
    assert [sorted(rows) for rows in _rows(steps)[:2]] == [list(range(48)), list(range(96))]
    assert len(set(_rows(steps)[2])) == 96


def test_a_task_is_walked_with_the_memory_of_others(
    watched, small_config, small_stream, tmp_path, monkeypatch
):
    phases = Finetune.phases
    monkeypatch.setattr(
        Finetune,
        "phases",
        lambda self, task: [
            replace(phases(self, task)[0], data=data, replay="merge", batch_size=96)
            for data in ("memory", "task")
        ],
    )
    steps = watched(Finetune)
    config = small_config("finetune", stream__tasks=2, replay__size=10, method__epochs=1)
    stream = small_stream(config)
    _walk(config, stream, tmp_path)
    memory = ReplayMemory(ReplayConfig(10), seed=0)
    expected = []
    for task in range(2):
        memory.update(task, stream.train_rows(task), stream.tasks[task].splits["train"].label, None)
        kept = memory.rows.tolist()
        others = [row for row in kept if stream.task_of(np.array([row]))[0] != task]
        expected += [sorted(kept), sorted([*others, *stream.train_rows(task).tolist()])]
    assert [sorted(rows) for rows in _rows(steps)] == expected


def _order(rows, epoch, *place):
    """``rows`` in the order of an epoch. ``place`` belongs to the seed of a phase's loader."""
    return np.asarray(rows)[np.argsort(hashed(derive(*place), epoch, np.arange(len(rows))))].tolist()


@pytest.mark.parametrize(
    ("tasks", "train", "size", "groups"),
    [(2, 12, 7, (None, 1)), (3, 4, 8, (None,))],  # a memory smaller than the task, and one twice as large
)
def test_steps_on_task_and_memory_by_turns(
    tasks, train, size, groups, watched, small_config, small_stream, tmp_path, monkeypatch
):
    """There is a phase for each of ``groups``, with micro-batches of at most four. Every row is checked by
    its seed.
    """
    phases, looked = Finetune.phases, []
    monkeypatch.setattr(
        Finetune,
        "phases",
        lambda self, task: [
            replace(phases(self, task)[0], name=str(group), replay="paired", patience=9, group=group)
            for group in groups
        ],
    )
    monkeypatch.setattr(
        StreamLoop, "_validate", lambda self, method, rows: float(looked.append(sorted(rows.tolist())) or 1)
    )
    steps = watched(Finetune)
    config = small_config(
        "finetune",
        stream__tasks=tasks,
        stream__train=train,
        method__batch_size=8,
        method__epochs=2,
        replay__size=size,
        run__accumulate=2,
        run__seed=3,
    )
    stream = small_stream(config)
    labels = np.concatenate([task.splits["train"].label for task in stream.tasks])
    group_of = np.arange(labels.max() + 1) // 2 % 2
    stream.tables = SimpleNamespace(group_of=group_of, regions=None)
    _walk(config, stream, tmp_path)

    memory, expected, validated = ReplayMemory(ReplayConfig(size), seed=3), [], []
    for task in range(tasks):
        for number, group in enumerate(groups):
            rows, old = stream.train_rows(task), memory.rows
            if group is not None:
                rows, old = (part[group_of[labels[part]] == group] for part in (rows, old))
                # A memory of a group has rows of its own, and fewer than the whole.
                assert (0 < len(old) < len(memory.rows)) == (task > 0)
            parts = [(rows, (3, task, number))] + ([(old, (3, task, number, 1))] if len(old) else [])
            accumulate = 1 if max(len(part) for part, _ in parts) <= 4 else 2
            for epoch in range(2):
                for part, place in parts:
                    micro = min(8, len(part)) // accumulate
                    order = _order(part, epoch, *place)
                    expected += [order[i * micro : (i + 1) * micro] for i in range(accumulate)]
                validated.append(sorted([*rows.tolist(), *old.tolist()]))
        memory.update(task, stream.train_rows(task), labels[stream.train_rows(task)], None)
    assert _rows(steps) == expected
    assert looked == validated
    assert len({step.batch.seed for step in steps}) == len(steps)


def test_a_group_with_fewer_rows_than_workers_is_shared_by_all(
    small_config, small_stream, tmp_path, monkeypatch
):
    """Each of four workers has a part of every step on three rows. A task with so few rows stays an error."""
    found = []

    def trained(method, phase, batches, *args, **how):
        found.append(list(batches))
        return set()

    monkeypatch.setattr(stream_loop, "train_phase", trained)
    config = small_config("finetune", stream__tasks=1, stream__train=3, method__batch_size=8)
    stream = small_stream(config)
    labels = stream.tasks[0].splits["train"].label
    stream.tables = SimpleNamespace(group_of=np.zeros(labels.max() + 1, int), regions=None)
    for rank in range(4):
        loop = StreamLoop(config, stream, tmp_path, CollectingReporter(), device=_CPU)
        loop.rank, loop.ranks = rank, 4
        method, memory = loop._fresh()
        phase = replace(method.phases(stream.tasks[0].task)[0], group=0, epochs=1)
        loop._phase(0, 0, phase, method, memory)
        with pytest.raises(UserError, match="3 training rows cannot be shared among 4 workers"):
            loop._phase(0, 0, replace(phase, group=None), method, memory)
    assert [[(len(batch), batch.offset, batch.total) for batch in part] for part in found] == [
        [(1, rank, 4)] for rank in range(4)
    ]
    assert {int(part[0].row) for part in found} == {0, 1, 2}


def test_steps_on_all_tasks_so_far(watched, small_config, small_stream, tmp_path):
    steps = watched(Joint)
    config = small_config("joint", stream__train=16, method__epochs=2, run__seed=3)
    stream = small_stream(config)
    _walk(config, stream, tmp_path)
    orders = [_order(np.arange(16 * (task + 1)), e, 3, task, 0) for task in range(3) for e in range(2)]
    assert sum(_rows(steps), []) == sum(orders, [])
