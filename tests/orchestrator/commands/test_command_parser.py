"""A wrong option is one line with exit status 2, as is any other wrong input."""

import pytest

from orchestrator import cluster, compare, sweep, train
from orchestrator.errors import UserError
from orchestrator.pretrain import __main__ as pretrain
from orchestrator.schema.config_error import ConfigError, known
from orchestrator.tracking import __main__ as tracking

_WRONG = [
    (sweep, ["ctp", "--tirals", "3"], "--tirals 3: not known here; did you mean --trials? Allowed are"),
    (sweep, ["ctp", "--workers", "x"], "argument --workers: invalid int value: 'x'"),
    (sweep, [], "name a method, --recipe NAME, --resume NAME, or one of methods, list, show, rm"),
    (train, ["ctp", "--trials=3"], "--trials=3: not known here"),
    (train, ["ctp", "--seeds"], "argument --seeds: expected at least one argument"),
    (train, [], "name a method, a --config file, a --recipe or a run to --continue, one of them"),
    (compare, ["--streem", "x"], "--streem: not known here; did you mean --stream?"),
    (tracking, ["sned", "x"], "argument command: invalid choice: 'sned'"),
    (tracking, ["send"], "the following arguments are required: FOLDER"),
    (tracking, ["ui", "--prot", "1"], "--prot: not known here; did you mean --port?"),
    (cluster, ["validte"], "argument COMMAND: invalid choice: 'validte'"),
    (pretrain, ["clip", "--step", "x"], "argument --steps: invalid int value: 'x'"),
]


@pytest.mark.parametrize(("command", "words", "said"), _WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_option_is_one_line(command, words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1 and error.startswith(f"error: {said}"), error
    assert error.endswith(" --help tells more\n")


@pytest.mark.parametrize(("command", "method"), [(sweep, "zero-shot"), (train, "zero-shot")])
def test_a_dry_run_refuses_a_name_that_the_run_would_be_refused(
    command, method, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "taken").mkdir(parents=True)
    (tmp_path / "runs" / "taken" / "notes.txt").touch()
    words = [method, "--dry-run", "--set", "stream.tasks=1", "stream.train=2", "--name"]
    for name, said in (("a/b", "--name 'a/b': allowed are"), ("taken", "--name taken: ")):
        with pytest.raises(UserError, match=said):
            command.main([*words, name])
    assert command.main([*words, "free"]) == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["taken"], "it makes nothing"
    capsys.readouterr()


@pytest.mark.parametrize(
    ("written", "meant"),
    [("CLAP", "clap4clip"), ("ctpr", "CTP-er"), ("ct", "CTP-er"), ("Digtis", "digits")],
)
def test_a_name_is_meant_in_any_case_of_letters(written, meant):
    with pytest.raises(ConfigError, match=f"unknown name '{written}'; did you mean {meant}\\?"):
        known(written, "NAME", ["clap4clip", "CTP-er", "digits"], "name")
