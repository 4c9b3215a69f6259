"""Tokens of other people's making: those that work are paid in to the last unit, the others are refused before deploying."""

from __future__ import annotations

import json
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import solcx
from eth_abi.abi import encode

from provenance.adapters import wire
from provenance.adapters.chain import EvmCreator, EvmNode, Rpc, TokenDiffers, tokens
from provenance.adapters.keys.keystore import Keystore
from provenance.app import token as tokens_of
from provenance.app.deploy import Plan, Record, Roles, deploy, ruleset_1
from provenance.app.ports import Call, TokenUnit
from provenance.cli.context import Session
from provenance.cli.main import run
from provenance.domain.fields import checksummed
from provenance.domain.hashes import abi_words, keccak
from provenance.errors import Reverted
from provenance.types import Address, Wei
from tests.anvil import signer
from tests.chain.test_wallet import settings
from tests.fakes.content import MemoryContent
from tests.fakes.liar import liar

if TYPE_CHECKING:
    from provenance.adapters.chain import EvmChain
    from tests.anvil import World

__all__ = ["settings"]
SOURCE = Path(__file__).with_name("OddTokens.sol")
SOLC = Path(__file__).resolve().parents[2] / "scripts" / "solc.js"
HOLDER = signer(5)
DECIMALS = "0x313ce567"


@cache
def compiled() -> dict[str, Any]:
    asked = {
        "language": "Solidity",
        "sources": {SOURCE.name: {"content": SOURCE.read_text()}},
        "settings": {"evmVersion": "shanghai", "outputSelection": {"*": {"*": ["evm.bytecode.object"]}}},
    }
    return solcx.compile_standard(asked, solc_binary=SOLC)["contracts"][SOURCE.name]


def made(world: World, name: str, *args: object, held: int = 10**9) -> Address:
    """A new token of this make, of which the holder has so much."""
    types = ["string", "uint8"] if args else []
    code = bytes.fromhex(compiled()[name]["evm"]["bytecode"]["object"]) + encode(types, args)
    receipt = world.chain.node.transact(None, code, HOLDER)
    assert receipt.created is not None
    if held:
        mint = keccak(b"mint(address,uint256)")[:4] + abi_words(HOLDER.address, held)
        world.chain.node.transact(receipt.created, mint, HOLDER)
    return receipt.created


def deployed(world: World, token: Address) -> EvmChain:
    """Contracts that are paid in the token."""
    node, owner = EvmNode(Rpc([world.url])), signer(0)
    plan = Plan(
        Roles(owner.address, *(signer(at).address for at in (2, 3, 1)), (owner.address,)),
        ruleset_1(owner.address),
        token,
    )
    return deploy(EvmCreator(node), lambda record: wire.connect(node, record), MemoryContent(), plan, owner)[1]


@pytest.mark.parametrize(
    ("name", "args", "unit"),
    [
        ("Silent", (), TokenUnit(6, "USDT")),
        ("Packed", (), TokenUnit(18, "MKR")),
        ("Whole", ("WEI", 0), TokenUnit(0, "WEI")),
        ("Whole", ("USD₮0", 24), TokenUnit(24, "USD₮0")),
    ],
)
def test_a_token_that_pays_exactly_is_taken_with_its_own_decimals_and_symbol(
    chain_world: World, name: str, args: tuple[object, ...], unit: TokenUnit
):
    with chain_world.undone():
        warned: list[str] = []
        token = made(chain_world, name, *args)
        assert tokens.tried(chain_world.chain.node, token, (), warned.append) == unit
        assert warned == []


@pytest.mark.parametrize(
    ("name", "args", "why"),
    [
        ("Taking", (), "FEE .*: of 1000 FEE that are transferred 990 FEE arrive"),
        ("Refusing", (), "NO .*: its transfer answers false"),
        ("Paused", (), "STOP .*: its transferFrom reverts"),
        ("Uncounted", (), "is no ERC-20 with decimals"),
        ("Whole", ("MANY", 25), "has 25 decimals, more than 24"),
        ("Whole", ("", 6), "has no symbol"),
        ("Whole", ("A\x1b[2J", 6), "has no symbol of 1 to 32 printable characters"),
        ("Whole", ("A" * 33, 6), "has no symbol"),
    ],
)
def test_a_token_that_cannot_be_handled_is_refused_with_the_reason(
    chain_world: World, name: str, args: tuple[object, ...], why: str
):
    with chain_world.undone():
        token = made(chain_world, name, *args)
        with pytest.raises(tokens.OddToken, match=why) as refused:
            tokens.tried(chain_world.chain.node, token, (), pytest.fail)
        assert refused.value.facts["field"] == "token"


def test_an_account_without_code_and_a_contract_that_is_no_token_are_refused(chain_world: World):
    for account in (HOLDER.address, chain_world.chain.deployment.contracts["UsageLedger"]):
        with pytest.raises(tokens.OddToken):
            tokens.tried(chain_world.chain.node, account, (), pytest.fail)


