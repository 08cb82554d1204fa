"""How fast a CTP step is, and what bf16 with fused attention gains.

    python benchmarks/ctp_step.py --size base --batch 128      # the paper's size, on a GPU
    python benchmarks/ctp_step.py                              # small, wherever it runs

It times the second task's step: all six terms, both teachers, the optimiser. Weights are random, and so are
the data, which lie on the device. It measures fp32 with attention spelled out, as published (no TF32), then
bf16 autocast with fused attention, in one process, and prints the ratio of pairs a second.
"""

from __future__ import annotations

import argparse
import gc
import re
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from methods.backbones.config import BackboneConfig
from methods.method import Batch, InputSpec, Task
from methods.retrieval.ctp import CTP

_SPECS = {
    "base": InputSpec(224, 30, 21128, pad_id=0, cls_id=101, sep_id=102, mask_id=103),
    "small": InputSpec(32, 16, 200, pad_id=0, cls_id=1, sep_id=2, mask_id=3),
}
_VARIANTS = {"fp32, eager": ("eager", torch.float32), "bf16, sdpa": ("sdpa", torch.bfloat16)}
# Dense FLOP/s of the data sheets, fp32 outside the tensor cores.
_DATA_SHEETS = {
    "H200": {torch.float32: 67e12, torch.bfloat16: 989e12},
    "H100 80GB HBM3": {torch.float32: 67e12, torch.bfloat16: 989e12},
    "A100": {torch.float32: 19.5e12, torch.bfloat16: 312e12},
}


class _Step:
    """One optimiser step of CTP's second task on a fixed batch."""

    def __init__(
        self, size: str, batch: int, attention: str, dtype: torch.dtype, device: torch.device
    ) -> None:
        torch.manual_seed(0)
        spec = _SPECS[size]
        backbone = BackboneConfig(size, image_weights="random", text_weights="random", attention=attention)
        config = CTP.Config(backbone, batch_size=batch, queue_size=8 * batch)
        self._method = CTP(config, spec).to(device).train()
        task = Task(1, "second", "retrieval", 2)
        self._method.start_task(task)
        (self._phase,) = self._method.phases(task)
        self._optimizer = self._phase.optimizer()
        self._cast = torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
        tokens = torch.randint(104 if size == "base" else 4, spec.vocab_size, (batch, spec.max_tokens))
        tokens[:, 0] = spec.cls_id
        tokens[:, -1] = spec.sep_id
        image = torch.randint(0, 256, (batch, 3, spec.image_size, spec.image_size), dtype=torch.uint8)
        row = torch.arange(batch)
        self._batch = Batch(image, tokens, row, row).to(device)

    def __call__(self) -> None:
        self._method.before_step(self._phase)
        with self._cast:
            terms = self._method.loss(self._batch, self._phase)
        sum(terms.values()).backward()
        self._optimizer.step()
        self._optimizer.zero_grad()


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _seconds(work, times: int, device: torch.device) -> float:
    """Seconds one call of ``work`` takes, the median of ``times``."""
    taken = []
    for _ in range(times):
        _synchronize(device)
        began = time.perf_counter()
        work()
        _synchronize(device)
        taken.append(time.perf_counter() - began)
    return sorted(taken)[times // 2]


def _matmul_rate(dtype: torch.dtype, device: torch.device) -> float:
    """FLOP/s of a large square matrix product: what this device reaches, whatever its data sheet says."""
    n = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    _seconds(lambda: a @ b, 3, device)
    return 2 * n**3 / _seconds(lambda: a @ b, 5, device)


def _reset_peak(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    else:
        Path("/proc/self/clear_refs").write_text(
            "5"
        )  # Linux: the process's peak starts again from what it holds now


def _peak(device: torch.device) -> float:
    """Peak bytes since :func:`_reset_peak`: of tensors on a GPU, of the whole process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=_SPECS, default="small")
    parser.add_argument("--batch", type=int, default=64, help="pairs a step")
    parser.add_argument("--steps", type=int, default=20, help="steps to measure, after three to warm up")
    return parser


def main(arguments: list[str] | None = None) -> None:
    args = _parser().parse_args(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU, {torch.get_num_threads()} threads"
    )
    print(f"CTP {args.size}, batch {args.batch}, on {name}, torch {torch.__version__}")
    sheet = next((rates for key, rates in _DATA_SHEETS.items() if key in name), None)

    flops, rates = 0, {}
    for variant, (attention, dtype) in _VARIANTS.items():
        _reset_peak(device)
        step = _Step(args.size, args.batch, attention, dtype, device)
        if (
            not flops
        ):  # counted where attention is spelled out: fused kernels are not all known to the counter
            with FlopCounterMode(display=False) as counter:
                step()
            flops = counter.get_total_flops()
        for _ in range(3):
            step()
        taken = _seconds(step, args.steps, device)
        peak = _peak(device)
        del step
        shares = [f"{flops / taken / _matmul_rate(dtype, device):.0%} of the fastest matmul"]
        if sheet:
            shares.append(f"{flops / taken / sheet[dtype]:.0%} of the data sheet")
        rates[variant] = args.batch / taken
        print(
            f"{variant:12} {rates[variant]:9.1f} pairs/s  {1e3 * taken:8.1f} ms  {peak / 2**30:6.2f} GiB  "
            f"{flops / taken / 1e12:7.2f} TFLOP/s, {', '.join(shares)}"
        )
    before, after = rates.values()
    print(f"ratio        {after / before:9.2f}")


if __name__ == "__main__":
    main()
