"""Sends a journal while its run is under way."""

from __future__ import annotations

import threading

from ..storage.full_disk import is_full
from .delivery import Delivery

_LONGEST_WAIT = 60.0  # seconds


class Sender:
    """One background thread that sends records as they are appended to a journal.

    A store that cannot be reached is tried again, with at most a minute between attempts.

    Attributes:
        error: Why the last attempt failed; None where it succeeded.
    """

    def __init__(self, delivery: Delivery) -> None:
        self.error: Exception | None = None
        self._delivery = delivery
        self._closing = self._left = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)

    def begin(self) -> None:
        """Starts the thread, unless it was started before."""
        with self._changed:
            if self._thread.ident is None:
                self._thread.start()

    def wake(self) -> None:
        """Tells the thread that the journal has something new."""
        with self._changed:
            self._changed.notify_all()

    def close(self, timeout: float) -> None:
        """Sends what is left, for at most ``timeout`` seconds, and ends the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self.begin()
        self._thread.join(timeout)
        with self._changed:
            self._left = True
            self._changed.notify_all()

    def _work(self) -> None:
        delivery, wait = self._delivery, 1.0
        while True:
            try:
                closing = self._closing
                delivery.pump()
                if closing:
                    delivery.retry()
                self.error, wait = None, 1.0
            except Exception as error:
                self.error = error
            with self._changed:
                if self.error is not None:
                    # A store that was there before may be coming back. A full disk does not empty itself.
                    hopeless = not delivery.sent or delivery.lost or is_full(self.error)
                    if self._left or (self._closing and hopeless):
                        break
                    self._rest(wait, closing)
                    wait = 2.0 if self._closing else min(2 * wait, _LONGEST_WAIT)
                    continue
                if not delivery.journal.unsent(delivery.store):
                    if closing:
                        break
                    if not self._closing:
                        self._changed.wait()
        delivery.journal.release()

    def _rest(self, seconds: float, closing: bool) -> None:
        """Waits between two attempts. Closing and leaving end the wait. ``closing`` says whether the sender
        was closed when the last attempt began, so that a close during that attempt counts too.
        """
        self._changed.wait_for(lambda: self._left or self._closing != closing, seconds)
