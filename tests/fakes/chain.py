"""A chain in memory that knows datasets, consents and meters, and can die before or after a transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from provenance.app.ports import Call, ChainBlock, Cost, Deployment, Logged, Mined, TokenUnit
from provenance.domain import events, manifest as manifests, typed
from provenance.domain.hashes import keccak
from provenance.errors import Missing, Reverted
from provenance.types import ZERO32, ZERO_ADDRESS, Address, BlockNumber, Bytes32, UnixSeconds, Wei
from tests import documents, logs

if TYPE_CHECKING:
    from provenance.app.ports import Signer


class Killed(BaseException):
    """The process ended here."""


def deployment(chain_id: int = documents.CHAIN) -> Deployment:
    domains = documents.domains(chain_id)
    return Deployment(
        chain_id,
        BlockNumber(1),
        {
            "DatasetRegistry": domains.registry.contract,
            "ConsentRegistry": domains.consent.contract,
            "DataAccess": domains.access.contract,
            "UsageLedger": domains.usage.contract,
            "ArtifactRegistry": Address(b"\xa5" * 20),
            "RoyaltyDistributor": domains.distributor.contract,
            "Token": documents.TOKEN,
        },
        domains,
        TokenUnit(6, "TUSD"),
    )


def refused(code: str) -> Reverted:
    """A contract's refusal by its error's name."""
    return type(code, (Reverted,), {"code": code})(code.replace("-", " "))


class MemoryChain:
    """The calls that publishing and consent need, with the contracts' answers."""

    def __init__(self, meters: tuple[Address, ...] = (documents.GATEWAY,), *, made: Deployment | None = None) -> None:
        self._deployment = made or deployment()
        self.meters = set(meters)
        self.time = UnixSeconds(documents.START + 1_000)
        self.number = 1
        self.datasets: dict[Bytes32, tuple[Address, int]] = {}
        self.revoked: dict[tuple[Address, Bytes32], int] = {}
        self.approved: set[tuple[Address, Bytes32]] = set()
        self.contracts: set[Address] = set()
        self.guardian = documents.Key("guardian").address
        self.halted: set[Bytes32] = set()
        self.transfers: Counter[Bytes32] = Counter()
        self.pending: dict[Bytes32, Address] = {}
        self.superseded: dict[Bytes32, Bytes32] = {}
        self.sent: list[Call] = []
        self.logged: list[Logged] = []
        self.call_by_tx: dict[Bytes32, Call] = {}
        self.die_before_send = self.die_after_send = False

    @property
    def deployment(self) -> Deployment:
        return self._deployment

    def head(self, *, final: bool = False) -> ChainBlock:
        del final
        return self.block(BlockNumber(self.number))

    def block(self, number: BlockNumber) -> ChainBlock:
        if number > self.number:
            raise Missing(f"the node has no block {number}")
        return ChainBlock(number, keccak(number.to_bytes(8, "big")), self.time)

    def events(self, first: BlockNumber, last: BlockNumber) -> Iterator[Logged]:
        return (one for one in self.logged if first <= one.block.number <= last)

    def about(self, *subjects: bytes) -> tuple[Logged, ...]:
        words = {one.rjust(32, b"\0") for one in subjects}
        return tuple(one for one in self.logged if words & {*logs.encode(one.event)[0][1:]})

    def has_code(self, address: Address) -> bool:
        return address in self.contracts or address in self._deployment.contracts.values()

    def calls(self, tx: Bytes32, contract: str, *functions: str) -> tuple[Call, ...]:
        if tx not in self.call_by_tx:
            raise Missing("the node has no such transaction")
        call = self.call_by_tx[tx]
        return (call,) if call.contract == contract and call.function in functions else ()

    def read(self, call: Call, *, at: BlockNumber | None = None, sender: Address | None = None) -> tuple[object, ...]:
        del at, sender
        match call.function, call.args:
            case "headOf", (meter,):
                return (keccak(b"head") if meter in self.meters else ZERO32,)
            case "revokedAt", (subject, consent_id):
                return (self.revoked.get((subject, consent_id), 0),)  # type: ignore[arg-type]
            case "approvedAt", (wallet, digest):
                return (int((wallet, digest) in self.approved),)
            case "roleHolder", (role,):
                return (self.guardian if role == b"guardian".ljust(32, b"\0") else ZERO_ADDRESS,)
            case _:
                return self._read_dataset(call.function, *call.args)

    def _read_dataset(self, function: str, dataset_id: Bytes32) -> tuple[object, ...]:
        holder, own = self.datasets.get(dataset_id, (ZERO_ADDRESS, 0))
        status = 4 if dataset_id in self.halted else own
        answers: dict[str, tuple[object, ...]] = {
            "standing": (holder, status, self.transfers[dataset_id]),
            "dataset": (
                (holder, self.time, 1, status, dataset_id in self.superseded, False, self.transfers[dataset_id]),
            ),
            "holderStatus": (own,),
            "pendingHolder": (self.pending.get(dataset_id, ZERO_ADDRESS),),
        }
        return answers[function]

    def cost(self, call: Call, sender: Address) -> Cost:
        before = {name: getattr(self, name).copy() for name in ("datasets", "revoked", "approved")}
        try:
            self._do(call, sender)
        finally:
            vars(self).update(before)
        return Cost(50_000, Wei(10**14), Wei(10**9))

    def send(self, call: Call, signer: Signer) -> Mined:
        if self.die_before_send:
            raise Killed
        event = self._do(call, signer.address)
        self.sent.append(call)
        self.number += 1
        tx, contract = keccak(self.number.to_bytes(8, "big") + b"tx"), self._deployment.contracts[call.contract]
        logged = Logged(self.head(), tx, 0, contract, event)
        self.logged.append(logged)
        self.call_by_tx[tx] = call
        if self.die_after_send:
            raise Killed
        return Mined(tx, self.head(), 48_000, (logged,))

    def _do(self, call: Call, sender: Address) -> events.Event:
        match call.function, call.args:
            case "register", (root, digest, terms, split, items):
                return self._register(sender, root, digest, terms, split, items)
            case "registerFor", (holder, (root, digest, terms, split, items), deadline, signature):
                said = typed.Register(holder, root, digest, terms, split, items, deadline)
                from provenance.domain import signature as signatures

                found = signatures.recover(typed.digest(self._deployment.domains.registry, said), signature)
                if found != holder:
                    raise refused("bad-signature")
                return self._register(holder, root, digest, terms, split, items)
            case "revokeConsent", (consent_id, reason):
                if (sender, consent_id) in self.revoked:
                    raise refused("already-revoked")
                self.revoked[sender, consent_id] = self.time
                return events.ConsentRevoked(consent_id, sender, reason)
            case "approveDigest", (digest,):
                if (sender, digest) in self.approved:
                    raise refused("already-approved")
                self.approved.add((sender, digest))
                return events.DigestApproved(sender, digest)
            case _:
                return self._do_more(call, sender)

    def _do_more(self, call: Call, sender: Address) -> events.Event:
        match call.function, call.args:
            case "setStatus", (dataset_id, status, reason):
                return self._set_status(dataset_id, status, reason, sender)
            case "transfer", (dataset_id, to):
                self._need_holder(dataset_id, sender)
                self.pending[dataset_id] = to
                return events.DatasetTransferred(dataset_id, sender, to)
            case "acceptTransfer", (dataset_id,):
                if self.pending.pop(dataset_id, ZERO_ADDRESS) != sender:
                    raise Reverted("NotOffered")
                before, status = self.datasets[dataset_id]
                self.datasets[dataset_id] = (sender, status)
                self.transfers[dataset_id] += 1
                return events.DatasetTransferred(dataset_id, before, sender)
            case "supersede", (old, new):
                return self._supersede(old, new, sender)
            case "rotate", (dataset_id, index, cid_digest, key_commitment, key_version):
                self._need_holder(dataset_id, sender)
                return events.ContentRotated(dataset_id, index, cid_digest, key_commitment, key_version)
            case "setSplit", (dataset_id, shares):
                self._need_holder(dataset_id, sender)
                return events.SplitSet(dataset_id, shares, UnixSeconds(self.time + 7 * 86_400))
            case _:
                raise AssertionError(f"the fake does not know {call.function}")

    def _supersede(self, old: Bytes32, new: Bytes32, sender: Address) -> events.Event:
        self._need_holder(old, sender)
        self._need_holder(new, sender)
        if old in self.superseded or old == new:
            raise Reverted("AlreadySuperseded")
        self.superseded[old] = new
        return events.DatasetSuperseded(old, new)

    def _need_holder(self, dataset_id: Bytes32, sender: Address) -> None:
        if self.datasets.get(dataset_id, (ZERO_ADDRESS, 0))[0] != sender:
            raise Reverted("NotHolder")

    def _set_status(self, dataset_id: Bytes32, status: int, reason: Bytes32, sender: Address) -> events.Event:
        if dataset_id not in self.datasets:
            raise Reverted("UnknownDataset")
        holder, own = self.datasets[dataset_id]
        if sender == self.guardian and sender != holder:
            if reason == ZERO32 or status not in (4, own):
                raise Reverted("StatusNotAllowed")
            (self.halted.add if status == 4 else self.halted.discard)(dataset_id)
        else:
            self._need_holder(dataset_id, sender)
            if dataset_id in self.halted or own == 3 or status in (0, 4, own):
                raise Reverted("StatusNotAllowed")
            self.datasets[dataset_id] = (holder, status)
        return events.DatasetStatusChanged(dataset_id, sender, status, reason)

    def _register(self, holder, root, digest, terms, split, items) -> events.DatasetRegistered:
        registry = self._deployment.contracts["DatasetRegistry"]
        made = manifests.dataset_id(self._deployment.chain_id, registry, holder, root, digest, terms)
        if made in self.datasets:
            raise refused("already-registered")
        if not items or root == ZERO32:
            raise refused("empty-manifest")
        self.datasets[made] = (holder, 1)
        return events.DatasetRegistered(made, holder, root, digest, terms, split, items)
