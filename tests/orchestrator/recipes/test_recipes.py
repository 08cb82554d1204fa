"""Recipes have the published values, whatever search spaces say, and ``--set`` wins over them. No Ray is
started.
"""

import pytest

from orchestrator import api, sweep, train
from orchestrator.commands.listing import listing
from orchestrator.commands.recipe_changes import recipe_changes
from orchestrator.commands.recipe_values import recipe_config, recipe_values
from orchestrator.commands.train_start import start_config
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.metrics.measures import SHOWN
from orchestrator.recipes.recipe import Recipe
from orchestrator.schema.flatten import flatten
from orchestrator.search import shipped_spaces
from orchestrator.search.space import Space
from orchestrator.search.space_file import SpaceFile
from orchestrator.streams import registry

_CLIP = {"method.backbone.model": "ViT-B-16", "method.backbone.pretrained": "openai"}
# Jha et al.: batch 64, five epochs of which one warms up, 1e-3, two epochs of consolidation at 1e-4.
_CLAP = _CLIP | {
    "stream.order": 1993,
    "method.samples": 20,
    "method.vga_heads": 1,
    "method.vga_ff": 2048,
    "method.dropout": 0.1,
    "method.prior": "normal",
    "method.kl_weight": 0.001,
    "method.lasp_weight": 15.0,
    "method.hierarchical": False,
    "method.task_tokens": False,
    "method.learning_rate": 1e-3,
    "method.warmup": 0.2,
    "method.epochs": 5,
    "method.consolidation_epochs": 2,
    "method.consolidation_factor": 0.1,
    "method.batch_size": 64,
    "method.init": "language_aware",
    "method.init_statistic": "std",
    "method.init_classes": "new",
    "method.reset_shared": False,
    "replay.policy": "random",
}
_CLAP_CODE = {
    "method.preset": "reference",
    "stream.validation": 0,
    "method.learning_rate": 1.6e-3,
    "method.warmup": 0.3,
    "method.batch_size": 32,
    "method.init_statistic": "variance",
    "method.init_classes": "seen",
    "method.reset_shared": True,
    "replay.policy": "first",
}
_CIFAR = {
    "stream.name": "cifar100",
    "stream.initial": 10,
    "stream.increment": 10,
    "stream.templates": "cifar",
    "replay.size": 2000,
    "replay.budget": "total",
}
_IMAGENET_R = {
    "stream.name": "image-folder",
    "stream.initial": 20,
    "stream.increment": 20,
    "stream.templates": "imagenet",
    "stream.image_size": 224,
    "stream.train_list": "imagenet_split/imagenetr_train.txt",
    "stream.test_list": "imagenet_split/imagenetr_test.txt",
    "replay.size": 20,
    "replay.budget": "per_class",
}
_MMA = _CLIP | {
    "stream.name": "image-folder",
    "stream.order": "natural",
    "stream.initial": 18,
    "stream.increment": 19,
    "stream.templates": ["a photo of a {}, a type of pet."],
    "method.adapter": "clip_transformer_adapter_text",
    "method.ratio": 0.2,
    "method.down_dim": 128,
    "method.rank": 32,
    "method.heads": 4,
    "method.mask_mode": "blocked",
    "method.learning_rate": 5e-3,
    "method.weight_decay": 1e-4,
    "method.schedule": "constant",
    "method.batch_size": 256,
    "method.epochs": 200,
    "method.patience": 20,
    "method.clamp_scale": False,
    "method.last_batch": "keep",
    "run.seed": 42,
    "replay.size": 0,
}
_MMA_CODE = {"method.preset": "reference", "method.mask_mode": "additive_one", "method.clamp_scale": True}
_VQACL = {
    "stream.name": "vqa-v2",
    "stream.setting": "dual-level",
    "stream.order": "natural",
    "stream.seed": 66666,
    "stream.pictures": "regions",
    "stream.category_ids": "remapped",
    "stream.max_tokens": 20,
    "method.backbone.size": "base",
    "method.backbone.weights": "random",
    "method.alpha": 0.5,
    "method.beta": 0.3,
    "method.learning_rate": 1e-4,
    "method.warmup": 0.1,
    "method.weight_decay": 0.01,
    "method.clip": 5.0,
    "method.epochs": 3,
    "method.batch_size": 80,
    "method.beams": 5,
    "method.replay": "paired",
    "method.inner": True,
    "method.prototype_update": "paper",
    "method.question_part": "tokens",
    "method.area": "box",
    "method.adamw": "torch",
    "method.warmup_from": "first",
    "replay.size": 5000,
    "replay.policy": "balanced",
    "replay.balance_by": "group",
}
_VQACL_CODE = {
    "method.preset": "reference",
    "stream.category_ids": "raw",
    "method.prototype_update": "reference",
    "method.question_part": "fixed",
    "method.question_tokens": 20,
    "method.area": "reference",
    "method.adamw": "reference",
    "method.warmup_from": "zero",
}
_NOVEL = {"stream.setting": "novel-composition", "stream.held_out": 4}
_CTP = {
    "stream.name": "p9d",
    "stream.order": [
        *("家居用品", "家装家饰", "食品/保健", "美容护理"),
        *("服饰鞋包", "车品配件", "母婴", "运动/户外", "3C数码"),
    ],
    "stream.image_size": 224,
    "stream.crop": "original",
    "stream.max_tokens": 30,
    "stream.tokenizer": "bert-base-chinese",
    "method.backbone.size": "base",
    "method.embed_dim": 256,
    "method.temperature": 0.07,
    "method.distill_temperature": 1.0,
    "method.mlm_probability": 0.15,
    **{f"method.{term}_weight": 1.0 for term in ("ita", "mlm", "contrast", "mlm_distill")},
    **{f"method.topology_{kind}_weight": 1.0 for kind in ("cross", "same")},
    "method.mask_own": True,
    "method.queue_size": 1024,
    "method.momentum_first": 0.995,
    "method.momentum": 0.9,
    "method.momentum_mix": 0.5,
    "method.contrast_keys": "global",
    "method.learning_rate": 1e-4,
    "method.min_learning_rate": 1e-6,
    "method.weight_decay": 0.05,
    "method.epochs": 5,
    "method.batch_size": 512,
    "run.workers": 4,
    "run.seed": 42,
    "replay.size": 0,
}
_CTP_CODE = {"method.preset": "reference", "method.contrast_keys": "local", "stream.validation": 0}
_CTP_ER = {"replay.size": 10000, "replay.policy": "reservoir", "replay.store": "encoded"}
_NEXT_QA = {
    **{key: value for key, value in _VQACL.items() if not key.startswith("stream.")},
    "stream.name": "next-qa",
    "stream.setting": "dual-level",
    "stream.order": "natural",
    "stream.seed": 6666,
    "stream.measure": "wups",
    "stream.matching": "official",
    "stream.tokenizer": "t5-base",
    "stream.max_tokens": 23,
    "method.alpha": 0.3,
    "method.beta": 0.5,
    "replay.size": 500,
}
_TRIPLET = {
    "stream.name": "vqa-v2",
    "stream.pictures": "pixels",
    "method.backbone.size": "base",
    "method.general_layers": [0, 1, 2],
    "method.task_layers": [2, 3, 4, 5],
    "method.general_length": 5,
    "method.task_length": 20,
    "method.rank": 20,
    "method.match_weight": 0.1,
    "method.modality_weight": 0.2,
    "method.task_weight": 0.05,
    "method.learning_rate": 4e-4,
    "method.batch_size": 16,
    "method.classifier": "fusion",
    "replay.size": 0,
}

