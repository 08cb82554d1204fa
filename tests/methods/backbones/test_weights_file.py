"""Files of weights, whatever wrote them: their tensors are read, and nothing of them is run."""

import argparse
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from methods.backbones.fit import bare_names, check_finite, check_fit
from methods.backbones.grid_side import grid_side
from methods.backbones.weights_file import read_weights


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
        self.scale = torch.nn.Parameter(torch.tensor(2.5))
        self.register_buffer("size", torch.tensor(7))
        self.register_buffer("mask", torch.full((2, 2), float("-inf")), persistent=False)

    def forward(self, x):
        return self.inner(x) * self.scale + self.size


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net().eval()


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.equal(found[name], value.float() if value.is_floating_point() else value), name


@pytest.mark.parametrize("name", ["w.safetensors", "w.bin", "w.pt", "w"])
@pytest.mark.parametrize("write", [save_file, torch.save])
def test_what_a_file_is_shows_in_it_and_not_in_its_name(tmp_path, net, name, write):
    write(net.state_dict(), tmp_path / name)
    same(read_weights(tmp_path / name), net.state_dict())


def test_a_file_of_the_older_format(tmp_path, net):
    torch.save({"model": net.state_dict()}, tmp_path / "w", _use_new_zipfile_serialization=False)
    same(read_weights(tmp_path / "w"), net.state_dict())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("write", [save_file, torch.save])
def test_other_precisions_are_read_as_float32(tmp_path, net, dtype, write):
    net.to(dtype)
    write(net.state_dict(), tmp_path / "w")
    found = read_weights(tmp_path / "w")
    assert found["inner.0.weight"].dtype == torch.float32 and found["size"].dtype == torch.int64
    same(found, net.state_dict())


@pytest.mark.parametrize("make", [torch.jit.script, lambda net: torch.jit.trace(net, torch.zeros(1, 3))])
def test_an_archive_of_torchscript_gives_its_tensors(tmp_path, monkeypatch, net, make):
    torch.jit.save(make(net), tmp_path / "w.pt")
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("its program was loaded"))
    found = read_weights(tmp_path / "w.pt")
    found.pop("mask", None)  # an archive does not tell what is no part of the state
    same(found, net.state_dict())


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict", "module", "model_ema"])
def test_what_training_programs_write_beside_the_state_is_passed_over(tmp_path, net, key):
    other = {name: value + 1 for name, value in net.state_dict().items()}
    kept = {
        "epoch": 3,
        "best": np.float64(0.5),
        "args": argparse.Namespace(lr=1e-3),
        "path": Path("x"),
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1.0}]},
        "step": torch.tensor(5),
        "teacher": other,
        key: net.state_dict(),
    }
    torch.save(kept, tmp_path / "w.pt")
    same(read_weights(tmp_path / "w.pt"), net.state_dict())


def test_averaged_weights_come_first(tmp_path, net):
    other = {name: value + 1 for name, value in net.state_dict().items()}
    torch.save({"state_dict": other, "state_dict_ema": net.state_dict()}, tmp_path / "w.pt")
    same(read_weights(tmp_path / "w.pt"), net.state_dict())


def test_a_module_that_was_written_whole(tmp_path, net):
    torch.save(net, tmp_path / "bare.pt")
    torch.save({"model": net, "epoch": 1}, tmp_path / "held.pt")
    for name in ("bare.pt", "held.pt"):
        same(read_weights(tmp_path / name), net.state_dict())


class Harm:
    def __init__(self, call=os.mkdir):
        self.call = call

    def __reduce__(self):
        return self.call, ("ran",)


def ran(name):
    os.mkdir(name)


@pytest.mark.parametrize("call", [os.mkdir, ran, eval, Path])
@pytest.mark.parametrize("zipped", [True, False])
def test_what_would_run_something_runs_nothing(tmp_path, monkeypatch, net, call, zipped):
    monkeypatch.chdir(tmp_path)
    for number, held in enumerate(({"a": Harm(call)}, {"model": Harm(call)}, Harm(call))):
        torch.save(held, f"{number}.pt", _use_new_zipfile_serialization=zipped)
        with pytest.raises(
            ValueError, match=r"^(cannot be read: neither safetensors nor|hold no model's st)"
        ):
            read_weights(f"{number}.pt")
    Path("bare.pt").write_bytes(pickle.dumps(Harm(call)))
    with pytest.raises(ValueError, match="^cannot be read: neither safetensors nor a torch file that holds"):
        read_weights("bare.pt")
    assert not Path("ran").exists()


