"""What a study takes for its own of what lies there, and what it was asked for then. The runs are played."""

import json
from dataclasses import replace

import pytest
import yaml

from orchestrator import api
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.search.space import Space
from orchestrator.streams import registry
from orchestrator.streams.source import QuestionTables
from orchestrator.study import study_book

pytestmark = pytest.mark.unit
_NONE = {"scheduler": "none"}  # as a study asks


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"trials": 3}, "trials 3, not 2"),
        ({"margin": 0.0}, "margin 0.0, not 1"),
        ({"set": {"method.epochs": 3}}, "set method.epochs 3, not nothing"),
        ({"stream": "mnist-5k"}, "stream 'mnist-5k', not 'digits'"),
        ({"method": "clip-finetune"}, "method 'clip-finetune', not 'clip-er'"),
        ({"space": "own.yaml"}, "search space "),
    ],
)
def test_a_sweep_that_was_asked_for_otherwise_is_not_the_studys(played, tmp_path, monkeypatch, sweep, said):
    """Neither of a study that grows, nor of one under whose hands it appears."""
    digits = registry.get("digits")
    monkeypatch.setattr(registry.get("mnist-5k"), "load", lambda config, skip_bad: digits.load(None, False))
    shipped = Space.load("clip-er").path.read_text()
    (tmp_path / "own.yaml").write_text(shipped.replace("trials: 16", "trials: 15"))
    played.begun(methods={"plain": {"name": "clip-finetune"}})
    usual = {"method": "clip-er", "stream": "digits", "trials": 2, "name": "s-clip-er"}
    asked = usual | _NONE | sweep
    start = played.resumed(methods=["+clip-er"])
    api.sweep(asked.pop("method"), **asked)
    with pytest.raises(
        UserError, match=f"^runs/s-clip-er: was asked for with {said}.*; allowed: the study's"
    ):
        played.gone_on(methods=["+clip-er"])
    status, told = played.run(start)
    assert status == 1 and list(played.reasons()) == ["s-clip-er"]
    assert "- s-clip-er: runs/s-clip-er: was asked for with" in told


def test_what_changes_nothing_that_a_search_finds_is_no_other_request(played, tmp_path):
    """Neither comments in its space, nor how many of its trials run at once."""
    (tmp_path / "own.yaml").write_text("# mine\n" + Space.load("clip-er").path.read_text())
    played.begun(methods={"plain": {"name": "clip-finetune"}})
    played.at[("s-clip-er", "trial_0002")] = KeyboardInterrupt()
    api.sweep("clip-er", stream="digits", trials=2, name="s-clip-er", space="own.yaml", concurrent=1, **_NONE)
    played.at.clear()
    assert played.gone_on(methods=["+clip-er"])[0] == 0
    assert played.searched.count(("s-clip-er", "trial_0001")) == 1, "it was gone on with"


def test_a_sweep_that_has_looked_at_test_data_is_not_the_studys(played):
    played.begun(methods={"plain": {"name": "clip-finetune"}})
    api.sweep("clip-er", stream="digits", trials=2, name="s-clip-er", **_NONE)
    with pytest.raises(
        UserError, match=r"^runs/s-clip-er/trials/trial_0002/test/metrics.json: a study's sea"
    ):
        played.gone_on(methods=["+clip-er"])


def test_a_search_that_was_given_more_trials_is_not_the_studys_any_more(played, tmp_path):
    played.at[("s-kept", "trial_0002")] = KeyboardInterrupt()
    assert played.begun()[0] == 130
    played.at.clear()
    api.sweep(resume="s-kept", trials=5)
    with pytest.raises(UserError, match="^runs/s-kept: was asked for with trials 5, not 2; allowed: the st"):
        played.gone_on()


