"""What datasets, pools, consents and licenses cost: the operations of four contracts, each on a chain that is warm.

Accounts by index: 0 deploys and guards, 1 holds datasets, 2 has licenses, 3 and 5 sign and send nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_account import Account
from eth_account.messages import encode_typed_data

from provenance.domain.hashes import abi_words, keccak

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gas import World

MNEMONIC = "test test test test test test test test test test test junk"
NOBODY = "0x" + "00" * 20
NO_REASON = bytes(32)
FAR = 2_000_000_000  # [unix s]
PRICE, DEPOSIT = 250_000_000, 100_000_000  # base units
PURPOSES, PURPOSE = 0b11, 0b1
LEAVES = False  # and does not stay
NOTICE_DAYS = 30
Fields = list[dict[str, str]]
PERMIT: Fields = [
    {"name": "owner", "type": "address"},
    {"name": "spender", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "nonce", "type": "uint256"},
    {"name": "deadline", "type": "uint256"},
]


def digest(number: int) -> bytes:
    """32 bytes that look like a hash."""
    return keccak(abi_words(number))


PARTS = (digest(1), digest(2), digest(3))
"""Root, manifest's digest and terms of the dataset that is licensed."""


def registry(world: World) -> dict[str, int]:
    """Datasets, pools and artifacts."""
    root, manifest, terms = PARTS
    split = digest(4)

    def registered(number: int, items: int) -> int:
        return world.gas(1, "DatasetRegistry", "register", digest(number), manifest, terms, split, items)

    gas = {
        "register one dataset": world.gas(1, "DatasetRegistry", "register", root, manifest, terms, split, 1),
        "register a manifest of 1,000 recordings": registered(5, 1_000),
        "register a pool": world.gas(1, "DatasetRegistry", "register", bytes(32), manifest, terms, split, NOTICE_DAYS),
        "register an artifact with 10,000 parents": world.gas(
            2, "ArtifactRegistry", "registerArtifact", 1, digest(6), 10_000, digest(7), digest(8)
        ),
    }
    dataset, pool = dataset_id(world, root), dataset_id(world, bytes(32))
    for word, number in (("first", 10), ("later", 12)):
        gas[f"set a pool's members, {word}"] = world.gas(
            1, "DatasetRegistry", "setMembers", pool, digest(number), digest(number + 1)
        )
    gas["leave a pool"] = world.gas(1, "DatasetRegistry", "leavePool", pool, dataset, LEAVES)
    for count in (1, 10, 100):
        gas[f"setSplit of {count} payee{'s' * (count > 1)}"] = world.gas(
            1, "DatasetRegistry", "setSplit", dataset, shares(count)
        )
    gas["dispute a dataset"] = world.gas(1, "DatasetRegistry", "dispute", dataset, digest(14))
    registered(9, 1)
    revoked = dataset_id(world, digest(9))
    gas["revoke a dataset"] = world.gas(1, "DatasetRegistry", "setStatus", revoked, 3, NO_REASON)
    return gas


def consents(world: World) -> dict[str, int]:
    """What a voice's owner does with a consent that it signed."""
    consent = digest(15)
    return {
        "extend a consent": world.gas(5, "ConsentRegistry", "extendConsent", consent, world.account(1)),
        "revoke a consent": world.gas(5, "ConsentRegistry", "revokeConsent", consent, NO_REASON),
    }


