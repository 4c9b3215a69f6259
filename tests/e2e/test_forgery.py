"""The audit names what an operator forged, whatever he signs and puts on chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from provenance.adapters import wire
from provenance.adapters.keys.keystore import SystemRandom
from provenance.app import license as licenses
from provenance.app.ports import Call
from provenance.cli.main import run
from provenance.domain import cid, merkle, typed, usage
from provenance.domain.batch import Batch
from provenance.domain.ledger import Ledger
from provenance.domain.manifest import recording_id
from provenance.domain.rules.access import REQUEST_LIFE_S
from provenance.domain.settlement import documents
from provenance.types import ZERO32, Bytes32, LicenseId, UnixMs, UnixSeconds, Wei
from tests import whole
from tests.e2e.finished_demo import command, judged
from tests.e2e.forgery import OTHER, Forger, Genuine, one_more, unsorted_root

FAILED, INCOMPLETE = 10, 11


def test_what_is_as_it_should_be_verifies(forger: Forger) -> None:
    made = forger.genuine()
    forger.anchor(forger.batch(made))
    forger.propose(forger.closed())
    report = forger.audit()
    assert report["verdict"] == "VERIFIED"
    assert report["challenge"] is None


def segment(forger: Forger, made: Genuine, **changes: object) -> Batch:
    changed = forger.signed(replace(made.segment.segment, **changes), made.file)  # type: ignore[arg-type]
    return forger.batch(made, segments=(changed,))


def other_weights(forger: Forger, made: Genuine) -> Batch:
    """A file whose weights are not those its receipt commits to."""
    session = made.session.session
    of = usage.session_id(forger.usage, session)
    use = forger.use(of, session, made.access.recordings[0])
    file, whole = forger.written(of, session, (replace(use, weights=((made.access.recordings[1], 1_000_000),)),))  # type: ignore[arg-type]
    forger.content.put(file)
    return forger.batch(made, segments=(forger.signed(whole, file),))


def session(forger: Forger, made: Genuine, **changes: object) -> Batch:
    changed = replace(made.session.session, **changes)  # type: ignore[arg-type]
    signed = forger.licensee.sign(usage.session_id(forger.usage, changed))
    return forger.batch(made, segments=(), sessions=(replace(made.session, session=changed, signature=signed),))


def lease(forger: Forger, made: Genuine, **changes: object) -> Batch:
    return forger.batch(made, accesses=(replace(made.access, **changes),))  # type: ignore[arg-type]


def gate(forger: Forger, made: Genuine, signer: str = "operator", **changes: object) -> Batch:
    report = replace(made.gate.report, **changes)  # type: ignore[arg-type]
    key = forger.operator if signer == "operator" else OTHER
    return forger.batch(made, gates=(replace(made.gate, report=report, signature=key.sign(typed.digest(forger.usage, report))),))  # fmt: skip


def forged(forger: Forger, made: Genuine) -> bytes:
    """Somebody else's signature of the segment."""
    return OTHER.sign(usage.segment_hash(forger.usage, made.segment.segment))


