"""Pictures and the matrix's CSV."""

import warnings

import numpy as np
import pytest
from PIL import Image

from orchestrator import plots
from orchestrator.errors import UserError

NAMES = ["red, round", "家居\n家装", 'say "no"']


def colours(path):
    """How many different colours the picture has, and its size."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB"))
    return len(np.unique(pixels.reshape(-1, 3), axis=0)), pixels.shape


def test_matrix_survives_csv(tmp_path):
    R = np.array([[1 / 3, np.nan, 2.0], [50.0, 1e-9, np.nan]])
    plots.write_matrix(tmp_path / "new" / "matrix.csv", R, NAMES)
    back, names = plots.read_matrix(tmp_path / "new" / "matrix.csv")
    np.testing.assert_array_equal(back, R)
    assert names == NAMES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1 must be"),
        ("a,b\n1,2\n", "line 1 must be"),
        ("after,a,b\na,1\n", "row 'a' has 1 values for 2 columns"),
        ("after,a,b\na,1,much\n", "row 'a', column 'b': 'much' is no number"),
    ],
)
def test_a_malformed_matrix_names_file_and_place(tmp_path, text, message):
    path = tmp_path / "matrix.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        plots.read_matrix(path)
    assert str(path) in str(caught.value)


def test_a_missing_matrix_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="matrix.csv: cannot be read"):
        plots.read_matrix(tmp_path / "matrix.csv")


def test_heatmap_shows_values_by_colour(tmp_path):
    flat, steep = tmp_path / "flat.png", tmp_path / "steep.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.matrix_heatmap(flat, np.full((3, 3), np.nan), NAMES)
        plots.matrix_heatmap(steep, np.array([[90, np.nan, np.nan], [10, 80, np.nan], [0, 5, 100]]), NAMES)
    assert colours(steep)[0] > colours(flat)[0] + 5


def test_an_unfinished_matrix_has_a_row_a_finished_task(tmp_path):
    one, three = tmp_path / "one.png", tmp_path / "three.png"
    plots.matrix_heatmap(one, np.array([[50.0, np.nan, np.nan]]), NAMES)
    plots.matrix_heatmap(three, np.full((3, 3), 50.0), NAMES)
    assert colours(one)[1][0] < colours(three)[1][0]


def test_a_table_has_names_for_rows_and_columns(tmp_path):
    path = tmp_path / "new" / "table.csv"
    table = plots.Table(np.array([[1 / 3, np.nan, 2.0], [50.0, 1e-9, 100.0]]), ["how many", "家"], NAMES)
    plots.write_table(path, table, "kind")
    back = plots.read_table(path, "kind")
    np.testing.assert_array_equal(back.values, table.values)
    assert (back.rows, back.columns) == (table.rows, table.columns)
    with pytest.raises(UserError, match="table.csv: line 1 must be 'after' and the names of the columns"):
        plots.read_matrix(path)


def test_a_table_is_drawn_as_large_as_it_is(tmp_path):
    wide, high = tmp_path / "wide.png", tmp_path / "high.png"
    values = np.arange(10.0, 70.0, 10.0)
    for path, shape in ((wide, (1, 6)), (high, (6, 1))):
        rows, columns = ([f"{n}" for n in range(count)] for count in shape)
        table = plots.Table(values.reshape(shape), rows, columns)
        plots.table_heatmap(path, table, xlabel="group", ylabel="kind", title="test")
    (_, first), (_, second) = colours(wide), colours(high)
    assert first[1] > second[1] and first[0] < second[0]


def test_loss_curves_have_a_panel_a_term(tmp_path):
    steps = np.arange(5000)
    terms = {"ita": np.exp(-steps / 900), "topology": np.where(steps < 2500, np.nan, 0.1)}
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    plots.loss_curves(two, terms, [2500, 5000], NAMES[:2], "ctp")
    plots.loss_curves(one, {"ita": terms["ita"]}, [2500, 5000], NAMES[:2], "ctp")
    assert colours(two)[1][0] > colours(one)[1][0]


def test_averages_draw_a_line_a_label_and_a_band_for_several_seeds(tmp_path):
    single, seeds = tmp_path / "single.png", tmp_path / "seeds.png"
    plots.averages_over_tasks(single, {"ctp": [[50, 40, 30]]}, "average (%)")
    plots.averages_over_tasks(seeds, {"ctp": [[50, 40, 30], [60, 30]], "er": [[55, 50, 45]]}, "average (%)")
    assert colours(seeds)[0] > colours(single)[0]


def test_drift_is_a_line_a_task_from_the_task_on(tmp_path):
    one, three = tmp_path / "one.png", tmp_path / "three.png"
    drift = np.array([[50.0, np.nan, np.nan], [60.0, 55.0, np.nan], [70.0, 58.0, 52.0]])
    plots.drift_over_tasks(one, np.where(np.arange(3) == 0, drift, np.nan), NAMES)
    plots.drift_over_tasks(three, drift, NAMES)
    with Image.open(one) as first, Image.open(three) as second:
        assert first.size == second.size
        differ = (np.asarray(first) != np.asarray(second)).any(-1)
    # The first task's line, highest from start to end, is alike in both; two lines are in the lower right.
    rows, columns = np.nonzero(differ)
    assert len(rows) > 200 and columns.min() > differ.shape[1] * 0.2


def test_drift_of_one_finished_task_has_one_line(tmp_path):
    path = tmp_path / "drift.png"
    plots.drift_over_tasks(path, np.array([[50.0, np.nan, np.nan]]), NAMES)
    assert colours(path)[0] > 10
