"""``python -m orchestrator.sweep show NAME``: one run, what it chose, and what it holds."""

from __future__ import annotations

from pathlib import Path

from ..commands.checkpoint_lines import checkpoint_lines
from ..commands.in_rows import in_rows
from ..commands.sweep_request import SweepRequest
from ..metrics.measures import shown_metrics, unit
from ..record.memory_table import memory_choice, memory_table
from ..record.noted_references import against_noted
from ..record.over_seeds import over_seeds
from ..record.pareto_lines import pareto_lines, pareto_said
from ..record.recorded_importance import recorded_importance
from ..schema.shown import shown_bytes, shown_score, shown_value
from ..search.budget import Budget
from ..search.search_protocol import SearchProtocol
from ..storage.run_files import CONFIG_FILE, IMPORTANCE_FOLDER, RESULT_FILE, SWEEP_FILE, trials_of
from ..storage.run_folder import short_path
from .disk_use import DiskUse
from .found_run import FoundRun
from .list_runs import run_table
from .run_named import run_named
from .runs_in import runs_in
from .studies import study_runs


def show_run(runs: Path, name: str) -> str:
    """The text for one run.

    It describes the run and what it chose. It has the table of its trials as the run itself prints it, the
    sizes of its files, and the commands that resume it.

    Args:
        runs: The runs folder.
        name: The run's name.

    Raises:
        UserError: No run has that name.
    """
    run = run_named(runs, name, "show")
    blocks = [_what(run), _chosen(run), _trials(run), _parts(runs, run), _files(run), _on(run)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _what(run: FoundRun) -> list[str]:
    made = {"sweep": "a sweep of", "train": "a run of", "study": "a study of"}[run.kind]
    of = f", of the study {run.study}" if run.study else ""
    on = "" if run.stream == "-" else f" on {run.stream}"
    what = "runs" if run.kind == "study" else "trials"
    done = f"{run.done} of {run.asked} {what}" if run.asked or not run.budget else f"{run.done} {what}"
    lines = [f"{run.name}: {made} {run.method}{on}{of}", f"  {run.state}, {done}"]
    if run.budget:
        lines.append(f"  it has {Budget.of(run.budget, run.name).said}")
    if run.reason:
        lines.append(f"  {run.reason}")
    if run.storage:
        lines.append(f"  kept at {run.storage} as well")
    return lines


def _chosen(run: FoundRun) -> list[str]:
    """What a sweep chose; for ``train`` its figures on test data."""
    if run.trials is None:
        return []
    store = run.trials
    if run.kind == "train":
        tested = [found for trial in store.trials if (found := store.tested(trial))]
        what = "one trial" if len(tested) == 1 else f"mean over {len(tested)} trials"
        return [f"Test, {what}", *_figures(run.method, over_seeds(tested), "  ")] if tested else []
    best = store.best()
    if best is None:
        return []
    lines = [f"Chosen: trial {best.number + 1}, {store.objective.metric} {shown_score(store.value(best))}"]
    if store.objective.others:
        lines = pareto_said(store)
    if why := memory_choice(store):
        lines.append(f"  {why}")
    lines += [f"  {key} = {shown_value(value)}" for key, value in best.values.items()]
    test = store.tested(best.id)
    beside = against_noted(run.folder, best.id) if test else {}
    return lines + _figures(run.method, {**test, **beside}, "  on test: ")


def _figures(method: str, tested: dict[str, float], head: str) -> list[str]:
    names = shown_metrics(method, tested)
    found = [f"{name} {shown_score(tested[f'test/{name}'])} {unit(name)}" for name in names]
    return [*in_rows(head, found), *checkpoint_lines(tested)] if found else []


def _trials(run: FoundRun) -> list[str]:
    if run.trials is None or not run.trials.trials:
        return []
    table = run.trials.table()
    if run.state == "under way":  # the table is made for a run that has ended
        table = table.replace("interrupted", "  under way")
    blocks = ["Trials (validation; best first)", table]
    if pareto := pareto_lines(run.trials):
        blocks += ["", *pareto]
    if worth := memory_table(run.trials):
        blocks += ["", "What the memory is worth (validation; the best trial at each size)", worth]
    if what := recorded_importance(run.folder, run.trials.ended):
        folder = short_path(run.folder.resolve() / IMPORTANCE_FOLDER)
        blocks += ["", *what.said, f"  with figures and pictures in {folder}"]
    return blocks


def _parts(runs: Path, run: FoundRun) -> list[str]:
    """The runs of a study, and its result."""
    if run.kind != "study" or run.reason:
        return []
    own = set(study_runs(run.folder))
    found = [(one, DiskUse.of(one.folder)) for one in runs_in(runs) if one.name in own]
    lines = ["Its runs", *run_table(found)] if found else []
    if (result := run.folder / RESULT_FILE).is_file():
        lines += ["", result.read_text(encoding="utf-8").rstrip()]
    return lines


def _files(run: FoundRun) -> list[str]:
    whole, lines = DiskUse.of(run.folder), []
    for path in sorted(run.folder.iterdir()):
        use = DiskUse.of(path) if path.is_dir() and not path.is_symlink() else None
        size = path.lstat().st_size if use is None else use.bytes
        lines.append(f"  {shown_bytes(size):>8}  {path.name}{'' if use is None else '/'}")
        if use is not None and use.checkpoints:
            lines.append(f"  {shown_bytes(use.checkpoints):>8}    of it checkpoints")
    lines += [f"  {link} is a link; what it leads to is not counted" for link in whole.links]
    return [f"Files, {shown_bytes(whole.bytes)} in {short_path(run.folder.resolve())}", *lines]


def _on(run: FoundRun) -> list[str]:
    """The commands that resume a run."""
    if run.state == "under way":
        return ["A process works on it: Ctrl-C there ends it, and --resume goes on."]
    module, name = ("study", run.study) if run.study else (run.kind, run.name)
    lines: list[str] = []
    if run.state in ("interrupted", "failed"):
        lines += ["Go on", f"  python -m orchestrator.{module} --resume {name}"]
    if run.kind == "sweep" and run.trials is not None and (best := run.trials.best()) is not None:
        config = short_path(trials_of(run.folder.resolve()) / best.id / CONFIG_FILE)
        lines += ["Run the chosen one again", f"  python -m orchestrator.train --config {config}"]
        if not run.study and run.state == "finished" and not _is_walk(run):
            more = f"--trials {2 * run.asked}"
            if run.budget:
                more = Budget.of(run.budget, name).doubled.option
            what = "a larger budget" if run.budget else "more trials"
            lines += [f"Give it {what}", f"  python -m orchestrator.sweep --resume {name} {more}"]
    what = f"Remove the study {name} and its runs" if run.study else "Remove it"
    return [*lines, what, f"  python -m orchestrator.sweep rm {name}"]


def _is_walk(run: FoundRun) -> bool:
    """Whether a sweep is one walk that chooses at each task, to which no trial can be added."""
    file = run.folder / SWEEP_FILE
    return SearchProtocol.of(SweepRequest.read(file).protocol, str(file)).per_task
