"""Tags for the code of one's own with which a run was made."""

from __future__ import annotations

import hashlib
from pathlib import Path

from methods import registry as methods
from methods.outside import code_of

from ..config import RunConfig
from ..streams import registry as streams


def own_code_tags(config: RunConfig) -> dict[str, str]:
    """The tag ``code.own``: the first ten digits of the sha256 of the Python files of the packages around a
    method and a stream from outside. There is no tag where both are the project's own, whose commit is known.
    """
    pairs = ((methods, config.method_name), (streams, config.stream_name))
    outside = [(name, registry.get(name)) for registry, name in pairs if registry.outside(name)]
    paths = sorted({Path(path) for name, cls in outside for path in code_of(name, cls)})
    if not paths:
        return {}
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            content = file.read_bytes()
            digest.update(f"{file.relative_to(path.parent)} {len(content)}\n".encode() + content)
    return {"code.own": digest.hexdigest()[:10]}
