"""What `benchmarks/released_steps.py` prints of two sides, and how it imports released code: here a folder of
small files.
"""

import importlib
import sys
from pathlib import Path

import pytest
import torch

_FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    monkeypatch.syspath_prepend(str(_FOLDER))
    yield importlib.import_module
    for name in [name for name in sys.modules if name.startswith("released_")]:
        monkeypatch.delitem(sys.modules, name)


def test_terms_weights_and_updates_that_differ_are_said(load, tmp_path, capsys):
    ledger = load("released_ledger").Ledger(tmp_path)
    start = {"a": torch.tensor([3.0, 4.0]), "b": torch.zeros(1)}
    ledger.record("step 0", {}, start)
    theirs = {"a": torch.tensor([3.0, 3.0]), "b": torch.ones(1)}
    ledger.record("step 1", {"loss": 2.0, "kl": 1.0}, theirs)
    ledger.compare("step 0", {}, start)
    ledger.compare("step 1", {"loss": 1.5, "kl": 1.0}, theirs | {"b": torch.full((1,), 0.5)})
    out = capsys.readouterr().out
    assert "most of it in b: 5.0e-01 of its own update" in out
    assert ledger.largest == pytest.approx(
        {"weights": 0.5 / 19**0.5, "loss": 0.25, "kl": 0.0, "update of the weights": 0.5 / 2**0.5}
    )
    ledger.closing()
    assert "loss                       2.5e-01" in capsys.readouterr().out


def test_a_term_or_a_weight_of_one_side_alone_is_an_error(load, tmp_path):
    ledger = load("released_ledger").Ledger(tmp_path)
    ledger.record("step 0", {"loss": 1.0}, {"a": torch.ones(1)})
    with pytest.raises(ValueError, match=r"step 0: terms \['kl', 'loss'\], where .* has \['loss'\]"):
        ledger.compare("step 0", {"loss": 1.0, "kl": 0.0}, {"a": torch.ones(1)})
    with pytest.raises(ValueError, match=r"step 0: weights \['b'\] are of one side alone"):
        ledger.compare("step 0", {"loss": 1.0}, {"a": torch.ones(1), "b": torch.ones(1)})


def test_biases_of_keys_are_left_out(load, tmp_path):
    ledger = load("released_ledger").Ledger(tmp_path)
    theirs = {"a.qkv.bias": torch.arange(6.0), "b.key.bias": torch.ones(1), "b.query.bias": torch.ones(1)}
    ledger.record("step 0", {}, theirs)
    other = {"a.qkv.bias": torch.tensor([0.0, 1, 7, 7, 4, 5]), "b.key.bias": torch.zeros(1)}
    ledger.compare("step 0", {}, theirs | other)
    assert ledger.largest == {"weights": 0.0}
    ledger.compare("step 0", {}, theirs | {"b.query.bias": torch.zeros(1)})
    assert ledger.largest["weights"] == pytest.approx(1 / (0 + 1 + 16 + 25 + 1) ** 0.5)


def test_released_code_is_imported_and_forgotten(load, tmp_path):
    code, older = tmp_path / "code", tmp_path / "older"
    for folder in (code, older):
        folder.mkdir()
    (code / "theirs.py").write_text(
        "from absent.part import anything\nfrom absent import value\nimport transformers\n"
    )
    (older / "transformers.py").write_text("__version__ = '4'\n")
    path, before = list(sys.path), sys.modules.get("transformers")
    released_code = load("released_code").released_code
    with released_code([code], {"absent": {"value": 7}, "absent.part": {}}, older):
        import theirs

        assert (theirs.value, theirs.transformers.__version__) == (7, "4")
        assert theirs.anything("given", value=1) is None
        assert torch.ones(1).cuda(device=3).device.type == "cpu"
    assert sys.path == path and sys.modules.get("transformers") is before
    assert not {"theirs", "absent", "absent.part"} & set(sys.modules)


def test_every_weight_of_ctp_has_the_name_that_ours_has(load):
    renamed = load("released_ctp")._renamed
    assert renamed("visual_encoder.blocks.3.norm1.weight", 6) == "vision.blocks.3.norm1.weight"
    layer = "text_mlm_encoder.bert.encoder.layer"
    assert renamed(f"{layer}.5.output.dense.bias", 6) == "bert.text_layers.5.output.dense.bias"
    assert renamed(f"{layer}.6.output.dense.bias", 6) == "bert.fusion_layers.0.output.dense.bias"
    assert renamed("text_mlm_encoder.cls.predictions.bias", 6) == "bert.bias"
    assert renamed("text_mlm_encoder.cls.predictions.transform.dense.bias", 6) == "bert.head.dense.bias"
    assert renamed("text_proj.weight", 6) == "text_projection.weight"
    assert renamed("temp", 6) is None


def test_a_checkout_that_is_not_there_is_said_in_one_line(load, capsys):
    with pytest.raises(SystemExit):
        load("released_steps").main(["mma", "no-such-folder"])
    assert "CHECKOUT no-such-folder: no such folder" in capsys.readouterr().err.splitlines()[-1]


def test_what_is_no_number_is_the_largest_difference(load, tmp_path, capsys):
    ledger = load("released_ledger").Ledger(tmp_path)
    start = {"a": torch.ones(1)}
    for name, loss in (("step 1", float("nan")), ("step 2", 2.0)):
        ledger.record(name, {"loss": loss}, start)
    ledger.record("step 0", {}, start)
    ledger.compare("step 0", {}, start)
    for name in ("step 1", "step 2"):
        ledger.compare(name, {"loss": 2.0}, start)
    capsys.readouterr()
    ledger.closing()
    assert "  loss                           inf" in capsys.readouterr().out


def test_a_step_of_one_side_alone_is_an_error(load, tmp_path):
    ledger = load("released_ledger").Ledger(tmp_path)
    for name in ("step 0", "step 1"):
        ledger.record(name, {}, {"a": torch.ones(1)})
    ledger.compare("step 0", {}, {"a": torch.ones(1)})
    with pytest.raises(ValueError, match="^step 1: a step of the released code alone; 1 were compared$"):
        ledger.closing()


def test_a_transformers_that_is_not_there_is_said_in_one_line(load, tmp_path, capsys):
    with pytest.raises(SystemExit):
        load("released_steps").main(["ctp", str(tmp_path), "--transformers", "no-such-folder"])
    said = capsys.readouterr().err.splitlines()[-1]
    assert "--transformers no-such-folder: no such folder; it is pip's --target" in said
