"""What the holder of a registered dataset, or the guardian, can do with it on chain.

Each function reads what the chain says, decides, and answers the one transaction that does it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from provenance.app import payee
from provenance.app.ports import Call, Chain
from provenance.domain import fields, splits
from provenance.domain.ledger import DATASET_ACTIVE, DATASET_HALTED, DATASET_REVOKED, DATASET_SUSPENDED
from provenance.domain.splits import Split
from provenance.errors import Conflict, Denied, Invalid, Missing
from provenance.types import ZERO32, ZERO_ADDRESS, Address, Bytes32, DatasetId

_GUARDIAN: Final = b"guardian".ljust(32, b"\0")
STATUS: Final = {
    DATASET_ACTIVE: "ACTIVE",
    DATASET_SUSPENDED: "SUSPENDED",
    DATASET_REVOKED: "REVOKED",
    DATASET_HALTED: "HALTED",
}


class UnknownDataset(Missing):
    """The chain has no dataset of this id."""

    code = "dataset-missing"
    next = "Check the id with `dataset list`, and that the network is the right one."


class NotHolder(Denied):
    """The account does not hold the dataset."""

    next = "Repeat with --account of its holder; `dataset show` names it."


class NothingToChange(Conflict):
    """The dataset is in that state already, or can no longer get into it."""

    next = "Look at `dataset show`; a revocation is for good, and the guardian's suspension is lifted by the guardian."


class RulingNeeded(Invalid):
    """A guardian acts only under a published ruling."""

    next = "Publish the ruling and name its file with --ruling FILE."


def standing(dataset: DatasetId, chain: Chain) -> tuple[Address, int]:
    """Holder and status now.

    Raises:
        UnknownDataset: it is not registered.
    """
    holder, status, _ = chain.read(Call("DatasetRegistry", "standing", (dataset,)))
    if not isinstance(holder, bytes) or not isinstance(status, int) or not status:
        raise UnknownDataset(f"no dataset 0x{dataset.hex()} on this chain", dataset=fields.shown(dataset))
    return Address(holder), status


def held(dataset: DatasetId, account: Address, chain: Chain) -> int:
    """The status of a dataset that this account holds.

    Raises:
        NotHolder: somebody else does.
    """
    holder, status = standing(dataset, chain)
    if holder != account:
        raise NotHolder(
            f"0x{dataset.hex()} is held by {fields.checksummed(holder)}",
            dataset=fields.shown(dataset),
            holder=fields.shown(holder),
        )
    return status


def suspension(
    dataset: DatasetId, account: Address, chain: Chain, *, wanted: int, ruling: Bytes32 | None = None
) -> Call:
    """The dataset's status becomes the wanted one: the holder's own word, or with a ruling the guardian's.

    Args:
        dataset: which.
        account: who sends it.
        chain: where.
        wanted: ACTIVE (a lift), SUSPENDED or REVOKED for the holder; ACTIVE or SUSPENDED for the guardian.
        ruling: digest of the published ruling; only the guardian has one.

    Raises:
        NothingToChange: it is so already, or cannot be any more.
    """
    if ruling is not None:
        return _by_guardian(dataset, account, chain, wanted=wanted, ruling=ruling)
    if account == _guardian(chain) and standing(dataset, chain)[0] != account:
        raise RulingNeeded("the guardian suspends and lifts only under a ruling")
    status = held(dataset, account, chain)
    if status in (wanted, DATASET_REVOKED, DATASET_HALTED):
        raise NothingToChange(f"the dataset is {STATUS[status]}", status=STATUS[status])
    return Call("DatasetRegistry", "setStatus", (dataset, wanted, ZERO32))


def _by_guardian(dataset: DatasetId, account: Address, chain: Chain, *, wanted: int, ruling: Bytes32) -> Call:
    if wanted == DATASET_REVOKED:
        raise Invalid("the guardian cannot revoke for good", next="Suspend with --ruling; only the holder revokes.")
    if account != _guardian(chain):
        raise NotHolder(
            "only the guardian acts by rulings", next="Repeat without --ruling, or with the guardian's account."
        )
    standing(dataset, chain)
    status = DATASET_HALTED
    if wanted == DATASET_ACTIVE:
        (own,) = chain.read(Call("DatasetRegistry", "holderStatus", (dataset,)))
        status = own if isinstance(own, int) else DATASET_ACTIVE
    return Call("DatasetRegistry", "setStatus", (dataset, status, ruling))


def _guardian(chain: Chain) -> object:
    return chain.read(Call("DatasetRegistry", "roleHolder", (_GUARDIAN,)))[0]


def superseding(old: DatasetId, new: DatasetId, account: Address, chain: Chain) -> Call:
    """The old dataset names the new one as its next version."""
    if old == new:
        raise Invalid("a dataset cannot supersede itself", next="Name the new version's id second.")
    held(old, account, chain)
    held(new, account, chain)
    return Call("DatasetRegistry", "supersede", (old, new))


def transfer(dataset: DatasetId, to: Address, account: Address, chain: Chain) -> Call:
    """The dataset is offered to a new holder, who must accept; zero withdraws the offer."""
    held(dataset, account, chain)
    payee.check(chain.deployment, (to,), "TO")
    if to == account:
        raise NothingToChange("the account holds it already")
    return Call("DatasetRegistry", "transfer", (dataset, to))


def acceptance(dataset: DatasetId, account: Address, chain: Chain) -> Call:
    """The dataset that was offered to this account becomes its own.

    Raises:
        NotHolder: it was offered to nobody, or to somebody else.
    """
    standing(dataset, chain)
    (pending,) = chain.read(Call("DatasetRegistry", "pendingHolder", (dataset,)))
    if pending != account:
        offered = "nobody" if pending == ZERO_ADDRESS or not isinstance(pending, bytes) else f"0x{pending.hex()}"
        raise NotHolder(f"0x{dataset.hex()} is offered to {offered}", next="Ask the holder for `dataset transfer`.")
    return Call("DatasetRegistry", "acceptTransfer", (dataset,))


def resharing(dataset: DatasetId, shares: Iterable[Split], account: Address, chain: Chain) -> Call:
    """The transaction that announces new splits, in force 7 days later unless the dataset is transferred before.

    Raises:
        BadSplits: the shares make no whole.
        NotHolder: somebody else holds the dataset.
    """
    packed = splits.pack(shares := tuple(shares))
    payee.check(chain.deployment, (share.account for share in shares), "splits")
    held(dataset, account, chain)
    return Call("DatasetRegistry", "setSplit", (dataset, packed))


def dispute(dataset: DatasetId, evidence: Bytes32, account: Address, chain: Chain) -> Call:
    """The transaction that puts on record that others registered what this dataset holds; it changes nothing else.

    Args:
        dataset: the account's own.
        evidence: sha-256 of the evidence.
        account: who claims it.
        chain: where.

    Raises:
        NotHolder: somebody else holds the dataset.
    """
    held(dataset, account, chain)
    return Call("DatasetRegistry", "dispute", (dataset, evidence))
