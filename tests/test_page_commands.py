"""Every command of README.md and of the pages in docs, tried as it is typed. No Ray is started.

The project's own are run by their ``__main__``: a sweep or a run up to ``--dry-run``, what serves or trains
with that part left out. Others are parsed by their own tool, or by its own description of its calls. A new
command on a page is tried at once; one that nothing here knows fails.
"""

import importlib.util
import json
import os
import pickle
import re
import runpy
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from emoji_archives import write_small_archives
from finished_train import write_finished
from page_commands import commands, simple
from page_files import write_files
from PIL import Image
from recorded_runs import Record, trial
from written_run import write_run

from orchestrator.evaluation.objective import Objective
from orchestrator.serving.logged_model import LoggedModel
from orchestrator.simulate.pareto_replay import ParetoReplay
from orchestrator.simulate.recorded_sweep import RecordedSweep

_ROOT = Path(__file__).parents[1]
_PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md"))]
_NO_TOOL = ("docker", "kubectl", "ssh-keygen", "ssh-keyscan", "sed", "cat", "echo", "cd", "base64", "curl")


def _all():
    seen = {}
    for page in _PAGES:
        for words in commands(page):
            seen.setdefault(tuple(words), page.name)
    return [pytest.param(list(words), id=f"{page}: {' '.join(words)[:70]}") for words, page in seen.items()]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """What the pages' placeholders stand for: data sets, a configuration, finished runs, a kept sweep."""
    from orchestrator.schema import strict_yaml
    from orchestrator.search.space import Space
    from orchestrator.streams.registry import get
    from orchestrator.streams.retrieval.p9d_writer import write_p9d

    folder = tmp_path_factory.mktemp("pages")
    for name in ("cluster.yaml", "constraints.txt", "pyproject.toml", "docs", "tests", ".ci"):
        (folder / name).symlink_to(_ROOT / name)
    shapes = get("shapes-retrieval")
    sizes = {"tasks": 2, "train": 8, "validation": 2, "test": 4, "query": 4, "gallery": 12, "image_size": 16}
    write_p9d(shapes.load(shapes.Config(**sizes), skip_bad=False), folder / "p9d")
    _image_net_r(folder / "image-folder")
    _cifar_100(folder / "cifar100" / "cifar-100-python")
    _emoji(folder)
    space = Space.load("ctp")
    (folder / "c.yaml").write_text(space.start_config.yaml())
    for page in ("search_space", "extending", "study"):
        assert write_files(_ROOT / "docs" / "howto" / f"{page}.md", folder)
    runs = folder / "runs"
    _finished(runs, folder / "shop")
    for seed, score in enumerate((40.0, 44.0)):
        trial = runs / "NAME" / "trials" / f"seed_{seed}"
        trial.mkdir(parents=True)
        (trial / "config.yaml").write_text(space.start_config.with_values({"run.seed": seed}).yaml())
        (trial / "status.json").write_text('{"status": "finished"}')
        row = {"task": 1, "validation/average": score, "validation/seen/r_mean": score}
        (trial / "tasks.jsonl").write_text(json.dumps(row) + "\n")
    found = {"method.learning_rate": 0.01, "replay.size": 240, "replay.policy": "random"}
    write_run(runs, "curves", "trial_0001", method="clip-er", stream="digits", values=found)
    request = {"method": "ctp", "stream": None, "data": None, "values": {}, "trials": 2, "concurrent": None}
    searched = {**request, "method": "clip-er", "stream": "digits", "storage": None}
    (runs / "curves" / "sweep.yaml").write_text(strict_yaml.dump(searched))
    shutil.copy(Space.load("clip-er").path, runs / "curves" / "space.yaml")
    (runs / "NAME" / "sweep.yaml").write_text(strict_yaml.dump({**request, "storage": None}))
    shutil.copy(space.path, runs / "NAME" / "space.yaml")
    shutil.copy(folder / "study.yaml", runs / "NAME")
    shutil.copytree(
        runs / "NAME", runs / "NAME-METHOD", ignore=shutil.ignore_patterns("study.yaml", "trials")
    )
    (runs / "NAME-METHOD" / "sweep.yaml").write_text(
        strict_yaml.dump({**request, "storage": None, "test": False})
    )
    return folder


