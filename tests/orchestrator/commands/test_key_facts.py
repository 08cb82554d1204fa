"""Each key of a configuration explains itself, and truly."""

import re
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Literal, get_type_hints

import pytest

from methods import registry as methods
from orchestrator.commands.key_facts import key_facts, key_groups, preset_facts
from orchestrator.config import RunConfig
from orchestrator.replay.config import ReplayConfig
from orchestrator.replay.policy_names import POLICY_NAMES
from orchestrator.run_options import RunOptions
from orchestrator.schema.field_docs import field_docs
from orchestrator.streams import registry as streams


def _nested(config):
    yield config
    for hint in get_type_hints(config).values():
        if is_dataclass(hint):
            yield from _nested(hint)


_TOP = [RunOptions, ReplayConfig, *(r.get(name).Config for r in (streams, methods) for name in r.names())]
_CLASSES = [RunConfig, *dict.fromkeys(config for top in _TOP for config in _nested(top))]
_IDS = [f"{config.__module__}.{config.__qualname__}" for config in _CLASSES]


@pytest.mark.parametrize("config", _CLASSES, ids=_IDS)
def test_every_field_has_a_docstring_of_whole_sentences(config):
    for name, text in field_docs(config).items():
        assert text, f"{config.__qualname__}.{name} has no docstring below it"
        assert text[0].isupper() or text.startswith(
            ("``", "alpha, ", "beta, ", "gamma, ", "d, ", "lambda, ", "m of ", "a of ")
        ), text
        assert re.search(r"[.)]$|\.\"$", text) and text.count("``") % 2 == 0, text
        assert not re.search(r":\w+:`", text), f"{name}: a terminal and a page know no roles: {text}"
        left = re.sub(r"(?<!\S)(Range|Paper|Released code): .+?\.(?=\s|$)", "", text)
        assert not re.search(r"Range:|Paper:|Released code:", left), text


@pytest.mark.parametrize("config", _CLASSES[1:], ids=_IDS[1:])
def test_every_number_tells_its_range_which_is_the_one_that_is_checked(config):
    facts = {one.key: one for one in key_facts("x", config) if one.key.count(".") == 1}
    for name, hint in get_type_hints(config).items():
        numbers = {kind for kind in (int, float) if kind in (hint, *getattr(hint, "__args__", ()))}
        if not numbers or f"x.{name}" not in facts or "list" in facts[f"x.{name}"].allowed:
            continue
        allowed, beyond = _ends(facts[f"x.{name}"].allowed)
        assert beyond, f"{config.__qualname__}.{name} tells no range"
        for value in beyond:
            with pytest.raises(ValueError, match=rf"^{name}\b"):
                replace(config(), **{name: value})
        for value in allowed:
            _is_taken(config, name, value)


_NUMBER = r"\d+(?:\.\d+)?(?:\*\*\d+)?(?: - 1)?"


def _ends(told):
    """What a range allows at its ends, and what lies beyond them."""
    both = re.search(rf"({_NUMBER}) to ({_NUMBER})", told)
    pairs = [("at least", both[1]), ("at most", both[2])] if both else []
    pairs += re.findall(rf"(at least|at most|above|below) ({_NUMBER})", told)
    ends = [(word, eval(number)) for word, number in pairs]  # noqa: S307 - of our own docstrings
    beyond = [number + {"at least": -1, "at most": 1}.get(word, 0) for word, number in ends]
    return [number for word, number in ends if word.startswith("at ")], beyond


def _is_taken(config, name, value):
    """An end of a range is refused for the sake of another field alone."""
    try:
        replace(config(), **{name: value})
    except ValueError as error:
        alone = not re.search(rf"must equal|multiple|^(?!{name}\b)", str(error))
        assert not alone, f"{name} {value}: {error}"


def test_every_replay_policy_is_told():
    told = {text for text in re.findall(r"``([\w-]+)``", field_docs(ReplayConfig)["policy"])}
    assert set(POLICY_NAMES) == told


@dataclass(frozen=True)
class _Backbone:
    size: Literal["large", "tiny"] = "large"
    """Sizes by name. Paper: large."""

    width: int | None = None
    """Width. Range: at least 1."""

    depth: int = 2
    """Depth."""

    def resolved(self):
        return replace(self, width=self.width or {"large": 9, "tiny": 3}[self.size])


@dataclass(frozen=True)
class _Config:
    rate: float
    """Rate, in ``metres``. Range: above 0, at most 1. Paper: 0.5 (here), 0.6. Released code: 0.75."""

    backbone: _Backbone = field(default_factory=lambda: _Backbone(depth=3))
    """Nested."""

    steps: tuple[int, ...] = (1, 2)
    """Steps; ``None`` is none."""

    names: str | tuple[str, ...] = ("a",)
    bare: bool = False


class _Method:
    Config = _Config
    presets = {"paper": {}, "reference": {"bare": True}, "other": {"backbone.width": 4, "steps": (3,)}}


class _Stream:
    Config = type("Nothing", (), {})


@dataclass(frozen=True)
class _StreamConfig:
    data: str = ""
    """Where."""


_Stream.Config = _StreamConfig


def test_a_preset_without_values_is_the_own_one_where_the_papers_has_some():
    assert preset_facts({"fair": {}, "paper": {"bare": True}}).own == "fair"


def test_a_class_of_ones_own_is_read_like_any_other():
    groups = key_groups(_Method, _Stream, ["mine", "yours"], ["theirs"])
    assert [*groups] == ["method", "method.backbone", "stream", "replay", "run"]
    assert [one.key for one in groups["method"]] == [
        "method.name",
        "method.preset",
        "method.rate",
        "method.steps",
        "method.names",
        "method.bare",
    ]
    facts = {one.key: one for group in groups.values() for one in group}
    assert facts["method.name"].allowed == "mine or yours" and facts["method.name"].own is None
    preset = facts["method.preset"]
    assert (preset.allowed, preset.own) == ("paper or reference or other", "paper")
    rate = facts["method.rate"]
    assert (rate.own, rate.paper, rate.released) == (None, "0.5 (here), 0.6", "0.75")
    assert rate.allowed == "a number, above 0, at most 1" and rate.text == "Rate, in ``metres``."
    steps, bare, names = facts["method.steps"], facts["method.bare"], facts["method.names"]
    assert (steps.own, steps.paper, steps.released) == ("[1, 2]", "[1, 2]", "[1, 2]")
    assert steps.presets == {"other": "[3]"} and steps.text == "Steps; ``null`` is none."
    assert (bare.own, bare.paper, bare.released, bare.text) == ("false", "false", "true", "")
    assert names.own == '["a"]' and names.allowed == "text or a list, each text"
    width, size = facts["method.backbone.width"], facts["method.backbone.size"]
    assert width.by_size == {"large": "9", "tiny": "3"} and width.presets == {"other": "4"}
    assert (width.paper, size.paper, size.by_size) == ("", "large", {})
    depth = facts["method.backbone.depth"]
    assert (depth.own, depth.paper, depth.by_size) == ("3", "", {}), "a backbone's values are no paper's"
    assert facts["stream.data"].own == '""' and facts["stream.data"].paper == ""


def test_all_keys_of_a_configuration_are_there():
    groups = key_groups(methods.get("ctp"), streams.get("p9d"), methods.names(), streams.names())
    config = RunConfig.from_dict({"method.name": "ctp", "stream.name": "p9d"})
    keys = [one.key for group in groups.values() for one in group]
    assert sorted(keys) == sorted(config.flat()) and "method.backbone.size" in keys
    assert len([*fields(RunOptions)]) == len(groups["run"])
