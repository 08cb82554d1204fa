import pickle
import subprocess
import sys

import numpy as np
import optuna
import pytest
import torch

from methods import registry
from orchestrator.config import RunConfig, flatten
from orchestrator.errors import UserError
from orchestrator.evaluation.vqa_summary import question_metrics
from orchestrator.metrics.matrix import matrix_metrics
from orchestrator.metrics.retrieval import recall_at_k
from orchestrator.search.preset_values import with_preset
from orchestrator.search.space import Space
from orchestrator.search.space_file import _METRICS

FILE = """method: ctp
stream: shapes-retrieval
objective: {metric: validation/seen/r_mean, mode: max}
trials: 3
fixed:
  method: {backbone: {size: small}, batch_size: 64}
  method.queue_size: 128
  stream.tasks: 2
start:
  method.learning_rate: 1e-3
  replay.size: 64
  replay.policy: herding
  replay.herding: reference
search:
  replay.herding: {type: categorical, choices: [greedy, reference], when: {replay.policy: herding}}
  replay.policy: {type: categorical, choices: [reservoir, herding], when: {replay.size: {above: 0}}}
  method.learning_rate: {type: float, low: 1e-4, high: 3e-3, log: true}
  replay.size: {type: int, low: 0, high: 128, step: 64}
"""
FIRST = "method.learning_rate: {type: float, low: 1e-4, high: 3e-3, log: true}"


@pytest.fixture
def write(tmp_path):
    def write(text=FILE, *changes):
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return write


def line_of(path, words):
    return next(i for i, line in enumerate(path.read_text().splitlines(), 1) if words in line)


def message(action, *arguments, **keywords):
    with pytest.raises(UserError) as caught:
        action(*arguments, **keywords)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def ask(space, **values):
    """A suggestion with some parameters' values given, by Optuna's own fixed trial."""
    return space.suggest(optuna.trial.FixedTrial({key.replace("__", "."): v for key, v in values.items()}))


def test_every_shipped_space_is_sound():
    assert Space.names() == sorted(registry.names())
    for name in Space.names():
        space = Space.load(name)
        assert space.config.method_name == name
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        study.enqueue_trial(space.start_params())
        for i in range(20):
            values = space.suggest(study.ask())
            config = space.trial_config(values)
            assert RunConfig.from_dict(config.to_dict()) == config
            if i == 0:
                assert values == space.start_params()
                assert config == space.start_config


def test_every_method_has_as_many_trials_as_every_other():
    spaces = [Space.load(name) for name in Space.names()]
    assert {space.trials for space in spaces if space.parameters} == {16}
    nothing_to_search = {space.config.method_name: space.trials for space in spaces if not space.parameters}
    assert nothing_to_search == {"zero-shot": 1, "ncm": 1, "nme": 1, "itr-zero-shot": 1}


def test_ctps_space_holds_what_the_issue_asks_for():
    space = Space.load("ctp")
    keys = {p.key: p for p in space.parameters}
    assert {
        "replay.size",
        "replay.policy",
        "method.momentum",
        "method.temperature",
        "method.learning_rate",
    } <= set(keys)
    assert {f"method.topology_{kind}_weight" for kind in ("cross", "same")} <= set(keys)
    assert {"method.contrast_weight", "method.mlm_distill_weight"} <= set(keys)
    assert 0 in keys["replay.size"].choices
    assert space.largest("replay.size") == max(keys["replay.size"].choices)


def test_a_file_becomes_a_space(write):
    space = Space.load(write())
    assert (space.objective.metric, space.objective.mode, space.trials) == (
        "validation/seen/r_mean",
        "max",
        3,
    )
    assert space.fixed["method.backbone.size"] == "small"
    config = space.config
    assert (config.method.batch_size, config.method.queue_size, config.stream.tasks) == (64, 128, 2)
    # Searched in every trial: the start's value stands in; searched in some: the default does.
    assert (config.method.learning_rate, config.replay.size, config.replay.policy) == (1e-3, 64, "reservoir")
    assert (space.start_config.replay.policy, space.start_config.replay.herding) == ("herding", "reference")


