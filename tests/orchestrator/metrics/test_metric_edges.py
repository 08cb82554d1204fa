"""Where a definition is decided: ends of bins, equal distances, rows that are there and do not count."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from methods.method import Task
from orchestrator.evaluation.vqa_summary import COMPOSITION_KINDS, composition_tasks, question_metrics
from orchestrator.metrics import wups
from orchestrator.metrics.recognition import calibration_error, novelty_detection
from orchestrator.metrics.retrieval import gallery_map
from orchestrator.metrics.vqa_accuracy import normalise
from orchestrator.metrics.wups import Wups
from orchestrator.streams.source import Questions, QuestionTables
from orchestrator.streams.stream import Split, Stream, TaskData


def test_a_confidence_at_the_end_of_a_bin_belongs_to_the_lower_one():
    # Bins (0, 0.5] and (0.5, 1]: 0.5 lies beside 0.1, not beside 0.9.
    assert calibration_error([0.1, 0.5, 0.9], [0, 1, 0], bins=2) == pytest.approx(
        100 * (abs(1 - 0.6) + abs(0 - 0.9)) / 3
    )
    assert calibration_error([1.0, 0.0], [1, 0], bins=2) == 0.0


def test_the_threshold_nearest_to_95_percent_lies_between_two_corners_of_the_curve():
    # 39 of 40 known ones before all novel ones, the last behind them: at 38 of 40 no novel one is taken.
    known = np.concatenate([np.arange(39) + 100.0, [0.0]])
    assert novelty_detection(known, np.arange(10) + 1.0)["fpr95"] == 0.0
    # 19 of 20 before half of the novel ones, which leave the recall as it is: the lowest threshold counts.
    known = np.concatenate([np.arange(19) + 100.0, [5.5]])
    assert novelty_detection(known, np.arange(10) + 1.0)["fpr95"] == 50.0


def test_a_query_that_lies_in_the_gallery_under_another_label_is_no_lost_positive():
    scores = torch.tensor([[9.0, 5.0, 1.0]])
    arguments = torch.tensor([1]), torch.tensor([0, 1, 0]), torch.tensor([0])
    assert gallery_map(scores, *arguments)["map5"] == 100.0


def _stream(kinds):
    def split(found):
        kind = np.array(found, np.int32)
        column = np.zeros((len(kind), 1))
        asked = Questions(kind, column.astype(np.int32), column.astype(np.float32))
        return Split(None, np.empty((len(kind), 0), np.int32), kind, questions=asked)

    tasks = [
        TaskData(Task(k, str(k), "vqa", len(kinds)), {name: split(found) for name in ("train", "test")})
        for k, found in enumerate(kinds)
    ]
    tables = QuestionTables(["yes"], 1, [*COMPOSITION_KINDS, "judge"], ["all"], [0] * 7)
    return Stream("toy", None, tasks, "none", image_size=8, tables=tables)


def test_a_task_of_several_kinds_is_none_of_the_six():
    assert composition_tasks(_stream([[k, k] for k in range(6)]), "test") == [0, 1, 2, 3, 4, 5]
    assert composition_tasks(_stream([[0, 6], *([k, k] for k in range(1, 6))]), "test") == []
    assert composition_tasks(_stream([[0, 6], *([k, k] for k in range(6))]), "test") == [1, 2, 3, 4, 5, 6]


def test_scores_on_tasks_to_come_do_not_count():
    # As the look at test has them: a whole matrix, of which two of three tasks are finished.
    matrix = [[50.0, 90.0, 90.0], [40.0, 80.0, 90.0]]
    novel = [[np.nan] * 3, [np.nan, 30.0, 90.0]]
    found = question_metrics(matrix, [10, 30, 60], [1, 2], novel)
    assert found["vqacl/ap"] == 60.0 and found["vqacl/forget"] == 10.0 and found["vqacl/ap_6q"] == 80.0
    assert found["vqacl/novel_ap"] == 30.0 and found["triplet/final_accuracy"] == 70.0
    assert found["triplet/average_accuracy"] == 60.0 and found["triplet/forgetting"] == 10.0


def test_the_published_table_has_one_contraction_the_other_way_round():
    assert normalise("Somebody'd") == normalise("somebodyd") == "somebodyd"
    assert normalise("somebodyll") == "somebody'll"


def test_words_mean_their_first_sense_and_stopwords_nothing(monkeypatch):
    senses = {"bank": ["shore", "house"], "beach": ["shore", "trunk"], "shop": ["house"]}
    stub = SimpleNamespace(
        synsets=lambda word: senses.get(word, []),
        wup_similarity=lambda one, other: 0.9 if one == other else 0.2,
    )
    monkeypatch.setattr(wups, "wordnet", stub)
    measure = Wups(["the"])
    assert measure.score("bank", "beach") == measure.score("beach", "bank") == 0.9
    assert measure.score("bank", "shop") == measure.score("shop", "bank") == 0.2
    assert measure.score("the", "the bank") == measure.score("the bank", "the") == 0.0
    assert Wups().score("the", "the bank") == 1.0
