"""Was everybody paid what the recorded usage says, to the unit?

Each standing epoch is decided again from the facts up to its cutoff, and compared byte by byte with
what was published and proposed.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from provenance.app import settle
from provenance.app.audit.evidence import Evidence, judge, short
from provenance.app.ports import Call
from provenance.domain import canonical, fields
from provenance.errors import Failed
from provenance.types import Address, BlockNumber, Bytes32

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provenance.app.settle import Engine, Published
    from provenance.app.settle.reading import Leaves
    from provenance.domain.events import RoyaltyClaimed
    from provenance.domain.ledger import Fact, Settlement
    from provenance.domain.verdict import Check
    from provenance.types import Json


EPOCH_CHECKS: Final = frozenset({"cutoffs", "settlements", "statements", "trees"})


def checks(evidence: Evidence, engine: Engine) -> Iterator[Check]:
    """Cutoffs, settlements, statements, trees, claims and solvency."""
    yield from epochs(evidence, engine, [one for one in evidence.ledger.settlements if not one.rejected])
    yield claims(evidence)
    yield judge("solvency", [evidence], _solvency, lambda _: "the distributor", "distributor holds what it still owes")


def epochs(evidence: Evidence, engine: Engine, asked: Sequence[Settlement]) -> Iterator[Check]:
    """The checks `EPOCH_CHECKS` of these epochs; each epoch is decided from what the one before it published."""

    def call(one: Settlement) -> str:
        return f"epoch {one.epoch}"

    yield judge(
        "cutoffs",
        asked,
        lambda one: _cutoff(evidence, one),
        call,
        "epochs end at a block of this chain",
        one="epoch ends at a block of this chain",
    )
    yield judge(
        "settlements",
        asked,
        lambda one: _settlement(evidence, one, engine),
        call,
        "epochs decided again: dues, holds, fees, pots and every document are the same bytes",
    )
    yield judge(
        "statements",
        asked,
        lambda one: _statements(evidence, one),
        call,
        "epochs whose statements sum to their growth",
        one="epoch whose statements sum to its growth",
    )
    yield judge(
        "trees",
        asked,
        lambda one: _tree(evidence, one),
        call,
        "trees give the proposed root and total",
        one="tree gives the proposed root and total",
    )


def claims(evidence: Evidence) -> Check:
    """Each claim paid its payee's growth up to the leaf of its epoch."""
    return judge(
        "claims",
        evidence.ledger.claims,
        _Claims(evidence).look,
        lambda one: f"claim of {fields.checksummed(one.event.payee)} in block {one.number}",
        "claims paid the leaf's growth, each unit once",
    )


def _published(evidence: Evidence, one: Settlement) -> Published:
    return settle.published(evidence.content, one.proposed.event.manifest_digest)


def _cutoff(evidence: Evidence, one: Settlement) -> None:
    published = _published(evidence, one)
    number = _cutoff_number(published, one)
    if evidence.block(number).hash != fields.word(fields.mapping(published.manifest, "cutoffBlock"), "hash"):
        raise Failed(f"its cutoff block {number} has another hash on this chain")


def _cutoff_number(published: Published, one: Settlement) -> BlockNumber:
    number = fields.integer(fields.mapping(published.manifest, "cutoffBlock"), "number", bits=53)
    if number >= one.proposed.number:
        raise Failed(f"its cutoff block {number} is not before its proposal in block {one.proposed.number}")
    return BlockNumber(number)


def _settlement(evidence: Evidence, one: Settlement, engine: Engine) -> None:
    event, published = one.proposed.event, _published(evidence, one)
    inputs = settle.gather(
        evidence,
        evidence.content,
        evidence.chain.deployment,
        evidence.block(_cutoff_number(published, one)),
        ruleset_hash=_ruleset_hash(evidence),
        read_uses=engine.read_uses,
    )
    named = published.manifest.get("engine")
    found = settle.decide(inputs, engine, name=named if isinstance(named, str) else "")
    for name, data in found.documents.items():
        if settle.document(evidence.content, published, name) != data:
            raise Failed(f"the facts do not give its {name} ({published.named(name)})")
    stored = evidence.content.get(published.cid)
    if stored != found.manifest:
        raise Failed(f"its manifest ({published.cid}) differs in {_difference(stored, found.manifest)}")
    if (event.root, event.total, event.usage_head) != (found.root, found.total, found.usage_head):
        raise Failed(f"proposed are {event.total} under {short(event.root)}, due are {found.total}")


def _ruleset_hash(evidence: Evidence) -> Bytes32:
    (found,) = evidence.chain.read(Call("RoyaltyDistributor", "rulesetHash", ()), at=evidence.at.number)
    if not isinstance(found, bytes):
        raise Failed("rulesetHash is not 32 bytes")
    return Bytes32(found)


def _difference(stored: bytes, found: bytes) -> str:
    """The first field, in order of names, in which two manifests differ."""
    one, two = (canonical.parse(data, kind="provenance/epoch") for data in (stored, found))
    names = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
    return names[0] if names else "its spelling"


def _statements(evidence: Evidence, one: Settlement) -> None:
    """Every line's shares give its sums, and all lines together the growth of the epoch's total."""
    rows = settle.statements(evidence.content, _published(evidence, one))
    nets = sum(_net(row) for row in rows)
    before = max((other.proposed.event.total for other in _before(evidence, one)), default=0)
    growth = one.proposed.event.total - before
    if nets != growth:
        raise Failed(f"its statements sum to {nets}, its total grew by {growth}")


def _before(evidence: Evidence, one: Settlement) -> list[Settlement]:
    return [other for other in evidence.ledger.settlements if not other.rejected and other.epoch < one.epoch]


def _net(row: Mapping[str, Json]) -> int:
    return fields.integer(row, "net", bits=256)


def _tree(evidence: Evidence, one: Settlement) -> None:
    event = one.proposed.event
    leaves = settle.leaves(evidence.content, _published(evidence, one), root=event.root)
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
            standing = (one for one in self.evidence.ledger.settlements if one.epoch == epoch and not one.rejected)
            one = next(standing, None)
            if one is None:
                raise Failed(f"paid on epoch {epoch}, which does not stand")
            published = _published(self.evidence, one)
            self.leaves_by_epoch[epoch] = settle.leaves(self.evidence.content, published, root=one.proposed.event.root)
        return self.leaves_by_epoch[epoch]


def _solvency(evidence: Evidence) -> None:
    """Funded covers the active total, and the token's own books cover what is not paid out yet."""
    funded = sum(fact.event.received for fact in evidence.ledger.fundings)
    paid_by_payee: dict[Address, int] = defaultdict(int)
    for fact in evidence.ledger.claims:
        paid_by_payee[fact.event.payee] += fact.event.amount
    paid = sum(paid_by_payee.values())
    total = max((one.proposed.event.total for one in evidence.ledger.settlements if not one.rejected), default=0)
    if not paid <= total <= funded:
        raise Failed(f"paid {paid}, total {total}, funded {funded}: not in rising order")
    distributor, at = evidence.chain.deployment.contracts["RoyaltyDistributor"], evidence.at.number
    (held,) = evidence.chain.read(Call("Token", "balanceOf", (distributor,)), at=at)
    if not isinstance(held, int) or held < funded - paid:
        raise Failed(f"it holds {held}, but {funded - paid} is not paid out")
    for payee, amount in sorted(paid_by_payee.items()):
        (claimed,) = evidence.chain.read(Call("RoyaltyDistributor", "claimed", (payee,)), at=at)
        if claimed != amount:
            raise Failed(f"it says {claimed} was claimed by {fields.checksummed(payee)}, its events say {amount}")
