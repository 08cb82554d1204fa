"""What a walk is judged by: retrieval's scores against plain counting, and which split is looked at."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from methods.method import InputSpec, Method, Task
from orchestrator.config import RunConfig
from orchestrator.data.row_reader import RowReader
from orchestrator.evaluation.protocol import HEADLINE, SCORE, Evaluation, task_row, validation_metrics
from orchestrator.evaluation.retrieval import task_r_mean
from orchestrator.evaluation.scenarios import evaluate, evaluation_of, summary_metrics, task_score
from orchestrator.numerics.diverged import Diverged
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.source import Questions, QuestionTables
from orchestrator.streams.stream import Split, Stream, TaskData
from orchestrator.training.exemplar_ranker import ExemplarRanker

CPU = torch.device("cpu")
HOW = Evaluation(CPU, 4, "fp32")
TASKS, WIDTH = 3, 5
SIZES = {"train": 10, "validation": 12, "test": 13, "query": 7, "gallery": 15}
KINDS = ("image", "text", "pair")


class _Table(Method):
    """Embeds a sample as a table says. The sample's tokens are its number in the table."""

    scenarios = frozenset({"retrieval"})

    def __init__(self, table):
        super().__init__(None, None)
        self.table = table

    def embed(self, batch, kind):
        assert not self.training and not torch.is_grad_enabled()
        return self.table[kind][batch.tokens[:, 0]]


def _unit(rows):
    return torch.nn.functional.normalize(rows, dim=1)


@pytest.fixture(scope="module")
def walk():
    """A stream of three tasks, and a method for which a text is near its picture, and nearer in the first
    task.

    A task's gallery holds some of the queries of all tasks, in no order.
    """
    rng, draw = np.random.default_rng(0), torch.Generator().manual_seed(0)
    tasks, number, near = [], 0, []
    for k in range(TASKS):
        splits = {}
        records = {"query": np.arange(SIZES["query"]) + 7 * k}
        records["gallery"] = rng.permutation(
            np.concatenate([[7 * k + 1, 7 * k + 4], np.arange(13) + 100 * (k + 1)])
        )
        for name, count in SIZES.items():
            tokens = np.arange(number, number + count, dtype=np.int32)[:, None]
            number += count
            near += [0.5 + k + (name == "test")] * count
            label = rng.integers(0, 4, count).astype(np.int32)
            record = records[name].astype(np.int64) if name in records else None
            pictures = ArrayPictures(np.zeros((count, 4, 4, 3), np.uint8))
            splits[name] = Split(pictures, tokens, label, record)
        tasks.append(TaskData(Task(k, f"task {k}", "retrieval", TASKS), splits))
    image = torch.randn(number, WIDTH, generator=draw)
    text = image + torch.tensor(near)[:, None] * torch.randn(number, WIDTH, generator=draw)
    pair = torch.randn(number, WIDTH, generator=draw)
    table = {kind: _unit(rows) for kind, rows in zip(KINDS, (image, text, pair), strict=True)}
    # The queries that the gallery holds look there as they do as queries: nothing is nearer.
    by_record = {}
    for task in tasks:
        by_record |= dict(
            zip(task.splits["query"].record.tolist(), task.splits["query"].tokens[:, 0], strict=True)
        )
    for task in tasks:
        for record, place in zip(
            task.splits["gallery"].record.tolist(), task.splits["gallery"].tokens[:, 0], strict=True
        ):
            if record in by_record:
                table["pair"][place] = table["pair"][by_record[record]]
    return Stream("toy", InputSpec(4, 1, 1000, 0, 1, 2, 3), tasks, "none"), _Table(table)


def _numbers(stream, name, tasks):
    return np.concatenate([stream.tasks[k].splits[name].tokens[:, 0] for k in tasks])


def _recall(method, numbers):
    """The metrics of recall among the samples of these numbers, counted one by one."""
    image, text = (method.table[kind][numbers].double().numpy() for kind in ("image", "text"))
    found = {}
    for way, scores in (("txt", image @ text.T), ("img", text @ image.T)):
        place = (scores > np.diagonal(scores)[:, None]).sum(1)
        found |= {f"{way}_r{k}": 100 * (place < k).mean() for k in (1, 5, 10)}
    return found | {"r_mean": np.mean(list(found.values()))}


