"""Standard output that nobody reads any more. No Ray is started."""

import io
import os
import sys
from contextlib import contextmanager, redirect_stdout, suppress
from importlib import import_module
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from orchestrator import sweep, train
from orchestrator.commands.arguments import run_main
from orchestrator.commands.unread import unread

_SMALL = ["stream.tasks=2", "stream.train=8", "stream.validation=4", "stream.test=4"]


def _writer(handle):
    return io.TextIOWrapper(os.fdopen(handle, "wb"), encoding="utf-8")


def _pipe():
    reading, writing = os.pipe()
    os.close(reading)
    return _writer(writing)


def _terminal():
    master, terminal = os.openpty()
    os.close(master)
    return _writer(terminal)


def _full():
    return open("/dev/full", "w")


_GONE = pytest.mark.parametrize("gone", [_pipe, _terminal, _full])


@contextmanager
def _printing_to(gone):
    """Standard output without a reader, its terminal or room. Within a test: pytest has its own before."""
    output = gone()
    try:
        with redirect_stdout(output):
            yield
    finally:
        with suppress(OSError):
            output.close()


@_GONE
def test_what_nobody_reads_is_dropped(gone):
    with _printing_to(gone):
        with unread():
            for number in range(3):
                print("a line", number, flush=True)
            print("one that is not flushed")
        with pytest.raises(OSError):
            print("a line", flush=True)


def test_what_is_read_arrives_and_standard_output_is_as_before():
    reading, writing = os.pipe()
    with (
        _writer(writing) as output,
        os.fdopen(reading, encoding="utf-8") as read,
        redirect_stdout(output),
    ):
        print("before")
        with unread():
            print("größe", flush=True)
            print("at the end")
        assert sys.stdout is output
        print("after", flush=True)
        output.close()
        assert read.read() == "before\ngröße\nat the end\nafter\n"


@_GONE
@pytest.mark.parametrize(
    ("command", "file", "name"), [(sweep, "sweep_run", "search_run"), (train, "train_run", "train_run")]
)
def test_a_run_goes_on_where_nobody_reads_its_progress(gone, command, file, name, monkeypatch, tmp_path):
    module = import_module(f"orchestrator.commands.{file}")
    said = []

    def run(*given, **_):
        for line in ("one", "two"):
            print(line, flush=True)
            said.append(line)
        return SimpleNamespace(exit_status=0)

    monkeypatch.setattr(module, name, run)
    monkeypatch.setattr("orchestrator.commands.output.Say", lambda stream: Mock(side_effect=said.append))
    monkeypatch.chdir(tmp_path)
    with _printing_to(gone):
        assert command.main(["clip-finetune", "--name", "x", "--set", *_SMALL]) == 0
    assert said[-2:] == ["one", "two"]


@pytest.mark.parametrize("text", ["größe", "\udcfc is a byte that is no letter"])
def test_a_terminal_that_cannot_show_a_letter_is_shown_another(text):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with redirect_stdout(terminal):
        with pytest.raises(UnicodeEncodeError):
            print(text, flush=True)
        with pytest.raises(SystemExit) as ended:
            run_main(lambda arguments: print(text) or 0, [])
    assert ended.value.code == 0
    assert terminal.buffer.getvalue() == text.encode("ascii", "backslashreplace") + b"\n"
