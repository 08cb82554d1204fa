"""The tables of docs/reports/results.md that studies made say what each pair's figures give."""

import csv
import re
from pathlib import Path
from statistics import mean, stdev

import pytest

from orchestrator.statistics.holm import holm
from orchestrator.statistics.paired_comparison import compare_pairs

_REPORTS = Path(__file__).parents[1] / "docs" / "reports"
_COLUMNS = {
    "after the last task": "seen/accuracy",
    "mean over tasks": "average_over_time",
    "forgetting, task known": "task_aware_forgetting",
    "unseen": "over_time/unseen/accuracy",
    "ECE": "seen/ece",
}
_NUMBERS = {2: "two", 3: "three"}
_RETRIEVAL = {
    "R_m": "seen/r_mean",
    "own": "average",
    "forgetting": "forgetting",
    "learnt": "learning_accuracy",
    "BWT": "ctp/bwt",
}
_QUESTIONS = {
    "AP": "vqacl/ap",
    "forget": "vqacl/forget",
    "over time": "average_over_time",
    "learnt": "learning_accuracy",
}
_TRIPLETS = {
    "A": "triplet/average_accuracy",
    "forgetting": "triplet/forgetting",
    "at the end": "seen/accuracy",
    "task known by picture": "recognition/image",
}


def _section(file):
    """The text of the section that links the file."""
    text = (_REPORTS / "results.md").read_text("utf-8")
    (section,) = [part for part in re.split(r"(?m)^##+ ", text) if f"](studies/{file})" in part]
    return section


