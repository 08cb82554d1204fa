"""Ends a run in order, whatever ends it."""

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
    def caught(self, recorder: RunRecorder) -> Iterator[None]:
        """Turns whatever ends the run within the block into its status, so that the run has its last lines.

        Where the run was cut short, ``recorder`` catches up once with what the lanes had under way. The last
        lines come whatever happens meanwhile. The next ``--resume`` catches up with anything that is missed.

        Args:
            recorder: The run's record, which is told what was fatal too.

        Raises:
            UserError: The block raises it, and no trial has finished a task. Nothing has been made that
                needs last lines.
        """
        try:
            yield
        except KeyboardInterrupt:
            self.status = "interrupted"
            _catch_up(recorder)
        except UserError as error:  # as no lane that comes up
            if not any(entry.reports for entry in recorder.store.trials.values()):
                raise
            recorder.fatal, self.status = str(error), "failed"
        except (Exception, RayLost) as error:
            recorder.fatal, foreseen = stopped_by(error)
            self.status = "interrupted" if recorder.interrupted and foreseen else "failed"
            self.unforeseen = None if foreseen else error
            _catch_up(recorder)
        else:
            if self.status == "interrupted":
                _catch_up(recorder)


def _catch_up(recorder: RunRecorder) -> None:
    try:
        recorder.catch_up()
    except KeyboardInterrupt:  # a second Ctrl-C does not wait for it
        pass
    except Exception as error:  # noqa: BLE001 - as a disk that is full
        line = str(error) if isinstance(error, UserError) else stopped_by(error)[0]
        recorder.fatal = recorder.fatal or line
