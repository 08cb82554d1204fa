"""MMA beyond the recorded numbers: against an implementation written out pair by pair, and as a learner."""

import pytest
import torch
import torch.nn.functional as F

from methods.recognition.baselines import ZeroShot, ZeroShotConfig
from methods.recognition.mma.adapters.attention import CrossModalAttention
from methods.recognition.mma.adapters.registry import ADAPTERS
from methods.recognition.mma.method import MMA, MMAConfig

LEARNED = [name for name in ADAPTERS if name != "clip_base"]
MODES = ["blocked", "additive_one"]


def made(toy, variant="clip_transformer_adapter_text", **values):
    torch.manual_seed(0)
    return MMA(MMAConfig(adapter=variant, **values), toy.spec).eval()


def written_out(mha, image, text, mode):
    """torch's own attention over [texts ; image] for one image: outputs and weights."""
    tokens = torch.cat([text, image[None]])
    cross = torch.zeros(len(tokens), len(tokens), dtype=torch.bool)
    cross[:-1, -1] = cross[-1, :-1] = True
    mask = cross.to(tokens.dtype)
    if mode == "blocked":
        mask = torch.zeros_like(mask).masked_fill(~cross, -torch.inf)
    return torch.nn.MultiheadAttention.forward(mha, tokens, tokens, tokens, attn_mask=mask)


@pytest.mark.parametrize("mode", MODES)
def test_attention_is_that_of_torch(mode):
    torch.manual_seed(0)
    mha = CrossModalAttention(16, 4, mode).double()
    torch.nn.init.normal_(mha.in_proj_bias)
    text, image = torch.randn(7, 16, dtype=torch.float64), torch.randn(5, 16, dtype=torch.float64)
    found, attended = mha(image, text)
    texts = attended.through(mha.out_proj.weight, mha.out_proj.bias).expand(-1, 7, -1)
    for b in range(5):
        wanted, weights = written_out(mha, image[b], text, mode)
        torch.testing.assert_close(found[b], wanted[-1])
        torch.testing.assert_close(texts[b], wanted[:-1])
        if mode == "blocked":  # a text token has the image to look at, and nothing else
            torch.testing.assert_close(weights[:-1, -1], torch.ones_like(weights[:-1, -1]))
            value = F.linear(image[b], mha.in_proj_weight[32:], mha.in_proj_bias[32:])
            torch.testing.assert_close(texts[b, 0], mha.out_proj(value))
    torch.testing.assert_close(mha.image_only(image, text), found)


@pytest.mark.parametrize("mode", MODES)
def test_scores_and_gradients_are_those_of_a_loop_over_pairs(toy, mode):
    method = made(toy, mask_mode=mode).double()
    text, image = method.text, toy.batch.feature[:4].double()
    adapter = method.adapter.adapter

    def blend(frozen, found):
        return F.normalize(0.2 * F.normalize(found, dim=-1) + 0.8 * frozen, dim=-1)

    wanted, adapted_texts = [], []
    for picture in image:
        attended, _ = written_out(adapter.mha, adapter.downsampler(picture), adapter.downsampler(text), mode)
        found = adapter.upsampler(attended)
        adapted_texts.append(torch.stack([blend(t, a) for t, a in zip(text, found, strict=False)]))
        wanted.append(100 * adapted_texts[-1] @ blend(picture, found[-1]))
    wanted, adapted_texts = torch.stack(wanted), torch.stack(adapted_texts)

    batch = toy.batch_of(image, toy.batch.label[:4])
    found = method.predict(batch, toy.classes)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(method.class_features(batch, toy.classes), adapted_texts.mean(0))
    weight = torch.randn(found.shape, dtype=torch.float64)
    parameters = list(method.parameters())
    ours = torch.autograd.grad((found * weight).sum(), parameters)
    theirs = torch.autograd.grad((wanted * weight).sum(), parameters)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("variant", [v for v in ADAPTERS if v != "clip_mm_mlp"])
