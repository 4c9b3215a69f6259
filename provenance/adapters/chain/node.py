"""What is on the chain, and how does a transaction get there?

Blocks, logs, calls and signed transactions in bytes; contracts and events are `chain`'s.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from provenance.adapters.chain.facts import Log, Receipt, Signed
from provenance.adapters.chain.funds import InsufficientFunds
from provenance.adapters.chain.rpc import NodeSilent, Rpc, RpcRefused
from provenance.app.ports import Block, Cost
from provenance.domain.fields import checksummed
from provenance.domain.hashes import keccak
from provenance.errors import Broken, Conflict, Missing, Unavailable
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds, Wei

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.adapters.chain.outbox import Outbox
    from provenance.app.ports import Signer

RECEIPT_S: Final = 180.0
POLL_S: Final = 0.02  # anvil mines at once: the first look finds it
POLL_MOST_S: Final = 2.0
NONCE_TRIES: Final = 5
GAS_MARGIN_PERCENT: Final = 20
_DYNAMIC_FEE: Final = b"\x02"  # EIP-2718 type of EIP-1559
_ALREADY: Final = ("already known", "already imported")  # geth's words, and Anvil's
_LOW_NONCE = (
    "nonce too low",
    "already known",
    "replacement transaction underpriced",
    "already imported",
    "correct nonce",
)


class NotMined(Unavailable):
    """The transaction was sent and no block took it in time."""

    code = "not-mined"
    next = "It may still be mined: look for the named transaction before you repeat the command."


class CallFailed(Exception):
    """The EVM reverted; what the data means is for who knows the contract."""

    def __init__(self, data: bytes, message: str) -> None:
        super().__init__(message)
        self.data, self.message = data, message


class Node:
    """One chain, through its RPC endpoints."""

    def __init__(self, rpc: Rpc, outbox: Outbox | None = None) -> None:
        """Nothing is asked yet.

        Args:
            rpc: the endpoints.
            outbox: remembers what is sent, where a command must be able to go on after a kill.
        """
        self.rpc, self._outbox = rpc, outbox
        self._chain_id: int | None = None

    def chain_id(self) -> int:
        if self._chain_id is None:
            self._chain_id = number(self._ask("eth_chainId"))
        return self._chain_id

    def block(self, tag: int | str | bytes) -> Block:
        """A block by number, tag (`latest`, `pending`, `safe`, `finalized`) or hash."""
        if isinstance(tag, bytes):
            found = self._ask("eth_getBlockByHash", hexed(tag), False)  # noqa: FBT003 - JSON-RPC's order
        else:
            found = self._ask("eth_getBlockByNumber", _tag(tag), False)  # noqa: FBT003
        if found is None:
            shown = hexed(tag) if isinstance(tag, bytes) else str(tag)
            raise Missing(
                f"the node has no block {shown}", next="Wait for the block, or ask another node.", block=shown
            )
        return Block(
            BlockNumber(number(found["number"])),
            Bytes32(raw(found["hash"] or "0x")),
            UnixSeconds(number(found["timestamp"])),
        )

    def code(self, address: Address) -> bytes:
        return raw(self._ask("eth_getCode", hexed(address), "latest"))

    def balance(self, address: Address) -> Wei:
        return Wei(number(self._ask("eth_getBalance", hexed(address), "latest")))

    def nonce(self, address: Address, *, tag: str = "pending") -> int:
        """The next nonce, what waits in the node's pool counted; with the tag `latest` only what is mined."""
        return number(self._ask("eth_getTransactionCount", hexed(address), tag))

    def logs(
        self, first: int, last: int, addresses: tuple[Address, ...], topics: tuple[tuple[Bytes32, ...] | None, ...] = ()
    ) -> tuple[Log, ...]:
        """The raw logs of [first, last], in chain order; of `topics`, each is one of these words, with None any.

        Raises:
            RpcRefused: the node wants a smaller range (`too_wide`), or refuses.
        """
        wanted: dict[str, Any] = {
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "address": [hexed(one) for one in addresses],
        }
        if topics:
            wanted["topics"] = [[hexed(one) for one in words] if words is not None else None for words in topics]
        found = self.rpc.call("eth_getLogs", wanted)
        if not isinstance(found, list):
            raise NodeSilent("eth_getLogs did not answer with a list")
        logs = (_log(one) for one in found if not one.get("removed"))
        return tuple(sorted(logs, key=lambda log: (log.block_number, log.index)))

    def call(
        self, to: Address | None, data: bytes, *, sender: Address | None = None, at: int | str = "latest"
    ) -> bytes:
        """What the call returns.

        Raises:
            CallFailed: the EVM reverted.
        """
        return raw(self._simulated("eth_call", _fields(to, data, sender), _tag(at)))

    def cost(self, to: Address | None, data: bytes, sender: Address) -> Cost:
        """What the transaction would cost at most, by the node's estimate.

        Raises:
            CallFailed: the EVM reverted.
        """
        return self.price(number(self._simulated("eth_estimateGas", _fields(to, data, sender))))

    def price(self, used: int) -> Cost:
        """What a transaction of so much gas would cost at most: with the limits that `sign` sets now."""
        _, most = self.fees()
        return Cost(used, Wei(_limit(used) * most))

    def sign(
        self,
        to: Address | None,
        data: bytes,
        signer: Signer,
        *,
        nonce: int | None = None,
        fees: tuple[int, int] | None = None,
    ) -> Signed:
        """The EIP-1559 transaction, signed; nothing is sent.

        Args:
            to: the contract; None creates one.
            data: selector and arguments.
            signer: who pays.
            nonce: the node's next one, unless given.
            fees: (tip, most) per gas [wei]; the node's suggestion, unless given.

        Raises:
            CallFailed: the EVM would revert.
            InsufficientFunds: the account cannot pay the gas.
        """
        used = number(self._simulated("eth_estimateGas", _fields(to, data, signer.address)))
        tip, most = fees or self.fees()
        at = self.nonce(signer.address) if nonce is None else nonce
        return _signed((self.chain_id(), at, tip, most, _limit(used), to or b"", 0, data, ()), signer)

    def broadcast(self, signed: Signed) -> None:
        """The node has the transaction, now or already."""
        try:
            self.rpc.call("eth_sendRawTransaction", hexed(signed.raw))
        except RpcRefused as error:
            if self.receipt(signed.tx) is None and not any(words in error.message.lower() for words in _ALREADY):
                raise
        except Unavailable:  # the answer was lost, the transaction perhaps not
            if self.receipt(signed.tx) is None:
                raise

    def receipt(self, tx: Bytes32) -> Receipt | None:
        """The transaction's receipt, or None while no block has it."""
        found = self._ask("eth_getTransactionReceipt", hexed(tx))
        if not found or not found.get("blockHash"):
            return None
        created = found.get("contractAddress")
        return Receipt(
            tx=tx,
            succeeded=number(found["status"]) == 1,
            gas_used=number(found["gasUsed"]),
            block_number=BlockNumber(number(found["blockNumber"])),
            block_hash=Bytes32(raw(found["blockHash"])),
            created=Address(raw(created)) if created else None,
            logs=tuple(_log(one) for one in found["logs"]),
        )

    def transact(self, to: Address | None, data: bytes, signer: Signer) -> Receipt:
        """Sent and mined.

        Raises:
            CallFailed: the EVM reverts; before sending, nothing was sent.
            NotMined: no block took it in time.
        """
        if self._outbox is not None:
            return self._outbox.transact(self, to, data, signer)
        for _ in range(NONCE_TRIES):
            signed = self.sign(to, data, signer)
            try:
                self.broadcast(signed)
            except RpcRefused as error:
                told = error.message.lower()
                if any(words in told for words in _LOW_NONCE):
                    continue  # another process of this account was faster: sign again with the next nonce
                raise self._refusal(error, signer.address) from None
            return self.succeeded(self.wait(signed.tx), to, data, signer.address)
        raise Conflict(
            "another process keeps sending from the same account",
            next="Let it finish, then repeat the command.",
            account=hexed(signer.address),
        )

    def succeeded(self, receipt: Receipt, to: Address | None, data: bytes, sender: Address) -> Receipt:
        """The receipt, if the transaction did not fail in its block.

        Raises:
            CallFailed: it did, for the reason that the same call gives.
        """
        if not receipt.succeeded:
            self.call(to, data, sender=sender, at=receipt.block_number)
            raise CallFailed(b"", f"transaction {hexed(receipt.tx)} failed, and the same call now succeeds")
        return receipt

    def wait(self, tx: Bytes32, *, timeout_s: float = RECEIPT_S) -> Receipt:
        """The receipt, once a block has the transaction."""
        for _ in _looks(timeout_s):
            if (receipt := self.receipt(tx)) is not None:
                return receipt
        raise NotMined(f"transaction {hexed(tx)} was not mined within {timeout_s:.0f} s", tx=hexed(tx))

    def spent(self, address: Address, nonce: int, *, timeout_s: float = RECEIPT_S) -> bool:
        """Whether a block took a transaction of this nonce in time, whosever it is."""
        return any(self.nonce(address, tag="latest") > nonce for _ in _looks(timeout_s))

    def fees(self) -> tuple[int, int]:
        """(tip, most) per gas: room for six full blocks of rising base fee."""
        latest = self._ask("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - JSON-RPC's order
        try:
            tip = number(self.rpc.call("eth_maxPriorityFeePerGas"))
        except RpcRefused:
            tip = 10**9  # wei; a node without the method
        return tip, 2 * number(latest.get("baseFeePerGas") or "0x0") + tip

    def _simulated(self, method: str, *params: object) -> Any:
        try:
            return self.rpc.call(method, *params)
        except RpcRefused as error:
            data = _revert_data(error.data)
            told = error.message.lower()
            if data or "revert" in told or "vm exception" in told:
                raise CallFailed(data, error.message) from None
            raise self._refusal(error, None) from None

    def _ask(self, method: str, *params: object) -> Any:
        try:
            return self.rpc.call(method, *params)
        except RpcRefused as error:
            raise self._refusal(error, None) from None

    def _refusal(self, error: RpcRefused, account: Address | None) -> Exception:
        facts = {"account": hexed(account)} if account else {}
        if "insufficient funds" in error.message.lower() or "doesn't have enough funds" in error.message:
            who = checksummed(account) if account else self.rpc.url
            return InsufficientFunds(f"{who}: {error.message}", **facts)
        return NodeSilent(
            f"{self.rpc.url} refuses: {error}",
            next="Use an RPC endpoint that serves this call and keeps the named block.",
            rpc=self.rpc.url,
        )


def _looks(timeout_s: float) -> Iterator[None]:
    """Once now and again after ever longer pauses, until the time is over."""
    pause, until = POLL_S, time.monotonic() + timeout_s
    yield
    while time.monotonic() <= until:
        time.sleep(pause)
        pause = min(pause * 2, POLL_MOST_S)
        yield


def hexed(data: bytes) -> str:
    """Bytes as nodes read them."""
    return "0x" + data.hex()


def raw(text: object) -> bytes:
    """Bytes of a node's hex.

    Raises:
        NodeSilent: it is none.
    """
    try:
        return bytes.fromhex(str(text).removeprefix("0x"))
    except ValueError:
        raise NodeSilent("the node's answer is not hex") from None


def number(text: object) -> int:
    """Integer of a node's quantity."""
    try:
        return text if isinstance(text, int) else int(str(text), 16)
    except ValueError:
        raise NodeSilent("the node's answer is not a number") from None


def _limit(used: int) -> int:
    """The gas that a transaction may use whose estimate is `used`."""
    return used + used * GAS_MARGIN_PERCENT // 100


def _tag(tag: int | str) -> str:
    return hex(tag) if isinstance(tag, int) else tag


def _fields(to: Address | None, data: bytes, sender: Address | None) -> dict[str, str]:
    fields = {"data": hexed(data)}
    if to is not None:
        fields["to"] = hexed(to)
    if sender is not None:
        fields["from"] = hexed(sender)
    return fields


def _log(found: dict[str, Any]) -> Log:
    return Log(
        address=Address(raw(found["address"])),
        topics=tuple(Bytes32(raw(one)) for one in found["topics"]),
        data=raw(found["data"]),
        block_number=BlockNumber(number(found["blockNumber"])),
        block_hash=Bytes32(raw(found["blockHash"])),
        tx=Bytes32(raw(found["transactionHash"])),
        index=number(found["logIndex"]),
    )


def _revert_data(data: object) -> bytes:
    """Anvil and geth send hex, ganache an object around it."""
    if isinstance(data, dict):
        data = data.get("result") or data.get("data")
    if isinstance(data, str) and data.startswith("0x"):
        return raw(data)
    return b""


def _signed(fields: tuple[object, ...], signer: Signer) -> Signed:
    """The fields up to the access list, signed.

    Source: EIP-1559 §Specification, EIP-2718.
    """
    signature = signer.sign(keccak(_DYNAMIC_FEE + rlp(fields)))
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise Broken("a signer did not answer with r ‖ s ‖ v")
    words = (int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"))
    complete = _DYNAMIC_FEE + rlp((*fields, signature[64] - 27, *words))
    return Signed(keccak(complete), complete, int(str(fields[1])))


def rlp(item: object) -> bytes:
    """Recursive length prefix of bytes, whole numbers and tuples of them.

    Source: Ethereum Yellow Paper, appendix B.
    """
    if isinstance(item, tuple):
        return _prefixed(b"".join(map(rlp, item)), 0xC0)
    data = item.to_bytes((item.bit_length() + 7) // 8, "big") if isinstance(item, int) else item
    if not isinstance(data, bytes):
        raise Broken(f"{type(item).__name__} has no RLP")
    return data if len(data) == 1 and data[0] < 0x80 else _prefixed(data, 0x80)


def _prefixed(data: bytes, kind: int) -> bytes:
    if len(data) <= 55:
        return bytes((kind + len(data),)) + data
    size = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
    return bytes((kind + 55 + len(size),)) + size + data
