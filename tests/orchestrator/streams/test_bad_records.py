import pytest

from orchestrator.errors import BadRecord, UserError
from orchestrator.streams.bad_records import BadRecords


def test_an_error_says_what_had_been_left_out_before_it():
    bad = BadRecords(skip=True)
    with pytest.raises(UserError) as caught, bad.explaining():
        for number in range(5):
            bad(f"record {number}: title is a list, allowed: text", "title is no text")
        bad.pass_over("record 7: is listed twice", "listed twice")
        bad.counts["counted alone"] += 2
        bad("record 8: is odd", "odd")
        raise UserError("nothing is left")
    assert str(caught.value) == (
        "nothing is left; left out before: 5 x title is no text (the first: record 0: title is a list, "
        "allowed: text), 2 x counted alone, 1 x listed twice (the first: record 7: is listed twice), "
        "1 for other reasons"
    )
    assert bad.counts == {"title is no text": 5, "listed twice": 1, "counted alone": 2, "odd": 1}


def test_an_error_before_anything_was_left_out_stays_as_it_is():
    bad = BadRecords(skip=False)
    with pytest.raises(UserError, match="^record 1: no$"), bad.explaining():
        bad("record 1: no", "no")
    bad.pass_over("record 2: twice", "twice")
    with pytest.raises(BadRecord, match="^picture 3$") as caught, bad.explaining():
        raise BadRecord("picture 3", 3)
    assert caught.value.row == 3
