"""Consents: how a voice owner gives one, takes it back, and knows what was given.

The voice owner's journal keeps one random voice id for each voice and holder, so that voices cannot
be joined across holders, and every consent that was signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from provenance.app.ports import Call, Chain, Journal, Random, Signer
from provenance.domain import canonical, fields, purposes, record, refusal, signature, territories, typed
from provenance.domain.consent import SALT_BYTES, BadConsent, Scope, SignedConsent, SignedExtension, Words
from provenance.domain.manifest import ForeignConsent
from provenance.domain.rules import consent as rules
from provenance.domain.rules.case import ConsentCase, ConsentFacts, UseFacts, first_broken
from provenance.domain.rules.reason import Reason
from provenance.errors import Conflict, Denied, Invalid, Missing
from provenance.types import ZERO32, Address, Bytes32, ConsentId, Json, UnixSeconds, VoiceId

RECORDINGS_KIND: Final = "provenance/recordings"
TITLE: Final = "revoke consent"
GIVEN, WITHDRAWN = rules.GIVEN, rules.WITHDRAWN


class AlreadyWithdrawn(Conflict):
    """The consent was withdrawn before."""

    next = (
        "It is for good, from the block of its first revocation on. If it was a mistake: give a new one with `consent grant`; "
        "its holder uploads again under it and runs `dataset supersede OLD NEW`."
    )


class NotTheSubject(Denied):
    """Only who gave a consent can withdraw it."""

    next = "Repeat with --account of the voice owner who signed it."


class ServesAlready(Conflict):
    """The consent serves that holder already."""

    next = "Nothing is left to do: that holder can license what rests on it."


class ExtensionOver(Invalid):
    """A signed extension whose time has passed."""

    next = "Ask the voice owner for a fresh one: `consent extend ID HOLDER --out F`."


class ConsentOver(Invalid):
    """A consent whose time has passed."""

    next = "Ask the voice owner for a new consent: `consent grant --until DATE`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A consent as its owner wants to give it."""

    voice: str
    """The owner's own label; never published."""
    holder: Address
    purposes: int
    territories: tuple[str, ...]
    not_before: UnixSeconds
    not_after: UnixSeconds
    scope: Scope
    words: str | None = None
    """What was agreed in words; the scope gets a salted hash of them."""


@dataclass(frozen=True, slots=True)
class JournaledConsent:
    """A consent in the owner's journal."""

    id: ConsentId
    voice: str
    consent: SignedConsent
    words: Words | None = None


def grant(
    asked: Grant, *, journal: Journal, random: Random, signer: Signer, chain: Chain, now: UnixSeconds
) -> JournaledConsent:
    """A signed consent, kept in the journal.

    Raises:
        Invalid: it would never count, or names nothing.
    """
    if rules.over(asked, now):
        raise BadConsent(
            f"notAfter {fields.dated(asked.not_after)} is in the past", field="notAfter", next="Give a later --until."
        )
    words = Words(asked.words, Bytes32(random.bytes(SALT_BYTES))) if asked.words is not None else None
    public = replace(asked.scope, words=words.hash) if words else asked.scope
    scope = Scope.parse(fields.mapping({"scope": canonical.loads(public.encode())}, "scope"))
    voice_id = _voice_id(asked, signer.address, journal, random)
    consent = typed.Consent(
        subject=signer.address,
        holder=asked.holder,
        voice_id=voice_id,
        scope_hash=scope.scope_hash,
        purposes=purposes.check(asked.purposes),
        territories=territories.territories_hash(asked.territories),
        not_before=asked.not_before,
        not_after=asked.not_after,
        nonce=int.from_bytes(random.bytes(32), "big"),
    )
    consent_id = typed.digest(chain.deployment.domains.consent, consent)
    signed = SignedConsent(
        consent,
        signer.sign_typed(chain.deployment.domains.consent, consent),
        territories.parse(asked.territories),
        scope,
    )
    journal.append(
        {
            "step": "granted",
            "voice": asked.voice,
            "id": fields.shown(consent_id),
            "chainId": chain.deployment.chain_id,
            "consent": signed.document(),
            "words": record.write(words) if words else None,
        }
    )
    return JournaledConsent(consent_id, asked.voice, signed, words)