@pytest.mark.parametrize(
    ("values", "seeds", "said"),
    [
        ({"method.epochs": 7}, [3], "method.epochs 7, not "),
        ({"stream.order": 2}, [3], "stream.order 2, not 3"),
        ({}, [3, 4], r"seeds \[3, 4\], not \[3\]"),
    ],
)
def test_a_run_of_train_with_other_values_is_no_pair_of_the_study(played, tmp_path, values, seeds, said):
    played.begun()
    start = played.resumed(pairs=3)
    chosen = tmp_path / "runs" / "s-plain" / "trials" / "trial_0002" / "config.yaml"
    config = RunConfig.load_yaml(chosen).with_values({"run.seed": 3, "stream.order": 3} | values)
    (tmp_path / "c.yaml").write_text(config.yaml())
    api.train(config="c.yaml", name="s-plain-pair3", seeds=seeds)
    with pytest.raises(UserError, match=f"^runs/s-plain-pair3: was asked for with .*{said}"):
        played.gone_on(pairs=3)
    status, _ = played.run(start)
    assert status == 1 and list(played.reasons()) == ["s-plain-pair3"]
    assert "s-kept-pair3" in played.parts(), "the others go on"


@pytest.mark.parametrize(
    ("name", "file"),
    [("s-clip-er", "sweep.yaml"), ("s-plain-pair3", "train.yaml"), ("s-clip-er-pair2", "train")],
)
def test_a_folder_of_another_kind_is_not_the_studys(played, tmp_path, name, file):
    played.begun()
    (tmp_path / "runs" / name).mkdir()
    assert played.resumed(methods=["clip-er"], pairs=3), "an empty one is none"
    (tmp_path / "runs" / name / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=f"^runs/{name}: has no {file}.*; allowed: the study's own run there"):
        played.gone_on(methods=["clip-er"], pairs=3)
    assert played.gone_on()[0] == 0, "which the study as it was does not ask for"


def test_the_configuration_that_a_search_chose_is_the_one_that_pairs_have(played, tmp_path):
    played.begun()
    file = tmp_path / "runs" / "s-plain" / "trials" / "trial_0002" / "config.yaml"
    file.write_text(file.read_text().replace("learning_rate: 0.002", "learning_rate: 0.003"))
    status, told = played.gone_on(pairs=3)
    assert status == 1 and list(played.reasons()) == ["s-plain-pair3"]
    assert "config.yaml: was changed since it was chosen; allowed: what the search wrote there" in told


_STREAMS = {"a": {"name": "digits"}, "b": {"name": "digits", "set": {"stream.increment": 3}}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trials": 1}, "s-plain: was asked for with trials 2, not 1"),
        ({"set": {"run.views": 3}}, "s-plain: was asked for with set run.views nothing, not 3"),
        ({"memory": 20}, "s-kept: was asked for with set replay.size nothing, not 20"),
        (
            {"methods": {"plain": {"name": "clip-er"}}},
            "s-plain: was asked for with method 'clip-finetune', not ",
        ),
        ({"methods": {"plain": {"space": "own.yaml"}}}, "s-plain: was asked for with search space '"),
        (
            {"methods": {"plain": {"name": "clip-finetune"}}},
            "has s-kept, which the study does not ask for any m",
        ),
        ({"pairs": 1}, "has s-kept-pair2, which the study does not ask for any more"),
        (
            {"streams": {"digits": {"set": {"stream.increment": 3}}}},
            "s-plain: was asked for with set stream.in",
        ),
        (
            {"streams": {"digits": {"name": "mnist-5k"}}},
            "s-plain: was asked for with stream 'digits', not 'mn",
        ),
        ({"streams": _STREAMS}, "has s-plain, which the study does not ask for any more"),
    ],
)
def test_a_file_that_was_changed_by_hand_keeps_no_part_under_a_new_heading(played, tmp_path, changes, said):
    played.begun()
    shipped = Space.load("clip-finetune").path.read_text()
    (tmp_path / "own.yaml").write_text(shipped.replace("trials: 16", "trials: 15"))
    file = tmp_path / "runs" / "s" / "study.yaml"
    before = file.read_text()
    methods = {"methods": played.asked["methods"] | changes.get("methods", {})}
    if len(changes.get("methods", {}).get("plain", {})) == 1 and "which" in said:
        methods = changes
    methods["methods"]["plain"] = {"name": "clip-finetune"} | methods["methods"]["plain"]
    file.write_text(yaml.safe_dump(yaml.safe_load(before) | changes | methods))
    with pytest.raises(UserError) as error:
        played.gone_on()
    assert str(error.value).startswith(f"{tmp_path}/runs/s/parts.json: {said}")
    assert str(error.value).endswith(
        "; allowed: study.yaml and the search spaces as they were, or a study of another name"
    )
    file.write_text(before)
    assert played.gone_on()[0] == 0


