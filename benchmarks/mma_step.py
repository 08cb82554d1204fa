"""How fast an MMA training step is.

    OMP_NUM_THREADS=1 python benchmarks/mma_step.py

It times one step of the published adapter (512, 32, 128, 4 heads) on random features: forward, cross-entropy,
backward, Adam. Three ways are compared, on the same weights, in one process. ``loop`` takes a picture at a
time, and its adapted classes one by one. ``written out`` takes all pictures at once, with every token of
every picture's sequence written out, (N + 1, B, D), as the released code does it.
``methods.recognition.mma.method`` computes once what texts share, and keeps at rank 32 what differs. The
script checks that all give the same loss and gradients, then prints milliseconds a step and ratios.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from methods.method import Batch, ClassSpec, Task
from methods.recognition.mma.method import MMA


def _blend(frozen: Tensor, found: Tensor) -> Tensor:
    return F.normalize(0.2 * F.normalize(found, dim=-1) + 0.8 * frozen, dim=-1)


def _adapted(method: MMA, tokens: Tensor) -> Tensor:
    """What the adapter makes of ``tokens``, (N + 1, B, D) or (N + 1, D): torch's attention under the mask."""
    adapter, last = method.adapter.adapter, len(tokens) - 1
    cross = torch.zeros(last + 1, last + 1, dtype=torch.bool, device=tokens.device)
    cross[:-1, -1] = cross[-1, :-1] = True
    mask = cross.float()
    if method.config.mask_mode == "blocked":
        mask = torch.zeros_like(mask).masked_fill(~cross, -torch.inf)
    down = adapter.downsampler(tokens)
    attend = torch.nn.MultiheadAttention.forward
    found, _ = attend(adapter.mha, down, down, down, attn_mask=mask, need_weights=False)
    return adapter.upsampler(found)


def _loop(method: MMA, batch: Batch) -> Tensor:
    rows = []
    for picture in batch.feature:
        *texts, image = _adapted(method, torch.cat([method.text, picture[None]]))
        image = _blend(picture, image)
        rows.append(torch.stack([_blend(t, a) @ image for t, a in zip(method.text, texts, strict=True)]))
    return F.cross_entropy(method.spec.scale * torch.stack(rows), batch.label)


def _written_out(method: MMA, batch: Batch) -> Tensor:
    text = method.text[:, None].expand(-1, len(batch), -1)
    found = _adapted(method, torch.cat([text, batch.feature[None]]))
    image, text = _blend(batch.feature, found[-1]), _blend(text, found[:-1])
    return F.cross_entropy(method.spec.scale * torch.einsum("bd,nbd->bn", image, text), batch.label)


def _ours(method: MMA, batch: Batch) -> Tensor:
    return method.loss(batch, method.phases(_task(method))[0])["cross_entropy"]


def _task(method: MMA) -> Task:
    return Task(0, "all", "recognition", 1, range(len(method.text)))


def _check(method: MMA, batch: Batch) -> None:
    """Raises :class:`AssertionError` unless all ways give one loss and one gradient."""
    parameters = list(method.parameters())
    losses = [way(method, batch) for way in (_ours, _loop, _written_out)]
    gradients = [torch.autograd.grad(loss, parameters) for loss in losses]
    for loss, gradient in zip(losses[1:], gradients[1:], strict=True):
        torch.testing.assert_close(loss, losses[0], rtol=1e-4, atol=1e-4)
        for a, b in zip(gradient, gradients[0], strict=True):
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


def _step(method: MMA, batch: Batch, optimizer: torch.optim.Optimizer, way: Callable) -> None:
    optimizer.zero_grad()
    way(method, batch).backward()
    optimizer.step()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=32, help="pictures a step")
    parser.add_argument("--width", type=int, default=512, help="D of the features")
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument(
        "--steps", type=int, default=5, help="steps of the loop; of the others ten times as many"
    )
    return parser


def main(arguments: list[str] | None = None) -> None:
    args = _parser().parse_args(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    where = f"CPU, {torch.get_num_threads()} threads"
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else where
    print(
        f"MMA, batch {args.batch}, D {args.width}, {args.classes} classes; {where}, torch {torch.__version__}"
    )

    torch.manual_seed(0)
    text = F.normalize(torch.randn(args.classes, 1, args.width), dim=-1)
    spec = ClassSpec(tuple(map(str, range(args.classes))), ("{}",), text, 100.0)
    label = torch.randint(args.classes, (args.batch,))
    feature = F.normalize(torch.randn(args.batch, args.width), dim=-1)
    batch = Batch(None, label.new_zeros(args.batch, 0), label, label, feature=feature).to(device)
    for mode in ("blocked", "additive_one"):
        method = MMA(MMA.Config(mask_mode=mode), spec).to(device).train()
        method.start_task(_task(method))
        _check(method, batch)
        optimizer = method.phases(_task(method))[0].optimizer()
        taken = [
            _seconds(partial(_step, method, batch, optimizer, way), times * args.steps, device)
            for way, times in ((_loop, 1), (_written_out, 10), (_ours, 10))
        ]
        loop, written_out, ours = taken
        print(
            f"{mode:13} loop {1e3 * loop:8.1f} ms   written out {1e3 * written_out:7.1f} ms   methods/ "
            f"{1e3 * ours:6.2f} ms   ratios {loop / ours:.0f} and {written_out / ours:.1f}"
        )


if __name__ == "__main__":
    main()
