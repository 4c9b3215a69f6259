"""Checks that everybody was paid what the recorded usage says, to the unit.

Each standing epoch is decided again from the facts up to its cutoff, and compared byte by byte with
what was published and proposed.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from provenance.app import settle
from provenance.app.audit.evidence import Evidence, judge
from provenance.app.ports import Call
from provenance.app.settle.closing import ruleset_hash
from provenance.domain import canonical, fields
from provenance.errors import Failed
from provenance.types import Address, BlockNumber

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provenance.app.settle import Engine, Published
    from provenance.app.settle.reading import Leaves
    from provenance.domain.events import RoyaltyClaimed
    from provenance.domain.ledger import Fact, Settlement
    from provenance.domain.verdict import Check


EPOCH_CHECKS: Final = frozenset({"cutoffs", "settlements", "statements", "trees"})


def checks(evidence: Evidence, engine: Engine) -> Iterator[Check]:
    """Cutoffs, settlements, statements, trees, claims and solvency."""
    yield from epochs(evidence, engine, evidence.standing)
    yield claims(evidence)
    yield judge("solvency", [evidence], _solvency, lambda _: "the distributor", "distributor holds what it still owes")


def epochs(evidence: Evidence, engine: Engine, asked: Sequence[Settlement]) -> Iterator[Check]:
    """The checks `EPOCH_CHECKS` of these epochs; each epoch is decided from what the one before it published."""

    def call(settlement: Settlement) -> str:
        return f"epoch {settlement.epoch}"

    yield judge(
        "cutoffs",
        asked,
        lambda settlement: _cutoff(evidence, settlement),
        call,
        "epochs end at a block of this chain",
        singular="epoch ends at a block of this chain",
    )
    yield judge(
        "settlements",
        asked,
        lambda settlement: _settlement(evidence, settlement, engine),
        call,
        "epochs decided again: dues, holds, fees, pots and every document are the same bytes",
    )
    yield judge(
        "statements",
        asked,
        lambda settlement: _statements(evidence, settlement),
        call,
        "epochs whose statements sum to their growth",
        singular="epoch whose statements sum to its growth",
    )
    yield judge(
        "trees",
        asked,
        lambda settlement: _tree(evidence, settlement),
        call,
        "trees give the proposed root and total",
        singular="tree gives the proposed root and total",
    )


def claims(evidence: Evidence) -> Check:
    """Each claim paid its payee's growth up to the leaf of its epoch."""
    return judge(
        "claims",
        evidence.ledger.claims,
        _Claims(evidence).look,
        lambda claim: f"claim of {fields.checksummed(claim.event.payee)} in block {claim.number}",
        "claims paid the leaf's growth, each unit once",
    )


def _published(evidence: Evidence, settlement: Settlement) -> Published:
    return settle.published(evidence.content, settlement.proposed.event.manifest_digest)


def _cutoff(evidence: Evidence, settlement: Settlement) -> None:
    published = _published(evidence, settlement)
    number = _cutoff_number(published, settlement)
    if evidence.block(number).hash != fields.word(fields.mapping(published.manifest, "cutoffBlock"), "hash"):
        raise Failed(f"its cutoff block {number} has another hash on this chain")


def _cutoff_number(published: Published, settlement: Settlement) -> BlockNumber:
    number = fields.integer(fields.mapping(published.manifest, "cutoffBlock"), "number", bits=53)
    if number >= settlement.proposed.number:
        raise Failed(f"its cutoff block {number} is not before its proposal in block {settlement.proposed.number}")
    return BlockNumber(number)


def _settlement(evidence: Evidence, settlement: Settlement, engine: Engine) -> None:
    event, published = settlement.proposed.event, _published(evidence, settlement)
    inputs = settle.gather(
        evidence,
        evidence.content,
        evidence.chain.deployment,
        evidence.block(_cutoff_number(published, settlement)),
        ruleset_hash=ruleset_hash(evidence.chain, at=evidence.head.number),
        read_uses=engine.read_uses,
    )
    named = published.manifest.get("engine")
    epoch = settle.decide(inputs, engine, name=named if isinstance(named, str) else "")
    for name, document in epoch.documents.items():
        if settle.document(evidence.content, published, name) != document:
            raise Failed(f"the facts do not give its {name} ({published.named(name)})")
    stored = evidence.content.get(published.cid)
    if stored != epoch.manifest:
        raise Failed(f"its manifest ({published.cid}) differs in {_difference(stored, epoch.manifest)}")
    if (event.root, event.total, event.usage_head) != (epoch.root, epoch.total, epoch.usage_head):
        raise Failed(f"proposed are {event.total} under {fields.shown(event.root)}, due are {epoch.total}")


