"""The contracts as a developer who knows only Brownie deploys and signs for them."""

from types import SimpleNamespace

import pytest
from brownie import accounts, chain, compile_source, web3

MNEMONIC = "test test test test test test test test test test test junk"
WINDOW_S = 3_600
BOND = 10**6
STAKE = 10**7
NAMED_TOKEN = """// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;
contract NamedToken {
    string public name;
    mapping(address => uint256) public balanceOf;
    event Noted(string text);
    constructor(string memory name_) { name = name_; balanceOf[msg.sender] = 1_000; }
    function approve(address, uint256) external pure returns (bool) { return true; }
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
    function note(string calldata text) external { emit Noted(text); }
}
"""


def digest(text):
    """32 bytes that stand for a document."""
    return web3.keccak(text=text)


def key_of(account):
    """The development account's key."""
    return next(one for one in accounts.from_mnemonic(MNEMONIC, count=10) if one == account).private_key


@pytest.fixture(autouse=True)
def isolation(fn_isolation):
    """What a test does has not happened in the next one."""


@pytest.fixture(scope="module")
def parties():
    names = ("owner", "publisher", "guardian", "arbiter", "holder", "licensee", "meter", "payee", "other", "stranger")
    return SimpleNamespace(**{name: accounts[at] for at, name in enumerate(names)})


@pytest.fixture(scope="module")
def of(
    parties,
    ConsentRegistry,
    DatasetRegistry,
    DataAccess,
    UsageLedger,
    ArtifactRegistry,
    RoyaltyDistributor,
    Token,
):
    """All contracts, deployed as their manuals say."""
    owner, guardian = parties.owner, parties.guardian
    of = SimpleNamespace(token=owner.deploy(Token), consents=owner.deploy(ConsentRegistry))
    of.datasets = owner.deploy(DatasetRegistry, owner, guardian)
    of.access = owner.deploy(DataAccess, of.datasets, of.consents)
    of.usage = owner.deploy(UsageLedger, owner)
    of.artifacts = owner.deploy(ArtifactRegistry)
    of.make_distributor = RoyaltyDistributor
    of.royalties = distributor(of, parties, of.token)
    of.usage.admitMeter(parties.meter, {"from": owner})
    of.token.mint(parties.licensee, 10**9, {"from": owner})
    of.token.mint(parties.publisher, STAKE, {"from": owner})
    of.token.approve(of.royalties, STAKE, {"from": parties.publisher})
    of.royalties.stake({"from": parties.publisher})
    return of


def distributor(of, parties, token):
    """Pays royalties in that token, for licenses of this access contract."""
    fixed = (digest("ruleset"), WINDOW_S, BOND, STAKE, of.access)
    roles = (parties.owner, parties.guardian, parties.arbiter, parties.publisher)
    return parties.owner.deploy(of.make_distributor, token, *fixed, *roles)


def accept(of, parties, fields, signature, *, deposit=0, sender=None):
    """The offer is accepted, its dataset opened as it was registered."""
    opened = (parties.holder, digest("root"), digest("manifest"))
    return of.access.accept(fields, *opened, deposit, signature, {"from": sender or parties.licensee})


@pytest.fixture(scope="module")
def named_token(parties):
    """A token with a name in two scripts, which takes notes."""
    made = compile_source(NAMED_TOKEN, solc_version="0.8.37", evm_version="shanghai")
    return parties.licensee.deploy(made.NamedToken, "Голос 声音")


@pytest.fixture
def dataset(of, parties):
    """The id of a registered dataset of three recordings."""
    parts = [digest(one) for one in ("root", "manifest", "terms", "split")]
    return of.datasets.register(*parts, 3, {"from": parties.holder}).return_value


@pytest.fixture
def offer(of, parties, dataset):
    """A signed offer, with what is changed in it: `(fields, signature)`."""

    def made(**changes):
        names = [one["name"] for one in offer_type(of)]
        fields = {
            "datasetId": dataset,
            "holder": parties.holder.address,
            "transfers": 0,
            "licensee": parties.licensee.address,
            "distributor": of.royalties.address,
            "price": 250,
            "expiry": chain.time() + 10_000,
            "purposes": 0b11,
            "deadline": chain.time() + 1_000,
            "noticeDays": 30,
            "termsHash": digest("terms"),
            "nonce": 1,
        } | changes
        domain = {
            "name": "DataAccess",
            "version": "1",
            "chainId": chain.id,
            "verifyingContract": of.access.address,
        }
        kinds = {"Offer": offer_type(of)}
        signed = web3.eth.account.sign_typed_data(key_of(parties.holder), domain, kinds, fields)
        return tuple(fields[name] for name in names), signed.signature

    return made


def offer_type(of):
    """The fields of an offer in their order, from the ABI."""
    (entry,) = [one for one in of.access.abi if one.get("name") == "offerDigestOf"]
    return [{"name": one["name"], "type": one["type"]} for one in entry["inputs"][0]["components"]]


@pytest.fixture
def licensed(of, parties, dataset):
    """The id of a license for purposes 0 and 1, granted without a fee."""
    terms = (
        parties.holder,
        digest("root"),
        digest("manifest"),
        digest("terms"),
        parties.licensee,
        of.royalties,
        chain.time() + 10_000,
        0b11,
        30,
        1,
    )
    return of.access.grant(terms, {"from": parties.holder}).return_value
