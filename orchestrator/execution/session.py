"""Ray, the shared memory and the lanes of one sweep, from start to end."""

from __future__ import annotations

import shutil
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..config import RunConfig
from ..errors import UserError, one_line
from ..features.frozen import asks_queries, frozen_backbone
from ..object_store.memory_plan import memory_plan as plan_memory
from ..object_store.publish import publish
from ..object_store.shared_pickle import SharedPickle, pack
from ..object_store.shared_store import SharedStore
from ..storage.identity import Identity
from ..streams.prepare import prepare
from ..streams.size_remarks import size_remarks
from ..streams.source import StreamSource
from ..streams.stream import Stream
from ..streams.text.cut_captions import cut_captions
from ..streams.text.tokenizer import Tokenizer
from ..streams.text.unknown_words import unknown_words
from .calls import ask
from .cluster_resources import cluster_resources, living_nodes
from .dispatcher import Dispatcher
from .job import Job, Outcome
from .lane import Lane
from .memory_watch import MemoryWatch
from .other_sweeps import OtherSweeps
from .own_code import check_machines, sent_modules
from .placement import lane_resources, lanes_that_fit
from .ray_address import ray_address
from .ray_watch import RayLost, RayWatch
from .spill_monitor import SpillMonitor
from .start_ray import start_ray
from .throttle import Throttle

_PATIENCE = 300.0  # seconds until the session gives up that no lane comes up,
_LAUNCH = 1800.0  # and where machines have to be made for it first
_END = 60.0  # seconds that lanes may take to end
_RETURNS = 3  # times that the dispatcher may die
_DESKS = "vlcl-sweeps-2"  # namespace in which sweeps on one cluster find each other