_FLAVA = {
    "method.backbone.flava": "facebook/flava-full",
    "method.rank": 10,
    "method.modality_weight": 0.1,
    "stream.image_size": 224,
}

_MINE = (
    "method: clap4clip\nstream: cifar100\ntrials: 4\n"
    "objective: {metric: validation/average, mode: max}\n"
    "search:\n  method.init_statistic: {type: categorical, choices: [std, variance]}\n"
)

_TWO_BY_TWO = {"stream.initial": 2, "stream.increment": 2}

# Typed from the methods' specifications, not from the recipes.
PUBLISHED = {
    "clap4clip/cifar100": _CLAP | _CIFAR,
    "clap4clip/cifar100-reference": _CLAP | _CIFAR | _CLAP_CODE,
    "clap4clip/imagenet-r": _CLAP | _IMAGENET_R,
    "clap4clip/imagenet-r-reference": _CLAP | _IMAGENET_R | _CLAP_CODE,
    "ctp/p9d": _CTP,
    "ctp/p9d-reference": _CTP | _CTP_CODE,
    "ctp/p9d-er": _CTP | _CTP_ER,
    "ctp/p9d-er-reference": _CTP | _CTP_ER | _CTP_CODE,
    "mma/oxford-pets": _MMA,
    "mma/oxford-pets-reference": _MMA | _MMA_CODE,
    "triplet/vqa-v2-conls": _TRIPLET | {"stream.setting": "con-ls"},
    "triplet/vqa-v2-conls-flava": _TRIPLET | _FLAVA | {"stream.setting": "con-ls"},
    "triplet/vqa-v2-convls": _TRIPLET | {"stream.setting": "con-vls"},
    "triplet/vqa-v2-convs": _TRIPLET | {"stream.setting": "con-vs"},
    "vqacl/next-qa": _NEXT_QA,
    "vqacl/next-qa-novel": _NEXT_QA | _NOVEL,
    "vqacl/vqa-v2": _VQACL,
    "vqacl/vqa-v2-novel": _VQACL | _NOVEL,
    "vqacl/vqa-v2-novel-reference": _VQACL | _NOVEL | _VQACL_CODE,
    "vqacl/vqa-v2-reference": _VQACL | _VQACL_CODE,
}


