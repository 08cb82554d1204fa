"""How a lane's workers meet, and where they listen meanwhile. No Ray is started."""

import fcntl
import os
import time
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlparse

import psutil
import pytest
import ray
import torch
import torch.distributed as dist
from two_ranks import on_two_ranks

from orchestrator.execution import process_group
from orchestrator.execution.process_group import LaneGroup


class _Workers:
    """A worker group on ``places``: what its workers were told to do."""

    def __init__(self, places, file="the meeting"):
        self._places = places
        self._file = file
        self.prepared, self.met, self.joined = [], [], []

    def __len__(self):
        return len(self._places)

    def execute_single(self, rank, function, *given):
        assert rank == 0
        self.met.append((function, *given))
        return self._file if function is process_group._file else "the meeting"

    def execute(self, function, *given):
        if function is process_group._prepare:
            self.prepared.append(*given)
        return self._places if function is process_group._place else [True] * len(self)

    def execute_single_async(self, rank, function, *given):
        self.joined.append(given)


@pytest.mark.parametrize(
    ("places", "together", "met"),
    [
        ([("a", "192.0.2.1")], True, (process_group._file,)),
        ([("a", "192.0.2.1"), ("a", "192.0.2.1")], True, (process_group._file,)),
        ([("a", "192.0.2.1"), ("b", "192.0.2.2")], False, (process_group._listen, "192.0.2.1")),
    ],
    ids=["one worker", "one machine", "two machines"],
)
def test_only_workers_of_several_machines_meet_over_the_network(monkeypatch, places, together, met):
    monkeypatch.setattr(process_group.ray, "get", lambda refs: refs)
    workers = _Workers(places)
    group = LaneGroup("nccl")
    group.backend_cls().on_start(workers, group)
    assert workers.met == [met] and workers.prepared == [together]
    assert workers.joined == [(rank, "nccl", len(places), "the meeting") for rank in range(len(places))]


@pytest.mark.parametrize("size", [1, 2])
def test_workers_of_one_machine_without_a_file_meet_on_loopback(monkeypatch, size):
    monkeypatch.setattr(process_group.ray, "get", lambda refs: refs)
    workers = _Workers([("a", "192.0.2.1")] * size, file=None)
    group = LaneGroup("gloo")
    group.backend_cls().on_start(workers, group)
    assert workers.met == [(process_group._file,), (process_group._listen, "127.0.0.1")]
    assert workers.joined == [(rank, "gloo", size, "the meeting") for rank in range(size)]


def test_the_folder_of_rays_session_is_taken_where_nobody_else_can_replace_what_lies_there(monkeypatch, base):
    monkeypatch.setattr(process_group, "_held", [])
    base.chmod(0o755)
    usual = base / "usual"
    usual.mkdir()
    monkeypatch.setattr(process_group, "gettempdir", lambda: str(usual))
    for parent, mode in ((base / "open", 0o755), (base / "closed", 0o700)):
        session = parent / "session"
        session.mkdir(parents=True)
        session.chmod(0o777)  # as Ray does
        parent.chmod(mode)
        node = SimpleNamespace(get_session_dir_path=lambda session=session: str(session))
        monkeypatch.setattr(ray._private.worker, "_global_node", node)
        found = Path(process_group._file().removeprefix("file://")).parents[1]
        assert found == (session if mode == 0o700 else usual)


_Address = namedtuple("_Address", "address")
_CARDS = {"lo": ["127.0.0.1", "::1"], "eth0": ["192.0.2.1", "fe80::1%eth0"], "eth01": ["192.0.2.7"]}


