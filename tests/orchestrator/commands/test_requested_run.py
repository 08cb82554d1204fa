"""What the two doors make of what is asked for, before anything starts. No Ray is started."""

import pytest

from orchestrator.commands.explain import explain
from orchestrator.commands.requested_run import requested_sweep, requested_train
from orchestrator.errors import UserError

_SMALL = {"stream.tasks": 2, "stream.train": 8, "stream.validation": 4, "stream.test": 4}


@pytest.mark.parametrize(
    ("more", "mask"), [({}, "additive_one"), ({"method": {"mask_mode": "blocked"}}, "blocked")]
)
def test_a_preset_wins_over_the_search_space_and_what_is_set_by_itself_over_it(more, mask):
    values = {"method.preset": "reference", **_SMALL, **more}
    sweep, train = requested_sweep("mma", given=values), requested_train("mma", given=values)
    for config in (sweep.config, train.config):
        method = config.method
        assert (config.preset, method.mask_mode, method.clamp_scale) == ("reference", mask, True)
    assert not {"method.mask_mode", "method.clamp_scale"} & set(sweep.space.searched)
    pairs = ["method.preset=reference", *(f"method.{k}={v}" for k, v in more.get("method", {}).items())]
    assert f"search space fixed {mask}" in " ".join(explain("mma", "method.mask_mode", pairs=pairs).split())


def test_a_preview_says_that_test_data_is_left_alone():
    line = "Runs: seed 4\n  test data is left alone; --resume NAME looks at it later\n\n"
    values = {**_SMALL, "run.seed": 4}
    assert requested_train("mma", test=False, given=values).preview().startswith(line)
    assert requested_train("mma", given=values).preview().startswith("Runs: seed 4\n\n")


@pytest.mark.parametrize(("margin", "shown"), [(None, "1"), (2.5, "2.5"), (0, None)])
def test_a_preview_says_how_a_memory_is_chosen(margin, shown):
    text = requested_sweep("clip-er", given=_SMALL, margin=margin).preview()
    line = f"\n  the smallest replay.size within {shown} of the best is chosen (--margin)\n"
    assert (line in text) == ("(--margin)" in text) == (shown is not None)
    fixed = requested_sweep("clip-er", given={**_SMALL, "replay.size": 24}).preview()
    assert "(--margin)" not in fixed


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a-best-order", "a study's run in its best order alone ends in -best-order; allowed: another"),
        ("a-worst-order", "a study's run in its worst order alone ends in -worst-order; allowed: another"),
        ("reference-joint-digits-pair1-0123456789ab", "only a reference run has such a name; allowed"),
    ],
)
def test_a_run_has_no_name_by_which_it_would_be_left_out_of_means(name, why):
    for asked in (
        lambda: requested_sweep("mma", name=name),
        lambda: requested_train("mma", name=name),
        lambda: requested_train(continue_from="run", name=name),
    ):
        with pytest.raises(UserError, match=f"^--name {name}: {why}"):
            asked()
