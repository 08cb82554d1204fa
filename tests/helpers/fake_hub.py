"""A Hub on loopback, asked by the Hub's own client."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

COMMIT = "c" * 40


class FakeHub:
    """Repositories and what they hold.

    Attributes:
        files: (repository, file) -> its content. A repository is there where one of its files is.
        status: What all requests are answered with in the place of that; None: nothing is.
        silent: Set where requests are to be answered; until then they wait.
        asked: The files that were asked for, in order: ``REPOSITORY REVISION FILE``.
    """

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}
        self.status: int | None = None
        self.silent = threading.Event()
        self.silent.set()
        self.asked: list[str] = []

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        repository, resolve, rest = path.strip("/").partition("/resolve/")
        if not resolve:  # what the client asks of its own accord
            return 404, {}, b""
        revision, _, file = rest.partition("/")
        self.asked.append(f"{repository} {revision} {file}")
        self.silent.wait()
        if self.status is not None:
            return self.status, {}, b""
        if not any(place == repository for place, _ in self.files):
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        content = self.files.get((repository, file))
        if content is None:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b""
        return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{len(self.files)}-{file}"'}, content


@contextmanager
def fake_hub(cache: Path) -> Iterator[FakeHub]:
    """Within it the Hub's client, in this process, asks a :class:`FakeHub`; its cache is the empty folder
    ``cache``.
    """
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._reply(False)

        def do_GET(self) -> None:
            self._reply(True)

        def _reply(self, whole: bool) -> None:
            status, headers, content = hub.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if whole:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            point_at(patch, f"http://127.0.0.1:{server.server_port}", cache)
            yield hub
    finally:
        hub.silent.set()
        server.shutdown()
        server.server_close()


def point_at(patch: pytest.MonkeyPatch, address: str, cache: Path) -> None:
    """The Hub's client asks at an address, and has another cache."""
    patch.setattr(constants, "ENDPOINT", address)
    patch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    patch.setattr(constants, "HF_HUB_CACHE", str(cache))
    patch.setattr(constants, "HF_HUB_OFFLINE", False)


def keep(cache: Path, repository: str, files: dict[str, bytes], revision: str = "main") -> None:
    """Puts files into the Hub's cache as its client leaves them."""
    place = cache / f"models--{repository.replace('/', '--')}"
    (place / "refs").mkdir(parents=True, exist_ok=True)
    (place / "refs" / revision).write_text(COMMIT)
    for name, content in files.items():
        file = place / "snapshots" / COMMIT / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def listed(*files: str) -> bytes:
    """An index of sharded weights."""
    return json.dumps({"weight_map": {f"layer.{n}": file for n, file in enumerate(files)}}).encode()
