"""What a run reads besides its stream is looked at before a folder is made and Ray starts."""

from pathlib import Path

import pytest
from fake_hub import fake_hub

from methods.backbones.clip_config import ClipConfig
from methods.backbones.config import BackboneConfig
from methods.backbones.hub_weights import hub_weights
from methods.backbones.missing_weights import missing_weights
from methods.vqa.triplet.backbone_config import FrozenBackboneConfig
from orchestrator import sweep, train
from orchestrator.commands.check_inputs import check_inputs
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.streams.source import StreamSource


@pytest.mark.parametrize("main", [sweep.main, train.main])
@pytest.mark.parametrize("dry", [["--dry-run"], []])
@pytest.mark.parametrize(
    ("method", "value", "said"),
    [
        ("zero-shot", "pretrained=no/such.pt", "pretrained 'no/such.pt'"),
        ("zero-shot", "pretrained=~/such", f"pretrained '{Path.home()}/such'"),
        ("ctp", "weights=/no/such", "weights '/no/such'"),
        ("ctp", "text_weights=./such", "text_weights './such'"),
        ("vqa-finetune", "weights=./such", "weights './such'"),
    ],
)
def test_weights_that_are_missing_are_said_at_once(tmp_path, monkeypatch, main, dry, method, value, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "orchestrator.execution.session.Session.__init__", lambda *_, **__: pytest.fail("Ray was started")
    )
    with pytest.raises(UserError, match=f"^method.backbone.{said}: no such file or folder$"):
        main([method, *dry, "--set", f"method.backbone.{value}"])
    assert not list(tmp_path.iterdir())


def test_on_a_cluster_weights_may_be_where_the_workers_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6379")
    values = ["--set", "method.backbone.pretrained=no/such.pt", "stream.tasks=1"]
    assert train.main(["zero-shot", "--dry-run", *values]) == 0


@pytest.mark.parametrize("main", [sweep.main, train.main])
@pytest.mark.parametrize("dry", [["--dry-run"], []])
def test_a_tokenizer_that_cannot_be_had_is_said_at_once(tmp_path, monkeypatch, main, dry):
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert/config.json").write_text('{"model_type": "bert"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "orchestrator.execution.session.Session.__init__", lambda *_, **__: pytest.fail("Ray was started")
    )
    with pytest.raises(UserError, match="^tokenizer 'bert': cannot be loaded .it has no vocabulary"):
        main(["ctp", *dry, "--set", "stream.tokenizer=bert", "stream.train=8", "stream.tasks=1"])
    assert [path.name for path in tmp_path.iterdir()] == ["bert"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            {"run.stream_in": "memory"},
            "run.stream_in=memory: stream p9d crops pictures in their original size",
        ),
        ({"replay.size": 8}, "replay.store=decoded: stream p9d crops pictures in their original size"),
        ({"replay.size": 8, "replay.store": "encoded"}, None),
        ({"stream.crop": "resized", "replay.size": 8, "run.stream_in": "memory"}, None),
    ],
)
def test_crops_of_the_original_size_are_refused_where_no_array_holds_them(value, said):
    config = RunConfig.from_dict(
        {"method.name": "ctp", "stream.name": "p9d", "stream.crop": "original", **value}
    )
    augment = "product-original" if config.stream.crop == "original" else "product"
    source = StreamSource("p9d", "retrieval", 16, ["a"], [], augment, "content")
    if said is None:
        check_inputs(config, source, kept=True, start=False, say=print)
    else:
        with pytest.raises(UserError, match=f"^{said}"):
            check_inputs(config, source, kept=True, start=False, say=print)


def test_names_are_not_looked_for():
    for method in ("ctp", "triplet", "zero-shot", "vqa-finetune"):
        assert (
            missing_weights(
                RunConfig.from_dict({"method.name": method, "stream.name": stream(method)}).method.backbone
            )
            is None
        )
    assert missing_weights(None) is None
    assert missing_weights(FrozenBackboneConfig(flava="facebook/flava-full", weights="/no/such")) is None
    assert missing_weights(FrozenBackboneConfig(flava="./no")) == "flava './no': no such file or folder"


@pytest.fixture
def no_ray(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "orchestrator.execution.session.Session.__init__", lambda *_, **__: pytest.fail("Ray was started")
    )
    return tmp_path


@pytest.fixture
def hub(tmp_path_factory):
    with fake_hub(tmp_path_factory.mktemp("cache")) as found:
        yield found