def _evaluated(walk, split, tasks, seen):
    stream, method = walk
    method.train()  # as training left it
    return evaluate(method, stream, split, tasks=tasks, seen=seen, how=HOW)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_each_task_is_scored_alone_and_the_tasks_seen_together(walk, split):
    stream, method = walk
    scores = _evaluated(walk, split, tasks=3, seen=2)
    expected = [_recall(method, _numbers(stream, split, [k]))["r_mean"] for k in range(3)]
    assert scores.by_task.tolist() == pytest.approx(expected)
    assert len({round(value) for value in expected}) == 3
    for k in range(3):
        assert scores.metrics[f"task_{k + 1:02d}/r_mean"] == pytest.approx(expected[k])
    for name, value in _recall(method, _numbers(stream, split, [0, 1])).items():
        assert scores.metrics[f"seen/{name}"] == pytest.approx(value), name


def test_an_untrained_model_has_scores_of_tasks_alone(walk):
    scores = _evaluated(walk, "test", tasks=3, seen=0)
    assert len(scores.by_task) == 3 and not [name for name in scores.metrics if name.startswith("seen/")]


def _precision(method, stream, seen, top):
    """Mean average precision of the queries of the tasks seen, counted one by one."""
    gallery, query = (_numbers(stream, name, range(seen)) for name in ("gallery", "query"))

    def column(name, of):
        return np.concatenate([getattr(stream.tasks[k].splits[name], of) for k in range(seen)])

    values = []
    for number, label, record in zip(query, column("query", "label"), column("query", "record"), strict=True):
        similar = method.table["pair"][gallery] @ method.table["pair"][number]
        order = [g for g in (-similar).argsort().tolist() if column("gallery", "record")[g] != record]
        relevant = [column("gallery", "label")[g] == label for g in order]
        hits, total = 0, 0.0
        for place, hit in enumerate(relevant[: min(top, sum(relevant))], 1):
            hits += hit
            total += hit * hits / place
        values.append(total / max(hits, 1))
    return 100 * np.mean(values)


def _as_released(method, stream, seen, top):
    """The same as CTP's released code counts: nine are left of ten, the query itself is among the relevant
    items, and so are those of all tasks.
    """
    gallery, query = (_numbers(stream, name, range(seen)) for name in ("gallery", "query"))
    splits = [task.splits for task in stream.tasks]
    record = np.concatenate([s["gallery"].record for s in splits[:seen]])
    label = np.concatenate([s["gallery"].label for s in splits[:seen]])
    everywhere = np.concatenate([s["gallery"].label for s in splits]).tolist()
    values, place = [], 0
    for s in splits[:seen]:
        for itself, own in zip(s["query"].record, s["query"].label, strict=True):
            similar = method.table["pair"][gallery] @ method.table["pair"][query[place]]
            place += 1
            kept = [g for g in (-similar).argsort()[:10].tolist() if record[g] != itself]
            found = [label[g] == own for g in kept[: min(top, everywhere.count(own))]]
            hits = [sum(found[: n + 1]) / (n + 1) for n in range(len(found)) if found[n]]
            values.append(np.mean(hits) if hits else 0.0)
    return 100 * np.mean(values)


@pytest.mark.parametrize("seen", [1, 2, 3])
def test_a_query_is_known_where_it_lies_in_the_gallery_itself(walk, seen):
    stream, method = walk
    metrics = _evaluated(walk, "test", tasks=3, seen=seen).metrics
    for top in (1, 5, 10):
        assert metrics[f"seen/map{top}"] == pytest.approx(_precision(method, stream, seen, top)), top


@pytest.mark.parametrize("seen", [1, 3])
def test_the_gallery_is_read_as_released_too(walk, seen):
    stream, method = walk
    metrics = _evaluated(walk, "test", tasks=3, seen=seen).metrics
    for top in (1, 5, 10):
        released = _as_released(method, stream, seen, top)
        assert metrics[f"seen/map{top}_reference"] == pytest.approx(released), top
    assert metrics["seen/map10"] != pytest.approx(metrics["seen/map10_reference"])


