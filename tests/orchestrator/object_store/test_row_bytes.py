"""What is reckoned for a sample is what its arrays take."""

import numpy as np
import pytest

from orchestrator.data.row_reader import RowReader
from orchestrator.object_store.memory_plan import memory_plan, row_bytes


def _rows_bytes(stream):
    """The bytes of the training rows' arrays, for each row."""
    rows = np.arange(stream.starts[-1])
    found = RowReader(stream).read(rows)
    asked = [getattr(found.questions, name) for name in ("kind", "answer", "score")]
    arrays = [found.pictures, found.tokens, found.label, *asked]
    arrays += [] if found.feature is None else [found.feature]
    return sum(array.nbytes for array in arrays) / len(rows)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("regions", [False, True])
def test_a_question_takes_its_picture_its_text_its_answers_and_its_queries(question_stream, regions, beside):
    stream, _ = question_stream(regions=regions, beside=beside)
    # Tokens (6) and label, kind, two answers and what they are worth, three queries of four.
    rest = 4 * 6 + 4 + 4 + 8 * 2 + (2 * 12 if beside else 0)
    picture = 4 * 3 * 9 if regions else 8 * 8 * 3
    assert row_bytes(stream) == picture + rest == _rows_bytes(stream)
    samples = 75 + 3 * (5 + 7)
    found = memory_plan(stream, largest=10, store_bytes=10**9, seeds=[0], stream_in="disk")
    assert found.all_bytes == samples * (picture + rest)
    # From disk: all texts, and of the first two tasks ten pictures each.
    assert found.disk_bytes == samples * rest + 20 * picture
