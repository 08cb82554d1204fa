from orchestrator.streams.split_spans import split_spans


def test_training_splits_come_first_and_then_the_others_task_by_task():
    sizes = [
        {"test": 7, "train": 30, "validation": 5},
        {"train": 20, "validation": 4, "test": 6, "query": 2, "gallery": 3},
    ]
    assert split_spans(sizes) == {
        (0, "train"): (0, 30),
        (1, "train"): (30, 50),
        (0, "test"): (50, 57),
        (0, "validation"): (57, 62),
        (1, "validation"): (62, 66),
        (1, "test"): (66, 72),
        (1, "query"): (72, 74),
        (1, "gallery"): (74, 77),
    }