def _finished(runs, data):
    """The runs ``two``, of two generated tasks, and ``shop``, whose folder has a class more by now."""
    from orchestrator.config import RunConfig
    from orchestrator.search.space import Space

    er = Space.load("er", "shapes-retrieval").start_config
    write_finished(runs / "two", er.with_values({"stream.tasks": 2}), (0, 1))
    for name in ("chair", "lamp", "table"):
        (data / name).mkdir(parents=True)
        for number in range(3):
            pixels = np.full((8, 8, 3), len(name) * 20 + number, np.uint8)
            Image.fromarray(pixels).save(data / name / f"{number}.png")
        if name == "lamp":
            shop = {"method.name": "clip-er", "stream.name": "image-folder", "stream.data": str(data)}
            config = RunConfig.from_dict({**shop, "stream.initial": 2, "replay.size": 20})
            write_finished(runs / "shop", config)


def _image_net_r(folder):
    """Two pictures of each of 200 classes, as the lists name them."""
    lists = {"train": [], "test": []}
    for k in range(200):
        for split, lines in lists.items():
            file = folder / split / f"n{k:08d}" / "a.jpg"
            file.parent.mkdir(parents=True)
            Image.fromarray(np.full((8, 8, 3), k, np.uint8)).save(file)
            lines.append(f"{split}/n{k:08d}/a.jpg {k}")
        shutil.copy(folder / "train" / f"n{k:08d}" / "a.jpg", folder / "train" / f"n{k:08d}" / "b.jpg")
        lists["train"].append(f"train/n{k:08d}/b.jpg {k}")
    for split, lines in lists.items():
        (folder / f"imagenetr_{split}.txt").write_text("\n".join(lines))
    (folder / "names.txt").write_text("\n".join(f"n{k:08d}\tthing {k}" for k in range(200)))


def _cifar_100(folder):
    """Ten training pictures and one test picture of each of 100 classes."""
    folder.mkdir(parents=True)
    names = [f"thing_{k}" for k in range(100)]
    for split, each in (("train", 10), ("test", 1)):
        labels = np.tile(np.arange(100), each)
        data = np.repeat(labels[:, None].astype(np.uint8), 3072, axis=1)
        found = {
            "data": data,
            "fine_labels": labels.tolist(),
            "filenames": [f"{k}.png" for k in range(len(labels))],
        }
        (folder / split).write_bytes(pickle.dumps(found))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": names}))


def _emoji(folder):
    """What `python benchmarks/emoji.py --out DIR` makes of small archives."""
    write_small_archives(folder)
    line = [sys.executable, str(_ROOT / "benchmarks" / "emoji.py"), "--out", "DIR"]
    subprocess.run(line, cwd=folder, check=True, env={**os.environ, "PYTHONPATH": str(_ROOT)})


@pytest.fixture(scope="module")
def once():
    """Streams are read once, and each search space's ranges tried once."""
    from orchestrator.search import space
    from orchestrator.streams import registry

    patch, tried, kept = pytest.MonkeyPatch(), set(), {}
    check, loads = space.check_suggestions, {name: registry.get(name).load for name in registry.names()}

    def check_once(file, *given):
        if file.path not in tried:
            tried.add(file.path)
            check(file, *given)

    patch.setattr(space, "check_suggestions", check_once)
    for name in registry.names():

        def load(config, skip_bad, name=name):
            if name == "vqa-v2":  # whose files are many
                name, config = "shapes-vqa", registry.get("shapes-vqa").Config()
            key = repr(config), skip_bad
            if key not in kept:
                kept[key] = loads[name](config, skip_bad)
            return kept[key]

        patch.setattr(registry.get(name), "load", staticmethod(load))
    yield
    patch.undo()


