"""The chain in memory, with what the contracts say of pools, disputes and consents that serve other holders."""

from __future__ import annotations

from provenance.app.ports import Call
from provenance.domain import events, manifest as manifests, signature, typed
from provenance.types import ZERO32, ZERO_ADDRESS, Address, Bytes32, UnixSeconds
from tests.fakes.chain import MemoryChain, refused

DAY_S = 86_400


class PoolChain(MemoryChain):
    """Also knows `setMembers`, `leavePool`, `dispute`, `extendConsent` and `extendConsentFor`."""

    def __init__(self) -> None:
        super().__init__()
        self.notice: dict[Bytes32, int] = {}
        """Of each pool, in days."""
        self.leaving: dict[tuple[Bytes32, Bytes32], int] = {}
        self.members: dict[Bytes32, Bytes32] = {}
        self.extended: dict[tuple[Address, Bytes32, Address], int] = {}

    def read(self, call: Call, **options) -> tuple[object, ...]:
        match call.function, call.args:
            case "leavesAt", (pool, dataset):
                return (self.leaving.get((pool, dataset), 0),)  # type: ignore[arg-type]
            case "extendedAt", (subject, consent_id, holder):
                return (self.extended.get((subject, consent_id, holder), 0),)  # type: ignore[arg-type]
            case "dataset", (dataset,):
                holder, status = self.datasets.get(dataset, (ZERO_ADDRESS, 0))  # type: ignore[call-overload]
                items = self.notice.get(dataset, 1)  # type: ignore[call-overload]
                return ((holder, self.time, items, status, False, dataset in self.notice, 0),)
        return super().read(call, **options)

    def _do_more(self, call: Call, sender: Address) -> events.Event:
        match call.function, call.args:
            case "dispute", (dataset, evidence):
                self._need_holder(dataset, sender)
                return events.DatasetDisputed(dataset, sender, evidence)
            case "setMembers", (pool, root, digest):
                self._need_holder(pool, sender)
                if pool not in self.notice:
                    raise refused("not-pool")
                self.members[pool] = root
                return events.MembersSet(pool, root, digest)
            case "leavePool", (pool, dataset, stays):
                return self._leave(pool, dataset, sender, stays=stays)
            case "extendConsent", (consent_id, holder):
                return self._extend(sender, consent_id, holder)
            case "extendConsentFor", (subject, consent_id, holder, deadline, signed):
                words = typed.ExtendConsent(consent_id, holder, deadline)
                if signature.recover(typed.digest(self.deployment.domains.consent, words), signed) != subject:
                    raise refused("bad-signature")
                return self._extend(subject, consent_id, holder)
        return super()._do_more(call, sender)

    def _leave(self, pool: Bytes32, dataset: Bytes32, sender: Address, *, stays: bool) -> events.Event:
        self._need_holder(dataset, sender)
        if pool not in self.notice or dataset in self.notice:
            raise refused("not-in-pool")
        known = self.leaving.get((pool, dataset), 0)
        if bool(known) is not stays:
            raise refused("not-leaving" if stays else "already-leaving")
        self.leaving[pool, dataset] = 0 if stays else self.time + self.notice[pool] * DAY_S
        return events.PoolLeft(pool, dataset, UnixSeconds(self.leaving[pool, dataset]))

    def _extend(self, subject: Address, consent_id: Bytes32, holder: Address) -> events.Event:
        if (subject, consent_id, holder) in self.extended:
            raise refused("already-extended")
        self.extended[subject, consent_id, holder] = self.time
        return events.ConsentExtended(consent_id, subject, holder)

    def _register(self, holder, root, digest, terms, split, items) -> events.DatasetRegistered:
        if root != ZERO32:
            return super()._register(holder, root, digest, terms, split, items)
        if items > 90:
            raise refused("notice-too-long")
        registry = self.deployment.contracts["DatasetRegistry"]
        made = manifests.dataset_id(self.deployment.chain_id, registry, holder, root, digest, terms)
        if made in self.datasets:
            raise refused("already-registered")
        self.datasets[made], self.notice[made] = (holder, 1), items
        return events.DatasetRegistered(made, holder, root, digest, terms, split, items)
