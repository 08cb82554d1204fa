"""Ray, the shared memory and the lanes of one sweep, from start to end."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from .calls import ask
from .job import Job, Outcome
from .job_feed import JobFeed
from .job_listener import JobListener
from .lanes import Lanes, lanes_up
from .memory_watch import MemoryWatch
from .other_sweeps import OtherSweeps
from .own_code import check_machines, sent_modules
from .ray_watch import RayLost, RayWatch
from .session_request import SessionRequest
from .shared_stream import SharedStream
from .spill_monitor import SpillMonitor
from .start_dispatcher import SWEEPS, start_dispatcher
from .start_ray import StartedRay, start_ray
from .throttle import Throttle

_TURN = 0.1  # seconds for which one of several runs is listened to
_MEANWHILE = ("ray.train.torch", "ray.tune")  # needed once Ray is up, and as slow to import


class Session:
    """A context in which jobs run: Ray joined or started, the stream in the object store, lanes warming.

    Other sessions on the same cluster are given their share of lanes, between two jobs.

    Args:
        request: The request.
        say: Prints a line of progress.
        last_words: See :class:`~orchestrator.execution.ray_watch.RayWatch`.

    Raises:
        UserError: The jobs cannot be placed, or what must be shared does not fit.

    Attributes:
        request: The request.
        dispatcher: The actor that hands jobs to lanes; None before the session begins.
        scope: Of the run that has it now (:class:`~orchestrator.execution.job_listener.JobListener`).
        beside: The searches that share the session; None: no search shares it with another one.
    """

    def __init__(
        self,
        request: SessionRequest,
        say: Callable[[str], None],
        last_words: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.dispatcher: Any = None
        self.scope = ""
        self.beside: Any = None
        self.request = request
        self._say = say
        self._shared = SharedStream(request, say)
        self._ray: StartedRay | None = None
        self._ray_watch = RayWatch(last_words)
        self._lost = False
        self._lanes: Lanes | None = None
        self._others: OtherSweeps | None = None
        self._watchers: list[MemoryWatch | OtherSweeps | SpillMonitor] = []
        # The references are weak: a listener holds its run's stream, which may be large.
        self._listeners: list[weakref.ref[JobListener]] = []
        self._heard = 0
        self._finishing: threading.Thread | None = None
        self._look_due = Throttle(1.0)

    def __enter__(self) -> Session:
        try:
            request = self.request
            self._ray = start_ray(self._say, sent_modules(request.base), _MEANWHILE)
            self._ray_watch.start()
            # This comes first: a session that can never be placed starts nothing.
            lanes = Lanes(
                request.base.run, request.folder, request.lanes, request.at_most, request.jobs, self._say
            )
            check_machines(request.base)
            self.dispatcher = start_dispatcher(request.folder.name, request.jobs + request.follow_ups)
            self._others = OtherSweeps(self.dispatcher, SWEEPS)
            self._watchers = [MemoryWatch(lambda: self._heard), self._others, SpillMonitor(self._say)]
            self._lanes = lanes
            self._shared.encode()
            lanes.start(self.dispatcher, self._ray)
            packed_stream = self._shared.publish(lanes.store_bytes)
            # Once more: a dispatcher that died meanwhile has forgotten it, and is not missed before this.
            ask(self.dispatcher, "expect", self.lanes)
            ask(self.dispatcher, "set_stream", packed_stream)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def switch(self, request: SessionRequest) -> None:
        """Shares another stream in the place of the one that is shared, while no job is under way. Ray and
        the lanes stay.

        Args:
            request: What is asked for from now on. The stream's pictures are the same, in another order: the
                lanes hold the CPUs that encoding would need. Its tokenizer is the one that the lanes have.

        Raises:
            UserError: The data to be shared do not fit.
        """
        assert self._lanes is not None, "it has begun"
        self._shared.free(self._lost)
        self.request, self._shared = request, SharedStream(request, self._say)
        self._shared.encode(here=True)
        packed_stream = self._shared.publish(self._lanes.store_bytes)
        ask(self.dispatcher, "expect", self.lanes)  # as where the session begins
        ask(self.dispatcher, "set_stream", packed_stream)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends the lanes, then Ray. What was shared is removed in every case.

        After Ctrl-C the tasks under way are finished first. A second Ctrl-C, or an error, leaves the lanes as
        they are. Where there are lanes, Ray then stays up as well, and the process has to end itself: Ray
        ends a process whose threads ask it anything after its shutdown.
        """
        self._lost = kind is not None and issubclass(kind, RayLost)
        try:
            self._close(kind)
        except RayLost:
            self._lost = True
            self._shared.free(self._lost)
            raise
        finally:
            self._ray_watch.end()

    def _close(self, kind: type[BaseException] | None) -> None:
        import ray

        if not ray.is_initialized():
            return
        try:
            if kind is None or (issubclass(kind, KeyboardInterrupt) and self._finishing is None):
                self._leave(interrupted=kind is not None)
            elif issubclass(kind, KeyboardInterrupt):
                self._say("stopped")
            elif not self._lost:
                with suppress(Exception):  # the error that ends the session is the one to be seen
                    self._end_ray()
        except KeyboardInterrupt:
            self._say("stopped")
        except RayLost:
            self._lost = True  # what was shared is gone as well
            raise
        finally:
            self._shared.free(self._lost)

    def _leave(self, interrupted: bool) -> None:
        if self._drain() or not interrupted:
            self.wait_for_lanes()
            self._end_ray()

    def _end_ray(self) -> None:
        """Ends or leaves Ray, unless a lane is left that may ask it something."""
        self._shared.free(self._lost)
        if self._ray is not None and not (self._lanes is not None and self._lanes.alive):
            self._ray_watch.end()
            self._ray.end()

    def finish_tasks(self) -> None:
        """Takes no new job, and stops those under way at their next task, as leaving after Ctrl-C does first.
        A signal's handler may call it.
        """
        # A thread asks Ray, since the handler may have come in the midst of Ray's own work.
        self._finishing = threading.Thread(target=self._try_to_drain, daemon=True)
        self._finishing.start()

    def wait_for_lanes(self) -> None:
        """Waits until the lanes have finished their tasks and ended. No new job begins. Ray stays up."""
        if self._lanes is not None:
            self._lanes.wait(self.dispatcher)

    def _try_to_drain(self) -> None:
        with suppress(Exception):  # Ray may have been told to end as well
            self._drain()

    def _drain(self) -> int:
        """Stops the dispatcher from taking new jobs. Returns how many are under way, and says so once."""
        busy = ask(self.dispatcher, "drain") if self.dispatcher is not None else 0
        if busy and (self._finishing is None or self._finishing is threading.current_thread()):
            self._say(f"finishing the task under way of {busy} trial(s); Ctrl-C stops now")
        return busy

    @property
    def lanes(self) -> int:
        """How many lanes there are to be."""
        return 0 if self._lanes is None else self._lanes.count

    def listener(
        self,
        on_report: Callable[[Job, dict[str, float]], object],
        on_end: Callable[[Job, Outcome], object],
        judge: Callable[[Job, int, dict[str, float]], object] | None = None,
    ) -> JobListener:
        """Makes a :class:`~orchestrator.execution.job_listener.JobListener`, which hands in jobs and hears of
        them. Its user also calls :meth:`tick`, often.

        Args:
            on_report: Takes a job and the metrics of a task that it has finished.
            on_end: Takes each job that has ended, and its outcome.
            judge: Decides whether a job goes on after a task; None: each job goes on.
        """

        def heard(job: Job, metrics: dict[str, float]) -> None:
            self._heard += 1
            on_report(job, metrics)

        made = JobListener(self.dispatcher, heard, on_end, judge, self.scope)
        self._listeners = [known for known in self._listeners if known() is not None]
        self._listeners.append(weakref.ref(made))
        return made

    def run(
        self,
        jobs: Iterable[Job],
        on_start: Callable[[Job], object] = lambda _: None,
        on_report: Callable[[Job, dict[str, float]], object] = lambda *_: None,
        on_end: Callable[[Job, Outcome], Job | None] = lambda *_: None,
        go: Callable[[], bool] = lambda: True,
    ) -> None:
        """Runs jobs on the lanes, as many at once as there are lanes, until all have ended.

        Args:
            jobs: The jobs, in the order in which they begin.
            on_start: Takes each job before it begins.
            on_report: Takes a job and the metrics of a task that it has finished.
            on_end: Takes each job that has ended, and its outcome. It may return a job that follows from it.
            go: Whether to go on. After a False no job begins, and those under way stop at their next task.
        """
        feed = self.feed(jobs, on_start, on_report, on_end, go)
        self.drive([feed])

    def feed(
        self,
        jobs: Iterable[Job],
        on_start: Callable[[Job], object] = lambda _: None,
        on_report: Callable[[Job, dict[str, float]], object] = lambda *_: None,
        on_end: Callable[[Job, Outcome], Job | None] = lambda *_: None,
        go: Callable[[], bool] = lambda: True,
    ) -> JobFeed:
        """Makes a :class:`~orchestrator.execution.job_feed.JobFeed` for :meth:`drive`. The arguments are
        those of :meth:`run`.
        """
        return JobFeed(jobs, on_start, on_end, go, lambda ended: self.listener(on_report, ended))

    def drive(self, feeds: Sequence[JobFeed]) -> None:
        """Runs the jobs of ``feeds`` until all have ended. An earlier feed's begin before a later one's."""
        while not all(feed.over for feed in feeds):
            self.turn(feeds, 1.0)

    def turn(self, feeds: Sequence[JobFeed], timeout: float) -> None:
        """Hands in as many jobs of ``feeds`` as lanes are free, and takes the jobs' news so far. Of one feed
        with jobs under way it waits for news, ``timeout`` seconds at most."""
        for feed in feeds:
            feed.hand_in(self.lanes - sum(other.under_way for other in feeds))
        busy = [feed for feed in feeds if feed.under_way]
        for feed in busy:
            feed.hear(timeout if len(busy) == 1 else min(timeout, _TURN))
        self.tick()

    def tick(self) -> None:
        """Says which lanes have come up, and once a minute that none has. Looks at other sweeps and at the
        object store. It is to be called often, and asks at most once a second.

        Raises:
            UserError: See :meth:`~orchestrator.execution.lanes.Lanes.look`.
        """
        if not self._look_due():
            return
        for watcher in self._watchers:
            watcher.look()
        self._keep_dispatcher()
        self._lanes.look(self.dispatcher, shared=self._others.found > 0)

    def _keep_dispatcher(self) -> None:
        """Tells a dispatcher that took the place of one that died what the driver alone knows."""
        if self._shared.packed_stream is None or ask(self.dispatcher, "knows_stream"):
            return
        self._say("the dispatcher died and is back; the tasks under way begin again")
        ask(self.dispatcher, "expect", self.lanes)
        ask(self.dispatcher, "set_stream", self._shared.packed_stream)
        for known in self._listeners:
            if (listener := known()) is not None:
                listener.tell_again()
        if self._finishing is not None:
            ask(self.dispatcher, "drain")

    def lanes_up(self) -> dict[int, float]:
        """Lane -> seconds from its start until its workers were ready, of the lanes that are up."""
        return lanes_up(self.dispatcher)
