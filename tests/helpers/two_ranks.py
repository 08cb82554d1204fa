"""Two ranks for a test, which are forks of one process that has imported torch and the packages.

A process takes seconds to import those, and a fork of one that has takes none. What a test leaves behind in
its ranks goes with them, and the next test's find nothing of it.
"""

import importlib.util
import inspect
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pytest

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "pytest",
        "torch.nn.parallel",
        "torch.distributed",
        "torch.optim",
        "torch._dynamo",
        "methods.backbones.pretrained_image_text",
        "methods.vqa.vqacl.method",
        "orchestrator.evaluation.final_evaluation",
        "orchestrator.training.stream_loop",
        "tiny_walks",
    ]
)


def on_two_ranks(
    function: Callable[..., Any], *given: Any, group: bool = True, limit: float = 150
) -> list[Any]:
    """What ranks 0 and 1 return of ``function(rank, *given)``, which both are in side by side.

    Args:
        function: A function of a test's module. The ranks import its file and know it by its name.
        given: What pickle takes.
        group: Whether both are in a process group of two, on gloo.
        limit: Seconds until ranks that have not answered are killed.

    Returns:
        Both ranks' answers, in their order.

    Raises:
        AssertionError: A rank raised an error, whose traceback it says, or died, or did not answer in time.
            Neither is alive any more.
    """
    with pytest.MonkeyPatch.context() as patch:  # Python 3.11's server does not take over where modules lie
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        forkserver.ensure_running()
    here = dict(os.environ), os.getcwd(), os.umask(0o022)
    os.umask(here[2])
    with tempfile.TemporaryDirectory() as folder:
        rendezvous = f"file://{folder}/rendezvous" if group else None
        ranks, answers = {}, {}
        try:
            for rank in (0, 1):
                answer, said = _CONTEXT.Pipe(duplex=False)
                job = (said, rank, rendezvous, inspect.getfile(function), function.__qualname__, given, here)
                process = _CONTEXT.Process(target=_work, args=job, daemon=True)
                process.start()
                said.close()
                ranks[answer] = (rank, process)
            until = time.monotonic() + limit
            while len(answers) < 2:
                ready = wait([answer for answer in ranks if answer not in answers], until - time.monotonic())
                assert ready, f"not all ranks answered within {limit:.0f} s"
                for answer in ready:
                    answers[answer] = _heard(answer, *ranks[answer])
            return [answers[answer] for answer in ranks]
        finally:  # a rank whose other has died waits in a collective
            for answer, (_, process) in ranks.items():
                process.kill()
                process.join()
                answer.close()


def _heard(answer: Connection, rank: int, process: Any) -> Any:
    try:
        found, error = pickle.loads(answer.recv_bytes())
    except EOFError:
        process.join()
        raise AssertionError(f"rank {rank} ended with exit code {process.exitcode}") from None
    assert error is None, f"rank {rank}: {error}"
    return found


def _work(
    said: Connection,
    rank: int,
    rendezvous: str | None,
    file: str,
    name: str,
    given: tuple[Any, ...],
    here: tuple[dict[str, str], str, int],
) -> None:
    """A rank's whole life, in the environment, folder and umask of its test, not of the server."""
    os.environ.clear()
    os.environ.update(here[0])
    os.chdir(here[1])
    os.umask(here[2])
    import torch
    import torch.distributed as dist

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    torch.set_num_threads(1)
    found = error = None
    try:
        function = getattr(_module(file), name)
        if rendezvous is not None:
            dist.init_process_group("gloo", rendezvous, rank=rank, world_size=2)
            # One that has nothing to do would close its connections while the other one is still making them.
            dist.barrier()
        found = function(rank, *given)
        if rendezvous is not None:
            dist.destroy_process_group()
    except BaseException:
        error = traceback.format_exc()
    said.send_bytes(pickle.dumps((found, error)))


def _module(file: str) -> Any:
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
