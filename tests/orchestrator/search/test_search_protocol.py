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
        ("transfer stream.seed=7", None, "of another stream, seed or order"),
        ("per-task", None, "of the task at hand alone"),
    ],
)
def test_a_name_is_read_and_written_again(text, tasks, said):
    found = SearchProtocol.of(text, "f")
    assert (found.tasks, found.said) == (tasks, said)
    assert SearchProtocol.of(found.text, "f") == found
    assert found.usual is (tasks is None and not said)
    assert found.apart is (tasks is not None or bool(found.stream))


def test_values_of_another_stream_are_read_as_set_reads_them():
    text = "transfer stream.name=mnist-5k stream.order=[1,0] stream.validation=1e-1"
    found = SearchProtocol.of(text, "f")
    assert found.stream == {"stream.name": "mnist-5k", "stream.order": [1, 0], "stream.validation": 0.1}
    assert found.text == text
    with pytest.raises(UserError, match="^--set stream.seed=8: stream.seed is given twice$"):
        SearchProtocol.of("transfer stream.seed=7 stream.seed=8", "f")


_ALLOWED = "allowed: end-of-stream, first-tasks K, transfer stream.KEY=VALUE ..., or per-task"
_FIRST = "allowed is first-tasks K, a whole number from 1"
_OTHER = "allowed is transfer stream.KEY=VALUE ..., one value at least"


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        *((text, _ALLOWED) for text in ("last", "", 2, "end-of-stream 2", "per-task 2")),
        *((f"first-tasks{k}", _FIRST) for k in ("", " 0", " -1", " 1.5", " two", " 1 2")),
        *(
            (f"transfer{k}", _OTHER)
            for k in ("", " seed=7", " run.seed=7", " stream.seed", " stream.seed=7 8")
        ),
    ],
)
def test_another_name_is_one_line(text, allowed):
    with pytest.raises(UserError) as error:
        SearchProtocol.of(text, "f")
    assert str(error.value) == f"f: protocol {text!r}: {allowed}"
