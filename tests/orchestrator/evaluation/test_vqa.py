"""What one pass over each task's questions measures, against plain formulas; one rank and two."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from two_ranks import on_two_ranks

from methods.method import Answers, Method, Task
from orchestrator.evaluation.protocol import Evaluation
from orchestrator.evaluation.scenarios import evaluate as evaluate_any
from orchestrator.evaluation.scenarios import task_score
from orchestrator.evaluation.vqa import evaluate_questions, task_question_accuracy
from orchestrator.numerics.diverged import Diverged
from orchestrator.streams.source import Questions, QuestionTables
from orchestrator.streams.stream import Split, Stream, TaskData

CPU = torch.device("cpu")
SIZES = (17, 9, 13)
ANSWERS = ("Yes", "no", "2", "red ball", "not learnt")
SPOKEN = ("yes.", "No", "two", "the red ball", "not learnt", "what?")
KINDS, GROUPS = ("judge", "how many?", "never asked"), ("toys", "a/b", "空")
GROUP_OF = (0, 1, 0, 1, 2)


class Teller(Method):
    """Answers each question from a table, by the task and row that the question's tokens are."""

    scenarios = frozenset({"vqa"})
    broken = None  # the task and row whose answer's score is NaN

    def __init__(self, said, guesses=None):
        super().__init__(None, None)
        self.said, self.guesses, self.asked = said, guesses or {}, []

    def answer(self, batch):
        assert not self.training and not torch.is_grad_enabled()
        assert batch.kind is None and batch.answer is None and batch.score is None
        places = [tuple(tokens) for tokens in batch.tokens.tolist()]
        self.asked += places
        guesses = {clue: torch.tensor([of[k][row] for k, row in places]) for clue, of in self.guesses.items()}
        score = torch.tensor([torch.nan if place == self.broken else 1.0 for place in places])
        return Answers([SPOKEN[self.said[k][row]] for k, row in places], score, guesses)


def make_stream(**changes):
    rng = np.random.default_rng(0)

    def split(k, count):
        tokens = np.stack([np.full(count, k), np.arange(count)], 1).astype(np.int32)
        answer = np.stack([rng.permutation(5)[:3] for _ in range(count)]).astype(np.int32)
        answer[rng.random((count, 3)) < 0.2] = -1
        answer[:, 0] = np.where(answer[:, 0] < 0, 1, answer[:, 0])
        score = rng.choice([0.3, 0.6, 0.9, 1.0], (count, 3)).astype(np.float32)
        questions = Questions(rng.integers(0, 2, count).astype(np.int32), answer, score)
        feature = np.zeros((count, 2), np.float16)
        return Split(None, tokens, rng.integers(0, 5, count, np.int32), feature=feature, questions=questions)

    tasks = [
        TaskData(Task(k, f"task {k}", "vqa", 3), {n: split(k, count) for n in ("train", "validation")})
        for k, count in enumerate(SIZES)
    ]
    tables = replace(QuestionTables(ANSWERS, 4, KINDS, GROUPS, GROUP_OF), **changes)
    return Stream("toy", None, tasks, "none", image_size=8, tables=tables)


def make_method(guesses=()):
    rng = np.random.default_rng(1)
    said = [rng.integers(0, 6, count) for count in SIZES]
    return Teller(said, {clue: [rng.integers(0, 3, count) for count in SIZES] for clue in guesses})


def evaluate(method, stream, tasks, seen, batch_size=4):
    how = Evaluation(CPU, batch_size, "fp32")
    return evaluate_questions(method, stream, "validation", tasks=tasks, seen=seen, how=how)


def worth(method, stream, k):
    """(N,): what the answers to task k's questions are worth, computed one by one."""
    questions = stream.tasks[k].splits["validation"].questions
    found = []
    for said, answer, score in zip(method.said[k], questions.answer, questions.score, strict=True):
        found.append(sum(s for a, s in zip(answer, score, strict=True) if a == said))
    return np.array(found)


