"""Reads CIFAR's pickle files without running anything that they name."""

from __future__ import annotations

import os
import pickle
import pickletools
from typing import Any, BinaryIO

import numpy as np

from ...errors import UserError


def read_cifar_pickle(path: str) -> dict[str, Any]:
    """Reads a file of the published layout.

    It may have been written by Python 2 or 3 and any NumPy, so that text may be bytes. Plain objects of this
    module stand in for the few globals that an array is made of. Any other global is refused, so that a file
    can run no code.

    Returns:
        Text -> lists, numbers, text or uint8 arrays.

    Raises:
        UserError: The file is missing, cut short, malformed, or asks for another global. The message is one
            line.
    """
    try:
        with open(path, "rb") as file:
            _check_memo(file)
            top = _Reader(file, encoding="bytes").load()
            return {_text(key): _plain(value) for key, value in top.items()}
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}), allowed: a file of CIFAR-100") from None
    except Exception as error:  # the unpickler raises many types of errors on malformed bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path}: not a whole CIFAR file ({reason}), allowed: as published, train, test or meta"
        ) from None


def _check_memo(file: BinaryIO) -> None:
    """Refuses large indices. The unpickler makes room for as many objects as an index says, so that nine
    bytes can ask for 34 GB.
    """
    size = os.fstat(file.fileno()).st_size
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > size:
            raise pickle.UnpicklingError(f"it numbers an object {argument} in {size} bytes")
    file.seek(0)


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # These are made anew for each file, because a pickle can set attributes on the objects that it gets.
        stand_ins = {
            "_codecs.encode": lambda text, encoding="latin1": text.encode("latin1"),
            "numpy.ndarray": object(),
            "numpy.dtype": lambda kind, *_: _Kind(_text(kind)),
            "numpy.core.multiarray._reconstruct": lambda *_: _Array(),
            "numpy._core.multiarray._reconstruct": lambda *_: _Array(),
            "numpy.core.numeric._frombuffer": _Array.of_buffer,
            "numpy._core.numeric._frombuffer": _Array.of_buffer,
        }
        stand_in = stand_ins.get(f"{module}.{name}")
        if stand_in is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is none of an array's parts")
        return stand_in


class _Kind:
    """Stands in for a dtype."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """Ignores byte order and the like, which do not matter for single bytes."""


class _Array:
    """Stands in for an array."""

    __slots__ = ("kind", "raw", "shape", "fortran")

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.kind, self.fortran, self.raw = state

    @classmethod
    def of_buffer(cls, raw: Any, kind: Any, shape: Any, order: str, *_: Any) -> _Array:
        made = cls()
        made.__setstate__((1, shape, kind, order == "F", raw))
        return made

    def array(self) -> np.ndarray:
        if self.kind.name not in ("u1", "|u1", "uint8"):
            raise ValueError(f"it holds an array of {self.kind.name}, not of bytes")
        if not isinstance(self.raw, bytes | bytearray):
            raise ValueError("it holds an array without its bytes")
        flat = np.frombuffer(self.raw, np.uint8)
        return np.ascontiguousarray(flat.reshape(self.shape, order="F" if self.fortran else "C"))


def _text(value: Any) -> Any:
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else value


def _plain(value: Any) -> Any:
    if isinstance(value, _Array):
        return value.array()
    return [_text(item) for item in value] if isinstance(value, list) else _text(value)
