import pickle
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Literal

import pytest

from methods import registry as methods
from orchestrator.config import RunConfig, RunOptions, data_values, parse_set
from orchestrator.errors import UserError
from orchestrator.schema import strict_yaml
from orchestrator.schema.config_error import ConfigError
from orchestrator.streams import registry as streams

PLAIN = {"method.name": "ctp", "stream.name": "shapes-retrieval"}


@dataclass(frozen=True)
class _Inner:
    width: int = 4
    dropout: float | None = None


@dataclass(frozen=True)
class _ToyConfig:
    inner: _Inner = field(default_factory=_Inner)
    rate: float = 1.0
    steps: int = 3
    flag: bool = False
    kind: Literal["a", "b"] = "a"
    names: tuple[str, ...] = ()
    betas: tuple[float, float] = (0.9, 0.99)

    def __post_init__(self):
        if self.steps < 1:
            raise ValueError(f"steps {self.steps} must be >= 1")
        if self.rate > self.steps:
            raise ValueError("more rate than steps")


@dataclass(frozen=True)
class _FolderConfig:
    data: str
    order: tuple[str, ...] | None = None


@pytest.fixture
def toy(monkeypatch):
    """A method with every type of field and with presets, and a stream that needs a folder."""
    method = SimpleNamespace(
        Config=_ToyConfig,
        scenarios=frozenset({"retrieval"}),
        presets={"paper": {}, "reference": {"rate": 2.0, "inner": {"width": 8}}},
    )
    stream = SimpleNamespace(Config=_FolderConfig, scenario="retrieval", summary="a folder")
    monkeypatch.setitem(sys.modules, "toy_parts", SimpleNamespace(method=method, stream=stream))
    monkeypatch.setitem(methods.METHODS, "toy", "toy_parts:method")
    monkeypatch.setitem(streams.STREAMS, "folder", "toy_parts:stream")
    return {"method.name": "toy", "stream.name": "folder", "stream.data": "x"}


def build(*layers):
    return RunConfig.from_dict({key: value for layer in layers for key, value in layer.items()})


def message(action, *arguments, **keywords):
    with pytest.raises(UserError) as caught:
        action(*arguments, **keywords)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_defaults_are_the_papers():
    config = build(PLAIN)
    assert (config.method.temperature, config.method.batch_size, config.method.backbone.size) == (
        0.07,
        512,
        "base",
    )
    assert (config.preset, config.replay.size, config.run) == ("paper", 0, RunOptions())


def test_nested_and_dotted_keys_are_the_same():
    nested = {"method": {"name": "ctp", "backbone": {"size": "small"}, "backbone.text_layers": 6}}
    dotted = {"method.name": "ctp", "method.backbone.size": "small", "method.backbone.text_layers": 6}
    stream = {"stream": {"name": "shapes-retrieval"}}
    assert build(nested, stream) == build(dotted, stream)
    assert build(nested, stream).method.backbone.text_layers == 6


def test_round_trips_are_exact(tmp_path, toy):
    values = {
        "method.rate": 1e-05,
        "method.inner.dropout": 0.1,
        "method.betas": [0.1, 1 / 3],
        "method.names": ["外出", "no", "1e5", "true", "2024-01-01", "12:30", "null", "~", "", "a: b", "010"],
        "run.gpus_per_trial": 0.25,
        "stream.order": ["家居", "b"],
    }
    config = build(toy, values)
    assert config.method.names == tuple(values["method.names"])
    assert RunConfig.from_dict(config.to_dict()) == config
    (tmp_path / "config.yaml").write_text(config.yaml(), encoding="utf-8")
    assert RunConfig.load_yaml(tmp_path / "config.yaml") == config
    assert pickle.loads(pickle.dumps(config)) == config
    assert RunConfig.from_dict(
        {k: v for k, v in config.flat().items() if not str(v).startswith("[")}
    ).flat() == {
        **config.flat(),
        "method.names": "[]",
        "method.betas": "[0.9, 0.99]",
        "stream.order": None,
    }


