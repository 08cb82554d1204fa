"""Closed forms on frozen queries: numbers by hand, any order, soft answers, and what is never answered."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from methods import registry
from methods.backbones.config import BackboneConfig
from methods.backbones.image_text import ImageTextModel
from methods.method import Batch, QuestionSpec, Task
from methods.vqa.triplet.albef import AlbefBackbone
from methods.vqa.triplet.queries import QueryModel

WIDTH, ANSWERS = 4, 5
CLOSED = {
    "vqa-ncm": {},
    "vqa-nme": {},
    "vqa-slda": {"shrinkage": 1e-2},
    "vqa-ranpac": {"projection_width": 60, "ridge": 5.0},
}
# Tasks share answers: the second asks for answer 1 again.
TASKS = [Task(i, f"t{i}", "vqa", 3, answers=answers) for i, answers in enumerate([(0, 1), (1, 2), (3,)])]


def spec(answers=ANSWERS, image_size=8):
    values = {"image_size": image_size, "max_tokens": 6, "vocab_size": 30, "pad_id": 0, "cls_id": 1}
    values |= {"sep_id": 2, "mask_id": 3, "answers": tuple(f"answer {i}" for i in range(answers))}
    values |= {"answer_tokens": torch.zeros(answers, 2, dtype=torch.int64), "kinds": ("color",)}
    values |= {"objects": ("car",), "groups": ("vehicles",), "group_of": (0,), "regions": None}
    return QuestionSpec(**values, detokenize=str)


def made(name, **changes):
    torch.manual_seed(0)
    cls = registry.get(name)
    return cls(cls.Config(**CLOSED[name], **changes), spec(), SimpleNamespace(width=WIDTH)).eval()


def batch_of(feature, answer, score):
    rows = torch.arange(len(feature))
    tokens = torch.zeros(len(feature), 6, dtype=torch.int64)
    return Batch(None, tokens, rows, rows, feature=feature, answer=answer, score=score)


@pytest.fixture(scope="module")
def questions():
    """60 questions, each of a task, with one or two of its answers; some are worth nothing."""
    draw = torch.Generator().manual_seed(0)
    feature = torch.randn(60, 3, WIDTH, generator=draw)
    answer = torch.full((60, 2), -1)
    score = torch.zeros(60, 2)
    for n in range(60):
        known = TASKS[n % 3].answers
        answer[n, 0], score[n, 0] = known[n // 3 % len(known)], 1.0
        if n % 4 == 0 and len(known) > 1:
            answer[n, 1], score[n, 1] = known[(n // 3 + 1) % len(known)], 0.3
        if n % 11 == 5:
            score[n] = 0.0
        feature[n] += answer[n, 0].float()
    return feature, answer, score


def learn(method, questions, tasks=TASKS, cuts=1, turned=None):
    """Each task's questions go through the method's pass in ``cuts`` batches."""
    feature, answer, score = (column if turned is None else column[turned] for column in questions)
    for index, task in enumerate(tasks):
        method.start_task(task)
        (step,) = method.phases(task)
        of = torch.arange(60) if turned is None else turned
        own = of % 3 == task.index
        if step.data == "memory":  # all that has come so far
            own = torch.isin(of % 3, torch.tensor([t.index for t in tasks[: index + 1]]))
        for part in torch.tensor_split(own.nonzero()[:, 0], cuts):
            method.observe(batch_of(feature[part], answer[part], score[part]), step)
        method.finish_task(task, list)
    return method


def logits(method, questions):
    return method._logits(method._features(batch_of(*questions)), slice(None))


def by_hand(name, questions, method):
    """What the batch formula gives from all questions at once, in NumPy."""
    x = questions[0].double().numpy()
    x = (x / np.linalg.norm(x, axis=2, keepdims=True)).reshape(60, -1) / np.sqrt(3)
    y = np.zeros((60, ANSWERS))
    for n in range(60):
        for a, worth in zip(questions[1][n].tolist(), questions[2][n].tolist(), strict=True):
            if a >= 0 and worth:
                y[n, a] += worth / questions[2][n].double().sum().item()
    known = y.any(0)
    means = (y.T @ x)[known] / y.sum(0)[known, None]
    if name in ("vqa-ncm", "vqa-nme"):
        return x @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T
    counted = y.sum(1) > 0
    if name == "vqa-slda":
        covariance = sum(
            y[n, a] * np.outer(x[n] - m, x[n] - m)
            for n in range(60)
            for a, m in zip(np.flatnonzero(known), means, strict=True)
        )
        mixed = 0.99 * covariance / y.sum() + 0.01 * np.eye(x.shape[1])
        inverse = np.linalg.inv(mixed)
        return np.stack([x @ inverse @ m - m @ inverse @ m / 2 for m in means], 1)
    h = np.maximum(x @ method.projection.numpy(), 0)
    seen = h[counted]
    return h @ np.linalg.inv(seen.T @ seen + 5 * np.eye(60)) @ seen.T @ y[counted][:, known]


def test_the_nearest_mean_by_hand():
    method = made("vqa-ncm", queries="text")
    rows = torch.tensor([[3.0, 0, 0, 0], [0, 2.0, 0, 0], [0, 0, 1.0, 0]])
    feature = torch.full((3, 3, WIDTH), 7.0)
    feature[:, 1] = rows
    answer = torch.tensor([[0, -1], [0, 2], [2, -1]])
    score = torch.tensor([[1.0, 0], [0.6, 0.2], [0.5, 0]])
    method.start_task(TASKS[0])
    method.observe(batch_of(feature, answer, score), method.phases(TASKS[0])[0])
    method.finish_task(TASKS[0], list)
    # The second question is three quarters of answer 0 and one quarter of answer 2, whatever its scale.
    assert method.counts.tolist() == pytest.approx([1.75, 0, 1.25, 0, 0])
    torch.testing.assert_close(method.sums[0], torch.tensor([1, 0.75, 0, 0]).double())
    torch.testing.assert_close(method.sums[2], torch.tensor([0, 0.25, 1, 0]).double())
    asked = torch.zeros(1, 3, WIDTH)
    asked[0, 1] = torch.tensor([0, 5.0, 5.0, 0])
    found = method.answer(batch_of(asked, None, None))
    near = (0.25 + 1) / np.sqrt(2 * (0.25**2 + 1))
    assert near > 0.75 / np.sqrt(2 * (1 + 0.75**2))
    assert found.texts == ["answer 2"] and found.score.item() == pytest.approx(near)


def test_the_mean_of_an_answer_that_has_less_than_one_question_is_its_question(questions):
    method = made("vqa-slda")
    one = questions[0][:1], torch.tensor([[0, 2]]), torch.tensor([[0.9, 0.3]])
    method.start_task(TASKS[0])
    method.observe(batch_of(*one), method.phases(TASKS[0])[0])
    method.finish_task(TASKS[0], list)
    assert method.counts.tolist() == pytest.approx([0.75, 0, 0.25, 0, 0])
    feature = method._features(batch_of(*one))[0]
    torch.testing.assert_close(method._means()[[0, 2]], torch.stack([feature, feature]))


@pytest.mark.parametrize("name", CLOSED)
def test_a_stream_leaves_what_the_formula_gives_for_all_questions_at_once(questions, name):
    method = learn(made(name), questions, cuts=3)
    expected = by_hand(name, questions, method)
    found = logits(method, questions)[:, :4].numpy()  # answer 4 never comes
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)
    answers = method.answer(batch_of(*questions))
    assert answers.texts == [f"answer {a}" for a in expected.argmax(1)]
    np.testing.assert_allclose(answers.score, expected.max(1), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", CLOSED)
def test_neither_the_order_of_tasks_nor_that_of_batches_counts(questions, name):
    wanted = logits(learn(made(name), questions), questions)
    turned = torch.randperm(60, generator=torch.Generator().manual_seed(5))
    other = learn(made(name), questions, [TASKS[2], TASKS[0], TASKS[1]], cuts=7, turned=turned)
    torch.testing.assert_close(logits(other, questions), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", CLOSED)
def test_an_answer_that_no_question_had_is_never_given(questions, name):
    method = learn(made(name), questions, TASKS[:1])
    found = method.answer(batch_of(*questions))
    assert {*found.texts} <= {"answer 0", "answer 1"} and found.score.isfinite().all()
    assert list(method.parameters()) == [] and found.tasks == {}


def test_a_question_whose_answers_are_worth_nothing_counts_nowhere(questions):
    nothing = questions[0], questions[1], torch.where(torch.arange(60)[:, None] < 30, questions[2], 0)
    first = tuple(column[:30] for column in questions)
    for name in CLOSED:
        whole, half = made(name), made(name)
        for method, some in ((whole, nothing), (half, first)):
            method.start_task(TASKS[0])
            method.observe(batch_of(*some), method.phases(TASKS[0])[0])
            method.finish_task(TASKS[0], list)
        for key, value in half.state_dict().items():
            torch.testing.assert_close(whole.state_dict()[key], value, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("queries", "rows"), [("image", [0]), ("text", [1]), ("fusion", [2]), ("all", [0, 1, 2])]
)
def test_the_features_are_unit_rows_of_the_queries_that_are_asked_for(questions, queries, rows):
    found = made("vqa-ncm", queries=queries)._features(batch_of(*questions))
    parts = [F.normalize(questions[0][:, row].double(), dim=-1) for row in rows]
    torch.testing.assert_close(found, torch.cat(parts, 1) / len(rows) ** 0.5)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(60, dtype=torch.float64))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(made("vqa-ncm", queries=queries)._features(batch_of(*questions)), found)


@pytest.mark.parametrize("name", CLOSED)
def test_the_state_is_all_that_a_later_task_needs(questions, name):
    whole = learn(made(name), questions)
    cut = learn(made(name), questions, TASKS[:2])
    torch.manual_seed(7)
    again = registry.get(name)(cut.config, spec(), SimpleNamespace(width=WIDTH)).eval()
    again.load_state_dict(copy.deepcopy(cut.state_dict()))
    assert again.answer(batch_of(*questions)).texts == cut.answer(batch_of(*questions)).texts
    again.start_task(TASKS[2])
    (step,) = again.phases(TASKS[2])
    own = torch.arange(60) % 3 == 2 if step.data == "task" else torch.ones(60, dtype=torch.bool)
    again.observe(batch_of(*(column[own] for column in questions)), step)
    again.finish_task(TASKS[2], list)
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[key], value, rtol=1e-9, atol=1e-9)


def test_exemplars_that_the_memory_has_dropped_count_no_more(questions):
    method = learn(made("vqa-nme"), questions, TASKS[:1])
    assert method.counts[:2].min() > 5
    method.start_task(TASKS[1])
    (step,) = method.phases(TASKS[1])
    assert step.data == "memory"
    kept = torch.tensor([3, 1])  # one with answer 1 of the first task, one with answer 1 of the second
    assert questions[1][kept, 0].tolist() == [1, 1]
    method.observe(batch_of(*(column[kept] for column in questions)), step)
    method.finish_task(TASKS[1], list)
    assert method.counts.tolist() == [0, 2, 0, 0, 0]
    assert {*method.answer(batch_of(*questions)).texts} == {"answer 1"}


def test_an_empty_memory_is_one_line():
    method = made("vqa-nme")
    method.start_task(TASKS[0])
    method.finish_task(TASKS[0], list)
    with pytest.raises(ValueError, match="^no answer is known: no question was kept; allowed: a replay.size"):
        method.answer(batch_of(torch.randn(1, 3, WIDTH), None, None))


def test_queries_that_nobody_has_encoded_are_those_of_the_frozen_encoders():
    sizes = {"size": "small", "patch_size": 4, "image_width": 16, "text_width": 16}
    sizes |= {"image_depth": 2, "text_layers": 4, "fusion_layer": 2}
    torch.manual_seed(0)
    backbone = AlbefBackbone(ImageTextModel(BackboneConfig(**sizes), spec(), 8))
    method = registry.get("vqa-ncm")(registry.get("vqa-ncm").Config(), spec(), backbone)
    assert method.sums.shape == (0, 48) and not [key for key in method.state_dict() if "backbone" in key]
    image = torch.randint(0, 256, (3, 3, 8, 8), dtype=torch.uint8)
    batch = Batch(image, torch.randint(4, 30, (3, 6)), torch.zeros(3), torch.zeros(3))
    wanted = QueryModel(backbone).encode(image, batch.tokens)
    assert torch.equal(method.queries(batch), wanted)
    assert torch.equal(method.embed(batch, "pair"), F.normalize(wanted[:, 2], dim=-1))
    assert next(backbone.parameters()).dtype == torch.float32, "sums alone are float64"


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("vqa-ncm", {"queries": "both"}, "^queries 'both' must be one of all, fusion, text, image$"),
        ("vqa-slda", {"queries": "both"}, "^queries 'both'"),
        ("vqa-slda", {"shrinkage": 1.5}, "^shrinkage 1.5 must be >= 0 and <= 1$"),
        ("vqa-ranpac", {"ridge": 0}, "^ridge 0 must be > 0$"),
        ("vqa-ranpac", {"queries": "both"}, "^queries 'both'"),
    ],
)
def test_bad_values(name, values, said):
    with pytest.raises(ValueError, match=said):
        registry.get(name).Config(**values)


def test_regions_are_refused():
    whole = spec()
    regions = QuestionSpec(**{**vars(whole), "regions": (3, 5)})
    with pytest.raises(ValueError, match="come as regions: frozen encoders need pixels"):
        registry.get("vqa-ncm")(registry.get("vqa-ncm").Config(), regions, SimpleNamespace(width=WIDTH))
