"""Values that a program sets are those that a configuration's file can have."""

from pathlib import Path

import numpy as np
import pytest

from orchestrator.commands.plain_values import plain_values
from orchestrator.errors import UserError


def test_they_become_what_a_file_has(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = plain_values(
        {
            "a.b": (1, 2.5),
            "c": {"d": None, "e": True},
            "f": Path("/x/y"),
            "g": "~/z",
            "h": range(2),
            "i": np.float64(0.5),
        }
    )
    assert found == {
        "a.b": [1, 2.5],
        "c": {"d": None, "e": True},
        "f": "/x/y",
        "g": f"{tmp_path}/z",
        "h": [0, 1],
        "i": 0.5,
    }
    assert type(found["i"]) is float and plain_values(None) == {}


@pytest.mark.parametrize("value", [np.zeros(2), {1}, object(), [b"bytes"]])
def test_one_of_another_kind_is_one_line_that_names_its_key(value):
    with pytest.raises(UserError, match=r"^set: c\.d is \w+ .*; allowed: text, whole numbers"):
        plain_values({"c": {"d": value}})
    with pytest.raises(UserError, match="allowed: a mapping"):
        plain_values([("c", value)])
