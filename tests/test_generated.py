"""What docs/generate.py writes into the pages is what stands there, and no page names another option."""

import importlib.util
import re
from pathlib import Path

import pytest

from orchestrator.metrics.definitions import DEFINITIONS
from orchestrator.replay.policy_help import POLICY_HELP
from orchestrator.replay.policy_names import POLICY_NAMES

_ROOT = Path(__file__).parents[1]
_DOCS = _ROOT / "docs"
_PAGES = [_ROOT / "README.md", *sorted(_DOCS.rglob("*.md"))]
_COMMANDS = (
    "orchestrator.sweep",
    "orchestrator.train",
    "orchestrator.study.__main__",
    "orchestrator.simulate.__main__",
    "orchestrator.compare",
    "orchestrator.cluster",
    "orchestrator.tracking.__main__",
    "orchestrator.pretrain.__main__",
)
# In code within a line: what a page says of another tool, and of a benchmark. Fenced commands are tried whole
# by test_page_commands.py.
_OTHERS = re.compile(
    r"^(\w+=\S+ )?(python (-m (?!orchestrator)|benchmarks/|\.ci/)|\.ci/|(pip|pytest|ray|cyclonedx-py)\b(?!-))"
)
_OF_OTHERS = {"--slow", "--regions", "--no-index", "--no-build-isolation"}  # of benchmarks and of pip


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", _DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def options(generate):
    found = set()
    for command in _COMMANDS:
        parser = generate.parser_of(command)
        for one in (parser, *generate.commands_of(parser).values()):
            found |= set(one._option_string_actions)
    return found


def _options(text):
    code = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M))
    own = [" ".join(span.split()) for span in code]
    return {
        option
        for span in own
        if not _OTHERS.match(span)
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", span)
    }


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_a_page_has_what_is_generated_and_no_option_that_is_not_there(page, generate, options):
    text = page.read_text(encoding="utf-8")
    assert generate.written(text) == text, "python docs/generate.py makes it anew"
    assert _options(text) - options - _OF_OTHERS == set()


def test_an_option_that_is_not_there_is_noticed(options):
    text = "`--trials 3 --trails 4` `python -m\norchestrator.sweep x --no-such` `ray up --yes x` `a --odd`"
    assert _options(text) - options == {"--trails", "--no-such", "--odd"}
    assert {"--trials", "--seeds", "--config", "--port", "--artifacts", "--out", "--steps"} <= options


def test_every_command_has_its_options_on_the_page(generate):
    blocks = set(re.findall(r"<!-- options (\S+) -->", (_DOCS / "reference/cli.md").read_text()))
    wanted = set()
    for command in _COMMANDS:
        own = generate.commands_of(generate.parser_of(command))
        wanted |= {f"{command}:{name}" for name in own} if own else {command}
    assert blocks == wanted


def test_what_has_changed_is_written_anew(generate):
    for page, old in (
        ("reference/cli.md", "trials of the search, in all"),
        ("reference/replay.md", "a uniform sample of each group |"),
        ("reference/metrics.md", "the mean of the last row"),
        ("reference/metrics.md", "| AUROC |"),
        ("reference/methods/mma.md", "| `method.batch_size` | 256 |"),
    ):
        text = (_DOCS / page).read_text(encoding="utf-8")
        assert text.count(old) >= 1, old
        assert generate.written(text.replace(old, "another")) == text


def test_every_policy_is_told():
    assert tuple(POLICY_HELP) == POLICY_NAMES


def test_each_metric_is_defined_once_in_a_table():
    for section, rows in DEFINITIONS.items():
        names = [name for row in rows for name in row.names]
        assert len(set(names)) == len(names), section
        assert all(row.text and "|" not in row.text for row in rows)
