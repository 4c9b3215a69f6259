"""Every use is decided with its reason, and no rule ever loosens another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings, strategies as st

from provenance.domain import events as e, purposes, refusal, typed
from provenance.domain.ledger import DATASET_ACTIVE, DATASET_HALTED, DATASET_REVOKED, DATASET_SUSPENDED, Ledger
from provenance.domain.manifest import Manifest
from provenance.domain.offer import SignedOffer, license_id
from provenance.domain.rules.access import AccessDecision, AccessRequest, DatasetState, evaluate
from provenance.domain.rules.case import NOTHING_PRODUCED, Produced
from provenance.domain.rules.reason import Reason
from provenance.domain.rules.terms import BroaderThanTerms, license_end, narrow, session_end
from provenance.domain.signature import BadSignature
from provenance.domain.terms import Caps, Terms
from provenance.errors import Conflict, Denied, Invalid
from provenance.types import ZERO_ADDRESS, BlockNumber, UnixSeconds, Wei
from tests import documents
from tests.documents import (
    DISTRIBUTOR,
    END,
    HOLDER,
    START,
    VOICE,
    Key,
    consent,
    domains,
    manifest,
    recording,
    terms,
    word,
)
from tests.facts import DATASET, EXPIRY, LICENSE, LICENSEE, MANIFEST, NOW, block, chain, granted, registered

USE = AccessRequest(LICENSE, LICENSEE.address, 0b10, b"DE", (0, 1, 2))
CONSENT = MANIFEST.consents[0]
CONSENT_ID = CONSENT.id(domains().consent)
AT = block(20, NOW + 100)


def decide(
    *more: e.Event,
    use: AccessRequest = USE,
    said: Manifest = MANIFEST,
    under: Terms | None = None,
    at: int = 20,
    time: int = NOW + 100,
    final: int | None = None,
    made: Produced = NOTHING_PRODUCED,
    grant: e.LicenseGranted | None = None,
    drop: bool = False,
) -> tuple[AccessDecision, ...]:
    logs = chain([registered(said), grant or granted(dataset=registered(said).dataset_id), *more])
    given_ = {} if drop else said.consents_by_id(domains().consent)
    number = BlockNumber(at if final is None else final)
    state = DatasetState(Ledger.fold(logs), said, under or terms(), given_, block(at, time), number)
    return evaluate(state, use, made)


def codes(decisions: tuple[AccessDecision, ...]) -> set[str]:
    return {one.reason for one in decisions}


def with_consents(*consents: object) -> Manifest:
    """A manifest whose recordings rest on these consents."""
    return manifest(given=consents)  # type: ignore[arg-type]


def test_a_use_within_everything_is_allowed() -> None:
    decisions = decide()
    assert [one.recording for one in decisions] == [0, 1, 2]
    assert all(one.allowed and one.reason == Reason.ALLOWED and one.license_id == LICENSE for one in decisions)
    assert refusal.refused(decisions) is None


CASES: dict[str, dict[str, object]] = {
    "unknown-license": {"use": replace(USE, license_id=word("none"))},
    "wrong-licensee": {"use": replace(USE, licensee=VOICE.address)},
    "license-expired": {"time": EXPIRY},
    "purpose-not-single": {"use": replace(USE, purpose=0b110)},
    "purpose-not-licensed": {"use": replace(USE, purpose=0b1)},
    "purpose-outside-terms": {"under": terms(purposes=0b100)},
    "territory-not-licensed": {"use": replace(USE, territory=b"US")},
    "terms-not-in-force": {"under": terms(not_after=UnixSeconds(NOW))},
    "unknown-recording": {"use": replace(USE, recordings=(3,))},
    "not-final": {"final": 1},
    "consent-missing": {"drop": True},
    "cap-reached": {"under": terms(caps=Caps(outputs=5)), "made": Produced(outputs=5)},
    "unknown-dataset": {"grant": granted(dataset=word("elsewhere"))},
}


@pytest.mark.parametrize(("code", "changes"), CASES.items())
def test_each_reason_has_its_code_and_names_the_license(code: str, changes: dict[str, object]) -> None:
    decisions = decide(**changes)  # type: ignore[arg-type]
    assert codes(decisions) == {code}
    error = refusal.refused(decisions)
    assert error is not None
    assert type(error) is refusal.REFUSAL_BY_REASON[decisions[0].reason]
    assert isinstance(error, Conflict if code == "not-final" else Denied)
    assert error.code == code
    assert error.next_step
    assert "license" in error.facts
    assert len(error.facts["refused"]) == len(decisions)  # type: ignore[arg-type]


def revoke(subject: bytes = VOICE.address) -> e.ConsentRevoked:
    return e.ConsentRevoked(CONSENT_ID, subject, word("why"))  # type: ignore[arg-type]


def status(value: int) -> e.DatasetStatusChanged:
    return e.DatasetStatusChanged(DATASET, HOLDER.address, value, word("ruling"))


@pytest.mark.parametrize(
    ("caps", "made", "code"),
    [
        (Caps(outputs=5), Produced(outputs=4), Reason.ALLOWED),
        (Caps(outputs=5), Produced(outputs=5, seconds=999), "cap-reached"),
        (Caps(seconds=60), Produced(outputs=999, seconds=59), Reason.ALLOWED),
        (Caps(seconds=60), Produced(seconds=60), "cap-reached"),
        (Caps(outputs=5, seconds=60), Produced(outputs=4, seconds=60), "cap-reached"),
        (Caps(outputs=5, seconds=60), Produced(outputs=5, seconds=59), "cap-reached"),
        (Caps(outputs=0), Produced(), "cap-reached"),
        (Caps(seconds=0), Produced(), "cap-reached"),
        (Caps(), Produced(outputs=999, seconds=999), Reason.ALLOWED),
    ],
)
def test_a_cap_is_reached_with_its_last_output_or_second_and_not_before(caps: Caps, made: Produced, code: str) -> None:
    assert codes(decide(under=terms(caps=caps), made=made)) == {code}


def test_withdrawal_suspension_and_termination_count_at_once() -> None:
    for event, code in (
        (revoke(), "consent-withdrawn"),
        (status(DATASET_HALTED), "dataset-suspended"),
        (e.LicenseTerminated(LICENSE, LICENSEE.address, word("why"), UnixSeconds(NOW)), "license-terminated"),
    ):
        assert codes(decide(event, at=3, final=2)) == {code}
        assert codes(decide(event, at=2)) == {Reason.ALLOWED}, "not before its block"


def test_a_strangers_withdrawal_and_a_holders_status_close_nothing() -> None:
    events = (revoke(HOLDER.address), status(DATASET_SUSPENDED), status(DATASET_REVOKED))
    assert codes(decide(*events)) == {Reason.ALLOWED}


def test_the_end_of_a_suspension_counts_when_it_is_final() -> None:
    events = (status(DATASET_HALTED), status(DATASET_ACTIVE))
    assert codes(decide(*events, at=4, final=3)) == {"dataset-suspended"}
    assert codes(decide(*events, at=4, final=4)) == {Reason.ALLOWED}


def test_a_license_in_its_notice_still_counts() -> None:
    ends = e.LicenseTerminated(LICENSE, HOLDER.address, word("why"), UnixSeconds(NOW + 101))
    assert codes(decide(ends)) == {Reason.ALLOWED}
    assert codes(decide(ends, time=NOW + 101)) == {"license-terminated"}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (consent(purposes=0b100), "consent-purpose"),
        (consent(territories=("KR",)), "consent-territory"),
        (consent(recordings=[word("another")]), "consent-not-covering"),
        (replace(consent(), signature=consent(voice=Key("x")).signature), "consent-not-signed"),
        (replace(consent(), signature=b"\x01" * 65), "consent-not-signed"),
        (replace(consent(), signature=b""), "consent-not-signed"),
        (consent(holder=LICENSEE.address), "consent-of-another-holder"),
        (consent(chain_id=1), "consent-not-signed"),
    ],
)
def test_a_consent_that_does_not_reach_the_use_refuses_it_by_its_id(changed: object, code: str) -> None:
    said = with_consents(changed)
    decisions = decide(said=said, grant=granted(dataset=registered(said).dataset_id))
    assert codes(decisions) == {code}
    assert {one.consent_id for one in decisions} == {changed.id(domains().consent)}  # type: ignore[attr-defined]


def test_a_consent_counts_from_its_first_to_its_last_second() -> None:
    wide = terms(not_before=UnixSeconds(0), not_after=UnixSeconds(END + 99))
    said = manifest(terms_hash=wide.terms_hash, terms_cid=documents.cid.of_raw(wide.encode()))
    long = replace(granted(expiry=END + 99), dataset_id=registered(said).dataset_id)
    for time, code in (
        (START - 1, "consent-not-yet"),
        (START, Reason.ALLOWED),
        (END, Reason.ALLOWED),
        (END + 1, "consent-expired"),
    ):
        assert codes(decide(said=said, under=wide, grant=long, time=time)) == {code}, time


def test_a_contract_wallets_consent_counts_once_its_approval_is_final() -> None:
    said = with_consents(replace(consent(), signature=b""))
    approved = e.DigestApproved(VOICE.address, CONSENT_ID)
    grant = granted(dataset=registered(said).dataset_id)
    assert codes(decide(approved, said=said, grant=grant)) == {Reason.ALLOWED}
    assert codes(decide(approved, said=said, grant=grant, at=3, final=2)) == {"consent-not-signed"}


def test_nobodys_signature_is_not_that_of_account_zero() -> None:
    zero = replace(consent(), consent=replace(CONSENT.consent, subject=ZERO_ADDRESS), signature=b"")
    said = with_consents(zero)
    assert codes(decide(said=said, grant=granted(dataset=registered(said).dataset_id))) == {"consent-not-signed"}


def test_one_voice_withdraws_and_no_other_recording_is_closed() -> None:
    hers, his = consent(), consent(voice=Key("other voice"), voice_id=word("other voice"))
    takes = (recording(0, [hers]), recording(1, [his]), recording(2, [hers, his]))
    said = manifest(given=[hers, his], recordings=takes)
    decisions = decide(revoke(), said=said)
    assert [one.allowed for one in decisions] == [False, True, False]
    assert {one.consent_id for one in decisions if not one.allowed} == {CONSENT_ID}


def test_a_voice_without_any_consent_refuses_its_recording() -> None:
    bare = replace(recording(0, [CONSENT]), voice_ids=(CONSENT.consent.voice_id, word("unheard")))
    said = manifest(recordings=(bare,))
    assert codes(decide(said=said, use=replace(USE, recordings=(0,)))) == {"consent-missing"}


def test_another_manifest_decides_nothing() -> None:
    assert codes(decide(said=MANIFEST, grant=granted())) == {Reason.ALLOWED}
    shorter = manifest(count=2)
    logs = chain([registered(), granted()])
    given_ = shorter.consents_by_id(domains().consent)
    decisions = evaluate(DatasetState(Ledger.fold(logs), shorter, terms(), given_, AT, BlockNumber(20)), USE)
    assert codes(decisions) == {"unknown-dataset"}


NARROWINGS = st.fixed_dictionaries(
    {},
    optional={
        "purpose": st.sampled_from([0b1, 0b10, 0b100, 0b110, 1 << 20, 0]),
        "territory": st.sampled_from([b"DE", b"US", b"KR", b"ZZ"]),
        "purposes": st.integers(0, 0b111),
        "expiry": st.integers(NOW - 5, NOW + 200),
        "time": st.integers(NOW - 5, NOW + 200),
        "events": st.lists(
            st.sampled_from(
                [
                    revoke(),
                    status(DATASET_HALTED),
                    status(DATASET_ACTIVE),
                    e.LicenseTerminated(LICENSE, LICENSEE.address, word("why"), UnixSeconds(NOW + 50)),
                ]
            ),
            max_size=4,
        ),
        "outputs": st.integers(0, 9),
        "final": st.integers(0, 10),
    },
)


def decided(drawn: dict[str, object]) -> tuple[AccessDecision, ...]:
    use = replace(USE, purpose=drawn.get("purpose", 0b10), territory=drawn.get("territory", b"DE"))
    grant = granted(int(drawn.get("purposes", 0b110)), int(drawn.get("expiry", EXPIRY)))  # type: ignore[call-overload]
    events: list[e.Event] = drawn.get("events", [])  # type: ignore[assignment]
    made = Produced(outputs=int(drawn.get("outputs", 0)))  # type: ignore[call-overload]
    return decide(
        *events,
        use=use,
        grant=grant,
        time=int(drawn.get("time", NOW + 100)),  # type: ignore[call-overload]
        at=10,
        final=int(drawn.get("final", 10)),  # type: ignore[call-overload]
        made=made,
        under=terms(caps=Caps(outputs=5)),
    )


@settings(max_examples=60)  # slow to draw
@given(NARROWINGS)
def test_every_decision_is_one_of_the_known_reasons(drawn: dict[str, object]) -> None:
    for one in decided(drawn):
        assert one.allowed == (one.reason == Reason.ALLOWED)
        assert one.allowed or one.reason in refusal.REFUSAL_BY_REASON
        assert one.allowed or one.detail


@given(NARROWINGS, st.integers(0, 10))
def test_less_finality_never_allows_more(drawn: dict[str, object], behind: int) -> None:
    final = int(drawn.get("final", 10))  # type: ignore[call-overload]
    allowed = [one.allowed for one in decided(drawn)]
    earlier = [one.allowed for one in decided({**drawn, "final": max(0, final - behind)})]
    assert all(now or not before for now, before in zip(allowed, earlier, strict=True))


@given(NARROWINGS, st.integers(0, 0b111))
def test_fewer_purposes_never_allow_more(drawn: dict[str, object], kept: int) -> None:
    wide = int(drawn.get("purposes", 0b110))  # type: ignore[call-overload]
    allowed = [one.allowed for one in decided(drawn)]
    narrowed = [one.allowed for one in decided({**drawn, "purposes": wide & kept})]
    assert all(now or not then for now, then in zip(allowed, narrowed, strict=True))


@given(NARROWINGS)
def test_a_withdrawal_never_allows_more(drawn: dict[str, object]) -> None:
    assume(len(drawn.get("events", [])) < 5)  # type: ignore[arg-type]
    more = {**drawn, "events": [*drawn.get("events", []), revoke()]}  # type: ignore[misc]
    assert not any(one.allowed for one in decided(more))


# --- offers


def offer(**changes: object) -> SignedOffer:
    said = typed.Offer(
        dataset_id=DATASET,
        holder=HOLDER.address,
        transfers=0,
        licensee=ZERO_ADDRESS,
        distributor=DISTRIBUTOR,
        price=Wei(5_000_000),
        expiry=EXPIRY,
        purposes=0b110,
        deadline=UnixSeconds(NOW + 500),
        notice_days=14,
        terms_hash=terms().terms_hash,
        nonce=1 << 255,
    )
    said = replace(said, **changes)  # type: ignore[arg-type]
    return SignedOffer(said, HOLDER.sign(typed.digest(domains().access, said)))


def test_an_offer_survives_its_document_with_what_we_do_not_know() -> None:
    made = replace(offer(), extra={"x-note": "hello"})
    assert SignedOffer.parse(made.encode()) == made
    made.check_signature(domains().access)
    with pytest.raises(BadSignature):
        made.check_signature(domains(1).access)
    with pytest.raises(BadSignature):
        replace(made, offer=replace(made.offer, price=Wei(1))).check_signature(domains().access)


def test_a_license_id_commits_to_offer_and_licensee() -> None:
    ids = {
        license_id(typed.digest(domains(chain).access, one.offer), who)
        for chain in (1, 2)
        for one in (offer(), offer(nonce=1), offer(purposes=0b10))
        for who in (HOLDER.address, LICENSEE.address)
    }
    assert len(ids) == 12


@pytest.mark.parametrize(
    "changes",
    [
        {"purposes": 0b111},
        {"purposes": 0},
        {"purposes": 0b110 | 1 << 4},
        {"terms_hash": word("other")},
        {"expiry": UnixSeconds(END + 2)},
        {"price": Wei(4_999_999)},
        {"distributor": HOLDER.address},
    ],
)
def test_an_offer_beyond_the_terms_is_refused(changes: dict[str, object]) -> None:
    assert narrow(offer().offer, terms(), [CONSENT]) == offer().offer
    with pytest.raises(BroaderThanTerms):
        narrow(offer(**changes).offer, terms(), [CONSENT])


def test_an_offer_beyond_a_consent_and_a_reserved_purpose_are_refused() -> None:
    with pytest.raises(BroaderThanTerms, match="consent"):
        narrow(offer().offer, terms(), [CONSENT, consent(purposes=0b10)])
    with pytest.raises(purposes.ReservedPurpose):
        narrow(offer(purposes=1 << 15).offer, terms(), [])


def test_a_license_may_last_to_the_terms_last_second_and_no_longer() -> None:
    assert narrow(offer(expiry=END + 1).offer, terms(), [CONSENT]).expiry == END + 1
    assert [license_end(UnixSeconds(END + more), terms()) - END for more in (0, 1, 2)] == [0, 1, 1]
    last = [session_end(UnixSeconds(END + more), terms()) - END for more in (-1, 0, 1)]
    assert last == [-1, 0, 0]  # not a second of use that the terms do not allow
    with pytest.raises(BroaderThanTerms, match="the terms end at 20"):
        narrow(offer(expiry=END + 2).offer, terms(), [CONSENT])


@given(st.integers(0, (1 << 15) - 1), st.integers(1, (1 << 15) - 1), st.integers(1, (1 << 15) - 1))
def test_license_lies_within_terms_within_consents(asked: int, allowed: int, agreed: int) -> None:
    under = replace(terms(), purposes=allowed, prohibited=0)
    try:
        narrow(offer(purposes=asked, terms_hash=under.terms_hash).offer, under, [consent(purposes=agreed)])
    except Invalid:
        assert asked == 0 or asked & ~(allowed & agreed)
    else:
        assert asked
        assert not asked & ~(allowed & agreed)