def test_parents_are_asked_first_and_the_files_order_holds_otherwise(write):
    space = Space.load(write())
    assert [p.key for p in space.parameters] == [
        "method.learning_rate",
        "replay.size",
        "replay.policy",
        "replay.herding",
    ]


def test_conditions_decide_what_is_asked(write):
    space = Space.load(write())
    assert ask(space, method__learning_rate=1e-3, replay__size=0) == {
        "method.learning_rate": 1e-3,
        "replay.size": 0,
    }
    values = ask(space, method__learning_rate=1e-3, replay__size=64, replay__policy="reservoir")
    assert "replay.herding" not in values
    assert space.trial_config(values).replay.herding == "greedy"
    values = ask(
        space,
        method__learning_rate=1e-3,
        replay__size=64,
        replay__policy="herding",
        replay__herding="reference",
    )
    assert space.trial_config(values).replay.herding == "reference"


@pytest.mark.parametrize(
    ("condition", "asked"),
    [
        ("64", {64}),
        ("[0, 128]", {0, 128}),
        ("{above: 64}", {128}),
        ("{below: 64}", {0}),
        ("{above: 0, below: 128}", {64}),
    ],
)
def test_each_kind_of_condition(write, condition, asked):
    space = Space.load(
        write(FILE, ("{above: 0}", condition), ("replay.size: 64", "replay.size: " + str(min(asked))))
    )
    for size in (0, 64, 128):
        values = dict(method__learning_rate=1e-3, replay__size=size, replay__policy="reservoir")
        assert ("replay.policy" in ask(space, **values)) == (size in asked)


def test_suggestions_repeat_with_the_seed(write):
    def run():
        space = Space.load(write())
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=3), direction="maximize")
        seen = []
        for _ in range(12):
            trial = study.ask()
            seen.append(space.suggest(trial))
            study.tell(trial, seen[-1]["method.learning_rate"])
        return seen

    assert run() == run()
    assert {v["replay.size"] for v in run()} == {0, 64, 128}


def test_ray_tune_takes_the_space_and_its_start(write):
    from ray.tune.search.optuna import OptunaSearch

    space = Space.load(write())
    searcher = OptunaSearch(
        space.suggest,
        metric=space.objective.metric,
        mode=space.objective.mode,
        points_to_evaluate=[space.start_params()],
        sampler=optuna.samplers.TPESampler(seed=0),
    )
    assert searcher.suggest("first") == space.start_params()
    others = [searcher.suggest(f"t{i}") for i in range(20)]
    assert all(space.trial_config(values) for values in others)
    assert {"replay.policy" in values for values in others} == {True, False}
    assert all(("replay.policy" in v) == (v["replay.size"] > 0) for v in others)
    for i, values in enumerate(others):
        searcher.on_trial_complete(f"t{i}", {space.objective.metric: values["method.learning_rate"]})
    # Tune writes the searcher, and the space with it, into its snapshots.
    assert pickle.loads(pickle.dumps(space)) == space


def test_a_start_at_which_conditions_fail_leaves_the_rest_out(write):
    gone = ("  replay.policy: herding\n  replay.herding: reference\n", "")
    space = Space.load(write(FILE, ("replay.size: 64", "replay.size: 0"), gone))
    assert space.start_params() == {"method.learning_rate": 1e-3, "replay.size": 0}


def test_a_space_without_a_start_runs_its_defaults(write):
    text = FILE[: FILE.index("start:")] + FILE[FILE.index("search:") :]
    space = Space.load(write(text))
    assert space.start_params() == {}
    assert space.start_config == space.config
    assert space.config.method.learning_rate == 1e-4


def test_set_fixes_a_searched_key(write):
    space = Space.load(write(), values={"replay.size": 64, "run.seed": 5})
    assert [p.key for p in space.parameters] == ["method.learning_rate", "replay.policy", "replay.herding"]
    assert (space.config.replay.size, space.config.run.seed) == (64, 5)
    assert space.start_params() == {
        "method.learning_rate": 1e-3,
        "replay.policy": "herding",
        "replay.herding": "reference",
    }
    assert space.largest("replay.size") == 64
    none = Space.load(write()).without({"replay": {"size": 0}})
    assert ask(none, method__learning_rate=2e-3) == {"method.learning_rate": 2e-3}
    assert none.start_params() == {"method.learning_rate": 1e-3}


