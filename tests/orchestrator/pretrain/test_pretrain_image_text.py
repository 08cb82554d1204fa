import json
from random import Random

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from methods.backbones.config import WORLD_TOKENIZER, BackboneConfig
from methods.backbones.pretrained_image_text import load_image_text
from orchestrator.errors import UserError
from orchestrator.pretrain import judge_image_text as judging
from orchestrator.pretrain import train_image_text as training
from orchestrator.pretrain.__main__ import main
from orchestrator.pretrain.masked_words import StatementRows
from orchestrator.pretrain.scenes import draw_pictures, draw_scenes
from orchestrator.pretrain.statements import ASPECTS, PLAIN, WORDS, describe, groups, state
from orchestrator.pretrain.train_image_text import EMBED_DIM, SPEC, ImageTextRecipe, train_image_text
from orchestrator.streams.synthetic.caption import plural
from orchestrator.streams.synthetic.families import family
from orchestrator.streams.synthetic.family_split import PRETRAINING, UNSEEN, task_families
from orchestrator.streams.text.tokenizer import Tokenizer

TINY = ImageTextRecipe(steps=4, batch_size=4)


_SIDES = {
    "above": ("top", "bottom"),
    "below": ("bottom", "top"),
    "left of": ("left", "right"),
    "right of": ("right", "left"),
}


def quiet(line):
    pass


def scenes(n=300, seed=0, families=PRETRAINING):
    return draw_scenes(np.random.default_rng(seed), families, n)


def true_of(fact, found):
    """Whether a statement's part is true, worked out anew from the scene."""
    words = fact.split()

    def are(group, text):
        """Whether ``text`` names this group's noun, in its number or with an article."""
        if text in ("thing", "things"):
            return (text == "thing") == (group.count == "1")
        return text in (group.noun, plural(group.noun), f"a {group.noun}", f"an {group.noun}")

    def named(text):
        """The groups that "the red things", "moons" or "the things top left" means."""
        text = text.removeprefix("the ")
        for place in WORDS["place"]:
            if text in (f"thing {place}", f"things {place}"):
                return [g for g in found if g.place == place]
        if text.split()[-1] in ("thing", "things"):
            return [g for g in found if g.colour == text.split()[0]]
        return [g for g in found if are(g, text)]

    if fact.startswith("there is no "):
        return not named(fact.removeprefix("there is no "))
    if fact.startswith("nothing is "):
        return all(g.place != fact.removeprefix("nothing is ") for g in found)
    if words[0] == "there":
        return any(g.count == words[2] for g in named(words[3]))
    if fact.startswith("the color of the "):
        return any(g.colour == words[-1] for g in named(words[4]))
    if fact.startswith("the color "):
        return any(g.colour == words[-1] and g.place == " ".join(words[2:4]) for g in found)
    if fact.startswith("the number of "):
        return any(g.count == words[-1] for g in named(" ".join(words[3:-2])))
    for side, (first, second) in _SIDES.items():
        if f" {side} the " in fact:
            one, other = fact.split(f" {side} ")
            (one,), (other,) = named(one.removesuffix(" is").removesuffix(" are")), named(other)
            return first in one.place and second in other.place
    verb = " is " if " is " in fact else " are " if " are " in fact else None
    if verb is None:  # "2 big red stars top left", with or without count and size
        *told, noun, y, x = words
        return any(
            are(g, noun) and g.place == f"{y} {x}" and set(told) <= {g.count, g.size, g.colour} for g in found
        )
    subject, said = fact.split(verb)
    if subject in WORDS["place"]:
        return any(
            g.place == subject and g.count == said.split()[0] and are(g, said.split()[1]) for g in found
        )
    return any(
        said in (g.colour, g.place, g.size, g.posture, f"of type {g.type}") or are(g, said)
        for g in named(subject)
    )


