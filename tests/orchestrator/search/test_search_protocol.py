"""By which data a search chooses, by name."""

import pytest

from orchestrator.errors import UserError
from orchestrator.search.search_protocol import SearchProtocol

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "tasks", "said"),
    [
        (None, None, ""),
        ("end-of-stream", None, ""),
        ("first-tasks 1", 1, "of the first task alone"),
        ("first-tasks  12", 12, "of the first 12 tasks alone"),
    ],
)
def test_a_name_is_read_and_written_again(text, tasks, said):
    found = SearchProtocol.of(text, "f")
    assert (found.tasks, found.said) == (tasks, said)
    assert SearchProtocol.of(found.text, "f") == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("last", "f: protocol 'last': allowed: end-of-stream, or first-tasks K"),
        ("", "f: protocol '': allowed: end-of-stream, or first-tasks K"),
        (2, "f: protocol 2: allowed: end-of-stream, or first-tasks K"),
        ("end-of-stream 2", "f: protocol 'end-of-stream 2': allowed: end-of-stream, or first-tasks K"),
        *(
            (
                f"first-tasks{k}",
                f"f: protocol 'first-tasks{k}': allowed is first-tasks K, a whole number from 1",
            )
            for k in ("", " 0", " -1", " 1.5", " two", " 1 2")
        ),
    ],
)
def test_another_name_is_one_line(text, message):
    with pytest.raises(UserError) as error:
        SearchProtocol.of(text, "f")
    assert str(error.value).startswith(message)
