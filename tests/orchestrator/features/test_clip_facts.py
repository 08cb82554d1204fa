"""What is known of a frozen CLIP without loading it."""

import pytest
import torch
from kept_features import Neighbours, classes

from methods.backbones.clip_config import ClipConfig
from methods.backbones.small_clip import build_small_clip
from orchestrator.features import bank, clip_facts
from orchestrator.features.bank import open_bank
from orchestrator.features.builder import encode_here
from orchestrator.features.frozen import load_backbone

_TEXTS = ["a cat", "an owl", "a cat "]


class _Clip(Neighbours):
    """Reads texts without the blanks at their ends."""

    scale = 100.00000762939453

    def read_alike(self, texts):
        assert list(texts) == _TEXTS
        return [("a cat", "a cat ")]


@pytest.fixture
def asked(tmp_path):
    """Asks for the facts of a CLIP; returns them, and whether it was loaded."""

    def ask(config, texts=_TEXTS):
        loads = []

        def load(wanted):
            loads.append(wanted)
            return _Clip() if list(texts) == _TEXTS else Neighbours()

        facts = clip_facts.clip_facts(config, texts, tmp_path / "features", load)
        assert loads in ([], [config])
        return facts, bool(loads)

    return ask


def test_what_was_told_is_told_again_without_the_clip(asked):
    first, loaded = asked(ClipConfig("small", "random"))
    assert loaded
    assert first == clip_facts.ClipFacts("neighbours", 4, 100.00000762939453, (("a cat", "a cat "),))
    assert asked(ClipConfig("small", "random")) == (first, False)


def test_another_clip_other_texts_code_or_releases_are_asked_anew(asked, tmp_path, monkeypatch):
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"some")
    ours = ClipConfig("small", str(weights))
    assert [asked(config)[1] for config in (ours, ClipConfig("small", "world"), ours)] == [True, True, False]
    assert asked(ours, ["a fox"])[1]
    weights.write_bytes(b"more")
    assert [asked(ours)[1] for _ in range(2)] == [True, False]
    monkeypatch.setattr(clip_facts, "_CODE", ("clip.py",))
    assert [asked(ours)[1] for _ in range(2)] == [True, False]
    monkeypatch.setattr(clip_facts, "version", lambda name: "another")
    assert [asked(ours)[1] for _ in range(2)] == [True, False]


def test_weights_that_change_while_they_are_loaded_are_told_of_and_not_kept(tmp_path):
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"some")

    def load(_):
        weights.write_bytes(b"more")
        return Neighbours()

    for _ in range(2):
        facts = clip_facts.clip_facts(ClipConfig("small", str(weights)), ["a"], tmp_path / "features", load)
        assert facts.fingerprint == "neighbours"
        assert not (tmp_path / "features").exists()
        weights.write_bytes(b"some")


def test_weights_that_were_replaced_between_two_runs_of_a_process_are_those_of_the_second(tmp_path):
    weights, config = tmp_path / "weights.pt", ClipConfig("small", str(tmp_path / "weights.pt"))
    found = []
    for scale in (1.0, 2.0):
        model, _ = build_small_clip()
        model.logit_scale.data.fill_(scale)
        torch.save(model.state_dict(), weights)
        found.append(clip_facts.clip_facts(config, ["a"], tmp_path / "features", load_backbone))
    kept = clip_facts.clip_facts(config, ["a"], tmp_path / "features", lambda _: None)
    assert [round(one.scale, 3) for one in (*found, kept)] == [2.718, 7.389, 7.389]
    assert (
        found[0].fingerprint != found[1].fingerprint == kept.fingerprint == load_backbone(config).fingerprint
    )


@pytest.mark.parametrize("config", [ClipConfig("ViT-B-32", "openai"), ClipConfig("small", "gone.pt")])
def test_a_clip_of_open_clips_own_files_and_one_without_a_file_are_loaded_each_time(asked, tmp_path, config):
    assert [asked(config)[1] for _ in range(2)] == [True, True]
    assert not (tmp_path / "features").exists()


def test_a_bank_whose_features_are_kept_loads_no_clip(tmp_path, two_views, neighbours, monkeypatch):
    before = open_bank(two_views, classes(), tmp_path, lambda line: None, encode_here)

    def nobody(*_):
        raise AssertionError("asked")

    monkeypatch.setattr(bank, "load_backbone", nobody)
    said = []
    after = open_bank(two_views, classes(), tmp_path, said.append, nobody)
    assert said[0].startswith("features of classes: found in")
    assert (after.encoded.open("feature") == before.encoded.open("feature")).all()
    assert (after.classes.text == before.classes.text).all() and after.classes.scale == 1.0