@pytest.fixture
def typed(place, once, monkeypatch, capsys, request):
    monkeypatch.chdir(place)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run(words):
        _try(words, place, monkeypatch, request.config)
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("words", _all())
def test_a_command_of_a_page_is_taken_as_it_is_typed(words, typed):
    out = typed(words)
    if words[:2] == ["python", "-m"] and words[2].startswith("orchestrator."):
        assert out.strip(), "it says nothing"
        for line, wanted in _PROMISED.items():
            if re.search(line, " ".join(words)):
                assert re.search(wanted, out), f"{wanted} is not in what it says:\n{out[-2000:]}"


_PROMISED = {
    "orchestrator.sweep methods$": r"Methods(.|\n)* ctp (.|\n)*Streams(.|\n)* digits (.|\n)*space of mma",
    "orchestrator.sweep list$": r"name +kind +method(.|\n)*NAME +sweep +ctp +shapes-retrieval",
    "orchestrator.sweep show NAME$": r"NAME: a sweep of ctp on shapes-retrieval(.|\n)*Files, ",
    "orchestrator.sweep methods mypkg": r"Method\n  mypkg\S+:TextShift (.|\n)*Streams(.|\n)* digits ",
    "orchestrator.compare$": r"42\.00 ± 2\.83",
    "orchestrator.compare --": r"ctp & 256 & 2 & \$42\.0 \\pm 2\.8\$|ctp \| 42\.0 ± 2\.8 \|",
    "orchestrator.tracking model shapes": r"is logged as models:/m-1 (.|\n)*version 1 of shapes in",
    "orchestrator.simulate curves --trials": r"\| curves \| 40 \| asha \| [1-9](.|\n)*none \| 0\.0 \| 0\.00 ",
    "orchestrator.simulate curves --objectives": r"\| curves \| 40 \| asha \| [1-9](.|\n)*none \| 100\.0 ",
    "--space two.yaml": r"max validation/average, min replay/bytes \(at most 100000\)(.|\n)*the knee of",
    "--warm-start curves": r"begins at trial 1 of curves, clip-er on digits: validation/average 50",
    "--warm-start clap4clip": r"it begins at clap4clip/cifar100, the space's start\n(.|\n)*start 5, 15",
    "--sampler gp --scheduler median": r"a Gaussian process proposes \d of 16(.|\n)*\n  median stops trials",
    "--sampler grid": r"all but the start are points of the grid(.|\n)*\n  no trial is stopped early",
    "cluster validate": r"ok: aws, head head",
    "--explain method.ratio": r"a number, 0 to 1\n.*search space \{0\.1, 0\.2, 0\.3, 0\.5,(.|\n)* 0\.5",
    "orchestrator.train --continue two": r"Goes on from two: tasks 1 to 2(.|\n)*seed 0, 1(.|\n)*3 tasks",
    "orchestrator.train --continue shop": r"Goes on from shop: task 1 is(.|\n)*batches:(.|\n)*  - - table",
    "orchestrator.train": r"Runs: seed \d(.|\n)*tasks of(.|\n)*a trial: 1 worker",
    "orchestrator.sweep --resume NAME-METHOD": r"test data is left alone",
    "orchestrator.study --report NAME": r"\| clap4clip \| 0 \|(.|\n)*runs/NAME/: report\.html, result\.md",
    "orchestrator.sweep ctp": r"Search: (8|16) trials for max validation/seen/r_mean(.|\n)*5 tasks of",
}


