"""Which frozen towers a configuration names, and where their weights have to be."""

import pytest

from methods.backbones.clip_config import ClipConfig
from methods.backbones.hub_weights import hub_weights
from methods.backbones.missing_weights import missing_weights
from methods.backbones.pair_config import PairConfig


def test_a_clip_takes_the_place_of_the_towers():
    assert PairConfig().clip is None and PairConfig().resolved().image_model == "deit_base_patch16_224"
    assert PairConfig(model="small").clip == ClipConfig("small", "world")
    named = PairConfig(model="ViT-B-16", pretrained="openai")
    assert named.clip == ClipConfig("ViT-B-16", "openai")
    assert [(w.field, w.value) for w in hub_weights(named)] == [("pretrained", "openai")]
    assert {w.field for w in hub_weights(PairConfig())} == {"image_weights", "text_weights"}
    assert PairConfig(model="ViT-B-16", pretrained="no.pt", trained_as="openai").clip.trained_as == "openai"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            PairConfig(model="ViT-B-16", pretrained="/no/such.pt"),
            "pretrained '/no/such.pt': no such file or folder",
        ),
        (PairConfig(model="ViT-B-16", pretrained="opnai"), "pretrained 'opnai' is unknown for ViT-B-16"),
        (PairConfig(model="ViT-B-99", pretrained="openai"), "model 'ViT-B-99' is unknown"),
        (PairConfig(weights="/no/such"), "weights '/no/such': no such file or folder"),
    ],
)
def test_weights_that_are_missing_are_named(config, said):
    assert missing_weights(config).startswith(said)


def test_weights_of_towers_do_not_matter_beside_a_clip():
    assert missing_weights(PairConfig(model="small", weights="/no/such")) is None
    assert hub_weights(PairConfig(model="small")) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"pretrained": "openai"}, "^pretrained 'openai' belongs to a CLIP: set model too, or leave it out$"),
        ({"trained_as": "plain"}, "^trained_as 'plain' belongs to a CLIP: set model too, or leave it out$"),
        ({"model": "ViT-B-16"}, "^pretrained 'world' belongs to the model small"),
        ({"model": ""}, "^model is empty$"),
        ({"size": "huge"}, "^size 'huge' must be one of"),
    ],
)
def test_values_that_do_not_go_together(values, said):
    with pytest.raises(ValueError, match=said):
        PairConfig(**values)
