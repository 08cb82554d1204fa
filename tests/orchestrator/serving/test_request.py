"""What a request asks, read of a table, by a method that reads four tokens."""

import base64
import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from orchestrator.errors import UserError
from orchestrator.serving.request import MOST, Request
from orchestrator.streams.text.tokenizer import Tokenizer

_REGIONS = np.arange(12, dtype=np.float32).reshape(2, 6)


def _request(rows, params=None, shape=(8, 8, 3)):
    def first_cut(texts):
        counts = [len(text.split()) for text in texts]
        return next(((row, count, 4) for row, count in enumerate(counts) if count > 4), None)

    return Request(
        pd.DataFrame(rows), params or {}, SimpleNamespace(picture=(shape, np.uint8), first_cut=first_cut)
    )


def _npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_pictures_are_the_bytes_of_files_and_never_a_path_of_the_server(tmp_path):
    assert _request({"picture": [b"a", bytearray(b"b")]}).pictures() == [b"a", b"b"]
    (tmp_path / "a.png").write_bytes(b"a")
    for value, said in ((str(tmp_path / "a.png"), "is '/.*'"), (None, "has no bytes"), (3, "is '3'")):
        with pytest.raises(
            UserError, match=f"^picture 1: {said}; allowed: the bytes of a file, in JSON as b"
        ):
            _request({"picture": [b"a", value]}).pictures()
    with pytest.raises(
        UserError, match="^columns image: picture is not among them; allowed: picture in each"
    ):
        _request({"image": [b"a"]}).pictures()


def test_features_of_regions_are_numpys_files_without_pickles():
    (found,) = _request({"regions": [_npy(_REGIONS)]}, shape=(2, 6)).pictures()
    assert found.dtype == np.float32 and found.tolist() == _REGIONS.tolist()
    for wrong in (_npy(np.array([{}], object)), b"none", _npy(_REGIONS)[:-1]):
        with pytest.raises(
            UserError, match=r"^regions 0: are no NumPy file \(.*\); allowed: the bytes of one"
        ):
            _request({"regions": [wrong]}, shape=(2, 6)).pictures()


def test_a_text_that_would_be_cut_is_refused_unless_the_request_says_so():
    rows = {"text": ["a b c d", "a b c d e"]}
    assert _request({"text": rows["text"][:1]}).texts("text") == ["a b c d"]
    with pytest.raises(
        UserError, match="^text 1: has 5 tokens; allowed: at most 4, or the parameter cut, wi"
    ):
        _request(rows).texts("text")
    assert _request(rows, {"cut": True}).texts("text") == rows["text"]
    with pytest.raises(UserError, match="^text 0: is 'None'; allowed: a text$"):
        _request({"text": [None]}, {"cut": True}).texts("text")


def test_a_gallery_comes_in_base64_in_one_line_or_in_several():
    lines = base64.encodebytes(bytes(range(100))).decode()
    assert lines.count("\n") == 2
    assert _request({}, {"pictures": [lines, "YQ=="]}).gallery() == [bytes(range(100)), b"a"]
    assert _request({}).gallery() == [] and _request({}, {"pictures": []}).gallery() == []
    with pytest.raises(
        UserError, match="^pictures 1: '/etc/shadows!' is not base64; allowed: a picture's file"
    ):
        _request({}, {"pictures": ["YQ==", "/etc/shadows!"]}).gallery()


def test_how_many_pictures_a_text_finds():
    assert _request({}).most() == MOST == 10
    assert _request({}, {"top": np.int64(3)}).most() == 3
    assert _request({}, {"top": None}).most() == _request({}, {}).most()
    with pytest.raises(UserError, match="^pictures 0: None is no text; allowed: a picture's file in base64$"):
        _request({}, {"pictures": [None]}).gallery()
    with pytest.raises(UserError, match="^top -1: allowed: whole numbers from 1$"):
        _request({}, {"top": -1}).most()


def test_which_text_a_tokenizer_cuts_first():
    texts = Tokenizer.words(6)
    fits, long = "a a a a", "a a a a a"
    assert texts.encode_counting([fits, long])[1] == 1
    assert texts.first_cut([fits, "", long, "a a a a a a"]) == (2, 5, 4)
    assert texts.first_cut([fits, ""]) is None and texts.first_cut([]) is None
