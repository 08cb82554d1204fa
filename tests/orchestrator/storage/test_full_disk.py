"""The errors that count as a full disk."""

import errno
import sqlite3

import pytest

from orchestrator.storage.full_disk import is_full


def _within(error):
    """``error`` in the form in which MLflow passes it on."""
    try:
        try:
            raise error
        except type(error) as inner:
            raise RuntimeError(str(inner)) from inner
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)]
)
def test_an_error_of_the_system(number, full):
    assert is_full(OSError(number, "")) is full and is_full(_within(OSError(number, ""))) is full


def test_a_database_that_cannot_grow(tmp_path):
    store = sqlite3.connect(tmp_path / "store.db")
    with pytest.raises(sqlite3.OperationalError) as other:
        store.execute("INSERT INTO nothing VALUES (1)")
    store.execute("CREATE TABLE things (thing)")
    store.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.OperationalError) as error:
        store.execute("INSERT INTO things VALUES (zeroblob(100000))")
    assert is_full(_within(error.value)) and not is_full(_within(other.value))
    assert not is_full(None)
