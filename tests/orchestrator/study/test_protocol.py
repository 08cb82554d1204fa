"""By which data a study's searches choose, and a sweep's. The runs are played."""

import json

import pytest
import yaml

from orchestrator import api, sweep
from orchestrator.errors import UserError
from orchestrator.study import __main__ as command

pytestmark = pytest.mark.unit

_FIRST = "first-tasks 1"


def test_a_search_is_shown_the_first_tasks_and_a_pair_all(played, tmp_path):
    status, told = played.begun(protocol=_FIRST)
    assert (status, played.reasons()) == (0, {})
    assert [len(session.source.tasks) for session in played.sessions] == [1, 2]
    assert list(played.sessions[0].source.categories) == ["a"]
    # No run with a pair follows in the session of the searches.
    assert [(session.jobs, session.follow_ups) for session in played.sessions] == [(4, 0), (6, 4)]
    for run, tasks in (("s-plain", 1), ("s-kept", 1), ("s-plain-pair1", 2), ("s-kept-pair2", 2)):
        folder = tmp_path / "runs" / run
        assert json.loads((folder / "manifest.json").read_text())["tasks"] == tasks
        assert {len(path.read_text().splitlines()) for path in folder.rglob("tasks.jsonl")} == {tasks}
    assert "(first-tasks 1); no" in told and "chosen on validation data of the first task alone (f" in told
    assert yaml.safe_load((tmp_path / "runs" / "s" / "study.yaml").read_text())["protocol"] == _FIRST


def test_the_protocol_is_in_each_searchs_record(played, tmp_path):
    played.begun(protocol=_FIRST)
    request = yaml.safe_load((tmp_path / "runs" / "s-plain" / "sweep.yaml").read_text())
    assert request["protocol"] == _FIRST
    lines = [json.loads(line) for line in (tmp_path / "runs" / "s-plain" / "tracking.jsonl").open()]
    text = json.dumps(lines)
    assert f'"protocol": "{_FIRST}"' in text and "`validation/average` of the first task alone, se" in text
    assert '"protocol"' not in (tmp_path / "runs" / "s-plain-pair1" / "tracking.jsonl").read_text()


def test_it_is_gone_on_with_and_another_one_is_refused(played, tmp_path):
    played.at = {("s-kept", "trial_0002"): KeyboardInterrupt()}
    assert played.begun(protocol=_FIRST)[0] == 130
    played.at = {}
    with pytest.raises(UserError, match="^--resume s: goes on with what was asked; leave out protocol$"):
        command.main(["--resume", "s", "--protocol", "end-of-stream"])
    file = tmp_path / "runs" / "s" / "study.yaml"
    before = file.read_text()
    for other, said in (
        ("first-tasks 2", "with protocol 'first-tasks 1', not 'first-tasks 2'; allowed: "),
        ("end-of-stream", "with protocol 'first-tasks 1', not nothing; allowed: "),
    ):
        file.write_text(before.replace(_FIRST, other))
        with pytest.raises(UserError, match=f"s-plain: was asked for {said}"):
            played.gone_on()
        (tmp_path / "runs" / "s" / "parts.json").rename(tmp_path / "parts.json")
        with pytest.raises(UserError, match=f"^runs/s-plain: was asked for {said}"):
            played.gone_on()
        (tmp_path / "parts.json").rename(tmp_path / "runs" / "s" / "parts.json")
    file.write_text(before)
    assert played.gone_on()[0] == 0 and len(set(played.searched)) == 4


def test_a_study_of_before_knows_no_protocol_and_has_the_usual_one(played, tmp_path):
    played.begun()
    assert "protocol" not in (tmp_path / "runs" / "s-plain" / "sweep.yaml").read_text()
    assert "protocol" not in (tmp_path / "runs" / "s" / "parts.json").read_text()
    file = tmp_path / "runs" / "s" / "study.yaml"
    file.write_text(file.read_text().replace("protocol: end-of-stream\n", ""))
    sessions = len(played.sessions)
    assert played.gone_on()[0] == 0 and len(played.sessions) == sessions


def test_more_tasks_than_the_stream_has_fail_its_searches(played):
    status, told = played.begun(protocol="first-tasks 2")
    said = "first-tasks 2: the stream digits has 2 tasks; allowed: whole numbers from 1 to 1"
    assert status == 1 and played.reasons() == {"s-plain": said, "s-kept": said}


def test_a_command_says_it_in_words_and_shows_it_beforehand(played, capsys):
    words = ["--methods", "clip-er", "--stream", "digits", "--dry-run", "--protocol"]
    assert command.main([*words, "first-tasks", "2"]) == 0
    assert (
        "  chosen by validation data of the first 2 tasks alone (first-tasks 2)\n" in capsys.readouterr().out
    )
    with pytest.raises(UserError, match="^study: protocol 'first': allowed: end-of-stream, first-tasks K"):
        command.main([*words, "first"])
    command.main([*words, "end-of-stream"])
    assert "chosen by" not in capsys.readouterr().out


def test_a_sweep_by_the_first_tasks_ends_there_and_looks_at_no_test_data(played, tmp_path, capsys):
    asked = ["clip-er", "--stream", "digits", "--trials", "2", "--name", "x", "--first-tasks", "1"]
    assert sweep.main([*asked, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "  it chooses by validation data of the first task alone (first-tasks 1)\n" in shown
    assert "Stream digits: 1 tasks" in shown and "test data is left alone" in shown
    assert sweep.main(asked) == 0
    told = capsys.readouterr().out
    assert "  chosen by validation data of the first task alone\n" in told
    assert "  test data was not looked at" in told
    assert "orchestrator.train --config runs/x/trials/trial_0002/config.yaml" in told
    assert [len(session.source.tasks) for session in played.sessions] == [1]
    assert not list((tmp_path / "runs" / "x").rglob("metrics.json"))
    assert sweep.main(["list"]) == 0 and " finished " in capsys.readouterr().out
    result = api.sweep(resume="x", trials=3)
    assert (result.status, len(result.tasks), result.test) == ("finished", 1, {})
    with pytest.raises(UserError, match="^--resume x: .*leave out --first-tasks"):
        sweep.main(["--resume", "x", "--first-tasks", "1"])


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "^--first-tasks 0: allowed are whole numbers from 1$"),
        (2, "^first-tasks 2: the stream digits has 2 tasks; allowed: whole numbers from 1 to 1$"),
    ],
)
def test_a_sweep_needs_a_later_task(played, tmp_path, count, said):
    with pytest.raises(UserError, match=said):
        api.sweep("clip-er", stream="digits", trials=2, name="x", first_tasks=count)
    assert not (tmp_path / "runs" / "x").exists()
    with pytest.raises(UserError, match="leave out first_tasks$"):
        api.sweep(resume="x", first_tasks=1)
