"""python -m orchestrator.cluster validate: is cluster.yaml one that Ray's launcher takes?"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from pathlib import Path
from typing import Any

from .commands.arguments import add_version, run_main
from .commands.command_parser import CommandParser
from .errors import UserError
from .execution.ray_private import checked_cluster_file
from .schema import strict_yaml

_HERE = Path("cluster.yaml")
_SHIPPED = Path(__file__).with_name("cluster.yaml")


def main(arguments: list[str]) -> int:
    """Runs the command line; returns its exit status."""
    parser = CommandParser(
        prog="python -m orchestrator.cluster", description="Looks after the file of Ray's cluster launcher."
    )
    add_version(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser("validate", help="check a cluster file, without an account or a machine")
    told = f"default: {_HERE}, or where there is none the one that comes with the package"
    check.add_argument("file", nargs="?", type=Path, metavar="FILE", help=told)
    given = parser.parse_args(arguments)
    file = given.file or (_HERE if _HERE.exists() else _SHIPPED)
    print(f"{file}: {validated(file)}")
    return 0


def validated(path: Path) -> str:
    """What a cluster file asks for, in one line.

    :class:`~orchestrator.errors.UserError`, in one line, for a file that is not YAML (or has a key twice),
    and for what Ray's launcher would not take: unknown keys, wrong types, node types that do not fit.
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


if __name__ == "__main__":
    run_main(main, sys.argv[1:])
