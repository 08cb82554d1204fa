"""Who may rename what lies in a folder."""

import os
from types import SimpleNamespace

import pytest

from orchestrator.storage import movable
from orchestrator.storage.movable import movable_by


@pytest.fixture
def home(base):
    """A folder that all may enter, above which nobody else may write."""
    base.chmod(0o755)
    return base


def _made(home, *names_and_modes):
    for name, mode in names_and_modes:
        home = home / name
        home.mkdir()
        home.chmod(mode)
    return home


def test_a_folder_that_others_may_write_to_is_safe_with_the_sticky_bit_or_behind_a_closed_one(home):
    assert movable_by(_made(home, ("plain", 0o755))) is None
    assert movable_by(_made(home, ("sticky", 0o1777))) is None
    for mode in (0o777, 0o775, 0o757):
        place = _made(home, (f"open-{mode:o}", mode))
        assert movable_by(place) == f"others may rename what lies in {place} (mode {mode:o})"
        below = _made(place, ("below", 0o700))
        assert movable_by(below) == movable_by(place), "it may be moved away itself"
    assert movable_by(_made(home, ("closed", 0o700), ("session", 0o777))) is None
    assert movable_by(_made(home, ("entered", 0o711), ("session", 0o777))) is not None


def test_a_folder_of_another_user_is_not_safe_though_it_has_the_sticky_bit(home):
    if os.getuid():
        pytest.skip("giving a folder to another user needs root")
    place = _made(home, ("theirs", 0o1777))
    os.chown(place, 65001, 65001)
    assert movable_by(place) == f"{place} is user 65001's, who may rename what lies there"
    assert movable_by(_made(place, ("below", 0o700))) == movable_by(place)


def test_whoever_owns_the_root_folder_is_trusted_as_root_is(home, monkeypatch):
    """A user namespace that does not know root shows another user in its place."""
    if os.getuid():
        pytest.skip("giving a folder to another user needs root")
    place = _made(home, ("tmp", 0o1777))
    os.chown(place, 65534, 65534)
    assert movable_by(place) is not None
    found = SimpleNamespace(getuid=lambda: 0, stat=lambda path: {"/": SimpleNamespace(st_uid=65534)}[path])
    monkeypatch.setattr(movable, "os", found)
    assert movable_by(place) is None
