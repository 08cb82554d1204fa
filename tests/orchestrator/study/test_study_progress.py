"""How far a study says that it is, while it runs. No Ray is started."""

from types import SimpleNamespace

import pytest

from orchestrator.study import study_progress
from orchestrator.study.study_progress import StudyProgress

pytestmark = pytest.mark.unit


def _forecast(hours, trials=1):
    return SimpleNamespace(hours=hours, trials=trials, pairs=0)


@pytest.fixture
def progress(monkeypatch):
    """A study of two methods and a reference. ``hours`` has what is left of each; ``now`` is the time."""
    found = SimpleNamespace(now=0.0, hours={"er": 1.0, "ctp": 1.0, "zero-shot": 0.5}, made=0, work=[])
    study = SimpleNamespace(arms=["er", "ctp"], references=["zero-shot"])
    runs = [
        SimpleNamespace(arm=arm, reference=of, done=done)
        for arm, of, done in (("er", None, "part"), ("ctp", None, None), ("er", "zero-shot", None))
    ]

    def of_arm(arm, runs):
        found.made += 1
        assert [run.arm for run in runs] == [arm], "a reference's runs are none of the method's"
        return found.hours[arm]

    def made(hours):
        return _forecast(hours) if hours != 0 else _forecast(0.0, trials=0)

    monkeypatch.setattr(study_progress.ArmForecast, "of", lambda arm, runs: made(of_arm(arm, runs)))
    monkeypatch.setattr(study_progress.ReferenceForecast, "of", lambda one, runs: made(found.hours[one]))
    found.of = StudyProgress(study, lambda: found.now, found.work.append)
    found.of.hear(runs)

    def later(seconds):
        """The line, and the line once a forecast that is under way has been made."""
        found.now += seconds
        before = found.of.text("ctp", "3 of 5 tasks  up to 40 s left")
        while found.work:
            found.work.pop()()
        return before, found.of.text("ctp", "3 of 5 tasks  up to 40 s left")

    found.later = later
    return found


_RUN = "  ctp: 3 of 5 tasks  up to 40 s left of this run"


def test_what_is_left_of_the_study_is_said_beside_what_is_left_of_the_run(progress):
    assert progress.later(59) == (f"1 of 3 runs{_RUN}",) * 2 and not progress.made
    assert progress.later(1) == (
        f"1 of 3 runs{_RUN}",
        f"1 of 3 runs, about 2.5 h left one after another{_RUN}",
    )
    progress.hours["ctp"] = 0.0
    assert progress.later(59)[1] == f"1 of 3 runs, about 2.5 h left one after another{_RUN}"
    assert progress.made == 2, "one forecast a minute"
    assert progress.later(1)[1] == f"1 of 3 runs, about 90 min left one after another{_RUN}"
    progress.now += 100
    for _ in range(3):
        progress.of.text("ctp", "")
    assert len(progress.work) == 1, "no other one begins while one is under way"


def test_what_is_not_known_of_one_method_is_not_said(progress):
    progress.hours["zero-shot"] = None
    assert progress.later(60)[1] == f"1 of 3 runs{_RUN}"
    progress.hours = dict.fromkeys(progress.hours, 0.0)
    assert progress.later(60)[1] == f"1 of 3 runs{_RUN}", "nothing is left"


def test_a_forecast_that_fails_is_none(progress):
    progress.later(60)
    del progress.hours["er"]
    assert progress.later(60)[1] == f"1 of 3 runs{_RUN}"
    progress.hours["er"] = 1.0
    assert "about 2.5 h" in progress.later(60)[1]


def test_a_run_that_says_no_time_has_none(progress):
    assert progress.of.text("ctp", "3 of 5 tasks") == "1 of 3 runs  ctp: 3 of 5 tasks"
