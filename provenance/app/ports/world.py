"""The ports to chain, content, keys and the machine.

Each port is one role; adapters are named by the tool behind them. Every fake passes the same suite
under `tests/ports` as the real thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from provenance.domain.cid import Cid
from provenance.domain.fields import decimal
from provenance.domain.ledger import ChainBlock, Logged
from provenance.domain.private import UNMARKED, Marks
from provenance.domain.sealed import Header, Sealed, Secret
from provenance.domain.typed import Domain, Domains, Struct
from provenance.types import Address, BlockNumber, Bytes32, Json, UnixMs, UnixSeconds, Wei

ContractName = Literal[
    "DatasetRegistry",
    "ConsentRegistry",
    "DataAccess",
    "UsageLedger",
    "ArtifactRegistry",
    "RoyaltyDistributor",
    "Token",
]


class TokenUnit(NamedTuple):
    """What one whole token is, in base units, and how people call it."""

    decimals: int
    symbol: str

    def words(self, base_units: int) -> str:
        """An amount as people read it, such as `12.5 TUSD`."""
        return f"{decimal(base_units, self.decimals)} {self.symbol}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where one network's contracts are, and since which block."""

    chain_id: int
    first_block: BlockNumber
    contracts: dict[ContractName, Address]
    domains: Domains
    token: TokenUnit
    """As the deployment document says it; no node is believed that says otherwise."""


@dataclass(frozen=True, slots=True)
class Call:
    """One contract call: arguments in ABI order, bytes as bytes, structs as tuples."""

    contract: ContractName
    function: str
    args: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a transaction would cost at present.

    Attributes:
        gas: the estimate.
        fee_wei: what the sender must hold for it: its gas limit, which leaves room, at the highest fee it offers.
        gas_price_wei: that highest fee, for one unit of gas.
    """

    gas: int
    fee_wei: Wei
    gas_price_wei: Wei


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction on chain and the events it left."""

    tx: Bytes32
    block: ChainBlock
    gas_used: int
    logs: tuple[Logged, ...]


class Clock(Protocol):
    """Host time plus the devnet's lead."""

    def now(self) -> UnixSeconds: ...
    def now_ms(self) -> UnixMs: ...


class Random(Protocol):
    """Secrets and nonces."""

    def bytes(self, size: int) -> bytes: ...


class Signer(Protocol):
    """One account's signing key."""

    @property
    def address(self) -> Address: ...

    def sign(self, digest: Bytes32) -> bytes:
        """65 bytes r ‖ s ‖ v, v 27 or 28, low s."""

    def sign_typed(self, domain: Domain, struct: Struct) -> bytes:
        """The same of the EIP-712 digest of `struct`: where a person signs, not where a machine does all day."""


class Chain(Protocol):
    """One EVM node and one deployment. Answers are checked against the deployment's chain id."""

    @property
    def deployment(self) -> Deployment: ...

    def head(self, *, final: bool = False) -> ChainBlock:
        """The latest block, or with `final` the newest one that the network's `finality` setting trusts."""

    def block(self, number: BlockNumber) -> ChainBlock: ...

    def events(self, first: BlockNumber, last: BlockNumber) -> Iterator[Logged]:
        """Every event of our contracts in [first, last], in chain order."""

    def about(self, *subjects: bytes) -> tuple[Logged, ...]:
        """Every event with one of these ids (32 bytes) or accounts (20) as an indexed argument, once, in chain order."""

    def read(
        self,
        call: Call,
        *,
        at: BlockNumber | None = None,
        sender: Address | None = None,
    ) -> tuple[object, ...]:
        """The call's results; `Reverted` names the custom error."""

    def calls(self, tx: Bytes32, contract: ContractName, *functions: str) -> tuple[Call, ...]:
        """The calls of these functions in a mined transaction's bytes, also those that a contract wallet makes by it.

        Bytes that only look like such a call are among them: who asks compares what they say.
        """

    def cost(self, call: Call, sender: Address) -> Cost: ...

    def send(self, call: Call, signer: Signer) -> Mined:
        """Mined with status 1, or `Reverted` before anything is sent."""

    def has_code(self, address: Address) -> bool: ...


