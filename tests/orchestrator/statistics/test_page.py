"""docs/explanation/statistics.md has the numbers that its functions give."""

import importlib.util
import re
from pathlib import Path

from orchestrator.statistics.power import detectable_difference
from orchestrator.statistics.reach import pairs_needed

_ROOT = Path(__file__).parents[3]
_PAGE = (_ROOT / "docs/explanation/statistics.md").read_text(encoding="utf-8")


def test_the_table_of_power_is_the_one_that_its_command_prints(monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("study_power", _ROOT / "benchmarks/study_power.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "_false_wins", lambda studies: [["it takes seconds"]])
    module.main([])
    power = capsys.readouterr().out.partition("\n\n")[0]
    assert power.count("\n") == 6 and power in _PAGE


def test_the_table_of_pairs_is_what_is_needed():
    rows = re.findall(r"^\| (\d+) \| [a-z][^|]* \| (\d+) \|$", _PAGE, re.M)
    assert len(rows) == 7
    assert [pairs_needed(int(comparisons)) for comparisons, _ in rows] == [int(pairs) for _, pairs in rows]


def test_what_four_comparisons_show_is_what_the_page_says():
    said = re.search(
        r"studies of 8 pairs show ([\d.]+) times the deviation, where one comparison has (\d\.\d)", _PAGE
    )
    four, one = (detectable_difference(8, 1, comparisons=comparisons) for comparisons in (4, 1))
    assert said.groups() == (f"{four:.1f}", f"{one:.1f}")
