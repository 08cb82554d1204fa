"""How fast a CLAP4CLIP training step is.

    OMP_NUM_THREADS=1 python benchmarks/clap_step.py

It times one step of the last task's phase ``adapt`` and one of ``consolidate``: forward, all terms, backward,
SGD. Features are random, and there is no dropout. Two ways are compared, on the same weights and the same
noise, in one process. ``loop`` takes a task at a time, and its samples one by one, each written out as the
paper says it. ``methods.recognition.clap4clip.method`` computes all tasks and samples in batched products.
The script checks that both give the same loss and gradients, then prints milliseconds a step and the ratio.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from methods.method import Batch, ClassSpec, Phase, Task
from methods.recognition.clap4clip.method import Clap4Clip


def _loop(method: Clap4Clip, batch: Batch, phase: Phase) -> Tensor:
    """The sum of the loss terms, task by task and sample by sample."""
    c, sizes, width = method.config, method.sizes.tolist(), method.spec.width
    device = batch.feature.device
    method.vga.train(phase.name == "adapt")
    generator = torch.Generator().manual_seed(batch.seed)
    noise = torch.randn(c.samples, 1, sum(sizes), width, generator=generator).to(device)
    weight, bias = method.adapters.weight, method.adapters.bias
    pairs = [*zip(weight.past, bias.past, strict=True), *zip(weight.new, bias.new, strict=True)]
    text = method.spec.text.to(device)
    logits: list[list[Tensor]] = [[] for _ in range(c.samples)]
    regularisation, stop = torch.zeros((), device=device), 0
    for task, size in enumerate(sizes):
        start, stop = stop, stop + size
        frozen = F.normalize(text[start:stop].mean(1), dim=-1)
        guided = frozen + method.vga.layer(frozen[None], batch.feature[None])[0]
        (mean_weight, spread_weight), (mean_bias, spread_bias) = pairs[task]
        mean = F.linear(guided, mean_weight, mean_bias)
        spread = 0.999 * F.softplus(F.linear(guided, spread_weight, spread_bias)) + 0.001
        drawn = []
        for sample in range(c.samples):
            z = mean + spread * noise[sample, 0, start:stop]
            logits[sample].append(method.spec.scale * batch.feature @ (z + guided).T)
            drawn.append(z)
        if phase.name == "consolidate" or task == len(sizes) - 1:
            similarity = sum(torch.einsum("atd,bd->ab", text[start:stop], z) for z in drawn)
            similarity = similarity / (c.samples * text.shape[1])
            lasp = F.cross_entropy(similarity, torch.arange(size, device=device))
            prior = Normal(torch.zeros_like(mean), torch.ones_like(spread))
            kl = kl_divergence(Normal(mean, spread), prior).mean(0).sum()
            regularisation = regularisation + c.lasp_weight * lasp + c.kl_weight * kl
    rows = torch.stack([torch.cat(parts, dim=1) for parts in logits])
    return F.cross_entropy(rows.flatten(0, 1), batch.label.repeat(c.samples)) + regularisation


def _ours(method: Clap4Clip, batch: Batch, phase: Phase) -> Tensor:
    return sum(method.loss(batch, phase).values())


def _check(method: Clap4Clip, batch: Batch, phase: Phase) -> None:
    """Raises :class:`AssertionError` unless both ways give one loss and one gradient."""
    parameters = [p for p in method.parameters() if p.requires_grad]
    losses = [way(method, batch, phase) for way in (_ours, _loop)]
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-4)
    for a, b in zip(*(torch.autograd.grad(loss, parameters) for loss in losses), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3 * float(a.abs().max()) + 1e-6)


def _seconds(work: Callable[[], object], times: int, device: torch.device) -> float:
    """Seconds one call takes, the median of ``times``; the first is not counted."""
    taken = []
    for _ in range(times + 1):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken.append(time.perf_counter() - began)
    return sorted(taken[1:])[times // 2]


def _step(
    method: Clap4Clip, batch: Batch, phase: Phase, optimizer: torch.optim.Optimizer, way: Callable
) -> None:
    optimizer.zero_grad()
    way(method, batch, phase).backward()
    optimizer.step()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=32, help="pictures a step")
    parser.add_argument("--width", type=int, default=512, help="D of the features")
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=10, help="tasks, of equally many classes")
    parser.add_argument("--samples", type=int, default=20, help="Monte-Carlo samples")
    parser.add_argument("--templates", type=int, default=18)
    parser.add_argument("--steps", type=int, default=10, help="steps to measure, each way")
    return parser


def main(arguments: list[str] | None = None) -> None:
    args = _parser().parse_args(arguments)
    if args.classes % args.tasks:
        _parser().error(f"--classes {args.classes} cannot be shared equally among {args.tasks} tasks")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    where = f"CPU, {torch.get_num_threads()} threads"
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else where
    print(
        f"CLAP4CLIP, batch {args.batch}, D {args.width}, {args.classes} classes in {args.tasks} tasks, "
        f"{args.samples} samples; {where}, torch {torch.__version__}"
    )

    torch.manual_seed(0)
    text = F.normalize(torch.randn(args.classes, args.templates, args.width), dim=-1)
    spec = ClassSpec(tuple(map(str, range(args.classes))), ("{}",) * args.templates, text, 100.0)
    config = Clap4Clip.Config(samples=args.samples, batch_size=args.batch, dropout=0.0, learning_rate=1e-6)
    method = Clap4Clip(config, spec).to(device).train()
    each = args.classes // args.tasks
    for index in range(args.tasks):
        classes = range(index * each, (index + 1) * each)
        task = Task(index, "t", "recognition", args.tasks, classes)
        method.start_task(task)
    label = torch.randint(args.classes, (args.batch,))
    feature = F.normalize(torch.randn(args.batch, args.width), dim=-1)
    batch = Batch(None, label.new_zeros(args.batch, 0), label, label, feature=feature).to(device)
    for phase in method.phases(task):
        optimizer = phase.optimizer()
        _check(method, batch, phase)
        loop, ours = (
            _seconds(partial(_step, method, batch, phase, optimizer, way), args.steps, device)
            for way in (_loop, _ours)
        )
        print(
            f"{phase.name:12} loop {1e3 * loop:8.1f} ms   methods/ {1e3 * ours:7.1f} ms   "
            f"ratio {loop / ours:.1f}"
        )


if __name__ == "__main__":
    main()