WORD = Bytes32(b"\x07" * 32)
BATCHES: dict[str, tuple[Callable[[Forger, Genuine], Batch], str, str]] = {
    "an acknowledgement by somebody else": (
        lambda forger, made: forger.batch(made, segments=(replace(made.segment, ack_signature=forged(forger, made)),)),
        "acknowledgements",
        "segment 0x",
    ),
    "an acknowledgement of another time": (
        lambda forger, made: forger.batch(
            made, segments=(replace(made.segment, received_at_ms=UnixMs(made.segment.received_at_ms + 1)),)
        ),
        "acknowledgements",
        "segment 0x",
    ),
    "a segment by somebody else": (
        lambda forger, made: forger.batch(made, segments=(replace(made.segment, signature=forged(forger, made)),)),
        "segments",
        "signed by 0x",
    ),
    "a segment of other receipts": (
        lambda forger, made: segment(forger, made, receipts_root=WORD),
        "segments",
        "the receipts are not those that the segment commits to",
    ),
    "a segment of more units": (
        lambda forger, made: segment(forger, made, units_total=2),
        "segments",
        "the receipts sum to 1 units; the segment says 2",
    ),
    "a segment with a gap before it": (
        lambda forger, made: segment(forger, made, first_seq=1, last_seq=1),
        "segments",
        "it begins at 1; 0 is next",
    ),
    "a segment chained to nothing": (
        lambda forger, made: segment(forger, made, prev_segment_hash=WORD),
        "segments",
        "the previous segment is",
    ),
    "weights that the receipt does not commit to": (other_weights, "segments", "the weights of receipt 0"),
    "a session that the licensee never signed": (
        lambda forger, made: forger.batch(
            made,
            sessions=(
                replace(made.session, signature=OTHER.sign(usage.session_id(forger.usage, made.session.session))),
            ),
        ),
        "sessions",
        "signed by 0x",
    ),
    "a session that outlasts its license": (
        lambda forger, made: session(forger, made, valid_until=UnixSeconds(1 << 39)),
        "sessions",
        "it outlasts its license",
    ),
    "a session of a license that is not there": (
        lambda forger, made: session(forger, made, license_id=WORD),
        "sessions licenses",
        "is not on chain",
    ),
    "a lease that the gateway did not sign": (
        lambda forger, made: lease(
            forger, made, access_signature=OTHER.sign(typed.digest(forger.access, made.access.access))
        ),
        "leases",
        "signed by 0x",
    ),
    "a lease that nobody asked for": (
        lambda forger, made: lease(
            forger, made, request_signature=OTHER.sign(typed.digest(forger.access, made.access.request))
        ),
        "leases",
        "signed by 0x",
    ),
    "a lease of other recordings than asked for": (
        lambda forger, made: lease(forger, made, recordings=made.access.recordings[:1]),
        "leases",
        "its recordings are not those requested",
    ),
    "a gate report by somebody else": (
        lambda forger, made: gate(forger, made, "somebody"),
        "gates",
        "signed by 0x",
    ),
    "a gate report of a recording that is not there": (
        lambda forger, made: gate(forger, made, recording_id=WORD),
        "gates",
        "of a recording that no dataset registered",
    ),
    "refusals that are not those committed to": (
        lambda forger, made: forger.batch(made, refusals_root=WORD),
        "batches",
        "its refusals",
    ),
    "a batch chained to another": (
        lambda forger, made: forger.batch(made, prev_head=WORD),
        "batches",
        "it names another meter or previous head",
    ),
}


@pytest.mark.parametrize("lie", BATCHES)
def test_what_is_forged_in_a_batch_is_named(forger: Forger, lie: str) -> None:
    forge, check, words = BATCHES[lie]
    forger.anchor(forge(forger, forger.genuine()))
    report = forger.audit(FAILED)
    assert report["verdict"] == "FAILED"
    told = judged(report)
    assert set(told) == set(check.split()), told
    assert all(words in told[one] for one in check.split())


def test_a_root_over_other_segments_and_a_count_too_high_are_named(forger: Forger) -> None:
    made = forger.genuine()
    forger.anchor(forger.batch(made), count=2)
    assert judged(forger.audit(FAILED))["batches"].endswith(" and 1 receipt")


def test_an_access_that_its_lease_does_not_allow_is_named(forger: Forger) -> None:
    made = forger.genuine()
    forger.anchor(forger.batch(made))
    entry = made.access
    granted = licenses.find(forger.chain, LicenseId(entry.request.license_id)).grant
    words = (granted.dataset_id, entry.request.license_id, entry.request.purpose, len(entry.recordings) + 1)
    forger.chain.send(
        Call("DataAccess", "recordAccess", (*words, typed.digest(forger.access, entry.access))), forger.licensee
    )
    told = judged(forger.audit(FAILED))
    assert set(told) == {"accesses"}
    assert f"recorded for {words[3]} recordings, the lease names {len(entry.recordings)}" in told["accesses"]