def test_a_token_that_nobody_holds_is_taken_with_a_warning(chain_world: World):
    with chain_world.undone():
        warned: list[str] = []
        token = made(chain_world, "Whole", "NEW", 6, held=0)
        assert tokens.tried(chain_world.chain.node, token, (HOLDER.address,), warned.append) == TokenUnit(6, "NEW")
        assert len(warned) == 1
        assert "nobody was seen to hold any" in warned[0]


@pytest.mark.parametrize(
    ("name", "args"), [("Silent", ()), ("Packed", ()), ("Whole", ("WEI", 0)), ("Whole", ("YOTTA", 24))]
)
def test_what_was_left_approved_is_set_to_zero_first_and_the_payment_goes_through(
    chain_world: World, name: str, args: tuple[object, ...]
):
    """USDT lets nobody change an allowance from one amount to another."""
    with chain_world.undone():
        chain = deployed(chain_world, made(chain_world, name, *args))
        distributor = chain.deployment.contracts["RoyaltyDistributor"]
        chain.send(Call("Token", "approve", (distributor, 77)), HOLDER)
        calls = tokens_of.approvals(chain, HOLDER.address, Wei(500))
        assert [call.args[1] for call in calls] == [0, 500]
        for call in (*calls, Call("RoyaltyDistributor", "fund", (500, b"\x01" * 32))):
            chain.send(call, HOLDER)
        assert chain.read(Call("RoyaltyDistributor", "funded", ())) == (500,)
        assert tokens_of.balance(chain, HOLDER.address) == 10**9 - 500


def test_a_node_that_says_other_decimals_or_another_symbol_is_not_believed(chain_world: World):
    said = json.loads(chain_world.record.encode())["contracts"]["Token"]
    assert (said["decimals"], said["symbol"]) == (6, "TUSD")
    for lies in ({DECIMALS: "0x" + abi_words(12).hex()}, {"0x95d89b41": "0x" + b"XUSD".ljust(32, b"\0").hex()}):
        with liar(chain_world.url, **lies) as lying, pytest.raises(TokenDiffers, match="6 and TUSD"):
            wire.connect(EvmNode(Rpc([lying.url])), Record.parse(chain_world.record.encode()))


def test_decimals_that_a_node_invents_send_nobody_a_million_tokens(chain_world: World, settings: Path):
    with liar(chain_world.url, **{DECIMALS: "0x" + abi_words(12).hex()}) as lying:
        settings.write_text(settings.read_text().replace(chain_world.url, lying.url))
        stdout = StringIO()
        line = ["license", "fund", "0x" + "01" * 32, "1", "--yes", "--json", "--config", str(settings)]
        status = run(line, Session(stdout, StringIO()))
    assert (status, json.loads(stdout.getvalue())["type"]) == (2, "/problems/token-differs")
    assert lying.sent == []


def test_contracts_are_not_deployed_for_a_token_that_takes_a_fee_and_are_for_one_that_answers_nothing(
    chain_world: World, settings: Path
):
    out, names = settings.parent / "out.json", Keystore(settings.parent / "home" / "keystore")
    account = names.address("studio")
    chain_world.chain.node.rpc.call("anvil_setBalance", "0x" + account.hex(), hex(10**18))

    def deploying(token: Address) -> tuple[int, dict[str, Any]]:
        stdout, role = StringIO(), "0x" + signer(6).address.hex()
        line = ["contracts", "deploy", "--token", checksummed(token), "--guardian", role, "--arbiter", role, "--bond", "2.5",
                "--publisher", role, "--meter", role, "--out", str(out), "--yes", "--json", "--config", str(settings)]  # fmt: skip
        return run(line, Session(stdout, StringIO())), json.loads(stdout.getvalue())

    with chain_world.undone():
        nonce = chain_world.chain.node.nonce(account)
        status, problem = deploying(made(chain_world, "Taking"))
        assert (status, problem["type"], problem["field"]) == (2, "/problems/odd-token", "token")
        assert (chain_world.chain.node.nonce(account), out.exists()) == (nonce, False)
        assert deploying(made(chain_world, "Silent"))[0] == 0
        record = Record.parse(out.read_bytes())
        assert (record.token, json.loads(out.read_bytes())["distributor"]["bond"]) == (TokenUnit(6, "USDT"), "2500000")


def test_what_a_contract_refuses_is_told_in_tokens_and_its_facts_in_base_units(chain_world: World):
    chain = chain_world.chain
    with pytest.raises(Reverted, match=r"balance 0 TUSD, needed 1\.5 TUSD") as refused:
        chain.cost(Call("Token", "transfer", (HOLDER.address, 1_500_000)), Address(b"\x77" * 20))
    assert refused.value.facts["needed"] == 1_500_000
