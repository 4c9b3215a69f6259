"""One deployment on one chain: its events, its views, its transactions.

Wrong chain, missing code and foreign code are refused before anything is signed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from provenance.abi import load
from provenance.abi.bound import Bound, binding
from provenance.adapters import eth
from provenance.adapters.chain import abi, tokens, wordings
from provenance.adapters.chain.node import CallFailed, EvmNode, hexed
from provenance.adapters.chain.rpc import NodeSilent, RpcRefused
from provenance.app.ports import (
    Call,
    ChainBlock,
    ContractName,
    Cost,
    Created,
    Deployment,
    Logged,
    Mined,
    Signer,
    TokenUnit,
)
from provenance.domain.events import decode
from provenance.domain.fields import checksummed
from provenance.domain.hashes import keccak
from provenance.errors import Conflict, Invalid, Missing
from provenance.types import Address, BlockNumber, Bytes32

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.adapters.chain.facts import Log, Receipt, Signed

RANGE: Final = 10_000  # blocks a request; public endpoints allow this much
BLOCKS_KEPT: Final = 4_096
SUBJECTS: Final = 500  # words a topic; geth takes 1,000


class WrongChain(Invalid):
    """The node is on another chain than the deployment."""

    next = "Use an RPC endpoint of the deployment's chain, or name another network with --network."


class NoCode(Invalid):
    """Nothing is deployed where a contract should be."""

    next = "Correct the deployment file; for a local network run `provenance devnet up`."


class TokenDiffers(Invalid):
    """The node says other decimals or another symbol than the deployment: every amount would mean something else."""

    next = "Use another RPC endpoint; if all of them say it, the deployment file is not of this network."


class AbiMismatch(Invalid):
    """The code there is not the contract that this program knows."""

    next = "Use the deployment file and the version of this program that fit; a local chain: `provenance devnet reset`."


class EvmChain:
    """The port `Chain` over JSON-RPC."""

    def __init__(
        self,
        node: EvmNode,
        deployment: Deployment,
        *,
        finality: str = "latest-0",
        code_hashes: Mapping[ContractName, Bytes32] | None = None,
    ) -> None:
        """Connected and checked.

        Args:
            node: where to ask.
            deployment: which contracts.
            finality: `latest-N`, `safe` or `finalized`.
            code_hashes: keccak of the runtime code by contract, where the deployment names them.

        Raises:
            WrongChain, NoCode, AbiMismatch, TokenDiffers: the node, the code or the token is another.
        """
        self.node, self._deployment, self._finality = node, deployment, finality
        self._names = {address: name for name, address in deployment.contracts.items()}
        self._blocks: dict[Bytes32, ChainBlock] = {}
        self._bound: dict[ContractName, Bound[object]] = {}
        self._check(code_hashes or {})

    def _check(self, code_hashes: Mapping[ContractName, Bytes32]) -> None:
        if (chain_id := self.node.chain_id()) != self._deployment.chain_id:
            raise WrongChain(
                f"{self.node.rpc.url} is on chain {chain_id}, the deployment on {self._deployment.chain_id}",
                expected=self._deployment.chain_id,
                found=chain_id,
            )
        for name, address in self._deployment.contracts.items():
            where = {"contract": name, "address": checksummed(address)}
            code = self.node.code(address)
            if not code:
                raise NoCode(f"no {name} at {checksummed(address)}", **where)
            if name == "Token":  # any ERC-20, if it is the one that the deployment means
                self._check_token(address)
                continue
            if keccak(code) != code_hashes.get(name, keccak(code)) or not load(name).is_code(code):
                raise AbiMismatch(f"the code at {checksummed(address)} is not our {name}", **where)

    def _check_token(self, token: Address) -> None:
        answer, expected = tokens.unit(self.node, token), self._deployment.token
        if answer != expected:
            raise TokenDiffers(
                f"by {self.node.rpc.url} the token has {answer.decimals} decimals and is called {answer.symbol}; by the "
                f"deployment file {expected.decimals} and {expected.symbol}",
                token=checksummed(token),
            )

    @property
    def deployment(self) -> Deployment:
        """Which contracts, on which chain."""
        return self._deployment

    def head(self, *, final: bool = False) -> ChainBlock:
        """The latest block, or the newest that the network's finality trusts."""
        if not final:
            return self.node.block("latest")
        depth = self._finality.removeprefix("latest-")
        if depth == self._finality:
            return self.node.block(self._finality)
        latest = self.node.block("latest")
        return latest if depth == "0" else self.node.block(max(0, latest.number - int(depth)))

    def block(self, number: BlockNumber) -> ChainBlock:
        """The block of that number on the node's present branch."""
        return self.node.block(number)

    def upto(self, last: BlockNumber) -> Iterator[Logged]:
        """Every event of our contracts since their deployment (the port `Events`)."""
        return self.events(self._deployment.first_block, last)

    def events(self, first: BlockNumber, last: BlockNumber) -> Iterator[Logged]:
        """Every event of our contracts in [first, last], in chain order."""
        for logs in self._pages(first, last, RANGE):
            yield from self._logged(logs)

    def about(self, *subjects: bytes) -> tuple[Logged, ...]:
        """Every event that names one of these ids or accounts in an indexed argument, once and in chain order."""
        words = tuple(Bytes32(subject.rjust(32, b"\0")) for subject in subjects)
        first, last = self._deployment.first_block, self.head().number
        log_by_place = {
            (log.block_number, log.index): log
            for begin in range(0, len(words), SUBJECTS)
            for place in range(1, 4)
            for logs in self._pages(first, last, last - first + 1, (*(None,) * place, words[begin : begin + SUBJECTS]))
            for log in logs
        }
        return tuple(self._logged(tuple(log_by_place[key] for key in sorted(log_by_place))))

    def _pages(
        self, first: int, last: int, most: int, topics: tuple[tuple[Bytes32, ...] | None, ...] = ()
    ) -> Iterator[tuple[Log, ...]]:
        """The raw logs of [first, last]; ranges halve where the node wants less, and grow again."""
        start, size = first, most
        while start <= last:
            end = min(start + size - 1, last)
            try:
                logs = self.node.logs(start, end, tuple(self._names), topics)
            except RpcRefused as error:
                if end > start and wordings.narrowable(error.meaning):
                    size = (end - start + 1) // 2
                    continue
                raise NodeSilent(
                    f"{self.node.rpc.url} does not list logs: {error}",
                    next="Use an RPC endpoint that serves eth_getLogs for these blocks.",
                    first=start,
                    last=end,
                ) from None
            yield logs
            start, size = end + 1, min(size * 2, most)

    def read(self, call: Call, *, at: BlockNumber | None = None, sender: Address | None = None) -> tuple[object, ...]:
        """The call's results."""
        to, calldata, entry = self._encoded(call)
        with _refusing(call.contract, self._deployment.token):
            return abi.decoded(
                entry["outputs"], self.node.call(to, calldata, sender=sender, at="latest" if at is None else at)
            )

    def calls(self, tx: Bytes32, contract: ContractName, *functions: str) -> tuple[Call, ...]:
        """The calls of these functions in a mined transaction's bytes, also those that a contract wallet makes by it."""
        carried = self.node.calldata(tx)
        return tuple(Call(contract, name, args) for name, args in abi.calls(contract, functions, carried))

    def cost(self, call: Call, sender: Address) -> Cost:
        """What the call would cost now; `Reverted` if it would be refused."""
        to, calldata, _ = self._encoded(call)
        with _refusing(call.contract, self._deployment.token):
            return self.node.cost(to, calldata, sender)

    def send(self, call: Call, signer: Signer) -> Mined:
        """Mined with status 1, or refused before anything is sent."""
        to, calldata, _ = self._encoded(call)
        with _refusing(call.contract, self._deployment.token):
            return self._mined(self.node.transact(to, calldata, signer))

    def sign(
        self, call: Call, signer: Signer, *, nonce: int | None = None, fees: tuple[int, int] | None = None
    ) -> Signed:
        """The transaction as bytes to be kept before they are sent: what an outbox needs."""
        to, calldata, _ = self._encoded(call)
        with _refusing(call.contract, self._deployment.token):
            return self.node.sign(to, calldata, signer, nonce=nonce, fees=fees)

    def next_nonce(self, account: Address, *, mined_only: bool = False) -> int:
        """The account's next nonce, what waits in the node's pool counted or not."""
        return self.node.nonce(account, tag="latest" if mined_only else "pending")

    def fees(self) -> tuple[int, int]:
        """(tip, most) per gas [wei] that the node suggests now."""
        return self.node.fees()

    def broadcast(self, signed: Signed) -> None:
        """Sent, or sent again."""
        try:
            self.node.broadcast(signed)
        except RpcRefused as error:
            raise Conflict(
                f"{self.node.rpc.url} refuses the transaction: {error.message}",
                next="Look whether another transaction took its nonce.",
                tx=hexed(signed.tx),
            ) from None

    def mined(self, tx: Bytes32) -> Mined | None:
        """The transaction with its events, None while no block has it, `Reverted` if it failed there."""
        receipt = self.node.receipt(tx)
        if receipt is None:
            return None
        if not receipt.succeeded:
            raise abi.refusal("the contract", b"", f"transaction {hexed(tx)} failed in its block")
        return self._mined(receipt)

    def has_code(self, address: Address) -> bool:
        """Whether the account is a contract."""
        return bool(self.node.code(address))

    def _encoded(self, call: Call) -> tuple[Address, bytes, abi.Entry]:
        address = self._deployment.contracts.get(call.contract)
        if address is None:
            raise Missing(f"the deployment has no {call.contract}", contract=call.contract)
        if call.contract not in self._bound:
            self._bound[call.contract] = binding(call.contract)(self.node.w3, address)
        entry = abi.function(call.contract, call.function, len(call.args))
        with _fitting():
            return address, self._bound[call.contract].data(abi.signature(entry), call.args), entry

    def _mined(self, receipt: Receipt) -> Mined:
        block = self._block(receipt.block_hash, receipt.block_number)
        return Mined(receipt.tx, block, receipt.gas_used, tuple(self._logged(receipt.logs)))

    def _logged(self, logs: tuple[Log, ...]) -> Iterator[Logged]:
        for log in logs:
            name = self._names.get(log.address)
            event = decode(name, log.topics, log.data) if name else None
            if event is not None:
                block = self._block(log.block_hash, log.block_number)
                yield Logged(block, log.tx, log.index, log.address, event)

    def _block(self, block_hash: Bytes32, number: BlockNumber) -> ChainBlock:
        block = self._blocks.get(block_hash)
        if block is None:
            block = self.node.block(block_hash)
            if block.hash != block_hash or block.number != number:
                raise NodeSilent(
                    f"{self.node.rpc.url} contradicts itself about block {number}",
                    next="Repeat; if it goes on, use another RPC endpoint.",
                )
            if len(self._blocks) >= BLOCKS_KEPT:
                self._blocks.clear()
            self._blocks[block_hash] = block
        return block


