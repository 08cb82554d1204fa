"""The files of a run's folder, ``runs/NAME``. :mod:`~orchestrator.storage.trial_files` has those of a trial's
folder.
"""

from __future__ import annotations

from pathlib import Path

SWEEP_FILE, SPACE_FILE = "sweep.yaml", "space.yaml"
"""The request of a sweep, and the search space as it was."""

TRAIN_FILE, CONFIG_FILE = "train.yaml", "config.yaml"
"""The request of a run without a search, and the configuration that its seeds share. In a trial's folder it
is the trial's whole configuration.
"""

IDENTITY_FILE = "identity.json"
"""Which run it is."""

TASKS_FILE = "tasks.json"
"""What each task of its stream is."""

MANIFEST_FILE = "manifest.json"
"""How many trials the run has, and was asked for after it was started."""

JOURNAL_FILE, SENT_FILE = "tracking.jsonl", "tracking.sent.json"
"""The journal of the record, and how much of it each store has."""

LOCK_FILE, JOURNAL_LOCK_FILE = "run.lock", "tracking.lock"
"""Held by the process that works on the run, and by the one that sends its journal."""

TOKENIZER_FOLDER = "tokenizer"
"""The tokenizer of the texts. A checkpoint's folder has it under the same name."""

IMPORTANCE_FOLDER, IMPORTANCE_FILE = "importance", "importance.json"
"""The folder that says which values of a search mattered, with the pictures, and the file in it."""

LANES_FOLDER = "lanes"
"""Ray Train's own. Nothing in it is read back."""

SHARED_FOLDER, ORDERED_FOLDER, ENCODING_FOLDER = "shared", "ordered", "encoding"
"""While a session lives: the shared arrays of its stream, what frozen encoders gave in the stream's order,
and what the encoding processes share.
"""

STUDY_FILE, BOOK_FILE, ORDERS_FILE = "study.yaml", "parts.json", "orders.json"
"""Of a study: what was asked, and the figures of its runs that have ended."""

PAGE_FILE, RESULT_FILE = "report.html", "result.md"
"""Of a study: its page, and the tables of its result."""

REFERENCES_FILE = "references.json"
"""The reference runs beside a sweep's best trial."""

PARETO_FOLDER, PARETO_FILE = "pareto", "pareto.json"
"""Of a search for several objectives: the folder in the run's that has their Pareto set, and its file."""

TRIALS_FOLDER = "trials"
"""A folder in it for each trial."""

DATABASE_FILE, ARTIFACTS_FOLDER = "mlflow.db", "artifacts"
"""Beside the runs: the record where no other address is given, and the files that it shows."""

FEATURES_FOLDER, COMPARISON_FOLDER = "features", "comparison"
"""Beside the runs: what frozen encoders gave, and the files of the last comparison."""


def trials_of(run: Path) -> Path:
    """The folder of a run's trials."""
    return run / TRIALS_FOLDER


def trial_name(trial_id: str) -> str:
    """The name of a trial's folder in the run's folder. At a storage the name is the same."""
    return f"{TRIALS_FOLDER}/{trial_id}"
