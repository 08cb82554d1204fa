"""The text of a run's own page in MLflow, in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ..config import RunConfig
from ..evaluation.objective import Objective
from ..metrics.measures import shown_metrics, unit
from ..schema.shown import shown_score, shown_value
from .memory_table import memory_choice, memory_table
from .pareto_lines import pareto_lines, pareto_said
from .per_task_lines import per_task_lines
from .trial_store import TrialStore

_REASONS, _LONGEST = 3, 160  # of failures, and the characters of each
_ROWS = 20  # rows of the table of trials; MLflow takes 8,000 characters in all


def search_note(
    config: RunConfig,
    objective: Objective,
    trials: int,
    store: TrialStore,
    tested: Mapping[str, float],
    command: str,
    protocol: str = "",
    begins: str = "",
    spent: str = "",
    question: str = "",
    finished: bool = True,
    by: str = "",
) -> str:
    """The text for a search: the question, what was searched for, what failed and why, what was chosen, and
    the test results. A study's search, which looks at no test data, has what was chosen too.

    Args:
        config: The configuration.
        objective: The objective of the search.
        trials: How many trials the search has.
        store: The trials.
        tested: The test metrics; empty where the test splits were not evaluated.
        command: The command that comes next.
        protocol: The validation data by which the search chooses, in words; empty: all of it.
        begins: The points at which it begins, in words; empty: the search space's start, or none.
        spent: What its trials have spent of its budget, in words; empty: it has none.
        question: The question of the study that made the run; empty: none did, or it asks none.
        finished: Whether all trials have ended.
        by: The name of the search's protocol; empty: the search has none.
    """
    most = "most" if objective.mode == "max" else "least"
    goal = f"the {most} `{objective.metric}`"
    if objective.others:
        goal = ", ".join(f"`{one.said}`" for one in objective.all)
    what = f"a search of {trials} trials for {goal}"
    if config.per_task is not None:
        what = "one walk, which chooses its values at each task by validation data"
    lines = [
        *_question(question),
        f"{config.method_name} on {config.stream_name}: {what}"
        f"{protocol and f' {protocol}'}, seed {config.run.seed}. {_counts(store)}.",
        *([f"It chooses by validation data, protocol `{by}`."] if by else []),
        *([f"Its first trials are {begins}."] if begins else []),
        *([f"Training and evaluation, summed over its trials: {spent}."] if spent else []),
    ]
    lines += _failed(store)
    best = store.best()
    if best is not None:
        chosen, score = "Chosen" if finished else "Best so far", shown_score(store.value(best))
        reason = memory_choice(store)
        why = f", {reason}" if reason else ""
        lines += [
            "",
            f"{chosen} on validation: trial {best.number + 1}, `{objective.metric}` {score}{why}."
            if not objective.others
            else " ".join(line.strip() for line in pareto_said(store)),
            "",
        ]
        lines += _table(["parameter", "value"], [[k, shown_value(v)] for k, v in best.values.items()])
    if best is not None and tested:
        lines += ["", "Its look at the test splits, a single run:", ""]
        lines += _table(
            ["measure", "test", "unit"],
            [[n, _score(tested, "test", n), unit(n)] for n in shown_metrics(config.method_name, tested)],
        )
    if best is not None and (at_tasks := per_task_lines(config, best.reports)):
        lines += ["", f"{at_tasks[0]}:", "", "```", *at_tasks[1:], "```"]
    if pareto := pareto_lines(store):
        lines += ["", f"{pareto[0]}:", "", "```", *pareto[1:], "```"]
    if worth := memory_table(store):
        lines += ["", "What the memory is worth, by the best trial at each size:", "", "```", worth, "```"]
    return "\n".join([*lines, "", "```", store.table(_ROWS), "```", "", f"`{command}`"])


def seeds_note(
    config: RunConfig,
    seeds: Sequence[int],
    store: TrialStore,
    means: Mapping[str, float],
    command: str,
    first: str = "",
    question: str = "",
) -> str:
    """The text for one configuration under several seeds: means and sample standard deviations of the test
    metrics.

    Args:
        config: The configuration.
        seeds: The seeds.
        store: The trials.
        means: As :func:`~orchestrator.record.over_seeds.over_seeds` gives it; empty where not all trials were
            tested.
        command: The command that comes next.
        first: A sentence on the run that trained the first tasks; empty: this run trained them.
        question: As of :func:`search_note`.
    """
    shown = ", ".join(map(str, seeds))
    counts = f"{_counts(store)}.{first and f' {first}'}"
    lines = [*_question(question), f"{config.method_name} on {config.stream_name}, seed {shown}. {counts}"]
    lines += _failed(store)
    names = shown_metrics(config.method_name, means)
    columns = {"measure": names}
    columns["mean" if len(seeds) > 1 else "test"] = [_score(means, "test", name) for name in names]
    if len(seeds) > 1:
        columns["sample standard deviation"] = [_score(means, "test_deviation", name) for name in names]
    columns["unit"] = [unit(name) for name in names]
    if names:
        lines += ["", *_table(list(columns), list(zip(*columns.values(), strict=True)))]
    return "\n".join([*lines, "", f"`{command}`"])


def _question(question: str) -> list[str]:
    return [f"**{' '.join(question.split())}**", ""] if question.strip() else []


def _failed(store: TrialStore) -> list[str]:
    """Why trials failed: the first few reasons, each with the number of trials that have it."""
    failed = [entry for entry in store.trials.values() if entry.status == "failed"]
    reasons = Counter(entry.reason or "no reason was kept" for entry in failed)
    if not reasons:
        return []
    each = [f"{count} x {_cut(reason)}" for reason, count in list(reasons.items())[:_REASONS]]
    rest = sum(list(reasons.values())[_REASONS:])
    return [f"Failed: {'; '.join([*each, *([f'{rest} for other reasons'] if rest else [])])}."]


def _cut(reason: str) -> str:
    """A reason in one line of code, which Markdown leaves as it is."""
    line = " ".join(reason.split()).replace("`", "'")
    return f"`{line if len(line) <= _LONGEST else f'{line[: _LONGEST - 3]}...'}`"


def _score(means: Mapping[str, float], split: str, name: str) -> str:
    return shown_score(means.get(f"{split}/{name}"))


def _counts(store: TrialStore) -> str:
    counts = Counter(entry.status.replace("running", "interrupted") for entry in store.trials.values())
    return ", ".join(f"{count} {status}" for status, count in counts.most_common()) or "No trial began"


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (heading, ["---"] * len(heading), *rows)]
