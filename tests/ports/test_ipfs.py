"""Content is believed to be pinned only where it comes back, over a fake daemon that can lie and over Kubo."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from provenance.adapters.content import unixfs
from provenance.adapters.content.embedded import Embedded
from provenance.adapters.content.faults import ContentCorrupt, ContentMissing, missing
from provenance.adapters.content.gateway import SourceUnusable
from provenance.adapters.content.ipfs import Client, Daemon, Ipfs, Rpc
from provenance.adapters.content.mirror import Mirror
from provenance.domain.cid import Cid, decode, of_raw

BUILT = Path(__file__).parents[2] / "build" / "kubo" / "ipfs"
LEAF = unixfs.LEAF_BYTES
DATA = b"".join(bytes([i]) * LEAF for i in range(3)) + b"the end"
CID = unixfs.address([DATA])


class Dice:
    """The `Random` port, repeatable."""

    def __init__(self) -> None:
        self._random = random.Random(1)

    def bytes(self, size: int) -> bytes:
        return self._random.randbytes(size)


class MemoryDaemon:
    """A daemon in memory that keeps what a CAR holds, or does not."""

    name = "memory"

    def __init__(self) -> None:
        self.blocks: dict[Cid, bytes] = {}
        self.root = ""
        self.keeps: Callable[[Cid], bool] = lambda _: True

    def load(self, car: Iterator[bytes], size: int) -> str:
        data, at, sections = b"".join(car), 0, []
        assert len(data) > size
        while at < len(data):
            length, at = unixfs._read_varint(data, at)
            sections.append(data[at : at + length])
            at += length
        for section in sections[1:]:
            cid = decode(section[:36])
            if self.keeps(cid):
                self.blocks[cid] = section[36:]
        return self.root or str(decode(sections[0][sections[0].index(b"\x58\x25\x00") + 3 :][:36]))

    def block(self, cid: Cid) -> bytes:
        if cid not in self.blocks:
            raise missing(cid)
        return self.blocks[cid]

    def unpin(self, cid: Cid) -> None:
        self.blocks.pop(cid, None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


SETTINGS = {
    "AutoConf.Enabled": False,
    "Bootstrap": [],
    "Addresses.Swarm": [],
    "Addresses.Gateway": [],
    "Gateway.NoFetch": True,
    "Routing.Type": "none",
    "Discovery.MDNS.Enabled": False,
    "DNS.Resolvers": {},
    "Routing.DelegatedRouters": [],
    "Ipns.DelegatedPublishers": [],
    "Datastore.HashOnRead": True,
    "Swarm.DisableNatPortMap": True,
}


@dataclass(frozen=True, slots=True)
class Kubo:
    """A daemon of our own, offline."""

    home: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="session")
def kubo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubo]:
    binary = str(BUILT) if BUILT.is_file() else shutil.which("ipfs")
    if binary is None:
        pytest.skip("ipfs (Kubo) is not installed; `make kubo` builds it")
    home, port = tmp_path_factory.mktemp("kubo"), free_port()
    env = {"IPFS_PATH": str(home), "IPFS_TELEMETRY": "off", "HOME": str(home)}
    subprocess.run([binary, "init", "--profile", "unixfs-v1-2025"], env=env, check=True, capture_output=True)
    api = {"Addresses.API": f"/ip4/127.0.0.1/tcp/{port}"}
    for name, value in (SETTINGS | api).items():
        command = [binary, "config", "--json", name, json.dumps(value)]
        subprocess.run(command, env=env, check=True, capture_output=True)
    daemon = subprocess.Popen(
        [binary, "daemon", "--offline"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            try:
                httpx2.post(f"http://127.0.0.1:{port}/api/v0/version").raise_for_status()
                break
            except httpx2.HTTPError:
                time.sleep(0.1)
        yield Kubo(home, port)
    finally:
        daemon.terminate()
        daemon.wait(timeout=20)


@pytest.fixture(params=["fake", "rpc", "ipfshttpclient"])
def daemon(request: pytest.FixtureRequest) -> Daemon:
    if request.param == "fake":
        return MemoryDaemon()
    kubo = request.getfixturevalue("kubo")
    if request.param == "rpc":
        return Rpc(kubo.url)
    return Client(f"/ip4/127.0.0.1/tcp/{kubo.port}/http")


@pytest.fixture
def store(tmp_path: Path) -> Embedded:
    return Embedded(tmp_path / "content")


@pytest.mark.parametrize("data", [b"", b"{}", DATA])
def test_what_was_pinned_is_read_back_under_our_address(daemon: Daemon, store: Embedded, data: bytes) -> None:
    ipfs, cid = Ipfs(daemon), store.put(data)
    ipfs.pin(cid, store, Dice())
    assert ipfs.has(cid)
    assert b"".join(ipfs.stream(cid)) == data
    assert b"".join(ipfs.stream(cid, start=LEAF + 1)) == data[LEAF + 1 :]
    ipfs.unpin(cid)
    ipfs.unpin(cid)


def test_what_a_daemon_has_not_is_missing(daemon: Daemon) -> None:
    ipfs, nothing = Ipfs(daemon), of_raw(b"never stored anywhere")
    assert not ipfs.has(nothing)
    with pytest.raises(ContentMissing):
        ipfs.block(nothing)


def test_a_daemon_repairs_the_local_copy(daemon: Daemon, store: Embedded, tmp_path: Path) -> None:
    ipfs, cid = Ipfs(daemon), store.put(DATA)
    ipfs.pin(cid, store, Dice())
    assert Mirror(Embedded(tmp_path / "other"), [ipfs]).get(cid) == DATA


def test_a_leaf_that_rots_on_a_daemons_disk_is_never_served(kubo: Kubo, store: Embedded, tmp_path: Path) -> None:
    ipfs, data = Ipfs(Rpc(kubo.url)), b"it rots" * LEAF
    cid = store.put(data)
    ipfs.pin(cid, store, Dice())
    (leaf,) = (path for path in (kubo.home / "blocks").rglob("*.data") if path.read_bytes() == data[LEAF : 2 * LEAF])
    leaf.write_bytes(data[LEAF : 2 * LEAF - 1] + b"?")
    assert next(iter(ipfs.stream(cid))) == data[:LEAF]
    with pytest.raises((ContentCorrupt, SourceUnusable)):
        b"".join(ipfs.stream(cid))


@pytest.mark.parametrize("named", ["bafkqaaa", "nonsense", str(of_raw(b"x"))])
def test_a_daemon_that_names_another_root_has_pinned_nothing(store: Embedded, named: str) -> None:
    liar = MemoryDaemon()
    liar.root = named
    with pytest.raises(ContentCorrupt):
        Ipfs(liar).pin(store.put(DATA), store, Dice())


def test_the_root_is_compared_by_bytes_not_by_its_spelling(store: Embedded) -> None:
    other = MemoryDaemon()
    other.root = "f" + CID.encode().hex()
    Ipfs(other).pin(store.put(DATA), store, Dice())


def test_a_daemon_that_drops_or_changes_leaves_has_pinned_nothing(store: Embedded) -> None:
    cid = store.put(DATA)
    dropping = MemoryDaemon()
    dropping.keeps = lambda block: block.codec == "dag-pb"
    with pytest.raises(ContentMissing):
        Ipfs(dropping).pin(cid, store, Dice())
    flipping = MemoryDaemon()
    Ipfs(flipping).pin(cid, store, Dice())
    flipping.blocks = dict.fromkeys(flipping.blocks, b"other")
    flipping.keeps = lambda _: False
    with pytest.raises(ContentCorrupt):
        Ipfs(flipping).pin(cid, store, Dice())


def test_a_silent_daemon_is_said() -> None:
    ipfs = Ipfs(Rpc(f"http://127.0.0.1:{free_port()}", deadline_s=1))
    with pytest.raises(SourceUnusable):
        ipfs.block(CID)
    assert not ipfs.has(CID)
