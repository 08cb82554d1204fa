import pytest
import torch
import torch.distributed as dist

from orchestrator.errors import UserError
from orchestrator.execution import process_group
from orchestrator.execution import worker_device as module
from orchestrator.execution.worker_device import agreed_device, worker_device


class _Cuda:
    """In the place of ``torch.cuda``: ``count`` devices, or what a driver says."""

    def __init__(self, count=0, error=None):
        self._count, self._error = count, error
        self.current = None

    def init(self):
        if self._error:
            raise self._error

    def device_count(self):
        return self._count

    def set_device(self, device):
        self.current = device


@pytest.fixture
def cuda(monkeypatch):
    def pretend(visible, opens=True, **options):
        found = _Cuda(**options)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        monkeypatch.setattr(torch, "cuda", found)
        monkeypatch.setattr(module.socket, "gethostname", lambda: "host")

        def zeros(count, device):
            if not opens:
                raise RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later")

        monkeypatch.setattr(torch, "zeros", zeros)
        return found

    return pretend


@pytest.mark.parametrize(
    ("asked", "granted"), [("auto", []), ("cpu", []), ("cpu", ["0"])], ids=["none", "cpu", "not wanted"]
)
def test_without_a_gpu_a_worker_computes_on_the_cpu(cuda, asked, granted):
    found = cuda("", error=RuntimeError("must not be asked"))
    assert worker_device(asked, granted) == torch.device("cpu") and found.current is None


@pytest.mark.parametrize("asked", ["auto", "cuda"])
@pytest.mark.parametrize(
    ("visible", "granted", "index"), [("5", ["5"], 0), ("2,7,3", [3], 2), ("GPU-a,GPU-b", ["GPU-b"], 1)]
)
def test_a_granted_gpu_is_taken_by_its_place_among_the_visible(cuda, asked, visible, granted, index):
    found = cuda(visible, count=index + 1)
    assert worker_device(asked, granted) == torch.device("cuda", index) == found.current


@pytest.mark.parametrize("asked", ["auto", "cuda"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"error": RuntimeError("Found no NVIDIA driver on your system. Check that\nyou have one")},
            "Found no NVIDIA driver on your system. Check that (torch",
        ),
        ({"error": AssertionError("Torch not compiled with CUDA enabled")}, "Torch not compiled with CUDA"),
        ({"error": AssertionError()}, "does not answer: AssertionError (torch"),
        ({"count": 0}, "torch sees 0 device(s) (torch"),
        ({"count": 1, "opens": False}, "CUDA error: out of memory (torch"),
    ],
)
def test_a_gpu_that_does_not_answer_is_one_line_and_never_the_cpu(cuda, asked, options, words):
    found = cuda("4", **options)
    with pytest.raises(UserError) as error:
        worker_device(asked, [4])
    line = str(error.value)
    assert line.startswith("GPU 4 of host does not answer: ") and words in line and "\n" not in line
    assert f"torch {torch.__version__}, CUDA_VISIBLE_DEVICES=4" in line and found.current is None


def test_a_gpu_that_is_not_among_the_visible_is_not_replaced_by_another(cuda):
    cuda("0,1", count=2)
    with pytest.raises(UserError, match="GPU 3 of host does not answer.*CUDA_VISIBLE_DEVICES=0,1"):
        worker_device("auto", ["3"])


def test_cuda_without_a_gpu_from_ray_is_refused(cuda):
    cuda("0", count=1)
    with pytest.raises(UserError, match="run.device=cuda: Ray granted no GPU to a worker on host"):
        worker_device("cuda", [])


@pytest.mark.parametrize(
    ("said", "why"),
    [(["", "two"], "two"), (["mine", ""], "mine"), (["mine", "two"], "mine"), (["", ""], None)],
)
def test_ranks_refuse_together(monkeypatch, said, why):
    """What rank 0 of two does when each has said what is in ``said``."""

    def device(asked, granted):
        if said[0]:
            raise UserError(said[0])
        return torch.device("cpu")

    def first(own, where):
        assert (own or "") == said[0] and where == torch.device("cpu")
        return next(filter(None, said), None)

    monkeypatch.setattr(module, "worker_device", device)
    monkeypatch.setattr(dist, "get_backend", lambda: "gloo")
    monkeypatch.setattr(module, "first_reason", first)
    if why is None:
        assert agreed_device("auto", []) == torch.device("cpu")
        return
    with pytest.raises(UserError) as error:
        agreed_device("auto", [])
    assert str(error.value) == why


def test_one_rank_asks_nobody(monkeypatch):
    monkeypatch.setattr(dist, "get_backend", lambda: "gloo")
    assert agreed_device("cpu", []) == torch.device("cpu")
    with pytest.raises(UserError, match="Ray granted no GPU"):
        agreed_device("cuda", [])


class _Workers:
    """A worker group: what its workers answer to :func:`~orchestrator.execution.process_group._has_gpu`, and
    how they were joined.
    """

    def __init__(self, answers):
        self._answers = answers
        self.backends = []

    def __len__(self):
        return len(self._answers)

    def execute_single(self, rank, function, *given):
        return "file:///met/store"

    def execute(self, function, *given):
        answers = {process_group._has_gpu: self._answers, process_group._place: [("node", "192.0.2.1")] * 2}
        return answers.get(function)

    def execute_single_async(self, rank, function, own, backend, size, meeting):
        self.backends.append(backend)


@pytest.mark.parametrize(
    ("asked", "answers", "backend"),
    [("nccl", [True, True], "nccl"), ("nccl", [True, False], "gloo"), ("gloo", [False, False], "gloo")],
)
def test_workers_whose_gpu_does_not_answer_come_up_to_say_so(monkeypatch, asked, answers, backend):
    monkeypatch.setattr(process_group.ray, "get", lambda refs: refs)
    workers = _Workers(answers)
    process_group._Backend().on_start(workers, process_group.LaneGroup(asked))
    assert workers.backends == [backend] * 2


def test_a_worker_says_whether_its_gpu_answers(cuda, monkeypatch):
    monkeypatch.setattr(process_group.ray, "get_gpu_ids", lambda: ["4"])
    cuda("4", count=1)
    assert process_group._has_gpu()
    cuda("4", count=0)
    assert not process_group._has_gpu()
