"""What does the same work cost elsewhere? Ours and the peers' published packages on one Anvil, osaka rules.

Prints one row an operation and peer, with our target and the ratio peer / ours, and writes all to
`build/bench-gas.json`. Rows where the peer does less than we do say what it leaves out and are only printed
(docs/decisions/peers.md); exit 1 when on any other row we are not cheaper, or an operation of ours passes its target.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import solcx
from eth_account import Account
from eth_account.messages import encode_defunct
from gas import PAYEES, ROOT, SUBTREE, TARGETS, World, anvil, measure, over
from licensing import MNEMONIC, NOBODY, digest
from web3 import Web3
from web3.logs import DISCARD

from provenance.domain.hashes import keccak

if TYPE_CHECKING:
    from web3.contract import Contract

PEERS = ROOT / "benches" / "peers"
PACKAGES = PEERS / "node_modules"
RESULT = ROOT / "build" / "bench-gas.json"
EAS = "@ethereum-attestation-service/eas-contracts/artifacts/contracts"
OCEAN = "@oceanprotocol/contracts/artifacts/contracts"
UNISWAP = "@uniswap/merkle-distributor/build"
REVOCABLE = True
NFTS = 500  # in one transaction: its cap is 16,777,216 gas
MANY = 100  # digests in one transaction, for what each costs then
SCHEMAS = {  # what our event of the same step says, in EAS's words
    "dataset": "bytes32 manifestRoot,bytes32 manifestDigest,bytes32 termsHash,bytes32 splitHash,uint32 items",
    "access": "bytes32 receiptHash,uint32 purpose,uint64 units",  # packed; the license is the attestation referred to
}
SETTINGS = {
    "optimizer": {"enabled": True, "runs": 1_000_000},
    "evmVersion": "cancun",
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
}


@dataclass(frozen=True)
class Row:
    """One operation of ours beside a peer's."""

    ours: str
    peer: str
    gas: int
    lacks: str = ""  # what it leaves out of the work of ours


def main() -> int:
    """Exit 0: cheaper than every peer that does the same work."""
    if not PACKAGES.is_dir():
        sys.stderr.write("Error: the peers' packages are missing\nNext: make bench-gas\n")
        return 69
    with anvil() as web3:
        ours = measure(web3)
        peers = Peers(web3)
        rows = [*peers.attestations(), *peers.ocean(), *peers.openzeppelin(), *peers.uniswap()]
    order = {name: place for place, name in enumerate(ours)}
    rows.sort(key=lambda row: (order[row.ours], bool(row.lacks)))
    sys.stdout.write("\n".join(table(ours, rows)) + "\n")
    dear, passed = beaten(ours, rows), over(ours)
    for row in dear:
        sys.stderr.write(f"Error: {row.ours}: {ours[row.ours]:,} gas, {row.peer}: {row.gas:,}\n")
    for name in passed:
        sys.stderr.write(f"Error: {name}: {ours[name]:,} gas, the target is {TARGETS[name]:,}\n")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(report(ours, rows), indent=1) + "\n", "utf-8")
    told = f"{len(rows)} rows, {len(dear)} where a peer does the same for less; {len(passed)} targets passed over"
    sys.stdout.write(f"{told}; all numbers in {RESULT.relative_to(ROOT)}\n")
    return int(bool(dear or passed))


def beaten(ours: dict[str, int], rows: list[Row]) -> list[Row]:
    """The rows on which a peer does the same work for as little or less."""
    return [row for row in rows if not row.lacks and ours[row.ours] >= row.gas]


def table(ours: dict[str, int], rows: list[Row]) -> list[str]:
    """The lines printed: each operation of ours with its target, and what the peers pay for it."""
    lines = [f"{'operation':<42}{'ours':>10}{'target':>11}  {'peer':<40}{'gas':>12}{'peer/ours':>12}"]
    for name, units in ours.items():
        own = f"{name:<42}{units:>10,}{TARGETS[name]:>11,}"
        beside = [line(row, units) for row in rows if row.ours == name] or ["none on npm does this"]
        lines += [f"{own if not at else '':<63}  {text}" for at, text in enumerate(beside)]
    return lines


def line(row: Row, units: int) -> str:
    """A peer's part of a row, with the ratio peer / ours."""
    mark = f"  without {row.lacks}" if row.lacks else ""
    return f"{row.peer:<40}{row.gas:>12,}{row.gas / units:>11.2f}×{mark}"


