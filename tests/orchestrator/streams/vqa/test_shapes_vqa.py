from collections import Counter, defaultdict

import numpy as np
import pytest

from orchestrator.streams.registry import get
from orchestrator.streams.synthetic.drawings import DRAWINGS
from orchestrator.streams.synthetic.families import family
from orchestrator.streams.synthetic.family_split import PRETRAINING
from orchestrator.streams.synthetic.questions.answers import admitted
from orchestrator.streams.synthetic.questions.kinds import KINDS
from orchestrator.streams.vqa.shapes_vqa import GROUPS, SHIFT_KINDS, ShapesVQA

Config = ShapesVQA.Config
SMALL = {"train": 6, "validation": 2, "test": 3}


def load(**config):
    return ShapesVQA.load(Config(**{**SMALL, **config}), skip_bad=False)


def groups_in(stream, split):
    return set(np.array(stream.tables.group_of)[split.label].tolist())


def cell(stream, kind, group, split):
    """The questions of a kind about a group, wherever they are in the stream."""
    for task in stream.tasks:
        found = task.splits[split]
        own = (found.questions.kind == kind) & (np.array(stream.tables.group_of)[found.label] == group)
        if own.any():
            rows = np.flatnonzero(own)
            answers = found.questions.answer[rows, 0]
            return [found.captions[r] for r in rows], answers.tolist(), found.pictures.read(rows).tobytes()


def test_the_default_stream_is_vqacls():
    stream = get("shapes-vqa").load(Config(), skip_bad=False)
    assert (stream.name, stream.scenario, stream.image_size) == ("shapes-vqa", "vqa", 32)
    assert [task.name for task in stream.tasks] == list(KINDS)
    assert " ".join(KINDS) == (
        "recognition location judge commonsense count action color type subcategory causal"
    )
    for number, task in enumerate(stream.tasks):
        assert {n: len(s.label) for n, s in task.splits.items()} == {
            "train": 400,
            "validation": 50,
            "test": 80,
        }
        assert sorted(task.groups) == list(range(5))
        for split in task.splits.values():
            assert (split.questions.kind == number).all()
            assert groups_in(stream, split) == set(range(5))
    assert len({task.groups for task in stream.tasks}) > 5
    tables = stream.tables
    assert (tables.groups, tables.kinds, tables.held_out, tables.regions) == (GROUPS, KINDS, None, None)
    assert tables.vocabulary == len(tables.answers) == 60


