"""A study: interrupted, gone on with, grown; its runs are ordinary runs."""

import json
import subprocess
import sys

import pytest
import torch
import yaml
from lane_here import lanes_here

from orchestrator.config import RunConfig
from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.streams import registry as streams
from orchestrator.streams.prepare import prepare
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def study(small_method, small_sweep, tmp_path_factory, with_tables, typed):
    """Two variants of a method, each with two trials, stopped in the second search, gone on with, stopped in
    the second run with a pair, and gone on with for two pairs. Then nothing is left. The folder, and what
    each command printed.
    """
    folder = with_tables(tmp_path_factory.mktemp("study"))
    name, _, space = small_method
    values = dict(one.split("=", 1) for one in small_sweep(tasks=2)[1:])
    asked = {
        "question": "Does the memory pay?",
        "methods": {
            "kept": {"name": name, "space": space, "set": {"replay.size": 8}},
            "lost": {"name": name, "space": space, "set": {"replay.size": 0}},
        },
        "trials": 2,
        "pairs": 1,
        "set": {key: yaml.safe_load(value) for key, value in values.items() if key != "replay.size"},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(asked))
    told = []
    for words, stopped_at in (
        (["study.yaml", "--name", "s"], "lost: trial 1/2 task 1/2"),
        (["--resume", "s"], "lost: trial 1/1 task 1/2"),
        (["--resume", "s", "--pairs", "2"], None),
    ):
        # The lanes of the last one are up together, those of the others one after the other.
        together = "2" in words
        with pytest.MonkeyPatch.context() as patch, lanes_here(together=True):
            if stopped_at:  # in the midst of the next task
                patch.setenv("SMALL_METHOD_PAUSE", "0.1")
            how = {"lanes": together, "stopped_at": stopped_at}
            done = typed(folder, "orchestrator.study.__main__", *words, **how)
        told.append(done.stdout + done.stderr)
        assert done.returncode == (130 if stopped_at else 0), told[-1]
    # Another process knows what the disk knows, and needs no Ray.
    line = [sys.executable, "-m", "orchestrator.study", "--resume", "s"]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, [*told, done.stdout + done.stderr]


def test_what_is_done_is_not_done_again_and_nothing_is_left_out(study):
    first, second, grown, nothing = study[1]
    for told in (first, second):
        assert (
            told.endswith("Go on with:\n  python -m orchestrator.study --resume s\n")
            and "Interrupted." in told
        )
    for told in study[1]:
        assert "Traceback" not in told, told
    # The searches share the lanes: the first Ctrl-C meets both, or the second one alone.
    assert _ended(first) in ([], ["s-kept"]) and sorted(_ended(first + second)) == ["s-kept", "s-lost"]
    assert "lost: interrupted: 0 trial(s) ended, 1 unfinished" in first
    assert sorted(_ended(grown)) == ["s-kept-pair1", "s-kept-pair2", "s-lost-pair1", "s-lost-pair2"]
    assert _ended(nothing) == []
    # Whatever was interrupted, no task of a search was trained again. A trial may be stopped after its first.
    for trial in ("kept: trial 1/2", "kept: trial 2/2", "lost: trial 1/2", "lost: trial 2/2"):
        assert (first + second).count(f"{trial} task 1/2") == 1 >= (first + second).count(f"{trial} task 2/2")
    assert "joining Ray" not in nothing
    assert (study[0] / "runs" / "s" / "result.md").read_text() in nothing
    # The interrupted run is gone on with: its first task is not trained again.
    assert "lost: trial 1/1 goes on" in grown and grown.count("lost: trial 1/1 task 1/2") == 1


def _ended(told):
    """The runs that a command noted, in its order."""
    return [line.split("] ")[1].split(":")[0] for line in told.splitlines() if "] s-" in line]


def test_searches_and_pairs_share_one_session(study):
    assert [told.count("warming") for told in study[1]] == [1, 1, 1, 0]
    assert [told.count("joining Ray") for told in study[1]] == [1, 1, 1, 0]


def test_the_runs_of_a_pair_fill_the_lanes_together(study):
    """Each method has one run with the second pair: both begin before one of them has ended."""
    grown = study[1][2]
    places = [grown.index(f"{label}: trial 1/1 starts") for label in ("kept", "lost")]
    assert max(places) < min(grown.index(f"{label}: seed_2: all tasks done") for label in ("kept", "lost"))


def test_no_search_looks_at_test_and_each_pair_does_once(study):
    runs = study[0] / "runs"
    for label in ("kept", "lost"):
        assert not list((runs / f"s-{label}").rglob("test_matrix*")) and not list(
            (runs / f"s-{label}").rglob("test/metrics.json")
        )
    # The first look of the second command waited for the lane, and Ctrl-C came before its turn.
    assert [told.count("looking at test") for told in study[1]] == [0, 1, 4, 0]
    parts = json.loads((runs / "s" / "parts.json").read_text())["parts"]
    assert [bool(part["test"]) for part in parts.values()] == ["pair" in name for name in parts]


@pytest.mark.parametrize("label", ["kept", "lost"])
def test_a_pair_has_the_numbers_of_the_chosen_values_walked_with_its_seed_and_order(study, label, tmp_path):
    runs = study[0] / "runs"
    parts = json.loads((runs / "s" / "parts.json").read_text())["parts"]
    chosen = runs / f"s-{label}" / "trials" / parts[f"s-{label}"]["trial"] / "config.yaml"
    config = RunConfig.load_yaml(chosen).with_values({"run.seed": 2, "stream.order": 2})
    ran = RunConfig.load_yaml(runs / f"s-{label}-pair2" / "trials" / "seed_2" / "config.yaml")
    assert ran.flat() == config.flat()
    source = streams.get(config.stream_name).load(config.stream, False)
    tokenizer = fit_tokenizer(source, config.stream, tmp_path / "tokenizer")
    stream = prepare(source, tokenizer)
    files = {path.name: path.read_bytes() for path in (tmp_path / "tokenizer").glob("*")}
    how = {"device": _CPU, "tokenizer": files}
    assert StreamLoop(config, stream, tmp_path / "walk", CollectingReporter(), **how).run() == "finished"
    walked = final_evaluation(config, stream, tmp_path / "walk", _CPU, None, files)
    test = parts[f"s-{label}-pair2"]["test"]
    assert test["seen/r_mean"] == walked["test/seen/r_mean"]
    row = next(line for line in study[1][-1].splitlines() if line.startswith(f"| {label} |"))
    both = [parts[f"s-{label}-pair{n}"]["test"]["seen/r_mean"] for n in (1, 2)]
    memory = 8 if label == "kept" else 0
    assert f"| {label} | 2 | {memory} | 2 | {sum(both) / 2:.1f} ±" in row


def test_a_pair_more_never_takes_pairs_away(study, typed):
    done = typed(study[0], "orchestrator.study.__main__", "--resume", "s", "--pairs", "1")
    assert done.returncode == 2
    assert "error: --pairs 1: the study was asked for 2; allowed are whole numbers from 2, in all" in (
        done.stdout + done.stderr
    )