def licenses(world: World) -> dict[str, int]:
    """Grants, offers, accesses. The licensee's allowance, and the distributor's balance, are not used up."""
    access, licensee = world.contracts["DataAccess"], world.account(2)
    world.gas(0, "Token", "mint", licensee, 10**12)
    distributor = world.contracts["RoyaltyDistributor"].address
    world.gas(2, "Token", "approve", distributor, 10**11)
    world.gas(2, "RoyaltyDistributor", "fund", 10**6, digest(16))
    dataset, terms = dataset_id(world, PARTS[0]), PARTS[2]
    granted = (world.account(1), *PARTS, licensee, distributor, FAR, PURPOSES, NOTICE_DAYS, 1)
    gas = {"grant a license, no fee": world.gas(1, "DataAccess", "grant", granted), **accepted(world)}
    offer = (dataset, world.account(1), 0, licensee, distributor, 0, FAR, PURPOSES, 0, NOTICE_DAYS, terms, 1)
    license_id = access.functions.licenseIdOf(access.functions.offerDigestOf(offer).call(), licensee).call()
    use = (PURPOSE, 3, digest(20))
    gas["record one access"] = world.gas(2, "DataAccess", "recordAccess", dataset, license_id, *use)
    uses = [(PURPOSE << 64 | 3, digest(100 + number)) for number in range(100)]
    many = world.gas(2, "DataAccess", "recordAccessMany", dataset, license_id, uses)
    gas["100 accesses in one transaction, each"] = -(-many // 100)
    under = (PURPOSE, 300, digest(21))
    gas["100 accesses under one root, in all"] = world.gas(2, "DataAccess", "recordAccess", dataset, license_id, *under)
    gas["revoke a license"] = world.gas(1, "DataAccess", "terminate", dataset, license_id, NO_REASON)
    return gas


def accepted(world: World) -> dict[str, int]:
    """Every way to accept an offer, of one licensee and of anybody."""
    holder, licensee, distributor = (
        world.account(1),
        world.account(2),
        world.contracts["RoyaltyDistributor"].address,
    )
    gas, dataset = {}, dataset_id(world, PARTS[0])
    nonces = iter(range(2, 100))

    def call(who: str, price: int, deposit: int) -> tuple[object, ...]:
        offer = (dataset, holder, 0, who, distributor, price, FAR, PURPOSES, FAR, NOTICE_DAYS, PARTS[2], next(nonces))
        fields = components(world, "DataAccess", "offerDigestOf")
        signature = signed(world, ("DataAccess", "DataAccess"), "Offer", fields, offer, 1)
        return offer, holder, *PARTS[:2], deposit, signature

    for word, who in (("targeted", licensee), ("open", NOBODY)):
        paid = world.gas(2, "DataAccess", "accept", *call(who, PRICE, DEPOSIT))
        gas[f"accept, price and first use, {word}"] = paid
        gas[f"accept, nothing to pay, {word}"] = world.gas(2, "DataAccess", "accept", *call(who, 0, 0))
    world.gas(2, "Token", "approve", distributor, 0)
    for word, who in (("targeted, first permit", licensee), ("targeted", licensee), ("open", NOBODY)):
        gas[f"acceptWithPermit, {word}"] = world.gas(
            2, "DataAccess", "acceptWithPermit", *call(who, PRICE, DEPOSIT), permitted(world, PRICE + DEPOSIT)
        )
    return gas


def permitted(world: World, value: int) -> tuple[int, int, bytes, bytes]:
    """The licensee's EIP-2612 permit to the distributor."""
    licensee, spender = world.account(2), world.contracts["RoyaltyDistributor"].address
    nonce = world.contracts["Token"].functions.nonces(licensee).call()
    values = (licensee, spender, value, nonce, FAR)
    signature = signed(world, ("Token", "Test Dollar"), "Permit", PERMIT, values, 2)
    return FAR, signature[64], signature[:32], signature[32:64]


def dataset_id(world: World, root: bytes) -> bytes:
    """The id of the holder's dataset of that root."""
    made = world.contracts["DatasetRegistry"].functions.datasetIdOf(world.account(1), root, *PARTS[1:])
    return bytes(made.call())


def shares(count: int) -> bytes:
    """A split among so many payees, in the order of their addresses."""
    payees = sorted(digest(1_000 + number)[12:] for number in range(count))
    parts = [10_000 // count] * count
    return b"".join(payee + bps.to_bytes(2, "big") for payee, bps in zip(payees, parts, strict=True))


def components(world: World, contract: str, function: str) -> Fields:
    """The members of the struct that a function takes first."""
    entry = next(part for part in world.contracts[contract].abi if part.get("name") == function)
    members: Sequence[Mapping[str, str]] = entry["inputs"][0]["components"]
    return [{"name": member["name"], "type": member["type"]} for member in members]


def signed(
    world: World, domain: tuple[str, str], kind: str, fields: Fields, values: Sequence[object], index: int
) -> bytes:
    """The EIP-712 signature of a development account, for a contract under the name that its domain has."""
    contract, name = domain
    verifying = {"chainId": world.web3.eth.chain_id, "verifyingContract": world.contracts[contract].address}
    message = {member["name"]: value for member, value in zip(fields, values, strict=True)}
    Account.enable_unaudited_hdwallet_features()
    key = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}").key
    typed = encode_typed_data(
        domain_data={"name": name, "version": "1", **verifying}, message_types={kind: fields}, message_data=message
    )
    return bytes(Account.sign_message(typed, key).signature)
