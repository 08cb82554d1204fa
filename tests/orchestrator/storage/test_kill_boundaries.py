"""A run that is killed between any two of its effects on disk, and then resumed, ends like an undisturbed
one.

Everything between the command line and the disk is the project's own, with three exceptions: Tune's loop and
the lanes are simulated in this process, one trial at a time, and a task trains nothing but makes a step of a
recurrence, so that whole sweeps take milliseconds. No Ray is started. A kill is an exception that nothing
catches, after which nothing more reaches the disk. Where nothing but the disk outlives it, most kills are
played: a run is watched, and each state of the disk that it passes through is put back and gone on from.

A walk plays one boundary of each kind. The kind is the project's lines on the stack at the effect before the
boundary and at the effect after it. Boundaries of one kind differ in the number of the trial or task alone.
The walks marked slow play all boundaries.
"""

import concurrent.futures
import functools
import json
import os
import shutil
import stat
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import ray.tune
import torch
from ray.tune.schedulers import TrialScheduler

import orchestrator
from orchestrator import sweep, train
from orchestrator.commands import sweep_run, train_run
from orchestrator.errors import UserError
from orchestrator.evaluation import final_evaluation
from orchestrator.evaluation.final_evaluation import final_evaluation as look_at_test
from orchestrator.execution import job_listener
from orchestrator.execution.job import Outcome
from orchestrator.execution.job_listener import JobListener
from orchestrator.execution.session import Session
from orchestrator.execution.trial_folder import trial_folder
from orchestrator.record import figure_worker, open_tracker
from orchestrator.search.result_keys import RUNNING, STATUS, TASK
from orchestrator.search.space import Space
from orchestrator.storage import patience
from orchestrator.storage.url_folder import Storage
from orchestrator.streams import registry
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.source import SplitSource, StreamSource, TaskSource
from orchestrator.tracking.journal import Journal
from orchestrator.tracking.sender import Sender
from orchestrator.training import stream_loop
from orchestrator.training.saved_tasks import SavedTasks
from orchestrator.training.stream_loop import StreamLoop

_TASKS, _TRIALS = 3, 2
_METRIC = "validation/average"
_CPU = torch.device("cpu")

pytestmark = pytest.mark.timeout(900)  # hundreds of runs a test
_PATCHED = ("replace", "rename", "unlink", "remove", "link")
_KILLED = 40  # every how manieth boundary is killed at, where the others' states are put back
_OWN = str(Path(orchestrator.__file__).parent)


class Kill(BaseException):
    """SIGKILL, as far as the disk can tell."""


def _site():
    """Where the project calls from: its lines on the stack, by file, function and number."""
    frame, lines = sys._getframe(1), []
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(_OWN):
            lines.append((code.co_filename, code.co_name, frame.f_lineno))
        frame = frame.f_back
    return tuple(lines)


class Disk:
    """Counts the effects on disk, and kills before effect ``at``; with ``only_worker`` only before effects of
    the lane.
    """

    def __init__(self):
        self.at, self.only_worker = None, False
        self.in_worker, self.dead = False, False
        self.count, self.sites = 0, None
        self.watch = lambda: None

    def begin(self, at=None, only_worker=False):
        self.at, self.only_worker, self.count, self.dead = at, only_worker, 0, False

    def effect(self):
        if self.dead:
            raise Kill
        due = self.at is not None and self.count >= self.at
        if due and (self.in_worker or not self.only_worker):
            self.at, self.dead = None, True
            raise Kill
        self.watch()
        self.count += 1
        if self.sites is not None:
            self.sites.append(_site())


class Loop(StreamLoop):
    """A walk in which each task is a step of a recurrence: the weights hold what the next task needs."""

    def __init__(self, config, stream, folder, reporter, **options):
        self.rank, self.ranks, self.curves = 0, 1, SimpleNamespace(rows=[])
        self.config, self.stream, self.folder, self.reporter = config, stream, folder, reporter
        kept = (options["stamp"], options["tokenizer"], options["keeper"])
        self.device, self._saved = _CPU, SavedTasks(folder, self.rank, _CPU, *kept)

    def _fresh(self):
        method = torch.nn.Linear(1, 1, bias=False).double()
        method.weight.data.fill_(self.config.run.seed + 1.0)
        memory = SimpleNamespace(load=lambda state: None, state=lambda: {"rows": np.arange(3)})
        return method, memory

    def _task(self, index, method, memory, reports):
        rate = self.config.method.learning_rate
        method.weight.data.mul_(1.1).add_(float(np.sin(1e3 * rate * (index + 1))))
        value = 50 + 10 * float(np.sin(method.weight.item())) - index
        self.curves.rows = [(index, "train", step, "loss", value + step) for step in range(2)]
        tasks = {f"validation/task_{k + 1:02d}/accuracy": value - k for k in range(index + 1)}
        report = {"task": index + 1, _METRIC: value, **tasks, "seconds/train": 0.1}
        return report, method, memory


