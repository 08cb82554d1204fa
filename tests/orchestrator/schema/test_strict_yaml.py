"""YAML that would run, grow or crash something. What configuration files may say is tested with them."""

import pytest

from orchestrator.errors import UserError
from orchestrator.schema.strict_yaml import dump, parse

_PAIRS = zip("abcdef", "bcdefg", strict=True)
_LAUGHS = "a: &a [1, 1]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in _PAIRS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\nb: !!python/object/apply:os.mkdir [ran]", ":2: not valid YAML: the tag"),
        ("a: !!python/name:os.mkdir", ":1: not valid YAML: the tag"),
        ("!!python/module:os", ":1: not valid YAML: the tag"),
        ("a: !!binary aGk=", ":1: not valid YAML: the tag tag:yaml.org,2002:binary"),
        ("a: !other x", ":1: not valid YAML: the tag !other"),
        (_LAUGHS, ":1: references (*name) are not allowed"),
        ("a: &b {<<: *b}", ": references"),
        ("a: {b: 1, b: 2}", ":1: a.b: the key is given twice"),
        ("[" * 1000, "nested too deeply"),
        ("a: !!int x", "invalid literal"),
        ("a: !!bool x", "not valid YAML: 'x'"),
        ("a: " + "9" * 5000, "Exceeds the limit"),
        ("a: \0", "unacceptable character"),
    ],
)
def test_what_is_no_plain_value_is_one_line(tmp_path, monkeypatch, text, found):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        parse(text, "FILE")
    assert str(caught.value).startswith("FILE") and found in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_what_is_written_is_read_again():
    values = {"a": [1, 1e-4, None, True, "no", "1", "12:30", "!!int 3", "*x"], "b": {"c": "海\n"}}
    assert parse(dump(values), "")[0] == values
