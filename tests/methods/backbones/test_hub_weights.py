"""Weights on the Hub: which files are looked for, and when they surely cannot be had."""

import json
from contextlib import suppress

import open_clip
import pytest
from fake_hub import fake_hub, keep, listed, point_at
from huggingface_hub import constants
from timm.models import load_state_dict_from_hf
from transformers import BertForMaskedLM

from methods.backbones import unreachable_weights as module
from methods.backbones.clip_config import ClipConfig
from methods.backbones.config import BackboneConfig
from methods.backbones.hub_weights import hub_weights
from methods.backbones.unreachable_weights import unreachable_weights
from methods.vqa.t5.config import JointT5Config

T5 = JointT5Config("base", "org/t5")
CLIP = ClipConfig("ViT-B-16", "openai")
BERT = {"model_type": "bert", "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1}


@pytest.fixture
def hub(tmp_path):
    with fake_hub(tmp_path) as found:
        yield found


def told(backbone):
    """What is said of a backbone: why it is refused, and the lines."""
    lines = []
    return unreachable_weights(backbone, lines.append), lines


def towers(**values):
    return BackboneConfig("base", **{"text_weights": "random", **values})


def test_transformers_looks_for_these_files(hub):
    hub.files["org/bert", "config.json"] = json.dumps(BERT).encode()
    with pytest.raises(OSError, match="does not appear to have a file named"):
        BertForMaskedLM.from_pretrained("org/bert")
    (weights,) = hub_weights(towers(image_weights="random", text_weights="org/bert"))
    looked_for = [name for name in dict.fromkeys(one.split()[-1] for one in hub.asked) if "model." in name]
    assert tuple(looked_for) == weights.files and weights.configured


def test_open_clip_looks_for_these_files(hub):
    hub.files["timm/vit_base_patch16_clip_224.openai", "README.md"] = b""
    with pytest.raises(FileNotFoundError):
        open_clip.download_pretrained(open_clip.get_pretrained_cfg("ViT-B-16", "openai"))
    (weights,) = hub_weights(CLIP)
    assert [f"{weights.repository} main {file}" for file in weights.files] == hub.asked
    assert weights.files == ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


def test_open_clip_takes_safetensors_in_the_place_of_a_file_that_a_tag_names(hub, monkeypatch):
    tag = {"hf_hub": "org/clip/step_3.pth"}
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda *_: tag)
    hub.files["org/clip", "README.md"] = b""
    with pytest.raises(FileNotFoundError):
        open_clip.download_pretrained(tag)
    (weights,) = hub_weights(CLIP)
    assert weights.files == ("step_3.safetensors", "step_3.pth") == tuple(s.split()[-1] for s in hub.asked)


@pytest.mark.parametrize(
    ("kept", "name", "given"),
    [
        ("org/deit@v2", None, {}),
        ("org/deit@v2", "deit.bin", {"filename": "deit.bin"}),
        ("org/deit", "deit.pth", {"filename": "deit.pth"}),
    ],
)
def test_timm_looks_for_these_files_at_a_tags_revision(hub, monkeypatch, kept, name, given):
    import timm

    known = type("Known", (), {"hf_hub_id": kept, "hf_hub_filename": name})
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda *_, **__: known)
    hub.files["org/deit", "README.md"] = b""
    with suppress(Exception):
        load_state_dict_from_hf(kept, **given)
    (weights,) = hub_weights(towers())
    at = weights.revision or "main"
    assert at == ("v2" if "@" in kept else "main")
    assert [f"{weights.repository} {at} {file}" for file in weights.files] == hub.asked
    asked, hub.asked[:] = hub.asked[:], []
    assert told(towers())[0] and hub.asked == asked, "all of them are asked for, there"


def test_a_model_that_timm_takes_from_the_hub_by_name_needs_its_configuration():
    (weights,) = hub_weights(towers(image_model="hf-hub:org/deit@v2"))
    assert weights[2:5] == ("org/deit", ("config.json",), "v2")
    assert not hub_weights(towers(image_model="local-dir:/deit"))


@pytest.mark.parametrize(
    "file",
    [
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    ],
)
def test_any_of_the_files_will_do(hub, file):
    hub.files["org/t5", file] = b""
    refused, lines = told(T5)
    assert refused is None and lines == ["asking for model.safetensors of the Hub's org/t5"]


def test_a_file_that_the_models_configuration_names_will_do(hub):
    hub.files["org/t5", "config.json"] = json.dumps({"transformers_weights": "mine.safetensors"}).encode()
    assert told(T5)[0] is not None
    hub.files["org/t5", "mine.safetensors"] = b""
    assert told(T5)[0] is None


