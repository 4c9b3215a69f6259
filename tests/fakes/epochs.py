"""A small world of licenses, recordings and sessions, from which settlement tests take their facts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from provenance.domain import attribution, cid, typed, usage
from provenance.domain.hashes import sha256
from provenance.domain.ledger import ChainBlock
from provenance.domain.rules.case import ConsentFacts, Extent
from provenance.domain.settlement import deciding, documents
from provenance.domain.settlement.carry import Carry
from provenance.domain.settlement.facts import (
    Anchored,
    Attributed,
    Funding,
    Inputs,
    License,
    Method,
    Opened,
    Place,
    Recording,
    Ruleset,
    Ruling,
    Session,
)
from provenance.domain.settlement.scoring import Row
from provenance.domain.splits import Split
from provenance.domain.terms import Caps
from provenance.domain.usage import Outcome, Unit, Use
from provenance.types import ZERO32, Address, BlockNumber, Bps, Bytes32, Ppm, UnixMs, UnixSeconds, Wei

DOMAIN = typed.Domain("UsageLedger", 31337, Address(b"\x0c" * 20))
DISTRIBUTOR = Address(b"\xd1" * 20)
TOKEN = Address(b"\x70" * 20)
METER = Address(b"\x3e" * 20)
FEE_PAYEE = Address(b"\xfe" * 20)
DAY = 86_400


def name(text: str) -> Bytes32:
    return sha256(text.encode())


def account(text: str) -> Address:
    return Address(sha256(text.encode())[:20])


def block(number: int) -> ChainBlock:
    """Block n stands at second 1,000 n."""
    return ChainBlock(BlockNumber(number), sha256(b"block" + bytes([number])), UnixSeconds(1_000 * number))


def place(number: int, log: int = 0) -> Place:
    return Place(BlockNumber(number), log, UnixSeconds(1_000 * number))


def python_count(rows: Any) -> dict[tuple[Bytes32, Bytes32], int]:
    sums: dict[tuple[Bytes32, Bytes32], int] = defaultdict(int)
    for row in rows:
        assert isinstance(row, Row)
        sums[row.license_id, row.recording_id] += row.units * row.ppm
    return sums


@dataclass
class World:
    """Everything is added by a verb; `inputs` freezes it."""

    fee_bps: int = 500
    grace_s: int = 0
    epoch: int = 1
    start: int = 1
    cutoff: int = 50
    carry: Carry = field(default_factory=Carry)
    licenses: dict[Bytes32, License] = field(default_factory=dict)
    recordings: dict[Bytes32, Recording] = field(default_factory=dict)
    splits: dict[Bytes32, tuple[Split, ...]] = field(default_factory=dict)
    sessions: dict[Bytes32, Session] = field(default_factory=dict)
    segments: list[Anchored] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)
    attributed: dict[tuple[Bytes32, Address], Attributed] = field(default_factory=dict)
    fundings: list[Funding] = field(default_factory=list)
    ruling: Ruling = field(default_factory=Ruling)
    last: dict[Bytes32, typed.Segment] = field(default_factory=dict)
    earlier: dict[Bytes32, Use] = field(default_factory=dict)

    def license(self, text: str, *, per_unit: int = 100, end: int = 1_000, **more: Any) -> Bytes32:
        given = License(
            id=name(text),
            dataset_id=name("dataset of " + text),
            holder=account("holder"),
            licensee=account("licensee of " + text),
            extent=Extent(2, 2, ("WW",), UnixSeconds(0), UnixSeconds(1_000 * end), Unit.OUTPUT, Caps()),
            terms_hash=ZERO32,
            per_unit=Wei(per_unit),
            method=1,
            attributor=None,
            end=UnixSeconds(1_000 * end),
            granted=place(2),
        )
        within = {field: more.pop(field) for field in Extent.__slots__ if field in more}
        self.licenses[given.id] = replace(given, extent=replace(given.extent, **within), **more)
        return given.id

    def recording(
        self, text: str, *, split: dict[str, int] | None = None, holder: str = "holder", **more: Any
    ) -> Bytes32:
        dataset = name("dataset holding " + text)
        given = Recording(
            name(text), dataset, account(holder), place(2), 0, verdict=0, cluster=name("cluster of " + text)
        )
        self.recordings[given.id] = replace(given, **more)
        shares = split or {text: 10_000}
        self.splits[dataset] = tuple(sorted(Split(account(who), Bps(bps)) for who, bps in shares.items()))
        return given.id

    def open(self, license_: Bytes32, *recordings: Bytes32, at: int = 3) -> None:
        self.opened += [Opened(license_, recording, place(at)) for recording in recordings]

    def fund(self, memo: Bytes32, amount: int, *, at: int = 4, sender: str = "sender") -> None:
        self.fundings.append(Funding(memo, account(sender), Wei(amount), place(at)))

    def session(self, license_: Bytes32, *, max_units: int = 1_000, until: int = 900, nonce: int = 0) -> Bytes32:
        session = typed.MeterSession(
            METER, account("key"), license_, UnixSeconds(4_000), UnixSeconds(1_000 * until), max_units, nonce
        )
        of = usage.session_id(DOMAIN, session)
        self.sessions[of] = Session(of, session, UnixSeconds(min(1_000 * until, self.licenses[license_].end)))
        return of

    def use(self, session: Bytes32, seq: int, weights: dict[Bytes32, int] | None = None, **more: Any) -> Use:
        quality = more.pop("quality_ppm", 1_000_000)
        listed = tuple((recording, Ppm(ppm)) for recording, ppm in sorted((weights or {}).items()))
        receipt = typed.UsageReceipt(
            receipt_id=usage.receipt_id(session, seq),
            session_id=session,
            seq=seq,
            license_id=self.sessions[session].session.license_id,
            purpose=2,
            territory=b"DE",
            model_id=name("model"),
            output_commit=name(f"output {seq}"),
            outcome=Outcome.DELIVERED,
            unit=Unit.OUTPUT,
            units=1,
            attribution_root=attribution.attribution_root(listed),
            attribution_method=1 if listed else 0,
            occurred_at_ms=UnixMs(5_000_000),
            corrects=ZERO32,
        )
        return Use(replace(receipt, **more), listed, quality)

    def segment(self, session: Bytes32, *uses: Use, at: int = 10, last: bool = False, first: int | None = None) -> None:
        previous = self.last.get(session)
        start = uses[0].receipt.seq if uses else usage.following(previous) if previous else 0
        segment = usage.segment_of(
            DOMAIN,
            session,
            uses,
            next_seq=start if first is None else first,
            previous=previous,
            file_sha256=ZERO32,
            last=last,
        )
        self.last[session] = segment
        self.segments.append(
            Anchored(
                usage.segment_hash(DOMAIN, segment),
                cid.of_raw(segment.receipts_root),
                segment,
                tuple(uses),
                UnixMs(1_000_000 * at),
                place(at, len(self.segments)),
            )
        )

    def used(self, license_: Bytes32, *each: dict[Bytes32, int] | None, at: int = 10, **more: Any) -> Bytes32:
        """One session with one receipt per weight list, closed."""
        session = self.session(license_, nonce=len(self.sessions))
        uses = [self.use(session, seq, weights, **more) for seq, weights in enumerate(each)]
        self.segment(session, *uses, at=at, last=True)
        return session

    def consent(self, text: str, *, revoked: int | None = None) -> ConsentFacts:
        return ConsentFacts(
            name(text),
            account("voice of " + text),
            account("holder"),
            2,
            ("WW",),
            UnixSeconds(0),
            UnixSeconds(2_000_000),
            None if revoked is None else UnixSeconds(1_000 * revoked),
        )

    def inputs(self) -> Inputs:
        return Inputs(
            chain_id=31337,
            distributor=DISTRIBUTOR,
            token=TOKEN,
            epoch=self.epoch,
            start=block(self.start),
            cutoff=block(self.cutoff),
            usage_head=ZERO32,
            ruleset=Ruleset(Bps(self.fee_bps), FEE_PAYEE, self.grace_s, Ppm(0), (Method(1, Ppm(500_000)),)),
            carry=self.carry,
            licenses=self.licenses,
            recordings=self.recordings,
            splits=self.splits,
            sessions=self.sessions,
            segments=tuple(sorted(self.segments, key=lambda one: one.at)),
            opened=tuple(self.opened),
            attributed=self.attributed,
            fundings=tuple(self.fundings),
            ruling=self.ruling,
            earlier=self.earlier,
        )

    def decide(self) -> deciding.Decision:
        return deciding.decide(self.inputs(), python_count)

    def publish(self) -> documents.Epoch:
        return documents.publish(self.decide(), cid.of_raw, "python")

    def next(self, decision: deciding.Decision, *, cutoff: int) -> World:
        """The same world one epoch later; what was anchored stays behind, the rest is known."""
        return replace(self, epoch=self.epoch + 1, start=self.cutoff, cutoff=cutoff, carry=decision.carry, segments=[])


def paid(decision: deciding.Decision) -> dict[Address, int]:
    """What each payee is credited from dues."""
    sums: dict[Address, int] = defaultdict(int)
    for credit in decision.credits:
        if credit.cause == "share":
            sums[credit.payee] += credit.amount
    return dict(sums)


def caused(decision: deciding.Decision, cause: str) -> int:
    return sum(credit.amount for credit in decision.credits if credit.cause == cause)
