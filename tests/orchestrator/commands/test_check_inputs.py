"""What a run reads besides its stream is looked at before a folder is made and Ray starts."""

from pathlib import Path

import pytest

from methods.backbones.missing_weights import missing_weights
from methods.vqa.triplet.backbone_config import FrozenBackboneConfig
from orchestrator import sweep, train
from orchestrator.config import RunConfig
from orchestrator.errors import UserError


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


def stream(method):
    return {"zero-shot": "shapes-recognition", "ctp": "shapes-retrieval"}.get(method, "shapes-vqa")
