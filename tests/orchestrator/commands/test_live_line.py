"""The line below a command's lines of progress. No Ray is started."""

import io
import os
from types import SimpleNamespace

import pytest

from orchestrator.commands.live_line import LiveLine
from orchestrator.commands.say import Say

pytestmark = pytest.mark.unit

_CLEAR = "\r\x1b[K"


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    return _Terminal()


def _screen(text):
    """The lines that a terminal shows in the end."""
    lines, column = [""], 0
    for part in text.replace(_CLEAR, "\r\0").split("\r"):
        if part.startswith("\0"):
            part, lines[-1] = part[1:], ""
        for number, piece in enumerate(part.split("\n")):
            if number:
                lines.append("")
            column = 0 if number or part else column
            lines[-1] = lines[-1][:column] + piece + lines[-1][column + len(piece) :]
    return lines


def test_lines_are_printed_above_it_and_none_of_it_is_left_when_it_goes(terminal):
    live = LiveLine(terminal)
    live.above("one")
    live.show("1 of 2")
    live.above("two")
    assert _screen(terminal.getvalue()) == ["one", "two", "1 of 2"]
    live.show("2 of 2")
    assert _screen(terminal.getvalue()) == ["one", "two", "2 of 2"]
    live.show("")
    live.above("three")
    assert _screen(terminal.getvalue()) == ["one", "two", "three", ""]
    assert "\x1b" not in terminal.getvalue().rpartition("three")[2]


def test_it_is_narrower_than_the_terminal(terminal):
    LiveLine(terminal).show("x" * 30)
    assert terminal.getvalue() == f"{_CLEAR}{'x' * 19}\r"


def test_its_width_is_that_of_the_stream_it_goes_to(terminal, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "os.get_terminal_size", lambda number: asked.append(number) or os.terminal_size((8, 3))
    )
    terminal.fileno = lambda: 2
    LiveLine(terminal).show("x" * 30)
    assert terminal.getvalue() == f"{_CLEAR}{'x' * 7}\r" and asked == [2]


def test_what_says_nothing_of_a_terminal_is_none():
    plain = SimpleNamespace(write=lambda text: said.append(text), flush=lambda: None)
    said = []
    live = LiveLine(plain)
    live.show("1 of 2")
    live.above("one")
    assert "".join(said) == "one\n"


def test_elsewhere_there_is_none(terminal, monkeypatch):
    plain = io.StringIO()
    live = LiveLine(plain)
    live.show("1 of 2")
    live.above("one")
    live.show("")
    assert plain.getvalue() == "one\n"
    LiveLine(terminal).show("")
    monkeypatch.setenv("TERM", "dumb")
    LiveLine(terminal).show("1 of 2")
    assert terminal.getvalue() == ""


def test_lines_of_progress_have_the_seconds_and_stand_above(terminal):
    say = Say(terminal)
    say.live.show("live")
    say("line")
    shown = _screen(terminal.getvalue())
    assert shown[0].startswith("[   0.0s] line") and shown[1:] == ["live"]
