"""A node's JSON objects in our types; whatever is not shaped so is a bad answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from indexer.blocks import BLOOM_BYTES, BlockHeader, RawLog
from indexer.rpc.node import BadAnswer
from provenance.types import Address, BlockNumber, Bytes32, Json, UnixSeconds


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
    return tuple(sorted(map(_log, _list(answer)), key=lambda log: (log.block, log.log_index)))


def receipt_logs(answer: Json) -> tuple[RawLog, ...]:
    """All logs of the receipts of `eth_getBlockReceipts`."""
    return tuple(_log(entry) for receipt in _list(answer) for entry in _list(_object(receipt).get("logs")))


def transactions(answer: Json) -> tuple[Bytes32, ...]:
    """The hashes of a block's transactions."""
    return tuple(_word(tx) for tx in _list(_object(answer).get("transactions")))


def number(answer: Json) -> int:
    """A quantity. Source: Ethereum JSON-RPC specification, "Quantities"."""
    if isinstance(answer, str) and answer.startswith("0x"):
        with suppress(ValueError):
            return int(answer, 16)
    raise BadAnswer(f"the node gave {str(answer)[:40]!r} for a number")


def _log(answer: Json) -> RawLog:
    log = _object(answer)
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


def _word(answer: Json) -> Bytes32:
    return Bytes32(_bytes(answer, 32))


def _bytes(answer: Json, size: int | None = None) -> bytes:
    if isinstance(answer, str) and answer.startswith("0x"):
        with suppress(ValueError):
            data = bytes.fromhex(answer[2:])
            if size is None or len(data) == size:
                return data
    raise BadAnswer(f"the node gave {str(answer)[:40]!r} for bytes")


def _object(answer: Json) -> Mapping[str, Json]:
    if isinstance(answer, dict):
        return answer
    raise BadAnswer("the node gave something else than an object")


def _list(answer: Json) -> list[Json]:
    if isinstance(answer, list):
        return answer
    raise BadAnswer("the node gave something else than a list")
