"""One chain through web3: blocks, logs, calls and signed transactions, in bytes.

Contracts and events are `deployment`'s. Whatever in a node's answer web3 cannot read is a silent node's.
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from provenance.adapters import eth
from provenance.adapters.chain.facts import Log, Receipt, Signed
from provenance.adapters.chain.funds import InsufficientFunds
from provenance.adapters.chain.rpc import NodeSilent, Rpc, RpcRefused, revert_data
from provenance.adapters.chain.wordings import Meaning
from provenance.app.ports import ChainBlock, Cost, Signer
from provenance.domain.fees import Limits
from provenance.domain.fields import checksummed
from provenance.domain.hashes import keccak
from provenance.errors import Broken, Conflict, Missing, ProvenanceError, Unavailable
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds, Wei

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from web3 import Web3
    from web3.eth import Eth

    from provenance.adapters.chain.outbox import Outbox

RECEIPT_S: Final = 180.0
POLL_S: Final = 0.02  # anvil mines at once: the first look finds it
POLL_MOST_S: Final = 2.0
NONCE_TRIES: Final = 5
GAS_MARGIN_PERCENT: Final = 20
TIP_WEI: Final = 10**9  # a gas, where the node has no method that suggests one

DEFAULT_LIMITS: Final = Limits()

Answer = TypeVar("Answer")


class NotMined(Unavailable):
    """The transaction was sent and no block took it in time."""

    next = "It may still be mined: look for the named transaction before you repeat the command."


class CallFailed(Exception):
    """The EVM reverted; what the data means is for who knows the contract."""

    def __init__(self, revert: bytes, message: str) -> None:
        super().__init__(message)
        self.data, self.message = revert, message


class EvmNode:
    """One chain, through its RPC endpoints."""

    def __init__(self, rpc: Rpc, outbox: Outbox | None = None, limits: Limits = DEFAULT_LIMITS) -> None:
        """Nothing is asked yet.

        Args:
            rpc: the endpoints.
            outbox: remembers what is sent, where a command must be able to go on after a kill.
            limits: what a transaction may cost, whatever the endpoints say; a person may agree to more.
        """
        self.rpc, self._outbox, self.limits = rpc, outbox, limits
        self._chain_id: int | None = None

    @cached_property
    def w3(self) -> Web3:
        """The same endpoints as web3 sees them; loads web3."""
        eth.load()
        from web3 import Web3  # noqa: PLC0415 - most of a second of CPU, where a chain is asked

        from provenance.adapters.chain.provider import Provider  # noqa: PLC0415 - loads web3

        return Web3(Provider(self.rpc), middleware=())

    def chain_id(self) -> int:
        if self._chain_id is None:
            self._chain_id = self._ask(lambda eth: eth.chain_id)
        return self._chain_id

    def block(self, tag: int | str | bytes) -> ChainBlock:
        """A block by number, tag (`latest`, `pending`, `safe`, `finalized`) or hash."""
        eth.load()
        from web3.exceptions import BlockNotFound  # noqa: PLC0415 - loads web3

        wanted: Any = hexed(tag) if isinstance(tag, bytes) else tag
        try:
            answer = self._ask(lambda eth: eth.get_block(wanted))
        except BlockNotFound:
            raise Missing(
                f"the node has no block {wanted}", next="Wait for the block, or ask another node.", block=str(wanted)
            ) from None
        block_hash = answer.get("hash") or b""  # a pending block has none
        return ChainBlock(BlockNumber(answer["number"]), Bytes32(bytes(block_hash)), UnixSeconds(answer["timestamp"]))

    def code(self, address: Address) -> bytes:
        return bytes(self._ask(lambda eth: eth.get_code(_account(address))))

    def balance(self, address: Address) -> Wei:
        return Wei(self._ask(lambda eth: eth.get_balance(_account(address))))

    def nonce(self, address: Address, *, tag: str = "pending") -> int:
        """The next nonce, what waits in the node's pool counted; with the tag `latest` only what is mined."""
        tagged: Any = tag
        return self._ask(lambda eth: eth.get_transaction_count(_account(address), tagged))

    def logs(
        self, first: int, last: int, addresses: tuple[Address, ...], topics: tuple[tuple[Bytes32, ...] | None, ...] = ()
    ) -> tuple[Log, ...]:
        """The raw logs of [first, last], in chain order; of `topics`, each is one of these words, with None any.

        Raises:
            RpcRefused: the node wants a smaller range, or refuses.
        """
        wanted: Any = {"fromBlock": hex(first), "toBlock": hex(last), "address": [*map(_account, addresses)]}
        if topics:
            wanted["topics"] = [[*map(hexed, words)] if words is not None else None for words in topics]
        answer = self._read(lambda eth: [_log(log) for log in eth.get_logs(wanted) if not log.get("removed")])
        return tuple(sorted(answer, key=lambda log: (log.block_number, log.index)))

    def call(
        self, to: Address | None, calldata: bytes, *, sender: Address | None = None, at: int | str = "latest"
    ) -> bytes:
        """What the call returns.

        Raises:
            CallFailed: the EVM reverted.
        """
        block: Any = at
        return bytes(self._simulated(lambda eth: eth.call(_fields(to, calldata, sender), block)))

    def cost(self, to: Address | None, calldata: bytes, sender: Address) -> Cost:
        """What the transaction would cost at most, by the node's estimate.

        Raises:
            CallFailed: the EVM reverted.
        """
        return self.price(self._gas(to, calldata, sender))

    def price(self, used: int) -> Cost:
        """What a transaction of so much gas would cost at most: with the fees that `sign` sets now."""
        _, most = self.fees()
        return Cost(used, Wei(_limit(used) * most), Wei(most))

    def sign(
        self,
        to: Address | None,
        calldata: bytes,
        signer: Signer,
        *,
        nonce: int | None = None,
        fees: tuple[int, int] | None = None,
    ) -> Signed:
        """The EIP-1559 transaction, signed; nothing is sent.

        Args:
            to: the contract; None creates one.
            calldata: selector and arguments.
            signer: who pays.
            nonce: the node's next one, unless given.
            fees: (tip, most) per gas [wei]; the node's suggestion, unless given.

        Raises:
            CallFailed: the EVM would revert.
            InsufficientFunds: the account cannot pay the gas.
            FeeAboveLimit: the node wants more for it than a transaction may cost.
        """
        used = self._gas(to, calldata, signer.address)
        tip, most = fees or self.fees()
        self.limits.check(_limit(used) * most, most)
        fields = {
            "type": 2,
            "chainId": self.chain_id(),
            "nonce": self.nonce(signer.address) if nonce is None else nonce,
            "maxPriorityFeePerGas": tip,
            "maxFeePerGas": most,
            "gas": _limit(used),
            "to": to or b"",
            "value": 0,
            "data": calldata,
        }
        return _signed(fields, signer)

    def broadcast(self, signed: Signed) -> None:
        """The node has the transaction, now or already."""
        try:
            self.rpc.call("eth_sendRawTransaction", hexed(signed.raw))  # whatever it answers: the hash is known
        except RpcRefused as error:
            if error.meaning is not Meaning.HELD and self.receipt(signed.tx) is None:
                raise
        except Unavailable:  # the answer was lost, the transaction perhaps not
            if self.receipt(signed.tx) is None:
                raise

    def receipt(self, tx: Bytes32) -> Receipt | None:
        """The transaction's receipt, or None while no block has it."""
        eth.load()
        from web3.exceptions import TransactionNotFound  # noqa: PLC0415 - loads web3

        wanted: Any = hexed(tx)
        try:
            return self._ask(lambda eth: _receipt(tx, eth.get_transaction_receipt(wanted)))
        except TransactionNotFound:
            return None

    def calldata(self, tx: Bytes32) -> bytes:
        """What a transaction carries.

        Raises:
            Missing: the node has no such transaction.
        """
        eth.load()
        from web3.exceptions import TransactionNotFound  # noqa: PLC0415 - loads web3

        wanted: Any = hexed(tx)
        try:
            return self._ask(lambda eth: bytes(eth.get_transaction(wanted)["input"]))
        except TransactionNotFound:
            raise Missing(
                f"the node has no transaction {wanted}", next="Ask a node that keeps old transactions.", tx=str(wanted)
            ) from None

    def transact(self, to: Address | None, calldata: bytes, signer: Signer) -> Receipt:
        """Sent and mined.

        Raises:
            CallFailed: the EVM reverts; before sending, nothing was sent.
            FeeAboveLimit: it would cost too much; nothing was sent.
            NotMined: no block took it in time.
        """
        if self._outbox is not None:
            return self._outbox.transact(self, to, calldata, signer)
        for _ in range(NONCE_TRIES):
            signed = self.sign(to, calldata, signer)
            try:
                self.broadcast(signed)
            except RpcRefused as error:
                if error.meaning is Meaning.NONCE_TAKEN:
                    continue  # another process of this account was faster: sign again with the next nonce
                raise self._refusal(error, signer.address) from None
            return self.succeeded(self.wait(signed.tx), to, calldata, signer.address)
        raise Conflict(
            "another process keeps sending from the same account",
            next="Let it finish, then repeat the command.",
            account=hexed(signer.address),
        )

    def succeeded(self, receipt: Receipt, to: Address | None, calldata: bytes, sender: Address) -> Receipt:
        """The receipt, if the transaction did not fail in its block.

        Raises:
            CallFailed: it did, for the reason that the same call gives.
        """
        if not receipt.succeeded:
            self.call(to, calldata, sender=sender, at=receipt.block_number)
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
        base = self._ask(lambda eth: eth.get_block("latest").get("baseFeePerGas") or 0)
        try:
            tip = int(self._read(lambda eth: eth.max_priority_fee))
        except RpcRefused:
            tip = TIP_WEI
        return tip, 2 * base + tip

    def _gas(self, to: Address | None, calldata: bytes, sender: Address) -> int:
        return self._simulated(lambda eth: eth.estimate_gas(_fields(to, calldata, sender)))

    def _simulated(self, question: Callable[[Eth], Answer]) -> Answer:
        try:
            return self._read(question)
        except RpcRefused as error:
            if error.meaning is Meaning.REVERTED:
                raise CallFailed(revert_data(error.data), error.message) from None
            raise self._refusal(error, None) from None

    def _ask(self, question: Callable[[Eth], Answer]) -> Answer:
        try:
            return self._read(question)
        except RpcRefused as error:
            raise self._refusal(error, None) from None

    def _read(self, question: Callable[[Eth], Answer]) -> Answer:
        """What web3 reads in the node's answer."""
        w3 = self.w3
        from web3.exceptions import BlockNotFound, TransactionNotFound  # noqa: PLC0415 - loaded by now

        try:
            return question(w3.eth)
        except (ProvenanceError, RpcRefused, BlockNotFound, TransactionNotFound):
            raise
        except Exception as error:  # web3's formatters raise what Python raises on odd JSON
            raise NodeSilent(
                f"the answer of {self.rpc.url} cannot be read: {type(error).__name__}", rpc=self.rpc.url
            ) from error

    def _refusal(self, error: RpcRefused, account: Address | None) -> Exception:
        facts = {"account": hexed(account)} if account else {}
        if error.meaning is Meaning.NO_FUNDS:
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


