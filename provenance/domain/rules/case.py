"""Cases: the facts that rules judge, whoever gathered them, and the rule itself.

- No rule asks a clock, a chain or a document: what a case lacks is not judged.
- A fact that the judge does not know keeps its default, against which no rule stands. So two judges
  who know the same facts say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, Self, TypeVar

from provenance.domain.consent import SignedConsent
from provenance.domain.rules.membership import Membership
from provenance.domain.rules.reason import Reason
from provenance.domain.terms import Caps, Terms
from provenance.types import Address, BlockNumber, Bytes32, ConsentId, UnixSeconds

FOREVER: Final = UnixSeconds((1 << 40) - 1)  # the last second that the chain's uint40 can say


class UseFacts(NamedTuple):
    """What recordings are, or were, used for, and when; by default nothing is known of it but the time.

    Attributes:
        unit: what a receipt counts; None: reading counts nothing.
    """

    time: UnixSeconds
    purpose: int = 0
    territory: bytes = b""
    unit: int | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """What a license, by its `purposes`, and its terms, by all others, allow of any use.

    Attributes:
        astray: the license pays into another distributor than the terms name.
    """

    purposes: int
    allowed: int
    territories: tuple[str, ...]
    not_before: UnixSeconds
    not_after: UnixSeconds
    unit: int
    caps: Caps
    astray: bool = False

    @classmethod
    def of(cls, purposes: int, distributor: Address | None, terms: Terms) -> Self:
        """The extent of a license of these purposes, which pays into that distributor, under terms."""
        return cls(
            purposes,
            terms.allowed,
            terms.territories,
            terms.not_before,
            terms.not_after,
            terms.unit,
            terms.caps,
            astray=distributor not in (None, terms.price.distributor),
        )


class Standing(NamedTuple):
    """A license and its dataset, as the chain has them at one block.

    Attributes:
        account: who asks.
        known: the license is on chain.
        registered: the dataset is, and by the documents at hand.
        end: first second at which the license is over.
        ruling: under which the guardian suspended the dataset, or the pool that it is licensed under.
        membership: of the dataset in the license's pool; None where the license is of the dataset itself.
        pending: what is on chain in a block that is not final yet.
    """

    account: Address | None = None
    licensee: Address | None = None
    known: bool = True
    registered: bool = True
    end: UnixSeconds = FOREVER
    terminated: bool = False
    ruling: Bytes32 | None = None
    membership: Membership | None = None
    pending: str = ""


class Produced(NamedTuple):
    """What was made under a license so far, against the terms' caps."""

    outputs: int = 0
    seconds: int = 0


NOTHING_PRODUCED: Final = Produced()
UNKNOWN_STANDING: Final = Standing()


class LicenseCase(NamedTuple):
    """One use under one license."""

    use: UseFacts
    extent: Extent
    standing: Standing = UNKNOWN_STANDING
    produced: Produced | None = None
    """None: the judge keeps no count, and no cap stands against the use."""


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """A consent as far as uses of one recording need it.

    Attributes:
        holder: to whom it was given.
        signed: its subject's key signed it, or its subject put it on record.
        covers: its scope includes the recording.
        extended: to whom its subject let it serve as well, and since when.
    """

    id: ConsentId
    subject: Address
    holder: Address
    purposes: int
    territories: tuple[str, ...]
    not_before: UnixSeconds
    not_after: UnixSeconds
    revoked_at: UnixSeconds | None = None
    revoked_block: BlockNumber | None = None
    signed: bool = True
    covers: bool = True
    extended: tuple[tuple[Address, UnixSeconds], ...] = ()

    def serves(self, holder: Address, time: UnixSeconds) -> bool:
        """Whether this holder may grant licenses under it at a time."""
        return holder == self.holder or any(other == holder and since <= time for other, since in self.extended)

    @classmethod
    def of(
        cls,
        consent_id: ConsentId,
        document: SignedConsent,
        revoked_at: UnixSeconds | None,
        revoked_block: BlockNumber | None = None,
        *,
        signed: bool = True,
        covers: bool = True,
        extended: tuple[tuple[Address, UnixSeconds], ...] = (),
    ) -> Self:
        """The facts of a consent's document, and what the chain says of it."""
        consent = document.consent
        return cls(
            consent_id,
            consent.subject,
            consent.holder,
            consent.purposes,
            document.territories,
            consent.not_before,
            consent.not_after,
            revoked_at,
            revoked_block,
            signed,
            covers,
            extended,
        )


class ConsentCase(NamedTuple):
    """One use of a recording that rests on one consent.

    Attributes:
        holder: who granted the license; under a pool's, who joined with the recording's dataset. A transfer of the
            dataset changes neither.
        grace_s: how long before `use.time` the use may have been made; None: it is still to come.
    """

    consent: ConsentFacts
    holder: Address
    use: UseFacts
    grace_s: int | None = None


Case = TypeVar("Case")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Case]):
    """One reason: when a case breaks it, and what is said of that case."""

    reason: Reason
    broken: Callable[[Case], bool]
    detail: Callable[[Case], str]


def first_broken(rules: Iterable[Rule[Case]], case: Case) -> Rule[Case] | None:
    """The first rule that the case breaks; None if it breaks none."""
    for rule in rules:
        if rule.broken(case):
            return rule
    return None
