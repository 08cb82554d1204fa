"""Which search a configuration is from."""

import pytest

from orchestrator.commands.chosen_by import chosen_by
from orchestrator.config import RunConfig
from orchestrator.search.space import Space
from orchestrator.storage.identity import Identity

pytestmark = pytest.mark.unit


@pytest.fixture
def found(tmp_path):
    """A sweep's trial: its configuration's file, that configuration, and the sweep's identity."""
    run = tmp_path / "runs" / "s"
    file = run / "trials" / "trial_0003" / "config.yaml"
    file.parent.mkdir(parents=True)
    config = Space.load("slda").start_config
    file.write_text(config.yaml())
    identity = Identity.new("config", "stream")
    (run / "identity.json").write_text(identity.text())
    (run / "sweep.yaml").write_text("")
    return file, RunConfig.load_yaml(file), identity


def test_seed_order_and_stream_may_be_others(found):
    file, config, identity = found
    other = config.with_values({"run.seed": 5, "stream.order": 3, "stream.tasks": 4, "run.workers": 2})
    assert chosen_by(file, config) == chosen_by(file, other) == f"{identity.run}/trial_0003"


@pytest.mark.parametrize("key", ["method.shrinkage", "replay.size"])
def test_another_value_of_the_method_or_the_memory_is_none_that_the_search_chose(key, found):
    file, config, _ = found
    assert chosen_by(file, config.with_values({key: 1})) == ""


def test_a_file_that_is_no_trials_of_a_sweep_says_nothing(found, tmp_path):
    file, config, _ = found
    copy = tmp_path / "config.yaml"
    copy.write_text(file.read_text())
    assert chosen_by(copy, config) == ""
    (file.parents[2] / "identity.json").write_text("{}")
    assert chosen_by(file, config) == "", "of an earlier version"
    (file.parents[2] / "sweep.yaml").rename(file.parents[2] / "train.yaml")
    assert chosen_by(file, config) == ""
