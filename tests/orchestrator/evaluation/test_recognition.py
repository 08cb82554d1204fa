"""What one pass over each task measures, against plain formulas; one rank and two."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from two_ranks import on_two_ranks

from methods.method import Batch, ClassSpec, Method, Task
from orchestrator.data.row_reader import RowReader
from orchestrator.evaluation.protocol import Evaluation
from orchestrator.evaluation.recognition import evaluate_recognition, task_accuracy
from orchestrator.evaluation.scenarios import summary_metrics
from orchestrator.metrics.recognition import batch_calibration_error, calibration_error
from orchestrator.numerics.diverged import Diverged
from orchestrator.seeding import hashed
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.stream import Split, Stream, TaskData
from orchestrator.training.exemplar_ranker import ExemplarRanker

WIDTH, RANGES, SIZES = 6, (range(0, 3), range(3, 5), range(5, 8)), (23, 9, 14)
CPU = torch.device("cpu")


class Toy(Method):
    """Three samples of class weights, which move with the batch's mean picture and with its seed."""

    scenarios = frozenset({"recognition"})
    frozen = frozenset({"image", "text"})
    eval_batch_size = 5

    def __init__(self, spec):
        super().__init__(None, spec)
        self.calls = []
        self.broken = -1

    def _weights(self, batch, classes):
        return self.spec.text[classes.start : classes.stop, 0] + 0.3 * batch.feature.mean(0)

    def sample(self, batch, classes):
        self.calls.append((batch.row.tolist(), classes))
        draw = torch.Generator().manual_seed(batch.seed)
        noise = 0.2 * torch.randn(3, 8, WIDTH, generator=draw)[:, classes.start : classes.stop]
        logits = 4 * batch.feature @ (self._weights(batch, classes) + noise).transpose(1, 2)
        logits[:, batch.row == self.broken] = torch.nan
        return logits

    def embed(self, batch, kind):
        assert kind == "image"
        return torch.nn.functional.normalize(batch.feature.flip(1), dim=1)

    def class_features(self, batch, classes):
        return self._weights(batch, classes)


def make_stream():
    rng = np.random.default_rng(0)
    text = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(8, 1, WIDTH))).float(), dim=-1)
    spec = ClassSpec(tuple("abcdefgh"), ("{}",), text, 4.0)

    def split(classes, count):
        label = np.concatenate([list(classes), rng.choice(classes, count - len(classes))]).astype(np.int32)
        rows = text[label, 0].numpy() + 0.5 * rng.normal(size=(count, WIDTH))
        feature = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
        return Split(None, np.empty((count, 0), np.int32), label, feature=feature)

    tasks = [
        TaskData(
            Task(k, f"task {k}", "recognition", 3, classes),
            {name: split(classes, count) for name in ("train", "validation")},
        )
        for k, (classes, count) in enumerate(zip(RANGES, SIZES, strict=True))
    ]
    return Stream("toy", spec, tasks, "none", image_size=8)


def evaluate(method, stream, tasks, seen, **options):
    how = Evaluation(CPU, 7, "fp32", **options)
    return evaluate_recognition(method, stream, "validation", tasks=tasks, seen=seen, how=how)


def order_of(stream, k, seed=0):
    """The order in which the pictures of task k are scored."""
    return np.argsort(hashed(seed, np.arange(len(stream.tasks[k].splits["validation"]))))


def batches(stream, k, seed=0):
    """The split of task k in batches of the method's size, as the evaluation makes them."""
    split, order = stream.tasks[k].splits["validation"], order_of(stream, k, seed)
    for number, start in enumerate(range(0, len(split), 5)):
        rows = order[start : start + 5]
        feature, label = (torch.from_numpy(a[rows]) for a in (split.feature, split.label))
        tokens, row = torch.empty(len(label), 0), torch.from_numpy(rows)
        yield Batch(None, tokens, label.long(), row, seed=number, feature=feature.float())


def reference(stream, k, classes, seed=0):
    """Mean logits (N, C) of a task's pictures, computed one batch after another."""
    method = Toy(stream.spec)
    logits = torch.empty(SIZES[k], len(classes))
    for batch in batches(stream, k, seed):
        logits[batch.row] = method.sample(batch, classes).mean(0)
    return logits.numpy()


def labels(stream, k):
    return stream.tasks[k].splits["validation"].label


