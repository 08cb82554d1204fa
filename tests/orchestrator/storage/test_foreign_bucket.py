"""``--resume NAME --storage URL`` of a bucket whose owner wrote its content: what that content may decide. No
Ray is started: a run stops where it would search or train.
"""

import json
import re
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from own_classes import install, own_package

from orchestrator import sweep, train
from orchestrator.commands import sweep_run, train_run
from orchestrator.commands.restored import check_restored, check_said
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.schema import strict_yaml
from orchestrator.storage.identity import Identity, digest
from orchestrator.storage.run_storage import RunStorage
from orchestrator.storage.url_folder import Storage
from orchestrator.streams import registry
from orchestrator.streams.identity import stream_identity
from orchestrator.tracking.sender import Sender

_SPACE = """
method: clip-finetune
stream: digits
objective: {{metric: validation/average, mode: max}}
trials: 2
fixed: {fixed}
search: {search}
"""
_RATE = {"method.learning_rate": {"type": "float", "low": 1e-5, "high": 1e-2, "log": True}}
_REQUEST = {
    "method": "clip-finetune",
    "stream": "digits",
    "data": None,
    "values": {},
    "trials": 2,
    "concurrent": None,
    "storage": None,
}


@pytest.fixture
def place(tmp_path, monkeypatch, small_source):
    """The victim's working folder, the attacker's bucket, and the folder and storage of the victim's run at
    the point where it stopped.
    """
    monkeypatch.chdir(tmp_path)
    for name in ("VLCL_STORAGE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    found = SimpleNamespace(root=tmp_path, bucket=tmp_path / "bucket", ran=[])
    found.url = f"file://{found.bucket}"
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "key").write_text("private")

    def stand_still(run, *_, **__):
        found.ran.append((run.folder, run.kept and run.kept.storage.url))
        return SimpleNamespace(exit_status=0)

    found.real, found.real_train = sweep_run.search_run, train_run.train_run
    for module in (sweep_run, train_run):
        monkeypatch.setattr(module, "Session", lambda *_, **__: pytest.fail("a trial would be trained"))
    monkeypatch.setattr(Sender, "_work", lambda self: None)
    monkeypatch.setattr(sweep_run, "search_run", stand_still)
    monkeypatch.setattr(train_run, "train_run", stand_still)
    return found


def _bucket_of_a_sweep(place, fixed=None, search=None, asked=None, files=None, **request):
    """What the attacker puts there: a sweep with all that one of the project's own has."""
    there = place.bucket / "s"
    there.mkdir(parents=True)
    space = _SPACE.format(fixed=json.dumps(fixed or {}), search=json.dumps(search or _RATE))
    (there / "space.yaml").write_text(space)
    said = {**_REQUEST, **request}
    (there / "sweep.yaml").write_text(strict_yaml.dump(said))
    kept = {key: value for key, value in said.items() if key not in ("storage", "concurrent")}
    config = digest({"kind": "sweep", "request": strict_yaml.dump(kept), "space": space})
    source = registry.get("digits").load(registry.get("digits").Config(), False)
    identity = Identity("1" * 32, config, stream_identity(source))
    (there / "identity.json").write_text(json.dumps({**json.loads(identity.text()), "files": files or {}}))
    (there / "manifest.json").write_text('{"trials": 0}')
    return there, identity


def _resume(place, *more):
    return sweep.main(["--resume", "s", "--storage", place.url, *more])


def test_the_storage_is_the_command_lines_whatever_the_bucket_says(place, monkeypatch):
    elsewhere = place.root / "home" / "chosen"
    there, _ = _bucket_of_a_sweep(place, storage=f"file://{elsewhere}")
    assert _resume(place) == 0
    assert place.ran == [(place.root / "runs" / "s", f"{place.url}/s")]
    assert not elsewhere.exists()
    # And so it stays: without --storage, and where the environment alone named the bucket.
    assert sweep.main(["--resume", "s"]) == 0
    assert place.ran[1] == place.ran[0]
    shutil.rmtree(place.root / "runs")
    monkeypatch.setenv("VLCL_STORAGE", place.url)
    assert sweep.main(["--resume", "s"]) == 0
    assert place.ran[2] == place.ran[0] and not elsewhere.exists()


