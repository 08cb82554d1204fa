"""A recognition problem small enough to train on in a moment."""

import pytest
import torch
import torch.nn.functional as F

from methods.method import Batch, ClassSpec, Task


class Toy:
    """Pictures lie about one centre for each class. A text is that centre with twice as much noise and a
    common gap.
    """

    classes = range(6)

    def __init__(self, templates=1, pictures=20, width=32):
        generator = torch.Generator().manual_seed(1)
        count = len(self.classes)

        def unit(*shape):
            return F.normalize(torch.randn(*shape, generator=generator), dim=-1)

        centre, gap = unit(count, width), unit(width)
        text = F.normalize(centre[:, None] + 2 * unit(count, templates, width) + gap, dim=-1)
        names = tuple(f"class {c}" for c in self.classes)
        self.spec = ClassSpec(names, tuple(f"{k} {{}}" for k in range(templates)), text, 100.0)
        label = torch.arange(count).repeat_interleave(pictures)
        self.batch = self.batch_of(F.normalize(centre[label] + 0.8 * unit(len(label), width), dim=-1), label)

    @staticmethod
    def batch_of(feature, label):
        return Batch(None, torch.zeros(len(label), 0, dtype=torch.int64), label, label, feature=feature)

    def of(self, classes):
        """The pictures of some classes."""
        keep = torch.isin(self.batch.label, torch.tensor(list(classes)))
        return self.batch_of(self.batch.feature[keep], self.batch.label[keep])

    @staticmethod
    def task(classes, index=0):
        return Task(index, f"task {index}", "recognition", 2, classes)

    @staticmethod
    def train(method, batch, task, steps=100):
        """Every phase of a task, the whole batch at each step."""
        method.start_task(task)
        method.train()
        for phase in method.phases(task):
            optimizer = phase.optimizer()
            base = [group["lr"] for group in optimizer.param_groups]
            for step in range(steps):
                for group, rate in zip(optimizer.param_groups, base, strict=True):
                    group["lr"] = rate * phase.learning_rate(step, steps)
                method.before_step(phase)
                optimizer.zero_grad()
                sum(method.loss(batch, phase).values()).backward()
                optimizer.step()
        return method.eval()

    @staticmethod
    @torch.no_grad()
    def accuracy(method, batch, classes):
        found = method.predict(batch, classes).argmax(1) + classes.start
        return (found == batch.label).float().mean().item()


@pytest.fixture
def toy():
    return Toy()


@pytest.fixture
def toy_of_three_templates():
    return Toy(templates=3)