class Lane:
    """A run's session with one lane, in this process, and its dispatcher. For ``disk`` see :class:`Disk`."""

    disk = None
    lanes, scope, beside = 1, "", None
    run, feed, drive, turn = Session.run, Session.feed, Session.drive, Session.turn

    def __init__(self, request, **options):
        self._stream = SimpleNamespace(scenario="recognition", spec=None, tasks=_tasks(request.source))
        self._reports, self._answers = {}, {}
        self.dispatcher, self.tune, self.going_on = self, None, False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def tick(self):
        pass

    finish_tasks = tick

    def listener(self, *given):
        return Listener(self, *given)

    # --- what the driver says to a dispatcher ---

    def submit(self, job, answered):
        pass

    def answer(self, job_id, task):
        self.going_on = True

    def stop(self, job_id):
        self.going_on = False

    def tell(self, trial_id, result):
        self.tune(result)

    def work(self, job, hear):
        """The job's outcome. A worker that is killed is replaced. ``hear`` answers whether to continue."""
        heard = self._reports.setdefault(job.id, [])
        while True:
            try:
                return self._attempt(job, heard, hear)
            except Kill:
                if not self.disk.only_worker:
                    raise
                self.disk.dead = False
            except patience.StorageDown as error:
                return Outcome("failed", str(error), fatal=True)

    def _attempt(self, job, heard, hear):
        # As a lane does: from its base and values, with what its folder or storage has.
        from orchestrator.config import RunConfig

        config = RunConfig.from_dict(job.base).with_values(job.values)
        with self._working(), trial_folder(job) as place:
            if job.kind == "test":
                found = look_at_test(config, self._stream, place.path, _CPU, job.stamp)
                place.keep_test()
                return Outcome("finished", metrics=found)
            reporter = SimpleNamespace(report=lambda metrics: self._report(metrics, heard, hear))
            options = {"stamp": job.stamp, "keeper": place, "tokenizer": {}}
            return Outcome(Loop(config, self._stream, place.path, reporter, **options).run())

    @contextmanager
    def _working(self):
        self.disk.in_worker = True
        try:
            yield
        finally:
            self.disk.in_worker = False

    def _report(self, metrics, heard, hear):
        # As the dispatcher does: what a replaced worker reported is not heard twice, and has its answer.
        task = int(metrics["task"])
        if task > len(heard):
            heard.append(dict(metrics))
            self.disk.in_worker = False
            try:
                self._answers[id(heard), task] = hear(metrics)
            finally:
                self.disk.in_worker = True
        return self._answers[id(heard), task]


class Listener(JobListener):
    """The driver's own, but for what it hears: a lane that has a job does it whole."""

    def _listen(self, job_id):
        pass

    def hear(self, timeout):
        if not self._followed:
            return False
        followed = next(iter(self._followed.values()))
        outcome = self._dispatcher.work(followed.job, functools.partial(self._report, followed))
        if followed.job.id in self._followed:
            self._take(followed, "end", outcome)
        return True

    def _report(self, followed, metrics):
        self._dispatcher.going_on = False
        self._take(followed, "report", metrics)
        return self._dispatcher.going_on


class Tuner:
    """Tune's loop in this process. It calls searcher, scheduler and callbacks in Tune's order."""

    lane = None

    def __init__(self, trainable, tune_config, run_config):
        self._tune, (self._callback,) = tune_config, run_config.callbacks
        self._over = []
        self._callback._end_tune = lambda *signal: self._over.append(signal)

    def fit(self):
        for number in range(self._tune.num_samples):
            proposal = self._tune.search_alg.suggest(f"tune {number}")
            if proposal is None:
                return
            trial = SimpleNamespace(trial_id=f"tune {number}", config=proposal, last_result=None)
            self._tune.scheduler.on_trial_add(None, trial)
            self.lane.tune = functools.partial(self._hear, trial)
            self._callback.on_trial_start(0, [], trial)
            self._callback.on_step_end(0, [])
            if self._over:
                return
            self._tune.search_alg.on_trial_complete(trial.trial_id, trial.last_result)
            self._callback.on_trial_complete(0, [], trial)

    def _hear(self, trial, told):
        if told[STATUS] != RUNNING:  # the trial's function returns
            assert told[STATUS] in ("finished", "stopped")
            return
        result = {**told, "training_iteration": told[TASK]}
        decision = self._tune.scheduler.on_trial_result(None, trial, result)
        if decision != TrialScheduler.STOP:
            self._tune.search_alg.on_trial_result(trial.trial_id, result)
        trial.last_result = result


