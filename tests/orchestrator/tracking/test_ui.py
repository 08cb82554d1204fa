"""``python -m orchestrator.tracking ui``: the record for one user's browser, and for nobody else."""

import asyncio
import base64
import http.client
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import mlflow
import psutil
import pytest

from orchestrator.tracking import Tracker
from orchestrator.tracking.__main__ import main
from orchestrator.tracking.gate import Gate

_EXPERIMENT = "ctp on shapes-retrieval"
_OLD = 3 * 24 * 3600  # seconds


class _Shown:
    """A server that a user has started in ``folder``. ``link``: the one that it printed."""

    def __init__(self, folder, *arguments, **environment):
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
        self.process = psutil.Popen(
            [sys.executable, "-m", "orchestrator.tracking", "ui", *arguments],
            cwd=folder,
            env=clean | {"TMPDIR": str(self.temporary)} | environment,
            stdout=subprocess.PIPE,
            stderr=open(folder / "errors", "w"),  # noqa: SIM115 - the process has it
            text=True,
        )

    def wait_for_link(self):
        self.link = self.process.stdout.readline().strip()
        assert self.link, (self.folder / "errors").read_text()
        self.place = urlsplit(self.link)
        self.login = _basic(self.place.username, self.place.password)
        return self

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()

    def ask(self, method, path, body=None, **headers):
        """Status, body and headers of an answer; redirects are not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.place.port, timeout=60)
        content = json.dumps(body) if isinstance(body, dict) else body
        given = {"content-type": "application/json"} if isinstance(body, dict) else {}
        connection.request(method, path, content, given | headers)
        answer = connection.getresponse()
        found = answer.status, answer.read(), answer.headers
        connection.close()
        return found

    def api(self, path, body):
        """What MLflow's API answers to whoever has the password."""
        status, text, _ = self.ask("POST", f"/api/2.0/mlflow/{path}", body, authorization=self.login)
        assert status == 200, text
        return json.loads(text)


def _basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def folder(with_tables, tmp_path_factory):
    """A working folder with the record of a run ``s``."""
    folder = with_tables(tmp_path_factory.mktemp("user"))
    tracker = Tracker(folder / "runs" / "s", None, _EXPERIMENT, "s")
    tracker.start({}, {"method": "ctp"})
    tracker.text(None, "note.txt", "served")
    assert tracker.close().message == ""
    (folder / "elsewhere").mkdir()
    (folder / "linked").symlink_to("elsewhere")
    return folder


@pytest.fixture(scope="module")
def shown(folder):
    """A server that was started after another user had made MLflow's folder in the common temporary folder,
    with a link to this user's files in it.
    """
    (folder / "precious" / "old").mkdir(parents=True)
    then = time.time() - _OLD
    os.utime(folder / "precious" / "old", (then, then))
    (folder / "tmp" / "mlflow-assistant-sessions").mkdir(parents=True)
    (folder / "tmp" / "mlflow-assistant-sessions" / "sandbox-home").symlink_to(folder / "precious")
    # What a shell may have been left with.
    loose = {"MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true", "MLFLOW_SERVER_ALLOWED_HOSTS": "*"}
    shown = _Shown(folder, "runs/s", **loose)
    yield shown.wait_for_link()
    shown.kill()


def test_the_link_opens_the_comparison(shown):
    user, password = shown.place.username, shown.place.password
    assert shown.link == f"http://{user}:{password}@127.0.0.1:{shown.place.port}/login"
    assert len(password) == 32
    status, entry, headers = shown.ask("GET", shown.place.path, authorization=shown.login)
    assert status == 200 and headers["content-type"].startswith("text/html")
    page = _leads_to(entry)
    assert page.startswith("/#/experiments/")
    status, text, _ = shown.ask("GET", "/", authorization=shown.login)
    assert status == 200 and b"<title>MLflow</title>" in text
    found = shown.api("experiments/search", {"max_results": 10})["experiments"]
    (experiment,) = [e for e in found if e["name"] == _EXPERIMENT]
    assert f"/#/experiments/{experiment['experiment_id']}/runs?" in page and "viewStateShareKey=" in page
    # MLflow's own pages go by this, so that what is not for this server does not cover a third of them.
    (opened,) = re.findall(rb'localStorage.setItem\("([\w.]+)_v1", "true"\)', entry)
    scripts = (Path(mlflow.__file__).parent / "server/js/build/static/js").glob("main.*.js")
    assert any(opened in script.read_bytes() for script in scripts)


def _leads_to(entry):
    """Where the script of the first page leads, at an address without the password, because a page whose
    address has one may fetch nothing.
    """
    (path,) = re.findall(rb'location\.replace\(location\.origin \+ ("[^\n]*")\);', entry)
    return json.loads(path)


