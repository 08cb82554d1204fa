"""The page beside the golden arrays names each of them, and the tests that read it."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

_ROOT = Path(__file__).parents[1]
_GOLDEN = _ROOT / "tests/golden"
_ROWS = {
    file: (cases, readers)
    for file, cases, readers in re.findall(
        r"^\| `(\w+\.npz)` \|(.*)\|([^|]*)\|$", (_GOLDEN / "README.md").read_text(encoding="utf-8"), re.M
    )
}


def test_each_file_of_arrays_has_its_row_with_the_tests_that_read_it():
    assert set(_ROWS) == {path.name for path in _GOLDEN.glob("*.npz")}
    for file, (_, readers) in _ROWS.items():
        named = re.findall(r"`(tests/\S+\.py)`", readers)
        assert named, file
        for reader in named:
            text = (_ROOT / reader).read_text(encoding="utf-8")
            assert file.removesuffix(".npz") in text, f"{reader} does not read {file}"


def test_what_is_said_to_be_part_of_ctp_is():
    with np.load(_GOLDEN / "ctp.npz") as whole:
        for name in ("ctp_herding", "ctp_metrics"):
            with np.load(_GOLDEN / f"{name}.npz") as part:
                assert len(part.files) > 10
                for key in part.files:
                    np.testing.assert_array_equal(part[key], whole[key])
                told = set(re.findall(r"`(\w+)`", _ROWS[f"{name}.npz"][0]))
                assert {key.partition(".")[0] for key in part.files} == told


def test_the_arrays_hold_no_pickles():
    for path in _GOLDEN.glob("*.npz"):
        with np.load(path, allow_pickle=False) as arrays:
            assert [key for key in arrays.files if arrays[key].dtype.hasobject] == []


def test_the_arrays_are_computed_anew_at_the_commits_that_the_recipes_were_compared_with():
    said = re.compile(r"^\|.*?\| ([\w-]+/[\w-]+ [0-9a-f]{7}) \|", re.M)
    golden = said.findall((_GOLDEN / "README.md").read_text(encoding="utf-8"))
    page = said.findall((_ROOT / "docs/howto/paper_settings.md").read_text(encoding="utf-8"))
    assert len(golden) == 4 and set(golden) == set(page)


def test_the_functions_of_each_case_are_named_or_it_is_said_that_they_are_not_called():
    text = (_GOLDEN / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)\.npz` \| [\w-]+/[\w-]+ [0-9a-f]{7} \|(.*)$", text, re.M)
    for name, row in rows:
        with np.load(_GOLDEN / f"{name}.npz") as arrays:
            cases = {key.partition(".")[0] for key in arrays.files} - {"facts"}
        assert cases <= set(re.findall(r"`(\w+)[`.]", row)), name


@pytest.fixture
def arrays(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(_ROOT / "benchmarks"))
    from released_arrays import Arrays

    recorded = {"a.0.x": np.ones(2), "a.0.out_y": np.array([1.0, -4.0]), "b.0.grad_x": np.array([1e-17])}
    np.savez(tmp_path / "a.npz", **recorded, **{"b.1.out_z": np.zeros(1), "c.0.w.out_proj.bias": np.ones(1)})
    return Arrays(tmp_path / "a.npz")


def test_what_is_computed_anew_is_told_by_how_far_it_is_from_what_is_recorded(arrays):
    arrays.found("a.0.out_y", torch.tensor([1.0, -3.0]))
    arrays.found("b.0.grad_x", torch.tensor([-1e-17]))
    first, second, left = arrays.lines()
    assert first.split() == ["a", "1", "arrays,", "at", "most", "2.5e-01"]
    assert second.split()[-1] == "2.0e-14", "zero but for rounding"
    assert left == "not computed anew: b 1", "weights are inputs"


def test_what_is_computed_anew_in_another_shape_is_refused(arrays):
    with pytest.raises(
        ValueError, match=r"a\.0\.out_y: computed anew it has shape \(3,\), recorded is \(2,\)"
    ):
        arrays.found("a.0.out_y", torch.zeros(3))
