"""What a study's file may ask."""

import pytest

from orchestrator.errors import UserError
from orchestrator.search.space import Space
from orchestrator.storage.run_files import STUDY_FILE
from orchestrator.study.arm import Arm
from orchestrator.study.pair import Pair
from orchestrator.study.study import Study
from orchestrator.study.study_arm import StudyArm
from orchestrator.study.study_request import StudyRequest

pytestmark = pytest.mark.unit

_ASKED = {
    "question": "Which?",
    "methods": {
        "mine": {"name": "clip-er", "set": {"method": {"epochs": 3}}},
        "slda": None,
        "clap4clip": {"set": {"replay.size": 7}},
    },
    "streams": {"digits": None},
    "memory": 40,
    "trials": 5,
    "pairs": 6,
    "set": {"run.views": 1},
}


def test_a_request_is_read_back_from_its_own_text(tmp_path):
    request = StudyRequest.of(_ASKED, "study.yaml")
    (tmp_path / STUDY_FILE).write_text(request.text())
    again = StudyRequest.read(tmp_path / STUDY_FILE)
    assert again == request
    assert again.methods[0] == Arm("mine", "clip-er", values={"method.epochs": 3})
    assert [arm.name for arm in again.methods] == ["clip-er", "slda", "clap4clip"]
    assert (again.memory, again.trials, again.pairs, again.question) == (40, 5, 6, "Which?")


