"""The token by which the processes of a Ray of one's own recognise each other."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable

from .ray_private import read_token_anew

_MODE, _TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"


class RayToken:
    """Puts a new token into the environment of this process, and so of those that it starts, until
    :meth:`forget`.

    Otherwise Ray would write one to ``~/.ray/auth_token``, which all may read and all later Rays would use.
    Tokens are required whatever ``$RAY_AUTH_MODE`` says.

    Args:
        say: Prints that ``$RAY_AUTH_MODE`` is not followed.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._before = {name: os.environ.get(name) for name in (_MODE, _TOKEN)}
        if (mode := self._before[_MODE] or "token").lower() != "token":
            say(f"{_MODE}={mode} is not followed: the Ray of a session asks for its token")
        self._set({_MODE: "token", _TOKEN: secrets.token_hex(32)})

    def forget(self) -> None:
        """Restores the environment."""
        self._set(self._before)

    def _set(self, values: dict[str, str | None]) -> None:
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        # Ray is imported only now, since it reads the mode when it is imported. Where it was imported
        # already, it is made to read it again.
        read_token_anew()