def test_the_first_page_runs_nothing_that_a_journal_names():
    page = '/#/x</script><script>alert(1)</script>"\n'
    said = []
    scope = {"type": "http", "path": "/login", "headers": [(b"authorization", b"Basic dmxjbDpw")]}

    async def send(message):
        said.append(message)

    asyncio.run(Gate(None, "p", page)(scope, None, send))
    entry = said[1]["body"]
    assert entry.count(b"</script>") == 1 and entry.count(b"<script>") == 1
    assert _leads_to(entry) == page


_DOORS = [
    ("GET", "/"),
    ("GET", "/login"),
    ("GET", "/health"),
    ("GET", "/version"),
    ("GET", "/signup"),
    ("GET", "/static-files/index.html"),
    ("GET", "/get-artifact?run_id=1&path=key"),
    ("POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=1&path=authorized_keys"),
    ("POST", "/api/2.0/mlflow/experiments/create"),
    ("POST", "/api/2.0/mlflow/users/create"),
    ("POST", "/api/2.0/mlflow/runs/search"),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/x"),
    ("GET", "/api/3.0/mlflow/server-info"),
    ("POST", "/graphql"),
    ("POST", "/v1/traces"),
    ("POST", "/gateway/x/mlflow/invocations"),
    ("POST", "/ajax-api/3.0/jobs/"),
    ("POST", "/ajax-api/3.0/mlflow/assistant/message"),
    ("OPTIONS", "/api/2.0/mlflow/experiments/create"),
    ("GET", "/nothing"),
    ("GET", "//health"),
]


@pytest.mark.parametrize(("method", "path"), _DOORS)
def test_without_the_password_every_door_is_closed(shown, method, path):
    wrong = {
        "nothing": {},
        "no password": {"authorization": _basic(shown.place.username, "")},
        "another's": {"authorization": _basic(shown.place.username, "x" * 32)},
        "another user": {"authorization": _basic("admin", shown.place.password)},
        "no scheme": {"authorization": shown.place.password},
        "a cookie": {"cookie": f"session={shown.place.password}"},
    }
    body = {"name": "theirs", "artifact_location": "file:///"} if method == "POST" else None
    for what, headers in wrong.items():
        status, text, answered = shown.ask(method, path, body, **headers)
        assert status == 401, what
        assert answered["www-authenticate"] == 'Basic realm="vlcl"' and b"mlflow" not in text.lower()


def test_nor_does_a_web_socket_open(shown):
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    status, *_ = shown.ask("GET", "/ws", **upgrade | {"sec-websocket-key": "MDEyMzQ1Njc4OWFiY2RlZg=="})
    assert status in (401, 403)

    # As a server says it that speaks it, which this one does where a package is there.
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Gate(None, "p")({"type": "websocket", "path": "/ws", "headers": []}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_the_assistant_which_runs_commands_is_away(shown):
    for method, path in (("GET", "config"), ("POST", "message")):
        path = f"/ajax-api/3.0/mlflow/assistant/{path}"
        assert shown.ask(method, path, {}, authorization=shown.login)[0] == 403


def test_nothing_was_made_by_those_who_were_refused(shown):
    names = {e["name"] for e in shown.api("experiments/search", {"max_results": 100})["experiments"]}
    assert names == {"Default", _EXPERIMENT}


def test_what_a_page_of_another_address_asks_is_refused(shown):
    """A browser sends the password along, and MLflow trusts pages of any port of this machine."""
    path, body = "/api/2.0/mlflow/experiments/search", {"max_results": 1}
    own = f"http://127.0.0.1:{shown.place.port}"
    for origin, wanted in ((own, 200), ("http://127.0.0.1:9", 403), ("http://a.test", 403), ("null", 403)):
        status, *_ = shown.ask("POST", path, body, authorization=shown.login, origin=origin)
        assert status == wanted, origin


@pytest.mark.parametrize("form", ["file://{}", "{}", "file://{}/runs/artifacts/..", "file://{}/linked"])
def test_artifacts_are_served_from_the_runs_folder_alone(shown, form):
    """That holds even for whoever has the password, which a browser sends with every request of a page in the
    record.
    """
    made = {"name": form, "artifact_location": form.format(shown.folder)}
    experiment = shown.api("experiments/create", made)["experiment_id"]
    run = shown.api("runs/create", {"experiment_id": experiment})["run"]["info"]
    place = Path(run["artifact_uri"].removeprefix("file://")) / "key"
    place.parent.mkdir(parents=True)
    place.write_text("the key")
    path = f"/get-artifact?run_id={run['run_id']}&path=key"
    status, text, _ = shown.ask("GET", path, authorization=shown.login)
    assert status >= 400 and b"the key" not in text
    path = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run['run_id']}&path=authorized_keys"
    status, text, _ = shown.ask("POST", path, "theirs", authorization=shown.login)
    assert status == 400 and b"not served; allowed: folders in" in text
    assert not list(shown.folder.rglob("authorized_keys"))


