"""Python as an ordinary user of this machine, who can read it and the project, and nothing of root's."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

_USED = {
    "python": Path(sys.base_prefix),
    "packages": Path(sysconfig.get_path("purelib")),
    "project": Path(__file__).parents[2],
}
# Root's Python and this checkout may lie where only root may go: the user sees them in a place of its own.
_SCRIPT = """
set -e
user=$1 place=$2 python=$3 packages=$4 project=$5
shift 5
mount -t tmpfs -o mode=755 tmpfs "$place"
mkdir "$place/python" "$place/packages" "$place/project"
mount --bind "$python" "$place/python"
mount --bind "$packages" "$place/packages"
mount --bind "$project" "$place/project"
cd /
exec setpriv --reuid="$user" --regid="$user" --clear-groups "$@"
"""


def why_not() -> str | None:
    """Why there can be no other users here."""
    if os.geteuid():
        return "needs root, to become other users"
    if lacking := [tool for tool in ("setpriv", "unshare", "mount") if not shutil.which(tool)]:
        return f"needs {', '.join(lacking)}"
    mount = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    tried = subprocess.run(mount, capture_output=True, text=True)
    return f"no mounts of one's own here: {tried.stderr.strip()}" if tried.returncode else None


def start_as(user: int, code: str, *arguments: str, home: Path, **environment: str) -> subprocess.Popen:
    """Runs ``code`` with pipes for all it reads and prints. ``user``: its number, and its group's."""
    place = next(
        p for p in map(Path, ("/mnt", "/media")) if not any(p in (u, *u.parents) for u in _USED.values())
    )
    python = f"{place}/python/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
    return subprocess.Popen(
        ["unshare", "-m", "bash", "-c", _SCRIPT, "x", str(user), place, *_USED.values(), python, "-c", code]
        + list(arguments),
        env={
            "HOME": str(home),
            "PATH": f"{place}/python/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHONPATH": f"{place}/project:{place}/packages",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LD_LIBRARY_PATH": f"{place}/python/lib",
            "OMP_NUM_THREADS": "1",
        }
        | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