@pytest.fixture
def tmp_path(tmp_path):
    """A folder in memory where that is possible: the disk is what hundreds of runs would mostly wait for."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="vlcl-walk-", dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture
def disk(monkeypatch, tmp_path):
    """A :class:`Disk` under the whole project, with everything slow replaced."""
    found = Disk()

    def counted(real):
        @functools.wraps(real)
        def call(*args, **options):
            found.effect()
            return real(*args, **options)

        return call

    for name in _PATCHED:
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(Journal, "append", counted(Journal.append))
    monkeypatch.setattr(Lane, "disk", found)
    monkeypatch.setattr(stream_loop, "StreamLoop", Loop)
    for module in (sweep_run, train_run):
        monkeypatch.setattr(module, "Session", lambda *a, **o: _keep(Lane(*a, **o)))
        monkeypatch.setattr(module, "fit_tokenizer", lambda *_: None)
    monkeypatch.setattr(
        job_listener, "ask", lambda dispatcher, call, *given: getattr(dispatcher, call)(*given)
    )
    monkeypatch.setattr(ray.tune, "Tuner", Tuner)
    monkeypatch.setattr(ray.tune, "with_parameters", functools.partial)
    monkeypatch.setattr(ray.tune, "with_resources", lambda trainable, _: trainable)
    monkeypatch.setattr(Sender, "_work", lambda self: None)
    monkeypatch.setattr(open_tracker, "environment_tags", dict)
    monkeypatch.setattr(figure_worker.FigureWorker, "_submit", _drawn_at_once)
    monkeypatch.setattr(figure_worker, "_draw_trial", _draw_trial)
    monkeypatch.setattr(figure_worker, "_draw_test", _draw_test)
    monkeypatch.setattr(patience, "_PAUSES", (0, 0))
    monkeypatch.setattr(registry.get("digits"), "load", lambda config, skip_bad: _source())
    monkeypatch.setattr(Space, "load", _space)
    # The look at test: real but for the method and its scores.
    monkeypatch.setattr(final_evaluation, "get_method", lambda name: _method)
    monkeypatch.setattr(final_evaluation, "evaluation_of", lambda *_: None)
    monkeypatch.setattr(final_evaluation, "evaluate", _evaluate)
    monkeypatch.setattr(
        final_evaluation, "summary_metrics", lambda s, n, matrix, *_: {"average": matrix[-1].mean()}
    )
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # whoever is killed leaves its copies there
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return found


_LOAD = Space.load.__func__


def _space(path, stream=None, data=None, values=None, *, method=None):
    text = Path(path).read_text() if str(path).endswith(".yaml") else path
    return _loaded(text, json.dumps([str(path), stream, data, values]), method)


@functools.cache
def _loaded(text, key, method):
    return _LOAD(Space, *json.loads(key), method=method)


def _method(config, spec):
    return torch.nn.Linear(1, 1, bias=False).double()


def _tasks(source):
    return [SimpleNamespace(task=SimpleNamespace(name=task.name)) for task in source.tasks]


def _keep(lane):
    Tuner.lane = lane
    return lane


def _evaluate(method, stream, split, *, tasks, seen, how):
    score = method.weight.item() if seen else 0.0
    by_task = np.array([score + k for k in range(tasks)])
    metrics, predictions = {"seen/accuracy": score}, {"task": np.zeros(2, int)}
    return SimpleNamespace(by_task=by_task, metrics=metrics, predictions=predictions)


def _drawn_at_once(self, draw, args):
    future = concurrent.futures.Future()
    try:
        future.set_result(draw(*args))
    except OSError as error:  # as a pool does; a kill is none
        future.set_exception(error)
    return future


def _draw_trial(folder, matrix, *_):
    (folder / "matrix.csv").write_text(str(matrix.tolist()))
    return [folder / "matrix.csv"]


def _draw_test(folder):
    (folder / "matrix.png").write_text((folder / "matrix.csv").read_text())
    return [folder / "matrix.csv", folder / "matrix.png"]


def _source():
    def split(count):
        pictures = ArrayPictures(np.zeros((count, 2, 2, 3), np.uint8))
        return SplitSource(pictures, [], np.zeros(count, np.int32), list(map(str, range(count))))

    tasks = [
        TaskSource(f"t{k}", {name: split(3) for name in ("train", "validation", "test")}, range(k, k + 1))
        for k in range(_TASKS)
    ]
    return StreamSource("digits", "recognition", 2, list("abcd"), tasks, "none", "same", templates=("{}",))


def _outcome(folder):
    """All that a run has produced, without the times."""
    trials = {}
    for place in sorted(folder.glob("trials/*")):
        reports = [json.loads(line) for line in (place / "tasks.jsonl").read_text().splitlines()]
        verdicts = place / "verdicts.json"
        tested = place / "test" / "metrics.json"
        status = _read(place / "status.json")
        trials[place.name] = {
            "trial": _read(place / "trial.json"),
            "reports": [_without_clock(report) for report in reports],
            "clock": all({"seconds/train", "seconds/checkpoint"} <= r.keys() for r in reports),
            "verdicts": _read(verdicts) if verdicts.exists() else None,
            "status": status | {"reports": [_without_clock(report) for report in status["reports"]]},
            "curves": (place / "curves.csv").read_text(),
            "test": _read(tested) if tested.exists() else None,
        }
    return trials


def _without_clock(report):
    return {name: value for name, value in report.items() if not name.startswith("seconds/")}


def _read(path):
    """A file's content without the run's UUID, which is another one in every run."""
    found = json.loads(path.read_text())
    assert set(found.pop("stamp")) == {"run", "stream", "trial", "config"}
    return found


def _checkpoints(root):
    places = sorted(root.glob("trials/*/checkpoints"))
    return {place.parent.name: sorted(path.name for path in place.iterdir()) for place in places}


def _record(folder):
    """What MLflow is told, however often: run -> metrics by step, status, files."""
    told = {}
    for record, _ in Journal(folder).read():
        run = told.setdefault(record.get("run", ""), {"metrics": {}, "status": None, "files": set()})
        if record["op"] == "metrics":
            for name, value in record["metrics"].items():
                if not name.startswith("walk/seconds/"):
                    run["metrics"].setdefault((record["step"], name), value)
        elif record["op"] == "end":
            run["status"] = record["tags"]["status"]
        elif record["op"] == "start":
            run["status"] = "running"
        elif record["op"] == "artifact":
            run["files"].add(record["path"])
    return told


_SWEEP = ["clip-finetune", "--stream", "digits", "--trials", str(_TRIALS), "--seed", "0"]
_TRAIN = ["clip-finetune", "--stream", "digits", "--seeds", "0", "1"]
_RUNS = {"sweep": (sweep.main, _SWEEP), "train": (train.main, _TRAIN)}


class Run:
    """One command, with or without a storage at ``url``. It is killed as ``disk`` says, and resumed until it
    has ended.
    """

    def __init__(self, disk, kind, root, stored):
        self.main, self._first = _RUNS[kind]
        self.disk, self.root = disk, root
        self.folder = root / "runs" / "s"
        self.there = root / "store" / "s"
        self._url = ["--storage", f"file://{root}/store"] if stored else []

    def clear(self):
        for place in (self.root / "runs", self.root / "store"):
            shutil.rmtree(place, ignore_errors=True)

    def begin(self):
        return self.main([*self._first, "--name", "s", *self._url])

    def resume(self):
        return self.main(["--resume", "s", *self._url])

    def states(self, *places):
        """The states of the disk, in ``runs``, ``store`` or both, that a run passes through which nobody
        disturbs. Each comes once, as (number of the first effect before which it is there, state).
        """
        found = []

        def look():
            state = {}
            for place in places:
                for folder, _, files in os.walk(self.root / place):
                    state[folder] = os.lstat(folder).st_mode, b""
                    for path in (f"{folder}/{name}" for name in files):
                        state[path] = os.lstat(path).st_mode, Path(path).read_bytes()
            if not found or state != found[-1][1]:
                found.append((self.disk.count, state))

        self._watched(look)
        look()
        return found

    def worker_effects(self):
        """The numbers of the effects that the lane has."""
        found = []
        self._watched(lambda: found.append(self.disk.count) if self.disk.in_worker else None)
        return found

    def _watched(self, watch):
        self.clear()
        self.disk.begin()
        self.disk.watch, self.disk.sites = watch, []
        assert self.begin() == 0
        self.disk.watch, self._sites, self.disk.sites = lambda: None, self.disk.sites, None

    def kind(self, at):
        """The kind of the boundary before effect ``at``, of the run that was watched."""
        return self._sites[at - 1] if at else None, self._sites[at] if at < len(self._sites) else None

    def put_back(self, state):
        self.clear()
        self.disk.begin()
        for path, (mode, content) in state.items():
            if stat.S_ISDIR(mode):
                os.mkdir(path)
            else:
                assert stat.S_ISREG(mode)
                Path(path).write_bytes(content)
            os.chmod(path, stat.S_IMODE(mode))

    def go_on(self, begun):
        """Resumes the run where it has ``begun`` and else begins it again, as a user does whose command was
        killed before there was a run.
        """
        if begun:
            return self.resume()
        shutil.rmtree(self.root / "store", ignore_errors=True)
        return self.begin()

    def found(self):
        kept = self.there if self._url else self.folder
        return _outcome(self.folder), _record(self.folder), _checkpoints(kept)


@pytest.fixture(scope="module")
def ends():
    """What the runs that nobody disturbed ended with: one that several tests compare with is made once."""
    return {}


@pytest.fixture
def undisturbed(request, disk, tmp_path, ends):
    kind, stored = request.param
    run = Run(disk, kind, tmp_path, stored)
    if (kind, stored) in ends:
        return run, *ends[kind, stored]
    disk.begin()
    assert run.begin() == 0
    (found, record, kept), effects = run.found(), disk.count
    assert len(found) == (_TRIALS if kind == "sweep" else 2) and effects > 40
    assert sum(bool(trial["test"]) for trial in found.values()) == (1 if kind == "sweep" else 2)
    if kind == "sweep":
        assert {t["status"]["status"] for t in found.values()} == {"finished", "stopped"}, "both are walked"
    ends[kind, stored] = (found, record, kept), effects
    return run, *ends[kind, stored]


_KINDS = pytest.mark.parametrize(
    "undisturbed",
    [("sweep", False), ("sweep", True), ("train", False), ("train", True)],
    ids=["sweep", "stored-sweep", "train", "stored-train"],
    indirect=True,
)


@pytest.fixture(params=["kinds", pytest.param("all", marks=pytest.mark.slow)])
def played(request):
    """What is walked, and the kind of one of these -> what is played. Of kind number i its occurrence number
    i is played, modulo how many it has: each task and trial has its turn.
    """

    def choose(walked, kind):
        if request.param == "all":
            return walked
        by_kind = {}
        for one in walked:
            by_kind.setdefault(kind(one), []).append(one)
        return [its[number % len(its)] for number, its in enumerate(by_kind.values())]

    return choose


def _assert_same(found, expected, when):
    for part, other in zip(found, expected, strict=True):
        assert part.keys() == other.keys(), when
        for name in part:
            assert part[name] == other[name], f"{when}: {name!r}"


@_KINDS
def test_a_driver_killed_at_any_boundary(undisturbed, played, capsys):
    run, expected, effects = undisturbed
    *states, (ended, _) = run.states("runs", "store")
    assert ended == effects and len(states) > 40
    states = played(states, lambda found: run.kind(found[0]))
    for at in range(0, effects, _KILLED):
        run.clear()
        run.disk.begin(at)
        with pytest.raises(Kill):
            run.begin()
        run.disk.begin()
        assert run.go_on(run.folder.exists()) == 0, (at, capsys.readouterr())
        _assert_same(run.found(), expected, f"killed before effect {at} of {effects}")
    for at, state in states:
        run.put_back(state)
        assert run.go_on(run.folder.exists()) == 0, (at, capsys.readouterr())
        _assert_same(run.found(), expected, f"gone on from before effect {at} of {effects}")
    print(f"{effects} boundaries, {len(states)} states")


@pytest.mark.parametrize(
    "undisturbed", [("sweep", True), ("train", True)], ids=["sweep", "train"], indirect=True
)
def test_a_machine_that_is_gone_at_any_boundary(undisturbed, played, capsys):
    run, expected, effects = undisturbed
    states = run.states("store")
    assert len(states) > 30
    states = played(states, lambda found: run.kind(found[0]))
    for at in range(0, effects, _KILLED):
        run.clear()
        run.disk.begin(at)
        with pytest.raises(Kill):
            run.begin()
        run.disk.begin()
        shutil.rmtree(run.root / "runs", ignore_errors=True)
        assert run.go_on((run.there / "identity.json").exists()) == 0, (at, capsys.readouterr())
        _assert_same(run.found(), expected, f"gone before effect {at} of {effects}")
    for at, state in states:
        run.put_back(state)
        assert run.go_on((run.there / "identity.json").exists()) == 0, (at, capsys.readouterr())
        _assert_same(run.found(), expected, f"gone on from before effect {at} of {effects}")
    print(f"{effects} boundaries, {len(states)} states of the storage")


@pytest.fixture
def outage(monkeypatch):
    """A storage that answers nothing for ``lasts`` calls from its call number ``after`` on (None: it answers
    all).
    """
    found = SimpleNamespace(after=None, lasts=0, calls=0, checked=0, sites=[])
    check = Storage.check

    def checking(self):
        try:
            return check(self)
        finally:
            found.checked = found.calls

    monkeypatch.setattr(Storage, "check", checking)

    def counted(real):
        @functools.wraps(real)
        def call(*args, **options):
            found.calls += 1
            if found.after is None:
                found.sites.append(_site())
            if found.after is not None and found.after < found.calls <= found.after + found.lasts:
                raise ConnectionError("no route to host")
            return real(*args, **options)

        return call

    for name in ("put", "write", "create", "read", "get", "names", "delete"):
        monkeypatch.setattr(Storage, name, counted(getattr(Storage, name)))
    return found


@pytest.mark.parametrize("lasts", [1, 10**6], ids=["a moment", "for good"])
@pytest.mark.parametrize(
    "undisturbed", [("sweep", True), ("train", True)], ids=["sweep", "train"], indirect=True
)
def test_a_storage_that_is_out_of_reach_from_any_call_on(undisturbed, outage, lasts, played, capsys):
    run, expected, _ = undisturbed
    run.clear()
    run.disk.begin()
    outage.calls, outage.sites = 0, []
    assert run.begin() == 0
    calls, checked, sites = outage.calls, outage.checked, list(outage.sites)
    for after in played(range(calls), sites.__getitem__):
        run.clear()
        run.disk.begin()
        outage.calls, outage.after, outage.lasts = 0, after, lasts
        status = _with_an_outage(run.begin)
        outage.after = None
        if status is None and not run.folder.exists():  # no storage is waited for before the run is begun
            assert lasts > 1 or after < checked, "a call that is waited for"
            status = run.go_on(False)
        elif lasts == 1:
            assert status == 0, "a moment is waited for"
        else:
            status = run.go_on(run.folder.exists())
        assert status == 0, (after, capsys.readouterr())
        _assert_same(run.found(), expected, f"out of reach from call {after} of {calls} on")


def _with_an_outage(command):
    try:
        return command()
    except UserError as error:  # it is said in one line before anything is begun
        assert "no route to host" in str(error)
        return None


@_KINDS
def test_a_worker_killed_at_any_boundary(undisturbed, played, capsys):
    run, expected, effects = undisturbed
    its = run.worker_effects()
    assert len(its) >= 2 * _TASKS
    its = played(its, run.kind)
    for at in its:
        run.clear()
        run.disk.begin(at, only_worker=True)
        assert run.begin() == 0, (at, capsys.readouterr())
        _assert_same(run.found(), expected, f"worker killed at effect {at} of {effects}")
    print(f"{len(its)} boundaries")


def test_a_sweep_that_grows_has_the_proposals_and_numbers_of_one_that_began_as_long(disk, tmp_path):
    """But for the look at test that the shorter one had."""
    found = {}
    for name, lengths in (("long", [9]), ("grown", [3, 4, 9])):
        for length in lengths:
            begun = (tmp_path / "runs" / name).exists()
            line = ["--resume", name] if begun else [*_SWEEP[:3], "--seed", "0", "--name", name]
            assert sweep.main([*line, "--trials", str(length)]) == 0
        found[name] = _outcome(tmp_path / "runs" / name)
        assert len(found[name]) == 9
    tested = {name: [t for t, trial in trials.items() if trial.pop("test")] for name, trials in found.items()}
    assert len(tested["long"]) == 1 and set(tested["long"]) <= set(tested["grown"])
    _assert_same(found["grown"].values(), found["long"].values(), "grown")
