"""Documents made for tests: valid ones, with every part open to be changed by `dataclasses.replace`."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from coincurve import PrivateKey

from provenance.domain import cid, typed
from provenance.domain.consent import Scope, SignedConsent, Words
from provenance.domain.hashes import keccak
from provenance.domain.manifest import Manifest, Recording, SealedObject
from provenance.domain.pool import CuratorShare
from provenance.domain.sealed import Header, KeyCommitment, PlaintextCommitment, Sealed
from provenance.domain.splits import Split
from provenance.domain.terms import AttributionRule, Caps, LegalText, PerUnit, Price, Terms
from provenance.domain.territories import territories_hash
from provenance.types import Address, Bps, Bytes32, UnixSeconds, Wei

if TYPE_CHECKING:
    from collections.abc import Iterable

START = UnixSeconds(1_780_000_000)
END = UnixSeconds(1_880_000_000)
TOKEN = Address(b"\x70" * 20)
DISTRIBUTOR = Address(b"\xd1" * 20)
GATEWAY = Address(b"\x6a" * 20)
CHAIN = 31_337


def word(text: str) -> Bytes32:
    """32 bytes that look random and are the same in every run."""
    return Bytes32(hashlib.sha256(text.encode()).digest())


class Key:
    """A signing key made from a name."""

    def __init__(self, name: str) -> None:
        self._key = PrivateKey(word("key of " + name))
        public = self._key.public_key.format(compressed=False)
        self.address = Address(keccak(public[1:])[12:])

    def sign(self, digest: Bytes32) -> bytes:
        """r ‖ s ‖ v."""
        made = self._key.sign_recoverable(digest, hasher=None)
        return made[:64] + bytes((made[64] + 27,))

    def sign_typed(self, domain: typed.Domain, struct: typed.Struct) -> bytes:
        return self.sign(typed.digest(domain, struct))


HOLDER = Key("holder")
VOICE = Key("voice")


def domains(chain_id: int = CHAIN) -> typed.Domains:
    """Every contract's domain, each at an address of its own."""

    def one(name: str, byte: int) -> typed.Domain:
        return typed.Domain(name, chain_id, Address(bytes((byte,)) * 20))

    return typed.Domains(
        consent=one("ConsentRegistry", 0xC0),
        registry=one("DatasetRegistry", 0xD5),
        access=one("DataAccess", 0xDA),
        usage=one("UsageLedger", 0x05),
        distributor=one("RoyaltyDistributor", 0xD1),
    )


def terms(purposes: int = 0b110, **changes: object) -> Terms:
    """Terms that allow training in Europe and Korea, at 1,000 base units an output."""
    made: dict[str, object] = {
        "purposes": purposes,
        "prohibited": 1 << 4,
        "territories": ("EEA", "KR"),
        "not_before": START,
        "not_after": END,
        "price": Price(DISTRIBUTOR, Wei(5_000_000), PerUnit(1, Wei(1_000))),
        "caps": Caps(),
        "attribution": AttributionRule(1, None),
        "erasure_days": 30,
        "notice_days": 14,
        "share_alike": False,
        "text": {"en": LegalText("https://example.com/terms", word("text"))},
    }
    return Terms(**{**made, **changes})  # type: ignore[arg-type]


def consent(
    *,
    voice_id: Bytes32 | None = None,
    voice: Key = VOICE,
    holder: Address = HOLDER.address,
    recordings: Iterable[Bytes32] | None = None,
    purposes: int = 0b110,
    territories: tuple[str, ...] = ("EEA", "KR"),
    nonce: int = 0,
    chain_id: int = CHAIN,
    words: Words | None = None,
) -> SignedConsent:
    """A consent signed by its subject."""
    listed = None if recordings is None else frozenset(recordings)
    scope = Scope(listed, ("role:narrator",), words.hash if words else None)
    fields = typed.Consent(
        subject=voice.address,
        holder=holder,
        voice_id=word("voice") if voice_id is None else voice_id,
        scope_hash=scope.scope_hash,
        purposes=purposes,
        territories=territories_hash(territories),
        not_before=START,
        not_after=END,
        nonce=nonce,
    )
    signature = voice.sign(typed.digest(domains(chain_id).consent, fields))
    return SignedConsent(fields, signature, tuple(sorted(territories)), scope)


def sealed(name: str, holder: Address = HOLDER.address, size: int = 100_000) -> Sealed:
    """What a manifest says of a sealed object of this name."""
    return Sealed(
        Header(word("object " + name), holder, size),
        KeyCommitment(word("key commitment " + name)),
        PlaintextCommitment(word("plaintext commitment " + name)),
    )


def recording(index: int = 0, consents: Iterable[SignedConsent] = ()) -> Recording:
    """A good take in which the voices of these consents are heard."""
    given = tuple(consents)
    ids = sorted(one.id(domains().consent) for one in given)
    return Recording(
        index=index,
        name=f"{index + 1:04}.wav",
        cid=cid.Cid("raw", word(f"cid {index}")),
        sealed=sealed(str(index)),
        duration_ms=3_000,
        sample_rate=16_000,
        channels=1,
        codec="wav/pcm_16",
        quality={"verdict": "pass", "gateVersion": 1, "lufsCentibels": -2_300},
        voice_ids=tuple(sorted({one.consent.voice_id for one in given})),
        consent_ids=tuple(ids),
    )


def manifest(count: int = 3, given: Iterable[SignedConsent] | None = None, **changes: object) -> Manifest:
    """A voice dataset of this many takes under one consent."""
    consents = (consent(),) if given is None else tuple(given)
    made: dict[str, object] = {
        "title": "Голос 声音 🎙",
        "kind": "voice",
        "language": "en",
        "tags": ("digits",),
        "created_at": START,
        "holder": HOLDER.address,
        "gateway": GATEWAY,
        "splits": (Split(HOLDER.address, Bps(7_000)), Split(VOICE.address, Bps(3_000))),
        "terms_cid": cid.of_raw(terms().encode()),
        "terms_hash": terms().terms_hash,
        "consents": consents,
        "recordings": tuple(recording(index, consents) for index in range(count)),
        "private": SealedObject(cid.Cid("raw", word("private cid")), sealed("private")),
    }
    return Manifest(**{**made, **changes})  # type: ignore[arg-type]


def pool_manifest(**changes: object) -> Manifest:
    """A pool, of which the curator gets a twentieth."""
    made: dict[str, object] = {"kind": "pool", "consents": (), "recordings": (), "private": None}
    return manifest(0, (), **{**made, "pool": CuratorShare(Bps(500)), **changes})
