"""EWC, LwF and DER++ on CTP's model: whose gradient is squared, and which similarities are kept."""

from dataclasses import replace

import pytest
import torch

from methods.backbones.config import BackboneConfig
from methods.method import Batch, InputSpec, Task
from methods.retrieval.baselines import Finetune
from methods.retrieval.regularised import RetrievalDER, RetrievalEWC, RetrievalLwF, similarity_rows

SPEC = InputSpec(image_size=8, max_tokens=7, vocab_size=30, pad_id=0, cls_id=1, sep_id=2, mask_id=3)
SIZES = {"size": "small", "patch_size": 4, "image_width": 12, "text_width": 12}
FIRST, LATER = (Task(index, "t", "retrieval", 3) for index in (0, 1))


def made(cls, **fields):
    torch.manual_seed(0)
    backbone = BackboneConfig(**SIZES, image_heads=2, text_heads=2, image_depth=1, dropout=0.0)
    return cls(cls.Config(backbone, **({"embed_dim": 6, "temperature": 0.2} | fields)), SPEC).eval()


def batch(seed, size=4):
    g = torch.Generator().manual_seed(seed)
    image = torch.randint(0, 256, (size, 3, 8, 8), generator=g, dtype=torch.uint8)
    tokens = torch.randint(4, 30, (size, 7), generator=g)
    tokens[:, 0] = 1
    return Batch(image, tokens, torch.arange(size), torch.arange(size), seed=seed)


def moved(method):
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in method.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return method


def features(method, given):
    return method.model.encode_image(given.image)[1], method.model.encode_text(given.tokens)


def both_ways(method, given):
    """(B, 2, B), the similarities of pictures to texts and of texts to pictures, over the temperature."""
    image, text = features(method, given)
    return torch.stack([image @ text.T, text @ image.T], dim=1) / 0.2


@pytest.mark.parametrize("weights", [(0.7, 0.3), (0.7, 0.0), (0.0, 0.3)])
def test_the_gradient_of_a_batch_is_squared_as_a_whole_and_counts_by_its_pairs(weights):
    fields = dict(zip(("ita_weight", "mlm_weight"), weights, strict=True))
    method, plain = made(RetrievalEWC, **fields), made(Finetune, **fields)
    batches = [batch(0, 4), batch(1, 2)]
    for m in (method, plain):
        m.start_task(FIRST)
    for given in batches:
        with torch.no_grad():
            method.observe(given, method.fisher_pass)
    method.finish_task(FIRST, list)
    wanted = [torch.zeros_like(parameter) for parameter in plain.parameters()]
    for given in batches:
        loss = sum(plain.loss(given, None).values())
        trained = [parameter for parameter in plain.parameters() if parameter.requires_grad]
        found = iter(torch.autograd.grad(loss, trained, materialize_grads=True))
        for total, parameter in zip(wanted, plain.parameters(), strict=True):
            if parameter.requires_grad:
                total += len(given) * next(found).square() / 6
    assert max(total.max() for total in wanted) > 1e-3
    for total, held in zip(wanted, method.fisher.buffers(), strict=True):
        torch.testing.assert_close(held, total, rtol=1e-4, atol=1e-8)


def test_the_fisher_information_is_of_as_many_pairs_together_as_is_said():
    *_, step = made(RetrievalEWC, fisher_batch_size=5).phases(FIRST)
    assert (step.name, step.data, step.batch_size) == ("fisher", "task", 5)
    *_, step = made(RetrievalEWC).phases(FIRST)
    assert step.batch_size == 32
    with pytest.raises(ValueError, match="^fisher_batch_size 1 must be >= 2$"):
        RetrievalEWC.Config(fisher_batch_size=1)


def test_lwf_distils_the_rows_of_similarities_both_ways():
    method = made(RetrievalLwF, lwf_weight=0.3, lwf_temperature=3.0)
    given = batch(0)
    before = both_ways(method, given).detach() / 3
    method.start_task(FIRST)
    method.finish_task(FIRST, list)
    method.start_task(LATER)
    moved(method)
    now = both_ways(method, given) / 3
    each = -(before.softmax(2) * now.log_softmax(2)).sum(2).mean(1)
    torch.testing.assert_close(method.loss(given, None)["lwf"], 0.3 * each.mean())
    weight = torch.tensor([3.0, 0.0, 0.5, 0.5])
    found = method.loss(replace(given, weight=weight), None)["lwf"]
    torch.testing.assert_close(found, 0.3 * (weight * each).mean())
    trained = [parameter for parameter in method.parameters() if parameter.requires_grad]
    mine, theirs = (
        torch.autograd.grad(term, trained, materialize_grads=True)
        for term in (method.loss(given, None)["lwf"], 0.3 * each.mean())
    )
    torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-6)


def test_derpp_compares_the_similarities_between_the_memorys_pairs_of_a_batch():
    method = made(RetrievalDER, derpp_alpha=0.2, derpp_beta=0.5, mlm_weight=0.0)
    given = batch(0)
    before, image, text = both_ways(method, given).detach(), *features(method, given)
    kept = method.keep(given)
    assert not kept.requires_grad
    torch.testing.assert_close(kept, torch.stack([image, text], dim=1).detach())
    own = made(RetrievalDER, mlm_weight=0.0)
    for m in (method, own):
        m.start_task(LATER)
        moved(m)
    now = both_ways(method, given)
    terms = method.loss(replace(given, kept=kept), None)
    torch.testing.assert_close(terms["stored_logits"], 0.2 * (now - before).square().mean())
    torch.testing.assert_close(terms["ita"], 0.5 * own.loss(given, None)["ita"])
    kept[1] = torch.nan  # not of the memory: neither its row nor its column counts
    terms = method.loss(replace(given, kept=kept), None)
    keep = torch.tensor([0, 2, 3])
    gap = (now - before)[keep][:, :, keep].square().mean((1, 2)).sum() / 4
    assert gap > 1e-3
    torch.testing.assert_close(terms["stored_logits"], 0.2 * gap)
    weight = torch.tensor([1.0, 1.0, 0.5, 1.0])
    whole = own.loss(replace(given, weight=weight * torch.tensor([0.5, 1.0, 0.5, 0.5])), None)["ita"]
    torch.testing.assert_close(method.loss(replace(given, kept=kept, weight=weight), None)["ita"], whole)


def test_rows_of_similarities_are_in_full_precision():
    g = torch.Generator().manual_seed(0)
    image, text = torch.nn.functional.normalize(torch.randn(2, 3, 5, generator=g), dim=2).unbind()
    wanted = torch.stack([image @ text.T, text @ image.T], dim=1) / 0.5
    with torch.autocast("cpu", torch.bfloat16):
        found = similarity_rows(image, text, 0.5)
    torch.testing.assert_close(found, wanted)
    assert similarity_rows(image.bfloat16(), text.bfloat16(), 0.5).dtype == torch.float32


@pytest.mark.parametrize("cls", [RetrievalLwF, RetrievalDER])
def test_similarities_are_kept_only_where_they_are_learnt(cls):
    with pytest.raises(ValueError, match="^ita_weight 0 must be > 0: similarities are kept, which alignment"):
        cls.Config(ita_weight=0)
    with pytest.raises(ValueError, match="^epochs 0 must be >= 1$"):  # the scenario's own checks stay
        cls.Config(epochs=0)
    part = "lwf_weight" if cls is RetrievalLwF else "derpp_alpha"
    with pytest.raises(ValueError, match=f"^{part} -1 must be >= 0$"):
        cls.Config(**{part: -1})
