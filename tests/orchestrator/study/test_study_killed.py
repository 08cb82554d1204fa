"""A study that is killed after a run has ended and before the study has it: nothing is done twice, nothing is
lost. The death is played: the process would write nothing more. No Ray is started.
"""

import json

import pytest

from orchestrator.study.study_book import StudyBook
from orchestrator.study.study_start import StudyStart

pytestmark = pytest.mark.unit

_RUNS = ["s-plain", "s-kept", "s-plain-pair1", "s-kept-pair1", "s-plain-pair2", "s-kept-pair2"]


class _Killed(BaseException):
    """What nothing in the program takes for an error of its own."""


def _result(folder, name):
    return (folder / "runs" / name / "result.json").read_text().replace(name, "s")


@pytest.mark.parametrize("run", ["s-plain", "s-kept", "s-plain-pair1", "s-kept-pair2"])
def test_what_ended_before_the_kill_is_not_done_again(played, tmp_path, monkeypatch, run):
    assert played.run(played.new("undisturbed"))[0] == 0
    whole = _parts(tmp_path, "undisturbed")
    expected = {name.replace("undisturbed", "s"): part for name, part in whole.items()}
    played.searched.clear()
    played.walked.clear()

    def killed(self, part):
        if part.name == run:
            raise _Killed
        add(self, part)

    add = StudyBook.add
    with monkeypatch.context() as patch:
        patch.setattr(StudyBook, "add", killed)
        patch.setattr(StudyStart, "_end", lambda self, *_: None)
        with pytest.raises(_Killed):
            played.begun()
    assert run not in _parts(tmp_path, "s") and not (tmp_path / "runs" / "s" / "result.md").exists()
    assert played.gone_on()[0] == 0
    assert set(_parts(tmp_path, "s")) == set(_RUNS), "nothing is lost"
    assert (len(played.searched), len(played.walked)) == (4, 4)
    assert len(set(played.searched)) == len(played.searched), "no trial is searched twice"
    assert len(set(played.walked)) == len(played.walked), "no run with a pair is trained twice"
    assert _figures(_parts(tmp_path, "s")) == _figures(expected)
    assert _result(tmp_path, "s") == _result(tmp_path, "undisturbed")


def _parts(folder, name):
    book = folder / "runs" / name / "parts.json"
    return json.loads(book.read_text())["parts"] if book.exists() else {}


def _figures(parts):
    kept = ("trial", "score", "test", "trials", "failed_trials", "reason", "first")
    return {name: {key: part.get(key) for key in kept} for name, part in parts.items()}
