"""The page of a study whose runs are in MLflow's database alone."""

import json
import re
import shlex
from pathlib import Path

import pytest
from recorded_runs import Record, trial
from told_study import read_page

from orchestrator import compare
from orchestrator.leaderboard import leaderboard as board
from orchestrator.leaderboard.leaderboard import leaderboard
from orchestrator.leaderboard.leaderboard_files import FORMATS
from orchestrator.leaderboard.wanted import Wanted
from orchestrator.report.metric_summary import metric_summary
from orchestrator.tracking.long_tag import cut_tag

pytestmark = pytest.mark.unit

_RATE = "method.learning_rate"
_MATTERED = {"trials": 20, "found": [{"key": _RATE, "share": 0.75, "p": 0.01}]}
_ALL = ["--record", "--runs", "s-*", "--format", "html"]


@pytest.fixture
def record(monkeypatch):
    """The study s of er, ewc and ncm with six pairs, which has no files."""
    found = Record()
    monkeypatch.setattr(board, "RecordReader", lambda runs: found)
    _method(found, "er", 60.0)
    _method(found, "ewc", 70.0, importance=json.dumps(_MATTERED))
    _method(found, "ncm", 40.0, searched=False, points="1")
    return found


def _method(record, method, figure, *, searched=True, tags=None, **more):
    """A search that stopped its second trial, and runs of its choice; er is the first method of the study."""
    of = {"study": "s", "study.question": "Which?", "study.first": "er", "study.method": method}
    of = of if tags is None else tags
    told = {"validation__average": 50.0}
    trials = [trial(0, id="t1", score=50.0, values={_RATE: 0.1} if searched else {}, **told)]
    if searched:
        trials.append(trial(0, id="t2", tasks=1, status="stopped", values={_RATE: 0.2}, **told))
    how = {"kind": "sweep", "best": "t1", "protocol": "first-tasks 2", **of, **more}
    search = record.run(f"s-{method}", method, trials, command=f"sweep {method}", **how)
    for run in record._runs:
        if run.name == f"s-{method}" and not run.trial:
            run.params["objective"] = "validation/average"
    for seed in range(1, 7):
        last = figure + seed
        own = trial(seed, last, replay__items=0.0)
        values = {_RATE: 0.1} if searched else {}
        how = {"values": values, "search": f"{search}/t1", "command": f"train {method} {seed}", **of}
        record.run(f"s-{method}-pair{seed}", method, [own], **how)
        record._runs[-1].tags["test.matrix"] = json.dumps([[80.0, None], [last - 10, last + 10]])


def _page(capsys, *words):
    assert compare.main([*_ALL, *words]) == 0
    return capsys.readouterr().out


def test_the_page_has_every_part_without_a_file_of_a_run(record, capsys):
    text = _page(capsys)
    page = read_page(text)
    assert page.heads == [
        "Which?", "digits", "Leaderboard", "Paired differences", "Each pair", "Over tasks", "Task by task",
        "Searches", "What mattered", "Make it again", "This page",
    ]  # fmt: skip
    assert [row[0] for row in page.tables["leaderboard"][1:]] == ["er", "ewc", "ncm"], "the first one first"
    assert "Study s, 6 pairs of seed and order" in page.words
    assert not re.search(r"https?:|url\(|@import|//\w|src=|href=", text) and len(text) < 2_000_000
    made = f"python -m orchestrator.compare {' '.join(_ALL)}".replace("s-*", "'s-*'")
    assert page.words.count(made) == 8 and "orchestrator.study" not in text, "the right command"
    assert f"# this page, from the record in MLflow alone\n{made}" in page.words


def test_the_first_method_of_the_study_is_compared_with_each_other_one(record, capsys):
    page = read_page(_page(capsys))
    _, ewc, ncm = page.tables["differences"]
    assert ewc == ["ewc", "6", "-10.0", "-10.0 to -10.0", "0.031", "0.062", "-1.00", "no"], "p 2 / 2^6, twice"
    assert ncm == ["ncm", "6", "+20.0", "+20.0 to +20.0", "0.031", "0.062", "+1.00", "no"]
    said = " ".join(page.words)
    assert "er is compared with each other method, since it is the first one of the study s." in said