def columns(method, stream, seen):
    """Worth, kind, group and task of all questions of the tasks seen."""
    splits = [stream.tasks[k].splits["validation"] for k in range(seen)]
    return (
        np.concatenate([worth(method, stream, k) for k in range(seen)]),
        np.concatenate([split.questions.kind for split in splits]),
        np.concatenate([np.array(GROUP_OF)[split.label] for split in splits]),
        np.repeat(range(seen), SIZES[:seen]),
    )


def test_soft_accuracy_of_each_task_and_of_all_seen():
    stream, method = make_stream(), make_method()
    scores = evaluate(method, stream, 2, 2)
    for k in range(2):
        expected = 100 * worth(method, stream, k).mean()
        assert scores.by_task[k] == pytest.approx(expected, rel=1e-6)
        assert scores.metrics[f"task_{k + 1:02d}/accuracy"] == scores.by_task[k]
    pooled = 100 * columns(method, stream, 2)[0].mean()
    assert scores.metrics["seen/accuracy"] == pytest.approx(pooled, rel=1e-6)
    assert pooled != pytest.approx(scores.by_task.mean()) and 5 < pooled < 95
    assert method.asked == [(k, row) for k in range(2) for row in range(SIZES[k])], "each once, in order"


def test_the_reference_compares_with_answers_as_they_are():
    method, stream = make_method(), make_stream(matching="reference")
    found = evaluate(method, stream, 1, 1).by_task[0]
    method.said[0] = np.where(method.said[0] == 0, 5, method.said[0])  # nobody's "yes." is "Yes"
    assert found == pytest.approx(100 * worth(method, stream, 0).mean(), rel=1e-6)
    assert found < evaluate(make_method(), make_stream(), 1, 1).by_task[0]


def test_accuracy_by_kind_and_by_group():
    stream, method = make_stream(), make_method()
    metrics = evaluate(method, stream, 3, 2).metrics
    score, kind, group, _ = columns(method, stream, 2)
    for i, name in enumerate(("judge", "how many_")):
        assert metrics[f"kind/{name}"] == pytest.approx(100 * score[kind == i].mean(), rel=1e-6)
    for i, name in enumerate(("toys", "a_b", "空")):
        assert metrics[f"group/{name}"] == pytest.approx(100 * score[group == i].mean(), rel=1e-6)
    assert "kind/never asked" not in metrics
    assert not [name for name in metrics if name.startswith(("cell/", "novel/", "recognition/"))]


def test_cells_come_after_the_last_task():
    stream, method = make_stream(), make_method()
    metrics = evaluate(method, stream, 3, 3).metrics
    score, kind, group, _ = columns(method, stream, 3)
    cells = {name: value for name, value in metrics.items() if name.startswith("cell/")}
    assert len(cells) == 6
    there = (kind == 1) & (group == 2)
    assert cells["cell/how many_/空"] == pytest.approx(100 * score[there].mean(), rel=1e-6)


def test_the_group_held_out_is_scored_from_the_second_task_on():
    stream, method = make_stream(held_out=1), make_method()
    assert not [name for name in evaluate(method, stream, 2, 1).metrics if name.startswith("novel/")]
    metrics = evaluate(method, stream, 3, 3).metrics
    score, _, group, task = columns(method, stream, 3)
    own = [100 * score[(group == 1) & (task == k)].mean() for k in (1, 2)]
    assert [metrics["novel/task_02"], metrics["novel/task_03"]] == pytest.approx(own, rel=1e-6)
    assert metrics["novel/accuracy"] == pytest.approx(np.mean(own), rel=1e-6)
    assert "novel/task_01" not in metrics


def test_a_group_held_out_that_nobody_asks_about():
    stream, method = make_stream(held_out=1), make_method()
    split = stream.tasks[1].splits["validation"]
    stream.tasks[1].splits["validation"] = replace(split, label=np.zeros_like(split.label))
    metrics = evaluate(method, stream, 3, 3).metrics
    assert "novel/task_02" not in metrics and metrics["novel/accuracy"] == metrics["novel/task_03"]
    metrics = evaluate(method, stream, 2, 2).metrics
    assert "novel/accuracy" not in metrics


