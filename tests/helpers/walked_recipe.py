"""A recipe walked over small files in this process, as a trial walks it, and looked at on test.

    python walked_recipe.py RECIPE DATA VALUES FOLDER

VALUES is JSON, dotted key to value, as ``--set`` has them. The last line of the output is JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from methods.vqa.triplet.load import load_frozen
from orchestrator.commands.check_inputs import check_inputs
from orchestrator.commands.recipe_values import recipe_config
from orchestrator.config import RunConfig
from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.features.bank import open_bank
from orchestrator.features.builder import encode_here
from orchestrator.features.frozen import asks_queries, frozen_backbone, load_backbone
from orchestrator.features.query_bank import open_query_bank
from orchestrator.streams import registry as streams
from orchestrator.streams.prepare import prepare
from orchestrator.streams.stream import Stream
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")


def walked_recipe(name: str, data: str, values: dict[str, object], folder: Path) -> dict[str, object]:
    """Walks a recipe.

    Returns:
        ``steps``: [task, phase, number of steps] of each phase with steps, in their order. ``reports``: how
        many tasks were reported. ``parameters``: how many the method has, or the frozen model below it.
        ``test``: the metrics of the look at test.
    """
    config = recipe_config(name, None, None, data, values)
    source = streams.get(config.stream_name).load(config.stream, skip_bad=False)
    check_inputs(config, source, kept=False, start=True, say=print)
    stream = _stream(config, source, folder)
    reporter = CollectingReporter()
    loop = StreamLoop(config, stream, folder / "trial", reporter, device=_CPU)
    loop.run()
    last: dict[tuple[int, str], int] = {}
    for task, phase, step, _, _ in loop.curves.rows:
        last[task, phase] = max(last.get((task, phase), 0), step + 1)
    return {
        "steps": [[task, phase, steps] for (task, phase), steps in last.items()],
        "reports": len(reporter.reports),
        "parameters": _parameters(config, loop),
        "test": final_evaluation(config, stream, folder / "trial", _CPU),
    }


def _stream(config: RunConfig, source, folder: Path) -> Stream:
    features = folder / "features"
    if frozen_backbone(config) is not None:
        return open_bank(config, source, features, print, encode_here).stream(source, False)
    stream = prepare(source, fit_tokenizer(source, config.stream, folder / "tokenizer"))
    if asks_queries(config):
        return open_query_bank(config, source, stream, features, print, encode_here).stream(stream)
    return stream


def _parameters(config: RunConfig, loop: StreamLoop) -> int:
    if frozen_backbone(config) is not None:
        module = load_backbone(config.method.backbone)
    elif asks_queries(config):
        module = load_frozen(config.method.backbone, loop.stream.spec)
    else:
        module = loop._fresh()[0]
    return sum(parameter.numel() for parameter in module.parameters())


if __name__ == "__main__":
    recipe, place, given, out = sys.argv[1:]
    print(json.dumps(walked_recipe(recipe, place, json.loads(given), Path(out))))
