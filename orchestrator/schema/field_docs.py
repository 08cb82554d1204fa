"""Reads the docstring below each field of a dataclass."""

from __future__ import annotations

import ast
import functools
import inspect
from dataclasses import fields, is_dataclass


@functools.cache
def field_docs(config: type) -> dict[str, str]:
    """Reads the attribute docstrings of a dataclass: the string literal below each field (PEP 258).

    Where a subclass repeats a field without a docstring, that of the nearest class above counts.

    Args:
        config: A dataclass. Its source must exist: a class that was typed at a prompt has no docstrings.

    Returns:
        Field -> its docstring on one line, empty where there is none, in the order of the fields.
    """
    found: dict[str, str] = {}
    for cls in reversed(config.__mro__):
        if is_dataclass(cls):
            found |= _own(cls)
    return {field.name: found.get(field.name, "") for field in fields(config)}


def _own(cls: type) -> dict[str, str]:
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        return {}
    # A class inside a function or another class is indented, and so has to stand below something.
    tree = ast.parse(f"if True:\n{source}" if source[0].isspace() else source)
    node = next(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(node.body, node.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