def test_accuracy_among_seen_classes_and_among_a_tasks_own():
    stream = make_stream()
    scores = evaluate(Toy(stream.spec), stream, 2, 2)
    right = []
    for k, own in enumerate(RANGES[:2]):
        logits = reference(stream, k, range(5))
        right.append(logits.argmax(1) == labels(stream, k))
        assert scores.by_task[k] == pytest.approx(100 * right[-1].mean())
        assert scores.metrics[f"task_{k + 1:02d}/accuracy"] == scores.by_task[k]
        aware = logits[:, own.start : own.stop].argmax(1) + own.start == labels(stream, k)
        assert scores.metrics[f"task_{k + 1:02d}/task_aware_accuracy"] == pytest.approx(100 * aware.mean())
    pooled = 100 * np.concatenate(right).mean()
    assert scores.metrics["seen/accuracy"] == pytest.approx(pooled) != pytest.approx(scores.by_task.mean())
    assert 10 < pooled < 100 and len(scores.by_task) == 2


def test_averages_are_over_all_pictures_and_task_aware_forgetting_among_a_tasks_own_classes():
    stream = make_stream()
    # Other weights after each task, so that something is forgotten.
    steps, changed = [], make_stream()
    for seen in (1, 2, 3):
        changed.spec.text[:] = stream.spec.text.roll(seen - 1, 1)
        steps.append(evaluate(Toy(changed.spec), stream, tasks=3, seen=seen))
    matrix = np.array([step.by_task for step in steps])
    found = summary_metrics(stream, "validation", matrix, [step.metrics for step in steps])
    seen = [step.metrics["seen/accuracy"] for step in steps]
    assert found["average"] == pytest.approx(seen[-1]) and len(set(SIZES)) == 3
    assert found["average_over_time"] == pytest.approx(np.mean(seen))
    assert found["unweighted_average"] == pytest.approx(matrix[-1].mean())
    assert abs(found["unweighted_average"] - found["average"]) > 1, "the tasks are uneven"
    own = [[step.metrics.get(f"task_0{k}/task_aware_accuracy", 0) for k in (1, 2)] for step in steps]
    lost = (max(own[0][0], own[1][0]) - own[2][0] + own[1][1] - own[2][1]) / 2
    assert found["task_aware_forgetting"] == pytest.approx(lost) != found["forgetting"]