@pytest.mark.parametrize("tell", [describe, state])
def test_statements_are_true_and_their_twins_false(tell):
    told, talk, seen = scenes(), Random(0), set()
    for row in range(300):
        found = groups(told, row)
        true, false = (text.split(" and ") for text in tell(told, row, talk))
        assert all(true_of(fact, found) for fact in true), (true, found)
        (wrong,) = [fact for fact, other in zip(false, true, strict=True) if fact != other]
        assert not true_of(wrong, found), (wrong, found)
        seen |= {word for fact in true for word in fact.split()}
        if tell is describe:
            assert len(true) == len(found)
    if tell is state:
        told_words = {w for words in WORDS.values() for text in words for w in text.split()}
        assert seen >= told_words | PLAIN - {"an", "and"}


def test_nothing_is_asked_and_no_task_is_told_of():
    told, talk = scenes(), Random(1)
    texts = [tell(told, row, talk)[0] for row in range(300) for tell in (describe, state)]
    tasks = {noun for index in task_families(0, 20, "new") for noun in family(index).nouns}
    words = {word for text in texts for word in text.split()}
    assert not words & (tasks | {plural(noun) for noun in tasks})
    assert not words & {"what", "which", "where", "how", "why", "does", "can", "?", "yes"}
    assert not set(UNSEEN) & set(PRETRAINING)


def test_scenes_are_seeded_and_their_things_differ():
    told = scenes(200)
    assert np.array_equal(told.objects, scenes(200).objects)
    there = told.objects[..., 4] > 0
    assert there.any(1).all() and set(told.objects[..., 4].flat) == {0, 1, 2, 3}
    for row in range(200):
        things = [tuple(o[:2]) for o in told.objects[row][there[row]].tolist()]
        assert len(set(things)) == len(things)
    pictures = draw_pictures(np.random.default_rng(0), told)
    assert pictures.shape == (200, 3, 32, 32) and pictures.dtype == np.uint8
    for number, (y, x) in enumerate(((0, 0), (0, 16), (16, 0), (16, 16))):
        bright = pictures[:, :, y : y + 16, x : x + 16].max((1, 2, 3)) > 100
        assert np.array_equal(bright, there[:, number])


def test_statements_become_the_tokenizers_rows():
    tokenizer = Tokenizer.world(16)
    told, talk = scenes(60), Random(0)
    texts = [tell(told, row, talk)[0] for row in range(60) for tell in (describe, state)]
    ids, word, share = StatementRows(tokenizer).encode(texts)
    cut = tokenizer.encode(texts)
    np.testing.assert_array_equal(ids, cut)
    assert (word >= 0).sum(1).max() == 14
    for row, text in enumerate(texts):
        words = text.split()
        for n in range(word[row].max() + 1):
            (own,) = set(share[row][word[row] == n])
            assert (own > 0.1) == (words[n] not in PLAIN) and (own > 0.3) == (words[n] in ASPECTS)
        assert not share[row][word[row] < 0].any()


def test_whole_words_are_hidden_and_those_that_need_the_picture_much_more_often():
    tokenizer = Tokenizer.world(40)
    told, talk = scenes(300), Random(0)
    rows = StatementRows(tokenizer)
    encoded = rows.encode([describe(told, row, talk)[0] for row in range(300)])
    ids, word, share = encoded
    hidden, selected = rows.mask(np.random.default_rng(0), *encoded)
    assert not selected[word < 0].any() and np.array_equal(hidden[~selected], ids[~selected])
    for row in range(300):
        for n in range(word[row].max() + 1):
            assert selected[row][word[row] == n].all() == selected[row][word[row] == n].any()
    for wanted in set(share[word >= 0]):
        assert abs(selected[share == wanted].mean() - wanted) < 0.05
    assert 0.75 < (hidden[selected] == tokenizer.mask_id).mean() < 0.85
    assert 0.05 < (hidden[selected] == ids[selected]).mean() < 0.15


def test_the_shipped_tokenizer_is_what_the_command_makes(tmp_path, capsys):
    assert main(["tokenizer", "--out", str(tmp_path / "t.json")]) == 0
    assert (tmp_path / "t.json").read_bytes() == WORLD_TOKENIZER.read_bytes()
    assert json.loads(WORLD_TOKENIZER.read_text(encoding="utf-8"))["model"]["type"] == "BPE"
    with pytest.raises(UserError, match=r"^--out t.txt: allowed is a name that ends in .json$"):
        main(["tokenizer", "--out", "t.txt"])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The weights that the recipe ``TINY`` gives, which drew no number of torch's."""
    out = tmp_path_factory.mktemp("tiny") / "w"
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train_image_text(TINY, out, quiet)
    assert torch.equal(torch.get_rng_state(), before)
    return load_file(out)


