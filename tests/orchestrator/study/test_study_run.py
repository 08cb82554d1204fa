"""A study's runs: which are done, done again, refused, and what ends a study. They are played."""

import errno
import json

import pytest
import yaml

from orchestrator import api
from orchestrator.commands import check_run
from orchestrator.errors import UserError
from orchestrator.execution.job import Outcome
from orchestrator.execution.ray_watch import RayLost
from orchestrator.record import recorder
from orchestrator.streams import registry
from orchestrator.study import study_book, study_run, study_start

pytestmark = pytest.mark.unit

_ALL = ["s-plain", "s-kept", "s-plain-pair1", "s-kept-pair1", "s-plain-pair2", "s-kept-pair2"]
_FAILED = Outcome("failed", "loss is nan")
_LOST = Outcome("failed", "no space left", fatal=True)


def test_a_study_has_each_run_once_and_a_finished_one_starts_nothing(played, tmp_path):
    status, told = played.begun()
    assert (status, set(played.parts()), played.reasons()) == (0, set(_ALL), {})
    assert len(played.searched) == 4 and played.walked == _ALL[2:] and len(played.sessions) == 1
    assert (tmp_path / "runs" / "s" / "result.md").read_text() in told + "\n" and "Go on" not in told
    assert "| plain | 2 | 0 | 2 | 51.5 ± 0.7 |" in told
    assert played.gone_on() == (0, told) and len(played.sessions) == 1


def test_a_search_asks_for_no_test_and_is_kept_where_the_environment_says(played, tmp_path, monkeypatch):
    monkeypatch.setenv("VLCL_STORAGE", str(tmp_path / "kept"))
    assert played.begun(pairs=1)[0] == 0
    sweep = yaml.safe_load((tmp_path / "runs" / "s-plain" / "sweep.yaml").read_text())
    assert (sweep["test"], sweep["storage"]) == (False, f"file://{tmp_path / 'kept'}")
    assert not list((tmp_path / "runs").glob("s-*[a-z]/trials/*/test"))
    assert len(list((tmp_path / "runs").glob("s-*-pair1/trials/*/test/metrics.json"))) == 2


def test_a_search_that_is_resumed_as_a_sweep_looks_at_no_test_data(played, tmp_path):
    played.begun()
    for more in ({}, {"trials": 3}):
        result = api.sweep(resume="s-plain", **more)
        assert (result.status, result.test) == ("finished", {})
    assert not list((tmp_path / "runs" / "s-plain").rglob("metrics.json"))


def test_trials_that_all_failed_are_run_again_once_a_resume(played, tmp_path):
    played.at = {("s-kept", f"trial_000{n}"): _FAILED for n in (1, 2)}
    why = "no trial walked the whole stream (trial_0001: loss is nan)"
    for times in (1, 2):
        status, told = played.begun() if times == 1 else played.gone_on()
        assert (status, played.reasons()) == (1, {"s-kept": why})
        assert "| kept | 2, 2 failed | searched | 0 |  |  |" in told and f"- s-kept: {why}" in told
        assert played.searched.count(("s-kept", "trial_0001")) == times
        assert "Go on with:\n  python -m orchestrator.study --resume s" in told
    played.at = {("s-kept", "trial_0002"): _FAILED}
    status, told = played.gone_on()
    assert (status, played.reasons()) == (
        0,
        {},
    ) and "| kept | 2, 1 failed | searched | 2 | 51.5 ± 0.7 |" in told
    assert played.searched.count(("s-kept", "trial_0001")) == 3
    played.gone_on()
    assert played.searched.count(("s-kept", "trial_0002")) == 3, "a search that chose something is over"


def test_whether_they_can_be_is_checked_before_their_end_is_taken_back(played, tmp_path, monkeypatch):
    played.at = {("s-kept", f"trial_000{n}"): _FAILED for n in (1, 2)}
    played.begun()
    ends = sorted((tmp_path / "runs" / "s-kept").rglob("status.json"))

    def refuse(*_):
        raise UserError("no such GPU")

    monkeypatch.setattr(check_run, "check_here", refuse)
    status, told = played.gone_on()
    assert status == 1 and played.reasons() == {"s-kept": "no such GPU"}
    assert "| kept | 2, 2 failed | searched | 0 |" in told
    assert len(ends) == 2 and all('"failed"' in end.read_text() for end in ends)