def test_set_wins_over_fixed_and_preset_over_the_file(write):
    values = with_preset("ctp", {"method.batch_size": 32, "method.preset": "reference"})
    space = Space.load(write(), values=values)
    assert (space.config.method.batch_size, space.config.method.contrast_keys) == (32, "local")
    text = message(Space.load, write(), values={"method.batch_size": 48})
    assert text == "--set method.queue_size: 128 is not a multiple of batch_size 48"


@pytest.mark.parametrize(
    ("method", "preset"),
    [(name, preset) for name in Space.names() for preset in registry.get(name).presets],
)
def test_a_preset_that_is_asked_for_is_what_runs_whatever_the_file_starts_at(method, preset):
    values = {f"method.{key}": v for key, v in flatten(registry.get(method).presets[preset]).items()}
    space = Space.load(method, values=with_preset(method, {"method.preset": preset}))
    for config in (space.config, space.start_config):
        assert values.items() <= flatten(config.to_dict()).items()
    assert not values.keys() & {p.key for p in space.parameters}


def test_what_is_said_beside_a_preset_wins_over_it():
    reference = {"method.preset": "reference"}
    for said, mask in (({"mask_mode": "blocked"}, "blocked"), ({}, "additive_one")):
        values = with_preset("mma", {"method": said, **reference})
        config = Space.load("mma", values=values).start_config
        assert (config.method.mask_mode, config.method.clamp_scale) == (mask, True)


@pytest.mark.parametrize("values", [{}, {"method.preset": None}, {"method.preset": ["reference"]}])
def test_what_names_no_preset_stays_as_it_is(values):
    assert with_preset("mma", values) == values
    assert with_preset("nobody's", {"method": {"preset": "reference"}}) == {"method.preset": "reference"}


def test_another_stream_leaves_the_files_stream_values_behind(write, monkeypatch):
    from orchestrator.streams import registry

    monkeypatch.setitem(registry.STREAMS, "other", registry.STREAMS["shapes-retrieval"])
    space = Space.load(write(), stream="other")
    assert (space.config.stream_name, space.config.stream.tasks) == ("other", 5)
    space = Space.load(write(), stream="other", values={"stream.tasks": 4})
    assert space.config.stream.tasks == 4
    assert "stream.tasks" not in Space.load(write(), values={"stream.name": "other"}).fixed


def test_data_reaches_the_stream_as_an_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = Space.load("ctp", stream="p9d", data="pictures")
    assert (space.config.stream_name, space.config.stream.data) == ("p9d", str(tmp_path / "pictures"))
    assert space.trial_config({"replay.size": 7}).stream.data == space.config.stream.data


def test_largest_counts_the_base_where_a_key_is_searched_only_sometimes(write):
    text = FILE.replace(
        "replay.herding: {type: categorical, choices: [greedy, reference], when: {replay.policy: herding}}",
        "method.epochs: {type: int, low: 1, high: 3, when: {replay.policy: herding}}",
    )
    space = Space.load(write(text, ("replay.herding: reference", "method.epochs: 2")))
    assert space.largest("method.epochs") == 5
    assert space.largest("replay.size") == 128


def test_a_search_may_choose_among_lists():
    space = Space.load("triplet")
    assert space.start_config.method.task_layers == (1, 2, 3)
    assert '{"2, 3", "1, 2, 3", "0, 1, 2, 3"}' in "\n".join(space.describe())
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = {space.trial_config(space.suggest(study.ask())).method.general_layers for _ in range(20)}
    assert drawn == {(0,), (0, 1), (0, 1, 2, 3)}


def test_describe_lines_are_aligned(write):
    lines = Space.load(write()).describe()
    assert lines[0] == "method.learning_rate  0.0001 .. 0.003 (log)  start 0.001"
    assert lines[2] == "replay.policy         {reservoir, herding}   start herding, when replay.size > 0"


