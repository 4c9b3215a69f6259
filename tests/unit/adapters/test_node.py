"""The node's answers become ours or a named failure; transactions are those that eth-account would make."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import httpx2
import pytest
from eth_abi.abi import encode
from eth_account import Account
from hypothesis import given, strategies as st

from provenance.adapters.chain import EvmChain, EvmNode, NodeBusy, NodeSilent, NotMined, Rpc, abi
from provenance.adapters.chain.node import CallFailed, InsufficientFunds
from provenance.adapters.chain.rpc import RpcRefused
from provenance.adapters.keys.keystore import KeySigner
from provenance.app.deploy import domains
from provenance.app.ports import Call, Deployment, TokenUnit
from provenance.domain import events
from provenance.domain.fees import Limits
from provenance.domain.fields import checksummed
from provenance.errors import Invalid, Missing, Reverted
from provenance.types import Address, BlockNumber, Bytes32, UnixSeconds, Wei
from tests import logs
from tests.documents import word

KEY = bytes(31) + b"\x07"
HERE = {name: Address(bytes((n,)) * 20) for n, name in enumerate((*abi.CONTRACTS, "Token"), 1)}
DEPLOYMENT = Deployment(31_337, BlockNumber(1), HERE, domains(31_337, HERE), TokenUnit(6, "TUSD"))


@dataclass
class Wire:
    """A node that answers from a script: method → answer, list of answers, or function of the parameters."""

    answers: dict
    asked: list = field(default_factory=list)
    url = "http://node"

    def call(self, method, *params):
        self.asked.append((method, params))
        answer = self.answers[method]
        if isinstance(answer, list):
            answer = answer.pop(0)
        answer = answer(*params) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


def block(number: int, digest: bytes | None = None):
    return {
        "number": hex(number),
        "hash": "0x" + (digest or word(f"block {number}")).hex(),
        "timestamp": hex(1_000 + number),
    }


READY = {
    "eth_chainId": "0x7a69",
    "eth_estimateGas": "0x5208",
    "eth_getTransactionCount": "0x5",
    "eth_maxPriorityFeePerGas": "0x3b9aca00",
    "eth_getBlockByNumber": lambda tag, _full: {**block(9), "baseFeePerGas": "0x7"},
}


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**64), st.integers(0, 2**96), st.binary(max_size=300))
def test_a_transaction_is_the_one_that_eth_account_signs(key, nonce, tip, data):
    signer = KeySigner((int.from_bytes(key, "big") % 2**255 + 1).to_bytes(32, "big"))
    wire = Wire({**READY, "eth_getTransactionCount": hex(nonce), "eth_maxPriorityFeePerGas": hex(tip)})
    any_price = Limits(Wei(2**128), Wei(2**128))
    ours = EvmNode(wire, limits=any_price).sign(Address(b"\x11" * 20), data, signer)
    theirs = Account.sign_transaction(
        {
            "type": 2,
            "chainId": 31_337,
            "nonce": nonce,
            "gas": 25_200,
            "maxFeePerGas": 14 + tip,
            "maxPriorityFeePerGas": tip,
            "to": b"\x11" * 20,
            "value": 0,
            "data": data,
        },
        (int.from_bytes(key, "big") % 2**255 + 1).to_bytes(32, "big"),
    )
    assert ours.raw == bytes(theirs.raw_transaction)
    assert ours.tx == bytes(theirs.hash)
    assert Account.recover_transaction(ours.raw) == checksummed(signer.address)


def test_checksums_of_eip_55():
    for address in ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"):
        assert checksummed(bytes.fromhex(address[2:])) == address


def served(handler, *urls: str):
    rpc = Rpc(urls or ["http://node/key"])
    rpc._http = httpx2.Client(transport=httpx2.MockTransport(handler))
    return rpc


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"<html>", NodeSilent),
        (200, b"[]", NodeSilent),
        (200, b"{}", NodeSilent),
        (502, b"", NodeSilent),
        (429, b"", NodeBusy),
        (200, json.dumps({"error": {"code": 429, "message": "slow down"}}).encode(), NodeBusy),
        (200, json.dumps({"error": {"code": -32000, "message": "Too Many Requests"}}).encode(), NodeBusy),
        (200, json.dumps({"error": {"code": -32601, "message": "no such method"}}).encode(), RpcRefused),
        (200, json.dumps({"error": "out of order"}).encode(), RpcRefused),
    ],
)
def test_what_a_node_says_wrong_has_a_name(status, body, error):
    with pytest.raises(error) as caught:
        served(lambda _request: httpx2.Response(status, content=body)).call("eth_chainId")
    assert "key" not in str(caught.value)


def test_a_dead_endpoint_is_passed_over_and_the_living_one_is_kept():
    asked = []

    def handler(request):
        asked.append(request.url.host)
        if request.url.host == "dead":
            raise httpx2.ConnectError("refused")
        return httpx2.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": "0x1"})

    rpc = served(handler, "http://dead", "http://living")
    assert [rpc.call("eth_chainId"), rpc.call("eth_chainId")] == ["0x1", "0x1"]
    assert asked == ["dead", "living", "living"]


def test_no_endpoint_and_wrong_endpoints_are_refused():
    with pytest.raises(Missing):
        Rpc([])
    for url in ("ws://node", "file:///etc/passwd", "node:8545"):
        with pytest.raises(Invalid):
            Rpc([url])


def log(number: int, index: int = 0, digest: bytes | None = None, **changes):
    topics, data = logs.encode(events.Funded(Address(b"\x22" * 20), word("memo"), number))
    return {
        "address": "0x" + HERE["RoyaltyDistributor"].hex(),
        "topics": ["0x" + one.hex() for one in topics],
        "data": "0x" + data.hex(),
        "blockNumber": hex(number),
        "blockHash": "0x" + (digest or word(f"block {number}")).hex(),
        "transactionHash": "0x" + word(f"tx {number}").hex(),
        "logIndex": hex(index),
        **changes,
    }


def chain(answers) -> EvmChain:
    made = EvmChain.__new__(EvmChain)
    made.node, made._deployment, made._finality = EvmNode(Wire(answers)), DEPLOYMENT, "latest-0"
    made._names = {address: name for name, address in HERE.items()}
    made._blocks, made._bound = {}, {}
    return made


@pytest.mark.parametrize(
    "words",
    [
        "query returned more than 10000 results",
        "response size exceeded the limit",
        "block range is too wide",
        "eth_getLogs is limited to a 1,000 range",
        "exceed maximum block range: 50",
    ],
)
def test_ranges_halve_until_the_node_is_content_and_grow_again(words):
    """No block is asked for twice with success, none is left out."""
    asked = []

    def logs(query):
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if last - first >= 700:
            return RpcRefused("eth_getLogs", words, -32602, None)
        asked.append((first, last))
        return [log(n) for n in range(first, last + 1) if n % 1_000 == 0]

    made = chain({"eth_getLogs": logs, "eth_getBlockByHash": lambda digest, _full: HEADERS[digest]})
    found = [one.event.received for one in made.events(BlockNumber(1), BlockNumber(12_345))]
    assert found == list(range(1_000, 12_346, 1_000))
    assert [n for first, last in asked for n in range(first, last + 1)] == list(range(1, 12_346))


HEADERS = {"0x" + word(f"block {n}").hex(): block(n) for n in range(0, 13_000, 100)}


def test_events_about_a_thousand_ids_are_asked_for_in_six_requests():
    asked = []
    subjects = [word(f"consent {n}") for n in range(1_000)]
    made = chain(
        {
            "eth_getLogs": lambda query: asked.append(query["topics"]) or [],
            "eth_getBlockByNumber": lambda _tag, _full: block(9_000),
        }
    )
    assert made.about(*subjects) == ()
    assert [len(topics) for topics in asked] == [2, 3, 4] * 2
    halves = ["0x" + one.hex() for one in subjects[:500]], ["0x" + one.hex() for one in subjects[500:]]
    assert [topics[-1] for topics in asked] == [halves[0]] * 3 + [halves[1]] * 3


def test_a_range_that_cannot_shrink_is_a_silent_node():
    made = chain({"eth_getLogs": RpcRefused("eth_getLogs", "query returned more than 10000 results", -32005, None)})
    with pytest.raises(NodeSilent):
        list(made.events(BlockNumber(1), BlockNumber(8)))


def test_logs_come_in_chain_order_without_removed_ones_and_foreign_ones():
    answer = [
        log(300, 5),
        log(200, 1, removed=True),
        log(100, 1),
        log(300, 2),
        log(100, 2, topics=["0x" + word("foreign").hex()]),
        log(100, 3, topics=[]),
        log(100, 4, address="0x" + HERE["Token"].hex()),
    ]
    made = chain({"eth_getLogs": answer and (lambda _query: answer), "eth_getBlockByHash": lambda d, _f: HEADERS[d]})
    found = [(one.block.number, one.log_index) for one in made.events(BlockNumber(1), BlockNumber(400))]
    assert found == [(100, 1), (300, 2), (300, 5)]


def test_a_block_that_is_not_what_its_hash_says_is_not_believed():
    lying = lambda _digest, _full: block(7, word("another"))  # noqa: E731 - one answer
    made = chain({"eth_getLogs": lambda _query: [log(100)], "eth_getBlockByHash": lying})
    with pytest.raises(NodeSilent):
        list(made.events(BlockNumber(1), BlockNumber(400)))


def test_numbers_up_to_uint256_are_exact():
    made = chain(
        {"eth_getLogs": lambda _q: [log(100, data="0x" + "ff" * 32)], "eth_getBlockByHash": lambda d, _f: HEADERS[d]}
    )
    (one,) = made.events(BlockNumber(1), BlockNumber(400))
    assert one.event.received == 2**256 - 1
    assert one.block.time == UnixSeconds(1_100)


def refused_with(data: bytes, message: str = "execution reverted"):
    for shape in ("0x" + data.hex(), {"result": "0x" + data.hex()}, {"data": "0x" + data.hex(), "message": "revert"}):
        made = chain({"eth_call": RpcRefused("eth_call", message, 3, shape)})
        with pytest.raises(Reverted) as caught:
            made.read(Call("Token", "decimals", ()))
        yield caught.value


def error_data(contract: str, name: str, *values) -> bytes:
    entry = next(one for one in abi.entries(contract, "error") if one["name"] == name)
    return abi.selector(entry) + encode([abi.kind(one) for one in entry["inputs"]], values)


def test_custom_errors_become_words_with_their_facts():
    for error in refused_with(error_data("DataAccess", "PurposeNotLicensed", 4, 2)):
        assert (error.code, error.facts["asked"], error.facts["granted"]) == ("purpose-not-licensed", 4, 2)
        assert "purpose not licensed" in error.detail
        assert error.next_step.startswith("Use a purpose")
        assert error.exit_status == 9
    for error in refused_with(error_data("RoyaltyDistributor", "Insolvent", 2**255, 1)):
        assert error.facts["total"] == str(2**255)
    for error in refused_with(error_data("Token", "ERC20InsufficientBalance", b"\x11" * 20, 1, 2)):
        assert error.facts["sender"] == checksummed(b"\x11" * 20)
        assert error.code == "erc20-insufficient-balance"


def test_a_refusal_tells_times_as_dates_and_roles_by_name():
    for error in refused_with(error_data("RoyaltyDistributor", "WindowClosed", 1_795_710_417)):
        assert error.detail.endswith("refused: window closed (active at 2026-11-26T16:26:57Z)")
        assert error.facts["activeAt"] == 1_795_710_417
    for contract, name in (
        ("DatasetRegistry", "SignatureExpired"),
        ("RoyaltyDistributor", "SignatureExpired"),
        ("Token", "ERC2612ExpiredSignature"),
    ):
        for error in refused_with(error_data(contract, name, 1_795_710_417)):
            assert error.detail.endswith("(deadline 2026-11-26T16:26:57Z)")
            assert error.facts["deadline"] == 1_795_710_417
    for error in refused_with(error_data("RoyaltyDistributor", "WindowOutOfBounds", 60)):
        assert error.detail.endswith("(window 60)")
    for error in refused_with(error_data("RoyaltyDistributor", "NotRole", b"guardian".ljust(32, b"\0"), b"\x11" * 20)):
        assert "not role (role guardian, caller 0x" in error.detail
        assert "provenance role show" in error.next_step


def test_other_reverts_are_told_as_they_are():
    text = encode(["string"], ["голос 声音"])
    assert all("голос 声音" in error.detail for error in refused_with(bytes.fromhex("08c379a0") + text))
    panic = bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big")
    assert all("overflow" in error.detail for error in refused_with(panic))
    for data in (b"", b"\x01", b"\xde\xad\xbe\xef", error_data("DataAccess", "PurposeNotLicensed", 4, 2)[:20]):
        for error in refused_with(data):
            assert error.code == "reverted"


def test_results_that_do_not_fit_are_the_nodes_fault():
    for answer in ("0x", "0x01", "0x" + "ff" * 32):
        with pytest.raises(abi.AnswerUnreadable):
            chain({"eth_call": answer}).read(Call("Token", "decimals", ()))
    with pytest.raises(NodeSilent):
        chain({"eth_call": "no hex"}).read(Call("Token", "decimals", ()))


def test_an_account_without_money_is_told_so():
    broke = RpcRefused("eth_estimateGas", "insufficient funds for gas * price + value", -32003, None)
    with pytest.raises(InsufficientFunds):
        EvmNode(Wire({**READY, "eth_estimateGas": broke})).sign(None, b"", KeySigner(KEY))


def test_a_transaction_that_nobody_mines_is_named():
    tx = Bytes32(word("tx"))
    with pytest.raises(NotMined) as caught:
        EvmNode(Wire({"eth_getTransactionReceipt": None})).wait(tx, timeout_s=-1)
    assert caught.value.facts["tx"] == "0x" + tx.hex()


def test_a_lost_answer_to_a_broadcast_is_no_failure_if_the_transaction_is_there():
    receipt = {
        "blockHash": "0x" + word("b").hex(),
        "blockNumber": "0x1",
        "status": "0x1",
        "gasUsed": "0x1",
        "logs": [],
        "contractAddress": None,
    }
    wire = Wire({**READY, "eth_sendRawTransaction": NodeSilent("lost"), "eth_getTransactionReceipt": receipt})
    node = EvmNode(wire)
    node.broadcast(node.sign(None, b"", KeySigner(KEY)))
    wire.answers["eth_getTransactionReceipt"] = None
    with pytest.raises(NodeSilent):
        node.broadcast(node.sign(None, b"", KeySigner(KEY)))


def test_what_a_node_answers_to_a_broadcast_counts_for_nothing():
    signed = EvmNode(Wire(READY)).sign(Address(b"\x01" * 20), b"", KeySigner(KEY))
    for answer in (None, "0x", True, {}):
        EvmNode(Wire({"eth_sendRawTransaction": answer})).broadcast(signed)


def test_a_value_that_its_type_cannot_hold_is_refused_in_one_line():
    made = chain({})
    with pytest.raises(Invalid, match="does not fit its type") as caught:
        made.read(Call("Token", "transfer", (Address(b"\x01" * 20), 1 << 256)))
    assert "\n" not in caught.value.detail
    assert len(caught.value.detail) < 400


def test_a_chain_without_base_fee_costs_the_tip():
    wire = Wire({**READY, "eth_getBlockByNumber": {**block(1), "baseFeePerGas": None}})
    tip, most = EvmNode(wire).fees()
    assert most == tip


def test_simulation_comes_before_signing():
    wire = Wire({**READY, "eth_estimateGas": RpcRefused("eth_estimateGas", "execution reverted", 3, "0x")})

    class Never:
        address = Address(b"\x11" * 20)

        def sign(self, _digest):
            pytest.fail("something was signed")

    with pytest.raises(CallFailed):
        EvmNode(wire).transact(None, b"", Never())
    assert "eth_sendRawTransaction" not in [method for method, _ in wire.asked]