def _voice_id(asked: Grant, subject: Address, journal: Journal, random: Random) -> VoiceId:
    """The id of this voice at this holder: drawn once, remembered before it is used."""
    key = (asked.voice, fields.shown(subject), fields.shown(asked.holder))
    for entry in journal.entries():
        if entry.get("step") == "voice" and (entry.get("voice"), entry.get("subject"), entry.get("holder")) == key:
            return fields.word(entry, "voiceId")
    voice_id = Bytes32(random.bytes(32))
    journal.append(
        {"step": "voice", "voice": key[0], "subject": key[1], "holder": key[2], "voiceId": fields.shown(voice_id)}
    )
    return voice_id


def journaled(entries: Iterable[Mapping[str, Json]], chain_id: int) -> tuple[JournaledConsent, ...]:
    """Every consent granted for this chain, oldest first."""
    return tuple(
        JournaledConsent(
            fields.word(entry, "id"),
            fields.text(entry, "voice"),
            SignedConsent.of(entry.get("consent")),
            Words.of(fields.mapping(entry, "words")) if entry.get("words") else None,
        )
        for entry in entries
        if entry.get("step") == "granted" and entry.get("chainId") == chain_id
    )


def find(name: str, entries: Iterable[Mapping[str, Json]], chain_id: int) -> JournaledConsent:
    """The consent of this id.

    Raises:
        Missing: it was not granted here.
    """
    wanted = fields.word({"id": name}, "id")
    for consent in journaled(entries, chain_id):
        if consent.id == wanted:
            return consent
    raise Missing(
        f"no consent {name} was granted from this home",
        next="Give the consent's file, or --home of the voice owner; `consent list` shows what is here.",
        consent=name,
    )


def listed_scope(document_bytes: bytes, holder: Address, codes: tuple[str, ...]) -> Scope:
    """The scope of the recordings in a `provenance/recordings/1` file that `upload` wrote.

    Raises:
        BadConsent: they are another holder's, or there are none.
    """
    document = canonical.parse(document_bytes, kind=RECORDINGS_KIND)
    named = fields.address(document, "holder")
    if named != holder:
        raise BadConsent(
            f"these recordings are {fields.checksummed(named)}'s, the consent would be given to {fields.checksummed(holder)}",
            field="holder",
            next="Give the consent to the holder who sent the file: --holder.",
        )
    rows = fields.objects(document, "recordings", most=1 << 17)
    if not rows:
        raise BadConsent("recordings: the file lists none", field="recordings")
    return Scope(frozenset(fields.word(row, "plaintextCommitment") for row in rows), tuple(sorted(set(codes))))


def withdrawn_at(consent_id: ConsentId, subject: Address, chain: Chain) -> UnixSeconds | None:
    """When the subject withdrew it, by the latest block."""
    revoked_at = chain.read(Call("ConsentRegistry", "revokedAt", (subject, consent_id)))[0]
    return UnixSeconds(revoked_at) if isinstance(revoked_at, int) and revoked_at else None


def state(consent_id: ConsentId, consent: SignedConsent, chain: Chain, now: UnixSeconds) -> str:
    """GIVEN, WITHDRAWN or EXPIRED."""
    return rules.state(consent, withdrawn_at(consent_id, consent.consent.subject, chain), now)


def check_signed(consent: SignedConsent, chain: Chain) -> None:
    """Its subject signed it for this network, or, as a contract wallet, approved it on chain.

    Raises:
        BadSignature: neither.
    """
    consent_id = consent.id(chain.deployment.domains.consent)
    try:
        signature.check(consent_id, consent.signature, consent.consent.subject)
    except signature.BadSignature:
        if not chain.read(Call("ConsentRegistry", "approvedAt", (consent.consent.subject, consent_id)))[0]:
            raise


def check_usable(consent: SignedConsent, holder: Address, chain: Chain, now: UnixSeconds) -> None:
    """A holder may upload under it: it is the holder's own, its subject stands by it, and its time is not over.

    Raises:
        ForeignConsent, ConsentWithdrawn, ConsentOver, BadSignature: one of these is not so.
    """
    consent_id, given = consent.id(chain.deployment.domains.consent), consent.consent
    facts = ConsentFacts.of(consent_id, consent, withdrawn_at(consent_id, given.subject, chain))
    case = ConsentCase(facts, holder, UseFacts(now))
    broken = first_broken(rules.STANDING, case)
    if broken and broken.reason is Reason.CONSENT_OF_ANOTHER_HOLDER:
        detail = f"{broken.detail(case)}, not to {fields.checksummed(holder)}"
        raise ForeignConsent(detail, holder=fields.shown(given.holder))
    if broken and broken.reason is Reason.CONSENT_EXPIRED:
        raise ConsentOver(broken.detail(case), notAfter=str(given.not_after))
    if broken:
        raise refusal.ConsentWithdrawn(
            "the voice owner withdrew this consent, for good",
            next="Ask the voice owner for a new one (`consent grant`) and upload with it; a dataset registered under the"
            " old one is then replaced with `dataset supersede OLD NEW`.",
            consent=fields.shown(consent_id),
        )
    check_signed(consent, chain)