@pytest.mark.parametrize(
    ("words", "first", "why"),
    [
        (["--methods", "ncm", "ewc", "er"], "ncm", "--methods names it first"),
        (["--methods", "ewc", "ncm"], "ewc", "--methods names it first"),
    ],
)
def test_methods_names_another_one_first(words, first, why, record, capsys):
    page = read_page(_page(capsys, *words))
    assert page.tables["leaderboard"][1][0] == first and len(page.tables["differences"]) == len(words) - 1
    assert f"{first} is compared with each other method, since {why}." in " ".join(page.words)


def test_where_nothing_names_one_the_best_is_compared_and_the_page_warns_of_that(record, capsys):
    for run in record._runs:
        if run.name.startswith("s-ewc"):
            run.tags["study"] = "another"
    page = read_page(_page(capsys))
    assert page.heads[0] == "Leaderboard", "two studies may have asked different questions"
    assert page.tables["leaderboard"][1][0] == "ewc"
    said = " ".join(page.words)
    assert (
        "ewc is compared with each other method, since its mean is best, and neither --methods nor " in said
    )
    assert "what is picked by its figures looks better in them than it is." in said


def test_what_was_picked_by_its_figures_is_corrected_for_all_it_was_picked_from(record):
    def told(*methods):
        (stream,) = leaderboard(Path("runs"), Wanted(methods=methods), page=True).streams
        return stream.family, [one.corrected_p for one in stream.comparisons], stream.about_comparisons

    assert told("ncm", "er", "ewc")[:2] == (2, [pytest.approx(0.0625)] * 2), "p 2 / 2^6, twice"
    for run in record._runs:
        run.tags.pop("study", None)
    family, corrected, about = told()
    assert (family, corrected) == (3, [pytest.approx(0.09375)] * 2), "er with ncm might have been compared"
    assert about.endswith("It is the best of 3 rows, and p is corrected for all of their comparisons.")
    own = [trial(seed, 50.0 + seed) for seed in range(1, 7)]
    record.run("s-ncm-other", "ncm", own, values={_RATE: 0.3}, search="sncm/t1", protocol="first-tasks 2")
    family, corrected, about = told("ncm", "er", "ewc")
    assert (family, len(corrected)) == (5, 3) and "the best of 2 rows" in about, "all but er with ewc"
    assert corrected == [pytest.approx(5 / 32)] * 3


def test_a_trial_ends_where_it_was_stopped_and_the_chosen_one_has_its_values(record, capsys):
    page = read_page(_page(capsys))
    assert "t2: stopped after task 1, 50.0" in page.words and "t1: finished after task 2, 50.0" in page.words
    assert page.tables["chosen"][1] == ["er", "t1", "50.00", f"{_RATE}=0.1"]
    assert page.tables["chosen"][3] == ["ncm", "t1", "50.00", "–"]
    said = " ".join(page.words)
    assert "What mattered, in 20 trials: method.learning_rate 75 %." in said
    assert "# ewc, search\nsweep ewc\n# ewc, a run\ntrain ewc 1" in said


def test_matrices_and_their_difference_are_of_the_tags(record):
    (stream,) = leaderboard(Path("runs"), Wanted(), page=True).streams
    er = next(method for method in stream.methods if method.label == "er")
    assert er.pairs[0].matrix[1].tolist() == [51.0, 71.0]
    record._texts[next(run.id for run in record._runs if run.name == "s-er-pair1" and run.trial)] = (
        "after,a,b\na,80.123,\nb,51.004,71.0\n"
    )
    (stream,) = leaderboard(Path("runs"), Wanted(), page=True).streams
    er = next(method for method in stream.methods if method.label == "er")
    assert er.pairs[0].matrix[1].tolist() == [51.004, 71.0], "a file that is there has every digit"