def _pairs(file):
    with open(_REPORTS / "studies" / file, newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def _tables(file):
    """The heads of the section's table, and its rows by method, as they stand there."""
    section = _section(file)
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return rows[0], {row[0].lower(): row for row in rows[2:]}


def _compared(file):
    """The others' figures, CLAP4CLIP's, its comparisons with them, their corrected p, and the section."""
    figures = {}
    for pair in _pairs(file):
        figures.setdefault(pair["method"], []).append(float(pair["seen/accuracy"]))
    own = figures.pop("clap4clip")
    found = {other: compare_pairs(own, theirs) for other, theirs in figures.items()}
    corrected = dict(zip(found, holm([one.p for one in found.values()]), strict=True))
    return figures, own, found, corrected, _section(file)


@pytest.mark.parametrize(
    ("file", "columns", "n"),
    [
        ("digits.csv", {**_COLUMNS, "forgetting": "forgetting"}, 10),
        ("recognition.csv", {**_COLUMNS, "forgetting": "forgetting"}, 10),
        ("questions.csv", _TRIPLETS, 10),
        ("vqacl.csv", _QUESTIONS, 8),
        ("vqacl_closed.csv", _QUESTIONS, 8),
        ("retrieval.csv", _RETRIEVAL, 8),
        ("retrieval_memory.csv", _RETRIEVAL, 8),
    ],
)
def test_a_studys_table_has_its_pairs_means_and_deviations(file, columns, n):
    pairs = _pairs(file)
    heads, rows = _tables(file)
    told = [head for head in heads if head in columns]
    assert len(told) >= 4 and {pair["method"] for pair in pairs} == rows.keys()
    for method, row in rows.items():
        own = [pair for pair in pairs if pair["method"] == method]
        assert len(own) == n
        for head, column in (("memory", "memory"), ("validation", "validation")):
            if column in own[0]:
                assert f"{float(row[heads.index(head)]):.1f}" == f"{float(own[0][column] or 0):.1f}", head
        for head in told:
            figures = [float(pair[columns[head]]) for pair in own if pair[columns[head]]]
            shown = row[heads.index(head)] if heads.index(head) < len(row) else ""
            assert shown.strip() == (f"{mean(figures):.1f} ± {stdev(figures):.1f}" if figures else ""), head


def test_what_is_said_of_clap4clip_is_what_its_pairs_give():
    figures, own, found, corrected, section = _compared("recognition.csv")
    shown = {other: one for other, one in found.items() if one.shows(corrected[other])}
    assert (len(shown), len(found)) == (11, 13) and "Eleven of the thirteen are shown at 5 %" in section
    assert set(found) - set(shown) == {"clip-derpp", "nme"}
    assert "No difference is shown from clip-derpp" in section and "nor from nme" in section
    for other, one in shown.items():
        ends = sorted((abs(one.low), abs(one.high)))
        by = rf"{abs(one.difference):.1f}( points)?[^(.]*\({ends[0]:.1f} to {ends[1]:.1f}\)"
        assert re.search(by, section), (other, by)
    (gain,) = [compare_pairs(figures["clip-finetune"], figures["zero-shot"]).difference]
    assert f"it ends {gain:.1f} points above zero-shot" in section
    failed = {row["method"]: row["failed"] for row in _pairs("recognition_chosen.csv")}
    assert failed["clap4clip"] == "4" and "Four of CLAP4CLIP's sixteen trials diverged" in section


def test_what_is_said_of_clap4clip_on_digits_is_what_its_pairs_give():
    _, own, found, corrected, section = _compared("digits.csv")
    assert len(found) == 13 and all(one.shows(corrected[other]) for other, one in found.items())
    assert "Each of the thirteen is shown at 5 %" in section
    named = {"clip-er", "clip-derpp", "clip-icarl", "mma", "nme", "ncm", "ranpac", "slda", "clip-joint"}
    assert min(found[other].difference for other in found.keys() - named) == pytest.approx(48.6, abs=0.05)
    for other in named:
        one = found[other]
        ends = sorted((abs(one.low), abs(one.high)))
        assert f"{abs(one.difference):.1f}" in section and f"({ends[0]:.1f} to {ends[1]:.1f})" in section, (
            other
        )
    above = {"clip-er", "clip-derpp", "clip-icarl", "mma", "nme", "ncm"}
    assert {other for other in named if found[other].difference > 0} == above
    earlier = [float(pair["seen/accuracy"]) for pair in _pairs("digits_icarl.csv")]
    one = compare_pairs(own, earlier)
    said = f"{one.difference:.1f} points, {one.low:.1f} to {one.high:.1f}, p {one.p:.2f}, n = {one.n}"
    assert said in " ".join(section.split())
    assert f"{mean(earlier):.1f} ± {stdev(earlier):.1f}" in section and not one.shows(one.p)
    chosen = {(row["method"], row["key"]): row["value"] for row in _pairs("digits_chosen.csv")}
    assert {row["failed"] for row in _pairs("digits_chosen.csv") if row["method"] == "clap4clip"} == {"5"}
    assert "Five of CLAP4CLIP's sixteen trials" in section
    for method, key, value in (
        ("clap4clip", "epochs", "120"),
        ("clip-lwf", "epochs", "5"),
        ("mma", "consolidation_epochs", "150"),
        ("mma", "down_dim", "32"),
        ("ranpac", "projection_width", "5000"),
    ):
        assert (
            chosen[method, f"method.{key}"] == value and value in section.partition("end of their range")[2]
        )
    rates = [
        float(chosen[name, "method.learning_rate"]) for name in ("clip-ewc", "clip-lwf", "clip-finetune")
    ]
    assert min(rates) > 0.23 and round(float(chosen["clip-lwf", "method.lwf_weight"])) == 86
    assert round(float(chosen["clip-joint", "method.logit_scale"])) == 870
    merged = {"replay": "merge", "consolidation_epochs": "5", "epochs": "120"}
    assert {key: chosen["clap4clip", f"method.{key}"] for key in merged} == merged
    assert "merges, too, with five passes and 120 epochs" in section
    by = {}
    for pair in _pairs("digits.csv"):
        for column in ("average_over_time", "seen/ece", "forgetting"):
            by.setdefault((pair["method"], column), []).append(float(pair[column]))
    told = " ".join(section.split())
    for other, column, unit in (
        ("clip-er", "average_over_time", " points"),
        ("clip-derpp", "average_over_time", " points"),
        ("clip-er", "seen/ece", " points higher"),
        ("clip-er", "forgetting", " points"),
    ):
        one = compare_pairs(by["clap4clip", column], by[other, column])
        ends = (one.low, one.high) if column != "forgetting" else (-one.high, -one.low)
        size = one.difference if column != "forgetting" else -one.difference
        p = f"{one.p:.3f}" if one.p < 0.01 else f"{one.p:.2f}"
        assert f"{size:.1f}{unit}, {ends[0]:.1f} to {ends[1]:.1f}, p {p}" in told, (other, column)


def test_what_is_said_of_ctp_is_what_its_pairs_give():
    by = {}
    for pair in _pairs("retrieval.csv"):
        for column in ("seen/r_mean", "average", "forgetting"):
            by.setdefault(column, {}).setdefault(pair["method"], []).append(float(pair[column]))
    section = " ".join(_section("retrieval.csv").split())
    lines = dict(zip(by, ("R_m: no difference", "It keeps more", "It forgets less"), strict=True))
    shown = {}
    for column, figures in by.items():
        own, others = figures.pop("ctp"), figures
        found = {other: compare_pairs(own, theirs) for other, theirs in others.items()}
        corrected = dict(zip(found, holm([one.p for one in found.values()]), strict=True))
        line = section.partition(lines[column])[2].partition(" - **")[0]
        for other, one in found.items():
            shown[column, other] = one.shows(corrected[other])
            if (column, other) == ("average", "lwf"):
                continue  # told without figures
            low, high = (
                (one.low, one.high) if one.low < 0 < one.high else sorted((abs(one.low), abs(one.high)))
            )
            p = f"{corrected[other]:.{2 if corrected[other] > 0.05 else 3}f}"
            by_how_much = abs(one.difference) if low >= 0 else one.difference
            assert f"{by_how_much:.1f}" in line and f"{low:.1f} to {high:.1f}, p {p})" in line, (
                column,
                other,
            )
    assert not any(value for (column, _), value in shown.items() if column == "seen/r_mean")
    kept = {other for (column, other), value in shown.items() if column == "average" and value}
    assert kept == {"finetune", "ewc"} and "No difference from LwF is shown" in section
    assert all(value for (column, _), value in shown.items() if column == "forgetting")
    chosen = {(row["method"], row["key"]): row["value"] for row in _pairs("retrieval_chosen.csv")}
    assert {chosen["ctp", f"method.{key}"] for key in ("momentum", "momentum_mix")} == {"0.0"}


def test_what_is_said_of_ctp_with_a_memory_is_what_its_pairs_give():
    by = {}
    for pair in _pairs("retrieval_memory.csv"):
        for column in ("seen/r_mean", "average", "forgetting", "learning_accuracy"):
            by.setdefault(column, {}).setdefault(pair["method"], []).append(float(pair[column]))
    section = " ".join(_section("retrieval_memory.csv").split())
    for column, figures in by.items():
        own, others = figures.pop("ctp"), figures
        found = {other: compare_pairs(own, theirs) for other, theirs in others.items()}
        corrected = dict(zip(found, holm([one.p for one in found.values()]), strict=True))
        for other, one in found.items():
            p = corrected[other]
            assert one.n == 8 and one.shows(p) == (column != "seen/r_mean"), (column, other)
            if one.shows(p):
                ends = sorted((abs(one.low), abs(one.high)))
                said = rf"{abs(one.difference):.1f}( points)? \({ends[0]:.1f} to {ends[1]:.1f}, p {p:.3f}\)"
            else:
                said = rf"{one.difference:.1f} points; {round(one.low, 1) + 0.0:.1f} "
                said = rf"{said}to {one.high:.1f}, p {p:.2f}\)"
            assert re.search(said, section), (column, other, said)
    chosen = {(row["method"], row["key"]): row["value"] for row in _pairs("retrieval_memory_chosen.csv")}
    assert chosen["ctp", "method.momentum"] == "0.0"
    start = {"learning_rate": "0.0005", "temperature": "0.07", "derpp_alpha": "0.05", "derpp_beta": "1.0"}
    assert {key: chosen["derpp", f"method.{key}"] for key in start} == start


def _by_method(file, column):
    figures = {}
    for pair in sorted(_pairs(file), key=lambda pair: int(pair["pair"])):
        figures.setdefault(pair["method"], []).append(float(pair[column]))
    return figures


def test_what_is_said_of_vqacl_is_what_its_pairs_give():
    section = " ".join(_section("vqacl.csv").split())
    figures = _by_method("vqacl.csv", "vqacl/ap")
    own = figures.pop("vqacl")
    found = {other: compare_pairs(own, theirs) for other, theirs in figures.items()}
    corrected = dict(zip(found, holm([one.p for one in found.values()]), strict=True))
    assert f"Holm's correction over {_NUMBERS[len(found)]} comparisons" in section
    for other, one in found.items():
        p = corrected[other]
        assert one.n == 8 and one.shows(p) == (other != "vqa-er"), other
        if one.shows(p):
            ends = sorted((abs(one.low), abs(one.high)))
            said = f"by {abs(one.difference):.1f} points ({ends[0]:.1f} to {ends[1]:.1f}, p {p:.3f})"
        else:
            said = f"({one.difference:.1f} points; {one.low:.1f} to {one.high:.1f}, p {p:.2f})"
        assert said in section, (other, said)
    forget = _by_method("vqacl.csv", "vqacl/forget")
    own = forget.pop("vqacl")
    for other in ("vqa-er", "vqa-derpp"):  # before any correction, which makes p larger
        assert not compare_pairs(own, forget[other]).shows(), other
    chosen = {(row["method"], row["key"]): row["value"] for row in _pairs("vqacl_chosen.csv")}
    memory = ("vqacl", "vqa-er", "vqa-derpp")
    assert [chosen[one, "method.replay"] for one in memory] == ["weighted", "paired", "weighted"]
    assert all(3e-4 <= float(chosen[one, "method.learning_rate"]) < 4.2e-4 for one in memory)
    assert [chosen[one, "method.epochs"] for one in memory] == ["20", "5", "10"]
    assert [chosen[one, "method.consolidation_epochs"] for one in memory] == ["2", "5", "5"]


def test_what_is_said_of_vqacl_beside_closed_forms_is_what_the_shared_pairs_give():
    shared = [
        [(pair["pair"], pair["seed"], pair["order"]) for pair in _pairs(file) if pair["method"] == one]
        for file, one in (("vqacl.csv", "vqacl"), ("vqacl_closed.csv", "vqa-slda"))
    ]
    assert sorted(shared[0]) == sorted(shared[1]) and len(shared[0]) == 8
    own = _by_method("vqacl.csv", "vqacl/ap")["vqacl"]
    found = {k: compare_pairs(own, v) for k, v in _by_method("vqacl_closed.csv", "vqacl/ap").items()}
    assert holm([one.p for one in found.values()]) == pytest.approx([0.03125] * 4)
    said = " ".join(_section("vqacl_closed.csv").split())
    for other, words in (("vqa-slda", "vqa-slda by {} points of AP"), ("vqa-ranpac", "vqa-ranpac by {}")):
        one = found[other]
        words = words.format(f"{-one.difference:.1f}")
        assert f"below {words} ({-one.high:.1f} to {-one.low:.1f}, p 0.031)" in said, other
    least = min(found["vqa-ncm"].difference, found["vqa-nme"].difference)
    assert f"above the two means of classes by {least:.1f} and more" in said


def test_the_ends_of_ranges_that_triplets_searches_chose_are_said():
    chosen = {(row["method"], row["key"]): row["value"] for row in _pairs("questions_chosen.csv")}
    at_an_end = {
        (method, key.removeprefix("method.")): value
        for (method, key), value in chosen.items()
        if method in ("triplet", "l2p", "dualprompt") and value in _ENDS.get(key.removeprefix("method."), ())
    }
    assert at_an_end == {
        ("triplet", "task_weight"): "0.01",
        ("triplet", "general_length"): "5",
        ("triplet", "task_length"): "10",
        ("l2p", "epochs"): "20",
        ("dualprompt", "general_length"): "20",
        ("dualprompt", "task_length"): "10",
    }
    section = _section("questions.csv").partition("at an end of their range in")[2].partition("\n\n")[0]
    for (_, key), value in at_an_end.items():
        assert f"`{key}` ({value}" in section, key


_ENDS = {
    "epochs": ("1", "20"),
    "rank": ("5", "40"),
    "modality_weight": ("0.05", "0.5"),
    "task_weight": ("0.01", "0.1"),
    "general_length": ("5", "20"),
    "task_length": ("10", "50"),
}
"""The ends of the ranges of commit 16cadca."""
