"""``vlcl COMMAND ...``: the module commands under one word."""

from __future__ import annotations

import sys
from importlib import import_module

from .commands.arguments import add_version, run_main
from .commands.command_parser import CommandParser
from .schema.config_error import nearest

# A command's module is imported once the command is named: some of them import torch, Ray or MLflow.
_COMMANDS = {
    "sweep": ("orchestrator.sweep", "search a method's hyper-parameters"),
    "train": ("orchestrator.train", "train one configuration, once a seed"),
    "study": ("orchestrator.study.__main__", "tune methods alike and compare them over seeds and orders"),
    "simulate": ("orchestrator.simulate.__main__", "replay recorded sweeps under other stopping rules"),
    "compare": ("orchestrator.compare", "tables and pictures of finished runs"),
    "cluster": ("orchestrator.cluster", "check a file of Ray's cluster launcher"),
    "tracking": ("orchestrator.tracking.__main__", "show, deliver or serve the record in MLflow"),
    "pretrain": ("orchestrator.pretrain.__main__", "make the weights that come with the package"),
}


def main(arguments: list[str]) -> int:
    """Runs the command that the first of ``arguments`` names, with the other arguments; returns its exit
    status.
    """
    parser = CommandParser(
        prog="vlcl",
        usage="vlcl [-h] [--version] COMMAND ...",
        description="Experiments in vision-language continual learning.",
        epilog="'vlcl COMMAND --help' tells of one; it is what 'python -m orchestrator.COMMAND' runs.",
    )
    add_version(parser)
    # argparse's own commands are not used, since they would need every command's options.
    told = "; ".join(f"{word}: {what}" for word, (_, what) in _COMMANDS.items())
    parser.add_argument("command", metavar="COMMAND", help=told)
    word = parser.parse_args(arguments[:1]).command
    if word not in _COMMANDS:
        parser.error(f"{word}: unknown command{nearest(word, _COMMANDS)}")
    module, _ = _COMMANDS[word]
    return int(import_module(module).main(arguments[1:]))


def script() -> None:
    """The entry point of the installed command ``vlcl``. It ends the process."""
    run_main(main, sys.argv[1:])


if __name__ == "__main__":
    script()
