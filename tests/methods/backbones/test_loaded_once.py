"""A model is loaded once, and again where its files have changed."""

import os
from dataclasses import dataclass

import pytest

from methods.backbones.loaded_once import LoadedOnce


@dataclass(frozen=True)
class _Inner:
    text: str = "random"


@dataclass(frozen=True)
class _Config:
    weights: str
    inner: _Inner = _Inner()


@pytest.fixture
def load():
    return LoadedOnce(lambda config, *sizes: object())


def test_a_model_is_the_same_as_long_as_its_arguments_are(load):
    first = load(_Config("random"), 3)
    assert load(_Config("random"), 3) is first
    assert load(_Config("random"), 4) is not first
    load.cache_clear()
    assert load(_Config("random"), 3) is not first


@pytest.mark.parametrize("inner", [False, True])
def test_a_file_that_is_replaced_or_rewritten_is_loaded_anew(load, tmp_path, inner):
    file = tmp_path / "weights.pt"
    config = _Config("random", _Inner(str(file))) if inner else _Config(str(file))
    file.write_bytes(b"one")
    first = load(config)
    assert load(config) is first
    os.utime(file, ns=(1, 1))
    second = load(config)
    assert second is not first
    other = tmp_path / "other"
    other.write_bytes(b"two")
    os.utime(other, ns=(1, 1))
    os.replace(other, file)
    third = load(config)
    assert third is not second and load(config) is third


def test_a_folder_is_its_files_and_a_link_that_leads_nowhere_is_no_error(load, tmp_path, monkeypatch):
    folder = tmp_path / "bert"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"one")
    (folder / "gone").symlink_to("nowhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    config = _Config("~/bert")
    first = load(config)
    assert load(config) is first
    (folder / "model.bin").write_bytes(b"three")
    assert load(config) is not first
