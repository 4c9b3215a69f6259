"""What do a node's JSON objects say, in our types? Whatever is not shaped so is a bad answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.blocks import BLOOM_BYTES, BlockHeader, RawLog
from indexer.rpc.node import BadAnswer
from provenance.types import Address, BlockNumber, Bytes32, Json, UnixSeconds

if TYPE_CHECKING:
    from collections.abc import Mapping


def header(answer: Json) -> BlockHeader | None:
    """The block of `eth_getBlockByNumber`; None for null."""
    if answer is None:
        return None
    block = _object(answer)
    return BlockHeader(
        BlockNumber(number(block.get("number"))),
        _word(block.get("hash")),
        _word(block.get("parentHash")),
        UnixSeconds(number(block.get("timestamp"))),
        _bytes(block.get("logsBloom"), BLOOM_BYTES),
    )


def logs(answer: Json) -> tuple[RawLog, ...]:
    """The logs of `eth_getLogs`, in chain order; a removed one is refused."""
    found = [_log(one) for one in _list(answer)]
    return tuple(sorted(found, key=lambda log: (log.block, log.log_index)))


def receipt_logs(answer: Json) -> tuple[RawLog, ...]:
    """All logs of the receipts of `eth_getBlockReceipts`."""
    return tuple(_log(one) for receipt in _list(answer) for one in _list(_object(receipt).get("logs")))


def transactions(answer: Json) -> tuple[Bytes32, ...]:
    """The hashes of a block's transactions."""
    return tuple(_word(tx) for tx in _list(_object(answer).get("transactions")))


def number(value: Json) -> int:
    """A quantity. Source: Ethereum JSON-RPC specification, "Quantities"."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise BadAnswer(f"the node gave {str(value)[:40]!r} for a number")


def _log(value: Json) -> RawLog:
    log = _object(value)
    if log.get("removed") is True:
        raise BadAnswer("the node gave a removed log")
    return RawLog(
        BlockNumber(number(log.get("blockNumber"))),
        _word(log.get("blockHash")),
        number(log.get("logIndex")),
        _word(log.get("transactionHash")),
        Address(_bytes(log.get("address"), 20)),
        tuple(_bytes(topic, 32) for topic in _list(log.get("topics"))),
        _bytes(log.get("data")),
    )


def _word(value: Json) -> Bytes32:
    return Bytes32(_bytes(value, 32))


def _bytes(value: Json, size: int | None = None) -> bytes:
    if isinstance(value, str) and value.startswith("0x"):
        try:
            data = bytes.fromhex(value[2:])
        except ValueError:
            pass
        else:
            if size is None or len(data) == size:
                return data
    raise BadAnswer(f"the node gave {str(value)[:40]!r} for bytes")


def _object(value: Json) -> Mapping[str, Json]:
    if isinstance(value, dict):
        return value
    raise BadAnswer("the node gave something else than an object")


def _list(value: Json) -> list[Json]:
    if isinstance(value, list):
        return value
    raise BadAnswer("the node gave something else than a list")