def one_missing(forger: Forger) -> None:
    """One payee's leaf is gone, and another has what it had."""
    closed = forger.closed()
    cumulative = dict(closed.decision.carry.cumulative)
    gone, kept = sorted(cumulative)[:2]
    cumulative[kept] = Wei(cumulative[kept] + cumulative.pop(gone))
    decision = replace(closed.decision, carry=replace(closed.decision.carry, cumulative=cumulative))
    moved = tuple(replace(one, payee=kept) if one.payee == gone else one for one in decision.credits)
    decision = replace(decision, credits=moved)
    forger.propose(documents.publish(decision, cid.of_raw, "duckdb"))


EPOCHS: dict[str, tuple[Callable[[Forger], None], dict[str, str]]] = {
    "one leaf with one unit more": (one_more, {"settlements": "its tree (bafk", "statements": "its total grew by"}),
    "a payee left out": (one_missing, {"settlements": "its tree (bafk"}),
    "leaves in another order": (
        lambda forger: forger.propose(forger.closed(), root=unsorted_root(forger.closed())),
        {"settlements": "proposed are", "trees": "gives root 0x"},
    ),
    "a total too high": (
        lambda forger: forger.propose(forger.closed(), total=Wei(forger.closed().total + 1)),
        {"settlements": "proposed are", "statements": "its total grew by", "trees": "its leaves sum to"},
    ),
    "another usage head": (
        lambda forger: forger.propose(forger.closed(), usage_head=WORD),
        {"settlements": "proposed are"},
    ),
    "a statement that says more than was earned": (
        lambda forger: forger.propose(
            forger.restated(forger.closed(), "statements", lambda data: data.replace(b'"units":"', b'"units":"1', 1))
        ),
        {"settlements": "its statements (bafk"},
    ),
    "a manifest that names another cutoff": (
        lambda forger: forger.propose(
            forger.manifested(
                forger.closed(),
                lambda one: {**one, "cutoffBlock": {**one["cutoffBlock"], "hash": "0x" + WORD.hex()}},
            )
        ),
        {"cutoffs": "has another hash on this chain", "settlements": "differs in cutoffBlock"},
    ),
    "a manifest that names a block that is not there yet": (
        lambda forger: forger.propose(
            forger.manifested(
                forger.closed(), lambda one: {**one, "cutoffBlock": {**one["cutoffBlock"], "number": 10**6}}
            )
        ),
        {"cutoffs": "its cutoff block 1000000 is not", "settlements": "its cutoff block 1000000 is not"},
    ),
    "a manifest that is none": (
        lambda forger: forger.propose(replace(forger.closed(), manifest=b'{"format":"provenance/epoch","version":1}')),
        {"cutoffs": "cutoffBlock", "settlements": "cutoffBlock", "statements": "snapshots", "trees": "snapshots"},
    ),
    "a manifest with a pot too large": (
        lambda forger: forger.propose(
            forger.manifested(
                forger.closed(), lambda one: {**one, "pots": [{**pot, "pot": "999999999"} for pot in one["pots"]]}
            )
        ),
        {"settlements": "differs in pots"},
    ),
}


@pytest.mark.parametrize("lie", EPOCHS)
def test_what_is_wrong_with_an_epoch_is_named_and_how_to_challenge_it(forger: Forger, lie: str) -> None:
    make, expected = EPOCHS[lie]
    forger.anchor(forger.batch(forger.genuine()))
    make(forger)
    report = forger.audit(FAILED)
    told = judged(report)
    assert {name: words for name, words in expected.items() if words not in told.get(name, "")} == {}, told
    assert set(told) == set(expected), told
    assert all(detail.startswith("epoch 2: ") for detail in told.values())
    assert report["challenge"]["epoch"] == 2
    assert report["challenge"]["reason"].endswith(told[report["challenge"]["reason"].partition(":")[0]])


def told_to_people(forger: Forger, capsys: pytest.CaptureFixture[str], status: int) -> str:
    assert run(["audit", "run", "--config", str(forger.demo.settings), "--home", str(forger.home)]) == status
    return capsys.readouterr().out


