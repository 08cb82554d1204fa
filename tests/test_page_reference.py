"""The reference pages name all that there is: keys, policies, metrics, files; and their examples run."""

import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from own_classes import forget
from page_files import write_files
from tiny_walks import tiny_stream

from methods import registry as methods
from methods.common.experience_replay import Mixing
from orchestrator.evaluation.vqa_summary import question_metrics
from orchestrator.evaluation.vqa_tables import QUESTION_TABLES
from orchestrator.metrics.matrix import matrix_metrics
from orchestrator.metrics.measures import SHOWN
from orchestrator.record.comparison.table import COLUMNS
from orchestrator.replay.config import _BalanceBy, _Budget, _Herding, _Store
from orchestrator.replay.policies import POLICIES
from orchestrator.search.space import Space
from orchestrator.search.space_file import _METRICS
from orchestrator.storage.checkpoint import load
from orchestrator.storage.run_files import IDENTITY_FILE, MANIFEST_FILE
from orchestrator.storage.trial_files import (
    CHECKPOINTS_FILE,
    PREDICTIONS_FILE,
    STATE_FILE,
    STATUS_FILE,
    TESTED_FILE,
)
from orchestrator.streams import registry as streams
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_DOCS = Path(__file__).parents[1] / "docs"


def _page(name):
    (path,) = _DOCS.rglob(f"{name}.md")
    return path.read_text(encoding="utf-8")


def _blocks(name):
    return re.findall(r"^```text\n(.*?)^```$", _page(name), re.S | re.M)


def _named(page):
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", _page(page), flags=re.S)))


def test_every_section_of_a_configuration_has_its_keys_on_a_page():
    text = "".join(path.read_text(encoding="utf-8") for path in _DOCS.rglob("*.md"))
    with_page = {path.stem for path in _DOCS.rglob("*.md")} & set(methods.names())
    assert len(with_page) == 5
    assert set(re.findall(r"<!-- keys ([\w-]+) -->", text)) == {
        "all",
        "replay",
        "per_task",
        *streams.names(),
        *with_page,
    }


def test_the_page_of_all_keys_has_every_room():
    page = _page("keys")
    rooms = set(re.findall(r"^##+ (.*)$", page, re.M))
    assert {"`run`", "`replay`", *(f"`{name}`" for name in streams.names())} <= rooms
    told = {name for room in rooms if not room.startswith("Backbone") for name in re.findall("`(.*?)`", room)}
    assert {*methods.names()} - told == {"zero-shot", "ncm", "nme", "itr-zero-shot"}, (
        "which have no key of their own"
    )
    backbones = {
        name for room in rooms if room.startswith("Backbone") for name in re.findall("`(.*?)`", room)
    }
    assert backbones == {*methods.names()}


def test_every_replay_policy_and_reading_is_told():
    page = _page("replay")
    policies, mixings = (
        {*re.findall(r"^\| `([\w-]+)`", page.split(f"## {section}\n")[1].split("\n## ")[0], re.M)}
        for section in ("Policies", "How the memory is mixed in")
    )
    assert policies == {*POLICIES} and mixings == {*get_args(Mixing)}
    for key, readings in (
        ("balance_by", _BalanceBy),
        ("budget", _Budget),
        ("herding", _Herding),
        ("store", _Store),
    ):
        assert f"| `replay.{key}` | {' or '.join(get_args(readings))} |" in _page("keys")


def _in_general(metric):
    return re.sub(r"task_\d+", "task_01", metric)


def test_every_metric_of_a_search_and_of_the_last_lines_is_told():
    square = np.full((6, 6), 50.0)
    found = {*matrix_metrics(square, np.zeros(6), sizes=np.ones(6), task_aware=square)}
    found |= {*question_metrics(square, [1] * 6, range(6), square)}
    found |= {*SHOWN, *(name for names in _METRICS.values() for name in names)}
    assert len(found) > 30 and found - _named("metrics") == set()


def test_every_column_of_the_comparison_is_told():
    rows = re.findall(
        r"^\| ([^|`]+) \| `([\w/@]+)` \|$", _page("metrics").partition("## Columns of")[2], re.M
    )
    assert dict(rows) == COLUMNS
    assert {*COLUMNS.values()} - _named("metrics") == set()


def test_every_metric_of_an_objective_is_told_where_objectives_are():
    named = _named("search_spaces")
    named |= {f"validation/seen/{way}_r{k}" for way in ("txt", "img") for k in (5, 10) if f"_r{k}" in named}
    for metrics in _METRICS.values():
        assert {f"validation/{name}" for name in metrics} - named == set()


def test_every_file_that_vouches_for_something_is_told():
    page = _page("run_folder")
    own = (
        IDENTITY_FILE,
        MANIFEST_FILE,
        STATUS_FILE,
        TESTED_FILE,
        CHECKPOINTS_FILE,
        PREDICTIONS_FILE,
        STATE_FILE,
    )
    for name in (*own, *QUESTION_TABLES):
        assert name in page, name


def test_the_search_space_of_the_page_is_one(tmp_path):
    (text,) = [block for block in _blocks("search_space") if block.startswith("# my.yaml")]
    path = tmp_path / "my.yaml"
    path.write_text(text)
    space = Space.load(path)
    assert len(space.parameters) == 4 and space.trials == 8
    assert space.start == {"method.learning_rate": 5e-4, "method.queue_size": 0, "replay.size": 0}
    assert space.start_config.flat()["method.learning_rate"] == 5e-4


@pytest.fixture
def own_space(tmp_path, monkeypatch):
    """The search space of the page's own method, beside its module."""
    forget()
    write_files(_DOCS / "howto/extending.md", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "text_shift.yaml"
    forget()


def test_the_method_of_the_page_walks_a_stream(own_space, tmp_path):
    values = {"stream.tasks": 2, "stream.train": 2, "stream.validation": 1, "stream.test": 1, "run.views": 1}
    space = Space.load(own_space, values={**values, "replay.size": 24, "method.batch_size": 8})
    config = space.start_config.with_values({"method.epochs": 2})
    stream = tiny_stream(config, tmp_path / "shelf")
    trial, reporter = tmp_path / "trial", CollectingReporter()
    StreamLoop(config, stream, trial, reporter, device=torch.device("cpu")).run()
    first, second = reporter.reports
    assert "train/stay" not in first and second["train/stay"] > 0
    told = _named("metrics")
    measured = {_in_general(n.removeprefix("validation/")) for n in second if n.startswith("validation/")}
    assert "unseen/accuracy" in {*measured, *(n.removeprefix("validation/") for n in first)}
    assert measured - told == set()
    moved = [load(trial, task).model["shift"].norm() for task in (0, 1)]
    assert 0 < moved[0] != moved[1] > 0
