"""Reference runs beside the best trial of a sweep: run once, kept, found again, and what the trial comes to
beside them. They are played."""

import json
import shutil

import numpy as np
import pytest
import yaml

from orchestrator import api, sweep
from orchestrator.commands import sweep_run
from orchestrator.commands.result_json import result_json
from orchestrator.errors import UserError
from orchestrator.evaluation.tables import write_matrix
from orchestrator.execution.job import Outcome
from orchestrator.housekeeping.found_run import FoundRun
from orchestrator.housekeeping.list_runs import list_runs
from orchestrator.housekeeping.show_run import show_run
from orchestrator.references.seed_and_order import SeedAndOrder
from orchestrator.storage.identity import IDENTITY_FILE
from orchestrator.storage.reference_name import reference_kind, reference_name

pytestmark = pytest.mark.unit

_EQUAL = ["zero-shot", "finetune", "joint-once", "independent"]


@pytest.fixture
def swept(played, monkeypatch, tmp_path):
    """``played``, where ``sweep(**asked)`` runs a sweep ``s`` of two trials by the Python door and keeps its
    lines in ``lines`` and its last words in ``told``. ``looked`` has the trials that were tested, ``runs`` is
    the folder.
    """
    look, played.looked, played.lines, played.runs = sweep_run._look_at_test, [], [], tmp_path / "runs"

    def looked(run, space, session, recorder, best):
        played.looked.append(best.id)
        return look(run, space, session, recorder, best)

    def run(method="clip-er", **asked):
        played.lines.clear()
        new = {} if "resume" in asked else {"stream": "digits", "trials": 2, "name": "s"}
        told = {"say": played.lines.append, "last": lambda text: setattr(played, "told", text)}
        return api.sweep(None if "resume" in asked else method, **(new | asked), **told)

    monkeypatch.setattr(sweep_run, "_look_at_test", looked)
    played.sweep = run
    return played


def _kinds(played):
    return [reference_kind(run) for run in played.walked]


def _sent(played, file):
    """How often the record of the sweep has a file."""
    lines = map(json.loads, (played.runs / "s" / "tracking.jsonl").read_text().splitlines())
    return [line["path"] for line in lines if line["op"] == "artifact"].count(file)


def _name(played, kind):
    """The name of the run of a kind that was walked last."""
    return [run for run in played.walked if reference_kind(run) == kind][-1]


def _write(played, run, trial, matrix):
    folder = played.runs / run / "trials" / trial / "test"
    write_matrix(folder / "matrix.csv", np.array(matrix, dtype=float), ["a", "b"])


def _with_matrices(played):
    """Gives the best trial a matrix, and independent training and joint training at once theirs."""
    _write(played, "s", "trial_0002", [[80.0, 10.0], [60.0, 70.0]])
    _write(played, _name(played, "independent"), "seed_0", np.full((2, 2), 90.0))
    _write(played, _name(played, "joint-once"), "seed_0", np.full((2, 2), 95.0))


def test_they_are_run_after_the_look_at_test_in_the_same_session(swept):
    result = swept.sweep(references=True)
    assert (result.status, result.exit_status) == ("finished", 0) and swept.looked == ["trial_0002"]
    assert _kinds(swept) == _EQUAL and len(swept.sessions) == 1
    asked = swept.sessions[0]
    assert asked.folder == swept.runs / "s" and (asked.jobs, asked.follow_ups) == (4, 8)
    config = yaml.safe_load((swept.runs / _name(swept, "finetune") / "config.yaml").read_text())
    assert (config["run"]["seed"], config["stream"]["order"], config["method"]["name"]) == (
        0,
        0,
        "clip-finetune",
    )
    assert f"  finetune     clip-finetune    average  50.00 %  runs/{_name(swept, 'finetune')}" in swept.told
    assert any(line.startswith("reference joint-once: seed_0") for line in swept.lines)
    assert "test/intransigence_once" not in result.test, "no run has a matrix"
    noted = json.loads((swept.runs / "s" / "references.json").read_text())
    assert list(noted) == _EQUAL and noted["finetune"] == {"run": _name(swept, "finetune"), "reason": ""}