@pytest.mark.parametrize(
    "line",
    [
        "python -m orchestrator.sweep ctp --no-such",
        "python -m orchestrator.train ctp --set method.no_such=1",
        "python -m orchestrator.tracking show",
        "python -m orchestrator.no_such",
        "python benchmarks/herding.py --no-such",
        "python benchmarks/no_such.py",
        "pip install --no-such -e .",
        "pip install -e .[none] -c constraints.txt",
        "npm pak emojione@2.2.7",
        "npm pack emojione",
        "pytest --no-such",
        "pytest tests/no_such.py",
        "ray up --no-such cluster.yaml",
        "ray exec cluster.yaml 'python -m orchestrator.sweep ctp --no-such'",
        "ray job submit --no-wait -- bash -c 'python -m orchestrator.sweep ctp --no-such'",
        "aws iam create-role --role-name r",
        "aws iam create-role --role-name r --assume-role-policy-document d --no-such x",
        "kubectl apply -f docs/kuberay/no_such.yaml",
        "kubectl exec -it runs -- python -m orchestrator.tracking ui --no-such",
        "mlflow models serve --no-such",
        "mlflow models no-such",
        "unheard-of",
    ],
)
def test_a_command_that_its_tool_would_not_take_is_noticed(line, typed):
    (words,) = simple(line)
    with pytest.raises((AssertionError, ImportError, FileNotFoundError)):
        typed(words)


def test_a_page_is_taken_apart_as_a_shell_would(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "a `python -m one\n--two 3` b `pip` `A=b pytest -m slow`\n```\nx=$(aws sts y)\nfor a in b c; do\n"
        "  A=1 python -m four '' \\\n    'a b' > file  # and more\ndone\n```\n```text\nDIR/no command\n```\n"
    )
    found = commands(page)
    assert found == [
        ["aws", "sts", "y"],
        ["python", "-m", "four", "", "a b"],
        ["python", "-m", "one", "--two", "3"],
        ["pytest", "-m", "slow"],
    ]
    page.write_text("```python\nimport this\n```\n")
    with pytest.raises(AssertionError, match="python"):
        commands(page)


def _try(words, place, patch, config):
    """Raises where the command's tool would not take it."""
    tool, *rest = words
    if tool == "python" and rest[0] == "-m":
        _module(rest[1], rest[2:], place, patch, config)
    elif tool == "python":
        _file(rest[0], rest[1:])
    elif tool == "pip":
        _pip(rest)
    elif tool == "npm":
        _npm(rest)
    elif tool == "pytest":
        _pytest(rest, config)
    elif tool == "ray":
        _ray(rest, place, patch, config)
    elif tool == "aws":
        _aws(rest)
    elif tool == "mlflow":
        _mlflow(rest)
    else:
        assert tool in _NO_TOOL, f"nothing here knows how to try {tool}"
        for word in rest:
            if word.startswith("docs/"):
                assert list(_ROOT.glob(word)), word
        _inner(rest, place, patch, config)


def _inner(words, place, patch, config):
    """What a command gives another to run."""
    given = words[words.index("--") + 1 :] if "--" in words else []
    for command in simple(given[2]) if given[:2] == ["bash", "-c"] else filter(None, [given]):
        _try(command, place, patch, config)


