"""One case, one reason: whoever judges, and in the contract's order."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from provenance.app.meter import MeterExtent
from provenance.domain import cid, events as e, refusal, typed
from provenance.domain.consent import SignedConsent
from provenance.domain.ledger import Ledger, Logged
from provenance.domain.rules import consent as consents, license as licenses
from provenance.domain.rules.access import AccessDecision, AccessRequest, DatasetState, evaluate
from provenance.domain.rules.case import NOTHING_PRODUCED, ConsentCase, Extent, LicenseCase, UseFacts, first_broken
from provenance.domain.rules.reason import REASON_BY_NUMBER, Reason, Subject
from provenance.domain.terms import Caps
from provenance.errors import Denied
from provenance.types import ZERO32, BlockNumber, UnixMs, UnixSeconds
from tests.documents import HOLDER, VOICE, Key, consent, domains, manifest, recording, terms, word
from tests.facts import LICENSE, LICENSEE, block, granted, registered
from tests.fakes.epochs import World
from tests.unit.house.ratchets import consent_ends
from tests.unit.house.tree import sources

CONTRACT = Path(__file__).parents[3] / "contracts" / "interfaces" / "IDataAccess.sol"
DOMAIN = domains().consent


def test_the_contracts_answers_have_their_numbers_here() -> None:
    answers = CONTRACT.read_text().partition("Answers of `checkLicense`")[2]
    numbers = [int(number) for number in re.findall(r"^uint8 constant \w+ = (\d+);", answers, re.MULTILINE)]
    assert numbers == sorted(REASON_BY_NUMBER) == list(range(19))


def test_one_place_compares_the_end_of_a_consent() -> None:
    assert [case.file for case in consent_ends(sources())] == ["provenance/domain/rules/consent.py"]


@pytest.mark.parametrize("rules", [licenses.LICENSE, consents.CONSENT])
def test_rules_stand_in_the_order_of_their_reasons(rules: tuple[object, ...]) -> None:
    order = list(Reason)
    places = [order.index(rule.reason) for rule in rules]  # type: ignore[attr-defined]
    assert places == sorted(places)


def test_every_reason_has_its_error_by_name_and_code() -> None:
    for reason, error in refusal.REFUSAL_BY_REASON.items():
        assert getattr(refusal, error.__name__) is error
        assert error.__name__.lower() == reason.name.replace("_", "").lower()
        assert (error.code, error.next, error.__doc__) == (reason.value, reason.next_step, reason.meaning)
    assert len(refusal.REFUSAL_BY_REASON) == len(Reason) - 1
    assert {reason.about for reason in Reason if reason.name.startswith("CONSENT")} == {Subject.CONSENT}


# --- one set of documents and facts, judged by gateway, Meter and settlement


def signed(voice: Key = VOICE, forged: bool = False, **changes: object) -> SignedConsent:
    """A consent whose times lie on the settlement's small scale."""
    scope = {name: changes.pop(name) for name in ("purposes", "territories", "recordings", "holder") if name in changes}
    given_ = consent(voice=voice, **scope)  # type: ignore[arg-type]
    times = {"not_before": UnixSeconds(0), "not_after": UnixSeconds(200_000), **changes}
    said = replace(given_.consent, **times)  # type: ignore[arg-type]
    return replace(given_, consent=said, signature=(HOLDER if forged else voice).sign(typed.digest(DOMAIN, said)))


CONSENTS = (
    signed(nonce=0),
    signed(nonce=1, purposes=0b100),
    signed(nonce=2, territories=("KR",)),
    signed(nonce=3, not_before=UnixSeconds(90_000)),
    signed(nonce=4, not_after=UnixSeconds(90_000)),
    signed(nonce=5, holder=VOICE.address),
    signed(nonce=6, forged=True),
    signed(nonce=7, recordings=(word("another"),)),
    signed(nonce=8, purposes=0b100, territories=("KR",), not_after=UnixSeconds(90_000)),
    signed(nonce=9, territories=("KR",), not_before=UnixSeconds(90_000), recordings=(word("another"),)),
    signed(nonce=10, holder=VOICE.address, forged=True, not_after=UnixSeconds(60_000)),
)


