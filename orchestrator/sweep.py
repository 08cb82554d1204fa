"""python -m orchestrator.sweep METHOD: search a method's hyper-parameters over a stream."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .commands.arguments import (
    Say,
    add_run_arguments,
    given_values,
    refuse_with_resume,
    resumed_storage,
    run_main,
    said_again,
    storage_url,
)
from .commands.check_start import check_start
from .commands.command_parser import CommandParser
from .commands.kept_request import read_request
from .commands.named_space import named_space
from .commands.restored import check_restored, check_said, said_code
from .commands.unread import unread
from .errors import UserError
from .execution.ray_environment import ray_environment
from .execution.this_machine import check_here
from .schema import strict_yaml
from .storage.identity import Identity, digest
from .storage.refused_start import nothing_if_refused
from .storage.run_folder import RUNS, check_free, kept_at, kept_folder, new_folder
from .storage.run_lock import run_lock
from .storage.user_path import user_path

if TYPE_CHECKING:
    from .search.space import Space

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
        for name, value in vars(given).items():
            if name not in ("method", "of") and value != parser.get_default(name):
                raise UserError(
                    f"list: takes a method's name, or nothing; leave out --{name.replace('_', '-')}"
                )
        from .commands.listing import listing

        print(listing(given.of))
        return 0
    if given.of is not None:
        raise UserError(
            f"{given.method} {given.of}: a sweep is of one method; allowed are METHOD and list METHOD"
        )
    for option in ("trials", "concurrent"):
        if getattr(given, option) is not None and getattr(given, option) < 1:
            raise UserError(f"--{option} {getattr(given, option)}: allowed are whole numbers from 1")
    if given.resume:
        refuse_with_resume(parser, given, "trials")
        return _go_on(given)
    if given.method is None:
        parser.error("name a method, 'list', or --resume NAME")
    if given.explain is not None:
        from .commands.explain import explain

        print(explain(given.method, given.explain or None, given.stream, given.set))
        return 0
    request = {
        "method": given.method,
        "stream": given.stream,
        "data": str(user_path(given.data)) if given.data else None,
        "values": given_values(given),
        "trials": given.trials,
        "concurrent": given.concurrent,
        "storage": storage_url(given),
    }
    return _sweep(request, named_space(given.method, given.space), None, given)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m orchestrator.sweep",
        description="Searches a method's hyper-parameters over a stream, on all of the machine or cluster.",
        epilog="'list' in the place of METHOD lists methods, streams and search spaces; 'list METHOD' tells "
        "of one.",
    )
    parser.add_argument(
        "method", nargs="?", metavar="METHOD", help="a method, a name or module:Class, or 'list'"
    )
    parser.add_argument("of", nargs="?", metavar="METHOD", help="beside 'list': the method to tell of")
    add_run_arguments(parser)
    parser.add_argument(
        "--trials", type=int, metavar="N", help="trials of the search, in all (default: the search space's)"
    )
    parser.add_argument(
        "--concurrent", type=int, metavar="N", help="trials at once (default: as many as fit)"
    )
    parser.add_argument("--resume", metavar="NAME", help="go on with a sweep that was interrupted")
    parser.add_argument("--dry-run", action="store_true", help="print what would be run, and start nothing")
    parser.add_argument(
        "--explain",
        nargs="?",
        const="",
        metavar="KEY",
        help="tell of a key, a section, or all keys that the configuration has, and start nothing",
    )
    return parser


def _go_on(given: argparse.Namespace) -> int:
    url, said = storage_url(given), said_again(given)

    def accept(place: Path) -> dict[str, Any]:
        request = read_request(place / "sweep.yaml", _REQUEST)
        with said_code(said, url):
            space = _space(request, str(place / "space.yaml"))
            check_said(space.config, said)
            check_restored(space.config, {p.key: p.samples for p in space.parameters}, said, url)
        return request

    folder = kept_folder(given.resume, ("sweep.yaml", "space.yaml"), url, accept)
    request = read_request(folder / "sweep.yaml", _REQUEST)
    return _sweep(request, str(folder / "space.yaml"), folder, given)


def _space(request: dict[str, Any], name: str, method: str | None = None) -> Space:
    from .search.space import Space

    return Space.load(name, request["stream"], request["data"], request["values"], method=method)


def _sweep(request: dict[str, Any], space_name: str, folder: Path | None, given: argparse.Namespace) -> int:
    from .commands.check_inputs import check_inputs
    from .streams import registry as streams
    from .streams.identity import stream_identity

    say = Say()
    space = _space(request, space_name, request["method"] if folder is None else None)
    check_said(space.config, said_again(given) if given.resume else {})
    concurrent = given.concurrent or request["concurrent"]
    stream_class = streams.get(space.config.stream_name)
    say(f"reading the stream {space.config.stream_name}")
    source = stream_class.load(space.config.stream, space.config.run.skip_bad)
    space.check_memory(source)
    new = folder is None
    at_most = not new and given.concurrent is None
    ray_environment(say)  # before the first import of Ray

    def check(*, start: bool) -> None:
        check_inputs(space.config, source, kept=not new)
        check_here(space.config.run, None if at_most else concurrent)
        if start:
            check_start()

    if given.dry_run:
        if given.name:
            check_free(given.name)
        from .commands.preview import preview

        check(start=False)
        print(preview(space, source, _trials(request, space, folder, given, say), concurrent))
        return 0
    if new:
        check(start=True)  # before anything is made
    from .tracking.store import tracking_uri

    tracking_uri(RUNS)
    from .commands.sweep_run import search_run
    from .record.trial_store import TrialStore, ask_for

    text = space.path.read_text(encoding="utf-8")
    identity = Identity.new(_asked(request, text), stream_identity(source))
    if folder is None:
        files = {"space.yaml": text, "sweep.yaml": strict_yaml.dump(request)}
        stream, url = space.config.stream_name, request["storage"]
        folder = new_folder(given.name, space.config.method_name, stream, url, identity, files)
    else:
        identity = identity.gone_on_with(folder)
    with run_lock(folder), unread():
        if new:
            kept = kept_at(request["storage"], folder)
        else:
            kept = resumed_storage(given, request, folder / "sweep.yaml")
        with nothing_if_refused(folder, kept) if new else nullcontext():
            trials = _trials(request, space, folder, given, say)
            if not new:
                book = TrialStore(folder / "trials", space.objective, len(source.tasks), identity.stamp)
                if not book.is_over(trials):  # else nothing starts
                    check(start=True)
            if given.trials and not new:
                ask_for(folder, given.trials)
            return search_run(folder, identity, space, source, trials, concurrent, kept, say, at_most=at_most)


def _trials(
    request: dict[str, Any], space: Space, folder: Path | None, given: argparse.Namespace, say: Say
) -> int:
    """How many trials the sweep is to have: as many as were asked for last, and no more than the space has
    points. :class:`UserError`: fewer are asked for than before.
    """
    from .record.trial_store import asked_for

    before = 0
    if given.resume and folder is not None:
        before = asked_for(folder) or request["trials"] or space.trials
        if given.trials is not None and given.trials < before:
            raise UserError(
                f"--trials {given.trials}: the sweep was asked for {before}; allowed are whole numbers from "
                f"{before}, in all"
            )
    asked = given.trials or before or request["trials"] or space.trials
    trials = space.points(asked)
    if trials < asked:
        what = "one point" if trials == 1 else f"{trials} points"
        say(f"the search space has {what}: {trials} of the {asked} trials that were asked for")
    return trials


def _asked(request: dict[str, Any], space: str) -> str:
    """sha256 of what a sweep was asked for: all but where it is kept and how many trials run at once."""
    kept = {key: value for key, value in request.items() if key not in ("storage", "concurrent")}
    return digest({"kind": "sweep", "request": strict_yaml.dump(kept), "space": space})


if __name__ == "__main__":
    run_main(main, sys.argv[1:])
