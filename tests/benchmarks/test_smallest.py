"""Every benchmark runs at its smallest setting. What it measures is not looked at.

Those that start Ray or train for long are run by ``pytest -m slow``, each as its own process. Here their
calls are held against what they call. No Ray is started.
"""

import ast
import importlib.util
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FILES = sorted((_ROOT / "benchmarks").glob("*.py"))
_TINY = "method.epochs=1 stream.tasks=2 stream.train=2 stream.validation=1 stream.test=1"
_NARROW = "method.backbone.width=16 method.backbone.heads=2 method.backbone.ff=16 method.backbone.layers=1"
_HERE = {
    "blind_guess": "--seeds 0 --train 2 --test 2",
    "clap_step": "--batch 2 --width 8 --classes 4 --tasks 2 --samples 2 --templates 2 --steps 1",
    "ctp_world": "--methods finetune ctp --trials 1 --pairs 1 2 --set method.epochs=1 stream.tasks=2 "
    "stream.train=4 stream.validation=4 stream.test=4 stream.query=1 stream.gallery=6",
    "failed_trials": "--trials 5 --searches 2",
    "herding": "--rows 200 --width 8 --classes 2",
    "interval_coverage": "--studies 2 --resamples 20",
    "mma_step": "--batch 2 --width 8 --classes 3 --steps 1",
    "query_bank": "--tasks 1 --train 1 --epochs 1",
    "region_reading": "--pictures 8 --batch 2 --steps 1",
    "search_plan": "--trials 3 --repeats 2",
    "stopping": "no-runs --sweeps 1",
    "study_power": "--studies 1",
    "triplet_forgetting": f"--seeds 0 --set {_TINY}",
    "vqacl_prototypes": f"--seeds 0 --set {_TINY} {_NARROW}",
    "vqacl_retrieval": "--train 3 --test 2",
    "vqacl_world": f"--rows er oracle --pairs 0 --set method.learning_rate=1e-3 {_TINY} {_NARROW}",
}
_APART = {
    "ctp_step": "--batch 2 --steps 1",
    "feature_bank": "--trials 1 --model small --train 1 --epochs 1 --pictures 64",
    "first_task": "--set method.epochs=1 stream.tasks=2 stream.train=32 stream.validation=4 stream.test=4",
    "larger_than_store": "--times 0.05 --step 0",
    "many_trials": "--trials 3",
    "mutants": "VIEWS_SEED",
    "overhead": "--trials 1 --epochs 0",
    "replay_readers": "--pictures 130 --readers 2",
}
# What others import.
_SHARED = {"walked", "emoji_folders", "emoji_packages", "released_code", "released_ledger"}
_SHARED |= {
    f"{what}_{method}" for what in ("released", "arrays") for method in ("clap4clip", "ctp", "mma", "vqacl")
}
_ELSEWHERE = {
    "emoji",
    "protocols",
    "released_arrays",
    "released_steps",
    "study_overhead",
}  # they have tests of their own, which give them what they read


def test_none_is_left_out():
    assert {file.stem for file in _FILES} == {*_HERE, *_APART, *_SHARED, *_ELSEWHERE}


def _module(name, monkeypatch):
    monkeypatch.syspath_prepend(str(_ROOT / "benchmarks"))  # as `python FILE` has it
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", _ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted({*_HERE, *_APART, *_ELSEWHERE}))
def test_it_says_what_it_does_and_takes(name, monkeypatch, capsys):
    module = _module(name, monkeypatch)
    with pytest.raises(SystemExit) as ended:
        module.main(["--help"])
    out = capsys.readouterr().out
    assert not ended.value.code and out.startswith("usage:") and len(out) > 300
    assert " ".join(module.__doc__.split()[:3]) in " ".join(out.split())


@pytest.mark.parametrize("name", sorted(_HERE))
def test_it_runs_at_its_smallest_setting(name, monkeypatch, capsys):
    _module(name, monkeypatch).main(_HERE[name].split())
    assert capsys.readouterr().out.strip()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(_APART))
def test_it_runs_as_a_command_at_its_smallest_setting(name, tmp_path):
    line = [sys.executable, str(_ROOT / "benchmarks" / f"{name}.py"), *_APART[name].split()]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_what_it_calls_takes_what_it_gives(file):
    assert _wrong_calls(file.read_text()) == []


def test_a_call_with_an_argument_too_few_is_noticed():
    text = "from orchestrator.record.recorder import RunRecorder\n"
    text += "from orchestrator.object_store.shared_store import SharedStore\n"
    text += "RunRecorder.open('run', 1)\nSharedStore.start('folder')\nSharedStore.start('folder', 'owner')\n"
    assert [line for line, _ in _wrong_calls(text)] == [3, 4]


def _wrong_calls(text):
    """(line, what is wrong) of the calls of this project's own that their signature would refuse."""
    tree, known = ast.parse(text), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in ("orchestrator", "methods"):
            module = import_module(node.module)
            for name in node.names:
                if not hasattr(module, name.name):
                    import_module(f"{node.module}.{name.name}")
                known[name.asname or name.name] = getattr(module, name.name)
    wrong = []
    for node in ast.walk(tree):
        called = _called(node, known)
        if called is None or any(isinstance(arg, ast.Starred) for arg in node.args):
            continue
        if any(keyword.arg is None for keyword in node.keywords):
            continue
        try:
            given = {keyword.arg: None for keyword in node.keywords}
            inspect.signature(called).bind(*[None] * len(node.args), **given)
        except TypeError as error:
            wrong.append((node.lineno, str(error)))
    return wrong


def _called(node, known):
    if not isinstance(node, ast.Call):
        return None
    func = node.func
    if isinstance(func, ast.Name):
        return known.get(func.id)
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        return getattr(known.get(func.value.id), func.attr, None)
    return None
