import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from methods.backbones.clip import load_clip
from methods.backbones.clip_config import ClipConfig
from methods.backbones.small_clip import build_small_clip
from orchestrator.errors import UserError
from orchestrator.pretrain import judge as judging
from orchestrator.pretrain import train_clip as training
from orchestrator.pretrain.__main__ import main
from orchestrator.pretrain.judge import judge
from orchestrator.pretrain.pairs import pairs
from orchestrator.pretrain.resumable import keep
from orchestrator.pretrain.train_clip import Recipe, train_clip
from orchestrator.streams.recognition.shapes_recognition import ShapesRecognition
from orchestrator.streams.synthetic.colours import COLOURS
from orchestrator.streams.synthetic.families import family
from orchestrator.streams.synthetic.family_split import PRETRAINING

TINY = Recipe(steps=4, batch_size=8)


def quiet(line):
    pass


def test_captions_tell_what_is_drawn():
    pictures, captions = pairs(np.random.default_rng(0), PRETRAINING, 300)
    assert pictures.shape == (300, 3, 32, 32) and pictures.dtype == np.uint8
    nouns = {noun for i in PRETRAINING for noun in family(i).nouns}
    seen = set()
    for caption in captions:
        words = caption.rstrip(".").split()
        colours = [w for w in words if w in COLOURS]
        things = [
            w for w in words if w in nouns or w.removesuffix("s") in nouns or w.removesuffix("es") in nouns
        ]
        kind = "alike" if "two" in words else "differ" if "and" in words else "one"
        assert len(things) == len(colours) == (2 if kind == "differ" else 1)
        assert len(set(colours)) == len(colours)
        seen.add(kind)
    assert seen == {"one", "alike", "differ"}
    again, told = pairs(np.random.default_rng(0), PRETRAINING, 300)
    assert told == captions and np.array_equal(again, pictures)


def test_a_step_may_have_few_colours():
    _, captions = pairs(np.random.default_rng(0), PRETRAINING, 100, colours=2)
    assert len({w for c in captions for w in c.split() if w in COLOURS}) == 2


def test_captions_tell_the_colour_that_is_seen():
    pictures, captions = pairs(np.random.default_rng(1), PRETRAINING, 200)
    for colour, channel in (("red", 0), ("green", 1), ("blue", 2)):
        only = [i for i, c in enumerate(captions) if [w for w in c.split() if w in COLOURS] == [colour]]
        assert len(only) > 5
        strong = pictures[only].max((2, 3))
        assert (strong.argmax(1) == channel).mean() > 0.9


def test_trimmed_texts_are_encoded_as_whole_ones():
    model, tokenizer = build_small_clip()
    ids = tokenizer(["a photo of a red disc.", "two blue rings", ""])
    with torch.no_grad():
        found = training._encode_text(model, ids)
        torch.testing.assert_close(found, model.encode_text(ids, normalize=True), atol=1e-5, rtol=0)


def test_the_loss_falls(tmp_path, monkeypatch):
    seen = pairs(np.random.default_rng(0), PRETRAINING, 12)
    monkeypatch.setattr(training, "pairs", lambda *_: seen)
    lines = []
    train_clip(Recipe(steps=8, batch_size=12, learning_rate=2e-3), tmp_path / "w.safetensors", lines.append)
    loss = float(lines[-1].split("loss ")[1].split(",")[0])
    assert loss < 0.8 * np.log(12)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The weights that the recipe ``TINY`` gives, which drew no number of torch's."""
    out = tmp_path_factory.mktemp("tiny") / "w"
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train_clip(TINY, out, quiet)
    assert torch.equal(torch.get_rng_state(), before)
    return load_file(out)


def test_a_seed_fixes_the_weights(tmp_path, tiny):
    torch.manual_seed(6)
    for name, recipe in (("b", TINY), ("c", Recipe(steps=4, batch_size=8, seed=1))):
        train_clip(recipe, tmp_path / name, quiet)
    a, b, c = tiny, *(load_file(tmp_path / name) for name in "bc")
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(a["text_projection"], c["text_projection"])
    assert a["text_projection"].dtype == torch.float16


def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path, monkeypatch, tiny):
    monkeypatch.setattr(training, "_EVERY", 2)
    broken = tmp_path / "broken"
    drawn = []
    real = training.pairs

    def until_third(*arguments):
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return drawn.append(1) or real(*arguments)

    monkeypatch.setattr(training, "pairs", until_third)
    with pytest.raises(KeyboardInterrupt):
        train_clip(TINY, broken, quiet)
    assert not broken.exists()
    monkeypatch.setattr(training, "pairs", real)
    lines = []
    train_clip(TINY, broken, lines.append)
    assert lines[0] == "going on from step 2"
    found = load_file(broken)
    assert all(torch.equal(tiny[k], found[k]) for k in tiny)
    assert [p.name for p in tmp_path.iterdir()] == ["broken"]


def test_another_recipes_checkpoint_is_not_gone_on_from(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_EVERY", 2)
    model = {"model": torch.nn.Linear(1, 1)}
    keep(tmp_path / "w.checkpoint", TINY, model, 2)
    with pytest.raises(UserError, match="was left by another recipe .*: delete it, or say --out$"):
        train_clip(Recipe(steps=9, batch_size=8), tmp_path / "w", quiet)


class _Harm:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_a_checkpoint_that_would_run_something_is_refused_and_nothing_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"recipe": _Harm()}, "w.checkpoint")
    with pytest.raises(UserError, match="^w.checkpoint holds more than numbers: delete it, or say --out$"):
        train_clip(TINY, Path("w"), quiet)
    assert not Path("ran").exists()


def test_the_shipped_clip_knows_colours_and_not_the_tasks_things(monkeypatch):
    monkeypatch.setattr(judging, "_PAIRS", 128)
    few = partial(ShapesRecognition.Config, train=12, validation=1, test=6)
    monkeypatch.setattr(ShapesRecognition, "Config", few)
    figures = judge(load_clip(ClipConfig()))
    assert figures["colour"] > 0.8
    assert figures["retrieval"] > 10 * figures["retrieval_chance"]
    assert figures["zero_shot"] < 0.4
    assert figures["linear_probe"] > 0.75


def test_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("orchestrator.pretrain.make_shipped.judge", lambda clip: {"zero_shot": 0.5})
    out = tmp_path / "new" / "w.safetensors"
    assert main(["clip", "--steps", "2", "--batch-size", "8", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "step 2/2: loss" in said and "zero_shot: 0.500" in said
    assert out.is_file()
    with pytest.raises(UserError, match=r"^--out w.st: allowed is a name that ends in .safetensors$"):
        main(["clip", "--out", "w.st"])
    with pytest.raises(UserError, match="^--batch-size 1 must be >= 2$"):
        main(["clip", "--batch-size", "1", "--out", str(out)])
    with pytest.raises(UserError, match="^--steps 0 must be >= 1$"):
        main(["clip", "--steps", "0", "--out", str(out)])
