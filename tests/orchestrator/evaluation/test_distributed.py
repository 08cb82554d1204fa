"""Ranks whose numbers differ decide alike; what each looks at comes from page-locked memory on a GPU."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from two_ranks import on_two_ranks

from methods.retrieval.baselines import RetrievalReplay
from orchestrator.config import RunConfig
from orchestrator.evaluation import distributed
from orchestrator.evaluation.distributed import gather_rows, of_rank_0, own_batches, share_state
from orchestrator.evaluation.protocol import Evaluation
from orchestrator.numerics.diverged import Diverged
from orchestrator.numerics.finite import check_weights
from orchestrator.streams import registry
from orchestrator.streams.prepare import prepare
from orchestrator.streams.text.tokenizer import Tokenizer
from orchestrator.training import stream_loop
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

CPU = torch.device("cpu")
VALUES = {
    "method.name": "er",
    "method.backbone.size": "small",
    "method.backbone.image_width": 16,
    "method.backbone.image_depth": 1,
    "method.backbone.image_heads": 2,
    "method.backbone.text_width": 16,
    "method.backbone.text_layers": 2,
    "method.backbone.text_heads": 2,
    "method.backbone.fusion_layer": 1,
    "method.embed_dim": 8,
    "method.batch_size": 8,
    "method.epochs": 5,
    "method.replay": "merge",
    "replay.size": 6,
    "replay.policy": "herding",
    "run.workers": 2,
    "stream.name": "shapes-retrieval",
    "stream.tasks": 2,
    "stream.train": 16,
    "stream.validation": 4,
    "stream.test": 4,
    "stream.query": 4,
    "stream.gallery": 6,
    "stream.max_tokens": 20,
}


class Disagreeing:
    """A ranker whose features are another rank's in another order."""

    def __init__(self, *_):
        pass

    def features(self, rows):
        return np.random.default_rng(dist.get_rank()).normal(size=(len(rows), 4))

    def herding(self, rows):
        return None


class Replay(RetrievalReplay):
    """A method that stops early, begins with a random buffer, and leaves each rank with a table
    of its own.
    """

    def __init__(self, config, spec):
        super().__init__(config, spec)
        self.register_buffer("table", torch.zeros(3, 2))
        self.register_buffer("crossed", torch.zeros(2, 3).T)
        self.register_buffer("drawn", torch.zeros(4))
        self.drawn_at_first = []
        self.walked = []

    def loss(self, batch, phase):
        self.walked.append(batch.row.tolist())
        return super().loss(batch, phase)

    def start_task(self, task):
        super().start_task(task)
        self.drawn = torch.rand(4)
        self.drawn_at_first.append(self.drawn.tolist())

    def phases(self, task):
        self.drawn_at_first.append(self.drawn.tolist())
        return [replace(phase, patience=2) for phase in super().phases(task)]

    def finish_task(self, task, data):
        assert self.table.eq(10 * task.index).all()  # what the task before left to all
        self.table += 10 + dist.get_rank()
        self.crossed += torch.arange(6.0).view(3, 2) * (1 + dist.get_rank())


def disagree(rank, path):
    """A walk of two ranks that see different scores, features and tables."""
    scores = iter([[1, 2, 0, 0, 9, 9, 9, 9, 9, 9], [3, 2, 1, 4, 5, 6, 7, 8, 9, 10]][rank])
    stream_loop.ExemplarRanker = Disagreeing
    stream_loop.get_method = lambda name: Replay
    StreamLoop._validate = lambda self, method, rows: float(next(scores))
    updates = []
    update = stream_loop.ReplayMemory.update

    def watched(self, *given):
        update(self, *given)
        updates.append((self, self.rows.tolist()))

    stream_loop.ReplayMemory.update = watched
    config = RunConfig.from_dict(VALUES)
    source = registry.get(config.stream_name).load(config.stream, False)
    captions = source.tasks[0].splits["train"].captions
    tokenizer = Tokenizer.train(captions, 300, config.stream.max_tokens)
    loop = StreamLoop(config, prepare(source, tokenizer), path / "trial", CollectingReporter(), device=CPU)
    methods, fresh = [], loop._fresh

    def kept():
        made = fresh()
        methods.append(made[0])
        return made

    loop._fresh = kept
    loop.run()
    broken, diverged = torch.nn.Linear(1, 1), ""
    broken.bias.data.fill_(torch.nan if rank else 1.0)
    try:
        check_weights(broken, "task 2")
    except Diverged as error:
        diverged = str(error)
    return {
        "diverged": diverged,
        "chosen": updates[0][1],
        "rows": updates[0][0].rows,
        "state": updates[0][0].state(),
        "steps": len(loop.curves.rows),
        "model": methods[0].state_dict(),
        "drawn": methods[0].drawn_at_first,
        "walked": methods[0].walked,
    }


