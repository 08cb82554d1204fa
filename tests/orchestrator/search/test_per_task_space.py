"""What a search space says of the protocol ``per-task``, and the one trial that follows from it."""

import pytest

from orchestrator.commands.sweep_request import SweepRequest
from orchestrator.errors import UserError
from orchestrator.search.per_task_space import per_task_space
from orchestrator.search.space import Space
from orchestrator.study.run_request import RunRequest

pytestmark = pytest.mark.unit

_FILE = """method: clip-lwf
stream: digits
objective: {metric: validation/average, mode: max}
trials: 16
fixed:
  method.batch_size: 64
start:
  method.learning_rate: 1e-3
  method.epochs: 20
  method.lwf_weight: 1
search:
  method.learning_rate: {type: float, low: 1e-4, high: 1e-2, log: true}
  method.epochs: {type: categorical, choices: [5, 20]}
  method.lwf_weight: {type: float, low: 0.1, high: 100, log: true}
"""
_SECTION = "per_task: {learning_rate: method.learning_rate, strength: [method.lwf_weight]}\n"
_RATE = "{type: float, low: 1e-4, high: 1e-2, log: true}"


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setattr("orchestrator.search.space.check_suggestions", lambda *_: None)  # takes a second

    def load(text=_FILE + _SECTION, **options):
        (tmp_path / "mine.yaml").write_text(text)
        return Space.load(tmp_path / "mine.yaml", **options)

    return load


def test_it_is_one_trial_at_the_start_with_five_rates_and_the_strength_at_its_top(load):
    space = load()
    walk = per_task_space(space)
    assert (walk.trials, walk.parameters, walk.starts, walk.points(9)) == (1, (), (), 1)
    assert walk.scheduler.name == "none" and walk.config == walk.start_config
    assert walk.config.per_task.learning_rates == (1e-4, 3.16e-4, 1e-3, 3.16e-3, 1e-2)
    assert walk.config.per_task.strength == ("method.lwf_weight",)
    assert (walk.config.method.lwf_weight, walk.config.method.epochs) == (100.0, 20)
    assert walk.config.method.learning_rate == 1e-3 and space.config.per_task is None


@pytest.mark.parametrize(
    ("section", "rate", "rates"),
    [
        (_SECTION.replace("{learning_r", "{learning_rates: [0.3, 1e-2], learning_r"), _RATE, (0.3, 1e-2)),
        (_SECTION, "{type: categorical, choices: [1e-2, 1e-3]}", (1e-2, 1e-3)),
        (_SECTION, "{type: float, low: 1e-3, high: 5e-3}", (1e-3, 2e-3, 3e-3, 4e-3, 5e-3)),
    ],
)
def test_rates_are_listed_or_chosen_over_the_range(load, section, rate, rates):
    walk = per_task_space(load(_FILE.replace(_RATE, rate) + section))
    assert walk.config.per_task.learning_rates == rates


def test_what_is_fixed_by_set_is_where_it_begins(load):
    values = {"method.learning_rate": 7e-3, "method.lwf_weight": 5.0, "method.epochs": 3}
    config = per_task_space(load(values=values)).config
    assert config.per_task.learning_rates == (7e-3,)
    assert (config.method.lwf_weight, config.method.epochs) == (5.0, 3)


def test_a_strength_that_is_off_at_the_start_is_left_out():
    space = Space.load("clap4clip")
    assert space.per_task.strength == ("method.lasp_weight", "method.distill_weight")
    walk = per_task_space(space)
    assert walk.config.per_task.strength == ("method.lasp_weight",) and walk.config.method.lasp_weight == 15


@pytest.mark.parametrize("name", [name for name in Space.names() if name not in ("mma", "l2p", "dualprompt")])
def test_a_shipped_method_with_a_rate_and_a_past_can_choose_at_each_task(name, monkeypatch):
    monkeypatch.setattr("orchestrator.search.space.check_suggestions", lambda *_: None)
    space = Space.load(name)
    if space.per_task is None:
        return
    plan = per_task_space(space).config.per_task  # which checks every value
    assert plan.learning_rate == "method.learning_rate" and len(plan.learning_rates) == 5
    wanted = {"lwf": ("method.lwf_weight",), "ewc": ("method.ewc_weight",), "finetune": (), "er": ()}
    assert plan.strength == wanted.get(name.rpartition("-")[2], plan.strength)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("per_task: 3\n", "per_task: expected a mapping with learning_rate and strength, found 3"),
        ("per_task: {strength: []}\n", "per_task.learning_rate: missing; expected text"),
        (
            "per_task: {learning_rate: method.head}\n",
            "per_task.learning_rate: 'method.head': allowed are numb",
        ),
        (
            _SECTION.replace("[method.lwf", "[method.lfw"),
            "per_task.strength: 'method.lfw_weight': allowed are",
        ),
        (
            _SECTION.replace("strength: [method.lwf_weight]", "margin: 2"),
            "per_task.margin: 2 is not in 0 .. 1",
        ),
        (_SECTION.replace("strength", "strenght"), "per_task.strenght: unknown key; did you mean strength?"),
    ],
)
def test_a_wrong_section_names_file_and_line(load, tmp_path, section, said):
    with pytest.raises(UserError) as error:
        load(_FILE + section)
    assert str(error.value).startswith(f"{tmp_path / 'mine.yaml'}:15: {said}")


def test_spaces_that_do_not_say_what_is_chosen_are_refused(load):
    with pytest.raises(
        UserError, match="mine.yaml: has no per_task, which names the learning rate and what "
    ):
        per_task_space(load(_FILE))
    several = "objectives: [{metric: validation/average, mode: max}, {metric: replay/bytes, mode: min}]"
    one = "objective: {metric: validation/average, mode: max}"
    with pytest.raises(UserError, match="mine.yaml has several objectives; allowed with per-task is one$"):
        per_task_space(load(_FILE.replace(one, several) + _SECTION))
    with pytest.raises(UserError, match="mine.yaml: has no start of its own, which per-task needs"):
        per_task_space(load(_FILE[: _FILE.index("start")] + _FILE[_FILE.index("search") :] + _SECTION))


def test_what_searches_nothing_runs_as_it_is():
    space = Space.load("zero-shot")
    assert per_task_space(space) is space


def test_a_search_of_before_there_was_the_section_is_asked_for_the_same(load, tmp_path):
    """A study that began with a shipped space goes on where the newer one has the section."""
    request = SweepRequest("clip-lwf", None, None, {}, 16, None, None, 1.0)
    load(_FILE)
    before = RunRequest.search(request, tmp_path / "mine.yaml")
    walk = SweepRequest("clip-lwf", None, None, {}, 1, None, None, 1.0, protocol="per-task")
    without = RunRequest.search(walk, tmp_path / "mine.yaml")
    load()
    assert RunRequest.search(request, tmp_path / "mine.yaml") == before
    assert RunRequest.search(walk, tmp_path / "mine.yaml") != without
    searched = SweepRequest(**{**vars(walk), "protocol": None})
    assert walk.digest("") != searched.digest("")