def test_the_last_model_is_scored_on_each_union_of_tasks(walk):
    stream, method = walk
    metrics = _evaluated(walk, "test", tasks=3, seen=3).metrics
    for k in (1, 2, 3):
        union = {
            name.rpartition("/")[2]: value
            for name, value in metrics.items()
            if name.startswith(f"ctp/last/task_{k:02d}/")
        }
        expected = _recall(method, _numbers(stream, "test", range(k)))["r_mean"]
        maps = {f"map{top}": _precision(method, stream, k, top) for top in (1, 5, 10)}
        released = {f"map{top}_reference": _as_released(method, stream, k, top) for top in (1, 5, 10)}
        assert union == pytest.approx({"r_mean": expected} | maps | released)
    assert not [n for n in _evaluated(walk, "test", tasks=3, seen=2).metrics if n.startswith("ctp/")]
    assert not [n for n in _evaluated(walk, "validation", tasks=3, seen=3).metrics if n.startswith("ctp/")]


@pytest.mark.parametrize("seen", [2, 3])
def test_no_sample_is_embedded_twice(walk, monkeypatch, seen):
    stream, method = walk
    asked = []

    def embed(batch, kind):
        asked.extend((kind, number) for number in batch.tokens[:, 0].tolist())
        return method.table[kind][batch.tokens[:, 0]]

    monkeypatch.setattr(method, "embed", embed)
    evaluate(method, stream, "test", tasks=3, seen=seen, how=HOW)
    pairs = seen * (SIZES["query"] + SIZES["gallery"])
    assert len(asked) == len(set(asked)) == 3 * 2 * SIZES["test"] + pairs


def test_the_gallery_is_looked_at_with_the_test_splits_alone(walk):
    assert "seen/map1" not in _evaluated(walk, "validation", tasks=3, seen=3).metrics


def test_early_stopping_looks_at_the_tasks_own_validation_split(walk):
    stream, method = walk
    for k in range(3):
        expected = _recall(method, _numbers(stream, "validation", [k]))["r_mean"]
        method.train()
        assert task_score(method, stream, k, 0, HOW) == pytest.approx(expected)
        assert task_r_mean(method, stream, k, "validation", HOW) == pytest.approx(expected)


class _Classifier(Method):
    """Logits (B, C) of a table, by the number that a sample's tokens are."""

    scenarios = frozenset({"recognition"})

    def __init__(self, table):
        super().__init__(None, None)
        self.table = table

    def predict(self, batch, classes):
        return self.table[batch.tokens[:, 0], classes.start : classes.stop]


def test_early_stopping_scores_a_class_among_all_that_are_seen():
    table = torch.randn(20, 4, generator=torch.Generator().manual_seed(1))
    label = np.arange(20, dtype=np.int32) % 2 + 2
    pictures = ArrayPictures(np.zeros((20, 4, 4, 3), np.uint8))
    split, other = (Split(pictures, np.arange(20, dtype=np.int32)[:, None], of) for of in (label, 5 - label))
    tasks = [
        TaskData(
            Task(k, f"task {k}", "recognition", 2, range(2 * k, 2 * k + 2)),
            {"validation": split, "train": other},
        )
        for k in range(2)
    ]
    stream = Stream("toy", InputSpec(4, 1, 20, 0, 1, 2, 3), tasks, "none")
    hits = [100 * (table[:, start:].argmax(1).numpy() + start == label).mean() for start in (0, 2)]
    assert task_score(_Classifier(table), stream, 1, 4, HOW) == pytest.approx(hits[0])
    assert hits[0] < hits[1], "among the task's own it would look better"
    table[7, 1] = torch.nan
    with pytest.raises(Diverged, match="a logit or feature of sample 7 is not finite: .* of task 2"):
        task_score(_Classifier(table), stream, 1, 4, HOW)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_ends_the_trial(walk, monkeypatch, value):
    scores = SimpleNamespace(metrics={"average": 5.0, "seen/r_mean": value})
    monkeypatch.setattr("orchestrator.evaluation.scenarios.evaluate_retrieval", lambda *_, **__: scores)
    with pytest.raises(Diverged, match=f"seen/r_mean is {value}: retrieval, test splits, 2 task"):
        _evaluated(walk, "test", 3, 2)


def test_herding_ranks_by_the_pair_where_no_encoder_is_frozen(walk):
    stream, method = walk
    rows = np.array([25, 3, 11, 3])
    found = ExemplarRanker(method, stream, RowReader(stream), 4, HOW).features(rows)
    assert np.array_equal(found, method.table["pair"][_numbers(stream, "train", range(3))[rows]].numpy())