def exchange(rank):
    """Rank 0's values of several kinds and shapes, and rows of which one rank has none."""
    said = [
        np.arange(3 + rank, dtype=np.int32) + 10 * rank,
        np.full((2 - rank, 2), 0.1 + rank),
        np.empty(rank, np.int64),
        np.array([], np.int64) if rank else np.array([2**40]),
        np.arange(6).reshape(2, 3).T + rank,
    ]
    parts = [torch.tensor([[1.0, 2.0], [3.0, 4.0]])] if rank else []
    places = [torch.tensor([2, 0])] if rank else []
    return [of_rank_0(array, CPU) for array in said], gather_rows(parts, places, 3, CPU)


def on_a_rank(rank, path):
    return disagree(rank, path), exchange(rank)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return on_two_ranks(on_a_rank, tmp_path_factory.mktemp("ranks"))


def test_memories_agree_where_the_ranks_rank_otherwise(found):
    mine, theirs = (walk for walk, _ in found)
    assert mine["chosen"] != theirs["chosen"]
    assert mine["rows"].tolist() == theirs["rows"].tolist() and len(mine["rows"]) == 6
    for name, array in mine["state"].items():
        assert array.dtype == theirs["state"][name].dtype
        assert np.array_equal(array, theirs["state"][name])
    assert mine["state"]["tasks"].tolist() == [[3, 16], [3, 16]]
    assert mine["state"]["labels"].dtype == np.int32


def test_ranks_that_see_other_scores_stop_together(found):
    """Rank 0 sees 1, 2, 0, 0 and ends after four epochs; rank 1 would have gone on."""
    mine, theirs = (walk for walk, _ in found)
    # Two terms a step and two steps an epoch. The second task, whose scores are equal, ends after three.
    assert mine["steps"] == theirs["steps"] == 2 * 2 * (4 + 3)


def test_what_ranks_computed_of_a_task_is_rank_0s(found):
    mine, theirs = (walk["model"] for walk, _ in found)
    assert mine["table"].eq(20).all()
    assert mine["crossed"].tolist() == (2 * torch.arange(6.0).view(3, 2)).tolist()
    for name, tensor in mine.items():
        assert torch.equal(tensor, theirs[name]), name


def test_what_ranks_drew_at_a_tasks_start_is_rank_0s(found):
    mine, theirs = (walk["drawn"] for walk, _ in found)
    assert mine[::2] == mine[1::2] == theirs[1::2]
    assert mine[0] != mine[2] != theirs[2] != theirs[0] != mine[0]


def test_a_weight_that_is_not_finite_on_one_rank_ends_both(found):
    assert [walk["diverged"] for walk, _ in found] == ["weight bias is not finite after task 2"] * 2


def test_ranks_share_a_batch_and_walk_no_row_both(found):
    mine, theirs = (walk["walked"] for walk, _ in found)
    assert len(mine) == len(theirs) == 2 * (4 + 3)
    assert all(len(set(one + other)) == 8 for one, other in zip(mine, theirs, strict=True))
    # Two steps of eight rows are an epoch of the first task.
    assert sorted(sum(mine[:2] + theirs[:2], [])) == list(range(16))


def test_arrays_of_rank_0_keep_type_and_shape(found):
    expected = [
        np.arange(3, dtype=np.int32),
        np.full((2, 2), 0.1),
        np.empty(0, np.int64),
        np.array([2**40]),
        np.arange(6).reshape(2, 3).T,
    ]
    for _, (said, _) in found:
        for mine, theirs in zip(said, expected, strict=True):
            assert mine.dtype == theirs.dtype and mine.shape == theirs.shape
            assert np.array_equal(mine, theirs)


def test_rows_are_gathered_from_whoever_has_them(found):
    for _, (_, rows) in found:
        assert rows.tolist() == [[3.0, 4.0], [0.0, 0.0], [1.0, 2.0]]


def test_alone_nothing_is_exchanged():
    array = np.arange(3)
    assert of_rank_0(array, CPU) is array
    module = torch.nn.Linear(2, 2)
    before = [tensor.clone() for tensor in module.state_dict().values()]
    share_state(module)
    assert all(map(torch.equal, module.state_dict().values(), before))


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_evaluation_batches_are_pinned_for_a_gpu(kind, monkeypatch):
    asked = []

    def batches(split, **options):
        asked.append(options)
        return []

    monkeypatch.setattr(distributed, "eval_batches", batches)
    monkeypatch.setattr(stream_loop, "eval_batches", batches)
    method = type("Method", (), {"eval_batch_size": None})
    assert list(own_batches(method, None, Evaluation(torch.device(kind), 7, "fp32"))) == []
    loop = StreamLoop.__new__(StreamLoop)
    loop.device, loop.config = torch.device(kind), RunConfig.from_dict(VALUES)
    assert list(loop._walk(None)) == []
    assert [options["pin"] for options in asked] == [kind == "cuda"] * 2
    assert [options["batch_size"] for options in asked] == [7, 256]
