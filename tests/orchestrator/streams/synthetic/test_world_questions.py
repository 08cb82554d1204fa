import re
from dataclasses import dataclass

import numpy as np
import pytest

from orchestrator.metrics.vqa_accuracy import normalise
from orchestrator.streams.synthetic.colours import COLOURS
from orchestrator.streams.synthetic.concatenated import joined
from orchestrator.streams.synthetic.drawings import DRAWINGS
from orchestrator.streams.synthetic.families import DRAWN, THINGS, family
from orchestrator.streams.synthetic.family_split import PRETRAINING
from orchestrator.streams.synthetic.mixed import arrange_mixed
from orchestrator.streams.synthetic.pictures import ScenePictures
from orchestrator.streams.synthetic.questions.answers import admitted, vocabulary
from orchestrator.streams.synthetic.questions.facts import facts
from orchestrator.streams.synthetic.questions.generate import ask
from orchestrator.streams.synthetic.questions.kinds import KINDS
from orchestrator.streams.synthetic.questions.leaning import leaning
from orchestrator.streams.vqa.shapes_vqa import GROUPS

STREAM = tuple(list(DRAWINGS).index(name) for name in GROUPS)
FAMILIES = {"stream": STREAM, "pretraining": PRETRAINING[:7]}
NAMES = tuple(COLOURS)

YES = {
    "can x fly?": "rocket plane",
    "does x use roads?": "car bus bike",
    "does x have fur?": "cat bear hare bull",
    "is x bigger than you?": "bear bull",
    "does x have a core?": "apple pear",
    "does x fit in a mouth?": "cherry grape",
    "does x have legs?": "chair table bed",
    "is x made to rest on?": "chair bed",
    "does x come in pairs?": "sock glove",
    "does x cover a chest?": "shirt dress",
    "can x roll?": "disc ring",
    "does x have 4 corners?": "block gem",
    "is x made of rock?": "moon planet",
    "does x come with rain?": "cloud bolt",
    "does x come after m?": "tee ex vee zed",
    "is x a roman number?": "ell ex vee",
    "does x show a way?": "arrow",
    "is x sung?": "note",
}
TYPES = {"shapes": "shape", "letters": "letter", "vehicles": "vehicle", "animals": "animal", "signs": "sign"}
TYPES |= {"clothes": "garment"}


@dataclass(frozen=True)
class Thing:
    noun: str
    type: str
    colour: str
    small: bool
    lean: str
    place: str
    index: int


def things(scenes, row):
    found = []
    for j in np.flatnonzero(scenes.family[row] >= 0):
        known, tilt = family(int(scenes.family[row, j])), int(scenes.tilt[row, j])
        high, left = scenes.y[row, j] < 0.5, scenes.x[row, j] < 0.5
        found.append(
            Thing(
                noun=known.nouns[scenes.thing[row, j]],
                type=TYPES.get(known.name, known.name.replace("-", " ")),
                colour=NAMES[scenes.colour[row, j]],
                small=scenes.side[row, j] < 0.37,
                lean="standing" if abs(tilt) < 10 else "leaning left" if tilt < -25 else "leaning right",
                place=f"{'top' if high else 'bottom'} {'left' if left else 'right'}",
                index=int(scenes.thing[row, j]),
            )
        )
    return found


def singular(plural, nouns):
    return next(n for n in nouns if plural in (n + "s", n + "es", n[:-1] + "ies", n[:-1] + "ves"))


def only(found):
    (one,) = found
    return one


