"""Studies that run what was chosen in the worst and the best order too. They are played."""

import json

import pytest
import yaml
from told_study import read_page

from orchestrator.errors import UserError
from orchestrator.execution.job import Outcome
from orchestrator.housekeeping.found_run import FoundRun
from orchestrator.housekeeping.studies import runs_asked_for, study_runs
from orchestrator.study import __main__ as command
from orchestrator.study import study_run
from orchestrator.study.found_orders import FoundOrders
from orchestrator.study.runs_now import runs_now
from orchestrator.study.study_book import StudyBook
from orchestrator.study.study_forecast import ArmForecast

pytestmark = pytest.mark.unit

_ORDERS = {"worst": (1, 0), "best": (0, 1)}
_EXTREME = [f"s-{name}-{which}-order" for which in _ORDERS for name in ("plain", "kept")]


@pytest.fixture
def extreme(played, monkeypatch):
    """Of the stream there are two orders. ``looked`` has the configurations for which they were found."""
    played.looked = []
    played.found = FoundOrders(_ORDERS, {"worst": 0.1, "best": 0.3, "random": 0.2}, "names", "classes")

    def find(config, source):
        played.looked.append(config)
        return played.found

    monkeypatch.setattr(study_run, "find_orders", find)

    def began(**asked):
        status, said = played.run(played.new("t", **{"orders": "extreme", **asked}))
        assert status == 0
        return said.replace("runs/t/", "runs/s/")

    played.began_with = began
    return played


def test_each_method_is_run_in_both_orders_with_one_seed_after_the_pairs(extreme, tmp_path):
    status, told = extreme.begun(orders="extreme")
    assert status == 0 and extreme.walked[-4:] == _EXTREME and len(extreme.walked) == 8
    for which, order in _ORDERS.items():
        config = yaml.safe_load((tmp_path / "runs" / f"s-plain-{which}-order" / "config.yaml").read_text())
        assert (config["stream"]["order"], config["run"]["seed"]) == (list(order), 1)
        assert config["method"]["learning_rate"] == 0.002, "the search's choice"
    assert [config.flat()["stream.order"] for config in extreme.looked] == ["natural"]
    sessions = len(extreme.sessions)
    assert extreme.gone_on() == (0, told) and len(extreme.sessions) == sessions, "nothing is left"
    assert len(extreme.looked) == 1, "they are kept"


def test_no_mean_and_no_comparison_has_them(extreme, tmp_path):
    extreme.figure = lambda seed, rate: 50.0 + seed
    usual = extreme.run(extreme.new("u"))[1]
    told = extreme.begun(orders="extreme")[1]
    line = "| plain | 2 | 0 | 2 | 51.5 ± 0.7 |"
    assert line in usual and line in told
    results = [json.loads((tmp_path / "runs" / name / "result.json").read_text()) for name in "us"]
    (first,), (second,) = (result["streams"] for result in results)
    assert first["comparisons"] == second["comparisons"]
    assert [m["summaries"]["average"] for m in first["methods"]] == [
        m["summaries"]["average"] for m in second["methods"]
    ]
    assert (tmp_path / "runs" / "u" / "pairs.csv").read_text() == (
        tmp_path / "runs" / "s" / "pairs.csv"
    ).read_text()
    assert "orders" not in first and "extremes" not in first["methods"][0]
    assert not (tmp_path / "runs" / "u" / "orders.json").exists()


def test_they_stand_beside_the_pairs(extreme, tmp_path):
    told = extreme.begun(orders="extreme")[1]
    assert "| worst order | 51.0 | 51.0 |" in told and "| highest of the pairs | 52.0 | 52.0 |" in told
    assert "A few random orders understate how far figures spread over all orders." in told
    (there,) = json.loads((tmp_path / "runs" / "s" / "result.json").read_text())["streams"]
    assert there["orders"]["orders"] == {which: list(order) for which, order in _ORDERS.items()}
    assert there["methods"][0]["extremes"] == {"worst": {"average": 51.0}, "best": {"average": 51.0}}
    page = read_page((tmp_path / "runs" / "s" / "report.html").read_text())
    assert [row[0] for row in page.tables["orders"][1:]] == [
        "lowest of the pairs",
        "mean of the pairs",
        "highest of the pairs",
        "worst order",
        "best order",
    ]
    assert page.tables["orders"][2][1:] == ["51.5", "51.5"]


@pytest.mark.parametrize(
    "more", [{}, {"trials": 3}, {"pairs": 3, "best": 2}], ids=["orders", "trials", "best"]
)
def test_a_study_that_is_asked_for_them_later_is_one_that_began_so(extreme, more):
    extreme.figure = lambda seed, rate: 50.0 + seed + 1000 * rate
    extreme.begun()
    status, grown = extreme.gone_on(orders="extreme", **more)
    assert status == 0 and grown == extreme.began_with(**more)
    status, again = extreme.gone_on()
    assert (status, again) == (0, grown)


