"""Finds pictures in class folders on disk."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from ...errors import UserError
from ..bad_records import BadRecords
from .listed_pictures import PictureList

_JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
_PPM = (".ppm", ".pgm", ".pbm", ".pnm")
_ENDINGS = (*_JPEG, ".png", ".apng", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff", *_PPM)
_SPLIT = re.compile(
    r"(?P<before>.*[ _.-])?(?:train|training|trn|test|testing|tst|val|valid|validation|dev|eval|evaluation)"
    r"(?:[ _.-]?(?:set|data|images?|imgs?|split|\d+))*",
    re.IGNORECASE,
)
_TRAINED = re.compile(r"train|trn", re.IGNORECASE)
# Folders that systems put beside and between a user's own, for instance with thumbnails and copies of
# pictures.
_SYSTEMS = frozenset(
    ("__MACOSX", "@eaDir", "#recycle", "#snapshot", "$RECYCLE.BIN", "System Volume Information", "lost+found")
)
_SHOWN = 5


def _kinds_of(splits: list[str]) -> dict[str, set[bool]]:
    """Whether split folders are for training, by the text before the split's name. ``bullet train`` and
    ``crash test`` are not two splits of one data set; ``my_train`` and ``my_test`` are.
    """
    kinds: dict[str, set[bool]] = {}
    for split in splits:
        before = _SPLIT.fullmatch(split)["before"] or ""
        kinds.setdefault(before.lower(), set()).add(bool(_TRAINED.search(split, len(before))))
    return kinds


def class_folders(root: str, bad: BadRecords) -> tuple[list[str], list[PictureList]]:
    """Lists the class folders of ``root/{train,test}/CLASS``, or of ``root/CLASS``, and the pictures below
    them.

    Names that are composed in two ways (NFC, NFD) stand for one folder. Names that begin with a dot are
    skipped, and folders that systems make for themselves (``@eaDir``, ``__MACOSX``) are skipped, too. Links
    are followed, each folder
    once: a link that leads back up, or to a folder of the same class, adds nothing.

    Args:
        root: The data folder.
        bad: Called for a folder that cannot be listed, a link that leads nowhere, an entry that is no file,
            and a name that is not UTF-8. All of these are left out. ``bad.remarks`` gets the files that are
            skipped for their ending or lie beside the class folders.

    Returns:
        The class folders, sorted, and the pictures of train and of test, or of the one part. A picture's path
        starts at ``root``.

    Raises:
        UserError: There are no class folders; folders look like splits under other names or inside a class;
            or only one of train and test has a class. The message is one line.
    """
    walk = _Walk(root, bad)
    tops = ["train", "test"] if all(os.path.isdir(f"{root}/{top}") for top in ("train", "test")) else [""]
    below = {top: walk.folders(top) for top in tops}
    if tops == [""]:
        walk.check_no_splits(below[""])
    else:
        walk.check_same(below["train"], below["test"])
        walk.remark_others()
    names = sorted({name: spelled for top in reversed(tops) for name, spelled in below[top].items()}.values())
    if not names:
        raise UserError(f"{root}: holds no class folders, allowed: train/ and test/ with them, or them")
    parts = []
    for top in tops:
        part = PictureList([], [])
        for label, name in enumerate(names):
            spelled = below[top].get(_composed(name))
            pictures = sorted(walk.pictures(os.path.join(top, spelled))) if spelled else []
            part.paths.extend(pictures)
            part.labels.extend([label] * len(pictures))
        parts.append(part)
    if tops == [""]:
        walk.check_no_splits_inside()
    walk.remark_passed()
    return names, parts


class _Walk:
    def __init__(self, root: str, bad: BadRecords) -> None:
        self._root = root
        self._bad = bad
        self._passed: Counter[str] = Counter()
        self._inside: dict[str, list[str]] = {}
        self._beside = 0
        folder = os.path.realpath(root)
        self._above = {_key(folder)}
        while (up := os.path.dirname(folder)) != folder:
            self._above.add(_key(up))
            folder = up

    def folders(self, top: str) -> dict[str, str]:
        """Composed name -> name, for the folders right below ``top``."""
        folder = f"{self._root}/{top}".rstrip("/")
        folders_here: dict[str, str] = {}
        for entry in _listed(folder):
            kind = _kind(entry)
            if kind == "folder":
                if (other := folders_here.setdefault(_composed(entry.name), entry.name)) != entry.name:
                    raise UserError(
                        f"{folder}: holds two folders {other!r} whose names differ in how their letters are "
                        "composed alone (NFC, NFD), allowed: one"
                    )
            elif kind == "file":
                self._beside += _is_picture(entry.name)
            elif entry.is_symlink():
                self._bad(f"{folder}/{entry.name}: {kind}, allowed: a class folder", "no such file")
        return folders_here

    def check_no_splits(self, names: dict[str, str]) -> None:
        splits = [name for name in names.values() if _SPLIT.fullmatch(name) and self._holds_folders(name)]
        if splits:
            shown = ", ".join(f"{name}/" for name in sorted(splits)[:_SHOWN])
            lacks = [top for top in ("train", "test") if top not in splits]
            raise UserError(
                f"{self._root}: has {shown} with folders in {'it' if len(splits) == 1 else 'them'}, and no "
                f"{' and no '.join(f'{top}/' for top in lacks)}, allowed: train/ and test/, so called, or "
                "class folders alone"
            )

    def check_no_splits_inside(self) -> None:
        """Refuses splits inside class folders. New splits would be drawn from the test pictures, too."""
        mixed = {
            name: splits
            for name, splits in self._inside.items()
            if any(len(kinds) == 2 for kinds in _kinds_of(splits).values())
        }
        if mixed:
            name, splits = min(mixed.items())
            raise UserError(
                f"{self._root}: has {', '.join(f'{name}/{split}/' for split in sorted(splits)[:_SHOWN])}"
                f"{f' and {len(mixed) - 1} more such class folders' if len(mixed) > 1 else ''}, allowed: the "
                "splits first, train/CLASS/ and test/CLASS/, or classes without splits"
            )

    def _holds_folders(self, name: str) -> bool:
        """Whether the folder holds folders, and no pictures beside them."""
        kinds = [(_kind(entry), entry.name) for entry in _listed(f"{self._root}/{name}")]
        has_pictures = any(kind == "file" and _is_picture(file) for kind, file in kinds)
        return not has_pictures and any(kind == "folder" for kind, _ in kinds)

    def check_same(self, train: dict[str, str], test: dict[str, str]) -> None:
        more = [spelled for name, spelled in test.items() if name not in train]
        for top, own, other in (("train", train, test), ("test", test, train)):
            if other and not own:
                shown = ", ".join(sorted(other.values())[:_SHOWN])
                raise UserError(f"{self._root}/{top}: holds no class folders, allowed: {shown} ...")
        if more:
            others = f"{len(more)} folders that train/ does not have, such as " if len(more) > 1 else ""
            whose = "" if len(more) > 1 else ", which train/ does not have"
            raise UserError(
                f"{self._root}/test: has {others}{more[0]}/{whose}, allowed: train/'s class folders "
                f"({', '.join(sorted(train.values())[:_SHOWN])}{' ...' if len(train) > _SHOWN else ''})"
            )

    def remark_others(self) -> None:
        """Remarks on folders beside train/ and test/."""
        others = sorted(e.name for e in _listed(self._root) if _kind(e) == "folder")
        others = [f"{name}/" for name in others if name not in ("train", "test")]
        if others:
            self._bad.remarks.append(
                f"passed over beside train/ and test/: {', '.join(others[:_SHOWN])}"
                f"{' ...' if len(others) > _SHOWN else ''}; validation pictures are drawn from train/ "
                "(stream.validation)"
            )

    def remark_passed(self) -> None:
        """Remarks on files that lie in the class folders and beside them and are no pictures."""
        if self._passed:
            told = [f"{count} x {ending}" for ending, count in self._passed.most_common(_SHOWN)]
            rest = sum(self._passed.values()) - sum(n for _, n in self._passed.most_common(_SHOWN))
            told += [f"{rest} of other endings"] if rest else []
            self._bad.remarks.append(
                f"passed over, as their endings are no picture's: {', '.join(told)} (read: "
                f"{', '.join(_ENDINGS)})"
            )
        if self._beside:
            self._bad.remarks.append(f"passed over: {self._beside} picture(s) in no class folder")

    def pictures(self, folder: str) -> Iterator[str]:
        """The pictures below a class's folder, each file once, as paths from the root on."""
        seen = set(self._above)
        files: list[str] = []
        linked: dict[str, os.DirEntry[str]] = {}
        waiting, links = [folder], []
        while waiting or links:
            # A folder's own name counts rather than a link's.
            where = waiting.pop() if waiting else links.pop(0)
            key = _key(f"{self._root}/{where}")
            if key in seen:
                continue
            seen.add(key)
            try:
                entries = _listed(f"{self._root}/{where}")
            except UserError as error:
                self._bad(str(error), "folder cannot be read")
                continue
            for entry in entries:
                path, kind = f"{where}/{entry.name}", _kind(entry)
                if kind == "folder":
                    if where == folder and _SPLIT.fullmatch(entry.name):
                        self._inside.setdefault(folder, []).append(entry.name)
                    (links if entry.is_symlink() else waiting).append(path)
                elif kind != "file" and (entry.is_symlink() or _is_picture(entry.name)):
                    self._bad(f"{self._root}/{path}: {kind}, allowed: a file", "no such file")
                elif not _is_picture(entry.name):
                    self._passed[os.path.splitext(entry.name)[1].lower() or "no ending"] += 1
                elif not _is_utf8(path):
                    message = f"{self._root}: file name {path!r} is not UTF-8, allowed: UTF-8"
                    self._bad(message, "file name is not UTF-8")
                else:
                    if entry.is_symlink():
                        linked[path] = entry
                    else:
                        files.append(path)
        yield from files
        yield from self._new(linked, files)

    def _new(self, linked: dict[str, os.DirEntry[str]], files: list[str]) -> Iterator[str]:
        """The links that lead to a file that the class does not have by another path."""
        if not linked:
            return
        seen = {_key(f"{self._root}/{path}") for path in files}
        for path in sorted(linked):
            status = linked[path].stat()
            key = status.st_dev, status.st_ino
            if key in seen:
                message = f"{self._root}/{path}: is a link to another picture of its class"
                self._bad.pass_over(message, "link to another picture of its class")
            else:
                seen.add(key)
                yield path


def _listed(folder: str) -> list[os.DirEntry[str]]:
    """The folder's entries, sorted, without names that begin with a dot and without systems' folders."""
    try:
        with os.scandir(folder) as entries:
            kept = (e for e in entries if not e.name.startswith(".") and e.name not in _SYSTEMS)
            return sorted(kept, key=lambda e: e.name)
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror}), allowed: a folder") from None


def _kind(entry: os.DirEntry[str]) -> str:
    """``folder``, ``file``, or what the entry is instead. Only links are looked up."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
    except OSError as error:  # a link to itself, or through a folder that may not be entered
        return f"cannot be followed ({error.strerror})"
    return "is a link that leads nowhere" if entry.is_symlink() else "is no file"


def _key(path: str) -> tuple[int, int] | str:
    """A key that is equal for two paths to the same file or folder; the path itself where that cannot be
    told.
    """
    try:
        status = os.stat(path)
    except OSError:
        return path
    return status.st_dev, status.st_ino


def _is_picture(name: str) -> bool:
    return name.lower().endswith(_ENDINGS)


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