def test_to_dict_holds_plain_values_only(toy):
    def plain(value):
        if isinstance(value, dict):
            return all(type(k) is str and plain(v) for k, v in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or type(value) in (str, int, float, bool)

    values = build(toy, {"method.names": ["a"]}).to_dict()
    assert plain(values)
    assert list(values) == ["method", "stream", "replay", "run"]
    assert values["method"]["inner"] == {"width": 4, "dropout": None}


def test_flat_holds_every_key_as_a_scalar(toy):
    flat = build(toy, {"method.names": ["家", "b"]}).flat()
    assert flat["method.names"] == '["家", "b"]'
    assert flat["method.inner.width"] == 4
    assert flat["stream.data"] == "x"
    assert all(v is None or isinstance(v, str | int | float | bool) for v in flat.values())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("~/d", "/h/d"),
        ("local-dir:~/w", "local-dir:/h/w"),
        ("a~/b", "a~/b"),
        ("~", "~"),
        ("an a: ~/", "an a: ~/"),
    ],
)
def test_a_path_in_the_home_is_one_wherever_it_is_written(toy, tmp_path, monkeypatch, written, read):
    monkeypatch.setenv("HOME", "/h")
    assert build(toy, {"stream.data": written}).stream.data == read
    (tmp_path / "c.yaml").write_text(strict_yaml.dump({**toy, "stream.data": written}))
    assert RunConfig.load_yaml(tmp_path / "c.yaml").stream.data == read
    assert parse_set([f"stream.data='{written}'"]) == {"stream.data": read}


def test_presets_come_before_what_is_given(toy):
    reference = build(toy, {"method.preset": "reference"})
    assert (reference.method.rate, reference.method.inner.width) == (2.0, 8)
    assert build(toy, {"method.rate": 3, "method.preset": "reference"}).method.rate == 3.0
    back = reference.with_values({"method.preset": "paper"})
    assert back == build(toy)
    assert RunConfig.from_dict(reference.to_dict()) == reference
    # A value given beside the preset is not taken back by a later one, unless that preset says so itself.
    kept = reference.with_values({"method.steps": 5}).with_values({"method.preset": "paper"})
    assert (kept.method.steps, kept.method.rate) == (5, 1.0)


def test_without_a_preset_the_classs_own_values_hold_whatever_the_papers_are():
    values = {"method.name": "er", "stream.name": "shapes-retrieval"}
    config = RunConfig.from_dict(values)
    assert (config.preset, config.method.replay) == ("fair", "paired")
    paper = config.with_values({"method.preset": "paper"})
    assert (paper.preset, paper.method.replay) == ("paper", "merge")
    assert paper.with_values({"method.preset": "fair"}) == config


def test_ctps_reference_preset_is_the_released_code():
    method = build(PLAIN, {"method.preset": "reference"}).method
    assert method.contrast_keys == "local" and not hasattr(method, "momentum_dropout")


def test_with_values_keeps_the_rest():
    base = build(PLAIN, {"method.backbone.size": "small", "method.backbone.dropout": 0.2, "replay.size": 9})
    new = base.with_values({"method.backbone.dropout": 0.3, "replay": {"policy": "herding"}})
    assert (new.method.backbone.size, new.method.backbone.dropout) == ("small", 0.3)
    assert (new.replay.size, new.replay.policy) == (9, "herding")
    assert (base.method.backbone.dropout, base.replay.policy) == (0.2, "reservoir")


def test_another_stream_starts_its_section_anew(toy):
    config = build(PLAIN, {"stream.tasks": 3})
    other = config.with_values({"stream": {"name": "folder", "data": "y"}})
    assert other.stream == _FolderConfig("y")
    assert "stream.data: missing" in message(config.with_values, {"stream.name": "folder"})


def test_an_integer_is_a_number_and_nothing_else_is(toy):
    config = build(toy, {"method.rate": 1, "method.betas": [0, 1]})
    assert type(config.method.rate) is float
    assert config.method.betas == (0.0, 1.0) and type(config.method.betas[0]) is float
    assert build(toy, {"method.inner.dropout": None}).method.inner.dropout is None


