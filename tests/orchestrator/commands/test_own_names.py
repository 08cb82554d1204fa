"""Command lines that name a method and a stream of one's own. No Ray is started."""

import re
import shutil
from datetime import datetime
from types import SimpleNamespace

import pytest
from own_classes import METHOD, STREAM, forget, install, own_package

from orchestrator import sweep, train
from orchestrator.commands import sweep_run, train_run
from orchestrator.commands.listing import listing
from orchestrator.commands.named_space import named_space
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.record.own_code_tags import own_code_tags
from orchestrator.storage import run_folder

_SPACE = """
method: mypkg.mymethod:Mine
stream: digits
objective: {metric: validation/average, mode: max}
trials: 2
search: {method.rate: {type: float, low: 0.1, high: 0.5}}
"""
_MINE, _STREAM = "mypkg.mymethod:Mine", "mypkg.mystream:MyStream"


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """The folders and configurations of the runs that stand still where they would search or train."""
    found = []
    ended = SimpleNamespace(exit_status=0)
    monkeypatch.setattr(
        sweep_run, "search_run", lambda run, space, *_, **__: found.append((run.folder, space)) or ended
    )
    monkeypatch.setattr(
        train_run, "train_run", lambda run, *_, **__: found.append((run.folder, run.config)) or ended
    )
    monkeypatch.setattr(run_folder, "datetime", SimpleNamespace(now=lambda: datetime(2026, 1, 2)))
    monkeypatch.setattr("orchestrator.tracking.store.tracking_uri", lambda runs: "")
    monkeypatch.delenv("VLCL_STORAGE", raising=False)
    with own_package(tmp_path, monkeypatch) as folder:
        (folder / "space.yaml").write_text(_SPACE)
        yield found


def _line(main, words):
    with pytest.raises(UserError) as caught:
        main(words)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_sweep_of_ones_own_method_and_stream(ran, tmp_path):
    assert sweep.main([_MINE, "--space", "space.yaml", "--stream", _STREAM, "--set", "stream.seed=3"]) == 0
    (folder, space) = ran[0]
    assert folder.name == "mypkg.mymethod.Mine-mypkg.mystream.MyStream-20260102-000000"
    config = space.config
    assert (config.method_name, config.stream_name, config.stream.seed) == (_MINE, _STREAM, 3)
    assert type(config.method).__module__ == "mypkg.mymethod" and config.method.rate == 0.1
    assert RunConfig.from_dict(config.to_dict()) == config
    assert config.flat()["method.name"] == _MINE
    # It goes on, and does not where the module has gone.
    assert sweep.main(["--resume", folder.name]) == 0 and ran[1][1].config == config
    shutil.rmtree(tmp_path / "mypkg")
    forget()
    line = _line(sweep.main, ["--resume", folder.name])
    assert line.startswith(f"{folder}/space.yaml:2: method: '{_MINE}': there is no module 'mypkg'; allowed: ")


def test_train_runs_the_files_start_and_a_configuration_of_ones_own(ran, tmp_path):
    assert train.main([_MINE, "--space", "space.yaml", "--name", "a", "--seed", "4"]) == 0
    (tmp_path / "c.yaml").write_text(ran[0][1].yaml())
    assert train.main(["--config", "c.yaml", "--name", "b"]) == 0
    assert ran[0][1] == ran[1][1] and ran[0][1].run.seed == 4 and ran[0][1].method_name == _MINE
    assert train.main(["--resume", "b"]) == 0
    shutil.rmtree(tmp_path / "mypkg")
    forget()
    assert re.search(
        "config.yaml:2: method.name: .*: there is no module", _line(train.main, ["--resume", "b"])
    )


