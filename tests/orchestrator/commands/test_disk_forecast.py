import shutil
from collections import namedtuple

import pytest

from methods.backbones.clip_config import ClipConfig
from methods.backbones.clip_width import clip_width
from methods.backbones.small_clip import SMALL
from orchestrator import sweep, train
from orchestrator.api import UserError
from orchestrator.commands.disk_forecast import DiskForecast, checkpoint_size
from orchestrator.config import RunConfig
from orchestrator.streams.registry import get

_Usage = namedtuple("_Usage", "total used free")


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """Says how much of the disk is free."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VLCL_STORAGE", raising=False)
    return lambda free: monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(0, 0, int(free)))


def test_trials_that_keep_all_tasks_count_as_often_as_there_are_tasks():
    assert DiskForecast(16, 5, 10, 100, "chosen").bytes == 100 * (5 * 10 + 11)
    assert DiskForecast(16, 16, 10, 100, "all").bytes == 100 * 160
    assert DiskForecast(3, 5, 10, 100, "chosen").bytes == 100 * 30, "there are no more than three"


def test_a_line_is_said_from_a_gigabyte_or_a_tenth_of_what_is_free(disk, tmp_path):
    def line(each, free, **changes):
        disk(free)
        return DiskForecast(10, 2, 6, each, "chosen", **changes).line(tmp_path / "runs", None)

    assert line(50e6, 11e9) == "" and line(5e6, 1.01e9) == ""
    assert line(50.2e6, 50e9) == (
        "checkpoints will take up to about 1.0 GB (10 trials of 6 tasks, 50 MB a checkpoint, run.keep "
        f"chosen); 50 GB are free on the disk of {tmp_path}"
    )
    assert line(5e6, 0.99e9).startswith("checkpoints will take up to about 100 MB (")
    short = line(1e9, 9e9, less="last")
    assert (
        "about 20 GB (" in short
        and f", and 9.0 GB are free on the disk of {tmp_path}: run.keep=last, " in short
    )
    assert "run.keep=" not in line(1e9, 9e9)


def test_at_a_storage_nothing_is_said_of_the_disk(disk, tmp_path):
    disk(1000)
    forecast = DiskForecast(10, 2, 6, 50_100_000, "chosen")
    found = forecast.line(tmp_path / "runs", "s3://b/x")
    assert found.startswith("checkpoints will take up to about 1.0 GB at s3://b/x (10 trials of 6 tasks")
    assert DiskForecast(10, 2, 6, 50_000_000, "chosen").line(tmp_path, "s3://b/x") == ""


def test_the_width_of_a_clip_is_known_without_the_clip():
    assert clip_width(ClipConfig()) == SMALL["embed_dim"]
    assert clip_width(ClipConfig("ViT-B-16", "openai")) == 512
    assert clip_width(ClipConfig("ViT-L/14", "openai")) == 768
    assert clip_width(ClipConfig("no-such", "openai")) is None


def test_clap4clip_at_the_papers_size_has_the_checkpoints_that_were_measured():
    """Ten tasks left 284 MB, each checkpoint larger than the one before."""
    values = {"method.name": "clap4clip", "stream.name": "digits", "stream.initial": 1, "stream.increment": 1}
    values |= {"method.backbone.model": "ViT-B-16", "method.backbone.pretrained": "openai"}
    config = RunConfig.from_dict(values)
    source = get("digits").load(config.stream, False)
    found = checkpoint_size(config, source, None)
    pairs = 4 * 2 * 512 * 513  # one a task
    assert len(source.tasks) == 10 and sum(found - n * pairs for n in range(10)) == pytest.approx(
        284e6, rel=0.05
    )


_LARGE = ["--set", "method.backbone.image_width=512", "method.backbone.text_width=512", "stream.tasks=3"]


@pytest.mark.parametrize(
    ("main", "asked", "trials", "size"),
    [
        # 19 million numbers. Two at once and the chosen one have three checkpoints, the others one.
        (sweep.main, ["finetune", "--trials", "8"], "8 trials of 3 tasks", 8 + 3 * 2),
        (sweep.main, ["finetune", "--trials", "8", "--concurrent", "1"], "8 trials of 3 tasks", 8 + 2 * 2),
        # Of each of three sizes of the memory a trial may be chosen.
        (sweep.main, ["ctp", "--trials", "8"], "8 trials of 3 tasks", 8 + 5 * 2),
        (sweep.main, ["ctp", "--trials", "8", "--set", "run.keep=all"], "8 trials of 3 tasks", 8 * 3),
        (train.main, ["ctp", "--seeds", "1", "2"], "2 trials of 3 tasks", 2 * 3),
        (
            train.main,
            ["ctp", "--seeds", "1", "2", "--concurrent", "1", "--set", "run.keep=last"],
            "2 trials",
            2 + 2,
        ),
    ],
)
def test_a_dry_run_says_what_it_will_take(main, asked, trials, size, disk, capsys):
    disk(1e6)
    assert main([*asked, *_LARGE, "--dry-run"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("  checkpoints will take up to about ") and f"({trials}" in line
    each, whole = (
        float(part.split()[0]) for part in (line.partition("tasks, ")[2], line.partition("about ")[2])
    )
    whole *= 1000 if " GB (" in line else 1
    assert whole == pytest.approx(size * each, rel=0.07), line


def test_a_sweep_says_it_before_it_begins_and_only_where_it_is_much(disk, tmp_path, capsys):
    (tmp_path / "runs" / "taken" / "trials").mkdir(parents=True)
    for free, said in ((1e6, 1), (1e15, 0)):
        disk(free)
        with pytest.raises(UserError, match="--name taken"):  # where it would be made
            sweep.main(["ctp", "--name", "taken"])
        assert capsys.readouterr().out.count("checkpoints will take up to about") == said
