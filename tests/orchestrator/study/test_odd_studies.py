"""Studies with labels that are no text, questions of several lines, search spaces that are gone, and runs of
their names by another sampler. Their runs are played.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.commands.sweep_request import SweepRequest
from orchestrator.errors import UserError
from orchestrator.search.space import Space
from orchestrator.study import __main__ as command
from orchestrator.study.run_request import RunRequest
from orchestrator.study.study_request import StudyRequest

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("kind", ["methods", "streams"])
@pytest.mark.parametrize(
    ("label", "as_text"), [(0.1, "0.1"), (1, "1"), (True, "True"), (None, "a"), ("", "a")]
)
def test_a_label_that_is_no_text_is_one_line(kind, label, as_text):
    named = {"methods": "slda", "streams": "digits"}
    asked = {"methods": ["slda"], "streams": ["digits"], kind: {label: {"name": named[kind]}}}
    with pytest.raises(UserError) as raised:
        StudyRequest.of(asked, "f")
    assert str(raised.value) == f"f: {kind}: label {label!r}: allowed is text, as '{as_text}'"


def test_a_question_of_several_lines_is_one_heading(played):
    told = played.begun(question="Which is better,\nand | why?\n")[1]
    assert told.splitlines()[0] == "# Which is better, and | why?" and told.splitlines()[2] == "## digits"


def test_a_report_needs_no_search_space_that_is_gone(played, tmp_path, capsys):
    own = tmp_path / "own.yaml"
    own.write_text(Space.load("clip-er").path.read_text())
    methods = {"plain": {"name": "clip-finetune"}, "kept": {"name": "clip-er", "space": str(own)}}
    told = played.begun(methods=methods)[1]
    text, page = own.read_text(), tmp_path / "runs" / "s" / "report.html"
    before = page.read_text()
    own.unlink()
    assert command.main(["--report", "s"]) == 0
    assert capsys.readouterr().out.strip() == told.strip()
    assert page.read_text() == before.replace(str(own), "runs/s-kept/space.yaml")
    assert str(own) in (tmp_path / "runs" / "s" / "study.yaml").read_text()
    with pytest.raises(UserError, match="own.yaml"):
        played.gone_on()
    own.write_text(text.replace("trials: 16", "trials: 15"))
    assert command.main(["--report", "s"]) == 0
    assert "Not as it was asked for: " in capsys.readouterr().out, (
        "a file that was changed is no file that is gone"
    )


def test_a_search_by_another_sampler_or_rule_is_not_the_studys():
    request = SweepRequest("slda", None, None, None, 4, None, None, 1.0, test=False)
    space = Path(Space.load("slda").path)
    mine = RunRequest.search(request, space)
    mine.check(RunRequest.search(replace(request, concurrent=3), space), "runs/s-slda", "a")
    for name, value in (("sampler", "qmc"), ("scheduler", "none")):
        other = RunRequest.search(replace(request, **{name: value}), space)
        with pytest.raises(
            UserError, match=f"^runs/s-slda: was asked for with {name} '{value}', not nothing"
        ):
            mine.check(other, "runs/s-slda", "a")
