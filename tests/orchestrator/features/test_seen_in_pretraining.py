"""What each shipped model has seen of each generated stream."""

import numpy as np
import pytest

from orchestrator.commands.preview import preview_train
from orchestrator.config import RunConfig
from orchestrator.features.seen_in_pretraining import seen_in_pretraining
from orchestrator.streams import registry
from orchestrator.streams.synthetic.families import family
from orchestrator.streams.synthetic.family_split import PRETRAINING

_SIZES = {"train": 1, "validation": 2, "test": 2}
_SCENES = {**_SIZES, "query": 1, "gallery": 6}
_CLIP = {"method.name": "zero-shot"}
_IMAGE_TEXT = {"method.backbone.size": "world"}
_CTP = {"method.name": "ctp", **_IMAGE_TEXT}
_TOWERS = {"method.name": "itr-cca", **_IMAGE_TEXT}
_CLIPS_TOWERS = {"method.name": "itr-cca", "method.backbone.model": "small"}
_TRIPLET = {"method.name": "triplet", **_IMAGE_TEXT, "method.task_layers": [2, 3]}
_DRAWN = {"shapes", "sky", "letters", "signs"}
_INVENTED = {f"invented-{number}" for number in range(587, 617)}


def _source(name, **options):
    reader = registry.get(name)
    return reader.load(reader.Config(**options), skip_bad=False)


def _lines(source, **values):
    return list(seen_in_pretraining(RunConfig.from_dict({"stream.name": source.name, **values}), source))


@pytest.mark.parametrize(
    ("model", "stream", "options", "seen"),
    [
        (_CLIP, "shapes-recognition", {"tasks": 34, "colours": 1, **_SIZES}, _DRAWN | _INVENTED),
        (_CLIP, "shapes-recognition", {"families": "new", "tasks": 20, **_SIZES}, set()),
        (_CLIP, "shapes-recognition", {"families": "mixed", "tasks": 68, **_SIZES}, _DRAWN | _INVENTED),
        (_CTP, "shapes-retrieval", {"tasks": 14, **_SCENES}, _DRAWN),
        (_CTP, "shapes-retrieval", {"shift": "styles", "tasks": 8, "seed": 4, **_SCENES}, _DRAWN),
        (
            _CTP,
            "shapes-retrieval",
            {"shift": "domains", "shared": 0.5, "tasks": 3, **_SCENES},
            {"letters", "shapes"},
        ),
        (_TOWERS, "shapes-retrieval", _SCENES, {"letters", "shapes"}),
        (_CLIPS_TOWERS, "shapes-retrieval", _SCENES, {"letters", "shapes"}),
        (_TRIPLET, "shapes-vqa", _SIZES, set()),
    ],
)
def test_every_shipped_model_and_generated_stream(model, stream, options, seen):
    source = _source(stream, **options)
    assert {family(index).name for index in source.families if index in PRETRAINING} == seen
    lines = _lines(source, **model)
    assert len(lines) == bool(seen)
    if seen:
        assert f" {len(seen)} of the stream's {len(source.families)} families of things: " in lines[0]


def test_the_line_names_the_families():
    (line,) = _lines(_source("shapes-retrieval", **_SCENES), **_CTP)
    assert line == (
        "seen in pretraining: the shipped image-text model knows 2 of the stream's 5 families of things: "
        "letters, shapes"
    )
    (line,) = _lines(_source("shapes-recognition", tasks=9, colours=1, **_SIZES), **_CLIP)
    assert line.startswith("seen in pretraining: the shipped CLIP knows 9 of the stream's 9 families")
    assert line.endswith(", ...") and line.count(", ") == 8


@pytest.mark.parametrize(
    ("stream", "values"),
    [
        ("shapes-recognition", {**_CLIP, "method.backbone.pretrained": "random"}),
        ("shapes-retrieval", {"method.name": "ctp", "method.backbone.size": "small"}),
        ("shapes-retrieval", {**_CTP, "method.backbone.weights": "towers"}),
        ("digits", _CLIP),
    ],
)
def test_nothing_is_said_of_other_weights_and_of_real_pictures(stream, values):
    sizes = {"shapes-recognition": _SIZES, "shapes-retrieval": _SCENES}.get(stream, {})
    assert not _lines(_source(stream, **sizes), **values)


@pytest.mark.parametrize(
    ("stream", "options"),
    [
        ("shapes-recognition", {"families": "mixed", **_SIZES}),
        ("shapes-retrieval", _SCENES),
        ("shapes-retrieval", {"shift": "styles", **_SCENES}),
        ("shapes-retrieval", {"shift": "domains", "shared": 0.5, **_SCENES}),
        ("shapes-vqa", _SIZES),
    ],
)
def test_a_streams_families_are_those_that_its_pictures_show(stream, options):
    source = _source(stream, **options)
    shown = [split.pictures.scenes.family for task in source.tasks for split in task.splits.values()]
    assert set(np.concatenate([one.ravel() for one in shown]).tolist()) - {-1} == set(source.families)


def test_a_dry_run_says_it():
    source = _source("shapes-recognition", **_SIZES)
    config = RunConfig.from_dict({"stream.name": source.name, **_CLIP})
    (line,) = _lines(source, **_CLIP)
    assert f"\n  {line}\n" in preview_train(config, source, [0], None, test=True)
