"""Reading a model of transformers, from a folder or by its name on the Hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging

from .load_reason import load_reason


class DoesNotFit(ValueError):
    """A model was read, but is another than the one asked for."""


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' progress bar, and its remarks on what a checkpoint has and lacks."""
    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()


@contextmanager
def reading(field: str, name: str, what: str, otherwise: str) -> Iterator[str]:
    """Gives the folder or name to read from; quietly.

    ``field``: what the user set to ``name``. ``what``: such as "a T5"; ``otherwise``: another value that the
    field may have. Raises a one-line :class:`ValueError` for a folder that is not there, and in the place of
    whatever reading raises; :class:`DoesNotFit` goes through.
    """
    source = os.path.expanduser(name)
    if (os.path.isabs(source) or source.startswith(".")) and not os.path.isdir(source):
        raise ValueError(f"{field} {name!r}: no such folder (or say {otherwise}, or a name on the Hub)")
    try:
        with quiet():
            yield source
    except DoesNotFit:
        raise
    except Exception as error:  # transformers, the Hub's client and its transport each raise their own
        raise ValueError(
            f"cannot load {field} {name!r} ({what}'s folder, its name on the Hub, or {otherwise}): "
            f"{load_reason(error)}"
        ) from error


def check_whole(field: str, name: str, missing: list[str], what: str) -> None:
    """Raises a one-line :class:`ValueError` where a checkpoint has not all of the weights of ``what``."""
    if missing:
        first = sorted(missing)[0]
        raise ValueError(f"{field} {name!r} lack {len(missing)} of {what}'s weights, {first} first")
