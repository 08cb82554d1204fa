"""Zero-shot CLIP and the baselines that train a head."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from methods import registry
from methods.recognition.baselines import (
    ClipFinetune,
    ClipHeadConfig,
    ClipJoint,
    ClipReplay,
    ZeroShot,
    ZeroShotConfig,
)

HEADS = ["linear", "adapter"]


def made(toy, head="linear", cls=ClipFinetune, **values):
    torch.manual_seed(0)
    return cls(cls.Config(head=head, **values), toy.spec).eval()


def test_zero_shot_is_the_nearest_text(toy_of_three_templates):
    toy = toy_of_three_templates
    method = ZeroShot(ZeroShotConfig(), toy.spec)
    text = F.normalize(toy.spec.text.mean(1), dim=-1)
    cosine = F.cosine_similarity(toy.batch.feature[:, None], text[None], dim=-1)
    found = method.predict(toy.batch, toy.classes)
    torch.testing.assert_close(found, 100 * cosine)
    assert torch.equal(found.argmax(1), cosine.argmax(1))
    torch.testing.assert_close(method.predict(toy.batch, range(2, 5)), found[:, 2:5])
    torch.testing.assert_close(method.class_features(toy.batch, range(2, 5)), text[2:5])
    assert method.phases(toy.task(toy.classes)) == []
    assert list(method.parameters()) == []


def test_a_picture_is_embedded_as_it_is_compared_with_the_classes_seen(toy):
    asked = []

    class Asked(ZeroShot):
        def adapted(self, feature, classes):
            asked.append(classes)
            return 2 * feature, self._texts(classes)

    method = Asked(ZeroShotConfig(), toy.spec)
    for index, classes in enumerate([range(2), range(2, 3)]):
        method.start_task(toy.task(classes, index))
        found = method.embed(toy.batch, "image")
        assert asked[-1] == range(classes.stop)
        torch.testing.assert_close(found, toy.batch.feature, msg="unit rows")
    again = Asked(ZeroShotConfig(), toy.spec)
    again.load_state_dict(method.state_dict())
    again.embed(toy.batch, "image")
    assert asked[-1] == range(3), "what was seen is in the state"


def test_untrained_linear_head_is_zero_shot(toy):
    wanted = ZeroShot(ZeroShotConfig(), toy.spec).predict(toy.batch, toy.classes)
    torch.testing.assert_close(made(toy).predict(toy.batch, toy.classes), wanted)


def test_a_linear_heads_rows_count_by_their_direction(toy):
    method = made(toy)
    wanted = method.predict(toy.batch, toy.classes)
    with torch.no_grad():
        method.weight *= torch.linspace(0.5, 3, len(method.weight))[:, None]
    torch.testing.assert_close(method.predict(toy.batch, toy.classes), wanted)


def test_the_adapters_part_in_the_blend_is_the_configurations(toy):
    text = made(toy, "adapter").text
    wanted = ZeroShot(ZeroShotConfig(), toy.spec).predict(toy.batch, toy.classes)
    torch.testing.assert_close(made(toy, "adapter", ratio=0.0).predict(toy.batch, toy.classes), wanted)
    method = made(toy, "adapter", ratio=1.0)
    adapted = F.normalize(method.adapter.adapter["fc"](toy.batch.feature), dim=-1)
    torch.testing.assert_close(method.predict(toy.batch, toy.classes), toy.spec.scale * adapted @ text.T)


@pytest.mark.parametrize("head", HEADS)
def test_the_scale_of_cosines_is_clips_or_a_number_or_learnt(toy, head):
    clip = made(toy, head).predict(toy.batch, toy.classes)
    learnt = made(toy, head, logit_scale="learnt")
    torch.testing.assert_close(learnt.predict(toy.batch, toy.classes), clip)
    torch.testing.assert_close(made(toy, head, logit_scale=7.0).predict(toy.batch, toy.classes), 0.07 * clip)
    assert {n for n, _ in learnt.named_parameters()} - {n for n, _ in made(toy, head).named_parameters()} == {
        "log_scale"
    }


def test_a_learnt_scale_is_trained_kept_and_goes_on_from_task_to_task(toy):
    method, scales = made(toy, logit_scale="learnt", learning_rate=1e-2), []
    for index in (0, 1):
        toy.train(method, toy.batch, toy.task(toy.classes, index), steps=20)
        scales.append(method.log_scale.exp().item())
    assert abs(scales[0] - 100) > 1 and abs(scales[1] - scales[0]) > 1
    again = made(toy, logit_scale="learnt")
    again.load_state_dict(method.state_dict())
    assert torch.equal(again.predict(toy.batch, toy.classes), method.predict(toy.batch, toy.classes))


def test_classes_count_by_the_weights_of_their_pictures(toy):
    method = made(toy)
    method.start_task(toy.task(toy.classes))
    phase = method.phases(toy.task(toy.classes))[0]
    weight = torch.linspace(0.1, 3, len(toy.batch))
    logits = method.predict(toy.batch, toy.classes)
    losses = F.cross_entropy(logits, toy.batch.label, reduction="none")
    found = method.loss(replace(toy.batch, weight=weight), phase)["cross_entropy"]
    torch.testing.assert_close(found, (weight * losses).mean())
    torch.testing.assert_close(method.loss(toy.batch, phase)["cross_entropy"], losses.mean())


@pytest.mark.parametrize("head", HEADS)
def test_learns_and_beats_zero_shot(toy, head):
    base = toy.accuracy(ZeroShot(ZeroShotConfig(), toy.spec), toy.batch, toy.classes)
    method = made(toy, head, learning_rate=1e-2)
    toy.train(method, toy.batch, toy.task(toy.classes))
    assert toy.accuracy(method, toy.batch, toy.classes) > base + 0.2


def test_rows_of_unseen_classes_stay_at_their_texts(toy):
    method = made(toy)
    text = method.text.clone()
    toy.train(method, toy.of(range(3)), toy.task(range(3)), steps=20)
    assert torch.equal(method.weight[3:], text[3:])
    assert (method.weight[:3] != text[:3]).any(1).all()
    first = method.weight[:3].detach().clone()
    toy.train(method, toy.of(range(3, 5)), toy.task(range(3, 5), 1), steps=20)
    assert torch.equal(method.weight[5:], text[5:])
    assert (method.weight[:3] != first).any(1).all()  # pushed away: all classes seen are in the loss


def test_only_the_adapter_is_trained_where_it_is_the_head(toy):
    method = made(toy, "adapter")
    assert {name for name, _ in method.named_parameters()} == {
        "adapter.adapter.fc.0.weight",
        "adapter.adapter.fc.2.weight",
    }
    assert method.adapter.adapter["fc"][0].weight.shape == (8, 32)
    torch.testing.assert_close(method.class_features(toy.batch, toy.classes), method.text)


@pytest.mark.parametrize("head", HEADS)
def test_features_are_what_scores_compare(toy, head):
    method = made(toy, head)
    toy.train(method, toy.batch, toy.task(toy.classes), steps=5)
    image, text = method.embed(toy.batch, "image"), method.class_features(toy.batch, toy.classes)
    torch.testing.assert_close(image.norm(dim=1), torch.ones(len(toy.batch)))
    torch.testing.assert_close(100 * image @ text.T, method.predict(toy.batch, toy.classes).detach())


@pytest.mark.parametrize(
    ("cls", "data", "replay"),
    [(ClipFinetune, "task", "none"), (ClipReplay, "task", "paired"), (ClipJoint, "seen", "none")],
)
def test_what_each_trains_on(toy, cls, data, replay):
    method = made(toy, cls=cls)
    (phase,) = method.phases(toy.task(toy.classes))
    assert (phase.data, phase.replay) == (data, replay)
    assert (phase.epochs, phase.batch_size, phase.patience) == (20, 256, 0)
    assert [round(phase.learning_rate(k, 2), 4) for k in range(2)] == [1, 0.5]
    assert phase.optimizer().defaults["weight_decay"] == 0
    assert method.scenarios == {"recognition"}
    assert method.frozen == {"image", "text"}


@pytest.mark.parametrize("head", HEADS)
def test_a_checkpoint_is_all_that_a_later_task_needs(toy, head):
    method = made(toy, head)
    toy.train(method, toy.of(range(3)), toy.task(range(3)), steps=3)
    torch.manual_seed(1)
    again = ClipFinetune(ClipHeadConfig(head=head), toy.spec).eval()
    again.load_state_dict(method.state_dict())
    assert torch.equal(again.predict(toy.batch, toy.classes), method.predict(toy.batch, toy.classes))


def test_bad_values():
    with pytest.raises(ValueError, match="^head 'mlp' must be one of linear, adapter$"):
        ClipHeadConfig(head="mlp")
    with pytest.raises(ValueError, match="^ratio 2 must be >= 0 and <= 1$"):
        ClipHeadConfig(ratio=2)
    with pytest.raises(ValueError, match="^epochs 0 must be >= 1$"):
        ClipHeadConfig(epochs=0)
    with pytest.raises(ValueError, match="^logit_scale 'clap' must be a number, clip or learnt$"):
        ClipHeadConfig(logit_scale="clap")
    with pytest.raises(ValueError, match="^logit_scale 0.0 must be > 0$"):
        ClipHeadConfig(logit_scale=0.0)


@pytest.mark.parametrize("name", ["mma", "zero-shot", "clip-finetune", "clip-er", "clip-joint"])
def test_names(name):
    method = registry.get(name)
    assert method.scenarios == {"recognition"}
    for values in method.presets.values():
        method.Config(**values)
