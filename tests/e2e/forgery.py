"""A meter and a publisher who sign whatever a test wants: documents made with the project's own modules, put on chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provenance.adapters import segments, tally
from provenance.adapters.chain import EvmChain
from provenance.adapters.content.embedded import Embedded
from provenance.adapters.keys.keystore import KeySigner
from provenance.app.ports import Call
from provenance.app.settle import closing
from provenance.domain import canonical, cid, merkle, typed, usage
from provenance.domain.attribution import attribution_root
from provenance.domain.batch import AccessEntry, Batch, GateEntry, SegmentEntry, SessionEntry
from provenance.domain.hashes import keccak, sha256
from provenance.domain.manifest import Manifest
from provenance.domain.sealed import Sealed
from provenance.domain.settlement import documents, tables
from provenance.domain.settlement.documents import Epoch
from provenance.domain.usage import Use
from provenance.types import ZERO32, Address, Bytes32, Ppm, RecordingId, UnixMs, UnixSeconds, Wei
from tests import whole
from tests.e2e.finished_demo import FinishedDemo, command

OTHER = KeySigner(sha256(b"somebody else"))
"""A key that nobody in the demo has."""
SESSION = KeySigner(sha256(b"a session"))


@dataclass(frozen=True, slots=True)
class Genuine:
    """One session with one segment of one receipt, and one lease: everything as it should be."""

    session: SessionEntry
    segment: SegmentEntry
    file: bytes
    access: AccessEntry
    gate: GateEntry


@dataclass(frozen=True, slots=True)
class Forger:
    """Operator and publisher of a kept demo, working in a home of their own."""

    demo: FinishedDemo
    chain: EvmChain
    home: Path
    content: Embedded
    operator: KeySigner
    publisher: KeySigner
    licensee: KeySigner

    @property
    def usage(self) -> typed.Domain:
        return self.chain.deployment.domains.usage

    @property
    def access(self) -> typed.Domain:
        return self.chain.deployment.domains.access

    def batches(self) -> list[Batch]:
        store = Embedded(self.demo.content)
        found = [store.get(cid) for cid in whole.cids(store)]
        return [Batch.parse(data) for data in found if b'"format":"provenance/batch"' in data]

    def genuine(self) -> Genuine:
        """New evidence under the demo's first lease, by those who may sign it."""
        first = next(one for one in self.batches() if one.accesses)
        lease = first.accesses[0]
        now = self.chain.head().time
        session = typed.MeterSession(
            meter=self.operator.address,
            session_key=SESSION.address,
            license_id=lease.request.license_id,
            valid_from=UnixSeconds(now - 10),
            valid_until=UnixSeconds(now + 600),
            max_units=5,
            nonce=77,
        )
        of = usage.session_id(self.usage, session)
        file, segment = self.written(of, session, (self.use(of, session, lease.recordings[0]),))
        request = replace(lease.request, nonce=78)
        access = replace(lease.access, request=typed.digest(self.access, request))
        return Genuine(
            SessionEntry(session, self.licensee.sign(of)),
            self.signed(segment, file),
            file,
            self.leased(replace(lease, request=request, access=access)),
            first.gates[0],
        )

    def use(self, of: Bytes32, session: typed.MeterSession, recording: RecordingId) -> Use:
        weights = ((recording, Ppm(1_000_000)),)
        receipt = typed.UsageReceipt(
            receipt_id=usage.receipt_id(of, 0),
            session_id=of,
            seq=0,
            license_id=session.license_id,
            purpose=1 << 10,
            territory=b"DE",
            model_id=sha256(b"tiny@1"),
            output_commit=sha256(b"an output"),
            outcome=1,
            unit=1,
            units=1,
            attribution_root=attribution_root(weights),
            attribution_method=1,
            occurred_at_ms=UnixMs(session.valid_from * 1_000 + 1),
            corrects=ZERO32,
        )
        return Use(receipt, weights, 1_000_000)

    def written(
        self, of: Bytes32, session: typed.MeterSession, uses: tuple[Use, ...], *, next_seq: int = 0
    ) -> tuple[bytes, typed.Segment]:
        file = segments.write(uses)
        made = usage.segment_of(
            self.usage, of, uses, next_seq=next_seq, previous=None, file_sha256=sha256(file), last=True
        )
        return file, made

    def signed(self, segment: typed.Segment, file: bytes, *, session_key: KeySigner = SESSION) -> SegmentEntry:
        """The segment with its session's signature and the gateway's acknowledgement."""
        of = usage.segment_hash(self.usage, segment)
        at = UnixMs(self.chain.head().time * 1_000)
        ack = self.operator.sign(typed.digest(self.usage, typed.Ack(of, at)))
        return SegmentEntry(cid.of_raw(file), segment, session_key.sign(of), at, ack)

    def leased(self, entry: AccessEntry) -> AccessEntry:
        """The lease with both signatures."""
        return replace(
            entry,
            request_signature=self.licensee.sign(typed.digest(self.access, entry.request)),
            access_signature=self.operator.sign(typed.digest(self.access, entry.access)),
        )

    def anchor(self, made: Batch, **over: object) -> None:
        """The batch, whatever it holds, is behind the meter's head."""
        (head,) = self.chain.read(Call("UsageLedger", "headOf", (self.operator.address,)))
        assert isinstance(head, bytes)
        whole_batch = replace(made, prev_head=Bytes32(head)) if made.prev_head == ZERO32 else made
        found = self.content.put(whole_batch.encode())
        said = {"root": whole_batch.root(self.usage), "count": whole_batch.count} | over
        self.chain.send(Call("UsageLedger", "anchor", (head, said["root"], said["count"], found.digest)), self.operator)

    def batch(self, made: Genuine, **changes: object) -> Batch:
        whole = Batch(
            meter=self.operator.address,
            prev_head=ZERO32,
            segments=(made.segment,),
            sessions=(made.session,),
            accesses=(made.access,),
        )
        self.content.put(made.file)
        return replace(whole, **changes)  # type: ignore[arg-type]

    def closed(self) -> Epoch:
        """The next epoch as an honest operator would publish it."""
        return closing.close(self.chain, self.chain, self.content, tally.engine())

    def propose(self, epoch: Epoch, **over: object) -> None:
        manifest = closing.commit(epoch, self.content)
        call = closing.proposal(replace(epoch, **over), manifest)  # type: ignore[arg-type]
        self.chain.send(call, self.publisher)

    def restated(self, epoch: Epoch, name: str, change: Callable[[bytes], bytes]) -> Epoch:
        """The epoch with one document changed, and named by its manifest as if it were right."""
        data = change(epoch.documents[name])
        assert data != epoch.documents[name]
        named = {"cid": str(cid.of_raw(data)), "root": "0x" + tables.root(data).hex()}
        return self.manifested(
            replace(epoch, documents={**epoch.documents, name: data}), lambda one: {**one, name: {**one[name], **named}}
        )

    def manifested(self, epoch: Epoch, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> Epoch:
        """The epoch with another manifest."""
        body = dict(canonical.parse(epoch.manifest, kind="provenance/epoch"))
        fields = {name: value for name, value in change(body).items() if name not in ("format", "version")}
        return replace(epoch, manifest=canonical.encode("provenance/epoch", 1, fields))

    def stolen(self, thief: Address) -> Manifest:
        """Somebody's manifest under another holder, consents included."""
        stored = (self.content.get(one) for one in whole.cids(self.content))
        manifest = Manifest.parse(next(data for data in stored if b'"format":"provenance/manifest"' in data))

        def resealed(sealed: Sealed) -> Sealed:
            return replace(sealed, header=replace(sealed.header, holder=thief))

        recordings = tuple(replace(one, sealed=resealed(one.sealed)) for one in manifest.recordings)
        private = replace(manifest.private, sealed=resealed(manifest.private.sealed))
        return replace(manifest, holder=thief, recordings=recordings, private=private)

    def audit(self, status: int = 0) -> Any:
        return self.act("audit", "run", status=status)

    def act(self, *arguments: str, status: int = 0) -> Any:
        """What a command printed that sees this home's content; every account of the demo is in it."""
        return command(*arguments, "--config", str(self.demo.settings), "--home", str(self.home), status=status)

    def later(self, seconds: int) -> None:
        """The chain's clock is so much further, and a block says so."""
        self.chain.node.rpc.call("evm_increaseTime", seconds)
        self.chain.node.rpc.call("evm_mine")

    def tokens(self, name: str) -> int:
        (found,) = self.chain.read(Call("Token", "balanceOf", (self.demo.wallet(name).signer.address,)))
        assert isinstance(found, int)
        return found


def one_more(forger: Forger) -> None:
    """Somebody's leaf is one unit higher, with every document to match."""
    closed = forger.closed()
    carry = closed.decision.carry
    payee = min(carry.cumulative)
    more = replace(carry, cumulative={**carry.cumulative, payee: Wei(carry.cumulative[payee] + 1)})
    decision = replace(closed.decision, carry=more)
    forger.propose(documents.publish(decision, cid.of_raw, "duckdb"))


def unsorted_root(epoch: Epoch) -> Bytes32:
    """A root over the right leaves in a wrong order."""
    inputs = epoch.decision.inputs
    leaves = [
        merkle.leaf(inputs.chain_id, inputs.distributor, payee, amount)
        for payee, amount in sorted(epoch.decision.carry.cumulative.items())
    ]
    level = leaves
    while len(level) > 1:
        level = [keccak(b"".join(level[i : i + 2])) for i in range(0, len(level), 2)]
    return level[0]


__all__ = ["OTHER", "SESSION", "Forger", "Genuine", "one_more", "unsorted_root"]
