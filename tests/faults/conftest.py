"""Sweeps as processes of their own, which a test follows by what they say and leave on disk."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from mlflow.tracking import MlflowClient

from orchestrator.storage.trial_files import tested_in

_OWN = ("method.name", "stream.name", "method.queue_size", "method.learning_rate")  # the search space's


@pytest.fixture(scope="session")
def sweep_command(small_method, small_values):
    """Name, options and changed values -> the command of a small sweep."""

    def command(name, *options, tasks=2, epochs=4, **changes):
        values = small_values("ctp", stream__tasks=tasks, method__epochs=epochs, **changes)
        kept = [f"{key}={value}" for key, value in values.items() if key not in _OWN]
        line = [sys.executable, "-m", "orchestrator.sweep", *small_method, "--name", name, *options]
        return [*line, "--set", *kept]

    return command


@pytest.fixture(scope="module")
def slow_steps(tmp_path_factory):
    """Tasks take seconds on each Ray that is started from here on: what is done to a sweep hits one. The file
    has the seconds of a step.
    """
    file = tmp_path_factory.mktemp("steps") / "seconds"
    file.write_text("0.4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALL_METHOD_PAUSE", str(file))
        yield file


@pytest.fixture(scope="session")
def start_sweep(with_tables):
    """Command, folder and environment -> a :class:`Sweep`. Those that a failed test leaves are ended."""
    started = []

    def start(command, folder, **environment):
        if "--name" in command and not (folder / "runs/mlflow.db").exists():
            with_tables(folder)
        started.append(Sweep(command, folder, **environment))
        return started[-1]

    yield start
    for sweep in started:
        sweep.kill()


@pytest.fixture(scope="session")
def sweep_here():
    """A command and a folder -> a :class:`SweepHere`."""
    return SweepHere


@pytest.fixture(scope="session")
def _left_alone(typed, with_tables, tmp_path_factory):
    """The command of a sweep -> it, and such a sweep that nothing was done to."""

    def walk(command):
        folder = with_tables(tmp_path_factory.mktemp("undisturbed"))
        done = typed(folder, *command[2:])
        assert done.returncode == 0, done.stdout + done.stderr
        return command, SweepFolder(command, folder)

    return walk


@pytest.fixture(scope="session")
def four_trials(sweep_command, _left_alone):
    """The command of a sweep of four trials, one at a time, and such a sweep that nothing was done to."""
    return _left_alone(sweep_command("s", "--trials", "4", "--concurrent", "1"))


@pytest.fixture(scope="session")
def two_trials(sweep_command, _left_alone):
    """As ``four_trials``, of two trials of three tasks."""
    return _left_alone(sweep_command("s", "--trials", "2", "--concurrent", "1", tasks=3))


class SweepFolder:
    """What a sweep left in ``folder``."""

    def __init__(self, command, folder):
        self.folder = folder
        self.run = folder / "runs" / re.search(r"--(?:name|resume) (\S+)", " ".join(command))[1]

    def trials(self):
        """(values, reports, status) of each trial, in their order."""
        found = []
        for path in self.run.glob("trials/*/trial.json"):
            trial = json.loads(path.read_text())
            lines = (path.parent / "tasks.jsonl").read_text().splitlines()
            status = json.loads((path.parent / "status.json").read_text())["status"]
            found.append((trial["number"], trial["values"], [_numbers(json.loads(x)) for x in lines], status))
        return [trial[1:] for trial in sorted(found, key=lambda trial: trial[0])]

    def tested(self):
        """What the best trial's look at the test splits found."""
        (path,) = self.run.glob("trials/*/test/metrics.json")
        return tested_in(path.parents[1])