def test_another_storage_holds_from_then_on(place):
    _bucket_of_a_sweep(place)
    assert _resume(place) == 0
    request = strict_yaml.read(place.root / "runs" / "s" / "sweep.yaml")[0]
    other = place.url + "-moved"
    shutil.copytree(place.bucket, f"{place.bucket}-moved")
    shutil.rmtree(place.bucket)
    trial = place.root / "runs" / "s" / "trials" / "trial_0001"
    identity = Identity.read((place.root / "runs" / "s" / "identity.json").read_text(), "here")
    _trial(place.root / "runs" / "s", identity, {"method.learning_rate": 1e-3})
    for more in (["--storage", other], []):
        assert sweep.main(["--resume", "s", *more]) == 0
        assert place.ran[-1] == (place.root / "runs" / "s", f"{other}/s")
    again = strict_yaml.read(place.root / "runs" / "s" / "sweep.yaml")[0]
    assert again == {**request, "storage": other} and not place.bucket.exists()
    sent = place.root / "bucket-moved" / "s" / "trials" / "trial_0001"
    assert (sent / "trial.json").read_text() == (trial / "trial.json").read_text()
    # One that holds another run is refused, and the one before stays.
    there = place.root / "third" / "s"
    there.mkdir(parents=True)
    there.joinpath("identity.json").write_text(
        json.dumps({"format": 4, "run": "2" * 32, "config": "0", "stream": "0"})
    )
    with pytest.raises(UserError):
        sweep.main(["--resume", "s", "--storage", f"file://{place.root}/third"])
    assert strict_yaml.read(place.root / "runs" / "s" / "sweep.yaml")[0] == again


def test_the_storage_of_a_train_run_is_the_command_lines_as_well(place):
    elsewhere = place.root / "home" / "chosen"
    config = RunConfig.from_dict({"method.name": "clip-finetune", "stream.name": "digits"}).yaml()
    files = {"config.yaml": config, "train.yaml": f"seeds: [0]\nconcurrent:\nstorage: file://{elsewhere}\n"}
    source = registry.get("digits").load(registry.get("digits").Config(), False)
    asked = digest({"kind": "train", "config": config, "seeds": [0]})
    Identity("1" * 32, asked, stream_identity(source)).claim(Storage(f"{place.url}/s"), new=True, files=files)
    for more in (["--storage", place.url], []):
        assert train.main(["--resume", "s", *more]) == 0
    assert place.ran == [(place.root / "runs" / "s", f"{place.url}/s")] * 2 and not elsewhere.exists()
    other = place.url + "-moved"
    shutil.copytree(place.bucket, f"{place.bucket}-moved")
    for more in (["--storage", other], []):
        assert train.main(["--resume", "s", *more]) == 0
        assert place.ran[-1] == (place.root / "runs" / "s", f"{other}/s")


def test_a_place_that_a_train_run_reads_is_said_again_as_well(place):
    weights = f"{place.root}/home/key"
    named = {"method.name": "clip-finetune", "stream.name": "digits", "method.backbone.pretrained": weights}
    config = RunConfig.from_dict(named).yaml()
    files = {"config.yaml": config, "train.yaml": "seeds: [0]\nconcurrent:\nstorage:\n"}
    source = registry.get("digits").load(registry.get("digits").Config(), False)
    asked = digest({"kind": "train", "config": config, "seeds": [0]})
    Identity("1" * 32, asked, stream_identity(source)).claim(Storage(f"{place.url}/s"), new=True, files=files)
    resume = ["--resume", "s", "--storage", place.url]
    with pytest.raises(UserError, match=f"--set method.backbone.pretrained={weights}$"):
        train.main(resume)
    with pytest.raises(UserError, match="the run was started with"):
        train.main([*resume, "--set", "method.backbone.pretrained=world"])
    assert not (place.root / "runs" / "s").exists()
    assert train.main([*resume, "--set", f"method.backbone.pretrained={weights}"]) == 0
    assert len(place.ran) == 1


