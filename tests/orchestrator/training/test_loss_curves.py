import numpy as np
import pytest
import torch

from orchestrator.numerics.diverged import Diverged
from orchestrator.storage.curve_file import curve_text, read_curves
from orchestrator.training.loss_curves import Curves


def test_curves_survive_the_csv_with_their_task_boundaries(tmp_path):
    curves = Curves()
    for task, (phase, steps) in enumerate([("train", 3), ("train", 2)]):
        curves.start(task, phase)
        for step in range(steps):
            terms = {"ita": torch.tensor(float(10 * task + step))}
            if task:
                terms["topology"] = torch.tensor(0.5)
            curves.add(step, terms)
        curves.flush()
    text = curve_text(curves.rows[:3], header=True) + curve_text(curves.rows[3:], header=False)
    assert text.splitlines()[:2] == ["task,phase,step,term,value", "1,train,0,ita,0.0"], "tasks from 1"
    (tmp_path / "c.csv").write_text(text)
    found, ends = read_curves(tmp_path / "c.csv")
    assert found["ita"].tolist() == [0, 1, 2, 10, 11]
    assert np.isnan(found["topology"][:3]).all() and found["topology"][3:].tolist() == [0.5, 0.5]
    assert ends == [3, 5]
    assert curves.means(1) == {"ita": 11.0, "topology": 0.5, "total": 11.5}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite_names_term_step_phase_and_task(bad):
    curves = Curves()
    curves.start(2, "adapt")
    curves.add(0, {"a": torch.tensor(1.0), "b": torch.tensor(1.0)})
    curves.add(1, {"a": torch.tensor(1.0), "b": torch.tensor(bad)})
    with pytest.raises(Diverged, match="loss term b is .* at step 1 of phase adapt, task 3"):
        curves.flush()


def test_a_bad_loss_is_found_within_twenty_steps_without_a_flush():
    curves = Curves()
    with pytest.raises(Diverged):
        for step in range(20):
            curves.add(step, {"a": torch.tensor(float("nan"))})


def test_steps_of_two_phases_are_told_apart(tmp_path):
    rows = [(0, "a", 0, "x", 1.0), (0, "b", 0, "x", 2.0), (0, "b", 0, "y", 3.0)]
    (tmp_path / "c.csv").write_text(curve_text(rows, header=True))
    found, ends = read_curves(tmp_path / "c.csv")
    assert found["x"].tolist() == [1, 2] and found["y"][1] == 3 and ends == [2]


def test_a_terms_mean_is_over_the_last_tenth_of_the_last_phase():
    curves = Curves()
    for phase in ("warm", "train"):
        curves.start(0, phase)
        for step in range(40):
            value = float(step) if phase == "train" else 100.0
            curves.add(step, {"a": torch.tensor(value), "b": torch.tensor(2.0)})
    assert len(curves.rows) == 160, "nothing waits for a flush"
    assert curves.means(0) == {"a": 37.5, "b": 2.0, "total": 39.5}


def test_a_norm_is_looked_at_and_is_no_term():
    curves = Curves()
    curves.add(0, {"a": torch.tensor(1.0)}, torch.tensor(5.0))
    curves.flush()
    assert curves.means(0) == {"a": 1.0, "total": 1.0}
    curves.add(1, {"a": torch.tensor(1.0)}, torch.tensor(float("inf")))
    with pytest.raises(Diverged, match="^the gradient's norm is inf at step 1 of phase , task 1$"):
        curves.flush()