def test_without_the_option_there_are_none(swept):
    swept.sweep()
    assert swept.walked == [] and "Reference" not in swept.told
    assert "references" not in (swept.runs / "s" / "sweep.yaml").read_text()
    assert not (swept.runs / "s" / "references.json").exists()
    with pytest.raises(UserError, match="there is no"):
        swept.sweep(resume="other", references=True)


def test_the_figures_of_the_best_trial_have_what_it_comes_to_beside_them(swept):
    swept.sweep(references=["independent", "joint-once"])
    walked = list(swept.walked)
    _with_matrices(swept)
    result = swept.sweep(resume="s")
    assert swept.walked == walked and len(swept.sessions) == 1 and swept.looked == ["trial_0002"]
    beside = {
        "test/forward_transfer_independent": -20.0,
        "test/forgetting_independent": 30.0,
        "test/intransigence_once": 20.0,
    }
    assert {name: result.test.get(name) for name in beside} == beside and result.test["test/average"] == 7.0
    assert json.loads(result_json(result))["test"]["test/intransigence_once"] == 20.0
    shown = "forward_transfer_independent -20.00 %  forgetting_independent 30.00 %"
    assert shown in " ".join(swept.told.split("\n")[:40]).replace("   ", "")
    journal = [json.loads(line) for line in (swept.runs / "s" / "tracking.jsonl").read_text().splitlines()]
    ends = [one for one in journal if one["op"] == "end" and not one["run"]]
    assert "references" in json.dumps(ends[-1]) and "test/intransigence_once" in json.dumps(journal[-3:])
    assert "intransigence_once 20.00 %" in " ".join(show_run(swept.runs, "s").split())


def test_a_later_sweep_of_another_method_finds_them(swept):
    swept.sweep(references=True)
    made = list(swept.walked)
    result = swept.sweep("clip-finetune", name="t", references=True)
    assert result.status == "finished" and swept.walked == made
    kept = [line for line in swept.lines if " is kept in " in line]
    assert len(kept) == 4 and kept[0].startswith(f"reference zero-shot: {made[0]} is kept in runs, made by")
    swept.sweep("clip-finetune", name="u", references=["finetune"], set={"run.seed": 2})
    assert _kinds(swept) == [*_EQUAL, "finetune"], "another seed has its own"


def test_with_the_seed_and_the_order_of_a_pair_it_is_the_run_of_a_study(swept):
    at = {"run.seed": 2, "stream.order": 2}
    swept.sweep("clip-finetune", references=["joint"], set=at)
    study = swept.new(name="q", references=["joint"], pairs=2).study
    assert swept.walked == [study.references[0].name(2)]


def test_an_interrupted_one_goes_on_and_a_finished_one_does_not_begin_again(swept):
    swept.sweep(references=["joint-once"])
    name = _name(swept, "joint-once")
    shutil.rmtree(swept.runs / name)
    shutil.rmtree(swept.runs / "s")
    swept.walked.clear()
    swept.at = {(name, "seed_0"): KeyboardInterrupt()}
    result = swept.sweep(references=["finetune", "joint-once"])
    assert (result.status, result.exit_status) == ("interrupted", 130) and swept.told.endswith(
        "Go on with:\n  python -m orchestrator.sweep --resume s"
    )
    assert result.test["test/average"] == 7.0, "the look at test data is not lost"
    assert FoundRun.of(swept.runs / "s").state == "interrupted"
    swept.at = {}
    result = swept.sweep(resume="s")
    assert (result.status, swept.walked.count(name)) == ("finished", 2)
    assert swept.looked == ["trial_0002"] * 2, "of both sweeps called s, not of the resumed one"
    assert FoundRun.of(swept.runs / "s").state == "finished"
    shutil.rmtree(swept.runs / name)
    assert FoundRun.of(swept.runs / "s").state == "interrupted", "--resume runs it anew"


