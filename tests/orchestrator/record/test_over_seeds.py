from orchestrator.record.over_seeds import over_seeds


def test_a_mean_is_over_all_seeds_or_there_is_none():
    tested = [{"test/a": 1.0, "test/b": 5.0}, {"test/a": 4.0}, {"test/a": 1.0, "test/b": 6.0}]
    assert over_seeds(tested) == {"test/a": 2.0, "test_deviation/a": 3**0.5}


def test_one_seed_deviates_from_nothing():
    assert over_seeds([{"test/a": 1.0}]) == {"test/a": 1.0} and over_seeds([]) == {}