def report(ours: dict[str, int], rows: list[Row]) -> dict[str, Any]:
    """All numbers, and on what they were measured."""
    locked = json.loads((PEERS / "package-lock.json").read_text("utf-8"))["packages"]
    node = json.loads((ROOT / "node_modules/@foundry-rs/anvil/package.json").read_text("utf-8"))["version"]
    return {
        "machine": f"anvil {node} (osaka), {platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
        "peers": {
            name.removeprefix("node_modules/"): one["version"]
            for name, one in locked.items()
            if name.startswith("node_modules/@")
        },
        "gas": ours,
        "rows": [
            {
                "operation": row.ours,
                "ours": ours[row.ours],
                "target": TARGETS[row.ours],
                "peer": row.peer,
                "gas": row.gas,
                "ratio": round(row.gas / ours[row.ours], 2),
                "lacks": row.lacks,
            }
            for row in rows
        ],
    }


class Peers:
    """The peers' contracts on the chain that ours are on."""

    def __init__(self, web3: Web3) -> None:
        self.world = World(web3)
        self.me, self.other = self.world.account(0), self.world.account(6)

    def put(self, built: dict[str, Any], *arguments: object) -> tuple[Contract, int]:
        """The contract of an artifact, and what its deployment cost."""
        web3 = self.world.web3
        factory = web3.eth.contract(abi=built["abi"], bytecode=built["bytecode"])
        receipt = self.world.mined(factory.constructor(*arguments).transact({"from": self.me}))
        return web3.eth.contract(address=receipt["contractAddress"], abi=built["abi"]), int(receipt["gasUsed"])

    def call(self, contract: Contract, function: str, *arguments: object) -> tuple[int, Any]:
        """Gas and receipt."""
        sent = contract.get_function_by_name(function)(*arguments).transact({"from": self.me, "gas": 16_000_000})
        receipt = self.world.mined(sent)
        return int(receipt["gasUsed"]), receipt

    def attestations(self) -> list[Row]:
        """EAS: an attestation holds the same facts in storage."""
        schemas, _ = self.put(artifact(f"{EAS}/SchemaRegistry.sol/SchemaRegistry.json"))
        eas, _ = self.put(artifact(f"{EAS}/EAS.sol/EAS.json"), schemas.address)
        uids = {}
        for name, schema in SCHEMAS.items():
            _, receipt = self.call(schemas, "register", schema, NOBODY, REVOCABLE)
            uids[name] = said(schemas, "Registered", receipt)["uid"]
        facts = b"".join(digest(number) for number in range(1, 5)) + (1_000).to_bytes(32, "big")
        dataset, receipt = self.call(eas, "attest", (uids["dataset"], (NOBODY, 0, True, bytes(32), facts, 0)))
        made = said(eas, "Attested", receipt)["uid"]
        revoked, _ = self.call(eas, "revoke", (uids["dataset"], (made, 0)))
        use = [(NOBODY, 0, False, made, access(at), 0) for at in range(101)]
        one, _ = self.call(eas, "attest", (uids["access"], use[100]))
        many, _ = self.call(eas, "multiAttest", [(uids["access"], use[:50])])
        more, _ = self.call(eas, "multiAttest", [(uids["access"], use[50:100])])
        stamped, _ = self.call(eas, "timestamp", digest(50))
        stamps, _ = self.call(eas, "multiTimestamp", [digest(2_000 + number) for number in range(MANY)])
        withdrawn, _ = self.call(eas, "revokeOffchain", digest(51))
        withdrawals, _ = self.call(eas, "multiRevokeOffchain", [digest(3_000 + number) for number in range(MANY)])
        each, unowned = -(-stamps // MANY), "holder, terms, status: whoever comes first stamps a digest"
        return [
            Row("register one dataset", "EAS attest", dataset),
            Row("register one dataset", "EAS multiTimestamp, 100, each", each, unowned),
            Row("record one access", "EAS attest", one),
            Row("100 accesses in one transaction, each", "EAS multiAttest, 2 × 50, each", -(-(many + more) // 100)),
            Row("100 accesses in one transaction, each", "EAS multiTimestamp, 100, each", each, "any license"),
            Row("anchor a usage batch", "EAS timestamp", stamped),
            Row("anchor a usage batch", "EAS multiTimestamp, 100, each", each, "meter, chain, a batch at a time"),
            Row("revoke a license", "EAS revoke", revoked),
            Row("revoke a dataset", "EAS revokeOffchain", withdrawn),
            Row(
                "revoke a dataset",
                "EAS multiRevokeOffchain, 100, each",
                -(-withdrawals // MANY),
                "holder and status, and one at a time: 100 are revoked at once",
            ),
        ]

    def ocean(self) -> list[Row]:
        """Ocean: a data NFT with a datatoken, its metadata, orders."""
        money, _ = self.put(artifact(f"{OCEAN}/utils/mock/MockERC20.sol/MockERC20.json"), self.me, "Ocean", "OCEAN")
        nft, _ = self.put(artifact(f"{OCEAN}/templates/ERC721Template.sol/ERC721Template.json"))
        datatoken, _ = self.put(artifact(f"{OCEAN}/templates/ERC20Template.sol/ERC20Template.json"))
        fees, _ = self.put(
            artifact(f"{OCEAN}/communityFee/OPFCommunityFeeCollector.sol/OPFCommunityFeeCollector.json"),
            self.me,
            self.me,
        )
        router, _ = self.put(
            artifact(f"{OCEAN}/pools/FactoryRouter.sol/FactoryRouter.json"),
            *(self.me, money.address, money.address, fees.address, []),
        )
        factory, _ = self.put(
            artifact(f"{OCEAN}/ERC721Factory.sol/ERC721Factory.json"), nft.address, datatoken.address, router.address
        )
        self.call(router, "addFactory", factory.address)
        item = ("Recordings", "REC", 1, "https://example.org", True, self.me)
        token = (1, ["Datatoken", "DT"], [self.me, self.me, self.me, NOBODY], [10**24, 0], [b""])
        created, receipt = self.call(factory, "createNftWithErc20", item, token)
        made = [said(factory, name, receipt)["newTokenAddress"] for name in ("NFTCreated", "TokenCreated")]
        asset = self.world.web3.eth.contract(address=made[0], abi=nft.abi)
        dt = self.world.web3.eth.contract(address=made[1], abi=datatoken.abi)
        described, _ = self.call(
            asset, "setMetaData", *(0, "https://example.org", self.me, b"\x02", digest(60) * 5, digest(61), [])
        )
        minted, _ = self.call(dt, "mint", self.me, 10**20)
        market = (NOBODY, NOBODY, 0)
        first, receipt = self.call(dt, "startOrder", self.other, 0, self.provider(b"a"), market)
        refilled, _ = self.call(dt, "mint", self.me, 10**20)
        again, _ = self.call(dt, "startOrder", self.other, 0, self.provider(b"b"), market)
        reused, _ = self.call(dt, "reuseOrder", receipt["transactionHash"], self.provider(b"c"))
        return [
            Row("register one dataset", "Ocean createNftWithErc20", created),
            Row("register one dataset", "Ocean createNftWithErc20 + setMetaData", created + described),
            Row("accept, price and first use, targeted", "Ocean mint + startOrder, first", minted + first),
            Row("accept, price and first use, targeted", "Ocean mint + startOrder, again", refilled + again),
            Row(
                "accept, price and first use, targeted",
                "Ocean startOrder, again",
                again,
                "the price: it burns a token bought before, whose mint is in the rows above",
            ),
            Row("accept, price and first use, open", "Ocean mint + startOrder, first", minted + first),
            Row("accept, price and first use, open", "Ocean mint + startOrder, again", refilled + again),
            Row("record one access", "Ocean reuseOrder", reused),
        ]

    def provider(self, data: bytes) -> tuple[object, ...]:
        """A provider's fee of nothing, signed by the provider as Ocean asks."""
        Account.enable_unaudited_hdwallet_features()
        key = Account.from_mnemonic(MNEMONIC)
        packed = data + bytes.fromhex(key.address[2:]) + bytes(20) + bytes(32) + bytes(32)
        signed = Account.sign_message(encode_defunct(keccak(packed)), key.key)
        r, s = (one.to_bytes(32, "big") for one in (signed.r, signed.s))
        return key.address, NOBODY, 0, signed.v, r, s, 0, data

    def openzeppelin(self) -> list[Row]:
        """OpenZeppelin's tokens and ERC721A as they are; none of them checks a license, a proof or a signature."""
        built = compiled()
        nft, _ = self.put(built["Nft"])
        self.call(nft, "mintMany", self.me, 1, 1)
        many = sum(self.call(nft, "mintMany", self.me, first, NFTS)[0] for first in (2, 2 + NFTS))
        sparse, _ = self.put(built["Sparse"])
        self.call(sparse, "mint", self.me, 1)
        sequence, _ = self.call(sparse, "mint", self.me, 2 * NFTS)
        multi, _ = self.put(built["Multi"])
        minted, _ = self.call(multi, "mint", self.other, 1)
        token, _ = self.put(built["Dollar"])
        loop, _ = self.put(built["PushLoop"])
        self.call(token, "mint", loop.address, 10**18)
        to = [Web3.to_checksum_address(keccak(digest(at))[12:]) for at in range(SUBTREE)]
        amounts = [1_000_003 + at for at in range(SUBTREE)]
        first, _ = self.call(loop, "pay", token.address, to, amounts)
        later, _ = self.call(loop, "pay", token.address, to, amounts)
        unproved = "proof and books; one payee whom the token refuses stops it"
        bare = "manifest, terms and status: a number and an owner each"
        return [
            Row("register a manifest of 1,000 recordings", "ERC-721 mint, 1,000 in two transactions", many, bare),
            Row("register a manifest of 1,000 recordings", "ERC721A mint, 1,000 in one", sequence, bare),
            Row("grant a license, no fee", "ERC-1155 mint", minted, "any check of holder, dataset, purposes or end"),
            Row("claimSubtree, 100 payees, first", "ERC-20 push loop, 100 payees, first", first, unproved),
            Row("claimSubtree, 100 payees, later", "ERC-20 push loop, 100 payees, later", later, unproved),
        ]

    def uniswap(self) -> list[Row]:
        """Uniswap's distributor: one deployment a settlement, one bit a claim."""
        token, _ = self.put(artifact(f"{UNISWAP}/TestERC20.json"), "Dollar", "USD", 0)
        leaves = [packed_leaf(at, payee(at)) for at in range(PAYEES)]
        claims, published = [], 0
        for places in ((1_000,), (1_001, 1_000)):  # later: the bit's word is in use by a neighbor
            for place in places:
                root, path = proved(leaves, place)
                if place == places[0]:
                    drop, published = self.put(artifact(f"{UNISWAP}/MerkleDistributor.json"), token.address, root)
                    self.call(token, "setBalance", drop.address, 10**18)
                units, _ = self.call(drop, "claim", place, payee(place), 1_000_003, path)
            claims.append(units)
        unguarded = "window, veto, a limit to the sum and a lock"
        return [
            Row("publish a settlement, steady", "Uniswap distributor, one a settlement", published),
            Row("claim, 131k payees, first", "Uniswap claim, first", claims[0], unguarded),
            Row("claim, 131k payees, later", "Uniswap claim, of a later drop", claims[1], unguarded),
        ]


def said(contract: Contract, event: str, receipt: Any) -> dict[str, Any]:
    """The arguments of the first event of that name."""
    return dict(contract.events[event]().process_receipt(receipt, errors=DISCARD)[0]["args"])


def access(number: int) -> bytes:
    """A use as an attestation's data, packed."""
    return digest(100 + number) + (1).to_bytes(4, "big") + (3).to_bytes(8, "big")


def payee(number: int) -> str:
    return Web3.to_checksum_address(keccak(digest(1_000_000 + number))[12:])


def packed_leaf(index: int, account: str) -> bytes:
    """Uniswap's leaf: `keccak256(abi.encodePacked(index, account, amount))`."""
    return keccak(index.to_bytes(32, "big") + bytes.fromhex(account[2:]) + (1_000_003).to_bytes(32, "big"))


def proved(leaves: list[bytes], place: int) -> tuple[bytes, list[bytes]]:
    """Root and siblings of one leaf in a tree of sorted pairs; an odd node moves up."""
    path, row = [], leaves
    while len(row) > 1:
        if place ^ 1 < len(row):
            path.append(row[place ^ 1])
        row = [
            keccak(b"".join(sorted(row[at : at + 2]))) if at + 1 < len(row) else row[at] for at in range(0, len(row), 2)
        ]
        place //= 2
    return row[0], path


def artifact(path: str) -> dict[str, Any]:
    """ABI and creation code as the package has them."""
    found: dict[str, Any] = json.loads((PACKAGES / path).read_text("utf-8"))
    code = found["bytecode"]
    return {"abi": found["abi"], "bytecode": code if code.startswith("0x") else "0x" + code}


def compiled() -> dict[str, dict[str, Any]]:
    """OpenZeppelin's abstract tokens made concrete, with the compiler of ours at the peers' best."""
    queue, sources = ["OpenZeppelin.sol"], {}
    while queue:
        name = queue.pop()
        if name not in sources:
            file = PEERS / name if name == "OpenZeppelin.sol" else PACKAGES / name
            text = file.read_text("utf-8")
            sources[name] = {"content": text}
            queue += [resolved(name, one) for one in imports(text)]
    asked = {"language": "Solidity", "sources": sources, "settings": SETTINGS}
    out = solcx.compile_standard(asked, solc_binary=ROOT / "scripts" / "solc.js")
    return {
        name: {"abi": one["abi"], "bytecode": "0x" + one["evm"]["bytecode"]["object"]}
        for name, one in out["contracts"]["OpenZeppelin.sol"].items()
    }


def imports(text: str) -> list[str]:
    return [re.split("""["']""", part)[1] for part in text.split("\nimport ")[1:]]


def resolved(importer: str, name: str) -> str:
    return os.path.normpath(Path(importer).parent / name) if name.startswith(".") else name


if __name__ == "__main__":
    sys.exit(main())
