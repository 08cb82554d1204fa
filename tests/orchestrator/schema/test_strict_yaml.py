"""YAML that would run, grow or crash something. What configuration files may say is tested with them."""

from pathlib import Path

import pytest
import yaml

from orchestrator.errors import UserError
from orchestrator.schema import strict_yaml
from orchestrator.schema.strict_yaml import dump, parse

_ROOT = Path(__file__).parents[3]

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


_ODD = ["no", "1e3", "12:30", "- a", "a: b", "a #b", "*x", "<<", "it's", " a", "a\n\nb", "\n", "word " * 40]


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")
def test_libyaml_reads_and_writes_as_pyyaml_does():
    """A file does not become another one where PyYAML has been built without it."""
    texts = [path.read_text(encoding="utf-8") for path in _ROOT.glob("search_spaces/*.yaml")]
    read = [text for text in texts if not {*text} & strict_yaml._READ_OTHERWISE]
    assert len(read) > 20
    how = {"sort_keys": False, "allow_unicode": True, "width": 100}
    values = [[{key: value} for value in _ODD] for key in _ODD]
    for text in read:
        found = strict_yaml._parse(strict_yaml._FastLoader, text, "")
        assert found == strict_yaml._parse(strict_yaml._Loader, text, "")
        values.append(found[0])
    for value in values:
        written = [
            yaml.dump(value, Dumper=kind, **how) for kind in (strict_yaml._FastDumper, strict_yaml._Dumper)
        ]
        assert written[0] == written[1]


@pytest.mark.parametrize(
    ("text", "values"), [("!", None), ("a: !\n", {"a": None}), ("a: |\n b\n", {"a": "b\n"})]
)
def test_where_libyaml_is_of_another_mind_pyyamls_holds(text, values):
    assert parse(text, "FILE")[0] == values
    with pytest.raises(UserError, match="^FILE:1: not valid YAML: expected chomping or indentation"):
        parse(">#", "FILE")
    with pytest.raises(UserError, match="^FILE:2: not valid YAML: mapping values are not allowed here$"):
        parse("a: 1\nb: c: d", "FILE")


def test_what_has_to_be_escaped_is_written_by_pyyaml():
    assert dump({"a": "\U0001f600"}) == "a: \U0001f600\n"
    assert dump({"a": "\u00e4", "b": "\x07"}) == 'a: \u00e4\nb: "\\a"\n'


@pytest.mark.parametrize("key", ["", "k" * 123, "k" * 128, "k" * 130])
def test_a_key_that_is_empty_or_long_is_written_as_by_pyyaml_alone(key, monkeypatch):
    values = {"a": [{"b": {key: "x"}}], key: 1}
    text = dump(values)
    assert parse(text, "t")[0] == values
    monkeypatch.setattr("yaml.__with_libyaml__", False)
    assert dump(values) == text