@pytest.mark.parametrize(
    ("main", "words", "wanted"),
    [
        (sweep.main, "space.yaml", "space.yaml: is no method; allowed: METHOD --space space.yaml"),
        (train.main, "space.yaml", "space.yaml: is no method; allowed: METHOD --space space.yaml"),
        (
            sweep.main,
            _MINE,
            f"{_MINE}: no search space is shipped for it, only for .*; allowed: a file of your ",
        ),
        (
            sweep.main,
            "ctp --space space.yaml",
            f"method: '{_MINE}' is not METHOD, which is ctp; allowed: the ",
        ),
        (sweep.main, f"{_MINE} --space none.yaml", "none.yaml"),
        (
            sweep.main,
            "mypkg.mymethod",
            "METHOD: 'mypkg.mymethod' is no method; allowed are module:Class, ctp, ",
        ),
        (sweep.main, "mypkg.none:Mine", "METHOD: 'mypkg.none:Mine': there is no module 'mypkg.none'"),
        (
            sweep.main,
            "mma --stream mypkg.mystream:No",
            "--stream: 'mypkg.mystream:No': its module has no 'No'",
        ),
        (sweep.main, f"mma --stream {_MINE}", "--stream: .*: has no scenario; allowed: one of recognition"),
        (sweep.main, "mma --stream mypkg.odd:A", "--stream: 'mypkg.odd:A': has no summary; allowed: a line"),
        (sweep.main, "mma --stream mypkg.odd:B", "--stream: 'mypkg.odd:B': has no load; allowed: a static"),
        (
            sweep.main,
            "mypkg.odd:Dict",
            "METHOD: 'mypkg.odd:Dict': field more of its Config is of type dict; a",
        ),
        (
            sweep.main,
            "mypkg.odd:Unknown",
            "METHOD: 'mypkg.odd:Unknown': the types of its Config are not known",
        ),
        (
            train.main,
            "--config c.yaml --space space.yaml",
            "--space space.yaml: beside --config; allowed: one",
        ),
        (sweep.main, "methods mypkg.none:Mine", "methods METHOD: 'mypkg.none:Mine': there is no module"),
    ],
)
def test_what_cannot_be_had_is_one_line(ran, tmp_path, main, words, wanted):
    odd = METHOD + STREAM + "\n\nclass A(Digits):\n    summary = None\n\n\nclass B(Digits):\n    load = 1\n"
    for name, field in (("Dict", "more: dict = None"), ("Unknown", "more: 'Nowhere' = None")):
        odd += f"\n@dataclass(frozen=True)\nclass C{name}:\n    {field}\n\n\n"
        odd += f"class {name}(Mine):\n    Config = C{name}\n"
    (tmp_path / "mypkg" / "odd.py").write_text(odd)
    assert re.search(wanted, _line(main, words.split()))
    assert not ran and not (tmp_path / "runs").exists()


def test_a_search_space_is_the_files_or_the_methods(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert named_space("ctp", None) == "ctp" and named_space("ctp", "s.yaml") == str(tmp_path / "s.yaml")


def test_installed_methods_and_streams_are_listed(ran, tmp_path, monkeypatch):
    names = {"methods": {"my-own": _MINE}, "streams": {"my-stream": _STREAM}}
    install(tmp_path / "site", "mine", **names)
    text = listing()
    assert re.search(r"(?m)^  my-own +recognition +What I do\.$", text)
    assert re.search(r"(?m)^  my-stream +recognition +digits under another name$", text)
    assert "my-stream" in listing("my-own") and "Mine" not in text
    assert re.search(r"(?m)^  mypkg.mymethod:Mine +recognition +What I do\.$", listing(_MINE))
    config = RunConfig.from_dict({"method.name": "my-own", "stream.name": "my-stream"})
    assert type(config.method).__module__ == "mypkg.mymethod"
    install(tmp_path / "more", "yours", streams={"digits": _STREAM})
    with pytest.raises(
        UserError, match="^--stream: 'digits': is a stream of this project and of the package yo"
    ):
        sweep.main(["mma", "--stream", "digits", "--dry-run"])


def test_the_record_says_of_which_code_a_run_was(ran, tmp_path):
    def digest(method=_MINE, stream=_STREAM):
        return own_code_tags(RunConfig.from_dict({"method.name": method, "stream.name": stream}))

    first = digest()
    assert re.fullmatch("[0-9a-f]{10}", first["code.own"]) and digest() == first
    assert digest("mma", "digits") == {} and digest("mma") == first, "the whole package"
    (tmp_path / "mypkg" / "data.txt").write_text("x")
    assert digest() == first
    (tmp_path / "mypkg" / "more.py").write_text("x = 1\n")
    second = digest()
    (tmp_path / "mypkg" / "more.py").write_text("x = 2\n")
    assert len({one["code.own"] for one in (first, second, digest())}) == 3