def test_a_seed_fixes_the_weights(tmp_path, tiny):
    torch.manual_seed(6)
    for name, recipe in (("b", TINY), ("c", ImageTextRecipe(steps=4, batch_size=4, seed=1))):
        train_image_text(recipe, tmp_path / name, quiet)
    a, b, c = tiny, *(load_file(tmp_path / name) for name in "bc")
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(a["bert.bias"], c["bert.bias"])
    assert {v.dtype for v in a.values()} == {torch.float16}
    assert not any("matching" in k for k in a), "the matching head is thrown away"


def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path, monkeypatch, tiny):
    """The run is interrupted between the two steps that share their scenes."""
    monkeypatch.setattr(training, "_EVERY", 3)
    broken = tmp_path / "broken"
    steps = []
    real = training._losses

    def until_fourth(*arguments, **options):
        if len(steps) == 3:
            raise KeyboardInterrupt
        return steps.append(1) or real(*arguments, **options)

    monkeypatch.setattr(training, "_losses", until_fourth)
    with pytest.raises(KeyboardInterrupt):
        train_image_text(TINY, broken, quiet)
    assert not broken.exists()
    monkeypatch.setattr(training, "_losses", real)
    training._scenes.cache_clear()
    lines = []
    train_image_text(TINY, broken, lines.append)
    assert lines[0] == "going on from step 3"
    found = load_file(broken)
    assert all(torch.equal(tiny[k], found[k]) for k in tiny)
    assert [p.name for p in tmp_path.iterdir()] == ["broken"]


def test_another_recipes_checkpoint_is_not_gone_on_from(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_EVERY", 1)
    monkeypatch.setattr(training, "save_file", lambda *_: pytest.fail("the run was to break off"))
    with pytest.raises(pytest.fail.Exception):
        train_image_text(ImageTextRecipe(steps=1, batch_size=2), tmp_path / "w", quiet)
    with pytest.raises(UserError, match="was left by another recipe .*: delete it, or say --out$"):
        train_image_text(TINY, tmp_path / "w", quiet)


def test_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("orchestrator.pretrain.make_shipped.judge_image_text", lambda *_: {"retrieval": 0.5})
    out = tmp_path / "new" / "w.safetensors"
    assert main(["image-text", "--steps", "2", "--batch-size", "4", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "step 2/2: words" in said and "retrieval: 0.500" in said
    load_image_text(BackboneConfig("world", weights=str(out)), SPEC, EMBED_DIM)
    with pytest.raises(UserError, match="^--batch-size 1 must be >= 2$"):
        main(["image-text", "--batch-size", "1", "--out", str(out)])


def test_the_shipped_model_looks_at_colours_and_places_of_things_never_seen(monkeypatch):
    least = {"color_by_place": 0.6, "place_by_color": 0.6, "count_by_place": 0.7}
    monkeypatch.setattr(judging, "_TRAIN", 160)
    monkeypatch.setattr(judging, "_TEST", 48)
    monkeypatch.setattr(judging, "_PAIRS", 96)
    monkeypatch.setattr(judging, "_ASKED", {name: judging._ASKED[name] for name in least})
    model = load_image_text(BackboneConfig("world"), SPEC, EMBED_DIM)
    figures = judging.judge_image_text(model, Tokenizer.world(SPEC.max_tokens))
    assert all(0 <= value <= 1 for value in figures.values())
    assert figures["retrieval"] > 20 * figures["retrieval_chance"]
    for name, wanted in least.items():
        for way in ("masked", "probe"):
            assert figures[f"{way}_{name}"] > wanted, name
            assert figures[f"{way}_{name}_other_picture"] < figures[f"{way}_{name}"] - 0.15, name
