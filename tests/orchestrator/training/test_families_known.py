"""What a CLIP that is not trained any more knows of a recognition stream's families. No Ray is started."""

import numpy as np
import pytest
import torch
from tiny_walks import tiny_config, tiny_stream

from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")
_SIZES = {"stream.tasks": 4, "stream.train": 1, "stream.validation": 1, "stream.test": 3, "run.views": 1}


@pytest.mark.parametrize(
    ("families", "known"),
    [("known", [True] * 4), ("new", [False] * 4), ("mixed", [True, False, True, False])],
)
def test_zero_shot_knows_known_families_and_no_new_ones(families, known, tmp_path):
    config = tiny_config("zero-shot", **_SIZES, **{"stream.families": families, "run.device": "cpu"})
    stream = tiny_stream(config, tmp_path / "features")
    StreamLoop(config, stream, tmp_path, CollectingReporter(), device=_CPU).run()
    tested = final_evaluation(config, stream, tmp_path, _CPU)
    right = np.array([tested[f"test/task_{task:02d}/accuracy"] for task in range(1, 5)])
    # A guess among 48 classes has 2.
    assert np.where(known, right > 50, right < 40).all(), right
