"""How does a gateway fix everything it acknowledged on chain, once, whatever dies on the way?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from provenance.app.ports import Call
from provenance.domain import batch as batches
from provenance.errors import Broken, Denied
from provenance.types import ZERO32, Bytes32

if TYPE_CHECKING:
    from provenance.app.ports import Chain, Content, Mined, Signer
    from provenance.domain.batch import Batch
    from provenance.domain.cid import Cid
    from provenance.types import Address

_REMOVED = Bytes32((1).to_bytes(32, "big"))


class NotAdmitted(Denied):
    """The account is no meter of this ledger."""

    code = "not-a-meter"
    next = "The ledger's owner admits meters; a removed one needs another key."


class Outbox(Protocol):
    """What the gateway acknowledged, opened and judged, and which batch each of it went into."""

    def after(self, head: Bytes32) -> Batch | None:
        """The batch that was written down to follow this head, if there is one."""
        ...

    def close(self, meter: Address, head: Bytes32) -> Batch | None:
        """Everything that no batch holds yet, written down as the one that follows this head; None if nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Anchored:
    """A batch on chain."""

    batch: Batch
    cid: Cid
    mined: Mined


def anchor(chain: Chain, content: Content, outbox: Outbox, meter: Signer) -> Anchored | None:
    """Everything pending is one batch, content first, then on chain; None if nothing is pending.

    The chain's head decides what is pending: a batch that was written down and never mined is sent
    again with the same bytes, one that was mined is never sent twice.

    Raises:
        NotAdmitted: the account is no meter.
    """
    head = head_of(chain, meter.address)
    if head in (ZERO32, _REMOVED):
        raise NotAdmitted(f"0x{meter.address.hex()} is no meter of this ledger", meter="0x" + meter.address.hex())
    batch = outbox.after(head) or outbox.close(meter.address, head)
    if batch is None:
        return None
    if batch.prev_head != head or batch.meter != meter.address:
        raise Broken("the batch written down follows another head", head="0x" + head.hex())
    cid = content.put(batch.encode())
    root = batch.root(chain.deployment.domains.usage)
    mined = chain.send(Call("UsageLedger", "anchor", (head, root, batch.count, cid.digest)), meter)
    expected = batches.head(head, root, batch.count, cid.digest)
    if head_of(chain, meter.address) != expected:
        raise Broken("the ledger's head is not the batch's", expected="0x" + expected.hex())
    return Anchored(batch, cid, mined)


def head_of(chain: Chain, meter: Address) -> Bytes32:
    """The meter's head on chain; zero if it was never admitted."""
    (found,) = chain.read(Call("UsageLedger", "headOf", (meter,)))
    if not isinstance(found, bytes) or len(found) != 32:
        raise Broken("headOf is not 32 bytes")
    return Bytes32(found)
