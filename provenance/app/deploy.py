"""Deployments: where one network's contracts are, who runs them, and how they are made.

The deployment document names them; `deploy` makes the six contracts in the order they need each
other. Starting a chain and unlocking accounts are left to the adapters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self, assert_never, cast, get_args

from provenance.app.ports import (
    Call,
    Chain,
    Content,
    ContractName,
    Cost,
    Created,
    Creator,
    Deployment,
    Mined,
    Signer,
    TokenUnit,
)
from provenance.app.role import CONTRACTS as CONTRACTS_BY_ROLE
from provenance.domain import canonical, cid, fields
from provenance.domain.cid import Cid
from provenance.domain.fees import Limits
from provenance.domain.fields import checksummed, counted, shown
from provenance.domain.hashes import sha256
from provenance.domain.record import read
from provenance.domain.settlement.facts import Method, Ruleset
from provenance.domain.typed import Domain, Domains
from provenance.errors import Broken, Invalid
from provenance.types import ZERO_ADDRESS, Address, BlockNumber, Bps, Bytes32, Json, Ppm, Wei

KIND: Final = "provenance/deployment"
NAMES: Final[tuple[ContractName, ...]] = get_args(ContractName)
NAMES_IN_ORDER: Final[tuple[ContractName, ...]] = (
    "Token",
    "DatasetRegistry",
    "ConsentRegistry",
    "DataAccess",
    "UsageLedger",
    "ArtifactRegistry",
    "RoyaltyDistributor",
)

WINDOW_S: Final = 3_600
BOND: Final = Wei(100_000_000)  # 100 tokens of 6 decimals
STAKE: Final = Wei(1_000_000_000)
AMOUNT_BITS: Final = 120
"""No bond and no stake has more. Source: contracts/mixins/Stakes.sol."""
DEVNETS: Final = (31_337, 1_337)
FEE_BPS: Final = Bps(500)
TOLERANCE_PPM: Final = Ppm(50_000)
CALL_GAS: Final = 60_000
"""More than an admission or an offer uses; a node estimates neither before the contracts are there."""


def windows(chain_id: int) -> range:
    """The windows [s] that a distributor takes on that chain. Source: contracts/mixins/Settlements.sol."""
    return range(3_600 if chain_id in DEVNETS else 2 * 86_400, 14 * 86_400 + 1)


@dataclass(frozen=True, slots=True)
class Roles:
    """Who may do what on the contracts."""

    owner: Address
    guardian: Address
    arbiter: Address
    publisher: Address
    meters: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """`provenance/deployment/1`: the contracts of one network."""

    chain_id: int
    first_block: BlockNumber
    contracts: Mapping[ContractName, Address]
    code_hashes: Mapping[ContractName, Bytes32]
    roles: Roles
    ruleset: Cid
    token: TokenUnit
    extra: Mapping[str, Json] = field(default_factory=dict)

    def deployment(self) -> Deployment:
        """The same, as the ports know it."""
        signing = domains(self.chain_id, self.contracts)
        return Deployment(self.chain_id, self.first_block, dict(self.contracts), signing, self.token)

    @property
    def limits(self) -> Limits:
        """What a transaction on this network may cost, where the settings do not say."""
        return read(Limits, fields.mapping({"fees": {}, **self.extra}, "fees"))

    def superseded(self) -> dict[ContractName, Address]:
        """Where the contracts were that these take the place of, if the document says so."""
        older = fields.mapping({"supersedes": {}, **self.extra}, "supersedes")
        return {name: fields.address(older, name) for name in NAMES if name in older}

    def encode(self) -> bytes:
        """Canonical bytes."""
        contracts: dict[str, Json] = {
            name: {"address": shown(address), "codeHash": shown(self.code_hashes[name])}
            for name, address in self.contracts.items()
        }
        contracts["Token"] = {**fields.mapping(contracts, "Token"), **self.token._asdict()}
        roles: dict[str, Json] = {
            name: shown(getattr(self.roles, name)) for name in ("owner", "guardian", "arbiter", "publisher")
        }
        body: dict[str, Json] = {
            **self.extra,
            "chainId": self.chain_id,
            "firstBlock": self.first_block,
            "contracts": contracts,
            "roles": {**roles, "meters": [shown(meter) for meter in self.roles.meters]},
            "ruleset": {"cid": str(self.ruleset), "hash": shown(self.ruleset.digest)},
        }
        return canonical.encode(KIND, 1, body)

    @classmethod
    def parse(cls, document: bytes) -> Self:
        """The document in these bytes; each contract stands at an address of its own."""
        body = canonical.parse(document, kind=KIND)
        named = {name: fields.mapping({name: entry}, name) for name, entry in fields.mapping(body, "contracts").items()}
        missing = sorted(set(NAMES) - set(named))
        if missing or len({fields.address(entry, "address") for entry in named.values()}) != len(named):
            raise Invalid(f"contracts: {', '.join(missing) or 'an address stands twice'}", field="contracts")
        token, roles, ruleset = named["Token"], fields.mapping(body, "roles"), fields.mapping(body, "ruleset")
        if not {"decimals", "symbol"} <= token.keys():
            step = "Ask who deployed for a newer deployment file; a local chain: `provenance devnet reset`."
            raise Invalid("contracts.Token: its decimals and symbol are missing", next=step, field="Token")
        return cls(
            chain_id=fields.integer(body, "chainId"),
            first_block=BlockNumber(fields.integer(body, "firstBlock")),
            contracts={name: fields.address(named[name], "address") for name in NAMES},
            code_hashes={name: fields.word(named[name], "codeHash") for name in NAMES},
            roles=Roles(
                owner=fields.address(roles, "owner"),
                guardian=fields.address(roles, "guardian"),
                arbiter=fields.address(roles, "arbiter"),
                publisher=fields.address(roles, "publisher"),
                meters=tuple(
                    fields.address({"meter": meter}, "meter") for meter in fields.items(roles, "meters", most=1_000)
                ),
            ),
            ruleset=cid.parse(fields.text(ruleset, "cid")),
            token=TokenUnit(fields.integer(token, "decimals", bits=8), fields.text(token, "symbol")),
            extra=fields.extra(body, ("chainId", "firstBlock", "contracts", "roles", "ruleset")),
        )


def domains(chain_id: int, contracts: Mapping[ContractName, Address]) -> Domains:
    """The signing domains of contracts at these addresses."""

    def domain(name: ContractName) -> Domain:
        return Domain(name, chain_id, contracts[name])

    return Domains(
        consent=domain("ConsentRegistry"),
        registry=domain("DatasetRegistry"),
        access=domain("DataAccess"),
        usage=domain("UsageLedger"),
        distributor=domain("RoyaltyDistributor"),
    )


def ruleset_1(fee_payee: Address) -> Ruleset:
    """Ruleset 1: 5 % for `fee_payee`, no grace; weights count by construction (method 1) or not at all (0)."""
    methods = (Method(0, Ppm(0)), Method(1, Ppm(0)))
    return Ruleset(fee_bps=FEE_BPS, fee_payee=fee_payee, grace_s=0, tolerance_ppm=TOLERANCE_PPM, methods=methods)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fixed when the contracts are made.

    Attributes:
        roles: who may do what.
        ruleset: the rules; their hash is fixed in the distributor.
        window_s: seconds between a proposal and its activity.
        bond: what a challenge puts up, in base units of the token.
        stake: what a proposer has in, in base units of the token.
        token: the ERC-20 that is paid; None makes a test token.
        heir: to whom the role of owner is offered once all is made; None: the deployer stays owner.
        older: the contracts that the new ones take the place of, for the document's `supersedes`.

    Raises:
        Invalid: the zero address or the token shall be something, which no contract takes or nobody could use; or
            bond or stake is nothing, or more than the distributor can count.
    """

    roles: Roles
    ruleset: Ruleset
    token: Address | None = None
    window_s: int = WINDOW_S
    bond: Wei = BOND
    stake: Wei = STAKE
    heir: Address | None = None
    older: Mapping[ContractName, Address] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refused here, because an offer to the zero address reverts only once all contracts are paid for."""
        roles = self.roles
        named = (
            *(("owner", account) for account in (roles.owner, self.heir)),
            ("guardian", roles.guardian),
            ("arbiter", roles.arbiter),
            ("publisher", roles.publisher),
            *(("meter", account) for account in roles.meters),
            ("fee-payee", self.ruleset.fee_payee),
        )
        for name, account in named:
            if account == ZERO_ADDRESS:
                raise Invalid("nobody has the zero address", next=f"Name another account as {name}.", field=name)
            if self.token and account == self.token:
                detail = "the token can hold no role and pass no tokens on"
                raise Invalid(detail, next=f"Name another account as {name}.", field=name)
        for name, amount in (("bond", self.bond), ("stake", self.stake)):
            if not 0 < amount < 1 << AMOUNT_BITS:
                raise Invalid(f"a {name} of {amount} base units", next=f"Say another amount with --{name}.", field=name)

    @property
    def digest(self) -> Bytes32:
        """Tells this plan from every other."""
        roles, word = self.roles, b"".join((self.token or ZERO_ADDRESS, self.heir or ZERO_ADDRESS))
        held = b"".join((roles.owner, roles.guardian, roles.arbiter, roles.publisher, *roles.meters))
        fixed = b"".join(number.to_bytes(32, "big") for number in (self.window_s, self.bond, self.stake))
        older = sha256(b"".join(self.older.values())) if self.older else b""
        return sha256(b"".join((word, fixed, self.ruleset.hash, held, older)))

    def making(self) -> tuple[ContractName, ...]:
        """The contracts to be made, each after those that it needs."""
        return NAMES_IN_ORDER[1:] if self.token else NAMES_IN_ORDER

    def arguments(self, contract: ContractName, places: Mapping[ContractName, Address]) -> tuple[object, ...]:
        """What its constructor is given; `places` has those made before."""
        roles = self.roles
        match contract:
            case "DatasetRegistry":
                return roles.owner, roles.guardian
            case "DataAccess":
                return places["DatasetRegistry"], places["ConsentRegistry"]
            case "UsageLedger":
                return (roles.owner,)
            case "RoyaltyDistributor":
                fixed = (places["Token"], self.ruleset.hash, self.window_s, self.bond, self.stake, places["DataAccess"])
                return (*fixed, roles.owner, roles.guardian, roles.arbiter, roles.publisher)
            case "Token" | "ConsentRegistry" | "ArtifactRegistry":
                return ()
        assert_never(contract)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A transaction that would be sent, and at what cost; the contract that it makes, if any, and where."""

    title: str
    cost: Cost
    contract: ContractName | None = None
    address: Address | None = None


