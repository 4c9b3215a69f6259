"""A gateway in memory that judges deposits as the real one does, and can be told to refuse or die."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

from indexer.gateway.deposits import DepositOfAnother
from provenance.adapters import seal
from provenance.app.ports import GatewayKey, Listing, SignedGateReport
from provenance.app.publish.register import words
from provenance.app.publish.takes import info_for
from provenance.domain import fields, refusal, signature, typed
from provenance.domain.cid import Cid
from provenance.domain.events import ContentRotated
from provenance.domain.manifest import Manifest, recording_id
from provenance.domain.messages import DepositAuthorization
from provenance.domain.recording import Recording, SealedObject, serving
from provenance.errors import Missing
from provenance.types import ZERO32, Address, BlockNumber, Bytes32, UnixSeconds
from tests import documents, whole
from tests.fakes.chain import Killed, MemoryChain
from tests.fakes.content import MemoryContent

KEY = documents.word("the gateway's envelope key")
WALLET = documents.Key("gateway")


class MemoryGateway:
    """Takes content and deposits. `registered` says whose audio is known, by the plaintext's sha-256."""

    def __init__(self, chain: MemoryChain) -> None:
        self.chain, self.sender = chain, documents.HOLDER.address
        self.content = MemoryContent()
        self.uploads: list[Cid] = []
        self.deposits: dict[Bytes32, tuple[SignedGateReport, ...]] = {}
        self.earlier: dict[bytes, Bytes32] = {}
        """Plaintext → a stranger's dataset."""
        self.heard: dict[bytes, tuple[Address, Bytes32]] = {}
        """Plaintext → who deposited it first, and in which dataset."""
        self.unfit: set[bytes] = set()
        self.die_at_upload = -1
        self.die_at_deposit = False
        self.disputes: list[tuple[int, ...]] = []

    def key(self) -> GatewayKey:
        binding = typed.KeyBinding(WALLET.address, seal.public_key(KEY), UnixSeconds(documents.END), 0)
        signature = WALLET.sign(typed.digest(self.chain.deployment.domains.access, binding))
        return GatewayKey(WALLET.address, binding, signature, {"chainId": self.chain.deployment.chain_id})

    def put_content(self, cid: Cid, data: bytes | Path) -> None:
        if self.content.has(cid):
            return
        if len(self.uploads) == self.die_at_upload:
            raise Killed
        found = self.content.put(data.read_bytes() if isinstance(data, Path) else data)
        assert found == cid
        self.uploads.append(cid)

    def seen_by(self, sender: Address) -> MemoryGateway:
        """The same gateway, asked by another account."""
        other = copy.copy(self)
        other.sender = sender
        return other

    def deposit(
        self,
        manifest: bytes,
        envelopes: Mapping[Bytes32, bytes],
        *,
        dispute: tuple[int, ...] = (),
        authorization: DepositAuthorization | None = None,
    ) -> tuple[SignedGateReport, ...]:
        if self.die_at_deposit:
            raise Killed
        self.disputes.append(dispute)
        cid = self.content.put(manifest)
        found, deployment = Manifest.parse(manifest), self.chain.deployment
        made = found.dataset_id(deployment.chain_id, deployment.contracts["DatasetRegistry"], cid.digest)
        if self.sender not in (found.holder, self.chain.datasets.get(made, (None, 0))[0]):
            self._check_bearer(found, cid, authorization)
        if made in self.deposits:
            self._take_rotated(made, found, envelopes)
            return self.deposits[made]
        ids = found.consents_by_id(deployment.domains.consent)
        found.check(
            deployment.domains.consent,
            {one for one, said in ids.items() if (said.consent.subject, one) in self.chain.approved},
        )
        for digest in (found.terms_hash, *(one.consent.scope_hash for one in found.consents)):
            self.content.get_digest(digest)
        refused: list[dict[str, object]] = []
        heard: list[bytes] = []
        for item in found.objects():
            plaintext = self._opened(item, envelopes)
            if isinstance(item, Recording):
                heard.append(plaintext)
                refused += self._refusal(plaintext, item.index, found.holder, dispute)
        if refused:
            duplicates = any(row["code"] == "duplicate-of" for row in refused)
            raise (refusal.DuplicateOf if duplicates else refusal.TakeRejected)("refused", refused=refused)  # type: ignore[arg-type]
        for plaintext in heard:
            self.heard.setdefault(plaintext, (found.holder, made))
        self.deposits[made] = tuple(
            SignedGateReport(
                one.index,
                typed.GateReport(recording_id(made, one.index), 0, ZERO32, documents.word("cluster"), 1),
                b"",
            )
            for one in found.recordings
        )
        return self.deposits[made]

    def _check_bearer(self, found: Manifest, cid: Cid, authorization: DepositAuthorization | None) -> None:
        if authorization is None:
            raise DepositOfAnother("the manifest is another holder's")
        digest = typed.digest(self.chain.deployment.domains.registry, words(found, cid, authorization.deadline))
        signature.check(digest, authorization.signature, found.holder)

    def _take_rotated(self, made: Bytes32, found: Manifest, envelopes: Mapping[bytes, bytes]) -> None:
        rotations = [one.event for one in self.chain.about(made) if isinstance(one.event, ContentRotated)]
        for recording in found.recordings:
            now = serving(recording, rotations)
            if now is not recording and now.sealed.header.object_id in envelopes:
                self._opened(now, envelopes)  # type: ignore[arg-type]
                self.content.remove(recording.cid)

    def _earlier(self, plaintext: bytes, holder: Address) -> Bytes32 | None:
        first, dataset = self.heard.get(plaintext, (holder, None))
        return self.earlier.get(plaintext) if first == holder else dataset

    def _refusal(self, plaintext: bytes, index: int, holder: Address, dispute: tuple[int, ...]) -> list[dict]:
        earlier = self._earlier(plaintext, holder)
        if plaintext in self.unfit:
            return [{"index": index, "code": "take-rejected", "quality": {}}]
        if earlier is not None and index not in dispute:
            return [{"index": index, "code": "duplicate-of", "dataset": fields.shown(earlier), "recording": 0}]
        return []

    def _opened(self, item: Recording | SealedObject, envelopes: Mapping[Bytes32, bytes]) -> bytes:
        envelope = envelopes.get(item.sealed.header.object_id)
        if envelope is None or not self.content.has(item.cid):
            raise Missing("not uploaded")
        secret = seal.open_envelope(KEY, envelope, info_for(self.chain, item.cid, item.sealed, WALLET.address))
        return whole.unseal(item.sealed, secret, self.content.get(item.cid))

    def listing(self, kind: str, **filters: str | int) -> Listing:
        del kind, filters
        return Listing((), BlockNumber(self.chain.number), ZERO32, "latest-0")
