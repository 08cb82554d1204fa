"""Imports that are made while something else is waited for."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module


@contextmanager
def imported_meanwhile(modules: Sequence[str]) -> Iterator[None]:
    """While the block waits, a thread imports ``modules``, one after the other.

    They are there when the block ends, unless it ends by an error: the rest of them is then left. Garbage
    collection is off meanwhile, which would look through what is imported again and again.

    The block itself must import nothing that they import too. A module that cannot be imported is left to
    whoever imports it next, who hears of it.

    Args:
        modules: The modules' full names.
    """
    over = threading.Event()

    def work() -> None:
        for module in modules:
            if over.is_set():
                return
            with suppress(Exception):
                import_module(module)

    enabled = gc.isenabled()
    gc.disable()
    thread = threading.Thread(target=work, name="imports", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        over.set()
        raise
    finally:
        thread.join()  # always: a process that ends in the midst of an import may end by a signal
        if enabled:
            gc.enable()
