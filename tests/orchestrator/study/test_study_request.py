"""What a study's file may ask."""

import pytest

from orchestrator.errors import UserError
from orchestrator.study.arm import Arm
from orchestrator.study.pair import Pair
from orchestrator.study.study_arm import StudyArm
from orchestrator.study.study_request import STUDY_FILE, StudyRequest

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
            "f: methods: allowed are different names in a list, or label: {name, set}",
        ),
        ({"methods": []}, "f: methods: allowed are different names"),
        (
            {"methods": {"er": {"sets": {}}}},
            "f: methods.er.sets: not known here; allowed: name, data, space, set",
        ),
        ({"methods": {"er": 3}}, "f: methods.er: 3: allowed is a mapping with name, data, space, set"),
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
        ({"question": 3}, "f: question 3: allowed is text"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(changes, message):
    with pytest.raises(UserError) as error:
        StudyRequest.of({"methods": ["er"]} | changes, "f")
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_no_mapping_is_no_request():
    with pytest.raises(UserError, match="^f: is no mapping; allowed are question, methods, streams"):
        StudyRequest.of(["er"], "f")


def test_each_run_has_a_name_of_its_own():
    one = StudyRequest.of(_ASKED, "f")
    assert one.run_name("s", one.methods[0], one.streams[0]) == "s-mine"
    assert one.run_name("s", one.methods[0], one.streams[0], 3) == "s-mine-pair3"
    two = StudyRequest.of(_ASKED | {"streams": {"a": {"name": "digits"}, "b": {"name": "digits"}}}, "f")
    assert two.run_name("s", two.methods[1], two.streams[1], 3) == "s-slda-b-pair3"


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