def test_a_list_of_numbers_may_be_written_as_text(toy):
    assert build(toy, {"method.betas": "0, 0.5"}).method.betas == (0.0, 0.5)
    wrong = {
        "0, a": "method.betas[1]: expected a number, found 'a'",
        "0]": "method.betas: expected a list of 2 (a number, a number), found '0]'",
    }
    for text, wanted in wrong.items():
        assert wanted in message(build, toy, {"method.betas": text})


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"method.rate": "fast"}, "method.rate: expected a number, found 'fast'"),
        ({"method.rate": True}, "method.rate: expected a number, found true"),
        ({"method.rate": None}, "method.rate: expected a number, found null"),
        ({"method.rate": float("nan")}, "method.rate: expected a number, found nan"),
        ({"method.rate": float("inf")}, "method.rate: expected a number, found inf"),
        ({"method.steps": 2.0}, "method.steps: expected an integer, found 2.0"),
        ({"method.steps": False}, "method.steps: expected an integer, found false"),
        ({"method.steps": 2**63}, "method.steps: expected an integer, found 9223372036854775808"),
        ({"method.rate": 10**400}, "method.rate: expected a number, found 1000"),
        ({"method.flag": 1}, "method.flag: expected true or false, found 1"),
        ({"method.flag": "yes"}, "method.flag: expected true or false, found 'yes'"),
        ({"method.kind": "c"}, "method.kind: expected a or b, found 'c'"),
        ({"method.names": "a"}, "method.names: expected a list, each text, found 'a'"),
        ({"method.names": ["a", 1]}, "method.names[1]: expected text, found 1"),
        ({"method.betas": [1]}, "method.betas: expected a list of 2 (a number, a number), found [1]"),
        ({"method.inner.dropout": "x"}, "method.inner.dropout: expected a number or null, found 'x'"),
        (
            {"method.inner": 3},
            "method.inner: expected keys below it (method.inner.width, method.inner.dropout)",
        ),
        ({"method.steps.x": 3}, "method.steps.x: unknown key; method.steps is a single value"),
        (
            {"method.stesp": 3},
            "method.stesp: unknown key; did you mean steps? Allowed are name, preset, inner, rate",
        ),
        ({"method.inner.widht": 3}, "method.inner.widht: unknown key; did you mean width?"),
        (
            {"metod.steps": 3},
            "metod.steps: unknown section 'metod'; did you mean method? Allowed are method, stream",
        ),
        ({"steps": 3}, "steps: unknown section 'steps'; did you mean method.steps?"),
        ({"seed": 3}, "seed: unknown section 'seed'; did you mean run.seed?"),
        ({"run": None}, "run: expected a mapping of keys, found null"),
        ({"method.preset": "papr"}, "method.preset: unknown preset 'papr'; did you mean paper?"),
        (
            {"method.name": "toi"},
            "method.name: unknown method 'toi'; did you mean toy? Allowed are ctp, finetune",
        ),
        (
            {"stream.name": "shapes"},
            "stream.name: unknown stream 'shapes'; did you mean shapes-recognition or shapes-r",
        ),
        # The dataclasses' own checks, put at the key that they begin with.
        ({"method.steps": 0}, "method.steps: 0 must be >= 1"),
        ({"method.rate": 9}, "method: more rate than steps"),
        (
            {"replay.policy": "herdin"},
            "replay.policy: 'herdin' is not one of reservoir, random, balanced, herding",
        ),
        ({"run.workers": 0}, "run.workers: 0 is below 1"),
        ({"run.seed": -1}, "run.seed: -1 is not in 0 .. 4294967295"),
    ],
)
def test_a_wrong_value_names_key_found_and_allowed(toy, values, wanted):
    assert message(build, toy, values).startswith(wanted)
    if "method.name" not in values:
        assert message(build(toy).with_values, values, "--set").startswith(f"--set {wanted}")


def test_a_key_both_dotted_and_nested_is_refused(toy):
    text = message(RunConfig.from_dict, {**toy, "method": {"steps": 2}, "method.steps": 2})
    assert text == "method.steps: the key is given twice, once dotted and once nested"


def test_both_names_are_needed():
    assert message(RunConfig.from_dict, {"stream.name": "shapes-retrieval"}).startswith(
        "method.name: missing; allowed are ctp, finetune, er, joint"
    )
    assert message(RunConfig.from_dict, {"method.name": "ctp"}).startswith(
        "stream.name: missing; allowed are "
    )


def test_the_method_cannot_be_replaced():
    assert (
        message(build(PLAIN).with_values, {"method.name": "er"})
        == "method.name: 'er' cannot replace 'ctp' here"
    )


def test_a_method_meets_its_own_scenarios_only(toy, monkeypatch):
    monkeypatch.setattr(sys.modules["toy_parts"].stream, "scenario", "vqa")
    assert message(build, toy) == "stream.name: 'folder' is a vqa stream; toy learns retrieval"


def test_ctps_own_ranges_are_reported_at_their_keys():
    text = message(build(PLAIN).with_values, {"method.queue_size": 1000}, "--set")
    assert text == "--set method.queue_size: 1000 is not a multiple of batch_size 512"
    text = message(build(PLAIN).with_values, {"method.backbone.dropout": 1}, "--set")
    assert text.startswith("--set method.backbone.dropout: 1")


