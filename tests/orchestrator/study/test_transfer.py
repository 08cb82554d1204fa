"""A study whose values are chosen on another stream, seed or order than its own. The runs are played."""

from dataclasses import replace

import pytest
import yaml

from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.search.space import Space
from orchestrator.streams import registry
from orchestrator.study.study import Study
from orchestrator.study.study_request import StudyRequest

pytestmark = pytest.mark.unit

_OTHER = "transfer stream.seed=7"


@pytest.fixture
def seeded(played, monkeypatch):
    """Played studies, whose stream's content depends on its seed."""
    load = registry.get("digits").load
    monkeypatch.setattr(
        registry.get("digits"),
        "load",
        lambda config, skip_bad: replace(load(config, skip_bad), fingerprint=f"seed {config.seed}"),
    )
    return played


def test_searches_read_the_other_stream_and_pairs_the_studys(seeded, tmp_path):
    status, told = seeded.begun(protocol=_OTHER)
    assert (status, seeded.reasons()) == (0, {})
    assert [session.source.fingerprint for session in seeded.sessions] == ["seed 7", "seed 0"]
    assert [session.base.stream.seed for session in seeded.sessions] == [7, 0]
    # No run with a pair follows in the session of the searches.
    assert [(session.jobs, session.follow_ups) for session in seeded.sessions] == [(4, 0), (6, 4)]
    runs = tmp_path / "runs"
    chosen = RunConfig.load_yaml(runs / "s-kept" / "trials" / "trial_0002" / "config.yaml")
    ran = RunConfig.load_yaml(runs / "s-kept-pair2" / "trials" / "seed_2" / "config.yaml")
    differ = {key for key, value in ran.flat().items() if chosen.flat()[key] != value}
    assert differ == {"stream.seed", "stream.order", "run.seed"}
    assert (chosen.stream.seed, ran.stream.seed) == (7, 0) and ran.method.learning_rate == 0.002
    assert (
        "chosen on validation data of another stream, seed or order (transfer stream.seed=7); no trial"
        in told
    )
    request = yaml.safe_load((runs / "s-plain" / "sweep.yaml").read_text())
    assert (request["protocol"], request["values"]["stream.seed"]) == (_OTHER, 7)


def test_it_is_gone_on_with_and_another_one_is_refused(seeded, tmp_path):
    seeded.at = {("s-kept-pair1", "seed_1"): KeyboardInterrupt()}
    assert seeded.begun(protocol=_OTHER)[0] == 130
    seeded.at = {}
    file = tmp_path / "runs" / "s" / "study.yaml"
    before = file.read_text()
    file.write_text(before.replace("seed=7", "seed=8"))
    with pytest.raises(UserError, match="s-plain: was asked for with protocol '.*=7', not '.*=8'; allowed: "):
        seeded.gone_on()
    file.write_text(before)
    assert seeded.gone_on()[0] == 0 and len(set(seeded.searched)) == 4 == len(seeded.searched)


def arm(protocol, streams=("digits",)):
    """The method of a study that has one."""
    streams = list(streams) if isinstance(streams, tuple) else streams
    asked = {"methods": {"m": {"name": "slda"}}, "streams": streams, "protocol": protocol}
    return Study.of("s", StudyRequest.of(asked, "f")).arms[0]


def test_of_another_stream_by_name_nothing_of_the_studys_is_left():
    own = {"digits": {"set": {"stream.increment": 2, "stream.initial": 4}}}
    found = arm("transfer stream.name=cifar100 stream.data=there stream.seed=3", streams=own)
    there, here = found.searched.space.config, found.space.config
    assert (there.stream_name, here.stream_name) == ("cifar100", "digits")
    assert there.stream.data.endswith("/there") and found.searched.data == "there"
    assert (there.stream.increment, here.stream.increment, there.stream.seed) == (10, 2, 3)
    # Of the same stream it is.
    near = arm("transfer stream.name=digits stream.seed=3", streams=own).searched
    assert near.space.config.stream == replace(here.stream, seed=3) and near.data is None
    assert arm("end-of-stream", streams=own).searched.space.config == here


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        ("transfer stream.seed=0", "is the stream that is reported on; allowed: another value"),
        ("transfer stream.name=digits", "is the stream that is reported on; allowed: another value"),
        ("transfer stream.order=8", "pair 8 has this order; allowed: natural, or a whole number above 8"),
    ],
)
def test_a_stream_that_is_no_other_is_one_line(protocol, said):
    with pytest.raises(UserError) as error:
        arm(protocol)
    assert str(error.value) == f"m: protocol {protocol}: {said}"


def test_the_method_learns_the_other_stream_too():
    with pytest.raises(UserError, match="'shapes-vqa' is a vqa stream; slda learns recognition"):
        arm("transfer stream.name=shapes-vqa")


@pytest.mark.parametrize("order", ["9", "natural"])
def test_an_order_that_no_pair_has_is_another_one(order):
    assert str(arm(f"transfer stream.order={order}").searched.space.config.stream.order) == order


def test_methods_are_searched_on_one_stream_and_share_a_session(tmp_path):
    asked = {"methods": {"slda": {}, "ncm": {}}, "streams": ["shapes-recognition"]}
    first, other = (
        Study.of("s", StudyRequest.of(asked | {"protocol": p}, "f")).arms for p in ("end-of-stream", _OTHER)
    )
    assert other[0].shares() == other[1].shares() != first[0].shares()
    own = tmp_path / "ncm.yaml"
    shipped = Space.load("ncm").path.read_text().replace("stream: shapes-recognition", "stream: digits")
    own.write_text(shipped + "fixed: {stream.increment: 4, stream.initial: 2}\n")
    asked["methods"]["ncm"] = {"space": str(own)}
    with pytest.raises(UserError, match="^stream.increment: slda has 2, ncm 4, by their search spaces"):
        Study.of("s", StudyRequest.of(asked | {"protocol": "transfer stream.name=digits"}, "f"))
