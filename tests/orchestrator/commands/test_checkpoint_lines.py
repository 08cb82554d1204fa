from orchestrator.commands.checkpoint_lines import checkpoint_lines


def _tested(tasks, names=("r_mean", "map1")):
    return {
        f"test/ctp/{which}/task_{k:02d}/{name}": 100.0 - k - 50 * (which == "last") + 0.5 * (name == "map1")
        for which in ("own", "last")
        for k in range(1, tasks + 1)
        for name in names
    }


def test_each_checkpoint_stands_above_the_last_model():
    assert checkpoint_lines({"test/average": 3.0, **_tested(2)}) == [
        "Checkpoints on test, over the union of the tasks so far: each one's own, and the last one's",
        "  after task                     1       2",
        "  R_m                        99.00   98.00",
        "  R_m, last model            49.00   48.00",
        "  mAP@1                      99.50   98.50",
        "  mAP@1, last model          49.50   48.50",
    ]


def test_without_a_gallery_there_is_recall_alone_and_without_a_past_nothing():
    assert [line.split("  ")[1] for line in checkpoint_lines(_tested(2, ("r_mean",)))[1:]] == [
        "after task",
        "R_m",
        "R_m, last model",
    ]
    assert checkpoint_lines(_tested(1)) == [] and checkpoint_lines({"test/seen/accuracy": 3.0}) == []


def test_more_than_nine_tasks_go_on_below():
    lines = checkpoint_lines(_tested(11, ("r_mean",)))
    assert len(lines) == 7 and max(map(len, lines)) <= 100
    assert lines[4].split() == ["after", "task", "10", "11"] and lines[6].split()[-2:] == ["40.00", "39.00"]
