"""The hashes that .ci/run checks are of the releases that constraints.txt names."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.M)


def _releases(text):
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in _PIN.findall(text)}


def test_each_release_of_the_constraints_has_hashes_and_nothing_else_is_installed():
    hashes, bom = ((_ROOT / f".ci/{name}.txt").read_text() for name in ("hashes", "bom"))
    found = _releases(hashes)
    builds = {"setuptools"}
    constraints = _releases((_ROOT / "constraints.txt").read_text())
    assert {name: found[name] for name in found.keys() - builds} | _releases(bom) == constraints
    assert builds <= found.keys()
    both = found.keys() & _releases(bom).keys()
    assert {name: found[name] for name in both} == {name: _releases(bom)[name] for name in both}
    for block in re.split(r"^(?=\S)", hashes + bom, flags=re.M):
        if "==" in block:
            assert re.fullmatch(r"\S+ \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+", block), block[:80]


def test_the_constraints_have_none_since_pip_refuses_an_editable_install_beside_them():
    assert "--hash" not in (_ROOT / "constraints.txt").read_text()


def test_ci_installs_nothing_without_its_hash():
    script = (_ROOT / ".ci/run").read_text()
    installs = [line for line in script.splitlines() if "pip install" in line and "sed" not in line]
    *checked, asked = installs
    files = [line.split("--require-hashes -r ")[1] for line in checked]
    assert files == [".ci/hashes.txt", ".ci/bom.txt"]
    assert "--no-index --no-build-isolation" in asked


def test_what_slows_every_import_of_ray_is_in_no_environment_of_the_tests():
    """jsonschema, which Ray imports, builds a grammar of addresses in 1.5 s where it finds this."""
    assert "rfc3987-syntax" not in _releases((_ROOT / ".ci/hashes.txt").read_text())
    assert "cyclonedx" not in (_ROOT / "pyproject.toml").read_text().split("\ntest = ")[1].split("\n")[0]


def test_the_bill_of_materials_names_each_release_with_its_hashes():
    command = ["cyclonedx-py", "requirements", ".ci/hashes.txt"]
    assert f"`{' '.join(command)}`" in (_ROOT / "docs/explanation/security.md").read_text()
    if shutil.which(command[0]) is None:
        pytest.skip("cyclonedx-py is in an environment of its own, which .ci/run puts on the PATH")
    said = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    bill = json.loads(said)
    assert bill["bomFormat"] == "CycloneDX"
    hashes = (_ROOT / ".ci/hashes.txt").read_text()
    found = {part["name"]: part["version"] for part in bill["components"]}
    assert _releases("\n".join(f"{name}=={version}" for name, version in found.items())) == _releases(hashes)
    told = {
        one["content"]
        for part in bill["components"]
        for place in part["externalReferences"]
        for one in place["hashes"]
    }
    assert told == set(re.findall(r"sha256:([0-9a-f]{64})", hashes))