@dataclass(frozen=True)
class DrawnUse:
    """One use under one license of a recording that rests on some of the consents."""

    numbers: tuple[int, ...]
    """Of `CONSENTS`."""
    revoked_s: int | None
    granted: int
    allowed: int
    places: tuple[str, ...]
    since_s: int
    until_s: int
    purpose: int
    territory: bytes
    at_s: int
    grantor: Key = HOLDER
    """Who granted the license: the registrant, or whoever held the dataset later."""
    extended_s: int | None = None
    """When the first consent's voice let it serve the grantor as well."""

    @property
    def given(self) -> tuple[SignedConsent, ...]:
        return tuple(CONSENTS[number] for number in self.numbers)

    def lease(self) -> AccessDecision:
        """What the gateway says, at the block of the use."""
        under = terms(
            self.allowed,
            prohibited=0,
            territories=self.places,
            not_before=UnixSeconds(self.since_s),
            not_after=UnixSeconds(self.until_s),
        )
        said = manifest(
            given=self.given,
            recordings=(recording(0, self.given),),
            terms_hash=under.terms_hash,
            terms_cid=cid.of_raw(under.encode()),
        )
        event = registered(said)
        events: list[tuple[int, e.Event]] = [
            (1, event),
            (1, granted(self.granted, 900_000, event.dataset_id, self.grantor.address)),
        ]
        first = self.given[0]
        named = first.id(DOMAIN), first.consent.subject
        if self.extended_s is not None:
            events.append((self.extended_s, e.ConsentExtended(*named, self.grantor.address)))
        if self.revoked_s is not None:
            events.append((self.revoked_s, e.ConsentRevoked(*named, ZERO32)))
        now = block(1_000, self.at_s)
        ledger = Ledger.fold(
            Logged(block(number, time), ZERO32, 0, HOLDER.address, event)
            for number, (time, event) in enumerate(events)
            if time <= self.at_s
        )
        state = DatasetState(ledger, said, under, said.consents_by_id(DOMAIN), now, now.number)
        [decision] = evaluate(state, AccessRequest(LICENSE, LICENSEE.address, self.purpose, self.territory, (0,)))
        return decision

    def extent(self) -> Extent:
        times = UnixSeconds(self.since_s), UnixSeconds(self.until_s)
        return Extent(self.granted, self.allowed, self.places, *times, unit=1, caps=terms().caps)

    def settled(self) -> str:
        """What the settlement publishes of the same use, recorded when it was anchored."""
        world, take = World(grace_s=0, cutoff=255), recording(0, self.given)
        license_ = world.license("L", holder=self.grantor.address)
        world.licenses[license_] = replace(world.licenses[license_], extent=self.extent())
        facts = []
        for one in sorted(self.given, key=lambda one: one.id(DOMAIN)):
            found = consents.facts(one.id(DOMAIN), one, take, Ledger(), BlockNumber(0), BlockNumber(0))
            if one is self.given[0] and self.revoked_s is not None:
                found = replace(found, revoked_at=UnixSeconds(self.revoked_s))
            if one is self.given[0] and self.extended_s is not None:
                found = replace(found, extended=((self.grantor.address, UnixSeconds(self.extended_s)),))
            facts.append(found)
        drawn = world.recording("r", consents=tuple(facts))
        world.open(license_, drawn)
        use = {"purpose": self.purpose, "territory": self.territory, "occurred_at_ms": UnixMs(1_000 * self.at_s)}
        world.used(license_, {drawn: 1_000_000}, at=self.at_s // 1_000, **use)
        rejected = world.decide().judged.accounts[license_].rejected
        return rejected[0].reason if rejected else Reason.ALLOWED

    def metered(self) -> str:
        """What the licensee's own recorder says before the use is on record."""
        meter = MeterExtent(LICENSE, self.extent(), word("dataset"), frozenset())
        try:
            meter.check_kind(UseFacts(UnixSeconds(self.at_s), self.purpose, self.territory, 1))
        except Denied as error:
            return error.code
        return Reason.ALLOWED


TOLD = st.builds(
    DrawnUse,
    numbers=st.lists(st.integers(0, len(CONSENTS) - 1), min_size=1, max_size=2, unique=True).map(tuple),
    revoked_s=st.none() | st.integers(10_000, 240_000),
    granted=st.sampled_from([0b10, 0b110, 0b1000]),
    allowed=st.sampled_from([0b10, 0b110]),
    places=st.sampled_from([("EEA", "KR"), ("WW",), ("KR",)]),
    since_s=st.sampled_from([0, 120_000]),
    until_s=st.sampled_from([150_000, 240_000]),
    purpose=st.sampled_from([0b10, 0b100, 0b110, 0b1000, 0, 1 << 20]),
    territory=st.sampled_from([b"DE", b"KR", b"US", b"ZZ"]),
    at_s=st.integers(5, 250).map(lambda thousands: 1_000 * thousands),
    grantor=st.sampled_from([HOLDER, HOLDER, Key("buyer")]),
    extended_s=st.none() | st.integers(1, 240_000),
)


@given(TOLD)
def test_the_settlement_says_what_the_lease_would_say_of_the_same_use(told: DrawnUse) -> None:
    lease = told.lease()
    # Recorded in the very second of a withdrawal: the gateway knows which came first, the settlement allows it.
    if lease.reason is Reason.CONSENT_WITHDRAWN and told.at_s == told.revoked_s:
        return
    assert told.settled() == lease.reason
    if lease.reason.about is Subject.LICENSE:
        assert told.metered() == lease.reason
    else:
        assert told.metered() == Reason.ALLOWED


BUYERS = {"grantor": Key("buyer")}


def told(number: int, at_s: int = 100_000, **changes: object) -> DrawnUse:
    """A use that only the consent of this number may stand against."""
    return DrawnUse((number,), None, 0b10, 0b10, ("WW",), 0, 240_000, 0b10, b"DE", at_s, **changes)  # type: ignore[arg-type]


def test_who_buys_a_dataset_sells_no_voice_that_did_not_name_it() -> None:
    """A consent is of whom the voice named: the seller's license stays open, the buyer's opens nothing."""
    assert (told(0).lease().reason, told(0).settled()) == ("allowed", "allowed")
    bought = told(0, **BUYERS)
    assert (bought.lease().reason, bought.settled()) == ("consent-of-another-holder", "consent-of-another-holder")


def test_a_voice_that_extends_its_consent_opens_the_buyers_licenses_from_then_on() -> None:
    reasons = [told(0, at, extended_s=100_000, **BUYERS) for at in (99_000, 100_000)]
    assert [one.lease().reason for one in reasons] == ["consent-of-another-holder", "allowed"]
    assert [one.settled() for one in reasons] == ["consent-of-another-holder", "allowed"]


def test_a_consent_that_names_the_grantor_serves_whoever_registered_the_dataset() -> None:
    named = told(5, grantor=VOICE)
    assert (named.lease().reason, named.settled()) == ("allowed", "allowed")


def test_a_consent_that_is_over_and_lacks_purpose_and_country_has_the_contracts_reason_everywhere() -> None:
    told = DrawnUse((8,), None, 0b10, 0b10, ("WW",), 0, 240_000, 0b10, b"DE", 100_000)
    assert (told.lease().reason, told.settled()) == ("consent-purpose", "consent-purpose")


@pytest.mark.parametrize(("grace_s", "counts_s"), [(None, 0), (0, 0), (600, 600)])
def test_a_consents_last_second_is_prolonged_by_the_grace_and_by_nothing_else(
    grace_s: int | None, counts_s: int
) -> None:
    last = 90_000 + counts_s
    found = consents.facts(ZERO32, CONSENTS[4], recording(0, CONSENTS[:1]), Ledger(), BlockNumber(0), BlockNumber(0))
    facts = replace(found, signed=True)
    reasons = []
    for at_s in (last, last + 1):
        case = ConsentCase(facts, HOLDER.address, UseFacts(UnixSeconds(at_s), 0b10, b"DE"), grace_s)
        broken = first_broken(consents.CONSENT, case)
        reasons.append(broken.reason if broken else Reason.ALLOWED)
    assert reasons == [Reason.ALLOWED, Reason.CONSENT_EXPIRED]


def test_a_judge_who_counts_nothing_refuses_no_use_for_a_cap():
    """Only the gateway counts what was made; a receipt under terms with a cap of 0 is not told that it was reached."""
    extent = replace(Extent.of(0b10, None, terms()), caps=Caps(outputs=0, seconds=0), not_after=UnixSeconds(1 << 40))
    use = UseFacts(extent.not_before, 0b10, b"DE")
    assert first_broken(licenses.LICENSE, LicenseCase(use, extent)) is None
    counted = first_broken(licenses.LICENSE, LicenseCase(use, extent, produced=NOTHING_PRODUCED))
    assert counted is not None
    assert counted.reason is Reason.CAP_REACHED