def revocation(consent_id: ConsentId, subject: Address, sender: Address, chain: Chain) -> Call:
    """The transaction that withdraws a consent from its block on.

    Raises:
        NotTheSubject: the sender did not give it.
        AlreadyWithdrawn: nothing is left to do.
    """
    if subject != sender:
        raise NotTheSubject(
            f"{fields.checksummed(subject)} gave this consent, not {fields.checksummed(sender)}",
            subject=fields.shown(subject),
        )
    revoked_at = withdrawn_at(consent_id, subject, chain)
    if revoked_at is not None:
        raise AlreadyWithdrawn(
            f"withdrawn at {fields.dated(revoked_at)}", consent=fields.shown(consent_id), at=revoked_at
        )
    return Call("ConsentRegistry", "revokeConsent", (consent_id, ZERO32))


def check_extendable(
    consent_id: ConsentId, consent: SignedConsent, holder: Address, account: Address, chain: Chain
) -> None:
    """Its subject can let it serve this holder too.

    Raises:
        NotTheSubject: the account did not give it.
        ConsentWithdrawn: it serves nobody any more.
        ServesAlready: it names the holder, or was extended to it.
    """
    given = consent.consent
    if given.subject != account:
        raise NotTheSubject(
            f"{fields.checksummed(given.subject)} gave this consent, not {fields.checksummed(account)}",
            subject=fields.shown(given.subject),
        )
    if withdrawn_at(consent_id, account, chain) is not None:
        raise refusal.ConsentWithdrawn(
            "a withdrawn consent serves nobody",
            next="Give the other holder a new one: `consent grant`.",
            consent=fields.shown(consent_id),
        )
    if given.holder == holder or extended_at(consent_id, account, holder, chain):
        raise ServesAlready(
            f"the consent serves {fields.checksummed(holder)} already",
            consent=fields.shown(consent_id),
            holder=fields.shown(holder),
        )


def extended_at(consent_id: ConsentId, subject: Address, holder: Address, chain: Chain) -> UnixSeconds | None:
    """When the subject let the consent serve this holder too, by the latest block."""
    (second,) = chain.read(Call("ConsentRegistry", "extendedAt", (subject, consent_id, holder)))
    return UnixSeconds(second) if isinstance(second, int) and second else None


def extension(consent_id: ConsentId, holder: Address) -> Call:
    """The transaction by which the subject lets a consent serve another holder too, from its block on."""
    return Call("ConsentRegistry", "extendConsent", (consent_id, holder))


def sign_extension(
    consent_id: ConsentId, holder: Address, signer: Signer, chain: Chain, deadline: UnixSeconds
) -> SignedExtension:
    """The same as a document, for somebody else to send up to the deadline."""
    words = typed.ExtendConsent(consent_id, holder, deadline)
    return SignedExtension(words, signer.address, signer.sign_typed(chain.deployment.domains.consent, words))


def relayed_extension(signed: SignedExtension, chain: Chain, now: UnixSeconds) -> Call:
    """The transaction by which anybody puts a signed extension on chain.

    Raises:
        ExtensionOver: its deadline has passed.
        ServesAlready: it is on chain.
        BadSignature: its subject's key did not sign it; a contract wallet is the contract's to ask.
    """
    words = signed.extension
    if words.deadline < now:
        raise ExtensionOver(f"the extension counted until {fields.dated(words.deadline)}", deadline=words.deadline)
    if extended_at(words.consent_id, signed.subject, words.holder, chain):
        raise ServesAlready(
            f"the consent serves {fields.checksummed(words.holder)} already",
            consent=fields.shown(words.consent_id),
            holder=fields.shown(words.holder),
        )
    if not chain.has_code(signed.subject):
        digest = typed.digest(chain.deployment.domains.consent, words)
        signature.check(digest, signed.signature, signed.subject)
    arguments = (signed.subject, words.consent_id, words.holder, words.deadline, signed.signature)
    return Call("ConsentRegistry", "extendConsentFor", arguments)
