"""The tables of docs/reports/results.md that studies made say what each pair's figures give."""

import csv
import re
from pathlib import Path
from statistics import mean, stdev

import pytest

_REPORTS = Path(__file__).parents[1] / "docs" / "reports"
_COLUMNS = {
    "after the last task": "seen/accuracy",
    "mean over tasks": "average_over_time",
    "forgetting, task known": "task_aware_forgetting",
    "unseen": "over_time/unseen/accuracy",
    "ECE": "seen/ece",
}
_TRIPLETS = {
    "A": "triplet/average_accuracy",
    "forgetting": "triplet/forgetting",
    "at the end": "seen/accuracy",
    "task known by picture": "recognition/image",
}


def _tables(file):
    """Of each table whose section links the file: the heads, and the rows by method, as they stand there."""
    text = (_REPORTS / "results.md").read_text("utf-8")
    (section,) = [part for part in re.split(r"(?m)^##+ ", text) if f"](studies/{file})" in part]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return rows[0], {row[0].lower(): row for row in rows[2:]}


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("digits.csv", {**_COLUMNS, "forgetting": "forgetting"}),
        ("recognition.csv", {**_COLUMNS, "forgetting": "forgetting"}),
        ("questions.csv", _TRIPLETS),
    ],
)
def test_a_studys_table_has_its_pairs_means_and_deviations(file, columns):
    with open(_REPORTS / "studies" / file, newline="", encoding="utf-8") as opened:
        pairs = list(csv.DictReader(opened))
    heads, rows = _tables(file)
    told = [head for head in heads if head in columns]
    assert len(told) >= 4 and {pair["method"] for pair in pairs} == rows.keys()
    for method, row in rows.items():
        own = [pair for pair in pairs if pair["method"] == method]
        assert len(own) == 10
        for head in told:
            figures = [float(pair[columns[head]]) for pair in own if pair[columns[head]]]
            shown = row[heads.index(head)] if heads.index(head) < len(row) else ""
            assert shown.strip() == (f"{mean(figures):.1f} ± {stdev(figures):.1f}" if figures else ""), head