def test_what_a_heading_says_may_change_and_more_may_be_asked_for(played, tmp_path):
    played.begun()
    file = tmp_path / "runs" / "s" / "study.yaml"
    asked = yaml.safe_load(file.read_text())
    methods = {name: asked["methods"][name] for name in ("kept", "plain")} | {"new": {"name": "clip-er"}}
    file.write_text(
        yaml.safe_dump(asked | {"question": "Why?", "methods": methods, "pairs": 3}, sort_keys=False)
    )
    before = len(played.walked)
    status, told = played.gone_on()
    assert status == 0 and told.startswith("# Why?")
    assert sorted(played.walked[before:]) == [
        *(f"s-{name}" for name in ("kept-pair3", "new-pair1", "new-pair2", "new-pair3", "plain-pair3")),
    ]
    rows = [line.split(" | ")[0] for line in told.splitlines() if line.startswith("| ")]
    assert rows == ["| method", "| ---", "| kept", "| plain", "| new"]


def test_parts_of_before_are_refused_and_made_anew_from_the_runs(played, tmp_path):
    _, told = played.begun()
    file = tmp_path / "runs" / "s" / "parts.json"
    now = json.loads(file.read_text())
    old = {name: {"name": name, "trial": part["trial"]} for name, part in now["parts"].items()}
    for request in (tmp_path / "runs").glob("s-*/sweep.yaml"):  # as sweeps were asked for then
        request.write_text(request.read_text().replace("test: false\n", ""))
    file.write_text(json.dumps(old))
    with pytest.raises(UserError) as error:
        played.gone_on()
    assert str(error.value) == (
        f"{file}: is of an older version (format 1, not 2); allowed: none, by which it is made anew from the "
        "study's runs (remove it, and --resume)"
    )
    file.unlink()
    sessions = len(played.sessions)
    assert played.gone_on() == (0, told) and json.loads(file.read_text()) == now
    assert len(played.sessions) == sessions, "every run is found finished"
    assert not list((tmp_path / "runs" / "s-plain").rglob("metrics.json"))


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"format": 2}', '{"format": 2, "parts": {"s-a": {"name": "s-b", "asked": {}}}}']
)
def test_a_book_of_something_else_is_one_line(tmp_path, text):
    (tmp_path / study_book.BOOK_FILE).write_text(text)
    with pytest.raises(
        UserError, match=r"parts\.json: is not what a study writes; allowed: none, by which it"
    ):
        study_book.StudyBook(tmp_path)


def test_a_book_of_a_later_version_is_not_called_older(tmp_path):
    (tmp_path / study_book.BOOK_FILE).write_text('{"format": 3, "parts": {}}')
    with pytest.raises(UserError, match=r"is of another version \(format 3, not 2\)"):
        study_book.StudyBook(tmp_path)


@pytest.mark.parametrize("name", ["s-kept", "s-plain-pair2"])
def test_a_study_that_begins_finds_the_names_of_all_its_runs_free(played, tmp_path, name):
    (tmp_path / "runs" / name).mkdir(parents=True)
    (tmp_path / "runs" / name / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=f"^--name {name}: .* exists; choose another name"):
        played.begun()
    assert not (tmp_path / "runs" / "s").exists()


@pytest.mark.parametrize("held_out", [None, 1])
@pytest.mark.parametrize("more", [{"methods": ["+clip-er"]}, {"pairs": 3}])
def test_methods_are_compared_and_averaged_on_one_content_of_the_stream(played, monkeypatch, more, held_out):
    played.begun()
    load, tables = registry.get("digits").load, None
    if held_out is not None:  # the order's first task decides the content
        tables = QuestionTables([], 0, [], ["a", "b"], [0, 1], held_out=held_out)
    monkeypatch.setattr(
        registry.get("digits"),
        "load",
        lambda *given: replace(load(*given), fingerprint="changed", tables=tables),
    )
    status, told = played.gone_on(**more)
    if "pairs" in more and held_out is not None:  # of that pair there is none that read anything else
        assert status == 0
        return
    names = ["s-plain-pair3", "s-kept-pair3"] if "pairs" in more else ["s-clip-er"]
    assert status == 1 and list(played.reasons()) == names
    for name in names:
        assert f"- {name}: the stream digits is of another content than that of s-plain (" in told