def _module(name, words, place, patch, config):
    if name == "pytest":
        return _pytest(words, config)
    if not name.startswith("orchestrator."):
        package, _, file = name.partition(".")
        found = importlib.util.find_spec(package)
        assert found and (Path(found.origin).parent / f"{file}.py").exists(), name
        return None
    assert importlib.util.find_spec(name), name
    _leave_out(name, patch)
    told = words[:1] in (["methods"], ["list"], ["show"], ["rm"], ["--report"])
    if name.endswith((".sweep", ".train", ".study")) and not told and "--dry-run" not in words:
        words = [*(word for word in words if word != "--json"), "--dry-run"]  # which has no result
    if name == "orchestrator.simulate" and "--draws" not in words:
        words = [*words, "--draws", "50"]  # of 1000, which differ in their seeds
    if "--name" in words and (place / "runs" / words[words.index("--name") + 1]).exists():
        words = [*words, "--name", "anew"]  # another command of the pages has the run already
    stream = words[words.index("--stream") + 1] if "--stream" in words else ""
    if not stream and "--recipe" in words:
        from orchestrator.recipes.recipe import Recipe

        stream = Recipe.load(words[words.index("--recipe") + 1]).stream
    said = {"METHOD": "ctp", "FILE": "c.yaml", "FOLDER": "runs/NAME", "DIR": stream, "URL": "kept"}
    said["runs/NAME/trials/ID/config.yaml"] = "c.yaml"
    if name == "orchestrator.study":
        said["FILE"] = "study.yaml"
    # Published weights and tokenizers that a page names are not here.
    patch.setattr("orchestrator.commands.check_inputs.check_inputs", lambda *_, **__: None)
    patch.setattr(sys, "argv", [name, *(said.get(word, word) for word in words)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the module is imported already
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            assert not ended.code, f"exit status {ended.code}"
        else:
            raise AssertionError(f"{name}: never came to its end: has it a __main__?")
    return None


def _curves(curves, folder, metrics):
    """A recorded sweep whose further objectives are other trials' curves."""
    goals = [Objective(metric, "max") for metric in metrics]
    told = [
        [{goal.metric: curves[k - n, task] for n, goal in enumerate(goals)} for task in range(5)]
        for k in range(40)
    ]
    several = replace(goals[0], others=tuple(goals[1:])) if goals else None
    return RecordedSweep("curves", "max", curves, curves, (None,) * 40, 0, (), several, told if goals else ())


def _leave_out(name, patch):
    """The part of a command that serves, sends or trains."""
    if name == "orchestrator.tracking":
        patch.setattr("orchestrator.tracking.ui.ui", lambda folder, port: print(folder, port) or 0)
        sent = SimpleNamespace(sent=1, store="the store", rejected=[], said=[])
        patch.setattr("orchestrator.tracking.resend.resend", lambda folder: sent)
        patch.setattr("orchestrator.serving.log_trial.log_trial", _logged)
    if name == "orchestrator.compare":  # the record, where one is asked for
        patch.setattr("orchestrator.leaderboard.leaderboard.RecordReader", lambda runs: _recorded())
    if name == "orchestrator.simulate":  # which needs curves of a whole search
        curves = np.random.default_rng(0).random((40, 5))
        patch.setattr("orchestrator.simulate.recorded_sweep.RecordedSweep.read", partial(_curves, curves))
        few = partial(_few_sweeps, ParetoReplay.of)  # hundreds take ten seconds
        patch.setattr("orchestrator.simulate.pareto_replay.ParetoReplay.of", few)
    if name == "orchestrator.sweep":  # other commands of the pages need the run
        patch.setattr("orchestrator.housekeeping.asked_on_terminal.asked_on_terminal", lambda question: False)
    if name == "orchestrator.pretrain":
        patch.setattr("orchestrator.pretrain.make_shipped.train_clip", _written)
        patch.setattr("orchestrator.pretrain.make_shipped.train_image_text", _written)
        made = SimpleNamespace(to_json=lambda: "{}")
        patch.setattr("orchestrator.pretrain.make_shipped.train_world_tokenizer", lambda tokens: made)
        patch.setattr("orchestrator.pretrain.make_shipped.judge", lambda model: {"known": 1.0})
        patch.setattr("orchestrator.pretrain.make_shipped.judge_image_text", lambda *_: {"known": 1.0})
        patch.setattr("orchestrator.pretrain.make_shipped.load_clip", lambda config: None)
        patch.setattr("orchestrator.pretrain.make_shipped.load_image_text", lambda *_: None)


def _few_sweeps(of, *given, sweeps, **how):
    return of(*given, sweeps=min(sweeps, 3), **how)


def _logged(run, trial, gallery, register):
    version = 1 if register else None
    return LoggedModel(
        run, trial, "m-1", "the store", True, 1, version, register or "", None, "mlflow models"
    )


def _recorded():
    record = Record()
    for seed, score in ((1, 40.0), (2, 44.0)):
        ranks = np.array([score, score])
        file = BytesIO()
        np.savez(file, txt_rank=ranks, txt_tied=np.ones(2), img_rank=ranks, img_tied=np.ones(2))
        kept = file.getvalue()
        one = trial(seed, score, matrix=[[90.0, 1.0], [score, 80.0]], predictions=kept)
        for method in ("ctp", "er"):
            record.run(
                f"NAME-{method}-pair{seed}",
                method,
                [one],
                stream="shapes-retrieval",
                values={"replay.size": 256},
            )
    return record


def _written(recipe, out, say):
    out.write_bytes(b"weights")


def _file(name, words):
    spec = importlib.util.spec_from_file_location(f"page_{Path(name).stem}", _ROOT / name)
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    sys.path.insert(0, str((_ROOT / name).parent))  # as `python FILE` has it
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        if not hasattr(module, "_parser"):
            assert words == [], f"{name} takes no arguments"
            return
        parser = module._parser()
    finally:
        sys.path[:] = before
        del sys.modules[spec.name]
    words = [word for word in words if word not in ("...",)]
    try:
        parser.parse_args(words)
    except SystemExit as ended:
        raise AssertionError(f"exit status {ended.code}") from None


def _pip(words):
    from pip._internal.commands import create_command

    try:
        options, names = create_command(words[0]).parse_args(words[1:])
    except SystemExit as ended:
        raise AssertionError(f"exit status {ended.code}") from None
    for file in [*options.constraints, *options.requirements]:
        assert (_ROOT / file).exists(), file
    extras = re.findall(r"^(\w+) = \[", (_ROOT / "pyproject.toml").read_text(), re.M)
    for name in [*names, *options.editables]:
        found = re.fullmatch(r"\.(?:\[(\w+)\])?", name)
        assert found and (found[1] is None or found[1] in extras), name


def _npm(words):
    assert words[0] == "pack" and len(words) > 1, words
    for word in words[1:]:
        assert re.fullmatch(r"(?:@[a-z][a-z0-9-]*/)?[a-z][a-z0-9-]*@\d+\.\d+\.\d+", word), word


def _pytest(words, config):
    given, unknown = config._parser.parse_known_and_unknown_args(words)
    assert not [word for word in unknown if word.startswith("-")], unknown
    for file in [*given.file_or_dir, *unknown]:
        assert (_ROOT / file).exists(), file


def _ray(words, place, patch, config):
    import click
    from ray.scripts.scripts import cli

    command, rest = cli.commands[words[0]], words[1:]
    while isinstance(command, click.Group):
        command, rest = command.commands[rest[0]], rest[1:]
    try:
        found = command.make_context(words[0], list(rest)).params
    except click.UsageError as error:
        raise AssertionError(str(error)) from None
    for key in ("cluster_config_file",):
        assert key not in found or (_ROOT / found[key]).exists(), found
    # `ray exec` hands a shell's line on, `ray job submit` what comes behind `--`.
    lines = [found["cmd"]] if found.get("cmd") else []
    for line in lines:
        for inner in simple(line):
            _try(inner, place, patch, config)
    _inner(rest, place, patch, config)


def _mlflow(words):
    import click
    from mlflow.cli import cli

    command = cli
    try:
        while isinstance(command, click.Group):
            command, name, words = command.commands[words[0]], words[0], words[1:]
        command.make_context(name, list(words))
    except (click.UsageError, KeyError) as error:
        raise AssertionError(str(error)) from None


def _aws(words):
    from botocore.session import get_session

    if words[:2] == ["s3", "mb"]:
        assert re.fullmatch(r"s3://[\w$-]+", words[2]) and len(words) == 3
        return
    session = get_session()
    assert words[0] in session.get_available_services(), words[0]
    service = session.get_service_model(words[0])
    name = "".join(part.title() for part in words[1].split("-"))
    assert name in service.operation_names, name
    shape = service.operation_model(name).input_shape
    options = [word for word in words[2:] if word.startswith("--")]
    given = {"".join(part.title() for part in option[2:].split("-")) for option in options}
    given = {key.replace("Aws", "AWS") for key in given} - {"Query", "Output"}
    assert given <= set(shape.members), given - set(shape.members)
    assert set(shape.required_members) <= given, set(shape.required_members) - given
    for file in re.findall(r"(?:file://|\s)(docs/\S+?)\)?$", " ".join(words)):
        assert (_ROOT / file).exists(), file
