"""The command lines, as far as they go without starting anything."""

import json
import os
import pty
import signal
import subprocess
import sys
from dataclasses import replace
from importlib import import_module

import pytest

from orchestrator import sweep, train
from orchestrator.commands import arguments as cli
from orchestrator.commands import check_run, run_start, train_start
from orchestrator.commands.arguments import run_main
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.execution import this_machine
from orchestrator.run_options import RunOptions
from orchestrator.storage import run_folder
from orchestrator.storage.identity import Identity


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
        (train.main, "ctp --seed 1 --seeds 1 2", ["--seeds 1 2", "one of the two"]),
        (train.main, "ctp --set run.seed=1 --seeds 1 2", ["--seeds 1 2", "one of the two"]),
        (sweep.main, "ctp mma", ["ctp mma", "show NAME", "rm NAME"]),
        (sweep.main, "methods mam", ["mam", "mma"]),
        (sweep.main, "methods mma ctp", ["methods mma ctp", "a method's name"]),
        (sweep.main, "methods --trials 3", ["leave out --trials"]),
        (sweep.main, "list mma", ["list mma", "show NAME", "methods METHOD"]),
        (sweep.main, "list --yes", ["leave out --yes"]),
        (sweep.main, "show", ["show", "a run's name"]),
        (sweep.main, "show a b", ["show a b", "a run's name"]),
        (sweep.main, "show a", ["show a", "no run", "list"]),
        (sweep.main, "rm", ["rm", "names of runs"]),
        (sweep.main, "rm a --name b", ["leave out --name"]),
        (sweep.main, "rm a --yes", ["rm a", "no run", "list"]),
        (sweep.main, "ctp --yes", ["--yes", "rm NAME"]),
        (sweep.main, "--resume s --checkpoints", ["--checkpoints", "rm NAME"]),
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
    folder = tmp_path / "runs" / "mine"
    (folder / "trials").mkdir(parents=True)
    (tmp_path / "runs" / "file").write_text("")
    (tmp_path / "runs" / "link").symlink_to("nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "runs" / "linked").symlink_to(tmp_path / "empty")
    code, _, err = _run(sweep.main, "ctp --name mine", capsys)
    assert code == 2 and "choose another name, or --resume mine" in err
    for name in ("file", "link", "linked"):
        with pytest.raises(UserError, match=f"choose another name, or --resume {name}"):
            run_folder.new_folder(name, "ctp", "digits", None, Identity.new("", ""), {})
    assert list(folder.iterdir()) == [folder / "trials"], "it is left as it was"


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


def test_methods_names_methods_streams_and_spaces(capsys):
    code, out, _ = _run(sweep.main, "methods", capsys)
    assert code == 0
    for name in ("ctp", "finetune", "er", "joint", "shapes-retrieval", "p9d", "method.learning_rate"):
        assert name in out


def test_methods_tells_of_one_method(capsys):
    code, out, _ = _run(sweep.main, "methods mma", capsys)
    assert code == 0 and "Search space of mma: " in out
    for name in ("\n  mma ", "\n  digits ", "method.mask_mode"):
        assert name in out
    for name in ("clap4clip", "shapes-vqa", "Search space of ctp"):
        assert name not in out


@pytest.mark.parametrize(
    "name", ["sweep", "train", "compare", "cluster", "tracking.__main__", "pretrain.__main__"]
)
def test_every_command_says_its_version(name, capsys):
    module = import_module(f"orchestrator.{name}")
    assert _run(module.main, "--version", capsys) == (0, "vlcl-orchestrator 0.1.0\n", "")


@pytest.mark.parametrize("main", [sweep.main, train.main])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--gpus-per-trial 0.5", "1 CPU and 0.5 GPU each, which does not fit on 2 CPU and 0 GPU"),
        ("--set run.device=cuda", "run.device=cuda"),
        ("--set run.workers=4", "4 worker(s)"),
        ("--set run.cpus_per_worker=3", "3 CPU"),
        ("--concurrent 3", "--concurrent 3: only 2"),
    ],
)
@pytest.mark.parametrize("dry", ["", "--dry-run "])
def test_what_this_machine_cannot_hold_is_said_before_anything_starts(
    main, options, said, dry, monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr(this_machine, "_resources", lambda: {"CPU": 2, "GPU": 0})
    code, _, err = _run(main, f"ctp {dry}{options}", capsys)
    assert code == 2 and said in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("visible", "gpus"), [(None, 4), (["0", "1"], 2), ([], 0)])
def test_gpus_are_those_that_the_process_may_see(visible, gpus, monkeypatch):
    from ray._private import accelerators

    manager = accelerators.get_accelerator_manager_for_resource("GPU")
    monkeypatch.setattr(manager, "get_current_node_num_accelerators", lambda: 4)
    monkeypatch.setattr(manager, "get_current_process_visible_accelerator_ids", lambda: visible)
    assert this_machine._resources()["GPU"] == gpus


def test_what_this_machine_can_hold_is_not_refused(monkeypatch, capsys):
    monkeypatch.setattr(this_machine, "_resources", lambda: {"CPU": 2, "GPU": 1})
    for options in ("--gpus-per-trial 0.5", "--set run.device=cuda", "--workers 2 --gpus-per-trial 0"):
        assert _run(sweep.main, f"ctp --dry-run {options}", capsys)[0] == 0


