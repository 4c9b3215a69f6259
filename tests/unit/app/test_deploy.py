"""A deployment document is read as it was written, and a wrong one is refused by its field."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from provenance.app.deploy import NAMES, Plan, Record, Roles, deploy, ruleset_1, windows
from provenance.app.ports import Call, ChainBlock, Created, Mined, TokenUnit
from provenance.domain import cid
from provenance.domain.fields import checksummed
from provenance.domain.settlement.facts import Ruleset
from provenance.errors import Invalid
from provenance.types import ZERO_ADDRESS, Address, BlockNumber, UnixSeconds, Wei
from tests import documents
from tests.fakes.content import MemoryContent

OWNER, GUARDIAN, ARBITER, PUBLISHER, METER = (documents.Key(name) for name in ("o", "g", "a", "p", "m"))
ROLES = Roles(OWNER.address, GUARDIAN.address, ARBITER.address, PUBLISHER.address, (METER.address,))
RECORD = Record(
    chain_id=31_337,
    first_block=BlockNumber(7),
    contracts={name: Address(bytes((n,)) * 20) for n, name in enumerate(NAMES, 1)},
    code_hashes={name: documents.word(name) for name in NAMES},
    roles=ROLES,
    ruleset=cid.of_raw(ruleset_1(METER.address).encode()),
    token=TokenUnit(6, "TUSD"),
    extra={"supersedes": {"DataAccess": "0x" + "07" * 20}},
)


def test_a_document_survives_the_round_trip_with_unknown_fields():
    assert Record.parse(RECORD.encode()) == RECORD
    body = json.loads(RECORD.encode())
    assert (body["format"], body["version"], body["chainId"]) == ("provenance/deployment", 1, 31_337)
    assert body["ruleset"]["hash"] == "0x" + ruleset_1(METER.address).hash.hex()
    assert body["roles"]["meters"] == ["0x" + METER.address.hex()]


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["contracts"].pop("Token"),
        lambda body: body["contracts"]["Token"].update(address="0x12"),
        lambda body: body["contracts"]["Token"].update(address=body["contracts"]["DataAccess"]["address"]),
        lambda body: body["contracts"]["Token"].pop("codeHash"),
        lambda body: body.pop("roles"),
        lambda body: body["roles"].update(meters="0x"),
        lambda body: body.update(chainId=-1),
        lambda body: body.update(firstBlock="0x7"),
        lambda body: body["ruleset"].update(cid="not a cid"),
        lambda body: body.update(version=2),
        lambda body: body["contracts"]["Token"].pop("decimals"),
        lambda body: body["contracts"]["Token"].update(decimals="six"),
        lambda body: body["contracts"]["Token"].update(symbol=""),
    ],
)
def test_a_wrong_document_is_invalid(change):
    body = json.loads(RECORD.encode())
    change(body)
    with pytest.raises(Invalid):
        Record.parse(json.dumps(body).encode())


def test_domains_are_named_as_the_contracts():
    domains = RECORD.deployment().domains
    assert (domains.consent.name, domains.access.name) == ("ConsentRegistry", "DataAccess")
    assert {one.chain_id for one in (domains.consent, domains.registry, domains.access, domains.usage)} == {31_337}
    assert domains.distributor.contract == RECORD.contracts["RoyaltyDistributor"]


class Workshop:
    """Makes contracts that are only their arguments."""

    def __init__(self, chain_id: int = 31_337) -> None:
        self.made: list[tuple[str, tuple[object, ...]]] = []
        self._chain_id = chain_id

    def chain_id(self) -> int:
        return self._chain_id

    def found(self, address):
        return Created(address, documents.word("found"), BlockNumber(1), documents.START, 0)

    def unit(self, token):
        return TokenUnit(24, "₮") if token == documents.TOKEN else TokenUnit(6, "TUSD")

    def create(self, contract, args, signer):
        assert signer is OWNER
        self.made.append((contract, args))
        at = len(self.made)
        time = UnixSeconds(documents.START + at)
        return Created(Address(bytes((at,)) * 20), documents.word(contract), BlockNumber(10 + at), time, 1_000 * at)


class Admitting:
    def __init__(self) -> None:
        self.sent: list[Call] = []

    def send(self, call, signer):
        assert signer is OWNER
        self.sent.append(call)
        return Mined(
            documents.word("tx"), ChainBlock(BlockNumber(20), documents.word("b"), documents.START), 48_000, ()
        )


@pytest.mark.parametrize("token", [None, Address(b"\x70" * 20)])
def test_contracts_are_made_in_the_order_they_need_each_other(token):
    workshop, chain, content, told = Workshop(), Admitting(), MemoryContent(), []
    plan = Plan(ROLES, ruleset_1(METER.address), token)
    record, _ = deploy(
        workshop, lambda _r: chain, content, plan, OWNER, sent=lambda title, gas: told.append((title, gas))
    )
    made = dict(workshop.made)
    contracts = record.contracts
    assert made["DatasetRegistry"] == (OWNER.address, GUARDIAN.address)
    assert made["DataAccess"] == (contracts["DatasetRegistry"], contracts["ConsentRegistry"])
    assert made["RoyaltyDistributor"] == (
        *(contracts["Token"], plan.ruleset.hash, 3_600, Wei(100_000_000), Wei(1_000_000_000)),
        *(contracts["DataAccess"], OWNER.address, GUARDIAN.address, ARBITER.address, PUBLISHER.address),
    )
    made_at = documents.START + len(workshop.made)
    fixed = {"windowS": 3_600, "bond": "100000000", "stake": "1000000000", "deployedAt": made_at}
    assert json.loads(record.encode())["distributor"] == fixed
    assert ("Token" in made) == (token is None)
    assert contracts["Token"] == (token or Address(b"\x01" * 20))
    assert Record.parse(record.encode()).deployment().token == (TokenUnit(24, "₮") if token else TokenUnit(6, "TUSD"))
    assert chain.sent == [Call("UsageLedger", "admitMeter", (METER.address,))]
    assert Ruleset.parse(content.get(record.ruleset)) == plan.ruleset
    assert record.first_block == (11 if token else 12)
    assert told[-1] == (f"admit meter {checksummed(METER.address)}", 48_000)


@pytest.mark.parametrize("name", ["bond", "stake"])
@pytest.mark.parametrize("amount", [0, 1 << 120])
def test_a_bond_and_a_stake_are_something_that_the_distributor_can_count(name, amount):
    with pytest.raises(Invalid) as refused:
        Plan(ROLES, ruleset_1(METER.address), **{name: amount})
    assert refused.value.facts["field"] == name
    assert getattr(Plan(ROLES, ruleset_1(METER.address), **{name: (1 << 120) - 1}), name)


def test_plans_differ_where_their_stakes_do():
    plan = Plan(ROLES, ruleset_1(METER.address))
    assert replace(plan, stake=Wei(1)).digest != replace(plan, bond=Wei(1)).digest != plan.digest


@pytest.mark.parametrize(("chain_id", "least"), [(31_337, 3_600), (1_337, 3_600), (1, 172_800), (84_532, 172_800)])
def test_a_window_is_refused_before_anything_is_made(chain_id, least):
    """The distributor is made last: what it refuses must not have cost five contracts."""
    assert windows(chain_id) == range(least, 14 * 86_400 + 1)
    for window in (least - 1, 14 * 86_400 + 1):
        workshop = Workshop(chain_id)
        plan = Plan(ROLES, ruleset_1(METER.address), window_s=window)
        with pytest.raises(Invalid) as refused:
            deploy(workshop, lambda _r: Admitting(), MemoryContent(), plan, OWNER)
        assert (refused.value.facts["field"], workshop.made) == ("window-hours", [])


def test_only_the_owner_makes_the_contracts():
    with pytest.raises(Invalid):
        deploy(Workshop(), lambda _r: Admitting(), MemoryContent(), Plan(ROLES, ruleset_1(METER.address)), GUARDIAN)


@pytest.mark.parametrize("who", ["owner", "guardian", "arbiter", "publisher", "meter", "fee-payee", "heir"])
def test_nobody_with_the_zero_address_is_planned(who):
    """An offer to it would revert for ever, once all contracts are paid for."""
    roles, rules, heir = ROLES, ruleset_1(METER.address), None
    match who:
        case "meter":
            roles = replace(ROLES, meters=(METER.address, ZERO_ADDRESS))
        case "fee-payee":
            rules = ruleset_1(ZERO_ADDRESS)
        case "heir":
            heir = ZERO_ADDRESS
        case _:
            roles = replace(ROLES, **{who: ZERO_ADDRESS})
    with pytest.raises(Invalid) as refused:
        Plan(roles, rules, heir=heir)
    assert refused.value.facts["field"] == ("owner" if who == "heir" else who)


def test_the_token_receives_no_fee_and_holds_no_role():
    token = documents.TOKEN
    for roles, rules, field in (
        (ROLES, ruleset_1(token), "fee-payee"),
        (replace(ROLES, guardian=token), ruleset_1(METER.address), "guardian"),
    ):
        with pytest.raises(Invalid, match="the token") as refused:
            Plan(roles, rules, token)
        assert refused.value.facts["field"] == field