def test_the_inner_order_is_the_seeds():
    orders = [[task.groups for task in load(seed=seed).tasks] for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


def test_objects_are_those_of_families_that_no_backbone_has_seen():
    stream = load()
    families = [list(DRAWINGS).index(name) for name in GROUPS]
    assert not set(families) & set(PRETRAINING)
    assert list(stream.categories) == [noun for index in families for noun in family(index).nouns]
    assert list(stream.tables.group_of) == sorted(list(range(5)) * 6)


@pytest.mark.parametrize("setting", ["dual-level", "novel-composition", "con-vs", "con-ls", "con-vls"])
def test_columns_of_a_split_agree_and_ids_never_repeat(setting):
    stream = load(setting=setting)
    ids = [i for task in stream.tasks for split in task.splits.values() for i in split.ids]
    assert len(ids) == len(set(ids))
    for task in stream.tasks:
        for split in task.splits.values():
            n = len(split.pictures)
            assert n == len(split.captions) == len(split.ids) == len(split.label) == len(split.questions.kind)
            assert split.questions.answer.shape == split.questions.score.shape == (n, 1)
            assert (split.label.dtype, split.questions.kind.dtype) == (np.int32, np.int32)
            assert (split.questions.answer.dtype, split.questions.score.dtype) == (np.int32, np.float32)
            assert (split.questions.score == 1).all()
            for name, label, kind in zip(split.ids, split.label, split.questions.kind, strict=True):
                group = stream.tables.group_of[label]
                assert name.startswith(f"{KINDS[kind]}-{GROUPS[group]}-")


@pytest.mark.parametrize("held_out", [0, 4])
def test_a_group_held_out_is_trained_on_in_the_first_task_only(held_out):
    stream = load(setting="novel-composition", held_out=held_out)
    assert stream.tables.held_out == held_out
    for number, task in enumerate(stream.tasks):
        trained = set(range(5)) - ({held_out} if number else set())
        assert set(task.groups) == groups_in(stream, task.splits["train"]) == trained
        for split in ("validation", "test"):
            assert groups_in(stream, task.splits[split]) == set(range(5))


def test_pictures_change_in_con_vs():
    stream = load(setting="con-vs")
    assert [task.name for task in stream.tasks] == list(GROUPS)
    for group, task in enumerate(stream.tasks):
        assert task.groups == (group,)
        for split in task.splits.values():
            assert groups_in(stream, split) == {group}
            assert set(split.questions.kind) == set(range(10))


def test_questions_change_in_con_ls():
    stream = load(setting="con-ls")
    assert [task.name for task in stream.tasks] == list(SHIFT_KINDS)
    for task in stream.tasks:
        assert task.groups == (0, 1, 2, 3, 4)
        for split in task.splits.values():
            assert groups_in(stream, split) == set(range(5))
            assert set(split.questions.kind) == {KINDS.index(task.name)}


def test_both_change_in_con_vls():
    stream = load(setting="con-vls")
    for group, (task, kind) in enumerate(zip(stream.tasks, SHIFT_KINDS, strict=True)):
        assert task.name == f"{kind} about {GROUPS[group]}"
        assert task.groups == (group,)
        for split in task.splits.values():
            assert groups_in(stream, split) == {group}
            assert set(split.questions.kind) == {KINDS.index(kind)}


def test_a_kind_and_a_group_ask_the_same_in_every_setting_and_number_of_tasks():
    kind, group = KINDS.index("color"), 1
    streams = [load(setting=s) for s in ("dual-level", "novel-composition", "con-vs", "con-ls", "con-vls")]
    streams.append(load(tasks=7))
    for split in ("train", "validation", "test"):
        first, *others = (cell(stream, kind, group, split) for stream in streams)
        assert first is not None and all(other == first for other in others)


def test_no_picture_is_in_two_splits_or_twice_in_one():
    stream = load()
    found = [
        p.tobytes()
        for t in stream.tasks
        for s in t.splits.values()
        for p in s.pictures.read(np.arange(len(s.label)))
    ]
    assert len(set(found)) == len(found) == 10 * 5 * 11


def test_a_seed_fixes_everything_and_another_changes_it():
    first, again, other = load(seed=1), load(seed=1), load(seed=2)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    a, b, c = (cell(s, 3, 2, "test") for s in (first, again, other))
    assert a == b and all(x != y for x, y in zip(a, c, strict=True))
    assert load(tasks=2).fingerprint != load(tasks=3).fingerprint


def test_answers_are_not_told_by_the_words():
    stream = load(train=120, test=120, setting="novel-composition")
    families = [list(DRAWINGS).index(name) for name in GROUPS]
    excess = []
    for number, task in enumerate(stream.tasks):
        heard, right, chance = defaultdict(Counter), [], []
        rows = {}
        for name in ("train", "test"):
            split = task.splits[name]
            groups = np.array(stream.tables.group_of)[split.label].tolist()
            rows[name] = list(zip(split.captions, groups, split.questions.answer[:, 0].tolist(), strict=True))
        for text, group, answer in rows["train"]:
            heard[text, group][answer] += 1
        for text, group, answer in rows["test"]:
            said = heard[text, group].most_common(1)
            if said:
                right.append(said[0][0] == answer)
                chance.append(1 / len(admitted(families, group, KINDS[number])))
        spread = np.sqrt(np.mean(chance) * (1 - np.mean(chance)) / len(right))
        assert len(right) > 300
        assert np.mean(right) < np.mean(chance) + 4 * spread
        excess.append(np.mean(right) - np.mean(chance))
    assert np.mean(excess) < 0.02


def test_the_stream_without_the_later_keys_is_the_one_that_it_was():
    found = load(train=3, validation=1, test=2)
    assert found.fingerprint == "866c7b68174dea69801428232c3568971fe46113af9d1a77702a2997a0815d54"
    later = [load(paraphrases=True), load(pictures="regions"), load(pictures="regions", region_noise=2.0)]
    assert len({s.fingerprint for s in (load(), *later)}) == 4


def everything(stream):
    """Questions, answers, objects and ids of all splits, and the scenes behind the pictures."""
    splits = [split for task in stream.tasks for split in task.splits.values()]
    scenes = [column.tobytes() for s in splits for column in s.pictures.scenes.columns()]
    told = [(s.questions.answer.tolist(), s.label.tolist(), s.ids) for s in splits]
    return [s.captions for s in splits], told, scenes


def test_regions_and_paraphrases_change_neither_scenes_nor_answers():
    words, told, scenes = everything(load(others=1))
    for other in (load(others=1, paraphrases=True), load(others=1, pictures="regions", paraphrases=True)):
        others_words, others_told, others_scenes = everything(other)
        assert (others_told, others_scenes) == (told, scenes)
        assert others_words != words
    assert everything(load(others=1, pictures="regions"))[0] == words


def test_phrasings_are_drawn_anew_for_each_cell_split_and_seed():
    kind, n = KINDS.index("color"), {"train": 24, "test": 24}
    own, said = (
        [
            cell(stream, kind, group, split)[0]
            for stream in (load(**n, paraphrases=on), load(**n, paraphrases=on, seed=1))
            for group in (0, 1)
            for split in ("train", "test")
        ]
        for on in (False, True)
    )
    kept = [tuple(a == b for a, b in zip(*texts, strict=True)) for texts in zip(own, said, strict=True)]
    assert len(set(kept)) == len(kept) == 8


def test_regions_are_a_row_a_thing_and_no_two_splits_or_tasks_share_their_noise():
    stream = load(pictures="regions", train=4)
    assert (stream.image_size, stream.tables.regions) == (0, (6, 48))
    splits = [split for task in stream.tasks for split in task.splits.values()]
    read = np.concatenate([s.pictures.read(np.arange(len(s.label))) for s in splits])
    assert (read.shape[1:], read.dtype) == ((6, 52), np.float32)
    # Had two rows the noise of one draw, their differences would lie along the few directions of things.
    assert len(np.unique(read[:, :, 0])) == read[:, :, 0].size


@pytest.mark.parametrize("setting", ["novel-composition", "con-vs"])
def test_what_a_cell_shows_and_says_does_not_depend_on_the_setting(setting):
    more = {"pictures": "regions", "paraphrases": True}
    kind, group = KINDS.index("color"), 1
    for split in ("train", "test"):
        assert cell(load(**more), kind, group, split) == cell(
            load(**more, setting=setting), kind, group, split
        )


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("pictures", "boxes", "pixels, regions"),
        ("region_noise", -0.1, "a number 0 .. 100"),
        ("region_noise", True, "a number 0 .. 100"),
        ("setting", "both", "dual-level, novel-composition, con-vs, con-ls, con-vls"),
        ("held_out", 5, "an integer 0 .. 4"),
        ("tasks", 11, "an integer 1 .. 10"),
        ("tasks", 0, "an integer 1 .. 10"),
        ("train", 0, "an integer 1 .. 10000000"),
        ("test", 2.0, "an integer 1 .. 10000000"),
        ("image_size", 8, "an integer 16 .. 1024"),
        ("seed", True, "an integer 0 .. 4294967295"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name, value, allowed):
    with pytest.raises(ValueError, match=rf"^{name}: {value!r}, allowed: {allowed}$"):
        Config(**{name: value})


def test_a_setting_has_its_own_most_tasks():
    assert len(load(setting="con-vs", tasks=5).tasks) == 5
    with pytest.raises(ValueError, match=r"^tasks: 6, allowed: an integer 1 \.\. 5$"):
        Config(setting="con-vs", tasks=6)
