"""The file of what a look at test data keeps of each sample."""

import io

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.evaluation.kept_predictions import parse_predictions, write_predictions

pytestmark = pytest.mark.unit

_RNG = np.random.default_rng(0)


def _bytes(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_columns_come_back_as_they_were_and_numbers_in_few_bytes(tmp_path):
    columns = {
        "label": np.arange(256),
        "answer": np.arange(256) - 1,
        "rank": np.arange(256) + 1,
        "confidence": _RNG.random(256, np.float32).astype(float),
    }
    write_predictions(tmp_path / "p.npz", columns)
    with np.load(tmp_path / "p.npz") as file:
        kinds = {name: file[name].dtype.name for name in file.files}
    assert kinds == {"label": "uint8", "answer": "int16", "rank": "uint16", "confidence": "float32"}
    back = parse_predictions((tmp_path / "p.npz").read_bytes(), "p.npz")
    assert list(back) == list(columns)
    for name, column in columns.items():
        assert back[name].tolist() == column.tolist()
        assert back[name].dtype == column.dtype


def test_ten_thousand_pictures_of_a_hundred_classes_take_sixty_kilobytes(tmp_path):
    label = np.repeat(np.arange(100), 100)
    predicted = np.where(_RNG.random(10_000) < 0.8, label, _RNG.integers(0, 100, 10_000))
    confidence = _RNG.beta(4, 1, 10_000)
    columns = {"task": label // 10, "label": label, "predicted": predicted, "confidence": confidence}
    write_predictions(tmp_path / "p.npz", columns)
    assert 30_000 < (tmp_path / "p.npz").stat().st_size < 60_000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no .npz file of numbers"),
        (b"after,a\na,1.0\n", "is no .npz file of numbers"),
        (_bytes(label=np.arange(3))[:-30], "is no .npz file of numbers"),
        (_bytes(label=np.array([{}], dtype=object)), "is no .npz file of numbers"),
        (_bytes(), "has no columns of numbers of one length"),
        (_bytes(label=np.arange(3), score=np.arange(2)), "has no columns of numbers of one length"),
        (_bytes(label=np.arange(0)), "has no columns of numbers of one length"),
        (_bytes(label=np.zeros((3, 2))), "has no columns of numbers of one length"),
        (_bytes(label=np.array(["a"])), "has no columns of numbers of one length"),
    ],
)
def test_what_no_look_wrote_is_refused_in_one_line(data, said):
    with pytest.raises(UserError, match=f"^a/t: p.npz: {said}.*; allowed: what a look at test data wrote$"):
        parse_predictions(data, "a/t: p.npz")