def test_a_trial_that_failed_in_a_search_that_was_interrupted_is_not_run_again(played):
    """It has the numbers of one that was not."""
    played.at = {("s-kept", "trial_0001"): _FAILED, ("s-kept", "trial_0002"): KeyboardInterrupt()}
    assert played.begun()[0] == 130
    played.at = {}
    status, told = played.gone_on()
    assert status == 0 and "| kept | 2, 1 failed | searched | 2 |" in told
    assert [trial for run, trial in played.searched if run == "s-kept"] == [
        f"trial_000{n}" for n in (1, 2, 2)
    ]


def test_a_pair_that_failed_is_run_again(played, tmp_path):
    played.at = {("s-kept-pair1", "seed_1"): _FAILED}
    status, told = played.begun()
    assert (status, played.reasons()) == (1, {"s-kept-pair1": "seed_1: loss is nan"})
    assert "| kept | 2 | searched | 1 | 52.0 |  |" in told and "- s-kept-pair1: seed_1: loss is nan" in told
    played.at = {}
    status, told = played.gone_on()
    assert (status, played.reasons()) == (0, {}) and "| kept | 2 | searched | 2 | 51.5 ± 0.7 |" in told
    assert played.walked.count("s-kept-pair1") == 2 and played.walked.count("s-plain-pair1") == 1


@pytest.mark.parametrize("run", ["s-kept", "s-plain-pair1"])
def test_ctrl_c_ends_the_study_with_its_table_and_the_run_is_gone_on_with(played, tmp_path, run):
    trial = "seed_1" if "pair" in run else "trial_0002"
    played.at = {(run, trial): KeyboardInterrupt()}
    status, told = played.begun()
    assert status == 130 and run not in played.parts() and told.count("Interrupted.") == 1
    assert (tmp_path / "runs" / "s" / "result.md").read_text() in told
    begun_then = (tmp_path / "runs" / run / "identity.json").read_text()
    played.at = {}
    assert played.gone_on()[0] == 0 and set(played.parts()) == set(_ALL)
    assert (tmp_path / "runs" / run / "identity.json").read_text() == begun_then, "it is the same run"
    assert len(set(played.searched)) == 4
    # The other run with the pair was under way as well.
    assert len(played.searched) == 4 + ("pair" not in run) and len(played.walked) == 4 + 2 * ("pair" in run)


def test_ctrl_c_while_a_run_sends_its_record_interrupts_those_that_wait_too(played, tmp_path, monkeypatch):
    """The run has no job left, so that its session is not told; another run has."""
    played.at = {("s-plain-pair1", "seed_1"): _FAILED}
    played.begun(pairs=1)
    book = tmp_path / "runs" / "s" / "parts.json"
    content = json.loads(book.read_text())
    del content["parts"]["s-kept-pair1"]  # as if the study had died before it took the run down
    book.write_text(json.dumps(content))
    close = recorder.RunRecorder.close

    def interrupted(self):
        if self.store.folder.parent.name == "s-kept-pair1":
            raise KeyboardInterrupt
        close(self)

    monkeypatch.setattr(recorder.RunRecorder, "close", interrupted)
    played.at = {}
    assert played.gone_on()[0] == 130 and played.reasons() == {"s-plain-pair1": "seed_1: loss is nan"}
    monkeypatch.setattr(recorder.RunRecorder, "close", close)
    assert played.gone_on()[0] == 0 and played.reasons() == {}


def test_ctrl_c_between_two_runs_is_an_interruption_too(played, tmp_path, monkeypatch):
    def load(config, skip_bad):
        raise KeyboardInterrupt

    monkeypatch.setattr(registry.get("digits"), "load", load)
    status, told = played.begun()
    assert status == 130 and "Interrupted." in told and (tmp_path / "runs" / "s" / "result.md").exists()