def test_precision_is_the_runs_own():
    stream = SimpleNamespace()
    for precision in ("fp32", "bf16"):
        values = {"method.name": "finetune", "stream.name": "shapes-retrieval"}
        config = RunConfig.from_dict(values | {"run.precision": precision, "run.eval_batch_size": 17})
        how = evaluation_of(config, stream, CPU)
        assert (how.precision, how.batch_size, how.device) == (precision, 17, CPU)


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_model_is_asked_in_the_runs_precision(walk, monkeypatch, precision, dtype):
    stream, method = walk
    seen = set()

    def embed(batch, kind):
        found = method.table[kind][batch.tokens[:, 0]]
        seen.add((found @ found.T).dtype)
        return found

    monkeypatch.setattr(method, "embed", embed)
    evaluate(method, stream, "test", tasks=1, seen=1, how=replace(HOW, precision=precision))
    assert seen == {dtype}


def test_the_row_of_a_report_is_its_tasks_in_order():
    assert SCORE == {"retrieval": "r_mean", "recognition": "accuracy", "vqa": "accuracy"}
    assert HEADLINE == {"retrieval": "seen/r_mean", "recognition": "average", "vqa": "average"}
    report = {
        f"validation/task_{k + 1:02d}/{name}": value + k
        for name, value in (("r_mean", 10), ("accuracy", 20))
        for k in range(3)
    }
    report |= {"train/ita": 1.0, "task": 3, "validation/seen/r_mean": 50.0}
    assert task_row(report, 3, "retrieval") == [10, 11, 12] and task_row(report, 2, "vqa") == [20, 21]
    found = validation_metrics(report)
    assert found["seen/r_mean"] == 50.0 and found["task_02/accuracy"] == 21
    assert not {"train/ita", "task", "validation/seen/r_mean"} & set(found)


_SIX = ("location", "count", "action", "color", "type", "subcategory")


def _questions(sizes):
    """Tasks of one kind of question each. A split has as many questions as ``sizes`` says."""

    def split(kind, count):
        column = np.full(count, kind, np.int32)
        asked = Questions(column, np.zeros((count, 1), np.int32), np.ones((count, 1), np.float32))
        return Split(None, np.empty((count, 0), np.int32), column, questions=asked)

    tasks = [
        TaskData(
            Task(k, f"task {k}", "vqa", len(own)), {name: split(k, count) for name, count in own.items()}
        )
        for k, own in enumerate(sizes)
    ]
    tables = QuestionTables(["yes"], 1, _SIX, ["all"], [0] * len(_SIX))
    return Stream("toy", None, tasks, "none", image_size=8, tables=tables)


def test_questions_are_weighed_by_the_split_that_was_evaluated():
    sizes = [{"train": 100, "validation": 10, "test": 1}] + [{"train": 1, "validation": 30, "test": 9}] * 5
    stream = _questions(sizes)
    matrix = np.full((6, 6), np.nan)
    matrix[np.tril_indices(6)] = 60.0
    matrix[1:, 0] = 20.0
    for split, weights in (("validation", [10, 30]), ("test", [1, 9])):
        found = summary_metrics(stream, split, matrix[:2], [{}, {}])
        assert found["triplet/final_accuracy"] == pytest.approx(np.average([20, 60], weights=weights))
        assert found["triplet/average_accuracy"] == pytest.approx(
            (60 + np.average([20, 60], weights=weights)) / 2
        )
    found = summary_metrics(stream, "test", matrix, [{}] * 6)
    assert found["vqacl/ap_6q"] == pytest.approx((20 + 5 * 60) / 6), (
        "the six kinds are known by their questions"
    )


def test_retrieval_has_no_metrics_of_questions_and_forward_transfer_with_a_baseline(walk):
    stream, _ = walk
    matrix = [[50.0, 30.0, 20.0], [40.0, 60.0, 10.0], [30.0, 55.0, 70.0]]
    found = summary_metrics(stream, "test", matrix, [{}] * 3, [5.0, 6.0, 7.0])
    assert found == pytest.approx(
        {
            "average": 155 / 3,
            "average_over_time": (50 + 50 + 155 / 3) / 3,
            "learning_accuracy": 60.0,
            "forgetting": (20 + 5) / 2,
            "task_aware_forgetting": (20 + 5) / 2,
            "backward_transfer": -(20 + 5) / 2,
            "forward_transfer": (30 - 6 + 10 - 7) / 2,
        }
    )