def test_stand_ins_do_not_stay(tmp_path):
    torch.save({"a": torch.zeros(1), "args": argparse.Namespace(b=1)}, tmp_path / "w.pt")
    before = set(torch.serialization.get_safe_globals())
    read_weights(tmp_path / "w.pt")
    assert set(torch.serialization.get_safe_globals()) == before
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "w.pt", weights_only=True)


def test_an_archive_whose_tensors_are_packed_is_not_unpacked(tmp_path, net):
    torch.jit.save(torch.jit.script(net), tmp_path / "w.pt")
    with zipfile.ZipFile(tmp_path / "w.pt") as found, zipfile.ZipFile(tmp_path / "p.pt", "w", 8) as packed:
        for entry in found.infolist():
            packed.writestr(entry.filename, found.read(entry), zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="^cannot be read: the archive's tensors are compressed$"):
        read_weights(tmp_path / "p.pt")


def test_what_is_no_weights_file_is_said(tmp_path):
    whole = io.BytesIO()
    torch.save({"a": torch.zeros(1000)}, whole)
    for content, said in (
        (b"", r"cannot be read: the file is empty$"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            r"cannot be read: .*git lfs pu",
        ),
        (b"\n<!DOCTYPE html><html>", r"cannot be read: the file is a web page$"),
        (whole.getvalue()[:-900], r"cannot be read: "),
        (b"\x00" * 64, r"cannot be read: "),
    ):
        (tmp_path / "w").write_bytes(content)
        with pytest.raises(ValueError, match=f"^{said}") as caught:
            read_weights(tmp_path / "w")
        assert "\n" not in str(caught.value) and "weights_only" not in str(caught.value)
    torch.save({"vocab": 1, "merges": [2]}, tmp_path / "w")
    with pytest.raises(ValueError, match="^hold no model's state dict, .*; its keys are vocab, merges$"):
        read_weights(tmp_path / "w")


def state(**shapes):
    return {name.replace("__", "."): torch.zeros(shape) for name, shape in shapes.items()}


def test_what_wraps_all_names_is_taken_off():
    wanted = state(a__b=1, c__d=1)
    for prefix in ("module.", "module.model.", "_orig_mod.", ""):
        assert bare_names({prefix + name: value for name, value in wanted.items()}, wanted) == wanted
    own = state(a__b=1, a__d=1)
    assert bare_names(own, own) == own, "the model's own name is none"
    part = {"module.a.b": torch.zeros(1), "c.d": torch.zeros(1)}
    assert bare_names(part, wanted) == part
    assert bare_names({"a": torch.zeros(1)}, wanted).keys() == {"a"}


def test_what_does_not_fit_is_said_with_its_name():
    wanted = state(a__b=(2, 3), c__d=())
    for found, said in (
        (state(x__y=1, z=1), "have none of the model's 2 names, such as a.b: their names begin with x, z"),
        (state(a__b=(2, 3)), "lack 1 of the model's names, c.d first"),
        (state(a__b=(2, 3), c__d=(), e=1), "hold 1 that the model lacks, e first"),
        (state(a__b=(3, 2), c__d=()), "do not fit the model: a.b is 3x2, not 2x3"),
        (state(a__b=(2, 3), c__d=2), "do not fit the model: c.d is 2, not a number"),
    ):
        with pytest.raises(ValueError) as caught:
            check_fit(found, wanted)
        assert str(caught.value) == said
    check_fit(wanted, wanted)
    for kind in ("int8", "int64", "bool", "complex64"):
        changed = wanted | {"a.b": wanted["a.b"].to(getattr(torch, kind))}
        with pytest.raises(
            ValueError, match=f"^do not fit the model: a.b is of torch.{kind}, not of a floating-point type"
        ):
            check_fit(changed, wanted)
    for number in (float("nan"), float("inf"), -float("inf")):
        wanted["a.b"][1, 2] = number
        for check in (lambda: check_fit(wanted, wanted), lambda: check_finite(wanted)):
            with pytest.raises(ValueError, match=r"^are not finite: a\.b holds NaN or infinity$"):
                check()


def test_rows_that_are_a_square_and_a_class_token():
    assert [grid_side("p", 1 + n * n) for n in (1, 2, 14, 24)] == [1, 2, 14, 24]
    for rows in (0, 1, 16, 13, 198, 4):
        with pytest.raises(
            ValueError, match=f"^do not fit the model: p has {rows} rows, which are no square"
        ):
            grid_side("p", rows)
