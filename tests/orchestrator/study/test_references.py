"""Reference runs beside a study: derived, run once, kept, found again, and what methods come to beside them.
They are played."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from orchestrator import __version__
from orchestrator.errors import UserError
from orchestrator.evaluation.tables import write_matrix
from orchestrator.execution.job import Outcome
from orchestrator.housekeeping.found_run import FoundRun
from orchestrator.references import derived_reference as reference
from orchestrator.references.reference_config import reference_config, reference_kinds
from orchestrator.run_options import CHANGES_NO_NUMBER
from orchestrator.search.space import Space
from orchestrator.storage.identity import IDENTITY_FILE
from orchestrator.study.study_request import StudyRequest
from orchestrator.study.study_start import StudyStart

pytestmark = pytest.mark.unit

_OWN = ["s-plain-pair1", "s-kept-pair1", "s-plain-pair2", "s-kept-pair2"]


def _start(method, **values):
    return Space.load(method, None, None, values, method=method).start_config


def _references(played):
    return [run for run in played.walked if run.startswith("reference-")]


def _kinds(runs):
    return [run.removeprefix("reference-").partition("-digits-")[0] for run in runs]


def test_a_reference_has_the_stream_backbone_epochs_and_batches_of_the_method():
    like = _start("mma", **{"method.epochs": 7, "method.batch_size": 24, "run.views": 2})
    assert reference_kinds(like) == ["zero-shot", "finetune", "joint-once", "independent", "joint"]
    found = {kind: reference_config(kind, like) for kind in reference_kinds(like)}
    assert {kind: one.method_name for kind, one in found.items()} == {
        "zero-shot": "zero-shot",
        "finetune": "clip-finetune",
        "joint-once": "clip-joint-once",
        "independent": "clip-finetune",
        "joint": "clip-joint",
    }
    for kind, one in found.items():
        assert (one.stream, one.method.backbone, one.run.views) == (like.stream, like.method.backbone, 2)
        assert one.run.fresh == (kind in ("independent", "joint")) and one.replay.size == 0
        if kind != "zero-shot":
            assert (one.method.epochs, one.method.batch_size) == (7, 24)
            # MMA's own rate is of its own optimiser.
            assert one.method.learning_rate == _start(one.method_name).method.learning_rate


def test_where_the_method_has_all_hyper_parameters_of_the_reference_they_are_the_methods():
    like = _start("ctp", **{"method.learning_rate": 3e-4, "method.mlm_weight": 0.5, "replay.size": 8})
    assert reference_kinds(like) == ["finetune", "joint-once", "independent", "joint"]
    one = reference_config("joint-once", like)
    assert (one.method_name, one.method.learning_rate, one.method.mlm_weight) == ("joint-once", 3e-4, 0.5)
    assert one.replay.size == 0 and one.method.embed_dim == like.method.embed_dim


def test_a_reference_that_there_is_not_is_refused():
    with pytest.raises(UserError, match="joint-once: there is none beside triplet; allowed: finetune, ind"):
        reference_config("joint-once", _start("triplet"))
    assert reference_kinds(_start("itr-cca")) == []


def test_references_have_a_frozen_encoder_with_the_method_in_common(played, monkeypatch):
    monkeypatch.setattr(reference, "_encoder", lambda config: config.method_name)
    assert [one.kind for one in played.new(references=["finetune"]).study.references] == ["finetune"]
    with pytest.raises(UserError, match="joint: clip-joint and plain share no frozen encoder"):
        played.new(references=["joint"])


def test_the_first_method_that_has_them_gives_them(played):
    beside = {
        "methods": {"a": {"name": "triplet"}, "b": {"name": "triplet-er"}},
        "streams": {"shapes-vqa": None},
    }
    study = played.new(references=["joint"], trials=1, **beside).study
    assert [(one.kind, one.arm.method.label) for one in study.references] == [("joint", "b")]
    with pytest.raises(UserError, match="joint: triplet-joint and a share no frozen encoder"):
        played.new(references=["joint"], trials=1, **beside | {"methods": {"a": {"name": "triplet"}}})


@pytest.mark.parametrize(
    "said, told",
    [
        (True, None),
        (False, ()),
        (None, ()),
        (["joint", "zero-shot"], ("zero-shot", "joint")),
    ],
)
def test_a_file_says_which(said, told):
    asked = {"methods": ["clip-er"], "references": said}
    request = StudyRequest.of(asked, "f")
    assert request.references == told
    assert StudyRequest.of(yaml.safe_load(request.text()), "f").references == told
    assert ("references" in request.text()) == (told != ())


@pytest.mark.parametrize("said", ["all", ["jont"], [["joint"]], 3])
def test_what_is_no_reference_is_refused(said):
    with pytest.raises(UserError, match="f: references .*: allowed are true, false, or some of zero-sh"):
        StudyRequest.of({"methods": ["clip-er"], "references": said}, "f")


def test_without_references_there_are_none(played):
    assert played.begun()[0] == 0 and _references(played) == []
    assert not (played.new(name="t").study.references) and "References" not in played.gone_on()[1]


def test_a_study_runs_each_with_each_pair_and_another_one_finds_them(played, tmp_path):
    status, told = played.begun(references=True)
    made = _references(played)
    assert status == 0 and sorted(_kinds(made)) == sorted([*reference_kinds(_start("clip-er"))[:-1]] * 2)
    assert len(set(made)) == 8 and [run for run in played.walked if run not in made] == _OWN
    assert all((tmp_path / "runs" / run / "trials").is_dir() for run in made)
    config = yaml.safe_load((tmp_path / "runs" / made[-1] / "trials" / "seed_2" / "config.yaml").read_text())
    assert (config["run"]["seed"], config["stream"]["order"]) == (2, 2)
    assert played.gone_on() == (0, told) and _references(played) == made, "a finished study starts nothing"
    lines = []
    second = {"methods": {"other": {"name": "clip-finetune"}}, "streams": {"digits": None}, "trials": 1}
    asked = {**second, "pairs": 3, "references": ["zero-shot", "independent"]}
    start = StudyStart.new(StudyRequest.of(asked, "f"), "t", lines.append)
    assert "3 runs of zero-shot, 2 of them kept in runs/" in start.preview()
    assert played.run(start)[0] == 0
    assert _kinds(_references(played)[8:]) == ["zero-shot", "independent"], "of pair 3 alone"
    kept = [line for line in lines if " is kept in " in line]
    assert len(kept) == 4 and kept[0].startswith("reference zero-shot: reference-zero-shot-digits-pair1-")
    assert kept[0].endswith("made by commit unknown")


def test_interrupted_references_go_on_and_finished_ones_do_not_begin_again(played):
    at = played.new(references=True).study.references[2]
    played.at = {(at.name(1), "seed_1"): KeyboardInterrupt()}
    assert played.begun(references=True)[0] == 130
    before = list(_references(played))
    played.at = {}
    assert played.gone_on()[0] == 0 and played.reasons() == {}
    assert len(set(_references(played))) == 8
    again = [run for run in set(before) if _references(played).count(run) > 1]
    # Those of pair 1 that were under way with it; zero-shot and finetune may have been told of their end.
    assert at.name(1) in again and not [run for run in again if "pair2" in run]


def test_a_reference_that_fails_is_named_and_tried_again(played):
    at = played.new(references=["joint"]).study.references[0]
    played.at = {(at.name(2), "seed_2"): Outcome("failed", "loss is nan")}
    status, told = played.begun(references=["joint"])
    assert status == 1 and f"- {at.name(2)}: seed_2: loss is nan" in told
    assert "| joint | 1 | 51.0 |" in told and "| plain | 2 | 0 | 2 | 51.5 ± 0.7 |" in told
    played.at = {}
    assert played.gone_on()[0] == 0 and _references(played).count(at.name(2)) == 2
    assert _references(played).count(at.name(1)) == 1


def test_a_study_is_given_references_later_and_may_leave_some_out(played, tmp_path):
    played.begun()
    searched = list(played.searched)
    status, told = played.gone_on(references=["joint-once"])
    assert status == 0 and _kinds(_references(played)) == ["joint-once"] * 2 and "| joint-once | 2 |" in told
    assert played.gone_on(references=["finetune", "joint-once"])[0] == 0
    assert _kinds(_references(played)) == ["joint-once"] * 2 + ["finetune"] * 2
    assert played.searched == searched and [run for run in played.walked if run in _OWN] == _OWN
    assert played.resumed().study.request.references == ("finetune", "joint-once")
    file = tmp_path / "runs" / "s" / "study.yaml"
    file.write_text(file.read_text().replace("- finetune\n", ""))
    assert [one.kind for one in played.resumed().study.references] == ["joint-once"], (
        "it keeps the others' runs"
    )
    with pytest.raises(UserError, match=r"--references: references \['jont'\]: allowed"):
        played.resumed(references=["jont"])


def test_joint_is_not_lost_to_those_of_equal_compute(played):
    played.begun(references=["joint"])
    with pytest.raises(UserError, match="those of equal compute, and the study has joint; allowed: some of"):
        played.resumed(references=True)
    assert [one.kind for one in played.resumed(references=["finetune"]).study.references] == [
        "finetune",
        "joint",
    ]


def test_one_that_was_removed_is_run_anew(played, tmp_path):
    told = played.begun(references=["joint"])[1]
    first, second = _references(played)
    shutil.rmtree(tmp_path / "runs" / first)
    assert "1 run of joint, 1 of them kept" not in told
    assert played.gone_on() == (0, told) and _references(played) == [first, second, first]


def test_a_study_whose_reference_failed_has_failed(played, tmp_path):
    at = played.new(references=["joint"], pairs=1).study.references[0]
    played.at = {(at.name(1), "seed_1"): Outcome("failed", "loss is nan")}
    played.begun(references=["joint"], pairs=1)

    def state():
        found = FoundRun.of(tmp_path / "runs" / "s")
        return found.state, found.done, found.asked

    assert state() == ("failed", 4, 5)
    played.at = {}
    played.gone_on()
    assert state() == ("finished", 5, 5)
    shutil.rmtree(tmp_path / "runs" / at.name(1))
    assert state() == ("interrupted", 4, 5)


def test_of_references_that_were_changed_those_of_now_count(played, tmp_path):
    played.at = {(one.name(1), "seed_1"): Outcome("failed", "loss is nan") for one in _two(played)[:1]}
    played.begun(references=["joint-once"], pairs=1)
    book, file = tmp_path / "runs" / "s" / "parts.json", tmp_path / "runs" / "s" / "study.yaml"
    names = [one.name(1) for one in _two(played)]
    assert json.loads(book.read_text())["references"] == names[:1]
    # An earlier version did not write it.
    parts = json.loads(book.read_text())
    book.write_text(json.dumps({key: value for key, value in parts.items() if key != "references"}))
    found = FoundRun.of(tmp_path / "runs" / "s")
    assert (found.state, found.done, found.asked) == ("failed", 4, 5)
    file.write_text(file.read_text().replace("- joint-once\n", "- independent\n- joint\n"))
    assert played.gone_on()[0] == 0
    assert json.loads(book.read_text())["references"] == names[1:]
    found = FoundRun.of(tmp_path / "runs" / "s")
    assert (found.state, found.done, found.asked) == ("finished", 6, 6), "what failed is none of it"
    content = file.read_text()
    file.write_text(content[: content.index("references:")])
    assert FoundRun.of(tmp_path / "runs" / "s").asked == 4


def _two(played):
    """The references joint-once, independent and joint of a study."""
    return played.new(name="q", references=["joint-once", "independent", "joint"], pairs=1).study.references


def test_a_study_that_was_interrupted_among_its_references_is_not_finished(played, tmp_path):
    at = played.new(name="q", references=["joint"], pairs=1).study.references[0]
    played.at = {(at.name(1), "seed_1"): KeyboardInterrupt()}
    assert played.begun(references=["joint"], pairs=1)[0] == 130
    assert FoundRun.of(tmp_path / "runs" / "s").state == "interrupted"


def test_one_of_other_data_or_another_configuration_is_refused_in_a_line(played, tmp_path):
    asked = {"references": ["zero-shot", "finetune"], "pairs": 1}
    played.begun(**asked)
    zero_shot, finetune = (tmp_path / "runs" / run for run in _references(played))
    shutil.rmtree(tmp_path / "runs" / "s")
    for run in ("s-plain", "s-kept", "s-plain-pair1", "s-kept-pair1"):
        shutil.rmtree(tmp_path / "runs" / run)
    identity = json.loads((zero_shot / IDENTITY_FILE).read_text())
    (zero_shot / IDENTITY_FILE).write_text(json.dumps(identity | {"content": "f" * 64}))
    config = yaml.safe_load((finetune / "config.yaml").read_text())
    config["method"]["epochs"] = 3
    (finetune / "config.yaml").write_text(yaml.safe_dump(config))
    status, told = played.begun(**asked)
    assert status == 1 and len(_references(played)) == 2
    assert f"{zero_shot.name}: is of another content of the stream digits (ffffffffffff, not " in told
    assert f"sweep rm {zero_shot.name}, by which it is made anew" in told
    assert f"{finetune.name}: has another configuration than its name says" in told


def test_the_name_follows_from_what_changes_numbers_alone(played, monkeypatch):
    def names(**values):
        study = played.new(references=["finetune"], set=values).study
        return [study.references[0].name(n) for n in (1, 2)]

    first = names()
    assert first[0] != first[1] and first[0].startswith("reference-finetune-digits-pair1-")
    assert names(**{"run.loader_threads": 1, "run.keep": "all", "replay.size": 30}) == first
    for values in ({"run.views": 1}, {"method.epochs": 3}, {"method.batch_size": 8}):
        assert not set(names(**values)) & set(first), values
    monkeypatch.setattr(reference, "__version__", f"{__version__}.1")
    assert not set(names()) & set(first)


@pytest.mark.parametrize("key", [key for key in CHANGES_NO_NUMBER if key != "stream.data"])
def test_what_changes_no_number_is_no_part_of_the_name(played, key):
    named = played.new(references=["finetune"]).study.references[0]
    value = {"device": "cpu", "gpus_per_trial": 0, "keep": "all", "loader_threads": 1, "stream_in": "disk"}
    other = value.get(key.removeprefix("run."), not named.config.flat()[key])
    assert named.config.flat()[key] != other
    assert played.new(references=["finetune"], set={key: other}).study.references[0].name(1) == named.name(1)


def test_a_search_on_another_order_has_the_same(played, tmp_path):
    def names(order):
        space = yaml.safe_load(Path(Space.load("clip-finetune", None, None, {}).path).read_text())
        file = tmp_path / "own.yaml"
        file.write_text(
            yaml.safe_dump(space | {"stream": "digits", "fixed": space["fixed"] | {"stream.order": order}})
        )
        methods = {"own": {"name": "clip-finetune", "space": str(file)}}
        study = played.new(references=["finetune"], methods=methods).study
        return [study.references[0].name(n) for n in (1, 2)]

    assert names(0) == names("natural") and len(set(names(0))) == 2


def test_weights_of_other_content_have_other_names(played, tmp_path):
    def name(content):
        (tmp_path / "clip.pt").write_bytes(content)
        asked = {"method.backbone.pretrained": str(tmp_path / "clip.pt")}
        return played.new(references=["finetune"], set=asked).study.references[0].name(1)

    assert name(b"one") == name(b"one") != name(b"other")


def test_methods_have_metrics_beside_them_pair_by_pair(played, tmp_path):
    played.begun(references=["joint", "independent"], pairs=2)
    study = played.resumed().study
    for one, value in zip(study.references, (90.0, 95.0), strict=True):  # independent, joint
        for number in (1, 2) if one.kind == "joint" else (1,):
            _write(tmp_path, one.name(number), number, np.full((2, 2), value))
    _write(tmp_path, "s-plain-pair1", 1, [[80.0, 10.0], [60.0, 70.0]])
    _write(tmp_path, "s-plain-pair2", 2, [[85.0, 10.0], [60.0, 75.0]])
    told = StudyStart.recorded("s", lambda line: None).report()
    page = (tmp_path / "runs" / "s" / "report.html").read_text()
    heads = "| method | forward transfer independent | forgetting independent | intransigence |"
    assert f"{heads}\n| --- | --- | --- | --- |\n| plain | -20.0 | 30.0 | 17.5 ± 3.5 |\n| kept | – |" in told
    assert (
        "Not computed: forward_transfer_zero_shot (no zero-shot), intransigence_once (no joint-once)" in told
    )
    assert 'data-table="references"' in page and 'data-table="against"' in page and "17.5 ± 3.5" in page
    result = json.loads((tmp_path / "runs" / "s" / "result.json").read_text())["streams"][0]
    found = [pair["test"] for pair in result["methods"][0]["pairs"]]
    assert [one.get("intransigence") for one in found] == [20.0, 15.0]
    assert [one.get("forgetting_independent") for one in found] == [30.0, None]
    assert [one["reference"] for one in result["references"]] == ["independent", "joint"]
    assert "intransigence" in (tmp_path / "runs" / "s" / "pairs.csv").read_text().splitlines()[0]


def test_a_result_has_what_another_version_made(played, tmp_path, monkeypatch):
    played.begun(references=["joint"], pairs=2)
    _write(tmp_path, _references(played)[0], 1, np.full((2, 2), 90.0))
    _write(tmp_path, "s-plain-pair1", 1, [[80.0, 10.0], [60.0, 70.0]])
    before = StudyStart.recorded("s", lambda line: None).report()
    monkeypatch.setattr(reference, "__version__", f"{__version__}.1")
    after = StudyStart.recorded("s", lambda line: None).report()
    made = " ".join(f"{run} is shown as another version made it." for run in _references(played))
    assert made in after and after.replace(f" {made}", "") == before and "| plain | 15.0 |" in before
    # On other data there would be nothing to compare.
    book = tmp_path / "runs" / "s" / "parts.json"
    parts = json.loads(book.read_text())
    for run in _references(played):
        parts["parts"][run]["content"] = "f" * 64
    book.write_text(json.dumps(parts))
    assert "is shown as another version" not in StudyStart.recorded("s", lambda line: None).report()


def test_a_reference_made_anew_on_other_data_is_not_mixed_with_its_figures(played, tmp_path):
    played.begun(references=["joint"], pairs=1)
    made = tmp_path / "runs" / _references(played)[0]
    _write(tmp_path, made.name, 1, np.full((2, 2), 90.0))
    _write(tmp_path, "s-plain-pair1", 1, [[80.0, 10.0], [60.0, 70.0]])
    assert "| plain | 15.0 |" in StudyStart.recorded("s", lambda line: None).report()
    identity = json.loads((made / IDENTITY_FILE).read_text())
    (made / IDENTITY_FILE).write_text(json.dumps(identity | {"content": "f" * 64}))
    told = StudyStart.recorded("s", lambda line: None).report()
    assert (
        "| plain | 15.0 |" not in told
        and f"{made.name}: was made anew on other data (ffffffffffff, not" in told
    )


def test_where_the_first_method_has_no_epochs_the_references_have_their_own(played):
    told = played.begun(methods={"s": {"name": "slda"}}, references=["finetune"], pairs=1)[1]
    assert "They train as their own search spaces begin, since s has no epochs or batches." in told
    assert "epochs in batches of" not in told


def _write(tmp_path, run, seed, matrix):
    folder = tmp_path / "runs" / run / "trials" / f"seed_{seed}" / "test"
    write_matrix(folder / "matrix.csv", np.array(matrix, dtype=float), ["a", "b"])