class Content(Protocol):
    """Bytes under content addresses; every byte served was hashed first."""

    def put(self, data: bytes) -> Cid: ...

    def put_file(self, path: Path) -> Cid: ...

    def put_chunks(self, parts: Iterable[bytes]) -> Cid:
        """A stream of any length is kept; memory is one leaf."""

    def get(self, cid: Cid, *, limit: int = 64 << 20) -> bytes:
        """The bytes; `Missing` if nobody has them, `Failed` if only wrong copies exist."""

    def get_digest(self, digest: Bytes32, *, limit: int = 64 << 20) -> tuple[Cid, bytes]:
        """The document whose root block has this sha-256."""

    def chunks(self, cid: Cid, *, start: int = 0, length: int | None = None) -> Iterator[bytes]: ...

    def has(self, cid: Cid) -> bool: ...

    def size(self, cid: Cid) -> int: ...

    def remove(self, cid: Cid) -> None: ...


class Journal(Protocol):
    """Append-only JSONL; what `append` returned from is on disk."""

    def append(self, entry: dict[str, Json]) -> None: ...
    def entries(self) -> Iterator[dict[str, Json]]: ...


class Progress(Protocol):
    """Where a long command is."""

    def phase(self, name: str, total_bytes: int = 0) -> None: ...
    def advance(self, size_bytes: int) -> None: ...
    def note(self, text: str) -> None: ...


class Events(Protocol):
    """The chain's facts in order, from a node (audit) or from the mirror (operator): same answers."""

    def upto(self, last: BlockNumber) -> Iterable[Logged]: ...
    def block(self, number: BlockNumber) -> ChainBlock: ...


class Wallet(Protocol):
    """One account: its signature and its envelope key."""

    @property
    def signer(self) -> Signer: ...

    @property
    def encryption_key(self) -> Bytes32:
        """X25519 public key."""

    def open_envelope(self, envelope: bytes, info: bytes) -> bytes:
        """The plaintext (CEK ‖ salt) of an HPKE envelope sealed to this wallet."""


class Sealing(Protocol):
    """One plaintext on its way in."""

    def seal(self, plaintext: Iterable[bytes]) -> Iterator[bytes]: ...

    def sealed(self) -> Sealed:
        """What the manifest says of it, after `seal` was read to its end."""


class Opening(Protocol):
    """One ciphertext on its way out."""

    def open(self, ciphertext: Iterable[bytes]) -> Iterator[bytes]:
        """Every segment in order; `Failed` where one, or the whole, is not what was committed to."""


class Cipher(Protocol):
    """PAO1 and its envelopes; keys, salts and nonces are arguments."""

    def sealing(self, header: Header, secret: Secret) -> Sealing: ...

    def opening(self, sealed: Sealed, secret: Secret) -> Opening:
        """Ready to open; `Failed` if the key is not the one committed to."""

    def envelope(self, public_key: Bytes32, secret: Secret, info: bytes) -> bytes: ...


class Keys(Protocol):
    """This party's own envelopes, one document per object and key; what `keep` returned from is on disk."""

    def keep(self, object_id: Bytes32, document: bytes, version: int = 1) -> None: ...

    def find(self, object_id: Bytes32, version: int = 1) -> bytes:
        """The document, or `Missing`."""


@dataclass(frozen=True, slots=True)
class AudioReport:
    """One audio file, listened to: what a manifest says of it."""

    duration_ms: int
    sample_rate: int
    channels: int
    codec: str
    quality: dict[str, Json]
    """Metrics as integers, with `verdict` and `gateVersion`."""
    reasons: tuple[str, ...] = ()
    """For `review` and `reject`: each metric and its limit, in words."""
    marks: Marks = UNMARKED
    """Never public: they say something of the plaintext."""


class AudioGate(Protocol):
    """Decodes and judges audio files."""

    def examine(self, path: Path) -> AudioReport:
        """What was heard; `Invalid` if it is no audio, or not all of it can be read."""