def test_recognition_of_the_task_by_what_the_method_goes_by():
    stream, method = make_stream(), make_method(["fusion", "text"])
    metrics = evaluate(method, stream, 3, 2).metrics
    for clue, of in method.guesses.items():
        right = np.concatenate([of[k] == k for k in range(2)])
        assert metrics[f"recognition/{clue}"] == pytest.approx(100 * right.mean())
    assert "recognition/image" not in metrics


def test_tasks_to_come_are_asked_about_and_an_untrained_method_is_not():
    stream, method = make_stream(), make_method()
    scores = evaluate(method, stream, 3, 1)
    assert scores.by_task[2] == pytest.approx(100 * worth(method, stream, 2).mean(), rel=1e-6)
    assert scores.metrics["seen/accuracy"] == scores.by_task[0]
    method.asked.clear()
    scores = evaluate(method, stream, 3, 0)
    assert scores.by_task.tolist() == [0, 0, 0] and scores.metrics == {} and method.asked == []


def test_the_scenarios_score_is_this_one():
    stream, method, how = make_stream(), make_method(), Evaluation(CPU, 4, "fp32")
    expected = evaluate(method, stream, 3, 3)
    found = evaluate_any(method, stream, "validation", tasks=3, seen=3, how=how)
    assert found.metrics == expected.metrics
    assert task_score(method, stream, 1, 0, how) == expected.by_task[1]
    assert task_question_accuracy(method, stream, 2, "validation", how) == expected.by_task[2]


def test_the_methods_batch_size_counts(monkeypatch):
    stream, method, sizes = make_stream(), make_method(), []
    ask = method.answer
    monkeypatch.setattr(method, "answer", lambda batch: sizes.append(len(batch)) or ask(batch))
    monkeypatch.setattr(Teller, "eval_batch_size", 5)
    evaluate(method, stream, 1, 1)
    assert sizes == [5, 5, 5, 2]


def test_what_a_method_must_not_say(monkeypatch):
    stream, method = make_stream(), make_method()
    monkeypatch.setattr(method, "answer", lambda batch: Answers(["yes"], torch.zeros(1)))
    with pytest.raises(ValueError, match="1 answers to 4 questions"):
        evaluate(method, stream, 1, 1)

    def guess(batch):
        return Answers(["yes"] * len(batch), torch.zeros(len(batch)), {"sound": torch.zeros(len(batch))})

    monkeypatch.setattr(method, "answer", guess)
    with pytest.raises(ValueError, match="known by image, text, fusion, not by sound"):
        evaluate(method, stream, 1, 1)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_an_answer_chosen_by_a_number_that_is_not_finite_is_an_error(split):
    stream, method = make_stream(), make_method()
    method.broken = (1, 6)
    place = f"the answer's score of sample 6 is not finite: vqa, {split} split of task 2"
    with pytest.raises(Diverged, match=place):
        evaluate_questions(method, stream, split, tasks=2, seen=1, how=Evaluation(CPU, 4, "fp32"))
    with pytest.raises(Diverged, match="validation split of task 2"):
        task_score(method, stream, 1, 0, Evaluation(CPU, 4, "fp32"))
    assert np.isfinite(evaluate(method, stream, 1, 1).by_task).all()


def measured(rank):
    method = make_method(["image"])
    scores = evaluate(method, make_stream(held_out=2), 3, 3, batch_size=10)  # none of task 1's for rank 1
    method.broken = (2, 12)  # the last batch, which one rank alone has
    with pytest.raises(Diverged, match="sample 12 "):
        evaluate(method, make_stream(), 3, 3, batch_size=10)
    return scores.by_task, scores.metrics


def test_two_ranks_measure_what_one_does():
    by_task, metrics = measured(0)
    for found in on_two_ranks(measured):
        np.testing.assert_array_equal(found[0], by_task)
        assert found[1] == metrics
        assert {"recognition/image", "novel/accuracy", "cell/judge/toys"} <= found[1].keys()