def test_files_in_folders_that_the_runs_identity_holds_come_with_the_run(place):
    _bucket_of_a_sweep(place, files={"tokenizer/tokenizer.json": "{}", "other/y.yaml": ""})
    assert _resume(place) == 0
    found = {str(p.relative_to(place.root)) for p in (place.root / "runs").rglob("*") if p.is_file()}
    assert "runs/s/tokenizer/tokenizer.json" in found and not {f for f in found if f.endswith("y.yaml")}


def test_a_runs_folder_that_is_a_link_to_nowhere_is_one_line(place):
    _bucket_of_a_sweep(place)
    (place.root / "runs").mkdir(exist_ok=True)
    (place.root / "runs" / "s").symlink_to("nowhere")
    with pytest.raises(UserError, match="runs/s: is a link that leads nowhere; allowed: a run's folder, or"):
        _resume(place)
    assert not (place.root / "runs" / "nowhere").exists()


def test_of_a_bucket_with_two_kinds_of_run_only_what_was_looked_at_is_kept(place):
    there, _ = _bucket_of_a_sweep(place, files={"train.yaml": "seeds: [0]\n"})
    (there / "config.yaml").write_text("hostile")
    assert _resume(place) == 0
    assert sorted(p.name for p in (place.root / "runs" / "s").glob("*.yaml")) == ["space.yaml", "sweep.yaml"]
    shutil.rmtree(place.root / "runs")
    (there / "sweep.yaml").unlink()
    with pytest.raises(UserError, match="there is no runs/s/sweep.yaml"):
        _resume(place)
    assert not (place.root / "runs" / "s").exists()


@pytest.mark.parametrize(
    ("request_", "fixed", "shown"),
    [
        ({"stream": "image-folder", "data": "{home}"}, {}, "--data {home}"),
        ({"stream": "image-folder", "values": {"stream.data": "{home}"}}, {}, "--data {home}"),
        (
            {"stream": "image-folder", "values": {"stream.data": "nowhere", "stream.names": "../home/key"}},
            {},
            "--set stream.names=../home/key",
        ),
        (
            {"values": {"method.backbone.pretrained": "{home}/key"}},
            {},
            "--set method.backbone.pretrained={home}/key",
        ),
        ({}, {"method.backbone.pretrained": "{home}/key"}, "--set method.backbone.pretrained={home}/key"),
        ({}, {"method.backbone.pretrained": "~/key"}, "--set method.backbone.pretrained={me}/key"),
        ({}, {"method.backbone.pretrained": "home"}, "--set method.backbone.pretrained=home"),
    ],
)
def test_a_place_on_this_machine_is_read_only_where_the_command_line_says_it_again(
    place, monkeypatch, request_, fixed, shown
):
    home = str(place.root / "home")
    fixed, request_ = (json.loads(json.dumps(one).replace("{home}", home)) for one in (fixed, request_))
    _bucket_of_a_sweep(place, fixed, **request_)
    loaded = []
    for name in ("digits", "image-folder"):
        monkeypatch.setattr(registry.get(name), "load", lambda config, skip_bad: loaded.append(config))
    with pytest.raises(UserError) as caught:
        _resume(place)
    line = str(caught.value)
    assert "\n" not in line and line.startswith(f"{place.url}: the run there reads ")
    # As a shell takes what is typed.
    assert (
        shlex.split(line.rsplit("beside --resume and --storage: ")[1])
        == shown.format(home=home, me=Path.home()).split()
    )
    assert loaded == [] and not (place.root / "runs" / "s").exists()


