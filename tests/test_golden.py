"""The page beside the golden arrays names each of them, and the tests that read it."""

import re
from pathlib import Path

import numpy as np

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