def test_nobody_is_sent_to_challenge_an_epoch_that_could_not_be_judged(
    forger: Forger, capsys: pytest.CaptureFixture[str]
) -> None:
    forger.anchor(forger.batch(forger.genuine()))
    closed = forger.closed()
    forger.propose(closed)
    manifest = cid.of_raw(closed.manifest)
    forger.content.remove(manifest)
    report = forger.audit(INCOMPLETE)
    assert str(manifest) in judged(report)["settlements"]
    assert report["challenge"] is None
    told = told_to_people(forger, capsys, INCOMPLETE).partition("Epoch 2 could not be judged. ")[2]
    source, _, challenge = told.partition("Add a content source")
    assert str(manifest) in source
    assert "100 TUSD: `provenance audit challenge 2 --unavailable`" in challenge
    assert "data 0x" not in told


@pytest.mark.parametrize(("elsewhere", "with_all"), [("session", 0), ("segment before", FAILED)])
def test_what_may_stand_in_a_batch_that_nobody_has_is_not_called_forged(
    forger: Forger, elsewhere: str, with_all: int
) -> None:
    made, known = forger.genuine(), set(whole.cids(forger.content))
    forger.anchor(forger.batch(made, segments=()))
    [gone] = set(whole.cids(forger.content)) - known - {made.segment.cid}
    if elsewhere == "session":
        forger.anchor(forger.batch(made, sessions=(), accesses=()))
    else:
        forger.anchor(segment(forger, made, prev_segment_hash=WORD))
    forger.audit(with_all)
    forger.content.remove(gone)
    told = judged(forger.audit(INCOMPLETE))
    assert str(gone) in told["segments"]


def test_a_batch_that_nobody_has_excuses_no_forgery_before_it(forger: Forger) -> None:
    made = forger.genuine()
    forger.anchor(segment(forger, made, prev_segment_hash=WORD))
    known = set(whole.cids(forger.content))
    forger.anchor(forger.batch(made, segments=(), sessions=(), accesses=()))
    [gone] = set(whole.cids(forger.content)) - known
    forger.content.remove(gone)
    assert "the previous segment is 0x" in judged(forger.audit(FAILED))["segments"]


def test_the_printed_challenge_stops_the_epoch(forger: Forger) -> None:
    forger.anchor(forger.batch(forger.genuine()))
    one_more(forger)
    challenge = forger.audit(FAILED)["challenge"]
    watcher, rpc = forger.demo.wallet("holder-3").signer, forger.chain.node.rpc
    distributor = forger.chain.deployment.contracts["RoyaltyDistributor"]
    assert challenge["to"] == "0x" + distributor.hex()
    forger.chain.send(Call("Token", "approve", (distributor, int(challenge["bond"]))), watcher)
    sender = "0x" + watcher.address.hex()
    sent = {"from": sender, "to": challenge["to"], "data": challenge["data"], "gas": hex(300_000)}
    tx = rpc.call("eth_sendTransaction", sent)
    assert forger.chain.node.wait(Bytes32(bytes.fromhex(tx[2:]))).succeeded
    (found,) = forger.chain.read(Call("RoyaltyDistributor", "settlement", (2,)))
    assert 2 in found  # type: ignore[operator]  # the status CHALLENGED
    again = forger.audit(FAILED)
    assert again["challenge"] is None


def test_a_human_reads_the_challenge_too(forger: Forger, capsys: pytest.CaptureFixture[str]) -> None:
    forger.anchor(forger.batch(forger.genuine()))
    one_more(forger)
    told = told_to_people(forger, capsys, FAILED)
    assert "Epoch 2 can be challenged until " in told
    assert "approve 100 TUSD to 0x" in told
    assert "  data 0x" in told


