"""What a cluster's machines are given of one's own code, and what is said where they lack it."""

import socket
import sys
from zipfile import ZipFile

import pytest
from own_classes import METHOD, own_package
from ray._private.runtime_env.packaging import create_package

from orchestrator.config import RunConfig
from orchestrator.execution import own_code, start_ray
from orchestrator.execution.own_code import check_machines, sent_modules


def _config(method="mypkg.mymethod:Mine", stream="mypkg.mystream:MyStream"):
    return RunConfig.from_dict({"method.name": method, "stream.name": stream})


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setattr(own_code, "ray_address", lambda: "10.0.0.1:6379")
    with own_package(tmp_path, monkeypatch) as folder:
        yield folder


def test_the_package_goes_to_a_cluster_once_and_nowhere_else(package, monkeypatch):
    assert sent_modules(_config()) == [str(package / "mypkg")]
    assert sent_modules(_config(stream="digits")) == [str(package / "mypkg")]
    assert sent_modules(_config("mma", "digits")) == []
    assert sent_modules(_config("methods.recognition.mma.method:MMA", "digits")) == []
    monkeypatch.setattr(own_code, "ray_address", lambda: None)
    assert sent_modules(_config()) == []


def test_of_a_single_file_the_file_goes_and_of_what_is_installed_nothing(package):
    (package / "one_file.py").write_text(METHOD)
    assert sent_modules(_config("one_file:Mine", "digits")) == [str(package / "one_file.py")]
    site = package / "site-packages"
    site.mkdir()
    (site / "installed_one.py").write_text(METHOD)
    sys.path.insert(0, str(site))
    assert sent_modules(_config("installed_one:Mine", "digits")) == []


def test_of_the_package_goes_all_but_what_is_hidden(package, tmp_path):
    for name in (".env", ".git/config", "__pycache__/mymethod.pyc", "part/__init__.py", "part/table.csv"):
        (package / "mypkg" / name).parent.mkdir(exist_ok=True)
        (package / "mypkg" / name).write_text("text")
    options = start_ray._joined("10.0.0.1:6379", lambda line: None, sent_modules(_config()))["runtime_env"]
    packed = tmp_path / "packed.zip"
    create_package(*options["py_modules"], packed, True, True, options["excludes"])
    names = {name for name in ZipFile(packed).namelist() if not name.endswith("/")}
    own = {path.name for path in (package / "mypkg").glob("*.py")}
    assert {"__init__.py", "mymethod.py", "mystream.py"} >= own > set()
    assert names == {f"mypkg/{name}" for name in own | {"part/__init__.py", "part/table.csv"}}


def test_a_machine_that_lacks_it_is_named(package):
    assert own_code._why_not("mypkg.mymethod:Mine", "digits") == ""
    said = own_code._why_not("mypkg.mymethod:Mine", "mypkg.gone:MyStream")
    assert said.startswith(
        f"on {socket.gethostname()}: stream 'mypkg.gone:MyStream': there is no module 'mypkg."
    )


def test_machines_are_asked_of_ones_own_code_alone(package, monkeypatch):
    monkeypatch.setattr(own_code, "living_nodes", lambda: pytest.fail("a machine is asked"))
    check_machines(_config("mma", "digits"))
    monkeypatch.setattr(own_code, "ray_address", lambda: None)
    check_machines(_config())