@pytest.mark.parametrize("main", [sweep.main, train.main])
@pytest.mark.parametrize("dry", [["--dry-run"], []])
@pytest.mark.parametrize(
    ("method", "values", "said"),
    [
        (
            "zero-shot",
            ["model=ViT-B-99", "pretrained=openai"],
            "model 'ViT-B-99' is unknown: allowed are small",
        ),
        (
            "zero-shot",
            ["model=ViT-B-16", "pretrained=opnai"],
            "pretrained 'opnai' is unknown for ViT-B-16: allo",
        ),
        (
            "zero-shot",
            ["pretrained=openai"],
            "pretrained 'openai' is unknown for small: allowed are world, ran",
        ),
        ("zero-shot", ["pretrained=."], "pretrained '.': is a folder, allowed: the weights file in it"),
        ("ctp", ["weights=albef"], "weights 'albef': no such file; allowed are world, towers, or a weights"),
        (
            "ctp",
            ["image_weights=deit"],
            "image_weights 'deit': no such file; allowed are random, timm, or a w",
        ),
        ("ctp", ["text_weights=empty"], "text_weights 'empty': the folder has no config.json"),
        ("ctp", ["text_weights=bare"], "text_weights 'bare': the folder has no weights, a file that ends in"),
        ("vqa-finetune", ["weights=bare"], "weights 'bare': the folder has no weights, a file that ends in"),
        ("l2p", ["flava=empty"], "flava 'empty': the folder has no config.json"),
    ],
)
def test_every_kind_of_backbone_says_what_it_lacks(no_ray, main, dry, method, values, said):
    (no_ray / "empty").mkdir()
    (no_ray / "bare").mkdir()
    (no_ray / "bare/config.json").write_text("{}")
    others = ["size=small", "weights=towers"] if method == "ctp" and "weights=albef" not in values else []
    with pytest.raises(UserError) as error:
        main([method, *dry, "--set", *(f"method.backbone.{value}" for value in [*others, *values])])
    assert str(error.value).startswith(f"method.backbone.{said}") and "\n" not in str(error.value)
    assert sorted(path.name for path in no_ray.iterdir()) == ["bare", "empty"]


def test_shipped_weights_that_are_gone_are_said(monkeypatch, tmp_path):
    gone = tmp_path / "gone.safetensors"
    monkeypatch.setattr("methods.backbones.missing_weights.WORLD_WEIGHTS", gone)
    monkeypatch.setattr("methods.backbones.clip_check.CLIP_WEIGHTS", gone)
    assert missing_weights(BackboneConfig("world")) == (
        f"weights 'world': {gone}, which is shipped, is gone; install again"
    )
    assert missing_weights(ClipConfig()) == (
        f"pretrained 'world': {gone}, which is shipped, is gone; install again"
    )


@pytest.mark.parametrize(
    ("method", "values", "asked"),
    [
        (
            "zero-shot",
            ["model=ViT-B-16", "pretrained=openai"],
            [("pretrained", "timm/vit_base_patch16_clip_224.op")],
        ),
        (
            "ctp",
            ["size=base"],
            [("image_weights", "timm/deit_base_patch16_224.fb_in1k"), ("text_weights", "bert-base-ch")],
        ),
        ("vqa-finetune", ["size=base", "weights=t5-base"], [("weights", "t5-base")]),
        ("l2p", ["flava=facebook/flava-full"], [("flava", "facebook/flava-full")]),
    ],
)
@pytest.mark.parametrize("main", [sweep.main, train.main])
def test_what_the_hub_does_not_give_is_said_before_ray(no_ray, hub, main, method, values, asked):
    """The first weights that are neither cached nor to be had. A preview asks nobody."""
    command = [method, "--set", "run.seed=0", *(f"method.backbone.{value}" for value in values)]
    config = RunConfig.from_dict(
        {"method.name": method, "stream.name": stream(method)}
        | {f"method.backbone.{key}": value for key, value in (v.split("=") for v in values)}
    )
    found = hub_weights(config.method.backbone)
    assert len(found) == len(asked)
    for weights, (field, repository) in zip(found, asked, strict=True):
        assert weights.field == field and weights.repository.startswith(repository)
    if method == "ctp":
        command += ["stream.image_size=32"]
    main([*command, "--dry-run"])
    assert not hub.asked
    with pytest.raises(UserError) as error:
        main(command)
    assert str(error.value).startswith(f"method.backbone.{asked[0][0]} ")
    assert f"{asked[0][1]}" in str(error.value) and "cannot be fetched (" in str(error.value)
    assert len(hub.asked) == 1 and asked[0][1] in hub.asked[0]
    assert not list(no_ray.iterdir())


def test_a_hub_that_has_a_fault_of_its_own_is_said_and_the_run_begins(no_ray, hub, capsys):
    hub.status = 503
    with pytest.raises(pytest.fail.Exception, match="^Ray was started$"):
        train.main(
            ["zero-shot", "--set", "method.backbone.model=ViT-B-16", "method.backbone.pretrained=openai"]
        )
    said = "open_clip_model.safetensors of the Hub's timm/vit_base_patch16_clip_224.openai may be missing: "
    assert said in capsys.readouterr().out


def stream(method):
    return {"zero-shot": "shapes-recognition", "ctp": "shapes-retrieval"}.get(method, "shapes-vqa")