_IDLE = ["execution.dispatcher", "object_store.array_owner", "search.trainable", "execution.lane"]
_IMPORTS = """
import importlib, os, sys

if not (forked := os.fork()):
    from orchestrator.search.space import Space

    Space.load("ctp")
    # These templates are in a file of open_clip.
    Space.load("clip-er", "digits", values={"stream.templates": "imagenet"})
    from methods.backbones.clip_config import ClipConfig
    from methods.backbones.missing_weights import missing_weights

    assert missing_weights(ClipConfig()) is None
    for package in "ray", "open_clip", "transformers":
        print(package, package in sys.modules, flush=True)
    os._exit(0)
os.waitpid(forked, 0)
for module in sys.argv[1:]:
    importlib.import_module("orchestrator." + module)
    print(module, "torch" in sys.modules)
"""


@pytest.fixture(scope="module")
def imported():
    """Whether packages are imported when a sweep has been planned and its weights looked for, and torch after
    each of the modules, of which all that follow the first with torch have it too.
    """
    done = subprocess.run([sys.executable, "-c", _IMPORTS, *_IDLE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(line.split() for line in done.stdout.splitlines())


@pytest.mark.parametrize("package", ["ray", "open_clip", "transformers"])
def test_planning_a_sweep_does_not_import_what_lanes_use(package, imported):
    assert imported[package] == "False"


@pytest.mark.parametrize("module", _IDLE)
def test_the_processes_that_train_nothing_do_not_import_torch(module, imported):
    """These are the dispatcher, the owner of the arrays, a trial and Train's controller, which every sweep
    has.
    """
    assert imported[module] == "False"


RATE = "method.learning_rate"
WRONG = [
    # what is replaced, by what, the line with these words, the message
    (
        "type: int, low: 0",
        "type: intt, low: 0",
        "intt",
        "search.replay.size.type: type: allowed are float, int, categor",
    ),
    (
        "type: int, low: 0",
        "low: 0",
        "high: 128",
        "search.replay.size: type: allowed are float, int, categorical",
    ),
    (
        "high: 128",
        "hihg: 128",
        "hihg",
        "search.replay.size.hihg: unknown key for type int; allowed are type, low, high",
    ),
    ("high: 128, ", "", "step: 64", "search.replay.size: high is missing"),
    ("high: 128", "high: 128.5", "128.5", "search.replay.size.high: expected an integer, found 128.5"),
    ("high: 3e-3", "high: much", "much", f"search.{RATE}.high: expected a number, found 'much'"),
    ("high: 3e-3", "high: .nan", ".nan", f"search.{RATE}.high: expected a number, found nan"),
    ("low: 1e-4", "low: 1e-2", "1e-2", f"search.{RATE}.low: 0.01 is not below high 0.003"),
    ("low: 1e-4", "low: 0", "low: 0, high: 3", f"search.{RATE}.low: 0 cannot be on a logarithmic scale"),
    ("log: true", "log: 1", "log: 1", f"search.{RATE}.log: expected true or false, found 1"),
    ("log: true", "log: true, step: 0.1", "step: 0.1", f"search.{RATE}.step: step and log: true exclude"),
    ("step: 64", "step: 0", "step: 0", "search.replay.size.step: 0 is not above 0"),
    ("step: 64", "step: 50", "step: 50", "search.replay.size.step: 50 does not lead from low 0 to high 128"),
    (
        "[reservoir, herding]",
        "[]",
        "[]",
        "search.replay.policy.choices: expected a list of two or more values",
    ),
    (
        "[reservoir, herding]",
        "[reservoir, 3]",
        ", 3]",
        "search.replay.policy.choices: expected numbers only, text",
    ),
    (
        "[reservoir, herding]",
        "[[a], [b]]",
        "[[a]",
        "search.replay.policy.choices: expected numbers only, text only",
    ),
    ("[reservoir, herding]", "[a, b, a]", "b, a]", "search.replay.policy.choices: a is given twice"),
    (
        "{above: 0}",
        "{abov: 0}",
        "abov",
        "search.replay.policy.when.replay.size: allowed are a value, a list of values",
    ),
    (
        "{above: 0}",
        "{above: x}",
        "above: x",
        "search.replay.policy.when.replay.size: above: expected a number",
    ),
    (
        "{above: 0}",
        "{above: 128}",
        "above: 128",
        "search.replay.policy.when.replay.size: > 128 is never true",
    ),
    (
        "{above: 0}",
        "[]",
        "when: {replay.size: []}",
        "search.replay.policy.when.replay.size: expected a value or a list",
    ),
    (
        "{above: 0}",
        "5",
        "replay.size: 5",
        "search.replay.policy.when.replay.size: 5 is no value of replay.size",
    ),
    (
        "{replay.size: {above: 0}}",
        "always",
        "always",
        "search.replay.policy.when: expected a mapping such as",
    ),
    (
        "{replay.size: ",
        "{replay.sise: ",
        "sise",
        "search.replay.policy.when.replay.sise: unknown searched or fixed key 'replay.sise'; did",
    ),
    (
        "{replay.policy: herding}",
        "{replay.policy: herdin}",
        "herdin}",
        "'herdin' is no value of replay.policy; allowed",
    ),
    (
        "when: {replay.size: {above: 0}}}",
        "when: {replay.herding: greedy}}",
        "replay.policy: h",
        "when: the conditions go in a circle: replay.",
    ),
    (
        "step: 64}",
        "step: 64, when: {replay.herding: greedy}}",
        "step: 64",
        "search.replay.size.when: trials are compared by their memory; allowed is a size in every trial",
    ),
    (
        "replay.size: {type: int",
        "run.seed: {type: int",
        "run.seed",
        "search.run.seed: cannot be searched; allowed are",
    ),
    (
        f"  {FIRST}",
        "  method.preset: {type: categorical, choices: [paper, reference]}",
        "preset",
        "cannot be searched",
    ),
    ("method.queue_size: 128", f"{RATE}: 1e-3", "log: true", f"search.{RATE}: is both fixed and searched"),
    (
        "replay.size: 64",
        "replay.size: 65",
        "65",
        "start.replay.size: 65 cannot be found; allowed are 0 .. 128 (step 64)",
    ),
    ("replay.size: 64", "replay.size: 256", "256", "start.replay.size: 256 cannot be found"),
    ("replay.size: 64", "replay.size: 64.0", "64.0", "start.replay.size: 64.0 cannot be found"),
    (
        "replay.size: 64",
        "replay.size: 0",
        "policy: herding\n",
        "start.replay.policy: is not searched at this point",
    ),
    (
        "  replay.policy: herding\n",
        "",
        "start:",
        "start: replay.policy is missing; the point needs every key",
    ),
    (
        "  replay.size: 64",
        "  replay.siz: 64",
        "siz:",
        "start.replay.siz: unknown searched key 'replay.siz'; did you mean",
    ),
    (
        "seen/r_mean",
        "seen/rmean",
        "rmean",
        "objective.metric: unknown metric 'validation/seen/rmean'; did you mean valid",
    ),
    (
        "validation/seen",
        "test/seen",
        "test/",
        "objective.metric: 'test/seen/r_mean': a search must not look at test data",
    ),
    ("mode: max", "mode: up", "mode: up", "objective.mode: allowed are max, min, found 'up'"),
    (", mode: max", "", "objective", "objective: expected the keys metric, mode"),
    ("trials: 3", "trials: 0", "trials", "trials: expected an integer of 1 or more, found 0"),
    ("trials: 3", "trails: 3", "trails", "trails: unknown key 'trails'; did you mean trials?"),
    ("method: ctp", "method: cpt", "cpt", "method: unknown method 'cpt'; did you mean ctp?"),
    (
        "stream: shapes-retrieval",
        "stream: shape",
        "shape",
        "stream: unknown stream 'shape'; did you mean shapes-re",
    ),
    # What the method and the run say of it.
    (
        "batch_size: 64",
        "batch_sise: 64",
        "sise",
        "fixed.method.batch_sise: unknown key; did you mean batch_size or micro_batch_size?",
    ),
    (
        "batch_size: 64",
        "batch_size: many",
        "many",
        "fixed.method.batch_size: expected an integer, found 'many'",
    ),
    (
        "queue_size: 128",
        "queue_size: 100",
        "100",
        "fixed.method.queue_size: 100 is not a multiple of batch_size 64",
    ),
    ("stream.tasks: 2", "stream.tasks: 0", "tasks", "fixed.stream.tasks: 0, allowed"),
    ("stream.tasks: 2", "method.name: er", "name", "fixed.method.name: is what method: says"),
    (
        "  replay.herding: {",
        "  replay.hreding: {",
        ": reference",
        "start.replay.herding: unknown searched key",
    ),
    (
        "[reservoir, herding]",
        "[reservoir, herding, best]",
        "best",
        "search.replay.policy: 'best' is not one of",
    ),
    (
        f"  {FIRST}",
        f"  {FIRST}\n  method.temperature: {{type: float, low: 0, high: 1}}",
        "start:",
        "start: method.temp",
    ),
    (f"  {FIRST}", f"  {FIRST}\n  {FIRST}", None, f"search.{RATE}: the key is given twice"),
]


@pytest.mark.parametrize(("before", "after", "words", "wanted"), WRONG, ids=[w[3][:60] for w in WRONG])
def test_a_mistake_is_named_with_file_line_and_key(write, before, after, words, wanted):
    path = write(FILE, (before, after))
    text = message(Space.load, path)
    assert wanted in text
    assert text.startswith(f"{path}:")
    if words:
        lines = [
            f"{path}:{i}: " for i, line in enumerate(path.read_text().splitlines(True), 1) if words in line
        ]
        assert text.startswith(tuple(lines))


WRONG_FOR_THE_METHOD = [
    ("method.temperature: {type: float, low: 0, high: 1}", "search.method.temperature: 0.0 must be > 0"),
    (
        "method.temprature: {type: float, low: 0.1, high: 1}",
        "search.method.temprature: unknown hyper-parameter",
    ),
    (
        "method.embed_dim: {type: float, low: 1, high: 8}",
        "search.method.embed_dim: expected an integer, found 1.0",
    ),
    (
        "method.mask_own: {type: categorical, choices: [0, 1]}",
        "search.method.mask_own: expected true or false, found 0",
    ),
    (
        "method.backbone: {type: categorical, choices: [small, base]}",
        "search.method.backbone: unknown hyper-parameter",
    ),
    (
        "method.epochs: {type: categorical, choices: [1, null]}",
        "search.method.epochs: expected an integer, found null",
    ),
    (
        "method.queue_size: {type: categorical, choices: [0, 64]}\n"
        "  method.batch_size: {type: categorical, choices: [64, 32, 128]}",
        "search.method.queue_size: method.queue_size 64 with method.batch_size 128 is not allowed: "
        "method.queue_size: 64 is not a multiple of batch_size 128",
    ),
]


@pytest.mark.parametrize(("line", "wanted"), WRONG_FOR_THE_METHOD)
def test_a_range_that_the_method_does_not_allow(write, line, wanted):
    text = (
        FILE[: FILE.index("start:")].replace("  method.queue_size: 128\n", "").replace(", batch_size: 64", "")
    )
    path = write(f"{text}search:\n  {line}\n")
    found = message(Space.load, path)
    assert wanted in found
    assert found.startswith(f"{path}:")


def test_a_frozen_encoder_is_not_searched(write):
    """Its features are computed once, before the first trial. A method that trains its own may search it."""
    line = "method.backbone.pretrained: {type: categorical, choices: [random, world]}"
    text = (
        "method: clap4clip\nstream: shapes-recognition\n"
        "objective: {metric: validation/average, mode: max}\ntrials: 2\n"
        f"search:\n  {line}\n"
    )
    path = write(text)
    assert message(Space.load, path) == (
        f"{path}:{line_of(path, line)}: search.method.backbone.pretrained: a frozen encoder is the same for "
        "all trials: allowed is fixed, or --set, and a sweep for each encoder"
    )
    trained = "method.backbone.size: {type: categorical, choices: [small, base]}"
    changes = (
        ("backbone: {size: small}, ", ""),
        (FIRST, f"{FIRST}\n  {trained}"),
        ("start:", "start:\n  method.backbone.size: small"),
    )
    assert "method.backbone.size" in [one.key for one in Space.load(write(FILE, *changes)).parameters]


def test_conditions_can_keep_values_apart_that_do_not_go_together(write):
    text = (
        FILE[: FILE.index("start:")].replace("  method.queue_size: 128\n", "").replace(", batch_size: 64", "")
    )
    path = write(
        f"{text}search:\n"
        "  method.batch_size: {type: categorical, choices: [64, 48]}\n"
        "  method.queue_size: {type: categorical, choices: [64, 128], when: {method.batch_size: 64}}\n"
        "  method.epochs: {type: int, low: 1, high: 2, when: {method.queue_size: 128}}\n"
    )
    # Where the queue is not searched it keeps its default, 1024: a multiple of 512 but not of 48.
    assert message(Space.load, path).endswith(
        "search.method.batch_size: method.batch_size 48 is not allowed: "
        "method.queue_size: 1024 is not a multiple of batch_size 48"
    )
    path.write_text(path.read_text().replace("[64, 48]", "[64, 512]"))
    space = Space.load(path)
    assert ask(space, method__batch_size=512) == {"method.batch_size": 512}


@pytest.mark.parametrize("content", ["", "- a\n", "method: [\n"])
def test_a_file_that_is_no_space_is_one_line(write, content):
    path = write(content)
    assert message(Space.load, path).startswith(str(path))


def test_an_objective_is_what_is_measured_from_the_first_task_on(write):
    recalls = recall_at_k(torch.eye(2))
    measured = [f"validation/{name}" for name in matrix_metrics(np.eye(1))] + [
        f"validation/seen/{name}" for name in recalls
    ]
    assert {"validation/average", "validation/seen/r_mean"} <= set(measured)
    for metric in measured:
        path = write(FILE, ("validation/seen/r_mean", metric))
        assert Space.load(path).objective.metric == metric
    text = message(Space.load, write(FILE, ("validation/seen/r_mean", "validation/forgetting")))
    assert text.partition("llowed are ")[2] == ", ".join(measured)


def test_every_objective_of_questions_is_measured_from_the_first_task_on():
    evaluated = {"seen/accuracy"}  # in every evaluation: see test_evaluate_questions
    summed = matrix_metrics(np.eye(1)).keys() | question_metrics(np.eye(1), [1]).keys()
    assert set(_METRICS["vqa"]) == evaluated | summed


def test_a_required_key_is_asked_for(write):
    for key in ("method", "stream", "objective", "trials", "search"):
        lines = FILE.splitlines(True)
        start = next(i for i, line in enumerate(lines) if line.startswith(f"{key}:"))
        stop = next((i for i in range(start + 1, len(lines)) if not lines[i].startswith(" ")), len(lines))
        assert f": {key}: missing" in message(Space.load, write("".join(lines[:start] + lines[stop:])))


def test_an_unknown_method_or_file_is_one_line(tmp_path):
    assert message(Space.load, "cpt").startswith("METHOD: unknown method 'cpt'; did you mean ctp?")
    assert "cannot be read" in message(Space.load, tmp_path / "none.yaml")
    assert message(Space.load, "ctp", stream="shape").startswith(
        "--stream: unknown stream 'shape'; did you mean"
    )


def test_wrong_command_line_values_say_so():
    assert (
        message(Space.load, "ctp", values={RATE: "fast"}) == f"--set {RATE}: expected a number, found 'fast'"
    )
    assert message(Space.load, "ctp", values={"stream.tasks": "x"}).startswith(
        "--set stream.tasks: expected an integer"
    )
    assert message(Space.load, "ctp", data="pictures").startswith("--data pictures: ")
