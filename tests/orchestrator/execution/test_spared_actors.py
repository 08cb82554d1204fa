"""Actors of Ray Train that a lane does without. No Ray is started."""

import pickle
import sys
from types import SimpleNamespace

import pytest
from ray.air._internal import usage
from ray.train.torch import TorchTrainer
from ray.train.v2._internal.execution.worker_group import state, worker_group

from orchestrator.execution import train_private
from orchestrator.execution.lane_trainer import LaneTrainer


@pytest.mark.parametrize("alone", [True, False])
def test_other_machines_are_asked_for_where_there_may_be_any(monkeypatch, alone):
    started = []
    policy = SimpleNamespace()
    monkeypatch.setattr(
        TorchTrainer, "_initialize_and_run_controller", lambda self, **made: started.append(made)
    )
    trainer = LaneTrainer.__new__(LaneTrainer)
    trainer._alone = alone
    trainer._initialize_and_run_controller(scaling_policy=policy)
    assert started == [{"scaling_policy": policy}]
    requests = "_maybe_send_resource_request", "_cancel_resource_request"
    spared = {"after_controller_start", *requests} if alone else set()
    assert set(vars(policy)) == spared | {"before_controller_execute_resize_decision"}
    assert all(call("anything") is None for name, call in vars(policy).items() if name in spared)


def test_workers_have_no_barrier_for_trains_reports(monkeypatch):
    monkeypatch.setattr(worker_group, "SynchronizationActor", None)
    monkeypatch.setattr(state, "_shutdown_sync_actor", None)
    monkeypatch.setattr("ray.put", lambda value: value)
    policy = SimpleNamespace()
    train_private.spare_actors({"scaling_policy": policy}, alone=False)
    policy.before_controller_execute_resize_decision("a decision")
    # As Train's controller makes it, hands it to workers, tells it of machines that go, and ends it.
    made = worker_group.SynchronizationActor.options(label_selector={}).remote(timeout_s=1, warn_interval_s=1)
    made = pickle.loads(pickle.dumps(made))
    assert made.set_required_ranks.remote([0]) is True and made.reset.remote() is True
    assert state._shutdown_sync_actor(made) is None
    with pytest.raises(AttributeError):
        made.broadcast_from_rank_zero  # noqa: B018 - whoever asks for it would wait for nobody


def test_tune_counts_no_callbacks_where_that_can_be_kept_from_it(monkeypatch):
    monkeypatch.setattr(usage, "tag_callbacks", None)
    train_private.count_no_callbacks()
    assert usage.tag_callbacks(["a callback"]) is None
    monkeypatch.setitem(sys.modules, "ray.air._internal", None)
    train_private.count_no_callbacks()
