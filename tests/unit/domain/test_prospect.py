"""An offer's foresight says what a license of it would open, and that nothing ever will, where nothing can."""

from __future__ import annotations

import time
from dataclasses import replace

from provenance.domain import typed
from provenance.domain.ledger import Ledger
from provenance.domain.manifest import Manifest
from provenance.domain.rules.access import AccessDecision
from provenance.domain.rules.prospect import prospects
from provenance.domain.rules.reason import Reason
from provenance.domain.terms import Terms
from provenance.types import ZERO_ADDRESS, UnixSeconds, Wei
from tests import documents
from tests.documents import DISTRIBUTOR, HOLDER, VOICE, domains, recording, sealed
from tests.facts import EXPIRY, LICENSEE, NOW, block, chain, registered

LATER = NOW + 500


def given(since: int = NOW, places: tuple[str, ...] = ("DE",), name: str = "voice", only: int | None = None):
    """A consent that counts from then on, in these countries, for one recording or all."""
    listed = None if only is None else [sealed(str(only)).plaintext_commitment]
    made = documents.consent(territories=places, voice_id=documents.word(name), recordings=listed)
    said = replace(made.consent, not_before=UnixSeconds(since))
    return replace(made, consent=said, signature=VOICE.sign(typed.digest(domains().consent, said)))


def foresee(said: Manifest, under: Terms) -> tuple[AccessDecision, ...]:
    event = registered(said)
    offer = typed.Offer(
        dataset_id=event.dataset_id,
        holder=HOLDER.address,
        transfers=0,
        licensee=ZERO_ADDRESS,
        distributor=DISTRIBUTOR,
        price=Wei(1),
        expiry=EXPIRY,
        purposes=0b110,
        deadline=UnixSeconds(EXPIRY - 1),
        notice_days=30,
        terms_hash=under.terms_hash,
        nonce=1,
    )
    return prospects(Ledger.fold(chain([event])), said, under, domains(), offer, LICENSEE.address, block(5))


def of(*backed: object, under: Terms | None = None) -> tuple[AccessDecision, ...]:
    """What is foreseen of one recording per tuple of consents."""
    consents = {id(one): one for row in backed for one in row}  # type: ignore[attr-defined]
    takes = tuple(recording(index, row) for index, row in enumerate(backed))  # type: ignore[arg-type]
    return foresee(documents.manifest(given=consents.values(), recordings=takes), under or documents.terms())  # type: ignore[arg-type]


def test_a_consent_that_counts_before_the_license_ends_opens_and_a_later_one_never_does() -> None:
    assert [one.reason for one in of((given(LATER),), (given(EXPIRY, name="late"),))] == [
        Reason.ALLOWED,
        "license-expired",
    ]
    [late] = of((given(EXPIRY + 86_400),))
    assert late.detail == (
        "terms and consents open it from 2027-01-16T08:16:40Z, and the license ends at 2027-01-15T08:16:40Z"
    )


def test_a_later_consent_for_another_country_opens_nothing() -> None:
    [one] = of((given(LATER, places=("FR",)),), under=documents.terms(territories=("DE",)))
    assert (one.reason, one.consent_id) == ("consent-territory", given(LATER, places=("FR",)).id(domains().consent))


def test_a_later_consent_is_awaited_with_the_others_of_its_recording() -> None:
    early, late = given(name="early"), given(EXPIRY, name="late")
    assert [one.reason for one in of((early,), (early, late))] == [Reason.ALLOWED, "license-expired"]


def test_each_country_that_only_some_consents_name_is_tried() -> None:
    world = documents.terms(territories=("WW",))
    takes = ((given(places=("US",)),), (given(places=("EU",), name="b"),), (given(places=("KR", "US"), name="c"),))
    assert [(one.reason, one.recording) for one in of(*takes, under=world)] == [(Reason.ALLOWED, n) for n in range(3)]
    apart = given(places=("US",)), given(places=("KR",), name="d")
    assert [one.reason for one in of(apart, under=world)] == ["consent-territory"]


def test_recordings_of_one_consent_whose_scope_tells_them_apart_are_decided_apart() -> None:
    one, there = given(only=1), documents.terms(territories=("DE",))
    assert [(d.reason, d.recording) for d in of((one,), (one,), under=there)] == [
        ("consent-not-covering", 0),
        (Reason.ALLOWED, 1),
    ]


def test_ten_thousand_recordings_the_world_over_are_foreseen_at_once() -> None:
    said, world = given(places=("US",)), documents.terms(territories=("WW",))
    takes = tuple(replace(recording(n, (said,)), sealed=sealed(str(n))) for n in range(10_000))
    before = time.process_time()
    found = foresee(documents.manifest(given=(said,), recordings=takes), world)
    assert {one.reason for one in found} == {Reason.ALLOWED}
    assert [one.recording for one in found] == list(range(10_000))
    assert time.process_time() - before < 5
