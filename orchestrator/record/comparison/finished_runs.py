"""Runs on disk, read for a comparison."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import UserError
from ...schema import strict_yaml
from ...schema.flatten import flatten
from ...storage.identity import IDENTITY_FILE, Identity
from ...storage.plain_name import check_plain, file_name
from ...storage.run_files import (
    CONFIG_FILE,
    JOURNAL_FILE,
    SPACE_FILE,
    SWEEP_FILE,
    TRAIN_FILE,
    TRIALS_FOLDER,
)
from ...storage.trial_files import REPORTS_FILE, STATUS_FILE, TESTED_FILE, TRIAL_FILE
from ...tracking.journal import Journal

_REQUESTS = {SWEEP_FILE: "sweep", TRAIN_FILE: "train"}
_LATEST = 1e14  # milliseconds since 1970, which is the year 5138


@dataclass(frozen=True)
class Run:
    """One trial on disk. Metrics have finite values only.

    Attributes:
        folder: The trial's folder.
        config: Dotted key -> value.
        status: How the trial ended.
        tasks: The metrics after each finished task.
        test: The test metrics; None where the test splits were not evaluated.
        kind: ``sweep``, which chooses on validation what it tests, or ``train``, which tests what it was
            given; empty where the run's folder says neither.
        ended: When the trial ended, in seconds since 1970.
        commit: The commit of the code, abbreviated, with ``+`` where files had been changed; empty where
            nobody noted it.
        content: The sha256 of the stream's content; empty in a run of an earlier version.
        chosen: The trial that the sweep chose instead once it was given more trials; empty where it chose no
            other one. Where it did, ``test`` is None, though the test results stay on disk.
    """

    folder: Path
    config: Mapping[str, Any]
    status: str
    tasks: Sequence[Mapping[str, float]]
    test: Mapping[str, float] | None
    kind: str = ""
    ended: float = 0.0
    commit: str = ""
    content: str = ""
    chosen: str = ""

    @property
    def method(self) -> str:
        return str(self.config["method.name"])

    @property
    def stream(self) -> str:
        return str(self.config["stream.name"])

    @property
    def name(self) -> str:
        """The run and the trial: ``RUN/TRIAL``."""
        return f"{self.folder.parent.parent.resolve().name}/{self.folder.name}"

    @property
    def memory(self) -> str:
        """How many samples of past tasks the trial keeps."""
        size = self.config.get("replay.size", 0)
        return f"{size}/class" if size and self.config.get("replay.budget") == "per_class" else str(size)

    def figures(self, split: str) -> Mapping[str, float]:
        """The metrics of ``test``, where it was evaluated, or of ``validation`` after the last task."""
        if split == "test":
            return self.test or {}
        last = self.tasks[-1] if self.tasks else {}
        return {name: value for name, value in last.items() if name.startswith("validation/")}


class _Noted(NamedTuple):
    """What a run's journal says of a trial."""

    commit: str
    ended: float | None


def read_runs(folder: Path) -> list[Run]:
    """Reads the trials that have ended.

    In a run with an identity, every file that is read must be the run's own.

    Args:
        folder: The runs folder, or one run's folder.

    Raises:
        UserError: There is no such folder or no run in it, or a file is missing, malformed or another run's.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the runs folder, or the folder of one run in it")
    folders = sorted([*folder.glob(TRIALS_FOLDER), *folder.glob(f"*/{TRIALS_FOLDER}")])
    if not folders:
        raise UserError(f"{folder}: no runs in it (folders NAME/trials/ID)")
    return [run for trials in folders for run in _read_trials(trials)]


def unfinished(folder: Path) -> int:
    """How many trials under ``folder``, as for :func:`read_runs`, have not ended."""
    below = f"{TRIALS_FOLDER}/*/{CONFIG_FILE}"
    configs = [*folder.glob(below), *folder.glob(f"*/{below}")]
    return sum(not (config.parent / STATUS_FILE).exists() for config in configs)


def _read_trials(trials: Path) -> list[Run]:
    ended = [status.parent for status in sorted(trials.glob(f"*/{STATUS_FILE}"))]
    if not ended:
        return []
    run_folder = trials.parent
    identity, current = _identity(run_folder)
    kind = next((kind for file, kind in _REQUESTS.items() if (run_folder / file).exists()), "")
    noted = _journal(run_folder, identity)
    runs = [_read_run(trial, identity, current, kind, noted.get(trial.name)) for trial in ended]
    return _one_choice(runs, run_folder / SPACE_FILE)


def _one_choice(runs: list[Run], space: Path) -> list[Run]:
    """The trials of a run, of which only the sweep's choice counts as tested. A sweep has a ``space``. One
    that was given more trials may have tested others, which were the best of fewer.
    """
    tested = [run for run in runs if run.test is not None]
    if len(tested) < 2 or not space.exists():
        return runs
    metric, sign = _objective(space)

    def rank(run: Run) -> tuple[bool, float, int]:  # ranks as TrialStore.best of the sweep does
        value = run.tasks[-1].get(metric)
        return value is None, sign * (value or 0.0), _number(run.folder)

    chosen = min(tested, key=rank)
    others = {run.name for run in tested if run is not chosen}
    return [replace(run, test=None, chosen=chosen.name) if run.name in others else run for run in runs]


def _objective(space: Path) -> tuple[str, int]:
    """A sweep's metric, and the sign that makes the better value the smaller one."""
    space_file, _ = strict_yaml.read(space)
    objective = space_file.get("objective") if isinstance(space_file, dict) else None
    metric, mode = (objective.get(k) for k in ("metric", "mode")) if isinstance(objective, dict) else ("", "")
    if not isinstance(metric, str) or mode not in ("max", "min"):
        raise UserError(f"{space}: has no objective; allowed: what the run wrote there")
    return metric, -1 if mode == "max" else 1


