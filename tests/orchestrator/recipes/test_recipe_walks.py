"""A recipe of each method, walked at the size of the paper's backbone. No Ray is started.

The data sets are small files of the published layouts, and the weights have random values under the names by
which the recipes ask for them, in a cache of the Hub. Values that make a run small are the only ones that are
given. A walk takes up to 7 GB of memory.
"""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import published_files as files
import published_weights as weights
import pytest

from orchestrator.recipes.recipe import Recipe

_ROOT = Path(__file__).parents[3]
_SMALL = {"method.epochs": 1}
_TWO_CLASSES = {"stream.initial": 2, "stream.increment": 2, "method.epochs": 2}

# Millions of parameters of the published architectures: CLIP ViT-B/16; DeiT-B/16 with BERT-base-chinese, of
# which six layers attend to the picture; ALBEF; T5-base.
_CLIP, _CTP, _ALBEF, _T5 = 149.6, 202.7, 209.5, 224.5

WALKS = {
    "clap4clip/cifar100": (
        lambda folder: files.cifar_100(folder, classes=4, each=3),
        weights.clip,
        _TWO_CLASSES | {"run.views": 1},
        [[0, "adapt", 2], [1, "adapt", 2], [1, "consolidate", 2]],
        _CLIP,
    ),
    "mma/oxford-pets": (
        lambda folder: files.class_folders(folder, classes=4, train=2, test=1),
        weights.clip,
        _TWO_CLASSES,
        [[0, "train", 2], [1, "train", 2]],
        _CLIP,
    ),
    "ctp/p9d": (
        lambda folder: files.p9d(folder, tasks=2, train=10, test=4),
        weights.ctp,
        _SMALL | {"method.batch_size": 4, "run.workers": 1, "stream.order": "natural"},
        [[0, "train", 2], [1, "train", 2]],
        _CTP,
    ),
    "vqacl/vqa-v2": (
        files.vqacl,
        weights.t5_tokenizer,
        _SMALL | {"method.batch_size": 1, "stream.task_names": ["recognition", "location"]},
        # A task's groups of objects one after another, each with two steps of its questions, and as many of
        # the memory's as soon as there is one.
        [[0, "G1", 2], [0, "G2", 2], [1, "G1", 4], [1, "G2", 4]],
        _T5,
    ),
    "triplet/vqa-v2-conls": (
        files.contvqa,
        weights.triplet,
        _SMALL | {"method.batch_size": 2, "stream.task_names": ["count", "action"]},
        [[0, "train", 2], [1, "train", 2]],
        _ALBEF,
    ),
}


@pytest.fixture
def place(tmp_path):
    """A folder whose gigabytes of weights and checkpoints are gone afterwards."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", WALKS)
def test_a_recipe_walks_two_steps_a_task_at_the_size_of_the_paper(name, place):
    data, cache, values, steps, millions = WALKS[name]
    (place / "data").mkdir()
    data(place / "data")
    cache(place)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{_ROOT}:{_ROOT / 'tests' / 'helpers'}",
        "HF_HUB_CACHE": str(place / "hub"),
        "HF_HUB_OFFLINE": "1",
    }
    line = [sys.executable, str(_ROOT / "tests" / "helpers" / "walked_recipe.py"), name, "data"]
    done = subprocess.run(
        [*line, json.dumps(values), "out"], cwd=place, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["steps"] == steps and found["reports"] == 2
    assert found["parameters"] / 1e6 == pytest.approx(millions, abs=0.1)
    assert all(math.isfinite(value) for value in found["test"].values())
    # What is of the classes to come has its value after the first task, not after the last.
    printed = [metric for metric in Recipe.load(name).metrics if name != "mma/oxford-pets"]
    assert set(printed) <= set(found["test"])