_SPY = "import pathlib; pathlib.Path('ran').touch()"


@pytest.mark.parametrize("where", ["request", "values", "space", "method", "installed", "train"])
def test_code_of_this_machine_is_imported_only_where_the_command_line_says_it_again(
    place, monkeypatch, where
):
    name, key = "mypkg.spy:Spy", "method.name" if where == "method" else "stream.name"
    more = {"request": {"stream": name}, "values": {"values": {"stream.name": name}}}
    if where == "installed":
        name, more = "spy", {"installed": {"stream": "spy"}}
    there, _ = _bucket_of_a_sweep(place, **more.get(where, {}))
    text, main = (there / "space.yaml").read_text(), sweep.main
    if where in ("space", "method"):
        found = "stream: digits" if where == "space" else "method: clip-finetune"
        (there / "space.yaml").write_text(text.replace(found, f"{found.split()[0]} {name}"))
    if where == "train":
        main = train.main
        (there / "train.yaml").write_text("seeds: [0]\nconcurrent:\nstorage:\n")
        (there / "config.yaml").write_text(f"method: {{name: mma}}\nstream: {{name: {name}}}\n")
    with own_package(place.root, monkeypatch, spy=_SPY):
        install(place.root / "site", "mine", streams={"spy": "mypkg.spy:Spy"})
        for said in ([], ["--set", f"{key}=mypkg.other:Other"]):
            with pytest.raises(UserError) as caught:
                main(["--resume", "s", "--storage", place.url, *said])
            kind = key.partition(".")[0]
            assert str(caught.value) == (
                f"{place.url}: the run there imports the {kind} '{name}' from this machine; allowed where "
                f"you say so yourself, beside --resume and --storage: --set {key}={name}"
            )
        assert not (place.root / "ran").exists() and not (place.root / "runs" / "s").exists()
        with pytest.raises(UserError, match="its module has no 'Spy'"):
            main(["--resume", "s", "--storage", place.url, "--set", f"{key}={name}"])
        assert (place.root / "ran").exists(), "what is said again is imported"


def test_a_run_of_ones_own_stream_goes_on_from_a_bucket_where_it_is_said_again(place, monkeypatch):
    name = "mypkg.mystream:MyStream"
    _bucket_of_a_sweep(place, stream=name)
    with own_package(place.root, monkeypatch):
        assert _resume(place, "--set", f"stream.name={name}") == 0 and len(place.ran) == 1
        assert sweep.main(["--resume", "s"]) == 0, "from then on the folder is the user's own"


def test_what_is_said_again_is_read_and_must_be_the_same(place, capsys):
    weights = f"{place.root}/home/key"
    _bucket_of_a_sweep(place, {"method.backbone.pretrained": weights})
    for said in ("world", f"{weights}s"):
        with pytest.raises(UserError, match=f"pretrained '{said}': the run was started with '{weights}'"):
            _resume(place, "--set", f"method.backbone.pretrained={said}")
        assert not (place.root / "runs" / "s").exists()
    assert _resume(place, "--set", f"method.backbone.pretrained={weights}") == 0 and len(place.ran) == 1
    assert sweep.main(["--resume", "s"]) == 0, "from then on the folder is the user's own"
    with pytest.raises(UserError, match="the run was started with"):
        _resume(place, "--set", "method.backbone.pretrained=world")


def test_data_in_the_home_of_a_user_that_is_not_there_is_one_line(place):
    _bucket_of_a_sweep(place, stream="image-folder", data="~nosuchuser/x")
    with pytest.raises(UserError, match="~nosuchuser/x: is no path here"):
        _resume(place, "--data", "home")


