"""How is an epoch closed? Gathered at the last final block, decided, put as content, proposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provenance.app import pending
from provenance.app.ports import Call, Chain, Content, Events, Mined, Signer
from provenance.app.settle import reading
from provenance.app.settle.gathering import gather, standing
from provenance.domain import events as e, fields
from provenance.domain.ledger import ChainBlock, Ledger, Settlement
from provenance.domain.settlement import deciding, documents
from provenance.errors import Broken, Conflict, Missing
from provenance.types import ZERO32, BlockNumber, Bytes32

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.app.settle.batches import SegmentReader
    from provenance.app.settle.reading import Published
    from provenance.domain.cid import Cid
    from provenance.domain.settlement.deciding import Count
    from provenance.domain.settlement.documents import Epoch
    from provenance.domain.settlement.facts import Inputs

_SETTLING: Final = (e.SettlementProposed, e.SettlementVetoed, e.SettlementChallenged, e.ChallengeResolved)
_SETTLED: Final = (e.UsageAnchored, e.Funded)


class StillOpen(Conflict):
    """The last proposed epoch is not active yet."""

    code = "epoch-still-open"
    next = (
        "Wait until its window is over, then repeat; on a devnet `provenance devnet advance SECONDS` moves the clock."
    )


class NothingToSettle(Conflict):
    """Nobody has earned anything yet, so there is no root to propose."""

    next = "Anchor usage first (`provenance node anchor`); money and receipts must be on chain."


@dataclass(frozen=True, slots=True)
class Engine:
    """What a decision needs of tools: a counter, a reader of segment files, content addresses."""

    name: str
    count: Count
    read_uses: SegmentReader
    address: Callable[[bytes], Cid]


@dataclass(frozen=True, slots=True)
class Proposed:
    """An epoch on chain, waiting for its window."""

    epoch: Epoch
    manifest: Cid
    mined: Mined


@dataclass(frozen=True, slots=True)
class Waiting:
    """An epoch that was proposed already and waits for its window."""

    settlement: Settlement
    published: Published


def decide(inputs: Inputs, engine: Engine, *, name: str | None = None) -> Epoch:
    """The epoch that these facts make, with every document's bytes.

    Args:
        inputs: the facts.
        engine: who counts; the result does not depend on it.
        name: the informative `engine` of the manifest to reproduce; the engine's own if None.
    """
    return documents.publish(
        deciding.decide(inputs, engine.count), engine.address, engine.name if name is None else name
    )


def commit(epoch: Epoch, content: Content) -> Cid:
    """Every document of the epoch is content, the manifest last; returns the manifest's address."""
    for data in epoch.documents.values():
        content.put(data)
    return content.put(epoch.manifest)


def proposal(epoch: Epoch, manifest: Cid) -> Call:
    """The call that proposes an epoch's root."""
    return Call(
        "RoyaltyDistributor", "propose", (epoch.number, epoch.root, epoch.total, epoch.usage_head, manifest.digest)
    )


def ruleset_hash(chain: Chain, *, at: BlockNumber | None = None) -> Bytes32:
    """The hash of the rules that the distributor holds for ever."""
    (found,) = chain.read(Call("RoyaltyDistributor", "rulesetHash", ()), at=at)
    if not isinstance(found, bytes):
        raise Broken("rulesetHash is not 32 bytes")
    return found  # type: ignore[return-value]  # bytes32 by the ABI


def waiting(events: Events, content: Content, head: ChainBlock) -> Waiting | None:
    """The proposed epoch that settling at this block would only repeat: what a run after a crash finds.

    It is in its window and unchallenged, its documents are here, and since its cutoff nothing was
    anchored or funded. None if there is no such epoch.

    Args:
        events: the chain's facts.
        content: where the publisher put its documents.
        head: the chain's present block.
    """
    ledger, newest = Ledger(), 0
    for logged in events.upto(head.number):
        if isinstance(logged.event, _SETTLING):
            ledger.add(logged)
        elif isinstance(logged.event, _SETTLED):
            newest = logged.block.number
    last = standing(ledger)
    if last is None or last.disputed or last.active_at <= head.time:
        return None
    try:
        found = reading.published(content, last.proposed.event.manifest_digest)
    except Missing:
        return None  # another publisher's
    cutoff = fields.integer(fields.mapping(found.manifest, "cutoffBlock"), "number", bits=53)
    return Waiting(last, found) if newest <= cutoff else None


def close(chain: Chain, events: Events, content: Content, engine: Engine, *, by_exit: bool = False) -> Epoch:
    """The epoch up to the last final block is decided; nothing is put or sent.

    Args:
        chain: where it would be proposed.
        events: the chain's facts, from the mirror or from the node.
        content: where earlier documents are.
        engine: counts and reads.
        by_exit: whether another than the publisher would propose it, whose root takes the place of none.

    Raises:
        StillOpen: the last proposal's window or challenge is not over, or its block is not final.
        NothingToSettle: no payee has a leaf.
    """
    cutoff = chain.head(final=True)
    _refuse_open(chain, events, cutoff, by_exit=by_exit)
    closed = decide(
        gather(
            events,
            content,
            chain.deployment,
            cutoff,
            ruleset_hash=ruleset_hash(chain),
            read_uses=engine.read_uses,
        ),
        engine,
    )
    if closed.root == ZERO32:
        raise NothingToSettle("no payee has a leaf yet", epoch=str(closed.number))
    return closed


def epoch(chain: Chain, events: Events, content: Content, publisher: Signer, engine: Engine) -> Proposed:
    """The epoch up to the last final block is decided, published and proposed.

    Run again after a crash it decides the same or a later epoch; what the chain already has is not
    proposed twice.

    Args:
        chain: where it is proposed.
        events: the chain's facts, from the mirror or from the node.
        content: where its documents go.
        publisher: proposes the root.
        engine: counts and reads.

    Raises:
        StillOpen: the last proposal's window or challenge is not over, or its block is not final.
        NothingToSettle: no payee has a leaf.
    """
    closed = close(chain, events, content, engine)
    manifest = commit(closed, content)
    return Proposed(closed, manifest, chain.send(proposal(closed, manifest), publisher))


def gives_way(chain: Chain, last: Settlement) -> bool:
    """Whether the publisher's proposal would take the place of an open one: of one by the exit, unless challenged."""
    kept = pending.settlement(chain, last.epoch)
    return kept is not None and kept.root == last.root and kept.by_exit and kept.status == pending.PROPOSED


def _refuse_open(chain: Chain, events: Events, final: ChainBlock, *, by_exit: bool) -> None:
    """The last proposal is final, active and unchallenged, or the next takes its place."""
    settling = [logged for logged in events.upto(chain.head().number) if isinstance(logged.event, _SETTLING)]
    last = standing(Ledger.fold(settling))
    if any(logged.block.number > final.number for logged in settling):
        raise StillOpen("the chain's last word on a settlement is not final yet")
    if last and last.disputed:
        raise StillOpen(f"epoch {last.epoch} is under challenge", epoch=str(last.epoch))
    if last and last.active_at > final.time and (by_exit or not gives_way(chain, last)):
        raise StillOpen(f"epoch {last.epoch} is active from {fields.dated(last.active_at)} on", activeAt=last.active_at)