class EvmCreator:
    """Makes contracts of this package: the port `Creator`."""

    def __init__(self, node: EvmNode) -> None:
        self.node = node

    def chain_id(self) -> int:
        """The chain's number."""
        return self.node.chain_id()

    def next_addresses(self, deployer: Address, count: int, waiting: int | None = None) -> tuple[Address, ...]:
        """Where the deployer's next contracts will be. Source: Ethereum Yellow Paper §7."""
        import rlp  # noqa: PLC0415 - web3 has loaded it

        written = () if waiting is None else (waiting,)
        first = max((self.node.nonce(deployer), *(nonce + 1 for nonce in written)))  # the pool may have it, or not
        nonces = (*written, *range(first, first + count))[:count]
        return tuple(Address(keccak(rlp.encode([deployer, nonce]))[12:]) for nonce in nonces)

    def cost(self, contract: ContractName, args: tuple[object, ...], deployer: Address) -> Cost:
        """What the creation would cost now."""
        with _refusing(contract):
            return self.node.cost(None, self._creation(contract, args), deployer)

    def price(self, gas: int) -> Cost:
        """What a transaction of so much gas would cost now."""
        return self.node.price(gas)

    def found(self, address: Address) -> Created:
        """A contract that is there already."""
        code = self.node.code(address)
        if not code:
            raise NoCode(f"no contract at {checksummed(address)}", address=checksummed(address))
        latest = self.node.block("latest")
        return Created(address, keccak(code), latest.number, latest.time, 0)

    def unit(self, token: Address) -> TokenUnit:
        """Decimals and symbol, as the token says them now."""
        return tokens.unit(self.node, token)

    def create(self, contract: ContractName, args: tuple[object, ...], signer: Signer) -> Created:
        """The contract stands; its code is the compiled one."""
        with _refusing(contract):
            receipt = self.node.transact(None, self._creation(contract, args), signer)
        if receipt.created is None:
            raise NodeSilent("the receipt of a creation names no contract")
        code = self.node.code(receipt.created)
        if not load(contract).is_code(code):
            raise AbiMismatch(f"what was made is not our {contract}", contract=contract)
        time = self.node.block(receipt.block_hash).time
        return Created(receipt.created, keccak(code), receipt.block_number, time, receipt.gas_used)

    def _creation(self, contract: ContractName, args: tuple[object, ...]) -> bytes:
        with _fitting():
            return bytes.fromhex(str(binding(contract).constructor(self.node.w3, args).data_in_transaction)[2:])


@contextmanager
def _refusing(contract: str, unit: TokenUnit | None = None) -> Iterator[None]:
    """A revert is the contract's refusal in words."""
    try:
        yield
    except CallFailed as error:
        raise abi.refusal(contract, error.data, error.message, unit) from None


@contextmanager
def _fitting() -> Iterator[None]:
    """A value that its type cannot hold is refused."""
    eth.load()
    from web3.exceptions import Web3Exception  # noqa: PLC0415 - loads web3

    try:
        yield
    except (Web3Exception, TypeError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())[:300]  # web3 writes pages, in lines
        raise Invalid(f"a value does not fit its type: {reason}") from error