def test_data_that_is_said_again_is_read(place, monkeypatch):
    data = place.root / "data"
    data.mkdir()
    _bucket_of_a_sweep(place, stream="image-folder", data=str(data))
    read = []

    def load(config, skip_bad):
        read.append(config.data)
        raise UserError("far enough")

    monkeypatch.setattr(registry.get("image-folder"), "load", load)
    monkeypatch.chdir(place.root)
    with pytest.raises(UserError, match="the run was started with"):
        _resume(place, "--data", "home")
    with pytest.raises(UserError, match="far enough"):
        _resume(place, "--data", "data")
    assert read == [str(data)]


@pytest.mark.parametrize(
    ("value", "is_place"),
    [
        ("google/flan-t5-small", False),
        ("hf-hub:timm/vit_tiny", False),
        ("openai", False),
        ("/nowhere/at/all", True),
        ("local-dir:/nowhere", True),
        ("file:///nowhere", True),
        ("~other/x", True),
        ("a/../../x", True),
        ("there", True),
        ("local-dir:there", True),
        ("of two:parts", True),
        ("here:", False),
        ("x" * 5000, False),
        ("a\0b", False),
    ],
)
def test_what_is_a_place_on_this_machine(tmp_path, monkeypatch, value, is_place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "of two:parts").mkdir()
    named = {"method.name": "clip-finetune", "stream.name": "digits", "method.backbone.model": "ViT-B-16"}
    config = RunConfig.from_dict({**named, "method.backbone.pretrained": value})
    key = "method.backbone.pretrained"
    if not is_place:
        check_restored(config, {key: [value, 1, None]}, {}, "s3://b")
        return
    with pytest.raises(UserError, match="the run there reads"):
        check_restored(config, {}, {}, "s3://b")
    check_restored(config, {}, {key: value}, "s3://b")
    with pytest.raises(UserError, match=f"the run there searches {key} over"):
        check_restored(config, {key: [1, value]}, {key: value}, "s3://b")


def test_the_names_of_methods_and_sizes_are_no_places_where_folders_bear_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("small", "world", "digits", "clip-finetune", "cpu", "auto", "seed"):
        (tmp_path / name).mkdir()
    check_restored(
        RunConfig.from_dict({"method.name": "clip-finetune", "stream.name": "digits"}), {}, {}, "s3://b"
    )


def _trial(there, identity, values, name="trial_0001"):
    (there / "trials" / name).mkdir(parents=True)
    found = {"stamp": identity.stamp(name, values), "number": 0, "values": values}
    (there / "trials" / name / "trial.json").write_text(json.dumps(found))
    (there / "trials" / name / "config.yaml").write_text("stream: {data: /home/victim}\n")
    (there / "manifest.json").write_text('{"trials": 1}')


@pytest.mark.parametrize(
    "values",
    [
        {"method.backbone.pretrained": "/home/victim/weights"},
        {"method.learning_rate": 1e-3, "stream.seed": 7},
        {"method.learning_rate": 7.0},
        {"method.learning_rate": "1e-3"},
        {"method.learning_rate": [1e-3]},
    ],
)
def test_a_trial_of_a_bucket_has_values_of_the_search_alone(place, monkeypatch, values):
    there, identity = _bucket_of_a_sweep(place)
    _trial(there, identity, values)
    monkeypatch.setattr(sweep_run, "search_run", place.real)
    with pytest.raises(UserError, match=r"runs/s/trials/trial_0001: .* is nothing that the run searches"):
        _resume(place)
    assert not (place.root / "runs" / "s" / "tracking.jsonl").exists()