def hexed(octets: bytes) -> str:
    """Bytes as nodes read them."""
    return "0x" + octets.hex()


def _limit(used: int) -> int:
    """The gas that a transaction may use whose estimate is `used`."""
    return used + used * GAS_MARGIN_PERCENT // 100


def _account(address: bytes) -> Any:
    """An address as web3 takes it."""
    return checksummed(address)


def _fields(to: Address | None, calldata: bytes, sender: Address | None) -> Any:
    accounts = {"to": to, "from": sender}
    return {"data": hexed(calldata), **{name: _account(account) for name, account in accounts.items() if account}}


def _receipt(tx: Bytes32, answer: Mapping[str, Any]) -> Receipt | None:
    if not answer.get("blockHash"):
        return None
    created = answer.get("contractAddress")
    return Receipt(
        tx=tx,
        succeeded=answer["status"] == 1,
        gas_used=answer["gasUsed"],
        block_number=BlockNumber(answer["blockNumber"]),
        block_hash=Bytes32(bytes(answer["blockHash"])),
        created=Address(bytes.fromhex(created[2:])) if created else None,
        logs=tuple(map(_log, answer["logs"])),
    )


def _log(answer: Mapping[str, Any]) -> Log:
    return Log(
        address=Address(bytes.fromhex(answer["address"][2:])),
        topics=tuple(Bytes32(bytes(topic)) for topic in answer["topics"]),
        data=bytes(answer["data"]),
        block_number=BlockNumber(answer["blockNumber"]),
        block_hash=Bytes32(bytes(answer["blockHash"])),
        tx=Bytes32(bytes(answer["transactionHash"])),
        index=answer["logIndex"],
    )


def _signed(fields: dict[str, Any], signer: Signer) -> Signed:
    """The transaction of these fields. Source: EIP-1559 §Specification, EIP-2718."""
    from eth_account.typed_transactions.typed_transaction import TypedTransaction  # noqa: PLC0415 - loads eth-account

    signature = signer.sign(Bytes32(TypedTransaction.from_dict(fields).hash()))
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise Broken("a signer did not answer with r ‖ s ‖ v")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    complete = TypedTransaction.from_dict({**fields, "v": signature[64] - 27, "r": r, "s": s}).encode()
    return Signed(keccak(complete), complete, fields["nonce"])
