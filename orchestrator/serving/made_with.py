"""Finds the releases and the code that a served model was made with and needs again."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from methods import registry as methods
from methods.outside import code_of

from ..config import RunConfig
from ..streams import registry as streams

_PROJECT = "vlcl-orchestrator"
_PACKAGES = (
    *("torch", "torchvision", "timm", "open_clip_torch", "transformers", "tokenizers", "safetensors"),
    *("numpy", "pillow", "pandas", "mlflow", _PROJECT),
)


def requirements() -> list[str]:
    """The installed releases of the packages on which an answer depends, as pip takes them. The project
    itself comes last.
    """
    packages = []
    for package in _PACKAGES:
        try:
            # A build's own label (+cu130) is on no index, and every build of a release satisfies it.
            packages.append(f"{package}=={re.sub(r'[+].*', '', version(package))}")
        except PackageNotFoundError:  # the project runs from its folder
            continue
    return packages


def own_code(config: RunConfig) -> list[str]:
    """Files and folders of a method and a stream from outside the project, which a model takes along.
    Packages that pip installed are not among them.
    """
    files: list[str] = []
    for registry, name in ((methods, config.method_name), (streams, config.stream_name)):
        if registry.outside(name):
            files += code_of(name, registry.get(name))
    installed = {"site-packages", "dist-packages"}
    return [path for path in dict.fromkeys(files) if not installed & {*Path(path).parts}]
