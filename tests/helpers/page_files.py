"""The files that a page shows."""

from __future__ import annotations

import re
from pathlib import Path

_FILE = re.compile(r"^```text\n# ([\w./]+\.(?:py|yaml))\n(.*?)^```$", re.S | re.M)


def write_files(page: Path, folder: Path) -> list[Path]:
    """Writes below ``folder`` each block of a page that begins with ``# NAME.py`` or ``# NAME.yaml``."""
    found = []
    for name, content in _FILE.findall(page.read_text(encoding="utf-8")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        found.append(path)
    return found
