"""A study on its own Ray: interrupted, gone on with, grown; its runs are ordinary runs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from orchestrator.config import RunConfig
from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.streams import registry as streams
from orchestrator.streams.prepare import prepare
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def study(small_method, small_sweep, tmp_path_factory):
    """Two variants of a method, each with two trials, stopped in the second search and gone on with. Then
    there is a second pair. The folder, and what each command printed.
    """
    folder = tmp_path_factory.mktemp("study")
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
    begun = _begun(folder, "study.yaml", "--name", "s")
    first = []
    for line in begun.stdout:
        first.append(line)
        if "lost: trial 1/2 task 1/2" in line:
            begun.send_signal(signal.SIGINT)
    assert begun.wait(120) == 130, "".join(first)
    told = ["".join(first)]
    for more in ((), ("--pairs", "2"), ()):
        again = _begun(folder, "--resume", "s", *more)
        told.append(again.communicate(timeout=300)[0])
        assert again.returncode == 0, told[-1]
    return folder, told


def _begun(folder: Path, *words: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator.study", *words],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k not in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_what_is_done_is_not_done_again_and_nothing_is_left_out(study):
    first, gone_on, grown, nothing = study[1]
    assert "s-kept: trial_000" in first and "Go on: python -m orchestrator.study --resume s" in first
    assert "Traceback" not in first + gone_on + grown + nothing
    for told, names in (
        (gone_on, ["s-lost", "s-kept-pair1", "s-lost-pair1"]),
        (grown, ["s-kept-pair2", "s-lost-pair2"]),
        (nothing, []),
    ):
        ended = [line.split("] ")[1].split(":")[0] for line in told.splitlines() if "] s-" in line]
        assert ended == names
    assert "starting Ray" not in nothing
    assert (study[0] / "runs" / "s" / "result.md").read_text() in nothing


def test_searches_share_one_session_and_so_do_the_methods_of_a_pair(study):
    _, gone_on, grown, _ = study[1]
    assert [told.count("warming") for told in study[1]] == [1, 2, 1, 0]
    assert gone_on.count("starting Ray") == 2 and grown.count("starting Ray") == 1


def test_no_search_looks_at_test_and_each_pair_does_once(study):
    runs = study[0] / "runs"
    for label in ("kept", "lost"):
        assert not list((runs / f"s-{label}").rglob("test_matrix*")) and not list(
            (runs / f"s-{label}").rglob("test/metrics.json")
        )
    told = "".join(study[1])
    assert told.count("looking at test") == 4
    parts = json.loads((runs / "s" / "parts.json").read_text())
    assert [bool(part["test"]) for part in parts.values()] == ["pair" in name for name in parts]


@pytest.mark.parametrize("label", ["kept", "lost"])
def test_a_pair_has_the_numbers_of_the_chosen_values_walked_with_its_seed_and_order(study, label, tmp_path):
    runs = study[0] / "runs"
    parts = json.loads((runs / "s" / "parts.json").read_text())
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
    assert f"| {label} | 2 | 2 | {sum(both) / 2:.1f} ±" in row


def test_a_pair_more_never_takes_pairs_away(study):
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.study", "--resume", "s", "--pairs", "1"],
        cwd=study[0],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "error: --pairs 1: the study was asked for 2; allowed are whole numbers from 2, in all" in (
        done.stdout + done.stderr
    )