def test_those_of_the_record_are_served(shown):
    found = shown.api("experiments/search", {"max_results": 100})["experiments"]
    (experiment,) = [e["experiment_id"] for e in found if e["name"] == _EXPERIMENT]
    (run,) = shown.api("runs/search", {"experiment_ids": [experiment]})["runs"]
    path = f"/get-artifact?run_id={run['info']['run_id']}&path=note.txt"
    status, text, _ = shown.ask("GET", path, authorization=shown.login)
    assert (status, text) == (200, b"served")
    assert shown.ask("GET", path)[0] == 401


def test_it_is_one_process_on_loopback_that_tells_no_other_the_password(shown):
    process, password = shown.process, shown.place.password
    listening = [c.laddr for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert [(a.ip, a.port) for a in listening] == [("127.0.0.1", shown.place.port)]
    assert not process.children(recursive=True)
    assert password not in str(process.cmdline()) and password not in str(process.environ())
    written = [path for path in shown.folder.rglob("*") if path.is_file()]
    assert {"mlflow.db", "errors"} <= {path.name for path in written}
    assert not [path for path in written if password.encode() in path.read_bytes()]


def test_a_link_that_another_user_left_in_the_common_folder_is_not_followed(shown):
    assert (shown.folder / "precious" / "old").is_dir()


def test_ctrl_c_ends_it_and_nothing_is_left(shown):
    """The last of those that share a server."""
    before = sorted(shown.temporary.rglob("*"))
    place = ("127.0.0.1", shown.place.port)
    asked = "POST /api/2.0/mlflow/runs/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n"
    with socket.create_connection(place) as idle, socket.create_connection(place) as busy:
        idle.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")  # a browser keeps its connections
        idle.recv(100)
        # And may never end what it asks.
        busy.send(f"{asked}Authorization: {shown.login}\r\n\r\nhalf".encode())
        shown.ask("GET", "/")
        shown.process.send_signal(signal.SIGINT)
        assert shown.process.wait(30) == 130
    assert (shown.folder / "errors").read_text() == ""
    assert shown.process.stdout.read() == "Ctrl-C ends it\n"
    assert sorted(shown.temporary.rglob("*")) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", shown.place.port))


def test_without_a_run_it_opens_the_first_page_on_the_port_that_was_asked_for(folder, free_port):
    port = free_port()
    shown = _Shown(folder, "--port", str(port)).wait_for_link()
    try:
        assert shown.place.port == port
        status, entry, _ = shown.ask("GET", "/login", authorization=shown.login)
        assert status == 200 and _leads_to(entry) == "/"
        shown.process.terminate()
        assert shown.process.wait(30) == 128 + signal.SIGTERM
        assert (folder / "errors").read_text() == ""
    finally:
        shown.kill()


def test_a_terminal_that_goes_away_takes_it_along(folder):
    child, terminal = pty.fork()
    if not child:
        os.chdir(folder)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup has ignored
        os.execv(sys.executable, [sys.executable, "-m", "orchestrator.tracking", "ui"])
    process = psutil.Process(child)
    try:
        said = b""
        while b"Ctrl-C ends it\r\n" not in said:
            said += os.read(terminal, 4096)
        os.close(terminal)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    finally:
        if process.is_running():
            process.kill()


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return folder


def test_a_database_that_others_may_change_is_not_opened(here, capfd, tmp_path):
    database = tmp_path / "mlflow.db"
    database.touch()
    database.chmod(0o666)
    assert main(["ui", str(tmp_path)]) == 2
    out, error = capfd.readouterr()
    assert out == "" and error.startswith(f"error: {database}: belongs to user ") and "mode 666" in error
    assert database.stat().st_size == 0, "nothing was made of it"


def test_no_record_is_one_line(here, capfd, tmp_path):
    assert main(["ui", str(tmp_path)]) == 2
    said = f"error: {tmp_path / 'mlflow.db'}: there is no record; a sweep or train makes it\n"
    assert capfd.readouterr() == ("", said)
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken_is_one_line(here, capfd):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["ui", "--port", str(port)]) == 2
    said = f"error: --port {port}: another program has it; allowed: a free one up to 65535, 0 for any\n"
    assert capfd.readouterr() == ("", said)
    assert main(["ui", "--port", "70000"]) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.startswith("error: --port 70000: ") and err.count("\n") == 1


def test_a_record_at_a_server_is_there(here, capfd, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@mlflow.test")
    assert main(["ui", "runs/s"]) == 0
    assert capfd.readouterr() == ("the record is at https://mlflow.test (MLFLOW_TRACKING_URI)\n", "")


@pytest.mark.parametrize(("mode", "refused"), [(0o644, True), (0o640, True), (0o600, False)])
def test_the_link_goes_into_no_file_that_others_read(here, mode, refused, tmp_path):
    file = tmp_path / "out"
    file.touch(mode)
    file.chmod(mode)
    with socket.socket() as taken, open(file, "w") as out:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = ["ui", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator.tracking", *command],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and file.read_text() == ""
    assert (f"(mode {mode:o})" in done.stderr) == refused
