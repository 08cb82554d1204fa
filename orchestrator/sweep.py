"""python -m orchestrator.sweep METHOD: search a method's hyper-parameters over a stream."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import strict_yaml
from .check_start import check_start
from .cli import (
    Say,
    add_run_arguments,
    given_values,
    kept_at,
    kept_folder,
    new_folder,
    refuse_with_resume,
    resumed_storage,
    run_main,
    said_again,
    storage_url,
)
from .errors import UserError
from .identity import Identity, digest
from .kept_request import read_request
from .ray_environment import ray_environment
from .restored import check_restored, check_said
from .run_lock import run_lock
from .unread import unread

if TYPE_CHECKING:
    from .space import Space

_REQUEST = {
    "method": str,
    "stream": str,
    "data": str,
    "values": dict,
    "trials": int,
    "concurrent": int,
    "storage": str,
}


def main(arguments: list[str]) -> int:
    """Runs the command line; returns its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.method == "list":
        from .listing import listing

        print(listing())
        return 0
    for option in ("trials", "concurrent"):
        if getattr(given, option) is not None and getattr(given, option) < 1:
            raise UserError(f"--{option} {getattr(given, option)}: allowed are whole numbers from 1")
    if given.resume:
        refuse_with_resume(parser, given)
        return _go_on(given)
    if given.method is None:
        parser.error("name a method, 'list', or --resume NAME")
    request = {
        "method": given.method,
        "stream": given.stream,
        "data": str(Path(given.data).resolve()) if given.data else None,
        "values": given_values(given),
        "trials": given.trials,
        "concurrent": given.concurrent,
        "storage": storage_url(given),
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
    url, said = storage_url(given), said_again(given)

    def accept(place: Path) -> dict[str, Any]:
        request = read_request(place / "sweep.yaml", _REQUEST)
        space = _space(request, str(place / "space.yaml"))
        check_said(space.config, said)
        check_restored(space.config, {p.key: p.samples for p in space.parameters}, said, url)
        return request

    folder = kept_folder(given.resume, ("sweep.yaml", "space.yaml"), url, accept)
    request = read_request(folder / "sweep.yaml", _REQUEST)
    return _sweep(request, str(folder / "space.yaml"), folder, given)


def _space(request: dict[str, Any], name: str) -> Space:
    from .space import Space

    return Space.load(name, request["stream"], request["data"], request["values"])


def _sweep(request: dict[str, Any], space_name: str, folder: Path | None, given: argparse.Namespace) -> int:
    from .streams import registry as streams
    from .streams.identity import stream_identity

    say = Say()
    space = _space(request, space_name)
    check_said(space.config, said_again(given) if given.resume else {})
    trials = request["trials"] or space.trials
    concurrent = given.concurrent or request["concurrent"]
    stream_class = streams.get(space.config.stream_name)
    say(f"reading the stream {space.config.stream_name}")
    source = stream_class.load(space.config.stream, space.config.run.skip_bad)
    space.check_memory(source)
    if given.dry_run:
        from .preview import preview

        print(preview(space, source, trials, concurrent))
        return 0
    check_start()  # before anything is made
    ray_environment(say)
    from .search_run import search_run

    at_most = folder is not None and given.concurrent is None
    text = space.path.read_text(encoding="utf-8")
    identity = Identity.new(_asked(request, text), stream_identity(source))
    if folder is None:
        files = {"space.yaml": text, "sweep.yaml": strict_yaml.dump(request)}
        stream, url = space.config.stream_name, request["storage"]
        folder = new_folder(given.name, request["method"], stream, url, identity, files)
    else:
        identity = identity.gone_on_with(folder)
    with run_lock(folder), unread():
        if given.resume:
            kept = resumed_storage(given, folder, request.get("storage"))
        else:
            kept = kept_at(request["storage"], folder)
        return search_run(folder, identity, space, source, trials, concurrent, kept, say, at_most=at_most)


def _asked(request: dict[str, Any], space: str) -> str:
    """sha256 of what a sweep was asked for: all but where it is kept and how many trials run at once."""
    kept = {key: value for key, value in request.items() if key not in ("storage", "concurrent")}
    return digest({"kind": "sweep", "request": strict_yaml.dump(kept), "space": space})


if __name__ == "__main__":
    run_main(main, sys.argv[1:])