def _number(trial: Path) -> int:
    """A trial's number in its sweep; 0 in a run of an earlier version that does not have it."""
    path = trial / TRIAL_FILE
    proposal = _json(path) if path.exists() else {}
    number = proposal.get("number", 0) if isinstance(proposal, dict) else 0
    return number if type(number) is int else 0


def _identity(run: Path) -> tuple[Identity | None, bool]:
    """The run's identity, and whether its format is the present one, in which every file of the run carries
    it.
    """
    path = run / IDENTITY_FILE
    if not path.exists():
        return None, False
    content = _json(path)
    try:
        return Identity.read(json.dumps(content), str(path)), True
    except UserError:
        earlier = content if isinstance(content, dict) and "format" in content else {}
        names = [earlier.get(name) for name in ("run", "config", "stream")]
        if not all(isinstance(name, str) for name in names):
            raise
        return Identity(*names), False


def _journal(run: Path, identity: Identity | None) -> dict[str, _Noted]:
    """What the run's journal says, by trial; empty where there is no journal."""
    commits: dict[str, dict[str, None]] = {}
    ended: dict[str, float] = {}
    for record in _records(run):
        trial, tags = record.get("run"), record.get("tags")
        if record["op"] == "open" and identity is not None and record.get("key") != identity.run:
            raise UserError(f"{run / JOURNAL_FILE}: is the record of another run; allowed: the run's own")
        if not isinstance(trial, str) or not isinstance(tags, dict):
            continue
        if record["op"] == "start":
            commits.setdefault(trial, {})[_commit(tags)] = None
        elif record["op"] == "end" and _is_finite(time := record.get("time")) and abs(time) < _LATEST:
            ended[trial] = time / 1000
    # A trial that was resumed at another commit belongs to both.
    return {t: _Noted(", ".join(filter(None, commits.get(t, {}))), ended.get(t)) for t in {*commits, *ended}}


def _records(run: Path) -> list[dict[str, Any]]:
    try:
        return [record for record, _ in Journal(run).read()]
    except OSError as error:
        raise UserError(f"{run / JOURNAL_FILE}: cannot be read ({error.strerror or error})") from None


def _commit(tags: Mapping[str, Any]) -> str:
    commit = tags.get("git.commit")
    own = f"/{tags['code.own']}" if "code.own" in tags else ""  # of a method from outside
    if not isinstance(commit, str):
        return str(tags.get("version.vlcl-orchestrator", "")) + own
    return commit[:10] + ("+" if tags.get("git.dirty") == "true" else "") + own


