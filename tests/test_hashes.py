"""The hashes that .ci/run checks are of the releases that constraints.txt names."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.M)


def _releases(text):
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in _PIN.findall(text)}


def test_each_release_of_the_constraints_has_hashes_and_nothing_else_is_installed():
    hashes = (_ROOT / ".ci/hashes.txt").read_text()
    found = _releases(hashes)
    builds = {"setuptools"}
    assert {name: found[name] for name in found.keys() - builds} == _releases(
        (_ROOT / "constraints.txt").read_text()
    )
    assert builds <= found.keys()
    for block in re.split(r"^(?=\S)", hashes, flags=re.M):
        if "==" in block:
            assert re.fullmatch(r"\S+ \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+", block), block[:80]


def test_the_constraints_have_none_since_pip_refuses_an_editable_install_beside_them():
    assert "--hash" not in (_ROOT / "constraints.txt").read_text()


def test_ci_installs_nothing_without_its_hash():
    script = (_ROOT / ".ci/run").read_text()
    installs = [line for line in script.splitlines() if "pip install" in line and "sed" not in line]
    checked, asked = installs
    assert "--require-hashes -r .ci/hashes.txt" in checked
    assert "--no-index --no-build-isolation" in asked


def test_the_bill_of_materials_names_each_release_with_its_hashes():
    command = ["cyclonedx-py", "requirements", ".ci/hashes.txt"]
    assert f"`{' '.join(command)}`" in (_ROOT / "docs/explanation/security.md").read_text()
    command[0] = shutil.which(command[0], path=str(Path(sys.executable).parent))
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
