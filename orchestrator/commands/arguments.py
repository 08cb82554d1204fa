"""What the command lines share: arguments and one-line errors."""

from __future__ import annotations

import argparse
import errno
import io
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import UserError, one_line
from ..execution.ray_folder import RayFolder
from ..storage.full_disk import full_disk, is_full
from ..storage.refused import refused
from ..storage.run_folder import RUNS
from .storage_of import storage_url
from .told_to_end import ToldToEnd


def add_version(parser: argparse.ArgumentParser) -> None:
    """Adds ``--version``, which every command has."""
    parser.add_argument("--version", action="version", version=f"vlcl-orchestrator {__version__}")


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that a sweep and a single run have in common."""
    add_version(parser)
    parser.add_argument(
        "--recipe",
        metavar="NAME",
        help="the configuration of a published table, in the place of METHOD (sweep methods has their names)",
    )
    parser.add_argument("--space", metavar="FILE", help="a search space of your own (default: the method's)")
    parser.add_argument(
        "--stream",
        metavar="NAME",
        help="the stream of tasks, a name or module:Class (default: the search space's)",
    )
    parser.add_argument("--data", metavar="DIR", help="folder of a stream that reads a data set")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="data-parallel workers of a trial (default 1)"
    )
    parser.add_argument(
        "--gpus-per-trial",
        type=float,
        metavar="X",
        help="GPUs a trial holds: 0, a fraction, or one a worker (default: one a worker where there are any)",
    )
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="configuration values by dotted key, such as method.learning_rate=1e-3 replay.size=200",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the run and of the search (default 0)")
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out and count records that cannot be read"
    )
    parser.add_argument(
        "--no-feature-cache",
        action="store_true",
        help="encode every batch with a frozen encoder anew, instead of each picture once for all runs",
    )
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="where checkpoints are kept, an fsspec URL such as s3://BUCKET/PREFIX (default: $VLCL_STORAGE, "
        "else the run's own folder)",
    )
    parser.add_argument("--name", metavar="NAME", help="name of the run and of its folder under runs/")


def given_values(arguments: argparse.Namespace) -> dict[str, Any]:
    """The values that the command line sets, by ``--set`` and by the options that stand for a key.

    Returns:
        Dotted key -> value.

    Raises:
        UserError: A key is given twice.
    """
    from ..config import parse_set

    values = parse_set(arguments.set)
    options = {
        "run.workers": arguments.workers,
        "run.gpus_per_trial": arguments.gpus_per_trial,
        "run.seed": arguments.seed,
        "run.skip_bad": arguments.skip_bad or None,
        "run.feature_cache": False if arguments.no_feature_cache else None,
    }
    for key, value in options.items():
        if value is None:
            continue
        if key in values:
            raise UserError(f"--set {key}={values[key]}: {key} is also given by its own option; give it once")
        values[key] = value
    return values


def again_values(given: argparse.Namespace) -> dict[str, Any]:
    """Dotted key -> value of what the command line says of a new run, or repeats of a resumed one."""
    from ..config import parse_set

    return parse_set(given.set) if given.resume else given_values(given)


def refuse_with_resume(parser: argparse.ArgumentParser, given: argparse.Namespace, *honoured: str) -> None:
    """Refuses options beside ``--resume`` that would have no effect. A run is resumed with the values that it
    was started with.

    Where there is a storage, files that the run reads may be named again.

    Args:
        parser: The command's parser.
        given: The command line.
        honoured: Options of this command that do have an effect.

    Raises:
        UserError: Such an option is given.
    """
    allowed = {"resume", "concurrent", "storage", "dry_run", "quiet", "json", *honoured}
    shown = ", ".join(
        f"--{name.replace('_', '-')}" for name in (*honoured, "concurrent", "storage", "dry-run")
    )
    if storage_url(given.storage):
        allowed |= {"data", "set"}
    for name, value in vars(given).items():
        if name not in allowed and value != parser.get_default(name):
            option = value if name == "method" else f"--{name.removesuffix('_from').replace('_', '-')}"
            raise UserError(
                f"--resume {given.resume}: the run keeps what it was started with; leave out {option} "
                f"(allowed beside it: {shown})"
            )


def run_main(main: Callable[[list[str]], int], arguments: list[str] | None = None) -> None:
    """Runs a command and ends the process with its exit status.

    A user's error is one line and exit status 2, and so is a path that may not be written or read. Ctrl-C is
    130 (:class:`~orchestrator.commands.told_to_end.ToldToEnd` has the other signals). A full disk is one line
    and 1. Where the reader of standard output has gone (``| head``), the status is 141, as in a shell, and
    nothing is printed. Only the user may change what the command writes, whatever the umask is, because a run
    that is resumed trusts its folder.

    Args:
        main: The command. It takes the arguments and returns the exit status.
        arguments: The arguments; None: those of the process.
    """
    os.umask(os.umask(0o022) | 0o022)
    _open_outputs()
    _settle_home()
    for stream in (sys.stdout, sys.stderr):
        # What a terminal cannot show is shown as \xNN.
        with suppress(AttributeError):  # a notebook's
            stream.reconfigure(errors="backslashreplace")
    told = ToldToEnd()
    try:
        _check_here()
        with told:
            status = told.status(main(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except UserError as error:
        _tell(f"error: {error}")
        status = 1 if is_full(error) else 2
    except SystemExit:  # after --help, --version, or an argument that argparse refuses
        _reader_gone()
        raise
    except BrokenPipeError:
        if not _reader_gone():
            raise
        status = 141
    except OSError as error:
        if error.errno == errno.EIO and error.filename is None and _reader_gone():
            status = 128 + signal.SIGHUP  # the terminal went away while it was written to
        elif line := full_disk(Path(error.filename or RUNS)) if is_full(error) else refused(error):
            _tell(f"error: {line}")
            status = 1 if is_full(error) else 2
        else:
            status = _unforeseen(error)
    except Exception as error:  # noqa: BLE001
        status = _unforeseen(error)
    except KeyboardInterrupt:
        _tell("interrupted")
        status = told.status(130)
    _reader_gone()
    if _lanes_left():
        # A lane that was left alone waits inside Ray, whose own exit would change the exit status.
        for folder in list(RayFolder.left):
            folder.remove()
        os._exit(status)
    sys.exit(status)


def _lanes_left() -> bool:
    return any(thread.name.startswith("lane-") for thread in threading.enumerate())


def _unforeseen(error: Exception) -> int:
    """Raises ``error``. Where lanes were left alone it prints the traceback instead, since the process then
    has to end itself.
    """
    if not _lanes_left():
        raise error
    with suppress(OSError):
        print("".join(traceback.format_exception(error)).rstrip(), file=sys.stderr, flush=True)
    return 1


def _tell(line: str) -> None:
    """Prints a last line, where the terminal is still there."""
    with suppress(OSError):
        print(one_line(line), file=sys.stderr, flush=True)


def _open_outputs() -> None:
    """Sends output that was closed (``>&-``) nowhere. Otherwise it would go into the next file that is
    opened.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - for the life of the process


def _settle_home() -> None:
    """Gives a user without a name and a home, as a container may have one, the home that Docker gives. Ray
    does not come up without any.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/"


def _check_here() -> None:
    try:
        os.getcwd()
    except FileNotFoundError:
        raise UserError("the working folder was removed; allowed: one that is there (cd to it)") from None


def _reader_gone() -> bool:
    """Whether the reader of the output has gone. The rest of the output is then dropped, because the
    interpreter would complain of it at its end.
    """
    try:
        sys.stdout.flush()
        pipe = select.poll()
        pipe.register(sys.stdout.fileno(), 0)  # errors alone: a pipe without a reader has one
        if not pipe.poll(0):
            return False
    except io.UnsupportedOperation:  # no file, but what a test reads
        return False
    except OSError:
        pass
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return True
