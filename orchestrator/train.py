"""python -m orchestrator.train METHOD: one configuration over a stream, by the code that a sweep's trials
run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import strict_yaml
from .cli import Say, add_run_arguments, given_values, kept_at, kept_folder, new_folder, run_main
from .config import RunConfig, data_values
from .errors import UserError


def main(arguments: list[str]) -> int:
    """Runs the command line; returns its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.resume:
        folder = kept_folder(given.resume, "train.yaml", given.storage)
        request, _ = strict_yaml.read(folder / "train.yaml")
        config, seeds, concurrent = (
            RunConfig.load_yaml(folder / "config.yaml"),
            request["seeds"],
            request["concurrent"],
        )
    else:
        if (given.method is None) == (given.config is None):
            parser.error("name a method or a --config file, one of them")
        config, seeds, concurrent, folder = _config(given), given.seeds, given.concurrent, None
        if seeds is None:
            seeds = [config.run.seed]
        if len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise UserError(
                f"--seeds {' '.join(map(str, seeds))}: allowed are different whole numbers from 0"
            )
    from .replay.config import check_memory
    from .streams import registry as streams

    say = Say()
    say(f"reading the stream {config.stream_name}")
    source = streams.get(config.stream_name).load(config.stream, config.run.skip_bad)
    check_memory(config.replay, len(source.categories), source.scenario)
    if given.dry_run:
        from .preview import preview_train

        print(preview_train(config, source, seeds, concurrent))
        return 0
    if folder is None:
        folder = new_folder(given.name, config.method_name, config.stream_name, given.storage)
        config.dump_yaml(folder / "config.yaml")
        request = {"seeds": seeds, "concurrent": concurrent, "storage": given.storage}
        (folder / "train.yaml").write_text(strict_yaml.dump(request), encoding="utf-8")
    from .train_run import train_run

    variants = {f"seed_{seed}": {"run.seed": seed} for seed in seeds}
    kept = kept_at(request.get("storage"), folder)
    return train_run(folder, config, variants, source, concurrent, kept, say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.train",
        description="Walks one configuration of a method over a stream, then looks at test data once.",
    )
    parser.add_argument(
        "method", nargs="?", metavar="METHOD", help="a method, at its search space's start values"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="a resolved configuration, as every trial keeps one"
    )
    add_run_arguments(parser)
    parser.add_argument("--seeds", type=int, nargs="+", metavar="N", help="run once for each of these seeds")
    parser.add_argument("--concurrent", type=int, metavar="N", help="seeds at once (default: as many as fit)")
    parser.add_argument("--resume", metavar="NAME", help="go on with a run that was interrupted")
    parser.add_argument("--dry-run", action="store_true", help="print what would be run, and start nothing")
    return parser


def _config(given: argparse.Namespace) -> RunConfig:
    values = given_values(given)
    if given.config is not None:
        config = RunConfig.load_yaml(given.config)
        if given.stream:
            values = {"stream.name": given.stream, **values}
        if given.data:
            values |= data_values(given.stream or config.stream_name, given.data)
        return config.with_values(values, "--set")
    from .space import Space

    return Space.load(given.method, given.stream, given.data, values).start_config


if __name__ == "__main__":
    run_main(main, sys.argv[1:])