def test_what_was_searched_is_known_by_its_tag_and_else_by_what_differs(record):
    def chosen():
        (stream,) = leaderboard(Path("runs"), Wanted(), page=True).streams
        return {method.label: dict(method.chosen) for method in stream.methods}

    assert chosen() == {"er": {_RATE: 0.1}, "ewc": {_RATE: 0.1}, "ncm": {}}
    sweep = next(run for run in record._runs if run.name == "s-er")
    sweep.params[_RATE] = "0.1"  # as of a search that was tested
    assert chosen()["er"] == {_RATE: 0.1}, "its trials differ in it"
    sweep.tags["searched"] = f"{_RATE} replay.size method.absent"
    assert chosen()["er"] == {_RATE: 0.1, "replay.size": 0}


def test_orders_that_pairs_share_are_compared_by_their_means(record):
    grid = {"er": [10.0, 12.0, 20.0, 26.0], "ewc": [9.0, 9.0, 21.0, 21.0]}
    for name, figures in grid.items():
        runs = [trial(n % 2, value, order=n // 2, id=f"t{n}") for n, value in enumerate(figures)]
        record.run(f"g-{name}", name, runs, stream="grid")
    (stream,) = leaderboard(Path("runs"), Wanted(stream="grid", methods=("er", "ewc")), page=True).streams
    (one,) = stream.comparisons
    assert (one.found.n, one.found.difference) == (2, 2.0), "means of orders: 11 less 9, and 23 less 21"
    assert one.differences == {1: 1.0, 2: -1.0, 3: 3.0, 4: 5.0}


@pytest.mark.parametrize("files", [True, False])
def test_a_tag_that_was_cut_is_read_from_its_file_or_said_in_a_line(files, record, capsys):
    keys = [f"method.{letter * 40}" for letter in "abcdefghij"] * 20
    mattered = {"trials": 20, "found": [{"key": key, "share": 0.005, "p": 0.01} for key in keys]}
    long = {"importance": json.dumps(mattered), "study.question": "Why? " * 2000, "command": "x" * 9000}
    for run in record._runs:
        for name, text in long.items() if not run.trial and run.name.startswith("s-er") else ():
            if name != "importance" or run.name == "s-er":
                run.tags[name] = cut_tag(name, text)
                if files:
                    record._texts[run.id, f"tags/{name}.txt"] = text
    # The study's question is that of the run that ended last, which is one of er's here.
    record._runs.sort(key=lambda run: (run.name.startswith("s-er-"), float(run.id)))
    for number, run in enumerate(record._runs):
        object.__setattr__(run, "ended", float(number))
    assert compare.main(["--runs", "s-*", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    er = next(one for one in told["streams"][0]["methods"] if one["method"] == "er")
    page = read_page(_page(capsys))
    if files:
        assert told["question"] == long["study.question"] and er["commands"]["search"] == "x" * 9000
        assert any("in 20 trials: method.aaa" in word for word in page.words)
        return
    assert told["question"] == "" and er["commands"] == {}
    unread = "\n".join(told["streams"][0]["unread"])
    for name, text in long.items():
        of = "s-er-pair6" if name == "study.question" else "s-er"
        said = (
            f"{of}: the tag {name} is cut after \\d+ of {len(text)} letters: .*no tags/{name}.txt in the rec"
        )
        assert re.search(said, unread), name
    assert not any("method.aaa" in word for word in page.words), "half of it is not read"


def test_a_tag_that_is_no_json_is_said(record, capsys):
    for run in record._runs:
        if "importance" in run.tags:
            run.tags["importance"] = '{"trials": 20, "found": [{"key'
    assert compare.main(["--runs", "s-*", "--format", "json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)["streams"][0]["unread"]
    assert line == "s-ewc: the tag importance is not what a sweep writes"


_UNLIKE = [{"values": {"stream.tasks": 10}}, {"content": "d" * 64}]


@pytest.mark.parametrize("unlike", _UNLIKE, ids=["setting", "content"])
def test_runs_on_unlike_streams_are_no_pairs_though_their_orders_have_one_number(unlike, record, capsys):
    for name, figure, how in (("er", 60.0, {}), ("ewc", 50.0, {}), ("mma", 40.0, unlike)):
        record.run(f"u-{name}", name, [trial(n, figure + n, order=n) for n in range(1, 7)], **how)
    words = ["--runs", "u-*", "--allow", "stream"]
    result = leaderboard(Path("runs"), Wanted(runs=("u-*",)), allowed=["stream"], page=True)
    (stream,) = result.streams
    assert [one.other.split()[0] for one in stream.comparisons] == ["ewc"] and result.pairs == 12
    numbers = {one.label.split()[0]: [pair.number for pair in one.pairs] for one in stream.methods}
    assert numbers["er"] == numbers["ewc"] == [*range(1, 7)] and numbers["mma"] == [*range(7, 13)]
    assert metric_summary(stream.methods[2], "average").n == 6
    said = "An order of one stream is none of another: runs on unlike streams are no pairs."
    assert compare.main(words) == 0 and said in capsys.readouterr().out
    assert compare.main([*words, "--methods", "er", "ewc"]) == 0 and said not in capsys.readouterr().out
    assert compare.main([*words, "--methods", "er", "mma", "--format", "html"]) == 0
    page = read_page(capsys.readouterr().out)
    nothing = " is compared with nothing: no other row has a pair of seed and order with it on a stream that"
    assert (
        any(word.endswith(f"{nothing} is alike.") for word in page.words)
        and "Paired differences" not in page.heads
    )


def test_a_sentence_goes_by_the_corrected_p(record):
    gains = {"er": [-0.1, 5.0, 5.1, 5.2, 5.3, 5.4, 5.5], "ewc": [0.0] * 7, "mma": [0.0] * 7}
    for name, figures in gains.items():
        runs = [trial(n, 50.0 + gain, id=f"t{n}") for n, gain in enumerate(figures)]
        record.run(f"g-{name}", name, runs, stream="seven")
    (stream,) = leaderboard(
        Path("runs"), Wanted(stream="seven", methods=("er", "ewc", "mma")), page=True
    ).streams
    for one in stream.comparisons:
        assert (one.found.p, one.corrected_p) == (4 / 128, 8 / 128) and one.found.low > 0
        assert "no difference shown (n = 7;" in one.sentence


def test_an_earlier_record_has_no_commands_matrices_or_importance_and_makes_a_page(record, capsys):
    for run in record._runs:
        for name in ("study", "study.question", "study.first", "study.method", "command", "test.matrix"):
            run.tags.pop(name, None)
        run.tags.pop("importance", None)
    page = read_page(_page(capsys))
    assert page.heads == [
        "Leaderboard", "digits", "Leaderboard", "Paired differences", "Each pair", "Searches", "This page",
    ]  # fmt: skip
    said = "18 files that are not there, first s-er-pair1/seed_1: no test/matrix.csv in the record"
    assert [word for word in page.words if "matrix.csv" in word] == [said], "one line and not eighteen"


def test_other_formats_are_as_without_the_page(record, tmp_path, capsys):
    assert compare.main(["--record", "--runs", "s-*"]) == 0
    alone = capsys.readouterr().out
    assert compare.main(["--record", "--runs", "s-*", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == alone and alone.index("| ewc |") < alone.index("| er |")
    page = read_page((tmp_path / "leaderboard.html").read_text())
    assert page.tables["leaderboard"][1][0] == "er" and page.heads[0] == "Which?"
    kept = json.loads((tmp_path / "leaderboard.json").read_text())
    assert [one["other"] for one in kept["streams"][0]["comparisons"]] == ["ewc", "ncm"]


@pytest.mark.parametrize("files", [True, False])
@pytest.mark.parametrize("shape", FORMATS)
def test_each_format_is_printed_alike_with_and_without_out(shape, files, record, tmp_path, capsys):
    if not files:
        for run in record._runs:
            run.tags.pop("test.matrix", None)
    words, out = ["--runs", "s-*", "--format", shape], ["--out", str(tmp_path)]
    assert compare.main(words) == 0
    alone = capsys.readouterr().out
    assert compare.main([*words, *out]) == 0
    beside = capsys.readouterr().out
    assert (tmp_path / f"leaderboard.{shape}").read_text() == beside
    assert beside.replace(f" {shlex.join(out)}", "") == alone
    assert ("less it" in alone, "Which?" in alone) == (shape == "html", shape in ("html", "json"))
    assert ("matrix.csv in the record" in alone) == (not files and shape in ("html", "json"))
