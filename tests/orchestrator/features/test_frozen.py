"""With and without the bank: the same views, the same features, the same batches."""

import argparse
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from orchestrator.commands.arguments import add_run_arguments, given_values
from orchestrator.config import RunConfig
from orchestrator.data.loader import Loader, eval_batches
from orchestrator.data.row_reader import RowReader
from orchestrator.errors import UserError
from orchestrator.features import frozen
from orchestrator.features.bank import open_bank, text_features
from orchestrator.features.builder import encode_here
from orchestrator.features.frozen import check_encoder, frozen_encoder, load_backbone, views_of
from orchestrator.streams import registry
from orchestrator.streams.prepare import prepare
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

CPU = torch.device("cpu")


def _config(**changes):
    values = {
        "method.name": "zero-shot",
        "stream.name": "shapes-recognition",
        "stream.train": 4,
        "stream.validation": 2,
        "stream.test": 2,
        "run.views": 3,
    }
    return RunConfig.from_dict(values | {k.replace("__", "."): v for k, v in changes.items()})


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The configuration, its stream with features and its stream with pictures."""
    config = _config()
    source = registry.get(config.stream_name).load(config.stream, False)
    bank = open_bank(config, source, tmp_path_factory.mktemp("features"), lambda line: None, encode_here)
    return config, bank.stream(source, False), prepare(source, text_features(config, source))


def _batches(config, stream):
    rows = np.arange(5, 25)
    loader = Loader(
        RowReader(stream),
        rows,
        batch_size=8,
        steps=8,
        seed=3,
        augment=stream.augment,
        views=views_of(config),
    )
    encode = frozen_encoder(config, stream, CPU)
    return [encode(batch) for batch in loader]


def _same(one, other):
    for mine, theirs in zip(one, other, strict=True):
        assert mine.image is None and theirs.image is None
        assert mine.feature.dtype == theirs.feature.dtype == torch.float32
        # Two roundings to float16 of nearly equal numbers may differ by one step.
        assert torch.allclose(mine.feature, theirs.feature, atol=1e-3)
        for name in ("tokens", "label", "row"):
            assert torch.equal(getattr(mine, name), getattr(theirs, name))
        assert (mine.seed, mine.offset, mine.total) == (theirs.seed, theirs.offset, theirs.total)


def test_a_step_sees_the_same_with_and_without_the_bank(both):
    config, encoded, pictures = both
    mine = _batches(config, encoded)
    _same(mine, _batches(config, pictures))
    assert all(torch.allclose(batch.feature.norm(dim=1), torch.ones(8), atol=1e-3) for batch in mine)


def test_a_row_is_met_in_its_views_and_in_no_other(both):
    config, encoded, _ = both
    seen = {}
    for batch in _batches(config, encoded):
        for row, feature in zip(batch.row.tolist(), batch.feature.numpy(), strict=True):
            views = encoded.views[row].astype(np.float32)
            (which,) = np.flatnonzero((views == feature).all(axis=1))[:1]
            seen.setdefault(row, set()).add(int(which))
    assert set().union(*seen.values()) == {0, 1, 2}
    assert any(len(views) > 1 for views in seen.values())


def test_evaluation_sees_the_same_with_and_without_the_bank(both):
    config, encoded, pictures = both
    found = []
    for stream in (encoded, pictures):
        encode = frozen_encoder(config, stream, CPU)
        split = stream.tasks[1].splits["test"]
        found.append([encode(batch) for batch in eval_batches(split, batch_size=3)])
    _same(*found)
    rows = np.array([9, 2, 30])
    (one,), (other,) = (
        [frozen_encoder(config, s, CPU)(b) for b in eval_batches(RowReader(s).split(rows), batch_size=3)]
        for s in (encoded, pictures)
    )
    _same([one], [other])


def test_a_trial_reports_the_same_with_and_without_the_bank(both, tmp_path):
    _, encoded, pictures = both
    config = _config(method__name="clip-er", method__epochs=2, method__batch_size=8, replay__size=16)
    reports = []
    for number, stream in enumerate((encoded, pictures)):
        reporter = CollectingReporter()
        StreamLoop(config, stream, tmp_path / str(number), reporter, device=CPU).run()
        reports.append(reporter.reports)
    for one, other in zip(*reports, strict=True):
        assert one.keys() == other.keys()
        compared = [k for k in one if not k.startswith("seconds/") and k != "replay/bytes"]
        assert {"validation/average", "validation/drift/angle"} < set(compared)
        np.testing.assert_allclose(
            [one[k] for k in compared], [other[k] for k in compared], rtol=0.02, atol=0.02
        )


def test_a_method_that_trains_its_encoder_keeps_its_pictures(both, small_config):
    _, _, pictures = both
    config = small_config("ctp")
    assert views_of(config) is None
    (batch, *_) = eval_batches(pictures.tasks[0].splits["test"], batch_size=3)
    assert frozen_encoder(config, pictures, CPU)(batch).image is not None


@pytest.mark.parametrize(
    "change",
    [{"method__backbone": {"pretrained": "random"}}, {"run__views": 2}, {"run__feature_cache": False}],
)
def test_a_trial_cannot_ask_for_other_features_than_its_sweeps(both, change):
    config, _, _ = both
    check_encoder(config, config.with_values({"run.seed": 4}))
    with pytest.raises(UserError, match="is not the sweep's"):
        check_encoder(config, _config(**change))


def test_an_encoder_that_cannot_be_had_is_one_line():
    config = _config(method__backbone={"model": "ViT-B-33", "pretrained": "random"})
    with pytest.raises(UserError, match=r"method\.backbone: .*ViT-B-33"):
        load_backbone(config.method.backbone)


def test_the_command_line_can_turn_the_bank_off():
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    assert given_values(parser.parse_args([])) == {}
    assert given_values(parser.parse_args(["--no-feature-cache"])) == {"run.feature_cache": False}
    with pytest.raises(UserError, match="give it once"):
        given_values(parser.parse_args(["--no-feature-cache", "--set", "run.feature_cache=true"]))


def test_an_encoder_on_one_device_is_not_moved_under_another_that_shares_its_clip(monkeypatch):
    """A process has a CLIP once, and ``to`` moves it in place."""

    class Shared:
        device = None

        def to(self, device):
            self.device = device
            return self

        def encode_image(self, image):
            assert str(image.device) == self.device
            return image

    shared, config = Shared(), _config()
    monkeypatch.setattr(frozen, "load_backbone", lambda _: shared)
    encoders = [frozen.image_encoder(config, device) for device in ("cpu", "meta")]
    for encode, device in zip(encoders, ("cpu", "meta"), strict=True):
        encode(SimpleNamespace(image=torch.zeros(1, device=device)))
