"""The page of a study of which nothing is left but MLflow's database, on another machine."""

import shutil

import numpy as np
from told_study import read_page

from orchestrator import compare
from orchestrator.record import trial_records
from orchestrator.tracking.resend import resend


def test_the_database_alone_gives_the_whole_page(played, with_tables, tmp_path, monkeypatch):
    with_tables(tmp_path)
    matrix = np.array([[60.0, np.nan], [40.0, 62.5]])
    monkeypatch.setattr(trial_records, "read_matrix", lambda path: (matrix, []))
    monkeypatch.setattr(trial_records, "_validation_matrix", lambda *_: None)  # what is played has none
    assert played.begun(question="Does the memory pay?")[0] == 0
    for folder in (tmp_path / "runs").glob("s-*"):
        assert resend(folder).rejected == []
    (tmp_path / "there").mkdir()
    (tmp_path / "runs" / "mlflow.db").rename(tmp_path / "there" / "mlflow.db")
    shutil.rmtree(tmp_path / "runs")
    assert compare.main(["there", "--runs", "s-*", "--out", "page"]) == 0
    page = read_page((tmp_path / "page" / "leaderboard.html").read_text())
    assert page.heads == [
        "Does the memory pay?", "digits", "Leaderboard", "Paired differences", "Each pair", "Over tasks",
        "Task by task", "Memory", "Searches", "Make it again", "This page",
    ]  # fmt: skip
    rows = [row[:2] for row in page.tables["leaderboard"][1:]]
    assert rows == [["clip-finetune", "51.5 ± 0.7"], ["clip-er", "51.5 ± 0.7"]]
    assert page.tables["differences"][1][:2] == ["clip-er", "2"]
    *chosen, values = page.tables["chosen"][1]
    assert chosen == ["clip-finetune", "trial_0002", "20.00"]
    assert "method.head=linear, method.learning_rate=0.002, " in values, "all that is searched"
    said = " ".join(page.words)
    first = "clip-finetune is compared with each other method, since it is the first one of the study s."
    assert first in said and "trial_0001: finished after task 2, 10.0" in page.words
    again = "# clip-er, search\npython -m orchestrator.sweep clip-er --stream digits --trials 2\n# clip-er, a"
    assert again in said
    assert "clip-er, after task 2: 51.2" in page.words, "(40 + 62.5) / 2, of the tags"
    assert "matrices of" not in said
