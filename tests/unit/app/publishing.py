"""An uploader for tests: files whose first word says what is heard, and a world that can die."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from provenance.adapters import seal
from provenance.adapters.journal import FileJournal
from provenance.adapters.keys.envelopes import KeyFolder
from provenance.app.ports import AudioReport, Call, Mined
from provenance.app.publish import Given, Outcome, Request, Source, UploadPorts, upload
from provenance.app.publish.takes import SealingPorts
from provenance.domain.manifest import Manifest
from provenance.domain.splits import Split
from provenance.errors import Invalid
from provenance.types import BPS_ONE, Bytes32, DatasetId, UnixSeconds
from tests import documents
from tests.fakes.chain import Killed, MemoryChain
from tests.fakes.content import MemoryContent
from tests.fakes.gateway import WALLET, MemoryGateway

NOW = UnixSeconds(documents.START + 1_000)


class CountingRandom:
    """Different bytes at every call, the same in every run; `start` tells two runs apart."""

    def __init__(self, start: str = "") -> None:
        self._start, self._calls = start, 0

    def bytes(self, size: int) -> bytes:
        self._calls += 1
        return hashlib.shake_256(f"{self._start}/{self._calls}".encode()).digest(size)


class FakeGate:
    """Hears what the file's first word says: good, review, reject; anything else is no audio."""

    def __init__(self) -> None:
        self.listened: list[str] = []

    def examine(self, path: Path) -> AudioReport:
        self.listened.append(path.name)
        word = path.read_bytes().split(b" ")[0].decode("utf-8", "replace")
        if word == "kill":
            raise Killed
        verdict = {"good": "pass", "review": "review", "reject": "reject"}.get(word)
        if verdict is None:
            raise Invalid(f"{path.name}: not audio")
        reasons = () if verdict == "pass" else ("clippedPpm 2000 is above 1000",)
        return AudioReport(3_000, 16_000, 1, "wav/pcm_16", {"verdict": verdict, "gateVersion": 1}, reasons)


class SilentProgress:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def phase(self, name: str, total_bytes: int = 0) -> None:
        self.lines.append(f"{name} {total_bytes}")

    def advance(self, size_bytes: int) -> None:
        assert size_bytes >= 0

    def note(self, text: str) -> None:
        self.lines.append(text)


@dataclass
class MemoryWallet:
    """An account with an envelope key."""

    key: documents.Key

    @property
    def signer(self) -> documents.Key:
        return self.key

    @property
    def _private(self) -> bytes:
        return documents.word("envelope key of 0x" + self.key.address.hex())

    @property
    def encryption_key(self) -> Bytes32:
        return seal.public_key(self._private)

    def open_envelope(self, envelope: bytes, info: bytes) -> bytes:
        return seal.open_envelope(self._private, envelope, info).encode()


@dataclass
class Uploader:
    """One holder's disk, and the world around it. `run` is one process from start to end."""

    root: Path
    chain: MemoryChain = field(default_factory=lambda: MemoryChain((WALLET.address,)))
    content: MemoryContent = field(default_factory=MemoryContent)
    gate: FakeGate = field(default_factory=FakeGate)
    progress: SilentProgress = field(default_factory=SilentProgress)
    wallet: documents.Key = documents.HOLDER
    runs: int = 0
    elsewhere: dict[Bytes32, DatasetId] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gateway = MemoryGateway(self.chain)
        self.agreed: list[Manifest] = []

    def file(self, name: str, text: str) -> Source:
        path = self.root / "takes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return Source(path, name)

    def takes(self, count: int = 3) -> tuple[Source, ...]:
        return tuple(self.file(f"take{i:03}.wav", f"good take number {i}") for i in range(count))

    def request(self, sources: tuple[Source, ...], **changes: object) -> Request:
        made = Request(
            title="Digits",
            kind="voice",
            language="en",
            terms=documents.terms(),
            holder=documents.HOLDER.address,
            splits=(Split(documents.HOLDER.address, BPS_ONE),),
            sources=sources,
            consents=(Given(documents.consent()),),
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    @property
    def journal_path(self) -> Path:
        return self.root / "uploads" / "one.jsonl"

    def run(self, request: Request) -> Outcome:
        self.runs += 1
        wallet = MemoryWallet(self.wallet)
        self.gateway.sender = self.wallet.address
        sealing = SealingPorts(
            content=self.content,
            keys=KeyFolder(self.root / "keys"),
            cipher=seal.Pao1(),
            gate=self.gate,
            random=CountingRandom(f"run {self.runs}"),
            wallet=wallet,
            chain=self.chain,
            progress=self.progress,
        )

        def transact(call: Call, title: str) -> Mined:
            assert title == "register dataset"
            return self.chain.send(call, wallet.signer)

        def write(name: str, data: bytes) -> Path:
            path = self.root / name
            path.write_bytes(data)
            return path

        with FileJournal(self.journal_path) as journal:
            world = UploadPorts(
                sealing=sealing,
                gateway=self.gateway,  # type: ignore[arg-type]
                journal=journal,
                transact=transact,
                agree=self.agreed.append,
                write=write,
                elsewhere=self.elsewhere,
            )
            return upload(request, world, NOW)