def truth(kind, question, there):
    """The answer that the picture gives, and what it would give for other things in it."""

    def of_noun(pattern):
        noun = re.fullmatch(pattern, question)[1]
        return only(t for t in there if t.noun == noun)

    if kind == "recognition":
        colour = re.fullmatch(r"what is the (\w+) thing\?", question)[1]
        return only(t.noun for t in there if t.colour == colour), {t.noun for t in there}
    if kind == "location":
        return of_noun(r"where is the (\w+)\?").place, {t.place for t in there}
    if kind == "judge":
        colour, noun = re.fullmatch(r"is there an? (\w+) (\w+)\?", question).groups()
        assert any(t.noun == noun for t in there)
        assert len(there) == 1 or any(t.colour == colour for t in there)
        pairs = {(c.colour, n.noun) for c in there for n in there}
        held = {(t.colour, t.noun) for t in there}
        says = {pair: "yes" if pair in held else "no" for pair in {*pairs, (colour, noun)}}
        return says[colour, noun], set(says.values())
    if kind == "commonsense":
        colour = re.search(r"the (\w+) thing", question)[1]
        asked = re.sub(r"the \w+ thing", "x", question)
        if asked in YES:
            says = {t.colour: "yes" if t.noun in YES[asked].split() else "no" for t in there}
        else:
            # What the world decides of invented things.
            true = {"is x heavy?": (0, 1, 2), "does x float?": (0, 2, 4)}[asked]
            says = {t.colour: "yes" if t.index in true else "no" for t in there}
        return says[colour], set(says.values())
    if kind == "count":
        noun = singular(re.fullmatch(r"how many (\w+) are there\?", question)[1], [t.noun for t in there])
        return str(sum(t.noun == noun for t in there)), None
    if kind == "action":
        return of_noun(r"what is the (\w+) doing\?").lean, {t.lean for t in there}
    if kind == "color":
        return of_noun(r"what color is the (\w+)\?").colour, {t.colour for t in there}
    if kind == "type":
        anchor = of_noun(r"what type is next to the (\w+)\?")
        row = anchor.place.split()[0]
        beside = only(t for t in there if t is not anchor and t.place.split()[0] == row)
        return beside.type, {t.type for t in there if t is not anchor}
    if kind == "subcategory":
        word, place = re.fullmatch(r"which ([\w ]+) is (\w+ \w+)\?", question).groups()
        assert {t.type for t in there} == {word}
        return only(t.noun for t in there if t.place == place), {t.noun for t in there}
    noun = re.fullmatch(r"why does an? (\w+) stand out\?", question)[1]
    columns = {"color": "colour", "size": "small", "tilt": "lean", "shape": "noun"}
    unlike = {}
    for one in (t for t in there if t.noun == noun):
        rest = [t for t in there if t is not one]
        differs = [name for name, c in columns.items() if all(getattr(one, c) != getattr(t, c) for t in rest)]
        if differs and all(len({getattr(t, c) for t in rest}) == 1 for c in columns.values()):
            unlike[one.place] = only(differs)
    return only(unlike.values()), None


