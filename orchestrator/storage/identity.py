"""The identity of a run."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from .patience import patiently
from .run_files import IDENTITY_FILE

if TYPE_CHECKING:
    from .url_folder import Storage

_FORMAT = 6  # 6: the stream's content whatever its order; averages in recognition are over pictures
_MEANING = {"run": "another run", "config": "another configuration", "stream": "another stream's content"}


@dataclass(frozen=True)
class Identity:
    """The identity of a run.

    Attributes:
        run: A UUID, made when the run was made.
        config: The sha256 of the run's request.
        stream: The sha256 of the content and order of the stream's data.
        content: The sha256 of that content without its order; empty where it is not needed.
    """

    run: str
    config: str
    stream: str
    content: str = ""

    @classmethod
    def new(cls, config: str, stream: str, content: str = "") -> Identity:
        """Makes the identity of a run that begins now.

        Args:
            config: The sha256 of the run's request.
            stream: The sha256 of the content and order of the stream's data.
            content: The sha256 of that content without its order; empty where it is not needed.
        """
        return cls(uuid.uuid4().hex, config, stream, content)

    @classmethod
    def read(cls, text: str, where: str) -> Identity:
        """Reads what :meth:`text` gave.

        Args:
            text: The file's content.
            where: Where the text was found, for the error.

        Raises:
            UserError: The text is no identity, or of another format.
        """
        try:
            content = json.loads(text)
            version = content["format"]
            given = cls(content["run"], content["config"], content["stream"], content.get("content", ""))
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{where}: is no identity of a run; the run cannot be resumed") from None
        if version != _FORMAT:
            raise UserError(f"{where}: format {version}, allowed: {_FORMAT}, which this version writes")
        return given

    @classmethod
    def of(cls, folder: Path) -> Identity:
        """The identity of the run in ``folder``.

        Raises:
            UserError: The folder has none.
        """
        path = folder / IDENTITY_FILE
        if not path.exists():
            raise UserError(
                f"{folder}: has no {IDENTITY_FILE}, as a run of an earlier version; it can be compared, "
                "not resumed; see docs/howto/resume.md#when-it-is-refused"
            )
        return cls.read(path.read_text(encoding="utf-8"), str(path))

    def gone_on_with(self, folder: Path) -> Identity:
        """The identity of the run in ``folder``, which is to be resumed. This identity, which belongs to no
        run yet, says what the run must have been started with.

        Raises:
            UserError: The run was started with another request or stream. The message is one line.
        """
        kept = self.of(folder)
        kept.check(Identity(kept.run, self.config, self.stream), str(folder))
        return kept

    def text(self) -> str:
        """The content of the identity's file."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, indent=1)

    def check(self, asked: Identity, where: str) -> None:
        """Checks that ``asked`` is this identity.

        Args:
            asked: The identity that is expected.
            where: Where this one was found, for the error.

        Raises:
            UserError: The identities differ. The message names the difference and ``where``.
        """
        for name, meaning in _MEANING.items():
            here, there = getattr(self, name), getattr(asked, name)
            if here != there:
                raise UserError(
                    f"{where}: is of {meaning} ({name} {here[:12]}, not {there[:12]}); allowed: what the "
                    "run was started with"
                )

    def stamp(self, trial: str, values: Any) -> dict[str, str]:
        """The stamp that a trial's checkpoints carry.

        Args:
            trial: The trial's id.
            values: The trial's searched values.

        Returns:
            The run and the stream of this identity, the trial's id, and the sha256 of the configuration with
            ``values``.
        """
        return {
            "run": self.run,
            "stream": self.stream,
            "trial": trial,
            "config": digest({"config": self.config, "values": values}),
        }

    def claim(self, storage: Storage, *, new: bool, files: Mapping[str, str] | None = None) -> None:
        """Makes sure that ``storage`` belongs to the run.

        Args:
            storage: The run's folder at a storage.
            new: Whether the run is new. The storage then becomes the run's own.
            files: Names and texts that a new run puts into the same file. A run that had no time to put more
                there is restored from them.

        Raises:
            UserError: The storage belongs to another run, or a run that is resumed has nothing there.
        """
        if new:
            # This is one file, made whole and once. Where two runs claim the storage at the same time, only
            # one gets it.
            if patiently(lambda: _is_left(storage), storage):
                raise UserError(
                    f"{storage.url}: holds other files, or what is left of another run; allowed: an empty "
                    "folder, or another --name"
                )
            more = {"files": dict(files)} if files else {}
            text = json.dumps({**json.loads(self.text()), **more}, indent=1)
            patiently(lambda: storage.create(IDENTITY_FILE, text), storage)
        text_there = patiently(lambda: storage.read(IDENTITY_FILE), storage)
        if text_there is None:
            raise UserError(
                f"{storage.url}: holds nothing of run {self.run[:12]}; allowed: the storage that the run was "
                "started with"
            )
        where = f"{storage.url}/{IDENTITY_FILE}"
        kept = Identity.read(text_there.decode(errors="replace"), where)
        if kept.run != self.run:
            raise UserError(
                f"{storage.url}: holds another run of that name (run {kept.run[:12]}, not {self.run[:12]}); "
                "allowed: another --name, or --resume of that run where no folder has its name"
            )
        kept.check(self, where)


def _is_left(storage: Storage) -> bool:
    """Whether a storage holds files that no identity owns. A run that is refused would delete them."""
    return storage.read(IDENTITY_FILE) is None and any(True for _ in storage.names())


def digest(value: Any) -> str:
    """The sha256 of plain values (JSON's types). It does not depend on the order of their keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
