"""python -m orchestrator.sweep METHOD: search a method's hyper-parameters over a stream."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from . import strict_yaml
from .cli import Say, add_run_arguments, given_values, kept_at, kept_folder, new_folder, run_main
from .errors import UserError
from .own_folder import check_own


def main(arguments: list[str]) -> int:
    """Runs the command line; returns its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.method == "list":
        from .listing import listing

        print(listing())
        return 0
    if given.resume:
        return _go_on(given)
    if given.method is None:
        parser.error("name a method, 'list', or --resume NAME")
    for option in ("trials", "concurrent"):
        if getattr(given, option) is not None and getattr(given, option) < 1:
            raise UserError(f"--{option} {getattr(given, option)}: allowed are whole numbers from 1")
    request = {
        "method": given.method,
        "stream": given.stream,
        "data": str(Path(given.data).resolve()) if given.data else None,
        "values": given_values(given),
        "trials": given.trials,
        "concurrent": given.concurrent,
        "storage": given.storage,
    }
    return _sweep(request, given.method, None, given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.sweep",
        description="Searches a method's hyper-parameters over a stream, on all of the machine or cluster.",
        epilog="'list' in the place of METHOD lists methods, streams and search spaces.",
    )
    parser.add_argument("method", nargs="?", metavar="METHOD", help="a method, or 'list'")
    add_run_arguments(parser)
    parser.add_argument(
        "--trials", type=int, metavar="N", help="trials of the search (default: the search space's)"
    )
    parser.add_argument(
        "--concurrent", type=int, metavar="N", help="trials at once (default: as many as fit)"
    )
    parser.add_argument("--resume", metavar="NAME", help="go on with a sweep that was interrupted")
    parser.add_argument("--dry-run", action="store_true", help="print what would be run, and start nothing")
    return parser


def _go_on(given: argparse.Namespace) -> int:
    extra = [o for o in ("method", "stream", "data", "trials", "name", "set") if getattr(given, o)]
    if extra:
        raise UserError(
            f"--resume {given.resume}: goes on with what the sweep was started with; leave out {extra[0]}"
        )
    folder = kept_folder(given.resume, "sweep.yaml", given.storage)
    check_own(folder)
    request, _ = strict_yaml.read(folder / "sweep.yaml")
    return _sweep(request, str(folder / "space.yaml"), folder, given)


def _sweep(request: dict[str, Any], space_name: str, folder: Path | None, given: argparse.Namespace) -> int:
    from .space import Space
    from .streams import registry as streams

    say = Say()
    space = Space.load(space_name, request["stream"], request["data"], request["values"])
    trials = request["trials"] or space.trials
    stream_class = streams.get(space.config.stream_name)
    say(f"reading the stream {space.config.stream_name}")
    source = stream_class.load(space.config.stream, space.config.run.skip_bad)
    space.check_memory(source)
    if given.dry_run:
        from .preview import preview

        print(preview(space, source, trials, request["concurrent"]))
        return 0
    if folder is None:
        folder = new_folder(given.name, request["method"], space.config.stream_name, request["storage"])
        shutil.copyfile(space.path, folder / "space.yaml")
        (folder / "sweep.yaml").write_text(strict_yaml.dump(request), encoding="utf-8")
    from .search_run import search_run

    kept = kept_at(request.get("storage"), folder)
    return search_run(folder, space, source, trials, request["concurrent"], kept, say)


if __name__ == "__main__":
    run_main(main, sys.argv[1:])
