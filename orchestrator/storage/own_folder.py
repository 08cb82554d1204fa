"""Whether a run's folder is the user's own, as what lies in it is gone on with."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path

from ..errors import UserError


def check_own(folder: Path) -> None:
    """Raises a one-line :class:`~orchestrator.errors.UserError` where ``folder``, or anything in it, belongs
    to another user or can be written to by others: its configurations name files to read and places to write
    to, and its checkpoints are gone on from.

    Each file is looked at once (lstat). A link of the user's own is followed: trials may lie on another disk.
    A group whose only member is the user counts as the user. Nothing is read that could run code: the pickles
    that Ray leaves are never read back.
    """
    check = _Check(folder)
    top = os.stat(folder)
    check.own(str(folder), top)
    waiting, seen = [str(folder)], {(top.st_dev, top.st_ino)}
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    found = check.entry(entry)
                    if found is not None and stat.S_ISDIR(found.st_mode):
                        key = found.st_dev, found.st_ino
                        waiting += [entry.path] if key not in seen else []
                        seen.add(key)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UserError(
                f"{place}: cannot be read ({error.strerror}); allowed: a folder of yours"
            ) from None


class _Check:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._me = os.getuid()
        self._private: dict[int, bool] = {}

    def entry(self, entry: os.DirEntry[str]) -> os.stat_result | None:
        """What an entry of a folder is, or leads to; None where it leads nowhere."""
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # a worker that is thought dead may still be at it
            return None
        if stat.S_ISLNK(found.st_mode):
            self._owner(entry.path, found)
            try:
                found = entry.stat()
            except OSError:
                return None
        self.own(entry.path, found)
        return found

    def own(self, path: str, found: os.stat_result) -> None:
        self._owner(path, found)
        who = ""
        if found.st_mode & stat.S_IWOTH:
            who = "everyone"
        elif found.st_mode & stat.S_IWGRP and not self._is_private(found.st_gid):
            who = f"group {_name(found.st_gid)}"
        if who:
            raise UserError(
                f"{path}: {who} may write to it (mode {stat.S_IMODE(found.st_mode):o}); allowed: what you "
                f"alone may change (chmod -R go-w {shlex.quote(str(self._folder))})"
            )

    def _owner(self, path: str, found: os.stat_result) -> None:
        if found.st_uid != self._me:
            raise UserError(
                f"{path}: belongs to user {found.st_uid}, not to you ({self._me}); a run is gone on with by "
                "its own user"
            )

    def _is_private(self, gid: int) -> bool:
        """Whether it is a group of the user's alone, as systems make one for each user, with umask 002."""
        if gid not in self._private:
            try:
                user, group = pwd.getpwuid(self._me), grp.getgrgid(gid)
            except KeyError:
                self._private[gid] = False
            else:
                own = user.pw_gid == gid and group.gr_name == user.pw_name
                self._private[gid] = own and set(group.gr_mem) <= {user.pw_name}
        return self._private[gid]


def _name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
