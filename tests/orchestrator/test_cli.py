"""The command lines, as far as they go without starting anything."""

import json

import pytest

from orchestrator import sweep, train
from orchestrator.cli import run_main


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _run(main, line, capsys):
    with pytest.raises(SystemExit) as caught:
        run_main(main, line.split())
    return caught.value.code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("main", "line", "words"),
    [
        (sweep.main, "cpt", ["cpt", "ctp"]),
        (sweep.main, "ctp --stream shape-retrieval", ["shape-retrieval", "shapes-retrieval"]),
        (sweep.main, "ctp --set method.learningrate=1", ["method.learningrate", "learning_rate"]),
        (sweep.main, "ctp --set method.learning_rate=fast", ["method.learning_rate", "fast", "number"]),
        (sweep.main, "ctp --set replay.size=-1", ["replay.size", "-1"]),
        (sweep.main, "ctp --set stream.tasks", ["stream.tasks", "key=value"]),
        (sweep.main, "ctp --data .", ["--data", "shapes-retrieval"]),
        (sweep.main, "ctp --stream p9d", ["p9d", "--data"]),
        (sweep.main, "ctp --trials 0", ["--trials 0"]),
        (sweep.main, "ctp --workers 0", ["workers", "0"]),
        (sweep.main, "ctp --workers 3", ["method.batch_size", "32", "3"]),
        (sweep.main, "ctp --seed 1 --set run.seed=2", ["run.seed", "once"]),
        (sweep.main, "ctp --name ../up", ["--name", "../up"]),
        (sweep.main, "ctp --name .hidden", ["--name", ".hidden"]),
        (sweep.main, "--resume nothing", ["nothing", "none"]),
        (sweep.main, "--resume ../elsewhere", ["--resume", "../elsewhere", "letters"]),
        (train.main, "--resume /tmp", ["--resume", "/tmp", "letters"]),
        (train.main, "--config nothing.yaml", ["nothing.yaml"]),
        (train.main, "ctp --seeds 1 1", ["--seeds 1 1", "different"]),
        (train.main, "--resume nothing", ["nothing"]),
        *(
            (main, f"--resume s {option}", [f"leave out {option.split()[0]} ", "--concurrent"])
            for main in (sweep.main, train.main)
            for option in (
                "--seed 3",
                "--workers 2",
                "--gpus-per-trial 0.5",
                "--set method.epochs=1",
                "--stream digits",
                "--data here",
                "--name other",
                "--skip-bad",
                "--no-feature-cache",
            )
        ),
        (sweep.main, "ctp --resume s", ["leave out ctp "]),
        (sweep.main, "--resume nothing --trials 3", ["nothing", "none"]),
        (train.main, "ctp --resume s", ["leave out ctp "]),
        (train.main, "--resume s --seeds 1 2", ["leave out --seeds "]),
        (train.main, "--resume s --config c.yaml", ["leave out --config "]),
        (train.main, "ctp --concurrent 0", ["--concurrent 0"]),
    ],
)
def test_wrong_words_get_one_line_and_a_non_zero_exit(main, line, words, capsys, tmp_path):
    code, out, err = _run(main, line, capsys)
    assert code == 2
    assert err.startswith("error: ") and err.count("\n") == 1
    for word in words:
        assert word in err, err
    assert not list(tmp_path.glob("runs/*"))


def test_a_broken_data_set_names_file_and_record_or_is_counted(capsys, tmp_path):
    (tmp_path / "json").mkdir()
    for folder in ("train_images", "gallery_images"):
        (tmp_path / folder).mkdir()
    train_records = {"a": {str(i): {"title": f"thing {i}", "cate_name": "c"} for i in range(4)}}
    (tmp_path / "json" / "train.json").write_text(json.dumps(train_records))
    code, _, err = _run(sweep.main, "ctp --dry-run --stream p9d --data .", capsys)
    assert code == 2 and "test.json" in err and err.count("\n") == 1
    (tmp_path / "json" / "test.json").write_text('{"9": {"title": ')
    code, _, err = _run(sweep.main, "ctp --dry-run --stream p9d --data .", capsys)
    assert code == 2 and "test.json" in err and err.count("\n") == 1


def test_a_name_that_is_taken_is_refused(capsys, tmp_path):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    code, _, err = _run(sweep.main, "ctp --name mine", capsys)
    assert code == 2 and "--resume mine" in err


def test_a_dry_run_prints_what_would_be_run_and_starts_nothing(capsys, tmp_path):
    code, out, _ = _run(sweep.main, "ctp --dry-run --trials 3 --set stream.tasks=2 replay.size=7", capsys)
    assert code == 0
    for expected in (
        "3 trials for max validation/seen/r_mean",
        "method.learning_rate",
        "size: 7",
        "2 tasks of retrieval",
        "vehicles",
        "1 worker(s), 1 CPU each",
    ):
        assert expected in out
    assert not list(tmp_path.iterdir())
    code, out, _ = _run(train.main, "joint --dry-run --seeds 4 5", capsys)
    assert code == 0 and "seed 4, 5" in out and not list(tmp_path.iterdir())


@pytest.mark.parametrize("main", [sweep.main, train.main])
def test_help_explains_the_options(main, capsys):
    code, out, _ = _run(main, "--help", capsys)
    assert code == 0
    for option in ["stream", "data", "workers", "gpus-per-trial", "set", "seed", "name", "resume", "dry-run"]:
        assert f"--{option}" in out


def test_list_names_methods_streams_and_spaces(capsys):
    code, out, _ = _run(sweep.main, "list", capsys)
    assert code == 0
    for name in ("ctp", "finetune", "er", "joint", "shapes-retrieval", "p9d", "method.learning_rate"):
        assert name in out