def test_the_batch_divides_over_workers_and_micro_batches():
    assert build(PLAIN, {"run.workers": 4, "run.accumulate": 8}).run.accumulate == 8
    text = message(build, PLAIN, {"run.workers": 3})
    assert text.startswith("method.batch_size: 512 cannot be divided over run.workers 3 x run.accumulate 1")


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ({"gpus_per_trial": 0.5}, True),
        ({"gpus_per_trial": 0.0, "workers": 2}, True),
        ({"gpus_per_trial": 2.0, "workers": 2}, True),
        ({"gpus_per_trial": 1.0, "workers": 2}, False),
        ({"gpus_per_trial": 0.5, "workers": 2}, False),
        ({"gpus_per_trial": 2.0}, False),
        ({"gpus_per_trial": -1.0}, False),
        ({"gpus_per_trial": 1.0, "device": "cpu"}, False),
        ({"gpus_per_trial": 0.0, "device": "cuda"}, False),
    ],
)
def test_gpus_suit_workers_and_device(given, allowed):
    if allowed:
        assert RunOptions(**given).gpus_per_trial == given["gpus_per_trial"]
    else:
        with pytest.raises(ValueError, match="gpus_per_trial"):
            RunOptions(**given)


def test_set_reads_values_as_yaml():
    pairs = [
        "a.b=1e-4",
        "c=3",
        "d=true",
        "e=null",
        "f=[x, 家, 2]",
        "g=no",
        "h=",
        "i=a=b",
        "j='1'",
        "k=-2.5",
        "l=1E+3",
    ]
    assert parse_set(pairs) == {
        "a.b": 1e-4,
        "c": 3,
        "d": True,
        "e": None,
        "f": ["x", "家", 2],
        "g": "no",
        "h": None,
        "i": "a=b",
        "j": "1",
        "k": -2.5,
        "l": 1000.0,
    }
    assert type(parse_set(["c=3"])["c"]) is int


@pytest.mark.parametrize(
    "pairs", [["method.rate"], ["=3"], ["a=1", "a=1"], ["a=[1"], ["a={x: 1, x: 2}"], ["a=*b"]]
)
def test_set_refuses_what_is_no_assignment(pairs):
    assert message(parse_set, pairs).startswith(f"--set {pairs[-1]}")


def test_data_is_for_streams_that_read_a_folder(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert data_values("folder", "pictures") == {"stream.data": str(tmp_path / "pictures")}
    assert "--data pictures: " in message(data_values, "shapes-retrieval", "pictures")


FILE = """method:
  name: ctp
  backbone: {size: small}
stream: {name: shapes-retrieval}
replay:
  size: 4
"""


def test_a_file_is_read(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(FILE)
    assert RunConfig.load_yaml(path).replay.size == 4


@pytest.mark.parametrize(
    ("change", "line", "wanted"),
    [
        (("size: 4", "size: four"), 6, "replay.size: expected an integer, found 'four'"),
        (("size: 4", "size: -4"), 6, "replay.size: -4 is negative"),
        (("size: small", "sise: small"), 3, "method.backbone.sise: unknown key; did you mean size?"),
        (("size: 4", "size: 4\n  size: 5"), 7, "replay.size: the key is given twice"),
        (("name: ctp\n", "name: ctp\n  1: 2\n"), 3, "a key must be text, found 1"),
        (("size: 4", "size: &a 4\n  store: *a"), 6, "references (*name) are not allowed"),
        (("size: 4", "size: ["), None, "not valid YAML"),
        (("size: 4", "size: !!python/object/apply:os.getcwd []"), 6, "not valid YAML"),
    ],
)
def test_a_files_mistake_is_named_with_its_line(tmp_path, change, line, wanted):
    path = tmp_path / "run.yaml"
    assert change[0] in FILE
    path.write_text(FILE.replace(*change))
    text = message(RunConfig.load_yaml, path)
    assert wanted in text
    assert text.startswith(f"{path}:{line}: " if line else f"{path}:")


@pytest.mark.parametrize("content", [b"", b"- a\n", b"\xff\xfe", b"a: b: c\n"])
def test_a_file_that_is_no_configuration_is_one_line(tmp_path, content):
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    assert message(RunConfig.load_yaml, path).startswith(str(path))
    assert "cannot be read" in message(RunConfig.load_yaml, tmp_path / "none.yaml")


def test_an_error_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(ConfigError("a.b", "is wrong", "--set")))
    assert (str(error), error.key, error.problem, error.where) == (
        "--set a.b: is wrong",
        "a.b",
        "is wrong",
        "--set",
    )
