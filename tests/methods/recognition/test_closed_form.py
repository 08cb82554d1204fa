"""Methods that follow from sums over samples: the batch formula, any order, and a state that grows."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from methods import registry
from methods.method import ClassSpec

CLOSED = {
    "ncm": {},
    "nme": {},
    "slda": {"shrinkage": 1e-2},
    "ranpac": {"projection_width": 100, "ridge": 5.0},
}
IN_ORDER = [range(2), range(2, 3), range(3, 6)]


def made(name, spec):
    torch.manual_seed(0)
    cls = registry.get(name)
    return cls(cls.Config(**CLOSED[name]), spec).eval()


def learn(toy, method, tasks, cuts=1, batch=None):
    """Each task's samples go through the method's passes in ``cuts`` batches."""
    samples = batch or toy.batch
    for index, classes in enumerate(tasks):
        method.start_task(toy.task(classes, index))
        own = torch.isin(samples.label, torch.tensor(list(classes)))
        for step in method.phases(toy.task(classes, index)):
            if step.data == "memory":  # all that has come so far
                own = samples.label < classes.stop
            for part in torch.tensor_split(own.nonzero()[:, 0], cuts):
                method.observe(toy.batch_of(samples.feature[part], samples.label[part]), step)
        method.finish_task(toy.task(classes, index), list)
    return method


def arriving(toy, order):
    """The same problem, whose classes are numbered as they arrive in another order."""
    spec = toy.spec
    names = tuple(spec.names[c] for c in order)
    label = torch.argsort(torch.tensor(order))[toy.batch.label]
    turned = torch.randperm(len(label), generator=torch.Generator().manual_seed(5))
    batch = toy.batch_of(toy.batch.feature[turned], label[turned])
    return ClassSpec(names, spec.templates, spec.text[order], spec.scale), batch


def by_hand(name, toy, method):
    """What the batch formula gives for the toy's own pictures, from all samples at once, in NumPy."""
    x, y = toy.batch.feature.double().numpy(), toy.batch.label.numpy()
    classes = range(y.max() + 1)
    means = np.stack([x[y == c].mean(0) for c in classes])
    if name in ("ncm", "nme"):
        return toy.spec.scale * x @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T
    if name == "slda":
        centred = x - means[y]
        covariance = centred.T @ centred / len(x)
        inverse = np.linalg.inv(0.99 * covariance + 0.01 * np.eye(len(covariance)))
        return np.stack([x @ inverse @ m - m @ inverse @ m / 2 for m in means], 1)
    h = np.maximum(x @ method.projection.numpy(), 0)
    weight = np.linalg.inv(h.T @ h + 5 * np.eye(100)) @ h.T @ np.eye(len(classes))[y]
    return toy.spec.scale * h @ weight


@pytest.mark.parametrize("name", CLOSED)
def test_a_stream_leaves_what_the_formula_gives_for_all_samples_at_once(toy, name):
    method = learn(toy, made(name, toy.spec), IN_ORDER, cuts=3)
    found = method.predict(toy.batch, toy.classes)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), by_hand(name, toy, method), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CLOSED)
def test_neither_the_order_of_tasks_nor_that_of_batches_counts(toy, name):
    wanted = learn(toy, made(name, toy.spec), IN_ORDER).predict(toy.batch, toy.classes)
    order = [4, 1, 5, 0, 3, 2]
    spec, batch = arriving(toy, order)
    method = learn(toy, made(name, spec), [range(3), range(3, 4), range(4, 6)], cuts=7, batch=batch)
    found = method.predict(toy.batch, toy.classes)
    torch.testing.assert_close(found, wanted[:, order], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CLOSED)
def test_there_is_no_gradient_and_it_beats_zero_shot(toy, name):
    base = toy.accuracy(made("ncm", toy.spec), toy.batch, toy.classes)
    wanted = toy.accuracy(registry.get("zero-shot")(None, toy.spec), toy.batch, toy.classes)
    assert base == wanted, "before any sample"
    method = learn(toy, made(name, toy.spec), IN_ORDER)
    assert list(method.parameters()) == []
    assert toy.accuracy(method, toy.batch, toy.classes) > base + 0.2


@pytest.mark.parametrize("name", CLOSED)
def test_a_class_without_samples_is_scored_by_its_text(toy, name):
    method = learn(toy, made(name, toy.spec), IN_ORDER[:2])
    zero_shot = registry.get("zero-shot")(None, toy.spec)
    for classes in (range(1, 6), range(4, 6), range(2)):
        found = method.predict(toy.batch, classes)
        new = max(3 - classes.start, 0)  # the classes from 3 on have not come
        torch.testing.assert_close(found[:, new:], zero_shot.predict(toy.batch, classes)[:, new:])
        assert found.shape == (len(toy.batch), len(classes))
        all_seen = method.predict(toy.batch, range(3))
        torch.testing.assert_close(found[:, :new], all_seen[:, classes.start : classes.stop])
        rows = method.class_features(toy.batch, classes)
        torch.testing.assert_close(rows[new:], method.text[classes.start + new : classes.stop])
    label = toy.batch.label
    means = torch.stack([toy.batch.feature[label == c].mean(0) for c in range(3)])
    torch.testing.assert_close(method.class_features(toy.batch, range(3)), F.normalize(means, dim=-1))
    assert torch.equal(method.embed(toy.batch, "image"), F.normalize(toy.batch.feature, dim=-1))


