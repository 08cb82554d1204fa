"""``python -m orchestrator.sweep METHOD --explain [KEY]``. No Ray is started."""

import subprocess
import sys

import pytest

from orchestrator.commands.explain import explain
from orchestrator.errors import UserError
from orchestrator.search.space import Space
from orchestrator.sweep import main


def test_a_key_is_told_with_all_its_values():
    assert explain("ctp", "method.temperature").splitlines() == [
        "method.temperature: a number, above 0",
        "    default 0.07; paper 0.07; released code 0.07; search space 0.02 .. 0.3 (log), start 0.07",
        "    What every similarity is divided by. It is not learnt.",
    ]


@pytest.mark.parametrize(
    ("method", "key", "values"),
    [
        ("ctp", "method.contrast_keys", "default global; paper global; released code local"),
        ("ctp", "method.backbone.image_width", "default null; by size 768 (base), 64 (small), 64 (world)"),
        ("ctp", "method.epochs", "default 5; paper 5; released code 5; search space fixed 12"),
        ("triplet", "method.rank", "default 20; paper 20 (ALBEF), 10 (FLAVA); presets 10 (flava); search "),
        ("triplet", "method.weight_decay", "default 0.01; paper not stated"),
        (
            "mma",
            "replay.policy",
            "search space {reservoir, random, herding}, start herding, when replay.size > 0",
        ),
        ("vqacl", "stream.max_tokens", "search space fixed 20"),
        ("zero-shot", "run.workers", "default 1"),
    ],
)
def test_a_key_is_told_by_preset_size_and_search_space(method, key, values):
    told = " ".join(explain(method, key).split())
    assert told.startswith(f"{key}: ") and values in told


def test_what_set_fixes_is_told_in_the_place_of_the_search():
    told = " ".join(explain("ctp", "method.temperature", pairs=["method.temperature=0.1"]).split())
    assert "search space fixed 0.1 What" in told


def test_without_a_key_all_keys_are_told_once_in_their_groups():
    lines = explain("ctp").splitlines()
    keys = [line.partition(":")[0] for line in lines if ": " in line and line.partition(":")[0].count(".")]
    keys = [key for key in keys if " " not in key]
    assert sorted(keys) == sorted(Space.load("ctp").config.flat())
    heads = [line for line, after in zip(lines, lines[1:], strict=False) if line and not after]
    heads = [line for line in heads if not line.startswith(" ")]
    assert heads == ["method: ctp", "method.backbone", "stream: shapes-retrieval", "replay", "run"]
    assert max(map(len, lines)) <= 98 and not [
        line for line in lines if "``" in line or line != line.rstrip()
    ]


def test_a_section_and_another_stream_are_told_alone():
    backbone = explain("ctp", "method.backbone")
    assert backbone.startswith("method.backbone\n\nmethod.backbone.size: base or small or world\n")
    assert "method.temperature" not in backbone and "stream." not in backbone
    assert "method.backbone.size:" in explain("ctp", "method") and "method.epochs:" in explain(
        "ctp", "method"
    )
    told = explain("ctp", "stream", "p9d")
    assert told.startswith("stream: p9d\n") and "stream.task_names: a list, each text" in told


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("method.tmperature", "unknown key 'method.tmperature'; did you mean method.temperature or"),
        ("temperature", "unknown key 'temperature'; did you mean method.temperature?"),
        ("method.backbone.sise", "did you mean method.backbone.size"),
        ("metod", "unknown key 'metod'"),
    ],
)
def test_a_wrong_key_is_one_line_with_a_near_name(key, meant):
    with pytest.raises(UserError) as found:
        explain("ctp", key)
    assert str(found.value).startswith("--explain: ") and meant in str(found.value)
    assert "\n" not in str(found.value) and "llowed are method.name" in str(found.value)


def test_the_option_goes_by_stream_and_set_and_not_beside_resume(capsys):
    given = ["--explain", "stream.initial", "--stream", "digits", "--set", "stream.initial=5"]
    assert main(["mma", *given]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "stream.initial: an integer, at least 1",
        "    default 2; search space fixed 5",
    ]
    with pytest.raises(UserError, match="leave out --explain"):
        main(["--resume", "NAME", "--explain"])


_COMMAND = """
import atexit, sys
from orchestrator.commands.arguments import run_main
from orchestrator.sweep import main
heavy = "ray optuna mlflow matplotlib pandas sklearn timm transformers open_clip torchvision".split()
atexit.register(lambda: print("imported:", sorted({*heavy} & {*sys.modules}), file=sys.stderr))
run_main(main, ["ctp", "--explain"])
"""


def test_the_command_starts_nothing_imports_little_and_bears_that_its_reader_leaves(tmp_path):
    pipe = ["bash", "-c", '"$0" -c "$1" | head -n 1; exit "${PIPESTATUS[0]}"', sys.executable, _COMMAND]
    done = subprocess.run(pipe, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout == "method: ctp\n" and done.stderr == "imported: []\n"
    assert done.returncode in (0, 141)  # as it had all written before head left, or not
    assert [*tmp_path.iterdir()] == []