class Session:
    """A context in which jobs run: Ray joined or started, the stream in the object store, lanes warming.

    Where the method's image encoder is frozen, the stream's features take the place of its pictures; where it
    goes by a frozen model's queries, these lie beside them. They are encoded first, where they are not in the
    folder ``features`` beside ``folder`` from an earlier session.

    Other sessions on the same cluster are given their share of lanes, between two jobs.

    ``identity``: the run's, by which its shared arrays are known on a cluster. ``base``: the configuration
    that all jobs share. ``tokenizer``: None where the pictures have no texts (recognition). ``wanted``: lanes
    to start (None: as many as fit); ``at_most``: fewer do where no more fit. ``jobs``: how many jobs are to
    come, with which ``seeds``, and ``follow_ups``: how many more will follow at once from their ends.
    ``largest_memory``: the largest replay memory, in samples, that any job may ask for. ``say`` prints a line
    of progress. ``last_words``: see :class:`~orchestrator.execution.ray_watch.RayWatch`.

    :class:`UserError`: the jobs cannot be placed, or what must be shared does not fit.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        base: RunConfig,
        source: StreamSource,
        tokenizer: Tokenizer | None,
        *,
        wanted: int | None,
        at_most: bool = False,
        jobs: int,
        seeds: Sequence[int],
        follow_ups: int = 0,
        largest_memory: int,
        say: Callable[[str], None],
        last_words: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.folder = folder
        self.dispatcher: Any = None
        self.lanes = 0
        self._identity = identity
        self._base = base
        self._source = source
        self._tokenizer = tokenizer
        self._wanted = wanted
        self._at_most = at_most
        self._jobs = jobs
        self._seeds = seeds
        self._follow_ups = follow_ups
        self._largest_memory = largest_memory
        self._say = say
        self._stream: Stream | None = None
        self._files: dict[str, Path] = {}
        self._store: SharedStore | None = None
        self._parcel: SharedPickle | None = None
        self._threads: list[Lane] = []
        self._up: set[int] = set()
        self._watchers: list[MemoryWatch | OtherSweeps | SpillMonitor] = []
        self._done = 0
        self._watch = RayWatch(last_words)
        self._lost = False
        self._finishing: threading.Thread | None = None
        self._look_due = Throttle(1.0)
        self._complaints = 1

    def __enter__(self) -> Session:
        try:
            self._ray = start_ray(self._say, sent_modules(self._base))
            self._watch.start()
            check_machines(self._base)
            self._open_desk()
            self._place()
            # Before the lanes, which hold the CPUs and GPUs that encoding needs.
            self._encode()
            self._start_lanes()
            self._publish()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends the lanes, then Ray; what was shared goes in every case.

        After Ctrl-C the tasks under way are finished first; a second Ctrl-C, or an error, leaves the lanes as
        they are. Ray then stays up as well, since it ends a process whose threads ask it anything after its
        shutdown: the process has to end itself.
        """
        self._lost = kind is not None and issubclass(kind, RayLost)
        try:
            self._close(kind)
        except RayLost:
            self._lost = True
            self._unshare()
            raise
        finally:
            self._watch.end()

    def _close(self, kind: type[BaseException] | None) -> None:
        import ray

        if not ray.is_initialized():
            return
        try:
            if kind is None or (issubclass(kind, KeyboardInterrupt) and self._finishing is None):
                self._leave(interrupted=kind is not None)
            elif issubclass(kind, KeyboardInterrupt):
                self._say("stopped")
        except KeyboardInterrupt:
            self._say("stopped")
        except RayLost:
            self._lost = True  # what was shared has gone as well
            raise
        finally:
            self._unshare()

    def _leave(self, interrupted: bool) -> None:
        busy = self._drain()
        if interrupted and not busy:
            return
        self._end_lanes()
        self._unshare()
        if not any(lane.is_alive() for lane in self._threads):
            self._watch.end()
            self._ray.end()

    def _unshare(self) -> None:
        """Frees the store of what the session shared, and the disk of its files; once."""
        import ray

        store, self._store = self._store, None
        if store is not None and ray.is_initialized() and not self._lost:
            with suppress(Exception):  # a Ray that is going takes what is in its store along
                store.close(delete=False)
        shutil.rmtree(self.folder / "shared", ignore_errors=True)

    def finish_tasks(self) -> None:
        """What leaving after Ctrl-C does first, already now: no new job is taken, and those under way stop at
        their next task. May be called by a signal's handler.
        """
        # Ray is asked by a thread, as the handler may have come in the midst of Ray's own work.
        self._finishing = threading.Thread(target=self._try_to_drain, daemon=True)
        self._finishing.start()

    def _try_to_drain(self) -> None:
        with suppress(Exception):  # Ray may have been told to end as well
            self._drain()

    def _drain(self) -> int:
        """Answers how many jobs are under way, and says so once."""
        busy = ask(self.dispatcher, "drain") if self.dispatcher is not None else 0
        if busy and (self._finishing is None or self._finishing is threading.current_thread()):
            self._say(f"finishing the task under way of {busy} trial(s); Ctrl-C stops now")
        return busy

    def _end_lanes(self) -> None:
        """Waits for the lanes; those that have nowhere to run are left alone, as they would wait for ever."""
        quiet = time.monotonic()
        while any(lane.is_alive() for lane in self._threads):
            states = ask(self.dispatcher, "lanes")["states"]
            if any(states.get(n) == "up" for n, lane in enumerate(self._threads) if lane.is_alive()):
                quiet = time.monotonic()
            if time.monotonic() - quiet > _END:
                return
            time.sleep(0.1)

    def _encode(self) -> None:
        base, source, root = self._base, self._source, self.folder.parent / "features"
        if not base.run.feature_cache or (frozen_backbone(base) is None and not asks_queries(base)):
            return
        from ..features.bank import open_bank
        from ..features.query_bank import open_query_bank
        from .encoding_pool import RayPool

        pool = RayPool(base.run, self.folder / "encoding", self._say)
        if asks_queries(base):
            whole = prepare(source, self._tokenizer, base.run.skip_bad)
            bank = open_query_bank(base, source, whole, root, self._say, pool)
            self._stream = bank.stream(whole)
        else:
            bank = open_bank(base, source, root, self._say, pool)
            self._stream = bank.stream(source, base.run.skip_bad)
        self._files = bank.encoded.files
        for (index, name), rows in bank.encoded.left_out.items():
            place = f"{self._source.tasks[index].name}/{name}"
            self._say(f"left out: {len(rows)} record(s) of {place} whose picture cannot be read")

    def _open_desk(self) -> None:
        """The dispatcher, which tells other sweeps what this one has and wants, and must not go with a node
        that lanes are on.
        """
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self.dispatcher = (
            ray.remote(Dispatcher)
            .options(
                name=f"{self.folder.name}-{uuid.uuid4().hex[:8]}",
                namespace=_DESKS,
                num_cpus=0,
                max_restarts=_RETURNS,
                max_concurrency=1000,
                scheduling_strategy=here,
            )
            .remote(self._jobs + self._follow_ups, living_nodes)
        )
        ask(self.dispatcher, "expect", 1)  # others are to make room for encoding too
        self._neighbours = OtherSweeps(self.dispatcher, _DESKS)
        self._watchers = [MemoryWatch(lambda: self._done), self._neighbours, SpillMonitor(self._say)]

    def _place(self) -> None:
        """Reckons how many lanes there are to be."""
        cluster = self._cluster = cluster_resources()
        self._resources = lane_resources(self._base.run, cluster.nodes)
        wanted = None if self._at_most else self._wanted
        self.lanes = lanes_that_fit(self._resources, cluster.nodes, wanted, self._jobs)
        if self._wanted is not None and self.lanes < min(self._wanted, self._jobs):
            self._say(f"{self.lanes} of {self._wanted} lane(s) fit here")
        self.lanes = min(self.lanes, self._wanted or self.lanes)
        sizes = [node["object_store_memory"] for node in cluster.nodes if "object_store_memory" in node]
        self._store_bytes = int(min(sizes, default=0))

    def _start_lanes(self) -> None:
        possible = len(self._cluster.possible)
        machines = f"; up to {possible} machine(s) may come for them" if possible else ""
        workers = self._resources.workers
        self._say(f"warming {self.lanes} lane(s) of {workers} worker(s) each{machines}")
        self._patience = _LAUNCH if possible else _PATIENCE
        self._lanes_began = time.monotonic()
        ask(self.dispatcher, "expect", self.lanes)
        for number in range(self.lanes):
            lane = Lane(number, self.dispatcher, self._resources, self.folder, self._ray.dashboard)
            self._threads.append(lane)
            lane.start()

    def _publish(self) -> None:

        for why, count in self._source.skipped.items():
            self._say(f"left out: {count} record(s): {why}")
        for line in (*self._source.remarks, *size_remarks(self._source, self._largest_memory)):
            self._say(one_line(line))
        stream = self._prepare()
        for line in (cut_captions(stream), unknown_words(stream, self._tokenizer)):
            if line:
                self._say(line)
        plan = plan_memory(
            stream,
            largest=self._largest_memory,
            store_bytes=self._store_bytes,
            seeds=self._seeds,
            stream_in=self._base.run.stream_in,
            store=self._base.replay.store,
        )
        for line in plan.explain().splitlines():
            self._say(line)
        # What a session left that died: all of it is shared anew.
        shutil.rmtree(self.folder / "shared", ignore_errors=True)
        self._store = SharedStore.start(self.folder / "shared", self._identity.run)
        handle = publish(stream, self._store, plan, _Progress(self._say), self._files)
        for place, count in handle.skipped.items():
            self._say(f"left out: {count} record(s) of {place} whose picture cannot be read")
        self._parcel = pack(handle, self._store, "handle")
        ask(self.dispatcher, "set_stream", self._parcel)

    def _prepare(self) -> Stream:
        skip_bad = self._base.run.skip_bad
        if self._stream is not None:
            return self._stream
        if frozen_backbone(self._base) is not None:
            from ..features.bank import text_features

            return prepare(self._source, text_features(self._base, self._source), skip_bad)
        return prepare(self._source, self._tokenizer, skip_bad)

    def run(
        self,
        jobs: Iterable[Job],
        on_start: Callable[[Job], None] = lambda _: None,
        on_report: Callable[[Job, dict[str, float]], None] = lambda *_: None,
        on_end: Callable[[Job, Outcome], Job | None] = lambda *_: None,
        go: Callable[[], bool] = lambda: True,
    ) -> None:
        """Runs jobs on the lanes, as many at once as there are lanes, until all have ended. Once ``go`` says
        no, none begins, and those under way stop at their next task.

        ``on_report`` hears of each finished task; ``on_end`` may answer with a job that follows from the one
        that ended.
        """
        import ray
        from ray.exceptions import ActorUnavailableError

        waiting, under_way = deque(jobs), {}

        def listen(job: Job, heard: int) -> None:
            under_way[self.dispatcher.next_report.remote(job.id, heard)] = (job, heard)

        while waiting or under_way:
            while waiting and len(under_way) < self.lanes:
                job = waiting.popleft()
                on_start(job)
                if not go():
                    break
                ask(self.dispatcher, "submit", job)
                listen(job, 0)
            if not go():
                waiting.clear()
                for job, _ in under_way.values():
                    self.abandon(job.id)
            if not under_way:
                return
            ready, _ = ray.wait(list(under_way), timeout=1.0)
            self.tick()
            if not ready:
                continue
            job, heard = under_way.pop(ready[0])
            try:
                kind, found = ray.get(ready[0])
            except ActorUnavailableError:
                kind, found = ask(self.dispatcher, "next_report", job.id, heard)
            if kind == "report":
                heard, self._done = heard + 1, self._done + 1
                on_report(job, found)
                ask(self.dispatcher, "answer", job.id, heard)
                listen(job, heard)
            elif kind == "wait":
                listen(job, heard)
            elif kind == "unknown":
                ask(self.dispatcher, "submit", job)
                listen(job, heard)
            elif (following := on_end(job, found)) is not None:
                waiting.appendleft(following)

    def tick(self) -> None:
        """Says which lanes have come up, and once a minute that none has; looks at other sweeps and at the
        object store. Call it often; it asks at most once a second.

        :class:`UserError`: none came up in five minutes, half an hour where machines have to be made first;
        while another sweep holds the cluster it goes on waiting.
        """
        if not self._look_due():
            return
        for watcher in self._watchers:
            watcher.look()
        self._keep_desk()
        if len(self._up) == self.lanes:
            return
        for lane, seconds in self.lanes_up().items():
            if lane not in self._up:
                self._up.add(lane)
                self._say(f"lane {lane + 1} is up after {seconds:.1f} s")
        waited = time.monotonic() - self._lanes_began
        shared = self._neighbours.found > 0
        if not self._up and waited > self._patience and not shared:
            why = _why_no_lane(shared)
            raise UserError(f"no lane came up within {self._patience:.0f} s ({why}): ask for less")
        if not self._up and waited > 60 * self._complaints:
            self._complaints += 1
            self._say(f"still no lane after {waited:.0f} s: {_why_no_lane(shared)}")

    def _keep_desk(self) -> None:
        """Tells a dispatcher that took the place of one that died what the driver alone knows."""
        if self._parcel is None or ask(self.dispatcher, "knows_stream"):
            return
        self._say("the dispatcher died and is back; the tasks under way begin again")
        ask(self.dispatcher, "expect", self.lanes)
        ask(self.dispatcher, "set_stream", self._parcel)
        if self._finishing is not None:
            ask(self.dispatcher, "drain")

    def report_of(self, job_id: str, task: int) -> dict[str, float] | None:
        """What a job reported after ``task`` (from 1) finished tasks; None: the dispatcher has died since,
        the one in its place was not there to hear it.
        """
        self._done += 1
        kind, found = ask(self.dispatcher, "next_report", job_id, task - 1)
        return found if kind == "report" else None

    def abandon(self, job_id: str) -> None:
        """Nobody waits for a job any more: it ends at its next task."""
        ask(self.dispatcher, "stop", job_id)

    def lanes_up(self) -> dict[int, float]:
        """Lane -> seconds from its start until its workers were ready, of the lanes that are up."""
        return ask(self.dispatcher, "lanes")["ready"]


def _why_no_lane(shared: bool) -> str:
    """Why no lane may have come up; ``shared``: other sweeps were found on the cluster."""
    if shared:
        return "other sweeps are at work"
    # Nobody else asks a Ray of one's own for anything.
    return "this machine is busy" if ray_address() is None else "its resources may be in use by others"


class _Progress:
    """Says how many pictures are in the store, at most every five seconds."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._due = Throttle(5.0, later=True)

    def __call__(self, done: int, total: int) -> None:
        if self._due():
            self._say(f"pictures read: {done} of {total}")
