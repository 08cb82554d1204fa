"""A file of Ray's cluster launcher, checked."""

from __future__ import annotations

import contextlib
import io
import logging
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..schema import strict_yaml
from .ray_private import checked_cluster_file


def checked_cluster(path: Path) -> str:
    """What a cluster file asks for, in one line.

    Raises:
        UserError: The file is not YAML, or has a key twice; or Ray's launcher would not take it, for unknown
            keys, wrong types or node types that do not fit. The message is one line.
    """
    values, _ = strict_yaml.read(path)
    if not isinstance(values, dict) or not isinstance(values.get("provider"), dict):
        raise UserError(f"{path}: provider: missing; allowed is a mapping with a type, such as aws or local")
    config = _prepared(path, values)
    head, types = config["head_node_type"], config["available_node_types"]
    workers = [name for name, node in types.items() if name != head or values["provider"]["type"] == "local"]
    return (
        f"ok: {config['provider']['type']}, head {head}, up to {config['max_workers']} worker(s) "
        f"of {', '.join(workers)}"
    )


def _prepared(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    from click import ClickException
    from jsonschema import ValidationError

    # Ray tells its terminal and its log what it does with the file, and what is wrong a second time.
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            config = checked_cluster_file(values)
    except ValidationError as error:
        key = ".".join(map(str, error.absolute_path))
        raise UserError(f"{path}: {key + ': ' if key else ''}{_line(error.message)}") from None
    except (ClickException, ValueError, LookupError, ImportError, RuntimeError, TypeError) as error:
        raise UserError(f"{path}: {_line(str(error)) or repr(error)}") from None
    finally:
        logging.disable(logging.NOTSET)
    return config


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