@pytest.mark.parametrize("ends", [_LOST, RayLost("no space left")], ids=["a full disk", "no Ray"])
@pytest.mark.parametrize("run", ["s-plain", "s-plain-pair1"])
def test_what_another_run_would_meet_too_ends_the_study(played, tmp_path, ends, run):
    trial = "seed_1" if "pair" in run else "trial_0001"
    played.at = {(run, trial): ends}
    status, told = played.begun()
    under_way = {run, "s-kept-pair1"} if "pair" in run and isinstance(ends, RayLost) else {run}
    assert status == 1 and played.reasons() == dict.fromkeys(under_way, "no space left")
    assert len(played.parts()) == (4 if "pair" in run else 1), "no other run has begun"
    assert told.count("Stopped: no space left") == 1 and "--resume s" in told
    assert len(played.sessions) == 1
    assert (tmp_path / "runs" / "s" / "result.md").read_text() in told
    played.at = {}
    assert played.gone_on()[0] == 0 and played.reasons() == {}


def test_why_a_study_ended_is_no_trials_reason(played):
    played.at = {("s-plain", "trial_0001"): _FAILED, ("s-plain", "trial_0002"): _LOST}
    assert "Stopped: no space left\n" in played.begun()[1]
    assert played.reasons() == {"s-plain": "no space left"}


def test_a_session_that_does_not_start_ends_the_study(played, tmp_path):
    played.refuses = UserError("no lane fits")
    status, told = played.begun()
    assert status == 1 and played.reasons() == {"s-plain": "no lane fits"} and len(played.sessions) == 1
    assert "Stopped: no lane fits" in told
    played.refuses = None
    assert played.gone_on()[0] == 0


def test_a_stream_that_cannot_be_read_fails_the_runs_on_it_alone(played, tmp_path, monkeypatch):
    def load(config, skip_bad):
        raise UserError("no such folder")

    monkeypatch.setattr(registry.get("mnist-5k"), "load", load)
    status, told = played.begun(streams={"away": {"name": "mnist-5k"}, "digits": None})
    assert status == 1 and played.reasons() == {
        f"s-{name}-away": "no such folder" for name in ("plain", "kept")
    }
    assert told.count("| 51.5 ± 0.7 |") == 2 and "Stopped" not in told


def test_what_nobody_foresaw_has_its_table_too(played, tmp_path):
    played.at = {("s-kept", "trial_0001"): ZeroDivisionError("by zero")}
    told = []
    start = played.new()
    with pytest.raises(ZeroDivisionError):
        start.run(told.append)
    assert "Stopped: ZeroDivisionError: by zero" in told[-1] and "| plain | 2 |" in told[-1]
    assert (tmp_path / "runs" / "s" / "result.md").read_text() in told[-1]


def test_a_full_disk_on_which_nothing_can_be_written_is_one_line(played, tmp_path, monkeypatch):
    def full(path, text):
        raise OSError(errno.ENOSPC, "no space", str(path))

    start = played.new()
    monkeypatch.setattr(study_book, "write_text", full)
    written = {"study.yaml": lambda *_: None, "result.md": full}
    monkeypatch.setattr(study_start, "write_text", lambda path, text: written[path.name](path, text))
    told = []
    assert start.run(told.append) == 1
    assert (
        "Stopped: no space left: free some on the disk that holds" in told[-1] and len(played.searched) == 2
    )


def test_where_the_process_is_about_to_end_the_table_is_written_before(played, tmp_path):
    """Of a Ray that died while the main thread waited for it nobody else hears."""
    told = []

    start = played.new(pairs=1)
    played.at = {("s-plain-pair1", "seed_1"): KeyboardInterrupt()}
    assert start.run(told.append) == 130
    (tmp_path / "runs" / "s" / "result.md").unlink()
    played.last_words("Ray has died")
    assert (tmp_path / "runs" / "s" / "result.md").read_text() in told[-1]
    assert "Stopped: Ray has died" in told[-1] and told[-1].endswith("--resume s")


def test_no_session_has_the_tokenizer_of_the_one_before(played, tmp_path, monkeypatch):
    """Streams may differ in how their texts are read, and so may methods."""
    found = []

    def fit(source, config, folder):
        found.append((folder, (folder / "kept").exists()))
        folder.mkdir(exist_ok=True)
        (folder / "kept").write_text("")

    monkeypatch.setattr(study_run, "fit_tokenizer", fit)
    played.begun(pairs=1)
    assert found == [(tmp_path / "runs" / "s" / "tokenizer", False)] * 2