def calls(plan: Plan) -> tuple[tuple[str, Call], ...]:
    """What the owner sends once the contracts are made, each with its title."""
    admitted = (
        (f"admit meter {checksummed(meter)}", Call("UsageLedger", "admitMeter", (meter,)))
        for meter in plan.roles.meters
    )
    if plan.heir is None:
        return tuple(admitted)
    key, to = b"owner".ljust(32, b"\0"), plan.heir
    offers = (
        (f"offer the role owner of {contract} to {checksummed(to)}", Call(contract, "offerRole", (key, to)))
        for contract in CONTRACTS_BY_ROLE["owner"]
    )
    return (*admitted, *offers)


def foresee(
    creator: Creator, plan: Plan, mined: tuple[Address | None, ...] = (), waiting: int | None = None
) -> tuple[Foreseen, ...]:
    """The transactions that `deploy` would send now.

    Args:
        creator: what makes contracts.
        plan: what is to be made.
        mined: what an earlier run sent, in its order: where it made a contract, None for a call.
        waiting: the nonce of the next transaction, if an earlier run wrote it down and no block has it yet.

    Raises:
        Invalid: no distributor on that chain takes the plan's window.
    """
    _check_window(plan, creator)
    deployer, order = plan.roles.owner, plan.making()
    standing = tuple(address for address in mined if address is not None)
    coming = creator.next_addresses(deployer, len(order) - len(standing), waiting)
    places = dict(zip(order, (*standing, *coming), strict=True))
    known = {**places, "Token": plan.token} if plan.token else places
    if plan.token and places["DataAccess"] not in standing:
        known["DataAccess"] = (
            plan.token
        )  # the distributor wants code there, of which a node that estimates finds none yet
    creations = (
        Foreseen(f"deploy {name}", creator.cost(name, plan.arguments(name, known), deployer), name, places[name])
        for name in order[len(standing) :]
    )
    called = calls(plan)[len(mined) - len(standing) :]
    return (*creations, *(Foreseen(title, creator.price(CALL_GAS)) for title, _ in called))


