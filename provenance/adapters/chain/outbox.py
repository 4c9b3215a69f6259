"""The outbox: each transaction of a command is sent once, at whatever instruction the command is killed.

The command writes a signed transaction down before a node hears of it. Run again, it finds the transaction by its sender
and contents: mined, it is done; waiting, the same bytes are sent again; overtaken by another transaction of the
same nonce, which can only be somebody else's, it is signed anew. While another of the same nonce waits in the
pool, so does this one: until a block took one of them either may be mined, and one signed anew would be a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from provenance.adapters.chain.facts import Receipt, Signed
from provenance.adapters.chain.rpc import Rpc, RpcRefused
from provenance.app.ports import Journal, Signer
from provenance.domain.hashes import keccak
from provenance.errors import Conflict
from provenance.types import Address, Bytes32, Json

TRIES: Final = 5


class Sending(Protocol):
    """What is needed of a node."""

    rpc: Rpc

    def nonce(self, address: Address, *, tag: str = "pending") -> int: ...
    def sign(self, to: Address | None, calldata: bytes, signer: Signer, *, nonce: int | None = None) -> Signed: ...
    def broadcast(self, signed: Signed) -> None: ...
    def receipt(self, tx: Bytes32) -> Receipt | None: ...
    def wait(self, tx: Bytes32) -> Receipt: ...
    def spent(self, address: Address, nonce: int) -> bool: ...
    def succeeded(self, receipt: Receipt, to: Address | None, calldata: bytes, sender: Address) -> Receipt: ...


class Unsendable(Conflict):
    """The node takes none of the transactions that were tried."""

    next = "Let other programs of this account finish, look at its balance, then repeat: nothing is sent twice."


class Outbox:
    """The transactions of one command, in its journal."""

    def __init__(self, journal: Journal) -> None:
        """What earlier runs wrote is known."""
        self._journal = journal
        self._known: dict[str, list[Signed]] = {}
        for key, signed in recorded(journal.entries()):
            self._known.setdefault(key, []).append(signed)

    def transact(self, node: Sending, to: Address | None, calldata: bytes, signer: Signer) -> Receipt:
        """Sent by this run or an earlier one, never by both, and mined.

        Raises:
            CallFailed: the EVM reverts; before sending, nothing was sent.
            FeeAboveLimit: it, or to offer more for it, would cost too much; nothing more was written or sent.
            NotMined: no block took it in time; a later run looks again.
            Unsendable: the node refused it again and again, or no block took in time what holds its nonce.
        """
        key = self.key(to, calldata, signer.address)
        refused = ""
        for _ in range(TRIES):
            # The nonce is read before the receipts: what is mined in between has a receipt then.
            used = node.nonce(signer.address, tag="latest")
            known = self._known.get(key, [])
            receipts = [receipt for attempt in known if (receipt := node.receipt(attempt.tx)) is not None]
            if done := next((receipt for receipt in receipts if receipt.succeeded), None):
                return done
            waiting = next((attempt for attempt in reversed(known) if attempt.nonce >= used), None)
            signed = waiting or self.write(key, node.sign(to, calldata, signer))
            try:
                node.broadcast(signed)
            except RpcRefused as error:
                refused = error.message
                if node.nonce(signer.address) > signed.nonce:  # the pool has one: ours or another's, it has the nonce
                    if not node.spent(signer.address, signed.nonce):
                        break
                elif waiting:  # its fees are too low by now: as much is offered as is asked today
                    self.write(key, node.sign(to, calldata, signer, nonce=waiting.nonce))
            else:
                return node.succeeded(node.wait(signed.tx), to, calldata, signer.address)
        raise Unsendable(f"{node.rpc.url} refuses: {refused}", account="0x" + signer.address.hex())

    @staticmethod
    def key(to: Address | None, calldata: bytes, sender: Address) -> str:
        """What tells a transaction from every other of the command."""
        return keccak(sender + (to or b"") + calldata).hex()

    def write(self, key: str, signed: Signed) -> Signed:
        """The transaction is on disk, and known from now on."""
        self._journal.append({"key": key, "nonce": signed.nonce, "raw": signed.raw.hex()})
        self._known.setdefault(key, []).append(signed)
        return signed


def recorded(entries: Iterable[Mapping[str, Json]]) -> Iterator[tuple[str, Signed]]:
    """The transactions in a journal, in their order, each with its key."""
    for entry in entries:
        if "raw" in entry:
            raw = bytes.fromhex(str(entry["raw"]))
            yield str(entry["key"]), Signed(keccak(raw), raw, int(str(entry["nonce"])))