@pytest.mark.parametrize("option", ["--data=~/d", "--set stream.data=~/d"])
@pytest.mark.parametrize("main", [sweep.main, train.main])
def test_a_home_that_no_shell_put_in_is_put_in(main, option, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    code, _, err = _run(main, f"ctp --dry-run --stream p9d {option}", capsys)
    assert code == 2 and str(tmp_path / "home" / "d") in err
    (tmp_path / "home").mkdir()
    code, out, _ = _run(train.main, "joint --dry-run", capsys)
    config = out.partition("Configuration\n")[2].partition("\n\n")[0]
    (tmp_path / "home" / "c.yaml").write_text(config)
    assert _run(train.main, "--config=~/c.yaml --dry-run", capsys)[0] == 0


def _printing(text, **how):
    """Status and errors of a command that prints a text, to where ``how`` says."""
    code = f"from orchestrator.commands.arguments import run_main\nrun_main(lambda _: print({text}) or 0)"
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, **how)
    return done.returncode, done.stderr


@pytest.mark.parametrize("text", ["'few'", "'much' * 100_000"])
def test_a_reader_that_has_gone_ends_a_command_without_a_word(text):
    read, write = os.pipe()
    os.close(read)
    try:
        assert _printing(text, stdout=write) == (141, "")
    finally:
        os.close(write)


def test_output_that_is_closed_or_full_is_no_traceback(tmp_path):
    closed = _printing("'x'", preexec_fn=lambda: os.close(1))
    assert closed == (0, "")
    with open("/dev/full", "w") as full:
        code, err = _printing("'x'", stdout=full)
    assert code == 1 and err.startswith("error: no space left") and err.count("\n") == 1


def test_rays_variables_are_set_right_before_ray_is_asked_what_fits(monkeypatch, tmp_path):
    """An empty one would end the process as Ray is imported."""
    monkeypatch.chdir(tmp_path)
    for module in (sweep, train):
        asked = []
        monkeypatch.setattr(run_start, "ray_environment", lambda say, asked=asked: asked.append("variables"))
        monkeypatch.setattr(check_run, "check_here", lambda *_, asked=asked: asked.append("what fits"))
        assert module.main(["clip-finetune", "--stream", "digits", "--dry-run"]) == 0
        assert asked == ["variables", "what fits"]


def test_a_machine_has_the_cpus_that_a_session_may_use(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setattr(this_machine, "usable_cpus", lambda: 3)
    run = RunOptions(workers=3)
    this_machine.check_here(run, 1)
    with pytest.raises(UserError):
        this_machine.check_here(replace(run, workers=4), 1)


def test_an_error_that_nobody_foresaw_ends_a_process_whose_lanes_were_left(monkeypatch, capsys):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(cli, "_lanes_left", lambda: True)
    for error in (ZeroDivisionError("by zero"), OSError(5, "no such luck")):

        def main(_, error=error):
            raise error

        with pytest.raises(SystemExit):  # _exit, stood in for, returns
            cli.run_main(main, [])
        lines = capsys.readouterr().err.splitlines()
        assert lines[0] == "Traceback (most recent call last):" and len(lines) > 3
        assert lines[-1].startswith(f"{type(error).__name__}: ")
    assert ended == [1, 1]


def test_a_file_of_a_configuration_takes_what_the_command_line_says(tmp_path):
    config = RunConfig.from_dict({"method.name": "clip-finetune", "stream.name": "digits", "run.seed": 4})
    (tmp_path / "c.yaml").write_text(config.yaml())

    def given(*more):
        found = train._parser().parse_args(["--config", str(tmp_path / "c.yaml"), *more])
        values = cli.again_values(found)
        return train_start.start_config(
            found.method, found.space, found.config, found.stream, found.data, values
        ).flat()

    assert given() == config.flat()
    changed = {"method.learning_rate": 0.5, "stream.image_size": 16, "run.seed": 7}
    said = ["--set", "method.learning_rate=0.5", "stream.image_size=16", "--seed", "7"]
    assert given(*said) == config.flat() | changed


def test_a_user_without_a_name_and_a_home_has_the_one_that_docker_gives(monkeypatch, capsys):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 4_123_456)

    def main(arguments):
        print(os.path.expanduser("~"))
        return 0

    assert _run(main, "", capsys) == (0, "/\n", "")
    monkeypatch.setenv("HOME", "/home/mine")
    assert _run(main, "", capsys) == (0, "/home/mine\n", "")


def test_a_working_folder_that_was_removed_is_one_line(monkeypatch, tmp_path, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    line = "error: the working folder was removed; allowed: one that is there (cd to it)\n"
    assert _run(lambda _: pytest.fail("is begun"), "", capsys) == (2, "", line)


def test_a_terminal_that_goes_away_while_it_is_written_to_ends_the_command_as_its_signal_does():
    text = (
        "import signal\n"
        "from orchestrator.commands.arguments import run_main\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"  # as under nohup: only writing tells
        "def main(_):\n"
        "    while True:\n"
        "        print('x' * 60, flush=True)\n"
        "run_main(main)\n"
    )
    child, terminal = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-c", text])
    assert b"x" in os.read(terminal, 64)
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
