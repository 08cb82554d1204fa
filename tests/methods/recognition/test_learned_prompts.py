"""Learned contexts: whose mean encodes which names, and when the text tower is asked again."""

import pytest
import torch
from torch import nn

from methods.recognition.learned_prompts import LearnedPrompts

NAMES = ("red_fox", "wolf", "grey_owl")


class _Clip(nn.Module):
    """A prompt's feature is the sum of the context and the name's length; counts how often it is asked."""

    context_width = 2

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()), requires_grad=False)
        self.asked = []

    def encode_prompts(self, context, names):
        self.asked.append(list(names))
        return context.sum() * self.scale + torch.tensor([[float(len(name)), 1.0] for name in names])


def made(per_task=False):
    prompts = LearnedPrompts(_Clip(), NAMES, 3, per_task)
    (clip,) = prompts._clip
    clip.asked.clear()  # one name is encoded to see whether there is room
    return prompts, clip.asked


def test_a_context_is_drawn_small_once_or_once_a_task():
    torch.manual_seed(0)
    for per_task, tasks in ((False, 1), (True, 3)):
        prompts, _ = made(per_task)
        for _ in range(3):
            prompts.start_task()
        assert len(prompts.context.past) + len(prompts.context.new) == tasks
    wide = LearnedPrompts(_Clip(), NAMES, 2000, False)
    wide.start_task()
    assert abs(wide.context.new.std() - 0.02) < 0.002 and abs(wide.context.new.mean()) < 0.002


def test_names_are_encoded_with_the_mean_of_all_contexts():
    prompts, asked = made(per_task=True)
    for value in (1.0, 4.0):
        prompts.context.grow(torch.full((3, 2), value))
    found = prompts(2)
    assert asked == [["red fox", "wolf"]]
    assert found.tolist() == [[6 * 2.5 + 7, 6 * 2.5 + 1], [6 * 2.5 + 4, 6 * 2.5 + 1]]
    found.sum().backward()
    assert prompts.context.past.grad.tolist() == prompts.context.new.grad.tolist() == [[[2.0] * 2] * 3]


@torch.no_grad()
def test_where_nothing_is_learnt_the_tower_is_asked_again_only_of_something_else():
    prompts, asked = made(per_task=True)
    prompts.start_task()
    first = prompts(2)
    assert torch.equal(prompts(2), first) and len(asked) == 1
    assert len(prompts(3)) == 3 and len(asked) == 2, "more names"
    for name in ("new", "past"):
        prompts.start_task()
        prompts(3)
        before = len(asked)
        getattr(prompts.context, name).add_(1)
        found = prompts(3)
        assert len(asked) == before + 1, "the context has changed in place"
        mean = torch.cat([prompts.context.past, prompts.context.new]).mean(0)
        torch.testing.assert_close(found[0, 1], mean.sum() + 1)
    state = {key: value.clone() for key, value in prompts.state_dict().items()}
    other, asked = made(per_task=True)
    for _ in range(3):
        other.start_task()
    other(3)
    other.load_state_dict(state)
    torch.testing.assert_close(other(3), found)
    prompts.context.new = nn.Parameter(prompts.context.new + 1)
    assert not torch.equal(prompts(3), found), "another parameter"


def test_while_a_context_is_learnt_every_step_asks_anew():
    prompts, asked = made()
    prompts.start_task()
    prompts(2), prompts(2)
    assert len(asked) == 2
    prompts.context.requires_grad_(False)
    prompts(2), prompts(2)
    assert len(asked) == 3


def test_a_context_that_leaves_no_room_is_named():
    class Short(_Clip):
        def encode_prompts(self, context, names):
            raise ValueError("leaves no room")

    with pytest.raises(ValueError, match="^context_length 3: leaves no room$"):
        LearnedPrompts(Short(), NAMES, 3, False)