def differences(config, name):
    flat = flatten(config.to_dict())
    return {k: (flat.get(k, "no key"), v) for k, v in PUBLISHED[name].items() if flat.get(k, "no key") != v}


def test_every_recipe_is_in_the_table():
    assert Recipe.names() == sorted(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_is_a_sound_configuration_at_the_published_values(name):
    recipe = Recipe.load(name)
    config = recipe_config(name, None, None, None, {})
    assert isinstance(config, RunConfig) and RunConfig.from_dict(config.to_dict()) == config
    assert config.method_name == name.partition("/")[0] == recipe.method
    ending = name.rpartition("-")[2]
    assert config.preset == (ending if ending in ("reference", "flava") else "paper")
    assert differences(config, name) == {}
    assert recipe.metrics and recipe.needs and all(m.startswith("test/") for m in recipe.metrics)


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_value_of_the_search_space_wins_over_a_recipe(name):
    """Neither what it fixes, nor where it starts, nor what it searches."""
    method, stream, values = recipe_values(name, None, None, None, {})
    space = Space.load(method, stream, None, values, method=method)
    assert differences(space.config, name) == differences(space.start_config, name) == {}
    assert not set(PUBLISHED[name]) & {parameter.key for parameter in space.parameters}
    file = Space.load(method)
    unnamed = {k for k in file.fixed if k not in values and not k.startswith("stream.")}
    assert not unnamed


# The last column of the papers' tables, as metrics here.
_FIGURES = {
    "vqacl/next-qa": {"vqacl/ap": "AP, 32.27", "vqacl/forget": "Forget, 3.00"},
    "vqacl/next-qa-novel": {"vqacl/novel_ap": "AP, 34.22", "vqacl/novel_forget": "Forget, 3.80"},
    "triplet/vqa-v2-conls-flava": {"triplet/average_accuracy": "A, 44.00", "triplet/forgetting": "F"},
    **{
        f"ctp/p9d{kind}{reading}": {
            "seen/r_mean": f"R_m, {figure}",
            "ctp/bwt": "BWT of R_m, positive where it was forgotten",
            "seen/map1_reference": "mAP@1",
            "ctp/bwt_map1_reference": "BWT of mAP@1",
        }
        for kind, figure in (("", "64.87"), ("-er", "70.63"))
        for reading in ("", "-reference")
    },
}


@pytest.mark.parametrize("name", _FIGURES)
def test_a_recipe_names_the_columns_of_its_table(name):
    assert Recipe.load(name).metrics == {f"test/{key}": text for key, text in _FIGURES[name].items()}
    assert set(_FIGURES[name]) <= set(SHOWN), "they are in a run's last lines too"


def test_set_wins_over_a_recipe(tmp_path):
    values = {"method.learning_rate": 0.5, "stream": {"seed": 7}}
    config = recipe_config("clap4clip/cifar100", None, None, tmp_path, values)
    assert (config.method.learning_rate, config.stream.seed, config.stream.data) == (0.5, 7, str(tmp_path))
    assert config.method.epochs == 5
    method, stream, values = recipe_values("clap4clip/cifar100", None, None, None, values)
    config = Space.load(method, stream, tmp_path, values, method=method).config
    assert (config.method.learning_rate, config.stream.seed, config.method.lasp_weight) == (0.5, 7, 15.0)


def both(name, stream=None, values=()):
    """The configuration of ``train --recipe`` and that of the trials of ``sweep --recipe``."""
    method, chosen, given = recipe_values(name, None, None, stream, dict(values))
    space = Space.load(method, chosen, None, given, method=method)
    assert space.config == space.start_config
    return recipe_config(name, None, stream, None, dict(values)), space.config


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        # The recipe sets the rate, the preset too; the preset alone sets the reading.
        (
            "clap4clip/cifar100",
            {"method.preset": "reference"},
            {"method.learning_rate": 1.6e-3, "method.batch_size": 32, "method.init_classes": "seen"},
        ),
        (
            "clap4clip/cifar100",
            {"method": {"preset": "reference", "learning_rate": 0.5}},
            {"method.learning_rate": 0.5, "method.batch_size": 32, "method.epochs": 5},
        ),
        # The recipe's own preset is gone with all that it alone set; what the recipe sets by itself stays.
        (
            "clap4clip/cifar100-reference",
            {"method.preset": "paper"},
            {"method.init_classes": "new", "method.learning_rate": 1.6e-3, "method.reset_shared": False},
        ),
        ("ctp/p9d", {"method.preset": "reference"}, {"method.contrast_keys": "local"}),
        (
            "ctp/p9d-reference",
            {"method.preset": "reference", "method.contrast_keys": "global"},
            {"method.contrast_keys": "global"},
        ),
        (
            "mma/oxford-pets",
            {"method.preset": "reference"},
            {"method.mask_mode": "additive_one", "method.clamp_scale": True, "method.heads": 4},
        ),
    ],
)
def test_set_wins_over_a_preset_that_is_set_and_that_over_the_recipe_in_both_commands(name, values, expected):
    train, sweep = both(name, values=values)
    assert train == sweep
    flat = flatten(train.to_dict())
    assert {key: flat[key] for key in expected} == expected
    assert flat["method.preset"] == flatten(values)["method.preset"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_train_and_sweep_of_a_recipe_agree_in_every_value(name):
    """Also where the search space fixes values of the stream that takes the place of the recipe's."""
    train, sweep = both(name)
    assert train == sweep
    spaces = SpaceFile(shipped_spaces.find(train.method_name)).stream
    train, sweep = both(name, spaces)
    assert train == sweep
    assert train.stream == registry.get(spaces).Config()


@pytest.mark.parametrize("asked", ["papr", None, ["paper"]])
def test_a_preset_that_is_unknown_is_one_line_beside_a_recipe_too(asked):
    for ask in (recipe_values, recipe_config):
        with pytest.raises(UserError, match="^--set method.preset: unknown preset .*llowed are paper, ref"):
            ask("ctp/p9d", None, None, None, {"method.preset": asked})


def test_the_folder_that_a_space_of_ones_own_fixes_is_read(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(_MINE + f"fixed: {{stream.data: {tmp_path}, stream.order: 3}}\n")
    method, stream, values = recipe_values("clap4clip/cifar100", None, file, None, {})
    config = Space.load(str(file), stream, None, values, method=method).config
    assert (config.stream.data, config.stream.order) == (str(tmp_path), 1993)


def test_a_preset_that_is_set_takes_the_place_of_the_recipes_whatever_a_space_of_ones_own_fixes(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(_MINE + "fixed: {method.init_classes: seen}\n")
    given = {"method.preset": "paper"}
    method, stream, values = recipe_values("clap4clip/cifar100-reference", None, file, None, given)
    config = Space.load(str(file), stream, None, values, method=method).config
    assert (config.preset, config.method.init_classes) == ("paper", "new")
    assert config.method.learning_rate == 1.6e-3, "which the recipe sets by itself"


def test_a_space_of_ones_own_searches_what_the_recipes_preset_sets(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(_MINE)

    def searched(given):
        method, stream, values = recipe_values("clap4clip/cifar100-reference", None, file, None, given)
        space = Space.load(str(file), stream, None, values, method=method)
        assert space.config.preset == "reference" and space.config.method.init_classes == "seen"
        return space.searched

    assert searched({}) == ["method.init_statistic"]
    assert searched({"method.preset": "reference"}) == [], "whoever asks for a preset has all of it"


def test_another_stream_takes_the_place_of_the_recipes():
    config = recipe_config("clap4clip/cifar100", None, "digits", None, {})
    assert config == recipe_config("clap4clip/cifar100", None, None, None, {"stream.name": "digits"})
    own = start_config("clap4clip", None, None, "digits", None, {})
    assert config.stream == own.stream and config.method.learning_rate == 1e-3 != own.method.learning_rate
    method, stream, values = recipe_values("clap4clip/cifar100", None, None, "digits", {})
    assert stream == "digits" and not any(key.startswith("stream.") for key in values)


def test_a_space_of_ones_own_searches_what_it_names(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "method: clap4clip\nstream: shapes-recognition\ntrials: 4\n"
        "objective: {metric: validation/average, mode: max}\n"
        "fixed: {method.batch_size: 8, method.ortho_weight: 5.0}\n"
        "search:\n  method.learning_rate: {type: float, low: 1.0e-4, high: 1.0e-2, log: true}\n"
    )
    method, stream, values = recipe_values("clap4clip/cifar100", None, file, None, {})
    space = Space.load(str(file), stream, None, values, method=method)
    assert [parameter.key for parameter in space.parameters] == ["method.learning_rate"]
    assert (space.config.method.batch_size, space.config.method.ortho_weight) == (64, 0.0)


@pytest.mark.parametrize(
    ("door", "command", "said"),
    [
        (sweep, ["--recipe", "clap4clip/cifar10"], "--recipe clap4clip/cifar10: unknown recipe"),
        (train, ["--recipe", "cifar100"], "--recipe cifar100: unknown recipe"),
        (sweep, ["ctp", "--recipe", "ctp/p9d"], "ctp: beside --recipe ctp/p9d; allowed: one of the two"),
        (train, ["--recipe", "ctp/p9d", "--space", "s.yaml"], "--space s.yaml: beside --recipe ctp/p9d"),
        (train, ["--recipe", "ctp/p9d", "--set", "method.epoch=1"], "--set"),
        (sweep, ["--recipe", "ctp/p9d", "--explain"], "--explain beside --recipe ctp/p9d: allowed"),
    ],
)
def test_what_a_recipe_cannot_be_is_one_line(door, command, said):
    with pytest.raises(UserError) as error:
        door.main(command)
    assert str(error.value).startswith(said) and "\n" not in str(error.value)


@pytest.mark.parametrize("door", [sweep, train])
def test_a_preview_shows_the_recipe(door, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    values = ["stream.initial=2", "stream.increment=2"]
    command = [
        "--recipe",
        "clap4clip/cifar100-reference",
        "--stream",
        "digits",
        "--dry-run",
        "--set",
        *values,
    ]
    assert door.main(command) == 0
    shown = capsys.readouterr().out
    assert "Recipe clap4clip/cifar100-reference: CLAP4CLIP (Jha et al., NeurIPS 2024)" in shown
    assert "  test/unweighted_average: Last, 78.21 (from a summary of the paper)" in shown
    assert "    learning_rate: 0.0016\n" in shown and "    pretrained: openai\n" in shown
    assert "  set here: stream.name digits (the recipe: cifar100), at its own values\n" in shown
    assert not list(tmp_path.iterdir())


_NEEDS = [
    "Recipe ctp/p9d: CTP (Zhu et al., ICCV 2023), P9D, memory-free; the paper's reading",
    "  test/seen/r_mean: R_m, 64.87",
    "  test/ctp/bwt: BWT of R_m, positive where it was forgotten",
    "  test/seen/map1_reference: mAP@1",
    "  replay: size=0",
    "  run: workers=4, seed=42",
    "  needs: four GPUs, 128 pairs each, or one with --workers 1 --set method.micro_batch_size=128",
]


@pytest.mark.parametrize("door", [sweep, train])
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], "stream p9d: no data folder given, allowed: --data DIR with json/ and train_images/"),
        (["--stream", "shapes-retrieval"], "a trial asks for 512 worker(s) with 1 CPU"),
    ],
)
def test_a_preview_shows_the_recipe_before_what_is_missing_ends_it(door, asked, said, capsys):
    """Neither the data nor as many CPUs need be here."""
    more = ["--set", "run.workers=512"] if asked else []
    with pytest.raises(UserError) as error:
        door.main(["--recipe", "ctp/p9d", "--dry-run", *asked, *more])
    assert said in str(error.value) and "\n" not in str(error.value)
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert [line for line in lines if line in _NEEDS] == _NEEDS
    assert "  stream p9d: order=[" in shown and "topology_same_weight=1.0, mask_own=true" in shown
    assert (
        "differs: as many training pairs as a task has test pairs are held out, 2,846 of a million" in shown
    )
    assert lines.index(_NEEDS[-1]) < next(k for k, line in enumerate(lines) if "reading the stream" in line)


def test_a_preview_from_python_is_one_text(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    asked = {"recipe": "clap4clip/cifar100", "stream": "digits", "set": _TWO_BY_TWO}
    whole = api.preview_train(**asked)
    told = []
    rest = api.preview_train(first=told.append, **asked)
    head, changed = "Recipe clap4clip/cifar100: CLAP4CLIP", "  set here: stream.name digits"
    assert whole.startswith(head) and f"\n{changed}" in whole
    assert len(told) == 1 and told[0].startswith(head)
    assert rest == "Recipe clap4clip/cifar100\n" + whole.removeprefix(f"{told[0]}\n")
    assert rest.startswith(f"Recipe clap4clip/cifar100\n{changed}")


@pytest.mark.parametrize("values", [[], ["--stream", "image-folder"]])
@pytest.mark.parametrize("name", ["clap4clip/cifar100-reference", "clap4clip/cifar100"])
def test_a_sweep_of_a_recipe_that_trains_on_everything_is_refused_without_data(name, values):
    """Another stream in the recipe's place is at its own values, and holds data out."""
    with pytest.raises(UserError) as error:
        sweep.main(["--recipe", name, *values])
    said = str(error.value)
    assert "\n" not in said
    refused = (
        "--recipe clap4clip/cifar100-reference: trains on all training data (stream.validation 0), which "
        "leaves a search nothing to choose by; allowed: --recipe clap4clip/cifar100, --set "
        "stream.validation=0.1, or train --recipe clap4clip/cifar100-reference"
    )
    assert (said == refused) == (name.endswith("-reference") and not values)
    assert said == refused or "no data folder given" in said


def test_a_recipe_that_trains_on_everything_is_searched_with_validation_data_set():
    with pytest.raises(UserError, match="stream cifar100: no data folder given"):
        sweep.main(["--recipe", "clap4clip/cifar100-reference", "--set", "stream.validation=0.1"])


@pytest.mark.parametrize("door", [sweep, train])
def test_a_preview_says_what_is_set_and_what_wins(door, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    values = ["method.preset=reference", "method.warmup=0.1", "stream.initial=2", "stream.increment=2"]
    command = ["--recipe", "clap4clip/cifar100", "--stream", "digits", "--dry-run", "--set", *values]
    assert door.main(command) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "method.preset reference (the recipe: paper)" in shown
    assert "method.learning_rate 0.0016 (the recipe: 0.001), method.warmup 0.1 (the recipe: 0.2)" in shown
    assert "what is set by itself wins over a preset that is set, and both win over the recipe" in shown
    assert "learning_rate: 0.0016" in shown and "warmup: 0.1 " in shown


def test_what_is_searched_and_where_data_lie_are_no_changes_of_a_recipe():
    recipe = Recipe.load("mma/oxford-pets")
    config = recipe.config().with_values({"method.learning_rate": 0.5, "stream.data": "/data"})
    assert recipe_changes(recipe, config, ["method.learning_rate"]) == []
    said = recipe_changes(recipe, config, [])
    assert said[0] == "  set here: method.learning_rate 0.5 (the recipe: 0.005)" and len(said) == 2


def test_the_listing_has_the_recipes():
    lines = listing("ctp").splitlines()
    assert any(line.split()[:2] == ["ctp/p9d-er", "p9d"] for line in lines)
    assert not any("clap4clip/" in line for line in lines)


def test_python_takes_a_recipe_too():
    with pytest.raises(UserError, match="^train: allowed are a method, the file of a config, a recipe, one"):
        api.train("ctp", recipe="ctp/p9d")