class Followed(SweepFolder):
    """A sweep under way. ``lines``: what it said, each with the time."""

    def __init__(self, command, folder):
        super().__init__(command, folder)
        self.lines = []
        self._new = threading.Condition()

    def hear(self, line):
        with self._new:
            self.lines.append((time.monotonic(), line))
            self._new.notify_all()

    def until(self, pattern, seconds=240):
        """Waits for a line; the time at which it came."""
        deadline = time.monotonic() + seconds
        with self._new:
            while True:
                for when, line in self.lines:
                    if re.search(pattern, line):
                        return when
                left = deadline - time.monotonic()
                assert not self.ended() or left > seconds - 1, self.said
                assert left > 0, f"no line {pattern!r} in:\n{self.said}"
                self._new.wait(min(left, 1.0))

    @property
    def said(self):
        return "".join(line for _, line in self.lines)

    def assert_like(self, undisturbed):
        """It has proposed, reported and found what an undisturbed sweep did."""
        trials, expected = self.trials(), undisturbed.trials()
        assert [t[0] for t in trials] == [t[0] for t in expected], "the search proposed the same"
        for (_, reports, status), (_, known, end) in zip(trials, expected, strict=True):
            assert status == end and len(reports) == len(known)
            for report, other in zip(reports, known, strict=True):
                assert report == pytest.approx(other, rel=1e-5, abs=1e-5)
        assert self.tested() == pytest.approx(undisturbed.tested(), rel=1e-4, abs=1e-4)

    def assert_recorded(self, count, store=None):
        """MLflow, in ``store`` or the runs folder, has each of ``count`` trials once, with every task."""
        client = MlflowClient(store or f"sqlite:///{self.folder}/runs/mlflow.db")
        runs = [r for e in client.search_experiments() for r in client.search_runs([e.experiment_id])]
        trials = {r.data.tags["trial"]: r for r in runs if "mlflow.parentRunId" in r.data.tags}
        assert len(runs) == count + 1 and len(trials) == count
        for path in self.run.glob("trials/*/tasks.jsonl"):
            run = trials[path.parent.name]
            known = [json.loads(line) for line in path.read_text().splitlines()]
            history = client.get_metric_history(run.info.run_id, "validation/seen/r_mean")
            assert sorted((m.step, m.value) for m in history) == [
                (int(r["task"]), pytest.approx(r["validation/seen/r_mean"])) for r in known
            ]
            status = json.loads((path.parent / "status.json").read_text())["status"]
            assert run.data.tags["status"] == status

    def lines_of_tasks(self):
        """Trial -> its finished tasks' lines, with the clock's readings: one that was trained again would
        show.
        """
        return {path.parent.name: path.read_text() for path in self.run.glob("trials/*/tasks.jsonl")}

    def assert_kept(self, before):
        """What :meth:`lines_of_tasks` said ``before`` is still so."""
        now = self.lines_of_tasks()
        assert all(now[name].startswith(lines) for name, lines in before.items())


class Sweep(Followed):
    """One that is a process."""

    def __init__(self, command, folder, **environment):
        super().__init__(command, folder)
        folder.mkdir(exist_ok=True)
        clean = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {"RAY_ADDRESS": "local"}
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=clean | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.hear(line)

    def ended(self):
        return self.process.poll() is not None

    def end(self, seconds=300):
        """Its exit status."""
        status = self.process.wait(seconds)
        self._reader.join(2)  # its children may hold the pipe for longer
        return status

    def kill(self):
        if not self.ended():
            self.process.kill()


class SweepHere(Followed):
    """One of this process, on another Ray than the shared one. It has imported what a driver needs."""

    def __init__(self, command, folder):
        super().__init__(command, folder)
        self._command = command
        self._over, self._ending = threading.Event(), threading.Lock()
        self._wrong, self._heard = [], 0

    def ended(self):
        return self._over.is_set()

    def walk(self, typed, story, ray):
        """Walks to the end, while ``story`` runs on another thread. If that fails, the sweep gets Ctrl-C."""
        usual = os.fstat(1).st_ino
        beside = [threading.Thread(target=self._follow, args=(usual,))]
        beside += [threading.Thread(target=self._tell, args=(story,))]
        for thread in beside:
            thread.start()
        try:
            with pytest.MonkeyPatch.context() as patch:
                # All machines are this one, and find the method: tests/test_extending.py asks a machine.
                patch.setattr("orchestrator.execution.session.check_machines", lambda config: None)
                done = typed(self.folder, *self._command[2:], ray=ray)
        finally:
            with self._ending:
                self._over.set()
            for thread in beside:
                thread.join()
        self._take(done.stdout)
        assert done.returncode == 0 and not self._wrong, f"{self._wrong}\n{done.stdout}{done.stderr}"

    def _follow(self, usual):
        """Hears what it says, which goes to a file that is not the ``usual`` one."""
        while not self._over.wait(0.02):
            now = os.dup(1)
            if os.fstat(now).st_ino != usual:
                self._take(os.pread(now, 2**20, 0).decode(errors="replace"))
            os.close(now)

    def _take(self, text):
        """Hears the lines of all that it has said by now."""
        lines = text.splitlines(keepends=True)
        for line in lines[self._heard :]:
            if line.endswith("\n"):
                self.hear(line)
                self._heard += 1

    def _tell(self, story):
        try:
            story()
        except BaseException as error:  # noqa: BLE001 - it is raised where the sweep ends
            self._wrong.append(error)
            with self._ending:
                if not self._over.is_set():
                    os.kill(os.getpid(), signal.SIGINT)


def _numbers(report):
    return {k: v for k, v in report.items() if not k.startswith("seconds/")}
