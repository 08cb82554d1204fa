"""Rooms stand on storeys: what lies higher may import what lies lower, never the other way round, nor in a
circle. Imports inside functions and those for type hints count.
"""

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]

# From the ground up. Rooms of one line stand side by side: they import nothing of each other.
_STOREYS = """
methods.method methods.outside methods.own_preset
methods.common
methods.backbones
methods.recognition methods.retrieval methods.vqa
methods.registry
orchestrator.errors orchestrator.seeding
orchestrator.machine orchestrator.metrics orchestrator.numerics orchestrator.replay orchestrator.schema
orchestrator.statistics orchestrator.storage
orchestrator.report orchestrator.tracking
orchestrator.streams
orchestrator.run_options orchestrator.per_task
orchestrator.config
orchestrator.object_store
orchestrator.features
orchestrator.data
orchestrator.evaluation
orchestrator.record
orchestrator.leaderboard orchestrator.training
orchestrator.execution
orchestrator.search
orchestrator.recipes orchestrator.references
orchestrator.commands
orchestrator.serving
orchestrator.pretrain orchestrator.api orchestrator.study orchestrator.simulate
orchestrator.housekeeping
orchestrator.sweep orchestrator.train orchestrator.compare orchestrator.cluster
orchestrator.vlcl
"""
_DOOR = "__main__"  # a door, in whatever room it is
_OUTSIDE = {"orchestrator", "methods"}  # their own __init__.py

_STOREY = {room: storey for storey, line in enumerate(_STOREYS.split("\n")) for room in line.split()}


def _name(path: Path) -> str:
    parts = path.relative_to(_ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _modules() -> dict[str, Path]:
    return {_name(path): path for top in ("orchestrator", "methods") for path in (_ROOT / top).rglob("*.py")}


@cache
def _graph() -> dict[str, frozenset[str]]:
    """Module -> the modules that it imports."""
    return {name: frozenset(_imports(name, path) - {name}) for name, path in _modules().items()}


def _imports(name: str, path: Path) -> set[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*up, *([node.module] if node.module else [])])
            found |= {f"{base}.{a.name}" if f"{base}.{a.name}" in _modules() else base for a in node.names}
    return found & set(_modules())


def _room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _storey(module: str) -> int:
    return len(_STOREYS) if module.rpartition(".")[2] == _DOOR else _STOREY[_room(module)]


def test_every_room_has_a_storey():
    assert {_room(module) for module in _modules()} - _OUTSIDE <= set(_STOREY)


def test_no_import_leads_to_a_higher_storey_or_to_the_next_room():
    up = [
        f"{module} -> {other}"
        for module, imported in sorted(_graph().items())
        for other in sorted(imported - _OUTSIDE)
        if module not in _OUTSIDE and _room(module) != _room(other) and _storey(module) <= _storey(other)
    ]
    assert up == []


def test_no_circle():
    try:
        tuple(TopologicalSorter(_graph()).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_the_map_has_every_room():
    page = (_ROOT / "docs/explanation/design.md").read_text(encoding="utf-8")
    map_ = re.search(r"```text\n(orchestrator/.*?)```", page, re.S)[1]
    top, below = map_.split("\nmethods/")
    parts = {"orchestrator": top.split("\nsearch_spaces/")[0], "methods": below}
    for room in _STOREY:
        package, name = room.split(".")
        shown = name + ("/" if (_ROOT / package / name).is_dir() else ".py")
        assert re.search(rf"(?<![\w/]){re.escape(shown)}", parts[package]), f"{room} is not in the map"
