"""What the generated bindings share: a contract at an address, through a web3.py connection.

Whatever is imported here loads without web3: the connection is the caller's, 7.12 or newer.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar, cast

from provenance.abi import Name, load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from web3 import Web3
    from web3.contract import Contract
    from web3.contract.contract import ContractConstructor, ContractFunction
    from web3.types import BlockIdentifier, TxReceipt


Account: TypeAlias = str | bytes
"""An address: EIP-55 text, or its 20 bytes."""
Event = TypeVar("Event")


class Refused(Exception):
    """A contract's custom error, its arguments as attributes; the docstring of each is the contract's own."""


class Bound(Generic[Event]):
    """One contract at one address; the generated class of each contract is one.

    Attributes:
        NAME: whose ABI counts.
        EVENTS: what its logs become, by topic.
        ERRORS: what its refusals become, by selector.
    """

    NAME: ClassVar[Name]
    EVENTS: ClassVar[Mapping[bytes, type[Any]]]
    ERRORS: ClassVar[Mapping[bytes, type[Refused]]]

    def __init__(self, w3: Web3, address: Account) -> None:
        """Nothing is asked yet.

        Args:
            w3: the connection.
            address: where the contract is.
        """
        self.contract: Contract = w3.eth.contract(address=w3.to_checksum_address(address), abi=load(self.NAME).abi)

    @classmethod
    def constructor(cls, w3: Web3, values: tuple[object, ...]) -> ContractConstructor:
        """The creation with its arguments, not sent."""
        compiled = load(cls.NAME)
        made = w3.eth.contract(abi=compiled.abi, bytecode=compiled.bytecode)
        return made.constructor(*(plain(one) for one in values))

    @property
    def address(self) -> str:
        """Where the contract is, EIP-55."""
        return self.contract.address

    def data(self, signature: str, values: tuple[object, ...]) -> bytes:
        """What a transaction to the contract carries: the function's selector and the arguments."""
        return bytes.fromhex(self.contract.encode_abi(signature, [plain(value) for value in values])[2:])

    def call(self, signature: str, values: tuple[object, ...]) -> ContractFunction:
        """The function with its arguments, not sent."""
        made: ContractFunction = self.contract.get_function_by_signature(signature)(*(plain(one) for one in values))
        return made

    def read(self, signature: str, values: tuple[object, ...], block: BlockIdentifier) -> Any:
        """What the view answers.

        Raises:
            Refused: the contract's custom error.
        """
        from web3.exceptions import ContractCustomError  # noqa: PLC0415 - the caller has loaded it

        try:
            return self.call(signature, values).call(block_identifier=block)
        except ContractCustomError as error:
            raise self.refusal(error) from error

    def refusal(self, error: Exception) -> Exception:
        """The contract's own error behind one that web3 raised; the same where there is none."""
        data = getattr(error, "data", None)
        given = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
        kind = self.ERRORS.get(given[:4])
        if kind is None:
            return error
        from eth_abi.abi import decode  # noqa: PLC0415 - web3 has loaded it

        return kind(*decode([one["type"] for one in self._inputs("error", kind.__name__)], given[4:]))

    def emitted(self, receipt: TxReceipt) -> tuple[Event, ...]:
        """This contract's events in a receipt, in order."""
        found: list[Event] = []
        for log in receipt["logs"]:
            kind = self.EVENTS.get(bytes(log["topics"][0])) if log["topics"] else None
            if kind is not None and log["address"] == self.contract.address:
                arguments = self.contract.events[kind.__name__]().process_log(log)["args"]
                found.append(kind(*(arguments[one["name"]] for one in self._inputs("event", kind.__name__))))
        return tuple(found)

    def _inputs(self, sort: str, name: str) -> Sequence[Any]:
        entries: Sequence[Any] = load(self.NAME).abi
        return next(one["inputs"] for one in entries if one["type"] == sort and one["name"] == name)


def binding(name: Name) -> type[Bound[Any]]:
    """The generated binding of a contract."""
    module = import_module(f"provenance.abi.bindings.{re.sub('(?<!^)(?=[A-Z])', '_', name).lower()}")
    return cast("type[Bound[Any]]", getattr(module, name))


def plain(value: object) -> object:
    """A value as web3 takes it: structs and lists as tuples."""
    if is_dataclass(value):
        return tuple(plain(getattr(value, one.name)) for one in fields(value))
    return tuple(plain(one) for one in value) if isinstance(value, list | tuple) else value