@pytest.mark.parametrize("families", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("others", [0, 1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_what_the_pictures_show(kind, others, families):
    for group in range(len(families)):
        asked = ask(np.random.default_rng([3, group]), families, group, kind, 60, others)
        for row, (question, answer) in enumerate(zip(asked.questions, asked.answers, strict=True)):
            there = things(asked.scenes, row)
            needed = {"causal": 4, "type": 2, "count": int(answer) if kind == "count" else 0}.get(kind, 1)
            assert len({t.place for t in there}) == len(there) == max(needed, 1 + others)
            true, also = truth(kind, question, there)
            assert answer == true
            if others == 3 or (others and kind != "type"):
                assert also is None or len(also) > 1, "a question that the picture alone answers"


@pytest.mark.parametrize("kind", KINDS)
def test_every_question_is_about_its_object(kind):
    for group, index in enumerate(STREAM):
        asked = ask(np.random.default_rng(group), STREAM, group, kind, 60)
        for row, thing in enumerate(asked.thing):
            noun = family(index).nouns[thing]
            there = things(asked.scenes, row)
            assert noun in [t.noun for t in there]
            if kind == "commonsense":
                assert only(t.noun for t in there if t.colour in asked.questions[row].split()) == noun
            else:
                told = f"{asked.questions[row]} {asked.answers[row]}"
                assert noun[:-1] in told
        assert set(asked.thing) == set(range(THINGS))


@pytest.mark.parametrize("kind", KINDS)
def test_every_admitted_answer_is_as_likely(kind):
    n = 2000
    asked = ask(np.random.default_rng(5), STREAM, 1, kind, n)
    possible = admitted(STREAM, 1, kind)
    assert set(asked.answers) == set(possible)
    share = 1 / len(possible)
    for answer in possible:
        assert abs(asked.answers.count(answer) - n * share) < 5 * np.sqrt(n * share * (1 - share))


def test_facts_are_the_same_for_all_and_true_of_some_things_only():
    asked = [fact.question for i in range(DRAWN) for fact in facts(i)]
    assert len(asked) == len(set(asked)) == 2 * DRAWN
    for index in (*range(DRAWN), 605):
        for fact in facts(index):
            assert 0 < len(fact.things) < THINGS and fact.question.count("{}") == 1


def test_things_that_look_alike_however_they_lean_are_never_asked_about():
    shapes = family(0).nouns
    assert {shapes[t] for t in leaning(0)} == {"wedge", "block", "gem", "cross"}
    assert all(leaning(index) == frozenset(range(THINGS)) for index in STREAM)
    for kind in ("action", "causal"):
        asked = ask(np.random.default_rng(0), PRETRAINING, 0, kind, 200)
        assert set(asked.thing) == leaning(0)


def test_answers_are_normalised_and_none_is_there_twice():
    answers = vocabulary(STREAM)
    assert len(set(answers)) == len(answers) == 60
    assert [normalise(answer) for answer in answers] == list(answers)
    assert set(answers) >= {family(i).nouns[t] for i in STREAM for t in range(THINGS)}


def test_a_generator_fixes_what_is_asked():
    def drawn(seed):
        asked = ask(np.random.default_rng(seed), STREAM, 2, "type", 30)
        return asked.questions, asked.answers, ScenePictures(asked.scenes, 32).read(np.arange(30)).tobytes()

    assert drawn(1) == drawn(1)
    assert all(a != b for a, b in zip(drawn(1), drawn(2), strict=True))


def test_mixed_scenes_have_the_things_told_in_their_quarters():
    rng = np.random.default_rng(0)
    n = 200
    highs = (DRAWN + 5, THINGS, len(COLOURS), 2, 4)
    objects = np.stack([rng.integers(0, high, (n, 4)) for high in highs], 2)
    tilt = rng.choice([-35, 0, 35], (n, 4))
    scenes = arrange_mixed(rng, objects, tilt)
    there = scenes.family >= 0
    assert there.any(0).all(), "no place that is empty in all scenes"
    x, y, side = (c.astype(float) for c in (scenes.x, scenes.y, scenes.side))
    for quarter in range(4):
        own = there & (scenes.group == quarter)
        assert (own.sum(1) == objects[:, quarter, 4]).all()
        for column, told in zip(("family", "thing", "colour", "size"), objects[:, quarter].T, strict=False):
            assert (getattr(scenes, column) == told[:, None])[own].all()
        assert (np.abs(scenes.tilt - tilt[:, quarter, None])[own] <= 6).all()
        for centre, part in ((x, quarter % 2), (y, quarter // 2)):
            assert (centre - side / 2 >= part / 2 - 0.01)[own].all()
            assert (centre + side / 2 <= part / 2 + 0.51)[own].all()
    for a in range(there.shape[1]):
        for b in range(a):
            both = there[:, a] & there[:, b] & (scenes.group[:, a] == scenes.group[:, b])
            apart = np.maximum(np.abs(x[:, a] - x[:, b]), np.abs(y[:, a] - y[:, b]))
            assert (apart >= 0.8 * side[:, a])[both].all()


def test_an_empty_scene_is_only_its_background():
    scenes = arrange_mixed(np.random.default_rng(0), np.zeros((3, 4, 5), int))
    pictures = ScenePictures(scenes, 16).read(np.arange(3))
    assert (pictures == scenes.background[:, None, None]).all()


def test_joined_scenes_are_drawn_as_before():
    parts = [ask(np.random.default_rng(s), STREAM, s, "color", 5, 3 * s).scenes for s in range(2)]
    whole = ScenePictures(joined(parts), 32).read(np.array([1, 7]))
    for picture, part, row in zip(whole, parts, (1, 2), strict=True):
        np.testing.assert_array_equal(picture, ScenePictures(part, 32).read(np.array([row]))[0])


def test_things_and_what_they_do_can_be_read_at_32_pixels():
    def quarters(seed, n):
        pixels, truth = [], []
        for group in range(len(STREAM)):
            scenes = ask(np.random.default_rng([seed, group]), STREAM, group, "action", n).scenes
            cut = ScenePictures(scenes, 32).read(np.arange(n)).reshape(n, 2, 16, 2, 16, 3)
            bright = cut.transpose(0, 1, 3, 2, 4, 5).max(-1).reshape(n, 4, 256) / 255
            for quarter in range(4):
                row, j = np.nonzero(scenes.group == quarter)
                pixels.append(bright[row, quarter])
                lean = np.rint(scenes.tilt[row, j] / 35)
                truth.append(np.stack([scenes.family[row, j], scenes.thing[row, j], lean], 1))
        return np.concatenate(pixels), np.concatenate(truth)

    known, what = quarters(0, 120)
    seen, true = quarters(1, 20)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    assert (what[(seen @ known.T).argmax(1)] == true).all(1).mean() > 0.98
