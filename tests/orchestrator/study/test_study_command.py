"""The study's command line: what it takes, refuses and shows. No Ray is started."""

import re

import pytest

from orchestrator.errors import UserError
from orchestrator.study import __main__ as command

pytestmark = pytest.mark.unit

_NEW = ["--methods", "clip-finetune", "clip-er", "--stream", "digits", "--trials", "2", "--pairs", "2"]


@pytest.mark.parametrize(
    ("more", "left_out"),
    [
        (["--memory", "0"], "memory"),
        (["--question", ""], "question"),
        (["--name", ""], "name"),
        (["--stream", "digits"], "stream"),
        (["--set", "run.views=2"], "set"),
        (["study.yaml"], "file"),
    ],
)
def test_what_would_have_no_effect_beside_resume_is_refused(played, more, left_out):
    played.begun()
    with pytest.raises(UserError, match=f"^--resume s: goes on with what was asked; leave out {left_out}$"):
        command.main(["--resume", "s", *more])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--resume", ""], "^--resume '': allowed are 1 to 100 letters"),
        ([*_NEW, "--name", ""], "^--name '': allowed are 1 to 100 letters"),
        (
            ["study.yaml", "--memory", "0"],
            "^study.yaml beside memory: allowed is one of the two, a file or op",
        ),
        (
            [*_NEW, "--memory", "4", "--set", "replay.size=5"],
            "^study: memory 4 beside set replay.size 5; allow",
        ),
        (
            ["--resume", "s", "--methods", "+slda", "slda"],
            "^--methods slda: the study has it; allowed are oth",
        ),
        (["--resume", "s", "--methods", "+plain"], "^--methods plain: the study has it; allowed are others"),
        (
            ["--resume", "s", "--pairs", "1"],
            "^--pairs 1: the study was asked for 2; allowed are whole numbers",
        ),
        (
            ["--resume", "s", "--trials", "1"],
            "^--trials 1: a search of the study was asked for 2; allowed are whole numbers from 2, in all$",
        ),
        (["--resume", "s", "--trials", "0"], "^--trials 0: a search of the study was asked for 2; allowed"),
        (["--resume", "t"], r"^--resume t: there is no runs/t/study.yaml; there are \['s'\]"),
    ],
)
def test_what_cannot_be_had_is_one_line(played, words, said):
    played.begun()
    with pytest.raises(UserError, match=said):
        command.main([*words, "--dry-run"])


def test_a_preview_says_what_would_be_run_and_what_is_left(played, tmp_path, capsys):
    line = [*_NEW, "--name", "t", "--memory", "40", "--question", "Which?", "--dry-run"]
    assert command.main(line) == 0
    assert re.sub(r"over \d+ keys", "over K keys", capsys.readouterr().out).splitlines() == [
        "Which?",
        "",
        "Study t: 2 searches, 2 pairs of seed and order",
        "  no trial is stopped early",
        "  clip-finetune    digits                 2 trials over K keys, memory 0; how long is not known",
        "  clip-er          digits                 2 trials over K keys, memory 40; how long is not known",
        "what it takes is not known: no trial like its own has walked its stream in runs/",
    ]
    assert not (tmp_path / "runs").exists()
    played.begun()
    assert command.main(["--resume", "s", "--pairs", "3", "--methods", "+slda", "--dry-run"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-2] == "6 of 12 runs have ended, 6 are left"
    assert [line.split(", ")[-1].split(";")[0] for line in told[2:-2]] == [
        "memory 0",
        "memory searched",
        "memory 0",
    ]