def test_a_list_of_names_will_do_and_pairs_are_eight():
    request = StudyRequest.of({"methods": ["er", "ctp"]}, "study")
    assert [(arm.label, arm.name) for arm in request.methods] == [("er", "er"), ("ctp", "ctp")]
    assert (request.pairs, request.trials, request.memory, request.streams) == (8, None, None, ())


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"methds": []}, "f: methds: not known here; allowed: question, methods, "),
        (
            {"methods": ["er", "er"]},
            "f: methods: allowed are different names in a list, or label: {name, space, set}",
        ),
        ({"methods": []}, "f: methods: allowed are different names"),
        (
            {"methods": {"er": {"sets": {}}}},
            "f: methods.er.sets: not known here; allowed: name, space, set",
        ),
        ({"methods": {"er": {"data": "d"}}}, "f: methods.er.data: not known here; allowed: name, space, set"),
        (
            {"streams": {"p9d": {"space": "s"}}},
            "f: streams.p9d.space: not known here; allowed: name, data, set",
        ),
        (
            {"streams": ["a", "a"]},
            "f: streams: allowed are different names in a list, or label: {name, data, set",
        ),
        ({"streams": 0}, "f: streams: allowed are different names"),
        ({"streams": ""}, "f: streams: allowed are different names"),
        ({"methods": {"er": 3}}, "f: methods.er: 3: allowed is a mapping with name, space, set"),
        ({"methods": {"er": []}}, "f: methods.er: []: allowed is a mapping with name, space, set"),
        ({"methods": {"er": {"name": ""}}}, "f: methods.er.name: '': allowed is text"),
        ({"streams": {"p9d": {"data": ""}}}, "f: streams.p9d.data: '': allowed is text"),
        ({"methods": {"er": {"set": 0}}}, "f: methods.er.set: 0: allowed is a mapping of keys and values"),
        ({"methods": {"er": {"name": 3}}}, "f: methods.er.name: 3: allowed is text"),
        (
            {"methods": {"er": {"set": [1]}}},
            "f: methods.er.set: [1]: allowed is a mapping of keys and values",
        ),
        ({"pairs": 0}, "f: pairs 0: allowed are whole numbers from 1"),
        ({"trials": True}, "f: trials True: allowed are whole numbers from 1"),
        ({"memory": -1}, "f: memory -1: allowed are whole numbers from 0"),
        ({"memory": "40"}, "f: memory '40': allowed are whole numbers from 0"),
        ({"set": [1]}, "f: set [1]: allowed is a mapping of keys and values"),
        ({"set": []}, "f: set []: allowed is a mapping of keys and values"),
        ({"question": 3}, "f: question 3: allowed is text"),
        ({"question": 0}, "f: question 0: allowed is text"),
        (
            {"memory": 40, "set": {"replay": {"size": 20}}},
            "f: memory 40 beside set replay.size 20; allowed: one of them",
        ),
        ({"memory": 0, "set": {"replay.size": 20}}, "f: memory 0 beside set replay.size 20; allowed: one"),
        (
            {"set": {"stream.name": "p9d"}},
            "f: set: stream.name: cannot be set; allowed: a name under streams",
        ),
        (
            {"methods": {"er": {"set": {"method.name": "ctp"}}}},
            "f: methods.er.set: method.name: cannot be set; allowed: a name under methods",
        ),
        ({"set": {"run": {"seed": 3}}}, "f: set: run.seed: each pair has its own; allowed: without it"),
        (
            {"streams": {"p9d": {"set": {"stream.order": "natural"}}}},
            "f: streams.p9d.set: stream.order: each pair has its own; allowed: without it",
        ),
        (
            {"methods": {"er": {"set": {"stream.tasks": 3}}}},
            "f: methods.er.set: stream.tasks: methods are compared on one stream; allowed: in the set of the",
        ),
        (
            {"streams": {"p9d": {"data": "d"}}, "set": {"stream.data": "e"}},
            "f: streams.p9d: data d beside set stream.data; allowed: one of the two",
        ),
        (
            {"streams": {"p9d": {"data": "d", "set": {"stream.data": "d"}}}},
            "f: streams.p9d: data d beside set stream.data; allowed: one of the two",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(changes, message):
    with pytest.raises(UserError) as error:
        StudyRequest.of({"methods": ["er"]} | changes, "f")
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_one_memory_may_be_said_twice():
    request = StudyRequest.of({"methods": ["er"], "memory": 40, "set": {"replay.size": 40}}, "f")
    assert (request.memory, request.values) == (40, {"replay.size": 40})


@pytest.mark.parametrize("none", [None, [], {}])
def test_streams_may_be_none(none):
    assert StudyRequest.of({"methods": ["er"], "streams": none}, "f").streams == ()


def test_no_mapping_is_no_request():
    with pytest.raises(UserError, match="^f: is no mapping; allowed are question, methods, streams"):
        StudyRequest.of(["er"], "f")


def test_each_run_has_a_name_of_its_own():
    own = {"methods": ["slda", "ncm"], "streams": ["digits"], "pairs": 2}
    one = Study.of("s", StudyRequest.of(own, "f"))
    assert one.names == [
        f"s-{method}{pair}" for method in ("slda", "ncm") for pair in ("", "-pair1", "-pair2")
    ]
    own["streams"] = {"a": {"name": "digits"}, "b": {"name": "digits"}}
    two = Study.of("s", StudyRequest.of(own, "f"))
    assert two.names[:2] == ["s-slda-a", "s-slda-a-pair1"] and two.names[-1] == "s-ncm-b-pair2"
    own["methods"] = {"ncm": None, "ncm-a": {"name": "ncm"}}
    own["streams"] = {"a-b": {"name": "digits"}, "b": {"name": "digits"}}
    with pytest.raises(
        UserError, match="^s-ncm-a-b: two runs of the study have this name; allowed: other la"
    ):
        Study.of("s", StudyRequest.of(own, "f"))
    with pytest.raises(UserError, match="a run of the study 's-a b': allowed are 1 to 100 letters"):
        Study.of(
            "s", StudyRequest.of(own | {"methods": {"a b": {"name": "ncm"}}, "streams": ["digits"]}, "f")
        )


def test_a_pair_has_a_seed_and_an_order_of_its_own_and_the_search_has_neither():
    values = [dict(Pair(n).values) for n in (1, 2, 3)]
    assert values == [{"run.seed": n, "stream.order": n} for n in (1, 2, 3)]
    arm = StudyArm.of(StudyRequest.of(_ASKED, "f"), Arm("slda", "slda"), Arm("digits", "digits"))
    assert (arm.space.config.run.seed, arm.space.config.stream.order) == (0, 0)


def test_one_memory_is_every_memory_and_no_longer_searched():
    """A method without a memory gets none. What a method says of its own wins."""
    request = StudyRequest.of(_ASKED, "f")
    arms = {m.label: StudyArm.of(request, m, request.streams[0]) for m in request.methods}
    sizes = {label: arm.space.start_config.replay.size for label, arm in arms.items()}
    assert sizes == {"mine": 40, "slda": 0, "clap4clip": 7}
    assert not any(arm.space.searches("replay.size") for arm in arms.values())
    assert arms["mine"].space.start_config.method.epochs == 3
    assert {arm.space.config.run.views for arm in arms.values()} == {1}
    assert {arm.trials for arm in arms.values()} == {5}
    # CTP begins without a memory, and searches its size.
    retrieval = StudyRequest.of({"methods": ["ctp", "er", "finetune"], "memory": 64}, "f")
    found = {m.label: StudyArm.of(retrieval, m, None).memory for m in retrieval.methods}
    assert found == {"ctp": "64", "er": "64", "finetune": "0"}
    free = StudyRequest.of(_ASKED | {"memory": None}, "f")
    assert StudyArm.of(free, free.methods[0], free.streams[0]).space.searches("replay.size")


def test_methods_share_a_session_where_one_stream_and_one_encoder_serve_them():
    request = StudyRequest.of(_ASKED, "f")
    digits, other = Arm("digits", "digits"), Arm("o", "digits", values={"stream.image_size": 16})
    mine, slda, clap = (StudyArm.of(request, m, digits).shares() for m in request.methods)
    assert mine == slda == clap
    assert StudyArm.of(request, request.methods[1], other).shares() != slda
    random = Arm("slda", "slda", values={"method.backbone.pretrained": "random"})
    assert StudyArm.of(request, random, digits).shares() != slda
    retrieval = StudyRequest.of({"methods": ["er", "finetune"]}, "f")
    er, finetune = (StudyArm.of(retrieval, m, None).shares() for m in retrieval.methods)
    assert er == finetune, "each trains towers of its own"


def test_a_methods_value_wins_over_its_streams_and_that_over_the_studys():
    asked = {
        "methods": {
            "own": {"name": "clip-finetune", "set": {"method.epochs": 3}},
            "other": {"name": "clip-finetune"},
        },
        "streams": {
            "few": {"name": "digits", "set": {"method": {"epochs": 4}, "run.views": 2}},
            "digits": None,
        },
        "set": {"method.epochs": 5, "run.views": 3, "method.batch_size": 32},
    }
    arms = Study.of("s", StudyRequest.of(asked, "f")).arms
    found = {}
    for arm in arms:
        config = arm.space.start_config
        found[arm.method.label, arm.stream.label] = (
            config.method.epochs,
            config.run.views,
            config.method.batch_size,
        )
        assert not arm.space.searches("method.epochs")
    assert found == {
        ("own", "few"): (3, 2, 32),
        ("other", "few"): (4, 2, 32),
        ("own", "digits"): (3, 3, 32),
        ("other", "digits"): (5, 3, 32),
    }


@pytest.mark.parametrize("line", ["run.seed: 3", "stream.order: 2", "stream.order: [0, 1]"])
def test_the_search_has_the_seed_and_the_order_of_no_pair(tmp_path, line):
    shipped = Space.load("slda").path.read_text()
    own = tmp_path / "slda.yaml"
    own.write_text(shipped.replace("stream: shapes-recognition", "stream: digits"))
    asked = {"methods": {"slda": {"space": str(own)}}}
    assert Study.of("s", StudyRequest.of(asked, "f")).arms[0].trials == 16
    text = own.read_text()
    fixed = f"fixed:\n  {line}\n"
    own.write_text(text.replace("fixed:\n", fixed) if "\nfixed:\n" in text else text + fixed)
    with pytest.raises(
        UserError, match=f"^slda: {own} has {line.split(':')[0]} .*, and each pair has its own"
    ):
        Study.of("s", StudyRequest.of(asked, "f"))


@pytest.mark.parametrize("methods", [["slda", "ncm"], {"clip-er": {"set": {"replay.size": 7}}}])
def test_a_memory_that_no_method_comes_to_have_is_refused(methods):
    asked = {"methods": methods, "streams": ["digits"]}
    message = "^memory 40: no method comes to have it (slda 0, ncm 0); allowed: without memory"
    if "slda" not in methods:
        message = "^memory 40: no method comes to have it (clip-er 7)"
    with pytest.raises(UserError, match=message.replace("(", r"\(").replace(")", r"\)")):
        Study.of("s", StudyRequest.of(asked | {"memory": 40}, "f"))
    assert Study.of("s", StudyRequest.of(asked | {"memory": 0}, "f"))


@pytest.mark.parametrize(
    ("method", "memory"),
    [
        ({"name": "slda"}, "0"),
        ({"name": "clip-er"}, "searched"),
        ({"name": "clip-er", "set": {"replay.size": 7}}, "7"),
        (
            {"name": "clip-er", "set": {"replay": {"size": 7, "budget": "per_class", "policy": "herding"}}},
            "7 a class",
        ),
    ],
)
def test_a_memory_is_what_the_runs_have(method, memory):
    (arm,) = Study.of("s", StudyRequest.of({"methods": {"m": method}, "streams": ["digits"]}, "f")).arms
    assert arm.memory == memory


def test_methods_that_are_compared_have_one_stream_and_may_read_its_texts_in_their_own_ways():
    asked = {"methods": ["triplet-er", "vqa-er"], "streams": ["shapes-vqa"]}
    message = (
        "^stream.setting: triplet-er has 'con-ls', vqa-er '.*', by their search spaces; allowed: one for"
    )
    for streams in (["shapes-vqa"], None):
        with pytest.raises(UserError, match=message):
            Study.of("s", StudyRequest.of(asked | {"streams": streams}, "f"))
    arms = Study.of("s", StudyRequest.of(asked | {"set": {"stream.setting": "con-ls"}}, "f")).arms
    assert [arm.space.config.stream.max_tokens for arm in arms] == [40, 20]
    with pytest.raises(
        UserError, match="^streams: none is named, and the methods' own differ .slda: shapes-rec"
    ):
        Study.of("s", StudyRequest.of({"methods": ["slda", "er"]}, "f"))
