"""What a file's name or a record holds does not begin a line of its own."""

import json
import pickle

import pytest

from orchestrator import sweep
from orchestrator.commands.preview import preview_train
from orchestrator.config import RunConfig
from orchestrator.errors import BadRecord, UserError, one_line
from orchestrator.streams.retrieval.p9d import P9D


def test_line_ends_controls_and_halves_of_characters_are_escaped():
    held = "a\nb\r\x1b]0;title\x07\t\x85\u2028\u2029\udce9"
    assert one_line(held) == r"a\nb\r\x1b]0;title\x07\t\x85\u2028\u2029\udce9"
    for whole in ("", "plain 'text' \\n", "猫 e\u0301 👩\u200d🚀 \u00a0"):
        assert one_line(whole) == whole


def test_an_error_is_one_line_also_after_its_way_between_processes():
    for error in (UserError("x/a\nb.jpg: is gone"), BadRecord("x/a\nb.jpg: is gone", 3)):
        for found in (error, pickle.loads(pickle.dumps(error))):
            assert str(found) == r"x/a\nb.jpg: is gone"
    assert found.row == 3


@pytest.mark.parametrize("name", [b"two\nlines", b"caf\xe9"])
def test_what_a_dry_run_says_of_a_name_stays_in_its_line(tmp_path, capsys, name):
    for top in ("train", "test"):
        for c in ("ant", "bee"):
            (tmp_path / top / c).mkdir(parents=True)
            for i in range(2):
                (tmp_path / top / c / f"{i}.jpg").write_text(f"{top} {c} {i}")
    (tmp_path / name.decode(errors="surrogateescape")).mkdir()
    more = [f"{k}={v}" for k, v in {"stream.initial": 1, "stream.increment": 1}.items()]
    given = ["zero-shot", "--stream", "image-folder", "--data", str(tmp_path), "--dry-run"]
    assert sweep.main([*given, "--set", *more]) == 0
    shown = {b"two\nlines": r"two\nlines", b"caf\xe9": r"caf\udce9"}[name]
    assert f"  passed over beside train/ and test/: {shown}/; validation" in capsys.readouterr().out


def test_a_task_s_name_stays_in_its_row(tmp_path):
    name = "two\nlines"
    records = {f"{i}": {"title": f"thing {i}", "cate_name": "c", "industry_name": name} for i in range(4)}
    for folder in ("json", "train_images", "gallery_images"):
        (tmp_path / folder).mkdir()
    (tmp_path / "json/train.json").write_text(json.dumps({name: records}))
    (tmp_path / "json/test.json").write_text(json.dumps(records))
    for i in range(4):
        (tmp_path / f"train_images/{i}.jpg").write_text(f"train {i}")
        (tmp_path / f"gallery_images/{i}.jpg").write_text(f"test {i}")
    source = P9D.load(P9D.Config(data=str(tmp_path)), False)
    config = RunConfig.from_dict(
        {"method.name": "finetune", "stream.name": "p9d", "stream.data": str(tmp_path)}
    )
    told = preview_train(config, source, [0], None, test=True)
    assert "  1     two\\nlines  3      1           4" in told.split("\n")
