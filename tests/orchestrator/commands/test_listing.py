import re

import pytest

from methods import registry as methods
from orchestrator.commands.listing import listing
from orchestrator.search.space import Space
from orchestrator.streams import registry as streams


@pytest.fixture(scope="module")
def lines():
    return listing().splitlines()


def section(lines, head):
    start = next(i for i, line in enumerate(lines) if line.startswith(head))
    stop = next((i for i in range(start + 1, len(lines)) if not lines[i].strip()), len(lines))
    return lines[start + 1 : stop]


def test_every_name_is_there_with_its_scenario(lines):
    found = {line.split()[0]: line.split()[1] for line in section(lines, "Methods") if line[2] != " "}
    assert found == {name: ", ".join(sorted(methods.get(name).scenarios)) for name in methods.names()}
    assert found["ctp"] == "retrieval" and found["mma"] == "recognition"
    found = {line.split()[0]: line.split()[1] for line in section(lines, "Streams") if line[2] != " "}
    assert found == {name: streams.get(name).scenario for name in streams.names()}


def test_words_begin_in_one_column_and_lines_fit(lines):
    for head in ("Methods", "Streams"):
        columns = {re.match(r"  \S+ +\S+ +|  +", line).end() for line in section(lines, head)}
        assert len(columns) == 1
    assert max(map(len, lines)) <= 100
    assert all(line == line.rstrip() for line in lines)
    assert not [line for line in lines if line.endswith("-")], "no word is taken apart"


def test_streams_say_what_they_are(lines):
    text = " ".join(" ".join(section(lines, "Streams")).split())
    assert all(streams.get(name).summary in text for name in streams.names())


def test_every_space_shows_what_it_searches(lines):
    for name in Space.names():
        space = Space.load(name)
        goal = f"{space.objective.mode} {space.objective.metric}, {space.trials} trials"
        found = section(lines, f"Search space of {name}: {goal} on ")
        keys = [line.split()[0] for line in found if line.startswith("  ") and line[2] != " "]
        assert keys == [p.key for p in space.parameters]
        shown = set(re.findall(r"[\w.-]+", " ".join(found)))
        assert all(set(re.findall(r"[\w.-]+", p.range)) <= shown for p in space.parameters)