def test_a_later_choice_is_run_in_them_under_other_names(extreme):
    extreme.begun(orders="extreme")
    status, grown = extreme.gone_on(trials=3)
    assert status == 0 and "s-plain-trial_0003-worst-order" in extreme.walked
    assert grown == extreme.began_with(trials=3)


def test_one_that_was_interrupted_or_failed_is_run_again(extreme, tmp_path):
    extreme.at = {("s-plain-worst-order", "seed_1"): Outcome("failed", "loss is nan")}
    status, told = extreme.begun(orders="extreme")
    assert status == 1 and "- s-plain-worst-order: seed_1: loss is nan" in told
    assert "| worst order | – | 51.0 |" in told
    found = FoundRun.of(tmp_path / "runs" / "s")
    assert (found.state, found.done, found.asked) == ("failed", 9, 10)
    extreme.at = {("s-plain-worst-order", "seed_1"): KeyboardInterrupt()}
    assert extreme.gone_on()[0] == 130
    extreme.at = {}
    status, told = extreme.gone_on()
    assert status == 0 and told == extreme.began_with()


def test_a_stream_without_them_is_said_and_no_run_is_left(extreme, tmp_path):
    extreme.found = FoundOrders(reason="its 2 tasks are equally alike in every order")
    status, told = extreme.begun(orders="extreme")
    assert status == 0 and "Extreme orders: its 2 tasks are equally alike in every order." in told
    assert len(extreme.walked) == 4 and FoundRun.of(tmp_path / "runs" / "s").state == "finished"


def test_where_they_could_not_be_found_a_resumed_study_looks_again(extreme, monkeypatch):
    def fail(config, source):
        raise UserError("method.backbone: clip.pt is gone")

    find = study_run.find_orders
    monkeypatch.setattr(study_run, "find_orders", fail)
    assert extreme.begun(orders="extreme")[0] == 1 and len(extreme.walked) == 4
    monkeypatch.setattr(study_run, "find_orders", find)
    assert extreme.gone_on() == (0, extreme.began_with()) and extreme.walked[4:8] == _EXTREME


def test_they_are_the_studys_runs(extreme, tmp_path):
    extreme.begun(orders="extreme")
    folder = tmp_path / "runs" / "s"
    assert set(_EXTREME) < set(runs_asked_for(folder)) and len(runs_asked_for(folder)) == 10
    (tmp_path / "runs" / "s-plain-trial_0009-best-order").mkdir()
    (tmp_path / "runs" / "s-plain-odd-order").mkdir()
    more = set(study_runs(folder)) - set(runs_asked_for(folder))
    assert more == {"s-plain-trial_0009-best-order"}


def test_a_dry_run_counts_them(extreme):
    start = extreme.new(orders="extreme")
    assert "  what is chosen is run in the worst and the best order too" in start.preview().splitlines()
    arm = start.study.arms[0]
    runs = [run for run in runs_now(start.study, StudyBook(start.study.folder)) if run.arm is arm]
    assert ArmForecast.of(arm, runs).pairs == 4


def test_what_is_wrong_is_refused(extreme, tmp_path, capsys):
    with pytest.raises(UserError, match="^f: orders 'worst': allowed are random and extreme$"):
        extreme.new(orders="worst")
    assert extreme.new(orders="random").study.request.orders == ""
    extreme.begun(orders="extreme")
    folder = tmp_path / "runs" / "s"
    text = (folder / "study.yaml").read_text()
    assert "orders: extreme\n" in text
    (folder / "study.yaml").write_text(text.replace("orders: extreme\n", ""))
    with pytest.raises(
        UserError, match="has s-(plain|kept)-worst-order, which the study does not ask for any more"
    ):
        extreme.resumed()
    (folder / "study.yaml").write_text(text)
    (folder / "orders.json").write_text("[]")
    with pytest.raises(UserError, match=r"orders\.json: is not what a study writes; allowed: none, by which"):
        extreme.resumed()
    words = ["--methods", "slda", "--stream", "digits", "--orders", "extreme", "--dry-run"]
    assert command.main(words) == 0 and "the worst and the best order" in capsys.readouterr().out


def test_mlflow_groups_them_with_no_pair(extreme, tmp_path):
    extreme.begun(orders="extreme")
    found = {}
    for name in ("s-plain-pair1", "s-plain-pair2", "s-plain-worst-order", "s-plain-best-order"):
        lines = (tmp_path / "runs" / name / "tracking.jsonl").read_text().splitlines()
        tags = [json.loads(line).get("tags") or {} for line in lines]
        found[name] = next(one["configuration"] for one in tags if "configuration" in one)
    key = found["s-plain-pair1"]
    assert list(found.values()) == [key, key, f"{key} worst", f"{key} best"]


def test_a_clip_that_cannot_be_loaded_is_no_answer(played, monkeypatch):
    def fail(config, source):
        raise UserError("method.backbone: clip.pt is gone")

    monkeypatch.setattr("orchestrator.features.unit_similarity.unit_similarity", fail)
    with pytest.raises(UserError, match="clip.pt is gone"):
        study_run.find_orders(None, None)
