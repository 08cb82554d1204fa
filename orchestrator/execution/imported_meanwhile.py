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

    They are there when the block ends, unless it ends by an error or by Ctrl-C: the rest of them is then
    left, and a second Ctrl-C also leaves the one under way. Garbage collection, which would look through what
    is imported again and again, is off meanwhile.

    The block itself must import nothing that they import too. A module that cannot be imported is left to
    whoever imports it next, who hears of it.

    Args:
        modules: The modules' full names.
    """
    over, done = threading.Event(), threading.Event()

    def work() -> None:
        try:
            for module in modules:
                if over.is_set():
                    return
                with suppress(Exception):
                    import_module(module)
        finally:
            done.set()

    thread = threading.Thread(target=work, name="imports", daemon=True)
    enabled = gc.isenabled()
    gc.disable()
    try:
        thread.start()
        try:
            yield
            done.wait()  # a join that Ctrl-C ends takes the thread for ended
        except BaseException:  # an error of the block, or Ctrl-C while the rest was waited for
            over.set()
            done.wait()  # a process that ends in the midst of an import may end by a signal
            raise
        finally:
            if done.is_set():
                thread.join()
    finally:
        if enabled:
            gc.enable()