@pytest.mark.parametrize(("asked_s", "status"), [(REQUEST_LIFE_S + 60, FAILED), (REQUEST_LIFE_S - 60, 0)])
def test_a_lease_asked_for_after_a_withdrawal_is_named_and_one_asked_before_is_not(
    forger: Forger, asked_s: int, status: int
) -> None:
    ledger = Ledger.fold(forger.chain.events(forger.chain.deployment.first_block, forger.chain.head().number))
    [revoked] = ledger.revocations.values()
    entry = next(
        entry
        for one in forger.batches()
        for entry in one.accesses
        if entry.request.license_id == max(ledger.licenses.values(), key=lambda one: one.granted.number).id
    )
    request = replace(entry.request, nonce=79, deadline=UnixSeconds(revoked.time + asked_s))
    entry = forger.leased(
        replace(entry, request=request, access=replace(entry.access, request=typed.digest(forger.access, request)))
    )
    granted = licenses.find(forger.chain, LicenseId(request.license_id)).grant
    words = (granted.dataset_id, request.license_id, request.purpose, len(entry.recordings))
    forger.chain.send(
        Call("DataAccess", "recordAccess", (*words, typed.digest(forger.access, entry.access))), forger.licensee
    )
    forger.anchor(Batch(forger.operator.address, ZERO32, accesses=(entry,)))
    told = judged(forger.audit(status))
    assert set(told) == ({"accesses"} if status else set()), told
    assert "consent-withdrawn" in told.get("accesses", "consent-withdrawn")


def test_a_dataset_with_a_copied_consent_is_named_once_it_is_used(forger: Forger) -> None:
    thief, clock = forger.demo.wallet("holder-8").signer, wire.HostClock(lambda: 3_700)
    manifest = forger.stolen(thief.address)
    digest = forger.content.put(manifest.encode()).digest
    words = (manifest.root(), digest, manifest.terms_hash, manifest.split_hash())
    forger.chain.send(Call("DatasetRegistry", "register", (*words, len(manifest.recordings))), thief)
    deployment = forger.chain.deployment
    dataset = manifest.dataset_id(deployment.chain_id, deployment.contracts["DatasetRegistry"], digest)
    offer = licenses.offer(
        forger.chain, licenses.dataset(forger.chain, forger.content, dataset), thief, clock, SystemRandom(),
        purposes=1 << 10, expiry=UnixSeconds(clock.now() + 10**6), licensee=forger.licensee.address,
    )  # fmt: skip
    price = Call("Token", "approve", (offer.offer.distributor, offer.offer.price))
    forger.chain.send(price, forger.licensee)
    words_of_offer = tuple(getattr(offer.offer, name) for name in type(offer.offer).__slots__)
    accepting = (words_of_offer, thief.address, manifest.root(), digest, 0, offer.signature)
    forger.chain.send(Call("DataAccess", "accept", accepting), forger.licensee)
    license_ = licenses.license_id(forger.chain, offer, forger.licensee.address)
    made, recording = forger.genuine().access, recording_id(dataset, 0)
    request = replace(made.request, license_id=license_, recordings_root=merkle.root([merkle.leaf(recording)]))
    access = replace(made.access, request=typed.digest(forger.access, request))
    entry = forger.leased(replace(made, request=request, access=access, recordings=(recording,)))
    forger.anchor(Batch(forger.operator.address, ZERO32, accesses=(entry,)))
    told = judged(forger.audit(FAILED))
    assert set(told) == {"consents"}, told
    assert "0x" + dataset.hex() in told["consents"]


def test_a_strangers_junk_changes_no_verdict_and_stops_nobody(forger: Forger) -> None:
    stranger = forger.demo.wallet("holder-7").signer
    words = (WORD, WORD, WORD, WORD, 2**32 - 1)
    forger.chain.send(Call("DatasetRegistry", "register", words), stranger)
    forger.anchor(forger.batch(forger.genuine()))
    forger.propose(forger.closed())
    report = forger.audit()
    told = {one["name"]: one["detail"] for one in report["checks"]}
    assert told["manifests"].endswith("unused ones that do not hold or have no content here: 1")


def test_trace_of_a_receipt_that_no_epoch_settled_yet_says_so(forger: Forger) -> None:
    made = forger.genuine()
    forger.anchor(forger.batch(made))
    receipt = usage.receipt_id(usage.session_id(forger.usage, made.session.session), 0)
    found = command(
        "audit", "trace", "0x" + receipt.hex(), "--config", str(forger.demo.settings), "--home", str(forger.home)
    )
    assert found["settlement"] is None
