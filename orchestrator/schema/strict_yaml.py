"""YAML as the configuration files use it: each word has one meaning, no key comes twice, and every key's line
is known.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from ..errors import UserError

# PyYAML's own scalar rules (YAML 1.1) read 1e-4 as text, 12:30 as 750 and `no` as false. These are the rules
# of YAML 1.2.
_SCALARS: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
):
    for _character in _first:
        _SCALARS.setdefault(_character, []).append(
            (f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"))
        )


# libyaml and PyYAML disagree on these: tags, explicit keys, blocks of text, characters that need an escape,
# and keys that are empty or long.
_READ_OTHERWISE = {*"\t!?|>%"}
_WRITTEN_OTHERWISE = {*'\\"'}
_UNUSUAL_KEY = re.compile(r"^[ -]*(''|[^ ].{120,}):( |$)", re.M)
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "null", "bool", "int", "float", "seq", "map")}


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = _SCALARS


class _Dumper(yaml.SafeDumper):
    """Quotes what the loader would read as something else, and writes a shared list out each time."""

    yaml_implicit_resolvers = _SCALARS

    def ignore_aliases(self, data: Any) -> bool:
        return True


if yaml.__with_libyaml__:
    _CParser: Any = vars(yaml.cyaml)["CParser"]  # types-PyYAML has it elsewhere

    # libyaml takes a fifth of the time. It reads and writes plain text in the same way.
    class _FastLoader(Composer, _CParser, SafeConstructor, Resolver):
        """Nodes are composed in Python, where text that is nested too deeply is an error and no crash."""

        yaml_implicit_resolvers = _SCALARS

        def __init__(self, text: str) -> None:
            _CParser.__init__(self, text)
            Composer.__init__(self)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

    class _FastDumper(yaml.CSafeDumper):
        yaml_implicit_resolvers = _SCALARS

        def ignore_aliases(self, data: Any) -> bool:
            return True


def parse(text: str, source: str) -> tuple[Any, dict[str, int]]:
    """Reads a YAML text.

    Scalars are read by the rules of YAML 1.2: 1e-4 is a number and ``no`` is text.

    Args:
        text: The YAML text.
        source: The text's name in errors.

    Returns:
        The text's plain Python values, and the line (from 1) of each key by its dotted path.

    Raises:
        UserError: The text is not YAML, or has a key twice, a key that is not text, a reference (``*name``),
            or a tag (``!!name``) of anything but plain values.
    """
    if yaml.__with_libyaml__ and text.isascii() and not {*text} & _READ_OTHERWISE:
        with suppress(UserError):  # the other loader's message is the one that is shown
            return _parse(_FastLoader, text, source)
    return _parse(_Loader, text, source)


def _parse(kind: Any, text: str, source: str) -> tuple[Any, dict[str, int]]:
    loader = None
    lines: dict[str, int] = {}
    try:
        loader = kind(text)
        node = loader.get_single_node()
        if node is None:
            return None, lines
        _walk(node, (), lines, source, set())
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(f"{source}{line}: not valid YAML: {error.problem or error.context}") from None
    except RecursionError:
        raise UserError(f"{source}: not valid YAML: nested too deeply") from None
    # The library lets these errors through: a value tagged as another kind than it is, or a number of
    # thousands of digits.
    except (yaml.YAMLError, ValueError, KeyError) as error:
        raise UserError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None
    finally:
        if loader is not None:
            loader.dispose()


def read(path: Path | str) -> tuple[Any, dict[str, int]]:
    """Reads a UTF-8 file as :func:`parse` reads a text.

    Raises:
        UserError: The file cannot be read, or :func:`parse` refuses its text.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start})") from None
    return parse(text, str(path))


def dump(values: Any) -> str:
    """YAML of plain values, with the keys in their order. :func:`parse` gives the same values back."""
    how: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 100}
    if yaml.__with_libyaml__:
        text = yaml.dump(values, Dumper=_FastDumper, **how)
        if text.isascii() and not {*text} & _WRITTEN_OTHERWISE and not _UNUSUAL_KEY.search(text):
            return text
    return yaml.dump(values, Dumper=_Dumper, **how)


def _walk(node: yaml.Node, path: tuple[str, ...], lines: dict[str, int], source: str, seen: set[int]) -> None:
    # A reference could make a value contain itself, and a configuration has no use for one.
    if id(node) in seen:
        raise UserError(f"{source}:{node.start_mark.line + 1}: references (*name) are not allowed")
    seen.add(id(node))
    if node.tag not in _TAGS:
        line = node.start_mark.line + 1
        raise UserError(f"{source}:{line}: not valid YAML: the tag {node.tag} is not allowed")
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _walk(item, path, lines, source, seen)
    if not isinstance(node, yaml.MappingNode):
        return
    here: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            shown_key = key.value if isinstance(key, yaml.ScalarNode) else "a list or mapping"
            raise UserError(f"{source}:{line}: a key must be text, found {shown_key}")
        if key.value in here:
            raise UserError(f"{source}:{line}: {'.'.join((*path, key.value))}: the key is given twice")
        here.add(key.value)
        lines.setdefault(".".join((*path, key.value)), line)
        _walk(value, (*path, key.value), lines, source, seen)