def test_one_that_fails_is_said_and_spoils_nothing(swept):
    swept.sweep(references=["joint-once"])
    name = _name(swept, "joint-once")
    for run in (name, "s"):
        shutil.rmtree(swept.runs / run)
    swept.at = {(name, "seed_0"): Outcome("failed", "loss is nan")}
    result = swept.sweep(references=["joint-once", "independent"])
    assert (result.status, result.exit_status, result.reason) == ("finished", 0, "")
    assert _kinds(swept)[1:] == ["joint-once", "independent"]
    assert "  joint-once   clip-joint-once  failed: seed_0: loss is nan" in swept.told
    assert "To try again what failed: python -m orchestrator.sweep --resume s" in swept.told
    assert FoundRun.of(swept.runs / "s").state == "finished"
    swept.at = {}
    swept.sweep(resume="s")
    assert _kinds(swept)[3:] == ["joint-once"] and "failed" not in swept.told


def test_a_finished_sweep_is_given_references(swept):
    swept.sweep()
    swept.sweep(resume="s", references=["joint-once"])
    result = swept.sweep(resume="s", references=True)
    assert result.status == "finished" and _kinds(swept) == [
        "joint-once",
        "zero-shot",
        "finetune",
        "independent",
    ]
    assert swept.looked == ["trial_0002"] and [session.jobs for session in swept.sessions] == [2, 1, 3]
    request = yaml.safe_load((swept.runs / "s" / "sweep.yaml").read_text())
    assert request["references"] == _EQUAL
    # A file is sent as it is when its turn comes, and anew where it has changed since.
    assert _sent(swept, "sweep.yaml") == 3 and _sent(swept, "space.yaml") == 1
    swept.sweep(resume="s", references=["joint"])
    assert _sent(swept, "sweep.yaml") == 4
    assert _kinds(swept)[4:] == ["joint"], "those of before are not lost to a further one"
    result = swept.sweep(resume="s", trials=3)
    assert result.status == "finished" and len(result.trials) == 3 and len(swept.walked) == 5


def test_a_preview_says_which_are_there(swept, capsys):
    swept.sweep(references=["finetune"])
    name = _name(swept, "finetune")
    command = ["clip-finetune", "--stream", "digits", "--trials", "2", "--dry-run", "--references"]
    assert sweep.main(command) == 0
    said = capsys.readouterr().out
    assert "beside the best trial, with seed 0 and stream.order 0:" in said
    assert f"reference finetune     clip-finetune: is there already, in runs/{name}" in said
    assert "reference joint-once   clip-joint-once: will be run; how long is not known" in said
    assert "reference joint " not in said, "which takes more steps"
    assert sweep.main([*command, "joint"]) == 0
    assert "reference joint        clip-joint: will be run" in capsys.readouterr().out
    assert len(swept.walked) == 1, "nothing is started"