def test_a_trials_configuration_is_made_of_its_values_and_not_taken_from_the_bucket(place, monkeypatch):
    there, identity = _bucket_of_a_sweep(place)
    _trial(there, identity, {"method.learning_rate": 1e-3})
    monkeypatch.setattr(sweep_run, "search_run", place.real)
    monkeypatch.setattr(sweep_run, "fit_tokenizer", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        _resume(place)
    config = RunConfig.load_yaml(place.root / "runs/s/trials/trial_0001/config.yaml")
    expected = {"method.name": "clip-finetune", "stream.name": "digits", "method.learning_rate": 1e-3}
    assert config == RunConfig.from_dict(expected)


def test_a_variant_of_a_train_run_is_none_that_a_bucket_adds(place, monkeypatch):
    config = RunConfig.from_dict({"method.name": "clip-finetune", "stream.name": "digits"}).yaml()
    source = registry.get("digits").load(registry.get("digits").Config(), False)
    identity = Identity(
        "1" * 32, digest({"kind": "train", "config": config, "seeds": [0]}), stream_identity(source)
    )
    files = {"config.yaml": config, "train.yaml": "seeds: [0]\nconcurrent:\nstorage:\n"}
    identity.claim(Storage(f"{place.url}/s"), new=True, files=files)
    _trial(place.bucket / "s", identity, {"stream.seed": 3}, "seed_0")
    monkeypatch.setattr(train_run, "train_run", place.real_train)
    with pytest.raises(UserError, match="runs/s/trials/seed_0: is no variant of the run"):
        train.main(["--resume", "s", "--storage", place.url])


def test_of_a_bucket_files_that_a_run_has_are_taken_and_no_others(place):
    there, identity = _bucket_of_a_sweep(place, files={"run.lock": "hostile", "tokenizer/a": "b"})
    _trial(there, identity, {"method.learning_rate": 1e-3})
    taken = ["tokenizer/b", "trials/trial_0001/status.json", "trials/trial_0001/test/a.csv"]
    for name in [
        *taken,
        "tracking.sent.json",
        "tracking.lock",
        ".env",
        "x.yaml",
        "trials/trial_0001/.hidden",
        "trials/trial_0001/test/x.html",
        "trials/trial_0001/checkpoints/task_01/model.safetensors",
        "trials/trial_0001/deep/er/x.csv",
        "other/trial.json",
    ]:
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_text("x")
    kept = RunStorage(Storage(f"{place.url}/s"), place.root / "runs" / "s")
    assert kept.restore("s")
    found = {p.relative_to(place.root / "runs/s").as_posix() for p in (place.root / "runs/s").rglob("*.*")}
    own = {"identity.json", "manifest.json", "space.yaml", "sweep.yaml", "trials/trial_0001/trial.json"}
    assert found == own | set(taken[1:]), "tokenizer/a and tokenizer/b have no dot"
    assert {p.name for p in (place.root / "runs/s/tokenizer").iterdir()} == {"a", "b"}
    for name in ("test/x.html", "error-1.sh", "test/deep/a.csv"):
        (there / "trials/trial_0001" / name).parent.mkdir(exist_ok=True)
        (there / "trials/trial_0001" / name).write_text("x")
    (there / "trials/trial_0001/error-1.txt").write_text("x")
    kept.pull("trial_0001")
    here = place.root / "runs/s/trials/trial_0001"
    assert {p.name for p in here.iterdir()} == {"trial.json", "status.json", "test", "error-1.txt"}
    assert {p.name for p in (here / "test").iterdir()} == {"a.csv"}


def test_a_bucket_changes_nothing_of_what_a_run_was_asked_for_later(place):
    there, identity = _bucket_of_a_sweep(place)
    assert _resume(place) == 0
    folder = place.root / "runs" / "s"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    _trial(there, identity, {"method.learning_rate": 1e-3})
    (there / "tracking").mkdir()
    (there / "tracking" / f"{0:015d}.jsonl").write_text('{"op": "open"}\n')
    for name in ("sweep.yaml", "space.yaml", "config.yaml"):
        (there / name).write_text("hostile")
    RunStorage(Storage(f"{place.url}/s"), folder).agree()
    assert (folder / "trials/trial_0001/trial.json").exists(), "what was added is brought"
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for name in ("sweep.yaml", "space.yaml", "identity.json"):
        assert after[name] == before[name]
    assert "config.yaml" not in after


@pytest.mark.parametrize("name", ["space.yaml", "trials/trial_0001/zeros.csv", "identity.json"])
def test_a_link_in_a_bucket_brings_no_file_of_this_machine(place, name):
    there, identity = _bucket_of_a_sweep(place)
    _trial(there, identity, {"method.learning_rate": 1e-3})
    (there / name).unlink(missing_ok=True)
    (there / name).symlink_to(place.root / "home" / "key")
    with pytest.raises(UserError, match=rf"s/{name}: is, or leads through, a link"):
        _resume(place)
    assert not (place.root / "runs" / "s").exists() and place.ran == []


def test_a_linked_folder_in_a_bucket_is_gone_through_by_nobody(place):
    there, _ = _bucket_of_a_sweep(place)
    (there / "tokenizer").symlink_to(place.root / "home")
    assert _resume(place) == 0
    assert not (place.root / "runs" / "s" / "tokenizer").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: "", "is not what a run was asked for"),
        (lambda text: "[]", "is not what a run was asked for"),
        (lambda text: text + "more: 1\n", "is not what a run was asked for"),
        (lambda text: text.replace("trials: 2", "trials: two"), "trials is 'two'; allowed: int, or null"),
        (lambda text: text.replace("trials: 2", "trials: true"), "trials is 'True'; allowed: int, or null"),
        (lambda text: text.replace("values: {}", "values: [1]"), "values is '[1]'; allowed: dict, or null"),
    ],
)
def test_a_request_that_is_none_is_refused_in_one_line(place, change, said):
    there, _ = _bucket_of_a_sweep(place)
    text = (there / "sweep.yaml").read_text()
    assert change(text) != text
    (there / "sweep.yaml").write_text(change(text))
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        _resume(place)
    assert "\n" not in str(caught.value) and not (place.root / "runs" / "s").exists()


