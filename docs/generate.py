"""Writes what is generated into the pages: ``python docs/generate.py``.

A page says where: between ``<!-- KIND NAME -->`` and ``<!-- end -->``. A test fails where a page has
something else there than this would write.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from unittest import mock

PAGES = Path(__file__).parent
_BLOCK = re.compile(
    r"(<!-- (options|policies|metrics|matrix|predictions|kept|columns|seen)(?: ([\w.:-]+))? -->\n)"
    r".*?(<!-- end -->)",
    re.S,
)


def written(text: str) -> str:
    """The text of a page with everything generated in it made anew."""

    def made(found: re.Match[str]) -> str:
        lines = _KINDS[found[2]](found[3] or "")
        return found[1] + "\n".join(lines) + "\n" + found[4]

    return _BLOCK.sub(made, _defaults().written(text))


def parser_of(module: str) -> argparse.ArgumentParser:
    """The parser of a command such as ``orchestrator.sweep``, which its ``main`` makes."""

    class _Made(Exception):
        pass

    def parse_args(parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        raise _Made(parser)

    main = importlib.import_module(module).main
    with mock.patch.object(argparse.ArgumentParser, "parse_args", parse_args):
        try:
            main([])
        except _Made as made:
            return made.args[0]
    raise AssertionError(f"{module}.main parses nothing")


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of a command's own commands, by their names; empty where it has none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _options(module: str) -> list[str]:
    """A table of a command's options, or one for each of its own commands."""
    package, _, command = module.partition(":")
    parser = parser_of(package)
    return _option_rows(commands_of(parser)[command] if command else parser)


def _option_rows(parser: argparse.ArgumentParser) -> list[str]:
    rows = ["| option | what it does |", "| --- | --- |"]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction | argparse._VersionAction):
            continue
        value = "" if action.nargs == 0 else action.metavar or action.dest.upper()
        more = " ..." if action.nargs in ("+", "*") else ""
        name = f"{' '.join(action.option_strings)} {value}{more}".strip()
        told = " ".join((action.help or "").split()).replace("%(default)s", str(action.default))
        rows.append(f"| `{name}` | {told.replace('|', chr(92) + '|')} |")
    return rows


def _policies(_: str) -> list[str]:
    from orchestrator.replay.policy_help import POLICY_HELP

    rows = [f"| `{name}` | {keeps} | {divides} |" for name, (keeps, divides) in POLICY_HELP.items()]
    return ["| policy | what it keeps | how it divides the memory |", "| --- | --- | --- |", *rows]


def _metrics(section: str) -> list[str]:
    from orchestrator.metrics.definitions import DEFINITIONS

    rows, sourced = DEFINITIONS[section], any(row.source for row in DEFINITIONS[section])
    lines = ["| metric | what it is |" + " from |" * sourced, "| --- | --- |" + " --- |" * sourced]
    for row in rows:
        names = ", ".join(f"`{name}`" for name in row.names) + " ..." * row.each
        lines.append(f"| {names} | {row.text} |" + f" {row.source} |" * sourced)
    return lines


def _matrix(_: str) -> list[str]:
    from orchestrator.metrics.from_matrix import FROM_MATRIX

    rows = [f"| `{name}` | {one.text} | {one.source} |" for name, one in FROM_MATRIX.items()]
    return ["| metric | what it is | from |", "| --- | --- | --- |", *rows]


def _predictions(_: str) -> list[str]:
    from orchestrator.metrics.from_predictions import FROM_PREDICTIONS

    rows = [
        f"| `{name}` | {one.scenario} | {one.text} | {one.source} |" for name, one in FROM_PREDICTIONS.items()
    ]
    return ["| metric | of | what it is | from |", "| --- | --- | --- | --- |", *rows]


def _kept(_: str) -> list[str]:
    from orchestrator.evaluation.kept_predictions import COLUMNS

    rows = [
        f"| {scenario} | `{name}` | {text} |"
        for scenario, columns in COLUMNS.items()
        for name, text in columns.items()
    ]
    return ["| scenario | column | what it is |", "| --- | --- | --- |", *rows]


def _columns(_: str) -> list[str]:
    from orchestrator.record.comparison.table import COLUMNS

    rows = [f"| {head} | `{metric}` |" for head, metric in COLUMNS.items()]
    return ["| column | metric |", "| --- | --- |", *rows]


def _seen(_: str) -> list[str]:
    from orchestrator.streams import registry
    from orchestrator.streams.synthetic.families import family
    from orchestrator.streams.synthetic.family_split import PRETRAINING

    rows = [
        "| stream | model | seen, of the five first families | seen, in more tasks or with another seed |"
    ]
    rows.append("| --- | --- | --- | --- |")
    for name, model, given, more in _SEEN:
        reader = registry.get(name)
        options = {field.name for field in fields(reader.Config)}
        sizes = {split: 6 for split in _SPLITS if split in options}
        seen = []
        for other in ({}, more):
            found = reader.load(reader.Config(**sizes, **given, **other), False).families
            known = [family(index).name for index in found if index in PRETRAINING]
            names = ", ".join(known[:_MOST_NAMED]) + " ..." * (len(known) > _MOST_NAMED)
            seen.append(f"{len(known)} of {len(found)}" + f": {names}" * bool(known))
        keys = "".join(f", `stream.{key}={value}`" for key, value in given.items())
        rows.append(f"| `{name}`{keys} | {model} | {' | '.join(seen)} |")
    return rows


_SPLITS = ("train", "validation", "test", "query", "gallery")
_MOST_NAMED = 8
# A generated stream, the shipped model of its methods, keys, and further ones with which it has every family
# that the model can meet.
_SEEN = (
    ("shapes-recognition", "CLIP", {"families": "known"}, {"tasks": 34}),
    ("shapes-recognition", "CLIP", {"families": "new"}, {"tasks": 20}),
    ("shapes-recognition", "CLIP", {"families": "mixed"}, {"tasks": 68}),
    ("shapes-retrieval", "image-text model", {}, {"tasks": 14}),
    ("shapes-retrieval", "image-text model", {"shift": "styles"}, {"tasks": 8, "seed": 4}),
    ("shapes-retrieval", "image-text model", {"shift": "domains", "shared": 0.5}, {"tasks": 8, "seed": 4}),
    ("shapes-vqa", "image-text model", {}, {}),
)

_KINDS: dict[str, Callable[[str], list[str]]] = {
    "options": _options,
    "policies": _policies,
    "metrics": _metrics,
    "matrix": _matrix,
    "predictions": _predictions,
    "kept": _kept,
    "columns": _columns,
    "seen": _seen,
}


def _defaults() -> ModuleType:
    """``defaults.py``, which lies beside this file; ``docs`` is no package."""
    spec = importlib.util.spec_from_file_location("defaults", PAGES / "defaults.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    for page in sorted(PAGES.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (anew := written(text)) != text:
            page.write_text(anew, encoding="utf-8")
