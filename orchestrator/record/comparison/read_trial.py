"""Reads one trial that has ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...schema import strict_yaml
from ...schema.flatten import flatten
from ...storage.identity import Identity
from ...storage.plain_name import check_plain, file_name
from ...storage.run_files import CONFIG_FILE
from ...storage.trial_files import REPORTS_FILE, STATUS_FILE, TESTED_FILE, TRIAL_FILE
from .finished_run import FinishedRun
from .journal_notes import TrialNote
from .read_json import numbers, parse_json, read_json, read_text


def read_trial(
    folder: Path, identity: Identity | None, current: bool, kind: str, noted: TrialNote | None
) -> FinishedRun:
    """Reads a trial that has ended.

    Args:
        folder: The trial's folder.
        identity: The run's identity; None: it has none.
        current: Whether every file of the trial carries the identity, as in the present format.
        kind: See :class:`~orchestrator.record.comparison.finished_run.FinishedRun`.
        noted: What the run's journal says of the trial; None: nothing.

    Raises:
        UserError: A file is missing, malformed or another run's.
    """
    path = folder / STATUS_FILE
    ended = read_json(path)
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
        tested = read_json(path)
        test = numbers(path, tested)
        _check(path, tested, stamp)
    # Where no journal has the time, the file system's time counts. A copy that was made without its times
    # looks newer.
    time = noted.ended if noted and noted.ended is not None else (folder / STATUS_FILE).stat().st_mtime
    commit, arranged = noted.commit if noted else "", identity.stream if identity else ""
    content = identity.content or arranged if identity else ""
    return FinishedRun(folder, flat, status, tasks, test, kind, time, commit, content, arranged)


def _config(path: Path) -> dict[str, Any]:
    config, _ = strict_yaml.read(path)
    flat = flatten(config) if isinstance(config, dict) else {}
    for key in ("method.name", "stream.name", "run.seed"):
        if key not in flat:
            raise UserError(f"{path}: has no {key}")
    for key in ("method.name", "stream.name"):  # pictures are named after them
        check_plain(file_name(str(flat[key])), f"{path}: {key}")
    flat.pop("run.keep", None)  # the files that stay on the disk change no figure
    return flat


def _own_stamp(folder: Path, config: Mapping[str, Any], identity: Identity) -> Mapping[str, str]:
    """The stamp that the trial's files must carry. ``config.yaml`` is for people and carries none, but it
    must have the values that the trial was proposed with.
    """
    path = folder / TRIAL_FILE
    proposal = read_json(path)
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
    """The stamp that the files of a trial of an earlier version must carry: that of its status, with this
    run's name where the run has one. None: the earliest files carry no stamp.
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
    """The trial's reports. Its status has them, with the stamp. A run of an earlier version has them in
    ``tasks.jsonl`` alone.
    """
    path = folder / STATUS_FILE
    if "stamp" in status:
        reports = status.get("reports")
        if not isinstance(reports, list):
            raise UserError(f"{path}: expected a list of reports, found {json.dumps(reports):.80}")
        rows = [(f"{path}, report {number}", row) for number, row in enumerate(reports, 1)]
    else:
        path = folder / REPORTS_FILE
        lines = [(f"{path}:{number}", line) for number, line in enumerate(read_text(path).splitlines(), 1)]
        rows = [(where, parse_json(line, where)) for where, line in lines]
    tasks = []
    for number, (where, row) in enumerate(rows, 1):
        tasks.append(numbers(where, row))
        if tasks[-1].get("task") != number:
            raise UserError(f'{where}: expected "task": {number}, found {tasks[-1].get("task")}')
    if not tasks:
        raise UserError(f"{path}: no finished task, though the run is finished")
    return tasks
