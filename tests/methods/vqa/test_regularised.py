"""EWC, LwF and DER++ on VQACL's T5: which answer, which tokens of it, which logits."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from methods.method import Batch, QuestionSpec, Task
from methods.vqa.regularised import QuestionDER, QuestionEWC, QuestionLwF, best_answers
from methods.vqa.t5.config import JointT5Config

TOKENS = torch.tensor([[20, 2, 0], [21, 2, 0], [22, 20, 2]])
SPEC = QuestionSpec(4, 5, 25, 0, 1, 2, 3, ("a", "b", "c"), TOKENS, ("k",), ("o",), ("g",), (0,), None, str)
FIRST, LATER = (Task(index, "t", "vqa", 2, groups=(0,), answers=(0, 1, 2)) for index in (0, 1))


def made(cls, **fields):
    torch.manual_seed(0)
    backbone = JointT5Config(size="small", width=16, layers=1, heads=2, ff=32, grid=2)
    return cls(cls.Config(backbone, **fields), SPEC).eval()


def batch(answer=((0, -1), (1, -1), (2, -1), (0, -1)), score=((1.0, 0.0),) * 4):
    size = len(answer)
    g = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (size, 3, 4, 4), generator=g, dtype=torch.uint8)
    tokens = torch.randint(4, 20, (size, 5), generator=g)
    tokens[:, 0] = 1
    zero = torch.zeros(size, dtype=torch.long)
    labels = {"answer": torch.tensor(answer), "score": torch.tensor(score)}
    return Batch(image, tokens, zero, zero, kind=zero, seed=1, **labels)


def moved(method):
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return method


def logits_of(method, given, answers):
    return method.model.logits(method.model.encode(given), TOKENS[answers])


@pytest.fixture
def two_answers():
    """Questions with two answers, of which the step draws the worse one now and then."""
    given = batch(((0, 2), (2, 1), (1, 0), (2, 0)), ((1.0, 0.9), (0.9, 1.0), (1.0, 1.0), (0.6, 0.9)))
    drawn = made(QuestionDER).outputs(given).targets
    assert (drawn != TOKENS[best_answers(given)]).any(), "another seed for the batch"
    return given


def test_the_best_answer_is_the_one_worth_most_and_the_first_of_equals():
    answer = ((0, 2), (2, 1), (1, 0), (2, -1), (-1, -1))
    score = ((0.5, 0.9), (0.9, 0.5), (0.7, 0.7), (0.0, 0.9), (0.0, 0.0))
    assert best_answers(batch(answer, score)).tolist() == [2, 2, 1, 2, 0]


@pytest.mark.parametrize("fisher", ["empirical", "weighted"])
def test_the_likelihood_is_that_of_all_tokens_of_the_best_answer_question_by_question(fisher, two_answers):
    method = made(QuestionEWC, fisher=fisher)
    method.start_task(FIRST)
    with torch.no_grad():
        method.observe(two_answers, method.fisher_pass)
    method.finish_task(FIRST, list)
    parameters = [parameter for parameter in method.parameters() if parameter.requires_grad]
    wanted = [torch.zeros_like(parameter) for parameter in parameters]
    for row, best in enumerate([0, 1, 1, 0]):
        said = [token for token in TOKENS[best].tolist() if token]
        logs = logits_of(method, two_answers, torch.tensor([0, 1, 1, 0]))[row].log_softmax(1)
        value = sum(logs[place, token] for place, token in enumerate(said))
        found = torch.autograd.grad(value, parameters, materialize_grads=True)
        for total, gradient in zip(wanted, found, strict=True):
            total += gradient.square() * (value.exp().item() if fisher == "weighted" else 1) / 4
    assert max(total.max() for total in wanted) > 1e-9
    for total, held in zip(wanted, method.fisher.buffers(), strict=True):
        torch.testing.assert_close(held, total, rtol=1e-3, atol=1e-4 * float(total.max()))


def test_lwf_is_the_mean_over_the_tokens_of_the_drawn_answer(two_answers):
    method = made(QuestionLwF, lwf_weight=0.3, lwf_temperature=3.0)
    targets = method.outputs(two_answers).targets
    answers = torch.tensor([TOKENS.tolist().index(row) for row in targets.tolist()])
    before = logits_of(method, two_answers, answers).detach() / 3
    method.start_task(FIRST)
    method.finish_task(FIRST, list)
    method.start_task(LATER)
    moved(method)
    now = logits_of(method, two_answers, answers) / 3
    token = -(before.softmax(2) * now.log_softmax(2)).sum(2)
    said = [int((row != 0).sum()) for row in TOKENS[answers]]
    each = torch.stack([token[row, :count].mean() for row, count in enumerate(said)])
    assert set(said) == {2, 3}
    torch.testing.assert_close(method.loss(two_answers, None)["lwf"], 0.3 * each.mean())
    weight = torch.tensor([3.0, 0.0, 0.5, 0.5])
    found = method.loss(replace(two_answers, weight=weight), None)["lwf"]
    torch.testing.assert_close(found, 0.3 * (weight * each).mean())


def test_derpp_compares_the_best_answers_tokens_whatever_answer_was_drawn(two_answers):
    method = made(QuestionDER, derpp_alpha=0.2)
    best = torch.tensor([0, 1, 1, 0])
    kept = method.keep(two_answers)
    torch.testing.assert_close(kept, logits_of(method, two_answers, best).detach())
    assert not kept.requires_grad
    # The model is as it was: what is compared with what is stored of it is equal.
    again = method.loss(replace(two_answers, kept=kept), None)["stored_logits"]
    assert again.item() < 1e-12
    moved(method)
    gap = (logits_of(method, two_answers, best) - kept).square()
    said = [2, 2, 2, 2]
    each = torch.stack([gap[row, :count].mean() for row, count in enumerate(said)])
    assert each.mean() > 1e-3
    found = method.loss(replace(two_answers, kept=kept), None)["stored_logits"]
    torch.testing.assert_close(found, 0.2 * each.mean())


def test_derpp_decodes_once_where_the_best_answer_was_drawn(monkeypatch, two_answers):
    method, given = made(QuestionDER), batch()
    kept, calls = {id(b): method.keep(b) for b in (given, two_answers)}, []
    logits = method.model.logits
    monkeypatch.setattr(method.model, "logits", lambda *args: calls.append(1) or logits(*args))
    for each, wanted in ((given, 1), (two_answers, 2)):
        calls.clear()
        method.loss(replace(each, kept=kept[id(each)]), None)
        assert len(calls) == wanted


def test_derpp_compares_no_padding():
    method, given = made(QuestionDER, derpp_alpha=0.2), batch()
    kept = method.keep(given)
    kept[TOKENS[[0, 1, 2, 0]] == 0] += 1e3  # of the short answers, what follows their end
    assert method.loss(replace(given, kept=kept), None)["stored_logits"].item() < 1e-12
    moved(method)
    gap = (logits_of(method, given, torch.tensor([0, 1, 2, 0])) - kept).square()
    each = torch.stack([gap[row, :count].mean() for row, count in enumerate([2, 2, 3, 2])])
    found = method.loss(replace(given, kept=kept), None)
    torch.testing.assert_close(found["stored_logits"], 0.2 * each.mean())
    kept[1] = torch.nan  # of the task
    found = method.loss(replace(given, kept=kept), None)
    torch.testing.assert_close(found["stored_logits"], 0.2 * (each.sum() - each[1]) / 4)
    found["stored_logits"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in method.parameters())


def test_derpp_weighs_the_answers_of_the_memory():
    method, given = made(QuestionDER, derpp_beta=0.25), batch()
    plain = made(QuestionDER)
    logs = F.cross_entropy(
        logits_of(method, given, torch.tensor([0, 1, 2, 0])).mT, TOKENS[[0, 1, 2, 0]], reduction="none"
    )
    each = torch.stack([logs[row, :count].mean() for row, count in enumerate([2, 2, 3, 2])])
    torch.testing.assert_close(plain.loss(given, None)["answer"], each.mean())
    kept = method.keep(given)
    kept[0] = torch.nan
    found = method.loss(replace(given, kept=kept), None)["answer"]
    torch.testing.assert_close(found, (each[0] + 0.25 * each[1:].sum()) / 4)


@pytest.mark.parametrize("cls", [QuestionEWC, QuestionLwF, QuestionDER])
def test_checks_and_presets(cls):
    assert cls.presets["reference"]["area"] == "reference"
    part = {"QuestionEWC": "ewc_weight", "QuestionLwF": "lwf_weight", "QuestionDER": "derpp_alpha"}
    for name in (part[cls.__name__], "weight_decay"):
        with pytest.raises(ValueError, match=f"^{name} -1 must be >= 0$"):
            cls.Config(**{name: -1})