@pytest.mark.parametrize("seeds", ["[]", "null", "[x]", "[-1]", "[../x]", "[true]", "[0.5]"])
def test_seeds_that_are_none_are_refused(place, seeds):
    config = RunConfig.from_dict({"method.name": "clip-finetune", "stream.name": "digits"}).yaml()
    files = {"config.yaml": config, "train.yaml": f"seeds: {seeds}\nconcurrent:\nstorage:\n"}
    Identity("1" * 32, "c", "s").claim(Storage(f"{place.url}/s"), new=True, files=files)
    with pytest.raises(UserError, match=r"train.yaml: seeds .*allowed are whole numbers from 0"):
        train.main(["--resume", "s", "--storage", place.url])
    assert not (place.root / "runs" / "s").exists()


def test_a_place_is_said_again_by_any_name_that_leads_to_it(tmp_path):
    (tmp_path / "real data").mkdir()
    (tmp_path / "mnt").symlink_to(tmp_path / "real data")
    named = {"method.name": "mma", "stream.name": "image-folder", "stream.data": str(tmp_path / "mnt")}
    config = RunConfig.from_dict(named)
    check_said(config, {"stream.data": str(tmp_path / "real data")})  # what --data makes of either name
    check_said(config, {"stream.data": str(tmp_path / "mnt")})
    with pytest.raises(UserError, match="the run was started with"):
        check_said(config, {"stream.data": str(tmp_path)})
    strange = RunConfig.from_dict({**named, "stream.data": str(tmp_path / "real data")})
    with pytest.raises(
        UserError, match=rf"allowed where you say so yourself.*: --data '{tmp_path}/real data'"
    ):
        check_restored(strange, {}, {}, "file:///bucket")


def test_a_place_among_the_values_of_a_list_is_a_place(tmp_path):
    """As a class of one's own may have a list of files."""
    config = RunConfig.from_dict({"method.name": "zero-shot", "stream.name": "digits"})
    for value in (["red", "/etc/passwd"], [["~/key"]]):
        with pytest.raises(UserError, match="which is a place on this machine"):
            check_restored(config, {"method.files": [value]}, {}, "s3://b")
    check_restored(config, {"method.files": [["red", "green"]]}, {}, "s3://b")
