"""Breaks one line at a time, in a copy of the tree, and says which broken lines no test notices.

``python benchmarks/mutants.py [WORD ...]``: the mutants of ``benchmarks/mutants/ROOM.yaml`` whose room,
file or text holds one of the words; all of them without words. Exit status 1 where one survives that is not
named as equivalent, 2 where the list is stale or a test fails before a line is broken.

A file of mutants is a list of blocks: ``file``, the ``tests`` that should notice (``skip``: without those
that have this in their name), and ``lines``, each ``[old, new]``, text of the file that is there once and
what takes its place, or ``[old, new, reason]`` where the broken line does the same, so that it is not run.

cosmic-ray finds 943 operators to break in ``metrics.py`` alone, and starts a process for each, which imports
torch and Ray. It has no operator for what goes wrong silently: another name, argument or split. Therefore the
lines are chosen by hand. The tests of each run in a process that is forked once the imports are done, about a
second each.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from compileall import compile_dir
from dataclasses import dataclass
from pathlib import Path

import yaml

_ROOT = Path(__file__).resolve().parents[1]
_LISTS = Path(__file__).with_suffix("")
_SLOW_IMPORTS = (
    *("mlflow", "open_clip", "optuna", "pandas", "pytest", "ray.tune", "timm", "torch"),
    *("tokenizers", "torchvision.transforms.v2", "transformers", "xdist.plugin"),
)
_NOT_RUN = (4, 5, 99)  # pytest's codes for a wrong command and no tests, and this script's


@dataclass(frozen=True)
class Mutant:
    """A broken line. ``old`` is text of ``file``, and ``new`` takes its place. ``tests`` are files, from the
    root of the tree; their tests with ``skip`` in their name are left out. ``reason`` says why no test can
    notice; it is empty where one must.
    """

    room: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    skip: str = ""
    reason: str = ""

    def problem(self, root: Path) -> str | None:
        """What is stale about it in the tree at ``root``; None where nothing is."""
        where = f"{self.room}.yaml: {self.file}"
        if not (root / self.file).is_file():
            return f"{where}: no such file"
        if missing := [test for test in self.tests if not (root / test).exists()]:
            return f"{where}: no such test {missing[0]}"
        whole = (root / self.file).read_text(encoding="utf-8")
        if (count := whole.count(self.old)) != 1:
            return f"{where}: {self.old!r} is found {count} times, expected once"
        try:
            compile(whole.replace(self.old, self.new), self.file, "exec")
        except SyntaxError as error:
            return f"{where}: {self.new!r} is no Python ({error.msg})"
        return f"{where}: {self.old!r} is not changed" if self.old == self.new else None

    def __str__(self) -> str:
        return f"{self.file}: {_line(self.old)} -> {_line(self.new)}"


def read_mutants(folder: Path = _LISTS) -> list[Mutant]:
    """All mutants of a folder of lists, room by room."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        for block in yaml.safe_load(path.read_text(encoding="utf-8")):
            tests = (tuple(block["tests"]), block.get("skip", ""))
            found += [
                Mutant(path.stem, block["file"], *line[:2], *tests, *line[2:]) for line in block["lines"]
            ]
    return found


class Tree:
    """A copy of this checkout in which lines are broken. ``seconds``: the time limit of a run of tests."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder = folder
        self._seconds = seconds
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=_ROOT,
            check=True,
            stdout=subprocess.PIPE,
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (_ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(_ROOT / name, folder / name)
        # Bytecode is told from stale bytecode by its source's hash: times and sizes can be the same.
        checked = py_compile.PycInvalidationMode.CHECKED_HASH
        for package in ("orchestrator", "methods"):
            compile_dir(folder / package, quiet=2, invalidation_mode=checked)

    def outcome(self, mutant: Mutant) -> str:
        """``killed``, ``survived`` or ``timed out``."""
        file = self._folder / mutant.file
        whole = file.read_text(encoding="utf-8")
        file.write_text(whole.replace(mutant.old, mutant.new), encoding="utf-8")
        try:
            passed = self.passes(mutant)
        finally:
            file.write_text(whole, encoding="utf-8")
        return {True: "survived", False: "killed", None: "timed out"}[passed]

    def passes(self, mutant: Mutant) -> bool | None:
        """Whether a mutant's tests pass in the tree as it is now; None where they take too long.

        Raises:
            RuntimeError: The tests could not be run.
        """
        child = os.fork()
        if not child:
            self._run(mutant)
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                if code in _NOT_RUN:
                    raise RuntimeError(f"{' '.join(mutant.tests)} could not be run:\n{self.said}")
                return code == 0
            time.sleep(0.05)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None

    def _run(self, mutant: Mutant) -> None:
        status = _NOT_RUN[-1]
        try:
            os.setsid()
            # A shell starts what runs in the background with Ctrl-C ignored; a test of it would fail.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.chdir(self._folder)
            os.environ |= {"PYTHONPATH": str(self._folder), "PYTHONDONTWRITEBYTECODE": "1"}
            sys.dont_write_bytecode = True
            sys.path[:] = [str(self._folder), *(p for p in sys.path if Path(p or ".").resolve() != _ROOT)]
            output = os.open(self._folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            import pytest

            import orchestrator.errors

            assert Path(orchestrator.errors.__file__).is_relative_to(self._folder)
            # pytest collects garbage ten times a run: over all that was imported it takes most of the time.
            gc.freeze()
            chosen = ["-k", f"not {mutant.skip}"] if mutant.skip else []
            options = ["-x", "-n", "0", "--assert=plain", "-p", "no:cacheprovider", *chosen]
            status = int(pytest.main([*options, *mutant.tests]))
        finally:
            os._exit(status)

    @property
    def said(self) -> str:
        """What the last run of tests printed."""
        return (self._folder / "output").read_text(encoding="utf-8", errors="replace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Breaks one line at a time and says what no test notices.")
    parser.add_argument("words", nargs="*", metavar="WORD", help="only those with it in room, file or text")
    parser.add_argument("--seconds", type=float, default=180, help="time limit of a mutant's tests (180)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """0: none survives; 1: one does; 2: they cannot be run."""
    options = _parser().parse_args(arguments)
    mutants = read_mutants()
    if stale := list(filter(None, (mutant.problem(_ROOT) for mutant in mutants))):
        print("\n".join(stale), file=sys.stderr)
        return 2
    words = options.words
    chosen = [m for m in mutants if not words or any(word in f"{m.room} {m}" for word in words)]
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as tests/conftest.py says, which comes after torch here
    for name in _SLOW_IMPORTS:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Tree(Path(folder).resolve(), options.seconds)
        for mutant in {(m.tests, m.skip): m for m in chosen if not m.reason}.values():
            if not tree.passes(mutant):
                print(f"{tree.said}\n{' '.join(mutant.tests)} fail before a line is broken", file=sys.stderr)
                return 2
        return _report(tree, chosen)


def _report(tree: Tree, mutants: Sequence[Mutant]) -> int:
    counts: dict[str, dict[str, int]] = {}
    for mutant in mutants:
        outcome = "equivalent" if mutant.reason else tree.outcome(mutant)
        room = counts.setdefault(mutant.room, {})
        room[outcome] = room.get(outcome, 0) + 1
        print(f"{outcome:10} {mutant}", flush=True)
    for room, found in counts.items():
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(found.items()))
        print(f"{room}: {sum(found.values())} tried, {told}")
    return int(any("survived" in found for found in counts.values()))


def _line(text: str) -> str:
    return " ".join(text.split()) or "(nothing)"


if __name__ == "__main__":
    sys.exit(main())