def _difference(stored: bytes, computed: bytes) -> str:
    """The first field, in order of names, in which two manifests differ."""
    theirs, ours = (canonical.parse(document, kind="provenance/epoch") for document in (stored, computed))
    names = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
    return names[0] if names else "its spelling"


def _statements(evidence: Evidence, settlement: Settlement) -> None:
    """Every line's shares give its sums, and all lines together the growth of the epoch's total."""
    rows = settle.statements(evidence.content, _published(evidence, settlement))
    nets = sum(fields.integer(row, "net", bits=256) for row in rows)
    totals = (other.proposed.event.total for other in evidence.standing if other.epoch < settlement.epoch)
    growth = settlement.proposed.event.total - max(totals, default=0)
    if nets != growth:
        raise Failed(f"its statements sum to {nets}, its total grew by {growth}")


def _tree(evidence: Evidence, settlement: Settlement) -> None:
    event = settlement.proposed.event
    leaves = settle.leaves(evidence.content, _published(evidence, settlement), root=event.root)
    if leaves.total != event.total:
        raise Failed(f"its leaves sum to {leaves.total}, proposed is {event.total}")
    deployment = evidence.chain.deployment
    if (leaves.chain_id, leaves.distributor) != (deployment.chain_id, deployment.contracts["RoyaltyDistributor"]):
        raise Failed("its tree is for another chain or distributor")


class _Claims:
    """The claims in the chain's order: what each payee was paid before, and every epoch's leaves once."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.paid: dict[Address, int] = defaultdict(int)
        self.leaves_by_epoch: dict[int, Leaves] = {}

    def look(self, fact: Fact[RoyaltyClaimed]) -> None:
        """The claim pays up to its epoch's leaf, from what this payee's claims paid before."""
        event, before = fact.event, self.paid[fact.event.payee]
        self.paid[event.payee] += event.amount
        if before + event.amount != event.cumulative:
            raise Failed(f"paid {event.amount} after {before}, but its cumulative is {event.cumulative}")
        leaf = self._leaves(event.epoch).cumulative.get(event.payee, 0)
        if event.cumulative > leaf:
            raise Failed(f"paid up to {event.cumulative}, its leaf is {leaf}")

    def _leaves(self, epoch: int) -> Leaves:
        if epoch not in self.leaves_by_epoch:
            settlement = next((each for each in self.evidence.standing if each.epoch == epoch), None)
            if settlement is None:
                raise Failed(f"paid on epoch {epoch}, which does not stand")
            published, root = _published(self.evidence, settlement), settlement.proposed.event.root
            self.leaves_by_epoch[epoch] = settle.leaves(self.evidence.content, published, root=root)
        return self.leaves_by_epoch[epoch]


def _solvency(evidence: Evidence) -> None:
    """Funded covers the active total, and the token's own books cover what is not paid out yet."""
    funded = sum(fact.event.received for fact in evidence.ledger.fundings)
    paid_by_payee: dict[Address, int] = defaultdict(int)
    for fact in evidence.ledger.claims:
        paid_by_payee[fact.event.payee] += fact.event.amount
    paid = sum(paid_by_payee.values())
    total = max((settlement.proposed.event.total for settlement in evidence.standing), default=0)
    if not paid <= total <= funded:
        raise Failed(f"paid {paid}, total {total}, funded {funded}: not in rising order")
    distributor, head = evidence.chain.deployment.contracts["RoyaltyDistributor"], evidence.head.number
    (held,) = evidence.chain.read(Call("Token", "balanceOf", (distributor,)), at=head)
    if not isinstance(held, int) or held < funded - paid:
        raise Failed(f"it holds {held}, but {funded - paid} is not paid out")
    for payee, amount in sorted(paid_by_payee.items()):
        (claimed,) = evidence.chain.read(Call("RoyaltyDistributor", "claimed", (payee,)), at=head)
        if claimed != amount:
            raise Failed(f"it says {claimed} was claimed by {fields.checksummed(payee)}, its events say {amount}")