def test_one_of_other_data_is_refused_and_counts_for_nothing(swept, capsys):
    swept.sweep(references=["independent", "joint-once"])
    _with_matrices(swept)
    identity = swept.runs / _name(swept, "joint-once") / IDENTITY_FILE
    identity.write_text(json.dumps(json.loads(identity.read_text()) | {"content": "f" * 64}))
    result = swept.sweep(resume="s")
    assert result.status == "finished" and "is of another content of the stream digits (ffff" in swept.told
    assert "test/intransigence_once" not in result.test and "test/forgetting_independent" in result.test
    sweep.main(["--resume", "s", "--dry-run"])
    assert "clip-joint-once: runs/reference-joint-once-digits-pair0-" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("method", "asked", "said"),
    [
        (
            "clip-er",
            {"references": ["jont"]},
            r"^--references: references \['jont'\]: allowed are true, false, or",
        ),
        (
            "clip-er",
            {"references": "joint"},
            "^--references: references 'joint': allowed are true, false, or",
        ),
        (
            "clip-er",
            {"references": True, "first_tasks": 1},
            "^--references: beside --first-tasks 1, which looks",
        ),
        (
            "itr-cca",
            {"references": True, "stream": "shapes-retrieval"},
            "^references: there is none beside itr-c",
        ),
        (
            "triplet",
            {"references": ["joint-once"], "stream": "shapes-vqa"},
            "^references: joint-once: there is none beside triplet; allowed: finetune, independent, joint",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(swept, method, asked, said):
    with pytest.raises(UserError, match=said):
        swept.sweep(method, **asked)
    assert not (swept.runs / "s").exists() and swept.sessions == []


def test_the_search_of_a_study_has_none(swept):
    swept.begun(pairs=1)
    with pytest.raises(UserError, match="^--resume s-plain --references: the sweep looks at no test data"):
        swept.sweep(resume="s-plain", references=True)


def test_where_a_search_begins_beside_its_space_does_not_change_them(swept):
    swept.sweep("clip-finetune", references=["finetune"])
    made = list(swept.walked)
    swept.sweep("clip-finetune", name="t", references=["finetune"], warm_start=["s"])
    assert "starts" in (swept.runs / "t" / "sweep.yaml").read_text() and swept.walked == made
    swept.sweep(resume="t")
    assert swept.walked == made


def test_one_that_a_storage_keeps_is_brought_from_there(swept, tmp_path):
    swept.sweep(references=["finetune"], storage=str(tmp_path / "kept"))
    name = _name(swept, "finetune")
    assert (tmp_path / "kept" / name / IDENTITY_FILE).is_file()
    for run in (name, "s"):
        shutil.rmtree(swept.runs / run)
    result = swept.sweep("clip-finetune", name="t", references=["finetune"], storage=str(tmp_path / "kept"))
    assert result.status == "finished" and len(swept.walked) == 1
    assert (swept.runs / name / IDENTITY_FILE).is_file() and "average  50.00 %" in swept.told


def test_they_are_kept_where_a_resumed_sweep_moves_to(swept, tmp_path):
    swept.sweep(storage=str(tmp_path / "kept"))
    shutil.copytree(tmp_path / "kept", tmp_path / "copy")
    swept.sweep(resume="s", references=["finetune"], storage=str(tmp_path / "copy"))
    name = _name(swept, "finetune")
    assert (tmp_path / "copy" / name / IDENTITY_FILE).is_file() and not (tmp_path / "kept" / name).exists()


def test_removing_a_sweep_leaves_them_and_they_are_listed(swept):
    swept.sweep(references=["finetune"])
    assert sweep.main(["rm", "s", "--yes"]) == 0
    table = list_runs(swept.runs)
    assert _name(swept, "finetune") in table and "\ns " not in table


@pytest.mark.parametrize(
    ("seed", "order", "label"),
    [
        (0, 0, "pair0"),
        (3, 3, "pair3"),
        (0, "natural", "seed0-natural"),
        (1, 0, "seed1-0"),
        (2, None, "seed2-own"),
    ],
)
def test_a_name_has_seed_and_order(seed, order, label):
    assert SeedAndOrder(seed, order).label == label
    name = reference_name("joint-once", "my-stream", label, "0" * 12)
    assert reference_kind(name) == "joint-once" and f"-{label}-" in name


def test_a_list_as_order_has_its_digest_in_the_name():
    one, other = (SeedAndOrder(0, order).label for order in ((1, 0), (0, 1)))
    assert one != other and len(one) == len("seed0-") + 8 and one == SeedAndOrder(0, [1, 0]).label
    assert reference_kind(reference_name("joint", "digits", one, "0" * 12)) == "joint"
