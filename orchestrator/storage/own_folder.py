"""Checks that a run's folder belongs to the user alone. A resumed run trusts the files in its folder."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path

from ..errors import UserError


def check_own(folder: Path) -> None:
    """Checks that ``folder``, and everything in it, belongs to this user and that nobody else may write to
    it.

    A run's configurations name files to read and folders to write to, and training continues from its
    checkpoints. Each file's status is read once (lstat). A link of the user's own is followed, since trials
    may lie on another disk. A group whose only member is the user counts as the user. Nothing is read that
    could run code: the pickles that Ray leaves are never read back.

    Raises:
        UserError: Something there belongs to another user, or others may write to it. The message is one
            line.
    """
    check = _Check(folder)
    top = os.stat(folder)
    check.own(str(folder), top)
    waiting, seen = [str(folder)], {(top.st_dev, top.st_ino)}
    while waiting:
        inner = waiting.pop()
        try:
            with os.scandir(inner) as entries:
                for entry in entries:
                    status = check.entry(entry)
                    if status is not None and stat.S_ISDIR(status.st_mode):
                        key = status.st_dev, status.st_ino
                        waiting += [entry.path] if key not in seen else []
                        seen.add(key)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UserError(
                f"{inner}: cannot be read ({error.strerror}); allowed: a folder of yours"
            ) from None


class _Check:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._me = os.getuid()
        self._private: dict[int, bool] = {}

    def entry(self, entry: os.DirEntry[str]) -> os.stat_result | None:
        """The status of a folder's entry, or of the target of a link. None where the link leads nowhere."""
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # a worker that is thought dead may still be writing there
            return None
        if stat.S_ISLNK(status.st_mode):
            self._owner(entry.path, status)
            try:
                status = entry.stat()
            except OSError:
                return None
        self.own(entry.path, status)
        return status

    def own(self, path: str, status: os.stat_result) -> None:
        self._owner(path, status)
        who = ""
        if status.st_mode & stat.S_IWOTH:
            who = "everyone"
        elif status.st_mode & stat.S_IWGRP and not self._is_private(status.st_gid):
            who = f"group {_name(status.st_gid)}"
        if who:
            raise UserError(
                f"{path}: {who} may write to it (mode {stat.S_IMODE(status.st_mode):o}); allowed: what you "
                f"alone may change (chmod -R go-w {shlex.quote(str(self._folder))})"
            )

    def _owner(self, path: str, status: os.stat_result) -> None:
        if status.st_uid != self._me:
            raise UserError(
                f"{path}: belongs to user {status.st_uid}, not to you ({self._me}); a run is resumed by "
                "its own user"
            )

    def _is_private(self, gid: int) -> bool:
        """Whether the user is the group's only member. Systems with umask 002 make such a group for each
        user.
        """
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
