"""What can be done against an epoch that does not hold, while its window is open?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provenance.app.ports import Call
from provenance.domain.hashes import abi_words, keccak, sha256
from provenance.domain.verdict import Verdict
from provenance.errors import Broken
from provenance.types import Wei

if TYPE_CHECKING:
    from provenance.app.audit.evidence import Evidence
    from provenance.domain.verdict import Check, Report
    from provenance.types import Address, Bytes32, Json, UnixSeconds

_SELECTOR: Final = keccak(b"challenge(uint64,bytes32)")[:4]
_OF_AN_EPOCH: Final = frozenset({"cutoffs", "settlements", "statements", "trees"})


@dataclass(frozen=True, slots=True)
class Challenge:
    """The transaction that stops a pending epoch until the arbiter, or his silence, decides."""

    epoch: int
    distributor: Address
    reason: str
    """What is wrong, in words; the transaction carries its sha-256."""
    bond: Wei
    """What the sender must have approved; returned if the challenge is upheld."""
    before: UnixSeconds

    @property
    def reason_digest(self) -> Bytes32:
        """What the transaction says of the reason."""
        return sha256(self.reason.encode())

    @property
    def data(self) -> bytes:
        """The transaction's calldata."""
        return _SELECTOR + abi_words(self.epoch, self.reason_digest)

    def document(self) -> dict[str, Json]:
        """As `--json` prints it."""
        return {
            "epoch": self.epoch,
            "to": "0x" + self.distributor.hex(),
            "data": "0x" + self.data.hex(),
            "bond": str(self.bond),
            "before": self.before,
            "reason": self.reason,
        }


def challenge(evidence: Evidence, report: Report) -> Challenge | None:
    """The challenge of the pending epoch, if a check of that epoch does not hold; else None."""
    standing = [one for one in evidence.ledger.settlements if not one.rejected]
    last = standing[-1] if standing else None
    if last is None or last.proposed.event.active_at <= evidence.at.time or len(last.challenged) > len(last.resolved):
        return None
    wrong = next((one for one in report.checks if _is_of(one, last.epoch)), None)
    if wrong is None:
        return None
    (bond,) = evidence.chain.read(Call("RoyaltyDistributor", "bond", ()), at=evidence.at.number)
    if not isinstance(bond, int):
        raise Broken("bond is not a number")
    return Challenge(
        epoch=last.epoch,
        distributor=evidence.chain.deployment.contracts["RoyaltyDistributor"],
        reason=f"{wrong.name}: {wrong.detail}",
        bond=Wei(bond),
        before=last.proposed.event.active_at,
    )


def _is_of(check: Check, epoch: int) -> bool:
    """Whether a check failed, or could not be made, because of this epoch."""
    begins = f"epoch {epoch}:"
    return check.name in _OF_AN_EPOCH and check.verdict is not Verdict.VERIFIED and check.detail.startswith(begins)
