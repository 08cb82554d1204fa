"""Which tests are of which tier, in what order they are begun, and which worker of pytest-xdist runs what."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

_STARTS_RAY = re.compile(r"\bray\b|orchestrator\.(sweep|train|study)\b|Session")
_SWEEPS = re.compile(r"/test_(sweep\w*|study|doors|extending|python_page|features_session)\.py$")
_NO_RAY = re.compile("No Ray is started")  # what a file says of itself that only looks like one
_DURATIONS = Path(__file__).parents[1] / "durations.json"
_WITH_RAY, _SLOW = 600, 3600  # seconds that a test may take; pyproject.toml has those of the others


def pytest_addoption(parser):
    parser.addoption(
        "--record-durations", action="store_true", help="write what each file took to tests/durations.json"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Each test's tier, as a marker, and its time limit: the slowest of those that start Ray take some
    minutes. What took longest is begun first, so that the workers end together.
    """
    took = Counter()
    for file, seconds in _durations().items():
        if (config.rootpath / file).exists():
            took[_row(config.rootpath, file)] += seconds
    items.sort(key=lambda item: -took[_row(config.rootpath, item.nodeid)])
    for item in items:
        faults = item.path.parent.name in ("cluster", "faults")
        tier = "faults" if faults else "ray" if _starts_ray(item.path) else "unit"
        item.add_marker(tier)
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(_SLOW))
        elif tier != "unit":
            item.add_marker(pytest.mark.timeout(_WITH_RAY))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadFileScheduling

    class Rows(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return _row(config.rootpath, nodeid)

    return Rows(config, log)


def _row(root, nodeid):
    """What one worker runs, one test after the other: a file; those with two ranks, which are forks of one
    process; of those that start Ray, the clusters and faults, the whole sweeps, and the rest.
    """
    file = nodeid.split("::", 1)[0]
    if file.startswith(("tests/cluster/", "tests/faults/")):
        return "clusters and faults"
    if _SWEEPS.search(file):
        return "sweeps"
    if _starts_ray(root / file):
        return "ray"
    return "two ranks" if "on_two_ranks(" in _text(root / file) else file


def _durations():
    """File -> seconds that its tests took when they were last recorded."""
    return json.loads(_DURATIONS.read_text()) if _DURATIONS.exists() else {}


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("--record-durations"):
        return
    took = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if hasattr(report, "duration"):
                took[report.nodeid.split("::", 1)[0]] += report.duration
    found = _durations() | {file: round(seconds) for file, seconds in took.items()}
    kept = {file: seconds for file, seconds in sorted(found.items()) if (config.rootpath / file).exists()}
    _DURATIONS.write_text(json.dumps(kept, indent=0) + "\n")


@cache
def _text(file):
    return file.read_text()


@cache
def _starts_ray(file):
    return bool(_STARTS_RAY.search(_text(file))) and not _NO_RAY.search(_text(file))