def _read_run(folder: Path, identity: Identity | None, current: bool, kind: str, noted: _Noted | None) -> Run:
    path = folder / STATUS_FILE
    ended = _json(path)
    status = ended.get("status") if isinstance(ended, dict) else None
    if not isinstance(status, str):
        raise UserError(f'{path}: expected {{"status": TEXT}}, found {json.dumps(ended):.80}')
    flat = _config(folder / CONFIG_FILE)
    stamp = (
        _own_stamp(folder, flat, identity)
        if current and identity
        else _earlier_stamp(ended, identity, folder)
    )
    _check(path, ended, stamp)
    finished = status == "finished"
    tasks = _tasks(folder, ended) if finished else []
    path = folder / TESTED_FILE
    test = None
    if finished and path.exists():
        tested = _json(path)
        test = _numbers(path, tested)
        _check(path, tested, stamp)
    # Where no journal has the time, the file system has one: a copy that was made without its times looks
    # newer.
    time = noted.ended if noted and noted.ended is not None else (folder / STATUS_FILE).stat().st_mtime
    commit, content = noted.commit if noted else "", identity.stream if identity else ""
    return Run(folder, flat, status, tasks, test, kind, time, commit, content)


def _config(path: Path) -> dict[str, Any]:
    config, _ = strict_yaml.read(path)
    flat = flatten(config) if isinstance(config, dict) else {}
    for key in ("method.name", "stream.name", "run.seed"):
        if key not in flat:
            raise UserError(f"{path}: has no {key}")
    for key in ("method.name", "stream.name"):  # pictures are named after them
        check_plain(file_name(str(flat[key])), f"{path}: {key}")
    return flat


def _own_stamp(folder: Path, config: Mapping[str, Any], identity: Identity) -> Mapping[str, str]:
    """What the trial's files must carry. ``config.yaml`` is for people and carries nothing, but it must have
    the values that the trial was proposed with.
    """
    path = folder / TRIAL_FILE
    proposal = _json(path)
    values = proposal.get("values") if isinstance(proposal, dict) else None
    if not isinstance(values, dict):
        raise UserError(f'{path}: expected {{"values": ...}}, found {json.dumps(proposal):.80}')
    stamp = identity.stamp(folder.name, values)
    _check(path, proposal, stamp)
    for key, value in values.items():
        # a list may be proposed as text, "0, 1, 2"
        if config.get(key) != value and not (isinstance(config.get(key), list) and isinstance(value, str)):
            raise UserError(
                f"{folder / CONFIG_FILE}: says {key} {config.get(key)!r}, but the trial was proposed with "
                f"{value!r}; allowed: what the run wrote there"
            )
    return stamp


def _earlier_stamp(
    status: Mapping[str, Any], identity: Identity | None, folder: Path
) -> Mapping[str, str] | None:
    """What the files of a trial of an earlier version must carry: the stamp of its status, with this run's
    name where the run has one. None: nothing, since the earliest files carry nothing.
    """
    stamp = status.get("stamp")
    if not isinstance(stamp, dict):
        return None
    ours = {"trial": folder.name} | ({} if identity is None else {"run": identity.run})
    return stamp | ours


def _check(path: Path, content: Mapping[str, Any], stamp: Mapping[str, str] | None) -> None:
    if stamp is not None and content.get("stamp") != stamp:
        raise UserError(f"{path}: is another run's, or was changed; allowed: what the run wrote there")


def _tasks(folder: Path, status: Mapping[str, Any]) -> list[Mapping[str, float]]:
    """What the trial reported. Its status has the reports and says whose they are. A run of an earlier
    version has them in ``tasks.jsonl`` alone.
    """
    path = folder / STATUS_FILE
    if "stamp" in status:
        reports = status.get("reports")
        if not isinstance(reports, list):
            raise UserError(f"{path}: expected a list of reports, found {json.dumps(reports):.80}")
        rows = [(f"{path}, report {number}", row) for number, row in enumerate(reports, 1)]
    else:
        path = folder / REPORTS_FILE
        lines = [(f"{path}:{number}", line) for number, line in enumerate(_text(path).splitlines(), 1)]
        rows = [(where, _parsed(line, where)) for where, line in lines]
    tasks = []
    for number, (where, row) in enumerate(rows, 1):
        tasks.append(_numbers(where, row))
        if tasks[-1].get("task") != number:
            raise UserError(f'{where}: expected "task": {number}, found {tasks[-1].get("task")}')
    if not tasks:
        raise UserError(f"{path}: no finished task, though the run is finished")
    return tasks


def _json(path: Path) -> Any:
    return _parsed(_text(path), str(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error})") from None


def _numbers(where: object, content: Any) -> Mapping[str, float]:
    """The finite numbers. NaN was not measured."""
    if not isinstance(content, dict):
        raise UserError(f"{where}: expected an object of numbers, found {json.dumps(content):.80}")
    return {name: float(value) for name, value in content.items() if _is_finite(value)}


def _is_finite(value: Any) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # JSON's whole numbers may have any length
        return False
