"""A study's leaderboard for a paper, as LaTeX."""

from __future__ import annotations

import re

from ..metrics.measures import TOP, unit
from .comparison_result import ComparisonResult
from .method_result import MethodResult
from .metric_cell import ALONE, metric_cell
from .metric_head import metric_head
from .metric_summary import metric_summary
from .shown_number import shown_number
from .shown_p import shown_p
from .stream_result import StreamResult
from .study_result import StudyResult
from .told_metrics import shown_metrics
from .took_rows import took_rows

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # Without another font encoding LaTeX prints other letters for these.
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "–": "--",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}


def result_tex(result: StudyResult, *, took: bool = False) -> str:
    """The study's leaderboard as LaTeX: a ``table`` with the rules of ``booktabs`` for each stream.

    A cell has the mean and the sample standard deviation over pairs. The last two columns have the first
    method's figure minus this one's with its 95 % interval, and p after Holm's correction.

    Args:
        result: The study.
        took: Whether the table also has the mean's 95 % interval, the costs of the runs, and the trials and
            the time of the searches.
    """
    command = result.command or f"python -m orchestrator.study --report {result.name}"
    made = f"% Made by: {command}\n% Needs \\usepackage{{booktabs}}"
    tables = [_table(result, stream, took=took) for stream in result.streams]
    return "\n\n".join([made, *tables]) + "\n"


def _table(result: StudyResult, stream: StreamResult, *, took: bool) -> str:
    metrics = shown_metrics(stream, TOP)
    compared = {found.other: found for found in stream.comparisons}
    heads = ["method", "memory", "$n$", *(_text(metric_head(name)) for name in metrics)]
    heads += [_text(f"{stream.methods[0].label} less it"), "$p$ (Holm)"] if compared else []
    rows = [_row(stream, method, metrics, compared) for method in stream.methods]
    if took:
        more, *cells = took_rows(stream)
        heads += map(_text, more)
        rows = [[*row, *map(_figures, cell)] for row, cell in zip(rows, cells, strict=True)]
    about = stream.about.replace("`", "").replace("_", " ")
    caption = " ".join([*([result.question] if result.question else []), f"{stream.title}:", about])
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            f"  \\caption{{{_text(caption)}}}",
            f"  \\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
            r"    \toprule",
            f"    {' & '.join(heads)} \\\\",
            r"    \midrule",
            *(f"    {' & '.join(row)} \\\\" for row in rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
        ]
    )


def _row(
    stream: StreamResult, method: MethodResult, metrics: list[str], compared: dict[str, ComparisonResult]
) -> list[str]:
    told = metric_summary(method, stream.measure)
    cells = [_text(method.label), _text(method.memory), str(told.n if told else 0)]
    cells += [_cell(method, metric) for metric in metrics]
    if not compared:
        return cells
    if (found := compared.get(method.label)) is None:
        return [*cells, "--", "--"]
    ends = f"{_number(found.found.low)} to {_number(found.found.high)}"
    return [*cells, f"${_number(found.found.difference)}$ (${ends.replace(' to ', '$ to $')}$)", _p(found)]


def _cell(method: MethodResult, metric: str) -> str:
    if (told := metric_summary(method, metric)) is None:
        return "--"
    if unit(metric) in ALONE:
        return _figures(metric_cell(method, metric))
    if told.n == 1:
        return f"${shown_number(told.mean)}$"
    return f"${shown_number(told.mean)} \\pm {shown_number(told.deviation)}$"


def _number(value: float) -> str:
    return shown_number(value).replace("–", r"\text{--}")


def _p(found: ComparisonResult) -> str:
    return f"${shown_p(found.corrected_p)}$"


def _figures(text: str) -> str:
    """Words and numbers, where a number's sign is no hyphen."""
    return re.sub(r"(?<![\w.])-(?=\d)", "$-$", _text(text))


def _text(text: str) -> str:
    return "".join(_ESCAPED.get(letter, letter) for letter in " ".join(text.split()))