@pytest.mark.parametrize(
    ("there", "said"),
    [(True, "Entry Not Found for url: "), (False, "Repository Not Found for url: ")],
)
def test_what_the_hub_does_not_have_is_refused_in_one_line(hub, there, said):
    if there:
        hub.files["org/t5", "README.md"] = b""
    refused, _ = told(T5)
    assert refused.startswith(
        "weights 'org/t5': model.safetensors of the Hub's org/t5 is not in this machine's cache, and cannot "
        "be fetched ("
    )
    assert said in refused and refused.endswith("; allowed: a file or folder") and "\n" not in refused
    assert len(hub.asked) == (5 if there else 1), "a repository that is not there has no other file"


def test_what_one_may_not_read_is_refused(hub):
    hub.status = 403
    assert "cannot be fetched (" in told(T5)[0]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_fault_of_the_hubs_own_refuses_nothing(hub, status):
    hub.status = status
    refused, lines = told(T5)
    assert refused is None and len(lines) == 2 and str(status) in lines[1] and "\n" not in lines[1]
    assert lines[1].endswith("It is asked for again when the weights are read")


def test_a_hub_that_is_slow_refuses_nothing(hub, monkeypatch):
    monkeypatch.setattr(module, "_SECONDS", 0.1)
    hub.silent.clear()
    refused, lines = told(T5)
    assert refused is None and lines[1] == (
        "model.safetensors of the Hub's org/t5 may be missing: the Hub did not answer within 0.1 seconds. It "
        "is asked for again when the weights are read"
    )


def test_a_name_that_is_looked_up_for_ever_refuses_nothing(monkeypatch, tmp_path):
    point_at(monkeypatch, "http://127.0.0.1:9", tmp_path)
    monkeypatch.setattr(module, "_SECONDS", 0.05)
    monkeypatch.setattr(module, "_AGAIN", ())
    monkeypatch.setattr(module, "get_hf_file_metadata", lambda *_, **__: module.time.sleep(1))
    refused, lines = told(T5)
    assert refused is None and "may be missing: the Hub has not answered." in lines[1]


def test_no_connection_is_tried_again_as_often_as_the_load_does_and_then_refused(monkeypatch, tmp_path):
    point_at(monkeypatch, "http://127.0.0.1:9", tmp_path)
    slept = []
    monkeypatch.setattr(module.time, "sleep", slept.append)
    refused, _ = told(T5)
    assert "Connection refused" in refused and slept == [1, 2, 4, 8]


def test_a_connection_that_comes_back_refuses_nothing(hub, monkeypatch, tmp_path):
    address = constants.ENDPOINT
    hub.files["org/t5", "model.safetensors"] = b""
    point_at(monkeypatch, "http://127.0.0.1:9", tmp_path)
    monkeypatch.setattr(module.time, "sleep", lambda _: point_at(monkeypatch, address, tmp_path))
    assert told(T5)[0] is None


def test_where_the_hub_is_not_to_be_asked_only_the_cache_counts(hub, monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "offline mode is enabled" in told(T5)[0] and not hub.asked
    keep(tmp_path, "org/t5", {"pytorch_model.bin": b""})
    assert told(T5) == (None, []) and not hub.asked


def test_weights_in_several_files_are_cached_where_all_of_them_are(hub, tmp_path):
    hub.files["org/t5", "README.md"] = b""
    keep(tmp_path, "org/t5", {"model.safetensors.index.json": listed("a.safetensors", "b.safetensors")})
    keep(tmp_path, "org/t5", {"a.safetensors": b""})
    assert told(T5)[0] is not None and hub.asked
    keep(tmp_path, "org/t5", {"b.safetensors": b""})
    hub.asked.clear()
    assert told(T5) == (None, []) and not hub.asked
    keep(tmp_path, "org/t5", {"model.safetensors.index.json": b"cut"})
    assert told(T5)[0] is not None


def test_the_cache_is_of_a_tags_revision(hub, monkeypatch, tmp_path):
    import timm

    known = type("Known", (), {"hf_hub_id": "org/deit@v2", "hf_hub_filename": None})
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda *_, **__: known)
    keep(tmp_path, "org/deit", {"pytorch_model.bin": b""})
    assert told(towers())[0] is not None
    keep(tmp_path, "org/deit", {"pytorch_model.bin": b""}, revision="v2")
    assert told(towers()) == (None, [])


def test_a_name_that_no_repository_can_have_is_refused(hub):
    refused, _ = told(JointT5Config("base", "not a/re/po"))
    assert refused.startswith("weights 'not a/re/po': ") and "Repo id must" in refused and not hub.asked
