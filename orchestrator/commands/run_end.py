"""How a run ends, whatever ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import UserError
from ..execution.ray_watch import RayLost
from ..execution.stopped_by import stopped_by
from ..record.recorder import RunRecorder


@dataclass
class RunEnd:
    """How a run ends.

    Attributes:
        status: ``finished``, ``interrupted`` or ``failed``.
        unforeseen: An error whose traceback is needed, to be raised after the run's last lines; None: there
            is none.
    """

    status: str = "interrupted"
    unforeseen: BaseException | None = None

    @contextmanager
    def caught(self, watch: RunRecorder) -> Iterator[None]:
        """What ends the run within the block becomes its status, so that the run has its last lines.

        Args:
            watch: Catches up with what the lanes had under way, and is told what was fatal.

        Raises:
            UserError: The block raises it, and no trial has finished a task. Nothing has been made that
                needs last lines.
        """
        try:
            yield
        except KeyboardInterrupt:
            watch.catch_up()
            self.status = "interrupted"
        except UserError as error:  # as no lane that comes up
            if not any(entry.reports for entry in watch.book.trials.values()):
                raise
            watch.fatal, self.status = str(error), "failed"
        except (Exception, RayLost) as error:
            watch.fatal, foreseen = stopped_by(error)
            self.status = "interrupted" if watch.interrupted and foreseen else "failed"
            self.unforeseen = None if foreseen else error
            watch.catch_up()
