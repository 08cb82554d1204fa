"""What a process of a sweep imports before it is asked for anything: nothing that it does not use.

Imports are read, not made: those of a module's own lines, and of the modules that these import. What a
function imports when it is called does not count.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_MODULES = {
    ".".join(path.relative_to(_ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for top in ("orchestrator", "methods")
    for path in (_ROOT / top).rglob("*.py")
}
# Libraries that take a tenth of a second or more. Train and Tune bring pandas, pyarrow and Ray Data.
_LARGE = (
    "torch",
    *("ray", "ray.train", "ray.tune", "optuna", "mlflow", "sqlalchemy"),
    *("open_clip", "torchvision", "transformers", "timm", "huggingface_hub"),
    *("pandas", "pyarrow", "scipy", "sklearn", "matplotlib"),
)


def _lines(body):
    """The imports that are made as a module is."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If):
            hints = "TYPE_CHECKING" in ast.unparse(node.test)
            yield from _lines(node.orelse if hints else [*node.body, *node.orelse])
        elif isinstance(node, ast.Try | ast.With | ast.ClassDef):
            yield from _lines(node.body)


def _names(module):
    """What a module imports, by full names, which may go on with those of classes and functions."""
    path = _MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in _lines(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            up = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*up, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_packages(name):
    parts = name.split(".")
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


@cache
def _imports(module):
    """The modules of this project that a module imports, and names of other ones."""
    names = {part for name in _names(module) for part in _with_packages(name)}
    return names & set(_MODULES), names - set(_MODULES)


def _large(*modules):
    left, known, found = list(modules), set(), set()
    while left:
        if (module := left.pop()) not in known:
            known.add(module)
            ours, others = _imports(module)
            left += ours
            found |= others
    return found & set(_LARGE)


@pytest.mark.parametrize(
    ("process", "modules", "large"),
    [
        (
            "driver, before it starts Ray",
            "api commands.check_inputs commands.sweep_run commands.train_run",
            {"torch", "ray"},
        ),
        ("driver, where all features are kept", "features.bank", {"torch"}),
        ("dispatcher", "execution.dispatcher", {"ray"}),
        ("owner of shared arrays", "object_store.array_owner", {"ray"}),
        ("Train's controller of a lane", "execution.lane execution.process_group", {"ray", "ray.train"}),
        ("Tune's trial", "search.trainable", {"ray", "ray.tune"}),
        ("lane", "training.stream_loop training.per_task_loop evaluation.final_evaluation", {"torch"}),
    ],
)
def test_a_process_imports_no_library_that_it_does_not_use(process, modules, large):
    assert _large(*(f"orchestrator.{module}" for module in modules.split())) == large, process


def test_no_recognition_method_imports_the_encoder_that_its_features_are_of():
    methods = [module for module in _MODULES if module.startswith("methods.recognition.")]
    assert len(methods) > 10
    assert {library for module in methods for library in _large(module)} == {"torch"}


def test_what_is_imported_in_whatever_way_is_seen(monkeypatch, tmp_path):
    lines = {
        "a": "from .b import c\nif TYPE_CHECKING:\n    import optuna\nelse:\n    import scipy.stats",
        "b": "try:\n    import ray.train.torch\nexcept ImportError:\n    pass\ndef f():\n    import mlflow",
    }
    for name, text in lines.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.setitem(_MODULES, f"toy.{name}", tmp_path / f"{name}.py")
    assert _large("toy.a") == {"scipy", "ray", "ray.train"}