@pytest.mark.parametrize(
    ("together", "address", "card"),
    [
        (True, "192.0.2.1", "lo"),
        (False, "192.0.2.1", "eth0"),
        (False, "192.0.2.7", "eth01"),
        (False, "fe80::1", "eth0"),
        (False, "192.0.2.8", None),
    ],
    ids=["one machine", "several", "another card", "IPv6", "an address of no card"],
)
def test_collectives_listen_where_the_others_come_from(monkeypatch, together, address, card):
    found = {name: [_Address(a) for a in addresses] for name, addresses in _CARDS.items()}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)
    monkeypatch.setattr(process_group.ray.util, "get_node_ip_address", lambda: address)
    monkeypatch.setattr(os, "environ", {})
    before = os.umask(0o002)
    process_group._prepare(together)
    assert os.umask(before) == 0o022, "what a lane writes only its user may change"
    expected = {} if card is None else {"GLOO_SOCKET_IFNAME": card, "NCCL_SOCKET_IFNAME": f"={card}"}
    assert os.environ == expected | {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


@pytest.mark.parametrize(("together", "cards"), [(False, ("mine", "mine")), (True, ("lo", "=lo"))])
def test_a_card_that_the_user_named_is_kept_where_there_are_several_machines(monkeypatch, together, cards):
    found = {name: [_Address(a) for a in addresses] for name, addresses in _CARDS.items()}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: found)
    monkeypatch.setattr(process_group.ray.util, "get_node_ip_address", lambda: "192.0.2.1")
    monkeypatch.setattr(os, "environ", {"NCCL_SOCKET_IFNAME": "mine", "GLOO_SOCKET_IFNAME": "mine"})
    process_group._prepare(together)
    assert (os.environ["GLOO_SOCKET_IFNAME"], os.environ["NCCL_SOCKET_IFNAME"]) == cards


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    return on_two_ranks(_on_a_rank, tmp_path_factory.mktemp("lane_group"), group=False)


def test_workers_of_one_machine_listen_on_loopback_for_each_other_alone(ranks):
    for found in ranks:
        assert found["file"]["sum"] == 3
        assert [ip for ip, _ in found["file"]["listening"]] == ["127.0.0.1"], "gloo's own"


def test_workers_meet_in_a_folder_with_locks_whose_name_torch_can_read(monkeypatch, tmp_path):
    strange, usual = tmp_path / "a#b", tmp_path / "usual"
    strange.mkdir()
    usual.mkdir()
    monkeypatch.setattr(process_group, "_held", [])
    monkeypatch.setattr(process_group, "gettempdir", lambda: str(usual))
    found = process_group._file()
    folder = Path(found.removeprefix("file://")).parent
    assert folder.parent == usual and folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(process_group, "gettempdir", lambda: str(strange))
    assert process_group._file().startswith("file:///dev/shm/vlcl-") and not list(strange.iterdir())

    def none(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", none)
    assert process_group._file() is None, "a store is asked instead"
    process_group._held[0].cleanup()


def test_the_file_by_which_they_met_was_their_users_alone_and_is_gone(ranks):
    assert ranks[0]["file"]["mode"] == 0o700 and ranks[0]["file"]["gone"]


def test_the_store_of_several_machines_listens_on_the_first_ones_address_alone(ranks):
    first, second = (found["network"] for found in ranks)
    meeting = urlparse(first["meeting"])
    assert first["sum"] == second["sum"] == 3 and meeting.hostname == "127.0.0.2"
    assert ["127.0.0.2", meeting.port] in first["listening"] and len(first["listening"]) == 2
    assert [ip for ip, _ in second["listening"]] == ["127.0.0.1"], "gloo's own"


def _met(rank, folder, way, meet):
    """Joins the two ranks by what rank 0's ``meet`` answers, and says what was seen."""
    place = folder / f"{way}.url"
    if rank == 0:
        (folder / "new").write_text(meet())
        (folder / "new").replace(place)
    while not place.exists():
        time.sleep(0.02)
    meeting = place.read_text()
    process_group._join(rank, "gloo", 2, meeting)
    total = torch.tensor(rank + 1)
    dist.all_reduce(total)
    connections = psutil.Process().net_connections("inet")
    listening = [list(c.laddr) for c in connections if c.status == psutil.CONN_LISTEN]
    parent = Path(urlparse(meeting).path).parent
    mode = parent.stat().st_mode & 0o777 if way == "file" else None
    dist.barrier()
    process_group._leave(True)
    found = {"meeting": meeting, "sum": int(total), "listening": listening}
    return found | {"mode": mode, "gone": not parent.exists()}


def _on_a_rank(rank, folder):
    from ray.train.torch import config

    # These ask for the worker of Ray Train that they are in, and would begin a Ray.
    config._set_torch_distributed_env_vars = lambda: None
    config._shutdown_torch = lambda destroy_process_group: dist.destroy_process_group()
    os.umask(0)
    process_group.ray.util = SimpleNamespace(get_node_ip_address=lambda: "127.0.0.1")
    process_group._prepare(True)
    return {
        "file": _met(rank, folder, "file", process_group._file),
        "network": _met(rank, folder, "network", lambda: process_group._listen("127.0.0.2")),
    }
