"""python -m orchestrator.train METHOD: one configuration over a stream, by the code that a sweep's trials
run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

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
from .config import RunConfig, data_values, parse_set
from .errors import UserError
from .execution.ray_environment import ray_environment
from .execution.this_machine import check_here
from .schema import strict_yaml
from .storage.identity import Identity, digest
from .storage.refused_start import nothing_if_refused
from .storage.run_folder import RUNS, check_free, kept_at, kept_folder, new_folder
from .storage.run_lock import run_lock
from .storage.trial_files import tested_in
from .storage.user_path import user_path

_REQUEST = {"seeds": list, "concurrent": int, "storage": str}


def main(arguments: list[str]) -> int:
    """Runs the command line; returns its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.concurrent is not None and given.concurrent < 1:
        raise UserError(f"--concurrent {given.concurrent}: allowed are whole numbers from 1")
    folder = None
    if given.resume:
        refuse_with_resume(parser, given)
        url, said = storage_url(given), said_again(given)

        def accept(place: Path) -> dict[str, Any]:
            with said_code(said, url):
                config = RunConfig.load_yaml(place / "config.yaml")
                check_said(config, said)
                check_restored(config, {}, said, url)
            return _request(place)

        folder = kept_folder(given.resume, ("train.yaml", "config.yaml"), url, accept)
        request = _request(folder)
        config = RunConfig.load_yaml(folder / "config.yaml")
        check_said(config, said)
    else:
        if (given.method is None) == (given.config is None):
            parser.error("name a method or a --config file, one of them")
        config = _config(given)
        if given.seeds is not None and (given.seed is not None or "run.seed" in parse_set(given.set)):
            raise UserError(
                f"--seeds {' '.join(map(str, given.seeds))}: a seed is given as well; allowed: one of the two"
            )
        seeds = [config.run.seed] if given.seeds is None else given.seeds
        if len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise UserError(
                f"--seeds {' '.join(map(str, seeds))}: allowed are different whole numbers from 0"
            )
        request = {"seeds": seeds, "concurrent": given.concurrent, "storage": storage_url(given)}
    return _train(request, config, folder, given)


def _request(folder: Path) -> dict[str, Any]:
    request = read_request(folder / "train.yaml", _REQUEST)
    seeds = request["seeds"]
    if not seeds or any(type(seed) is not int or seed < 0 for seed in seeds):
        raise UserError(f"{folder}/train.yaml: seeds {str(seeds)[:60]}: allowed are whole numbers from 0")
    return request


def _train(request: dict[str, Any], config: RunConfig, folder: Path | None, given: argparse.Namespace) -> int:
    from .commands.check_inputs import check_inputs
    from .replay.config import check_memory
    from .streams import registry as streams
    from .streams.identity import stream_identity

    say = Say()
    say(f"reading the stream {config.stream_name}")
    source = streams.get(config.stream_name).load(config.stream, config.run.skip_bad)
    check_memory(config.replay, len(source.categories), source.scenario)
    seeds, concurrent = request["seeds"], given.concurrent or request["concurrent"]
    new = folder is None
    at_most = not new and given.concurrent is None
    ray_environment(say)  # before the first import of Ray

    def check(*, start: bool) -> None:
        check_inputs(config, source, kept=not new)
        check_here(config.run, None if at_most else concurrent)
        if start:
            check_start()

    if given.dry_run:
        if given.name:
            check_free(given.name)
        from .commands.preview import preview_train

        check(start=False)
        print(preview_train(config, source, seeds, concurrent))
        return 0
    if new:
        check(start=True)  # before anything is made
    from .tracking.store import tracking_uri

    tracking_uri(RUNS)
    from .commands.train_run import train_run

    path = folder and folder / "config.yaml"
    text = path.read_text(encoding="utf-8") if path else config.yaml()
    asked = digest({"kind": "train", "config": text, "seeds": seeds})
    identity = Identity.new(asked, stream_identity(source))
    if folder is None:
        files = {"config.yaml": text, "train.yaml": strict_yaml.dump(request)}
        method, stream, url = config.method_name, config.stream_name, request["storage"]
        folder = new_folder(given.name, method, stream, url, identity, files)
    else:
        identity = identity.gone_on_with(folder)
    variants = {f"seed_{seed}": {"run.seed": seed} for seed in seeds}
    with run_lock(folder), unread():
        if new:
            kept = kept_at(request["storage"], folder)
        else:
            kept = resumed_storage(given, request, folder / "train.yaml")
            if not _is_over(folder, identity, variants):  # else nothing starts
                check(start=True)
        with nothing_if_refused(folder, kept) if new else nullcontext():
            return train_run(
                folder, identity, config, variants, source, concurrent, kept, say, at_most=at_most
            )


def _is_over(folder: Path, identity: Identity, variants: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether all ``variants`` (trial id -> dotted values) of the run in ``folder`` have been tested."""
    return all(
        tested_in(folder / "trials" / trial_id, identity.stamp(trial_id, values))
        for trial_id, values in variants.items()
    )


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m orchestrator.train",
        description="Walks one configuration of a method over a stream, then looks at test data once.",
    )
    parser.add_argument(
        "method",
        nargs="?",
        metavar="METHOD",
        help="a method, a name or module:Class, at its search space's start values",
    )
    parser.add_argument(
        "--config", type=_path, metavar="FILE", help="a resolved configuration, as every trial keeps one"
    )
    add_run_arguments(parser)
    parser.add_argument("--seeds", type=int, nargs="+", metavar="N", help="run once for each of these seeds")
    parser.add_argument("--concurrent", type=int, metavar="N", help="seeds at once (default: as many as fit)")
    parser.add_argument("--resume", metavar="NAME", help="go on with a run that was interrupted")
    parser.add_argument("--dry-run", action="store_true", help="print what would be run, and start nothing")
    return parser


def _path(text: str) -> Path:
    return user_path(text, follow=False)  # a shell leaves --config=~/FILE as it is


def _config(given: argparse.Namespace) -> RunConfig:
    values = given_values(given)
    if given.config is not None:
        if given.space:
            raise UserError(f"--space {given.space}: beside --config; allowed: one of the two")
        config = RunConfig.load_yaml(given.config)
        if given.stream:
            values = {"stream.name": given.stream, **values}
        if given.data:
            values |= data_values(given.stream or config.stream_name, given.data)
        return config.with_values(values, "--set")
    from .search.space import Space

    name = named_space(given.method, given.space)
    return Space.load(name, given.stream, given.data, values, method=given.method).start_config


if __name__ == "__main__":
    run_main(main, sys.argv[1:])
