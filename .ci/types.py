"""mypy, as a ratchet: a file may have as many errors as `.ci/types.txt` says, which has to follow.

Files that the list does not name have none. `--tighten` writes down what has shrunk, never what has grown.
"""

import argparse
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_LIST = _ROOT / ".ci/types.txt"
_HEAD = (
    "# mypy's errors in each file that has any (see .ci/types.py). They only become fewer.\n"
    "# metrics, replay, schema, search, statistics and storage are held to mypy's strict rules.\n"
)
_ERROR = re.compile(r"^(\S+?\.py):\d+: error: ", re.M)


def compare(allowed: dict[str, int], found: dict[str, int]) -> tuple[list[str], list[str]]:
    """One line for each file with more errors than it may have, one for each with fewer than listed."""
    grown = [
        f"{file}: {count} errors of mypy, allowed: at most {allowed.get(file, 0)}"
        for file, count in sorted(found.items())
        if count > allowed.get(file, 0)
    ]
    shrunk = [
        f"{file}: {found.get(file, 0)} errors of mypy, .ci/types.txt says {count}: "
        "write it down (python .ci/types.py --tighten)"
        for file, count in sorted(allowed.items())
        if found.get(file, 0) < count
    ]
    return grown, shrunk


def read(text: str) -> dict[str, int]:
    """The list: a file and its number of errors a line."""
    pairs = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {file: int(count) for file, count in pairs}


def counted(said: str) -> dict[str, int]:
    """File -> errors, from what mypy prints."""
    return Counter(_ERROR.findall(said))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tighten", action="store_true", help="write down what has become fewer")
    return parser


def main() -> int:
    """Runs mypy; returns 0 where the list is right, 1 where it is not, 2 where mypy failed."""
    tighten = _parser().parse_args().tighten
    line = [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", "--no-pretty"]
    done = subprocess.run(line, cwd=_ROOT, capture_output=True, text=True)
    if done.returncode not in (0, 1) or done.stderr:
        print(done.stdout + done.stderr, file=sys.stderr)
        return 2
    allowed, found = read(_LIST.read_text()), counted(done.stdout)
    grown, shrunk = compare(allowed, found)
    if tighten:
        left = {file: min(count, found.get(file, 0)) for file, count in allowed.items()}
        _LIST.write_text(_HEAD + "".join(f"{file} {n}\n" for file, n in sorted(left.items()) if n))
        shrunk = []
    more = {line.partition(":")[0] for line in grown}
    for line in done.stdout.splitlines():
        if line.partition(":")[0] in more:
            print(line)
    print("".join(f"{line}\n" for line in [*grown, *shrunk]), end="")
    print(f"mypy: {sum(found.values())} errors in {len(found)} files")
    return 1 if grown or shrunk else 0


if __name__ == "__main__":
    sys.exit(main())
