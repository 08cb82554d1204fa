"""Experience replay: the the phases of a baseline of any scenario, and losses whose samples have weights."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from methods import registry
from methods.common.experience_replay import ExperienceReplay, ExperienceReplayConfig
from methods.common.weighted_mean import weighted_mean
from methods.method import Method, Phase, Task
from methods.own_preset import own_preset
from methods.retrieval.base import masked_mean, masked_tokens
from methods.retrieval.losses.contrast import symmetric_contrast
from methods.retrieval.losses.masking import IGNORED
from methods.vqa.triplet.losses import soft_cross_entropy

BASELINES = ("er", "clip-er", "vqa-er", "triplet-er", "derpp", "clip-derpp", "vqa-derpp")
FIRST, SECOND = (Task(index, "t", "vqa", 2) for index in (0, 1))


class _Groups(Method):
    """Trains on two groups, one after the other; without weights it has nothing to train."""

    def __init__(self, config, weights=True):
        super().__init__(config, None)
        self.weight = nn.Parameter(torch.zeros(1)) if weights else None

    def phases(self, task):
        how = {"replay": "none", "clip": 5.0}
        groups = () if self.weight is None else (1, 0)
        return [Phase(f"{g}", 3, 8, self._optimizer, lambda k, n: k / n, group=g, **how) for g in groups]

    def _optimizer(self):
        return torch.optim.SGD(self.parameters(), lr=0.25)


class _Replay(ExperienceReplay, _Groups):
    Config = ExperienceReplayConfig


def _made(weights=True, **fields):
    return _Replay(ExperienceReplayConfig(**fields), weights)


@pytest.mark.parametrize("replay", ["merge", "paired", "weighted"])
def test_every_phase_of_the_method_mixes_the_memory_in(replay):
    alone = _Groups(None).phases(SECOND)
    for task in (FIRST, SECOND):
        phases = _made(replay=replay).phases(task)
        assert [(p.name, p.group, p.data, p.replay) for p in phases] == [
            ("1", 1, "task", replay),
            ("0", 0, "task", replay),
        ]
        assert [(p.epochs, p.batch_size, p.clip) for p in phases] == [
            (p.epochs, p.batch_size, p.clip) for p in alone
        ]


def test_a_task_ends_on_the_memory_alone_from_the_second_on():
    method = _made(replay="merge", consolidation_epochs=7)
    assert [p.name for p in method.phases(FIRST)] == ["1", "0"]
    *phases, last = method.phases(SECOND)
    assert [(p.name, p.replay, p.epochs) for p in phases] == [("1", "merge", 3), ("0", "merge", 3)]
    assert (last.name, last.epochs, last.data, last.replay) == ("consolidate", 7, "memory", "weighted")
    assert last.group is None, "the whole memory, whatever the group learnt last"
    assert (last.batch_size, last.clip, last.optimizer().defaults["lr"]) == (8, 5.0, 0.25)
    assert last.learning_rate(4, 8) == 0.5


def test_a_method_without_phases_has_none_on_the_memory_either():
    assert list(_made(weights=False, consolidation_epochs=7).phases(SECOND)) == []


@pytest.mark.parametrize("name", BASELINES)
def test_the_replay_baselines_of_all_scenarios_are_one_implementation(name):
    cls = registry.get(name)
    assert cls.phases is ExperienceReplay.phases
    config = cls.Config()
    assert (config.replay, config.consolidation_epochs) == ("paired", 0)
    with pytest.raises(ValueError, match="^replay 'none' must be one of merge, paired, weighted$"):
        cls.Config(replay="none")
    with pytest.raises(ValueError, match="^consolidation_epochs -1 must be >= 0$"):
        cls.Config(consolidation_epochs=-1)
    with pytest.raises(ValueError, match="^epochs 0 must be >= 1$"):  # the scenario's own checks stay
        cls.Config(epochs=0)


@pytest.mark.parametrize("preset", ["paper", "reference"])
@pytest.mark.parametrize(
    ("name", "replay", "passes"),
    [
        ("er", "merge", 0),  # CTP, paper and code
        ("clip-er", "merge", 2),  # the ER of CLAP4CLIP's authors
        ("clip-icarl", "merge", 0),  # Rebuffi et al., Algorithm 3; PyCIL
        ("vqa-er", "paired", 0),  # VQACL: a step on the task, one on the memory
    ],
)
def test_a_papers_preset_mixes_as_the_paper_does(name, preset, replay, passes):
    method = registry.get(name)
    config = method.Config(**method.presets[preset])
    assert (config.replay, config.consolidation_epochs) == (replay, passes)


@pytest.mark.parametrize(
    ("name", "own"), [("er", "fair"), ("clip-er", "fair"), ("clip-icarl", "fair"), ("vqa-er", "paper")]
)
def test_where_no_preset_is_named_the_memory_is_paired(name, own):
    method = registry.get(name)
    assert own_preset(method.presets) == own and method.Config().replay == "paired"


@pytest.mark.parametrize(
    ("name", "passes", "allowed"),
    [
        ("mma", 0, "merge, paired, weighted"),
        ("clap4clip", 2, "merge, paired"),
        ("ctp", 0, "merge, paired"),
    ],
)
def test_the_papers_own_methods_merge_and_may_be_told_otherwise(name, passes, allowed):
    config = registry.get(name).Config
    assert (config().replay, config().consolidation_epochs) == ("merge", passes)
    with pytest.raises(ValueError, match=f"^replay 'half' must be one of {allowed}$"):
        config(replay="half")
    with pytest.raises(ValueError, match="^consolidation_epochs -1 must be >= 0$"):
        config(consolidation_epochs=-1)


WEIGHT = torch.tensor([3.0, 0.0, 0.5, 1.0])


def test_a_weighted_mean_divides_by_the_number_of_samples():
    values = torch.tensor([1.0, 7.0, 4.0, 2.0], dtype=torch.float64)
    assert weighted_mean(values, WEIGHT).item() == (3 + 0 + 2 + 2) / 4
    assert weighted_mean(values, WEIGHT).dtype == torch.float64
    assert weighted_mean(values, None).item() == 14 / 4
    # The mean over two ranks of half a batch each is the whole batch's, though their weights' sums differ.
    halves = [weighted_mean(values[part], WEIGHT[part]) for part in (slice(0, 2), slice(2, 4))]
    assert torch.stack(halves).mean().item() == weighted_mean(values, WEIGHT).item()


def test_weighted_contrast_weighs_both_directions_of_a_pair_and_no_key():
    generator = torch.Generator().manual_seed(0)
    image, text = F.normalize(torch.randn(2, 4, 6, generator=generator), dim=-1).unbind()
    similarity = image @ text.T / 0.1
    rows, columns = similarity.log_softmax(1).diagonal(), similarity.log_softmax(0).diagonal()
    found = symmetric_contrast(image, text, image, text, 0.1, weight=WEIGHT)
    torch.testing.assert_close(found, -(WEIGHT * (rows + columns) / 2).mean())
    plain = symmetric_contrast(image, text, image, text, 0.1)
    torch.testing.assert_close(symmetric_contrast(image, text, image, text, 0.1, 0, torch.ones(4)), plain)


def test_a_masked_words_weight_is_its_samples():
    labels = torch.full((4, 3), IGNORED)
    labels[0, 1], labels[1, 0], labels[2, 2], labels[3, 0], labels[3, 2] = 5, 6, 7, 8, 9
    values = torch.tensor([1.0, 10.0, 100.0, 1000.0, 10000.0])
    masked = masked_tokens(labels, labels, WEIGHT)
    assert masked.labels.tolist() == [5, 6, 7, 8, 9]
    wanted = torch.tensor((3 * 1 + 0.5 * 100 + 1 * 11000) / 5)
    torch.testing.assert_close(masked_mean(values, masked), wanted)
    torch.testing.assert_close(masked_mean(values, masked_tokens(labels, labels)), values.mean())


def test_weighted_answers_of_a_classifier():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3, generator=generator)
    targets = torch.eye(3)[[0, 2, 1, 1]]
    targets[2] = 0  # an answer that the classifier does not know
    rows = -(targets * logits.log_softmax(1)).sum(1)
    torch.testing.assert_close(soft_cross_entropy(logits, targets, WEIGHT), (WEIGHT * rows).sum() / 3)