def test_features_are_what_scores_compare(toy, variant, mode):
    """For one picture (and one class, where rows belong to pairs) scores are the rows' inner products."""
    method = made(toy, variant, mask_mode=mode)
    method.start_task(toy.task(toy.classes))
    batch = toy.batch_of(toy.batch.feature[:1], toy.batch.label[:1])
    classes = range(2, 3) if variant == "clip_mm_mlp_adapter" else toy.classes
    image, text = method.adapted(batch.feature, classes)
    scale = method.spec.scale if method.adapter.scaled else 1
    torch.testing.assert_close(scale * image @ text.T, method.predict(batch, classes))
    torch.testing.assert_close(method.class_features(batch, classes), text.detach())
    if classes == toy.classes:
        torch.testing.assert_close(method.embed(batch, "image"), F.normalize(image.detach(), dim=-1))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("variant", ADAPTERS)
def test_a_picture_is_scored_by_itself(toy, variant, mode):
    method = made(toy, variant, mask_mode=mode)
    assert method.eval_batch_size is None
    together = method.predict(toy.batch, toy.classes)
    alone = toy.batch_of(toy.batch.feature[3:4], toy.batch.label[3:4])
    torch.testing.assert_close(method.predict(alone, toy.classes)[0], together[3], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("variant", LEARNED)
def test_learns_and_beats_zero_shot(toy, variant):
    base = toy.accuracy(ZeroShot(ZeroShotConfig(), toy.spec), toy.batch, toy.classes)
    assert base < 0.7
    for mode in MODES if variant == MMAConfig().adapter else ["additive_one"]:
        method = made(toy, variant, mask_mode=mode, learning_rate=1e-2, weight_decay=0.0)
        toy.train(method, toy.batch, toy.task(toy.classes), steps=40)
        assert toy.accuracy(method, toy.batch, toy.classes) > base + 0.1


def test_learns_classes_seen_so_far_and_scores_the_others(toy):
    method = made(toy)
    toy.train(method, toy.of(range(3)), toy.task(range(3)), steps=30)
    batch = toy.of(range(3, 6))
    unseen = method.predict(batch, range(3, 6))
    assert unseen.shape == (len(batch), 3)
    # Their texts go through the adapter by themselves, and no other class has a say.
    torch.testing.assert_close(unseen[:2] / 100, method.adapter(batch.feature[:2], method.text[3:6]))
    (phase,) = method.phases(toy.task(range(3)))
    logits = method.predict(toy.of(range(3)), range(3))
    wanted = F.cross_entropy(logits, toy.of(range(3)).label)
    torch.testing.assert_close(method.loss(toy.of(range(3)), phase)["cross_entropy"], wanted)
    before = {k: v.clone() for k, v in method.adapter.state_dict().items()}
    method.start_task(toy.task(range(3, 6), 1))
    assert all(torch.equal(v, before[k]) for k, v in method.adapter.state_dict().items())  # carried along
    loss = method.loss(batch, phase)["cross_entropy"]
    torch.testing.assert_close(loss, F.cross_entropy(method.predict(batch, range(6)), batch.label))


def test_a_memory_is_mixed_in_as_told(toy):
    method = made(toy, replay="paired", consolidation_epochs=7, patience=3)
    assert [p.replay for p in method.phases(toy.task(range(3)))] == ["paired"]
    found = [(p.data, p.replay, p.epochs, p.patience) for p in method.phases(toy.task(range(3, 6), 1))]
    assert found == [("task", "paired", 200, 3), ("memory", "weighted", 7, 3)]


def test_phase(toy):
    (phase,) = made(toy).phases(toy.task(toy.classes))
    assert (phase.epochs, phase.batch_size, phase.patience) == (200, 256, 20)
    assert (phase.data, phase.replay) == ("task", "merge")
    assert [phase.learning_rate(k, 4) for k in range(4)] == [1, 1, 1, 1]
    optimizer = phase.optimizer()
    assert type(optimizer) is torch.optim.Adam
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (5e-3, 1e-4)
    (phase,) = made(toy, schedule="cosine").phases(toy.task(toy.classes))
    assert [round(phase.learning_rate(k, 4), 4) for k in range(4)] == [1, 0.8536, 0.5, 0.1464]
    assert made(toy, "clip_base").phases(toy.task(toy.classes)) == []


def test_the_last_batch_of_an_epoch_is_a_reading(toy):
    code = MMA.presets["reference"]
    for keeps, values in ((False, {}), (True, {"last_batch": "keep"}), (True, code)):
        method = made(toy, consolidation_epochs=1, **values)
        assert [p.keep_last for p in method.phases(toy.task(range(3, 6), 1))] == [keeps, keeps]


def test_ratio_0_is_zero_shot(toy):
    wanted = ZeroShot(ZeroShotConfig(), toy.spec).predict(toy.batch, toy.classes)
    for variant in ("clip_transformer_adapter_text", "clip_mm_mlp_adapter", "clip_adapter"):
        found = made(toy, variant, ratio=0.0).predict(toy.batch, toy.classes)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("variant", ADAPTERS)
def test_a_checkpoint_is_all_that_a_later_task_needs(toy, variant):
    values = dict(clamp_scale=True, mask_mode="additive_one")
    method = made(toy, variant, **values)
    toy.train(method, toy.of(range(3)), toy.task(range(3)), steps=2)
    torch.manual_seed(1)
    again = MMA(MMAConfig(adapter=variant, **values), toy.spec).eval()
    again.load_state_dict(method.state_dict())
    assert torch.equal(again.predict(toy.batch, range(3)), method.predict(toy.batch, range(3)))
    assert torch.equal(again.embed(toy.batch, "image"), method.embed(toy.batch, "image"))
    assert not any(value.shape == method.text.shape for value in method.state_dict().values())


@pytest.mark.parametrize("entry", ["loss", "sample", "embed", "class_features"])
def test_autocast_changes_no_digit(toy, entry):
    method = made(toy)
    method.start_task(toy.task(toy.classes))
    (phase,) = method.phases(toy.task(toy.classes))

    def numbers():
        if entry == "loss":
            return method.loss(toy.batch, phase)["cross_entropy"]
        return getattr(method, entry)(toy.batch, "image" if entry == "embed" else toy.classes)

    wanted = numbers()
    with torch.autocast("cpu", torch.bfloat16):
        found = numbers()
    assert found.dtype == torch.float32 and torch.equal(found, wanted)


def test_two_halves_make_the_whole_loss(toy):
    method = made(toy)
    (phase,) = method.phases(toy.task(toy.classes))
    method.start_task(toy.task(toy.classes))
    batch, half = toy.batch, len(toy.batch) // 2
    parts = [toy.batch_of(batch.feature[s], batch.label[s]) for s in (slice(half), slice(half, None))]
    whole = method.loss(batch, phase)["cross_entropy"]
    halves = sum(method.loss(part, phase)["cross_entropy"] for part in parts) / 2
    torch.testing.assert_close(halves, whole)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"adapter": "mlp"}, "adapter 'mlp' must be one of clip_transformer_adapter_text, "),
        ({"mask_mode": "hard"}, "mask_mode 'hard' must be one of blocked, additive_one"),
        ({"ratio": 1.5}, "ratio 1.5 must be >= 0 and <= 1"),
        ({"last_batch": "pad"}, "last_batch 'pad' must be one of drop, keep"),
        ({"schedule": "step"}, "schedule 'step' must be one of constant, cosine"),
        ({"heads": 3}, "heads 3 must divide down_dim 128"),
        ({"down_dim": 10}, "heads 4 must divide down_dim 10"),
        ({"down_dim": 0}, "down_dim 0 must be >= 1"),
        ({"rank": 0}, "rank 0 must be >= 1"),
        ({"patience": -1}, "patience -1 must be >= 0"),
        ({"weight_decay": -1.0}, "weight_decay -1.0 must be >= 0"),
        ({"learning_rate": 0.0}, "learning_rate 0.0 must be > 0"),
        ({"batch_size": 0}, "batch_size 0 must be >= 1"),
    ],
)
def test_bad_values(values, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        MMAConfig(**values)


def test_full_width_attention_needs_a_divisor(toy):
    with pytest.raises(ValueError, match="heads 5 must divide the attention's width 32"):
        made(toy, "clip_transformer", heads=5)


def test_a_scale_of_ones_own_takes_the_place_of_clips(toy):
    found = [made(toy, **how).predict(toy.batch, toy.classes) for how in ({}, {"logit_scale": 7.0})]
    torch.testing.assert_close(found[1], found[0] * 7 / toy.spec.scale)
    with pytest.raises(ValueError, match="^logit_scale 'learnt' must be a number or clip$"):
        MMAConfig(logit_scale="learnt")