def deploy(
    creator: Creator,
    connect: Callable[[Record], Chain],
    content: Content,
    plan: Plan,
    owner: Signer,
    *,
    sent: Callable[[str, int], None] = lambda _title, _gas: None,
) -> tuple[Record, Chain]:
    """The six contracts stand, the ruleset is content, the meters are admitted, the heir is offered the role.

    Where the creator and the chain remember what they sent, the same plan goes on where an earlier run ended.

    Args:
        creator: what makes contracts.
        connect: the chain with a new deployment on it, checked.
        content: where the ruleset goes.
        plan: what is fixed for ever.
        owner: who makes the contracts and admits the meters.
        sent: told of every transaction with its gas.
    """
    roles = plan.roles
    if owner.address != roles.owner:
        raise Invalid("the contracts are made by their owner", field="owner")
    _check_window(plan, creator)
    rules = content.put(plan.ruleset.encode())
    if rules.digest != plan.ruleset.hash:
        raise Broken("the ruleset's address is not its hash")
    created: dict[ContractName, Created] = {}
    if plan.token is not None:
        created["Token"] = creator.found(plan.token)
    for name in plan.making():
        args = plan.arguments(name, {known: contract.address for known, contract in created.items()})
        created[name] = creator.create(name, args, owner)
        sent(f"deploy {name}", created[name].gas_used)
    terms: dict[str, Json] = {"windowS": plan.window_s, "bond": str(plan.bond), "stake": str(plan.stake)}
    fixed: dict[str, Json] = {"distributor": {**terms, "deployedAt": created["RoyaltyDistributor"].time}}
    if plan.heir:
        fixed["ownerOffered"] = shown(plan.heir)
    if plan.older:
        fixed["supersedes"] = {
            name: shown(older) for name, older in plan.older.items() if older != created[name].address
        }
    record = Record(
        chain_id=creator.chain_id(),
        first_block=created["DatasetRegistry"].block,
        contracts={name: created[name].address for name in NAMES},
        code_hashes={name: created[name].code_hash for name in NAMES},
        roles=roles,
        ruleset=rules,
        token=creator.unit(created["Token"].address),
        extra=fixed,
    )
    chain = connect(record)
    for title, call in calls(plan):
        sent(title, chain.send(call, owner).gas_used)
    return record, chain


def _check_window(plan: Plan, creator: Creator) -> None:
    bounds = windows(creator.chain_id())
    if plan.window_s not in bounds:
        least, most = bounds[0] // 3_600, bounds[-1] // 3_600
        raise Invalid(
            f"a window of {counted(plan.window_s // 3_600, 'hour')} on chain {creator.chain_id()}",
            next=f"Say --window-hours from {least} to {most}.",
            field="window-hours",
        )


def mint(chain: Chain, minter: Signer, accounts: tuple[Address, ...], amount: Wei) -> tuple[Mined, ...]:
    """Each account has at least `amount` of the test token."""
    return tuple(
        chain.send(Call("Token", "mint", (account, amount)), minter)
        for account in accounts
        if cast("int", chain.read(Call("Token", "balanceOf", (account,)))[0]) < amount
    )
