import numpy as np

from orchestrator.seeding import view_seeds


def test_each_view_of_each_row_has_a_seed_of_its_own():
    rows = np.arange(50)
    seeds = np.stack([view_seeds(rows, view) for view in range(4)])
    assert seeds.dtype == np.uint64 and len(np.unique(seeds)) == 200
    assert np.array_equal(view_seeds(rows[::-1], 2), seeds[2][::-1]), "a row's seeds are its own"
    assert np.array_equal(view_seeds(rows, rows % 4), seeds[rows % 4, rows])