def test_calibration_is_over_all_seen_tasks_and_over_their_batches():
    stream = make_stream()
    metrics = evaluate(Toy(stream.spec), stream, 2, 2).metrics
    sure, right, number = [], [], []
    for k in range(2):
        probabilities = torch.from_numpy(reference(stream, k, range(5))).softmax(1)
        sure.append(probabilities.amax(1).numpy())
        right.append(probabilities.argmax(1).numpy() == labels(stream, k))
        number.append(100 * k + np.argsort(order_of(stream, k)) // 5)
    sure, right, number = map(np.concatenate, (sure, right, number))
    assert metrics["seen/ece"] == pytest.approx(calibration_error(sure, right), rel=1e-5)
    batchwise = batch_calibration_error(sure, right, number)
    assert metrics["seen/ece_batch_mean"] == pytest.approx(batchwise, rel=1e-5)
    assert batchwise > metrics["seen/ece"]


def test_the_seed_shuffles_what_is_scored_together():
    """Every picture once, in batches that are not the split's own, alike in every evaluation of a run."""
    stream = make_stream()
    orders = {}
    for seed in (0, 3):
        method = Toy(stream.spec)
        scores = evaluate(method, stream, 2, 2, seed=seed)
        calls = [rows for rows, classes in method.calls if classes == range(5)]
        orders[seed] = list(dict.fromkeys(map(tuple, calls)))
        rows = [row for batch in orders[seed][:5] for row in batch]
        assert sorted(rows) == list(range(23)) and rows != sorted(rows)
        assert rows == order_of(stream, 0, seed).tolist()
        right = [reference(stream, k, range(5), seed).argmax(1) == labels(stream, k) for k in range(2)]
        assert scores.by_task == pytest.approx([100 * hit.mean() for hit in right])
        again = Toy(stream.spec)
        assert (evaluate(again, stream, 2, 2, seed=seed).by_task == scores.by_task).all()
        assert again.calls == method.calls
    assert orders[0] != orders[3]


def test_classes_not_yet_seen():
    stream = make_stream()
    metrics = evaluate(Toy(stream.spec), stream, 1, 1).metrics
    right, energy = [], [torch.from_numpy(reference(stream, 0, range(3))).logsumexp(1).numpy()]
    for k in (1, 2):
        right.append(reference(stream, k, range(3, 8)).argmax(1) + 3 == labels(stream, k))
        energy.append(torch.from_numpy(reference(stream, k, range(3))).logsumexp(1).numpy())
    unseen, seen = 100 * np.concatenate(right).mean(), metrics["seen/accuracy"]
    assert metrics["unseen/accuracy"] == pytest.approx(unseen)
    assert metrics["harmonic_mean"] == pytest.approx(2 / (1 / seen + 1 / unseen))
    # The share of pairs, one known and one not, of which the known one is surer.
    gap = energy[0][:, None] - np.concatenate(energy[1:])
    assert metrics["detection/auroc"] == pytest.approx(100 * ((gap > 0).mean() + (gap == 0).mean() / 2))
    assert {"detection/aupr", "detection/fpr95"} <= metrics.keys()


def test_the_last_task_leaves_no_class_unseen():
    stream = make_stream()
    metrics = evaluate(Toy(stream.spec), stream, 3, 3).metrics
    assert not [name for name in metrics if name.startswith(("unseen", "harmonic", "detection"))]


def test_drift_is_the_angle_between_mean_texts_and_mean_images():
    stream = make_stream()
    metrics = evaluate(Toy(stream.spec), stream, 2, 2).metrics
    method, texts, images, owners = Toy(stream.spec), [], [], []
    for k in range(2):
        for batch in batches(stream, k):
            texts += [method.class_features(batch, range(5))] * len(batch)
            images.append(method.embed(batch, "image"))
            owners.append(batch.label)
    text, image, owner = torch.stack(texts).mean(0), torch.cat(images), torch.cat(owners)
    means = torch.stack([image[owner == c].mean(0) for c in range(5)])
    angles = torch.rad2deg(torch.nn.functional.cosine_similarity(text, means).acos()).numpy()
    assert metrics["drift/task_01"] == pytest.approx(angles[:3].mean(), rel=1e-4)
    assert metrics["drift/task_02"] == pytest.approx(angles[3:].mean(), rel=1e-4)
    assert metrics["drift/angle"] == pytest.approx(angles.mean(), rel=1e-4)


def test_tasks_to_come_are_scored_among_the_classes_up_to_their_own():
    stream = make_stream()
    scores = evaluate(Toy(stream.spec), stream, 3, 1)
    for k in (1, 2):
        right = reference(stream, k, range(RANGES[k].stop)).argmax(1) == labels(stream, k)
        assert scores.by_task[k] == pytest.approx(100 * right.mean())


def test_an_untrained_method_has_scores_and_no_metrics():
    stream = make_stream()
    scores = evaluate(Toy(stream.spec), stream, 3, 0)
    assert scores.metrics == {}
    expected = [
        100 * (reference(stream, k, range(own.stop)).argmax(1) == labels(stream, k)).mean()
        for k, own in enumerate(RANGES)
    ]
    assert scores.by_task == pytest.approx(expected)


def test_nothing_is_scored_twice():
    stream = make_stream()
    method = Toy(stream.spec)
    evaluate(method, stream, 2, 2)
    # One call a batch of seen tasks; of the others two: unseen classes, and the seen ones for detection.
    assert len(method.calls) == 5 + 2 + 2 * 3


def test_the_methods_batch_size_counts_and_the_given_one_where_it_has_none(monkeypatch):
    stream = make_stream()
    method = Toy(stream.spec)
    evaluate(method, stream, 1, 1)
    assert max(len(rows) for rows, _ in method.calls) == 5
    monkeypatch.setattr(Toy, "eval_batch_size", None)
    method.calls.clear()
    evaluate(method, stream, 1, 1)
    assert max(len(rows) for rows, _ in method.calls) == 7


def test_features_that_nobody_cached_are_encoded_a_batch_at_a_time():
    stream = make_stream()
    expected = evaluate(Toy(stream.spec), stream, 2, 2)
    features = [task.splits["validation"].feature for task in stream.tasks]
    for k, task in enumerate(stream.tasks):
        split = task.splits["validation"]
        code = np.zeros((len(split), 8, 8, 3), np.uint8)  # task and row, where an encoder finds them
        code[:, 0, 0, 0], code[:, 0, 0, 1] = k, np.arange(len(split))
        task.splits["validation"] = replace(split, pictures=ArrayPictures(code), feature=None)

    def encode(batch):
        place = batch.image[:, :2, 0, 0].numpy()
        found = np.stack([features[k][row] for k, row in place])
        return replace(batch, image=None, feature=torch.from_numpy(found).float())

    found = evaluate(Toy(stream.spec), stream, 2, 2, encode=encode)
    assert found.metrics == expected.metrics


def test_a_logit_that_is_not_finite_is_an_error():
    stream = make_stream()
    method = Toy(stream.spec)
    method.broken = 3
    place = "a logit or feature of sample 3 is not finite: recognition, validation split of task 1"
    with pytest.raises(Diverged, match=place):
        evaluate(method, stream, 1, 1)


@pytest.mark.parametrize("which", ["embed", "class_features"])
def test_a_feature_that_is_not_finite_is_an_error_though_no_logit_shows_it(which, monkeypatch):
    stream = make_stream()
    method = Toy(stream.spec)
    sound = getattr(method, which)

    def broken(batch, what):
        found = sound(batch, what).clone()
        if 12 in batch.row:
            found[batch.row.tolist().index(12)] = torch.inf  # one picture, or one class
        return found

    monkeypatch.setattr(method, which, broken)
    order = order_of(stream, 0).tolist()
    start = order.index(12) // 5 * 5
    # Class features are a whole batch's, of which the first picture is named.
    first = {"embed": 12, "class_features": min(order[start : start + 5])}[which]
    assert start // 5 < 4 and order.index(12) - start < len(RANGES[0])
    with pytest.raises(Diverged, match=f"a logit or feature of sample {first} is not finite"):
        evaluate(method, stream, 1, 1)


def test_a_logit_that_is_not_finite_ranks_no_exemplars():
    stream = make_stream()
    method = Toy(stream.spec)
    method.broken = 3
    ranker = ExemplarRanker(method, stream, RowReader(stream), 5, Evaluation(CPU, 7, "fp32"))
    rows = np.array([25, 24, 31, 9, 11])
    place = "a logit of sample 3 is not finite: recognition, candidates .* training split of task 1, 2"
    with pytest.raises(Diverged, match=place):
        ranker.logits(rows)


def test_accuracy_of_one_split():
    stream = make_stream()
    split = stream.tasks[1].splits["validation"]
    found = task_accuracy(Toy(stream.spec), stream, 1, "validation", range(5), Evaluation(CPU, 7, "fp32"))
    assert found == pytest.approx(100 * (reference(stream, 1, range(5)).argmax(1) == split.label).mean())


def rank_exemplars(stream):
    """Rows of two tasks, and what the model says of them."""
    ranker = ExemplarRanker(Toy(stream.spec), stream, RowReader(stream), 5, Evaluation(CPU, 7, "fp32"))
    rows = np.array([25, 24, 31, 3, 2, 9, 11, 22])
    return rows, ranker.features(rows), ranker.logits(rows)


def test_what_the_model_says_of_exemplars():
    stream = make_stream()
    rows, features, logits = rank_exemplars(stream)
    stored = np.concatenate([task.splits["train"].feature for task in stream.tasks])
    np.testing.assert_array_equal(features, stored[rows].astype(np.float32))
    assert logits.shape == (3, 8, 5)
    method = Toy(stream.spec)
    first = next(iter(batches(stream, 0)))
    first.feature = torch.from_numpy(features[:5])
    np.testing.assert_allclose(logits[:, :5], method.sample(first, range(5)), rtol=1e-5)


def test_a_shared_herding_order_is_handed_on():
    stream = make_stream()
    ranker = ExemplarRanker(Toy(stream.spec), stream, None, 5, Evaluation(CPU, 7, "fp32"))
    assert ranker.herding(np.array([4])) is None
    stream.herding = np.arange(sum(SIZES), dtype=np.int32)[::-1]
    assert ranker.herding(np.array([0, 2])).tolist() == [45, 43]


def measured(rank):
    stream = make_stream()
    scores = evaluate(Toy(stream.spec), stream, 3, 1)
    _, features, logits = rank_exemplars(stream)
    return scores.by_task, scores.metrics, features, logits


def test_two_ranks_measure_what_one_does():
    by_task, metrics, features, logits = measured(0)
    for found in on_two_ranks(measured):
        np.testing.assert_array_equal(found[0], by_task)
        assert found[1].keys() == metrics.keys()
        assert found[1] == pytest.approx(metrics, rel=1e-9)
        np.testing.assert_array_equal(found[2], features)
        np.testing.assert_array_equal(found[3], logits)
