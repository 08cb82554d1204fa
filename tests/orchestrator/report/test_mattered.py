"""The section that says which values of each search mattered."""

from told_study import method, read_page, stream, study

from orchestrator.report.report_page import report_page
from orchestrator.report.sections.mattered import mattered
from orchestrator.report.what_mattered import Mattered, WhatMattered

_FOUND = WhatMattered(
    16,
    (
        Mattered("method.rate", 0.75, 0.01),
        Mattered("replay.size", 0.25, 0.4),
        Mattered("method.when", None, 0.2),
    ),
)


def test_a_search_has_a_bar_for_each_share_and_a_sentence():
    there = stream(method("er", [50.0], mattered=_FOUND), method("ncm", [40.0], mattered=WhatMattered(5)))
    page = report_page(study(there))
    assert "What mattered" in read_page(page).heads
    svg = page[page.index('aria-label="What mattered in the search of er"') :].split("</svg>")[0]
    assert svg.count('class="point"') == 1 and svg.count('class="untold"') == 1
    assert ">rate<" in svg and ">size<" in svg and ">75 %<" in svg and ">when<" not in svg
    assert "What mattered in the search of ncm" not in page, "it has no share"
    words = " ".join(read_page(page).words)
    assert words.count("What mattered, in 16 trials") == 1
    assert "What mattered, in 16 trials: method.rate 75 %. 2 others cannot be told from chance." in words
    assert "What mattered: 5 trials are too few to say it; 12 may be enough." in words


def test_where_nothing_is_recorded_there_is_no_section():
    assert mattered(stream(method("er", [50.0]))) is None