@pytest.mark.parametrize("name", CLOSED)
def test_the_state_grows_with_the_classes_and_is_all_that_a_later_task_needs(toy, name):
    whole = learn(toy, made(name, toy.spec), IN_ORDER)
    cut = learn(toy, made(name, toy.spec), IN_ORDER[:2])
    state = copy.deepcopy(cut.state_dict())
    assert {len(state[key]) for key in cut._by_class} == {3}
    assert {len(whole.state_dict()[key]) for key in cut._by_class} == {6}
    assert state["counts"].tolist() == [20, 20, 20]
    torch.manual_seed(7)
    cls = registry.get(name)
    again = cls(cls.Config(**CLOSED[name]), toy.spec).eval()
    again.load_state_dict(state)
    assert torch.equal(again.predict(toy.batch, toy.classes), cut.predict(toy.batch, toy.classes))
    task = toy.task(IN_ORDER[2], 2)
    again.start_task(task)
    (step,) = again.phases(task)
    again.observe(toy.batch if step.data == "memory" else toy.of(IN_ORDER[2]), step)
    again.finish_task(task, list)
    assert again.state_dict().keys() == whole.state_dict().keys()
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[key], value, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CLOSED)
def test_asking_for_classes_rows_changes_no_text(toy, name):
    method = learn(toy, made(name, toy.spec), IN_ORDER)
    text = method.text.clone()
    method.class_features(toy.batch, toy.classes)[0] += 1
    assert torch.equal(method.text, text)


def test_a_class_without_samples_leaves_the_discriminants_of_the_others(toy):
    method, other = made("slda", toy.spec), learn(toy, made("slda", toy.spec), IN_ORDER)
    for index, classes in enumerate(IN_ORDER):  # class 4 has no sample
        method.start_task(toy.task(classes, index))
        method.observe(toy.of(set(classes) - {4}), method._pass)
        method.finish_task(toy.task(classes, index), list)
    found = method.predict(toy.batch, toy.classes)
    assert found.isfinite().all() and method.counts.tolist() == [20, 20, 20, 20, 0, 20]
    zero_shot = registry.get("zero-shot")(None, toy.spec).predict(toy.batch, toy.classes)
    torch.testing.assert_close(found[:, 4], zero_shot[:, 4])
    assert not torch.equal(found[:, :4], other.predict(toy.batch, range(4)))


def test_the_random_projection_is_normal_and_the_seeds(toy):
    cls = registry.get("ranpac")
    torch.manual_seed(0)
    first = cls(cls.Config(projection_width=2000), toy.spec).projection
    torch.manual_seed(0)
    assert torch.equal(cls(cls.Config(projection_width=2000), toy.spec).projection, first)
    assert not torch.equal(cls(cls.Config(projection_width=2000), toy.spec).projection, first)
    assert abs(first.mean()) < 0.02 and abs(first.std() - 1) < 0.02 and first.shape == (32, 2000)
    assert abs((first.abs() < 0.6745).double().mean() - 0.5) < 0.02, "half of N(0, 1) lies there"


def test_what_each_walks_over(toy):
    walked = {name: made(name, toy.spec).phases(toy.task(range(2))) for name in CLOSED}
    assert {name: [step.data for step in steps] for name, steps in walked.items()} == {
        "ncm": ["task"],
        "nme": ["memory"],
        "slda": ["task"],
        "ranpac": ["task"],
    }


def test_exemplars_that_the_memory_has_dropped_count_no_more(toy):
    method = made("nme", toy.spec)
    of = toy.of(range(2))
    method.start_task(toy.task(range(2)))
    (step,) = method.phases(toy.task(range(2)))
    method.observe(of, step)
    method.finish_task(toy.task(range(2)), list)
    assert method.counts.tolist() == [20, 20]
    method.start_task(toy.task(range(2, 4), 1))
    kept = torch.tensor([0, 1, 2, 45])  # three of class 0, none of class 1, one of class 2, none of class 3
    method.observe(toy.batch_of(toy.batch.feature[kept], toy.batch.label[kept]), step)
    method.finish_task(toy.task(range(2, 4), 1), list)
    assert method.counts.tolist() == [3, 0, 1, 0]
    rows = method.class_features(toy.batch, range(4))
    feature = toy.batch.feature
    torch.testing.assert_close(rows[0], F.normalize(feature[:3].mean(0), dim=-1))
    torch.testing.assert_close(rows[2], F.normalize(feature[45], dim=-1))
    torch.testing.assert_close(rows[[1, 3]], method.text[[1, 3]])
    texts = toy.spec.scale * feature @ method.text[[1, 3]].T
    torch.testing.assert_close(method.predict(toy.batch, range(4))[:, [1, 3]], texts)


def test_sums_stay_exact_under_autocast(toy):
    wanted = learn(toy, made("slda", toy.spec), IN_ORDER)
    with torch.autocast("cpu", torch.bfloat16):
        found = learn(toy, made("slda", toy.spec), IN_ORDER)
        logits = found.predict(toy.batch, toy.classes)
    assert torch.equal(found.products, wanted.products) and torch.equal(found.weight, wanted.weight)
    assert torch.equal(logits, wanted.predict(toy.batch, toy.classes))


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("slda", {"shrinkage": 1.5}, "^shrinkage 1.5 must be >= 0 and <= 1$"),
        ("ranpac", {"ridge": 0}, "^ridge 0 must be > 0$"),
        ("ranpac", {"projection_width": 0}, "^projection_width 0 must be >= 1$"),
    ],
)
def test_bad_values(name, values, said):
    with pytest.raises(ValueError, match=said):
        registry.get(name).Config(**values)
