"""What does each operation cost? Measured as receipts' gasUsed on Anvil under osaka rules.

Writes `snapshots/gas.json`; exit 1 when an operation passes its target, or, with --check, differs from
the snapshot.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from licensing import FAR, MNEMONIC, components, consents, digest, licenses, registry, signed
from web3 import HTTPProvider, Web3

from provenance import abi
from provenance.domain.hashes import abi_words, keccak

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from web3.contract import Contract

ROOT = Path(__file__).resolve().parents[1]
SNAPSHOT = ROOT / "snapshots" / "gas.json"
TARGETS = {  # gas
    "register one dataset": 50_500,
    "register a manifest of 1,000 recordings": 50_500,
    "register a pool": 50_200,
    "set a pool's members, first": 50_300,
    "set a pool's members, later": 32_900,
    "leave a pool": 52_400,
    "setSplit of 1 payee": 28_400,
    "setSplit of 10 payees": 33_800,
    "setSplit of 100 payees": 110_100,
    "dispute a dataset": 27_000,
    "revoke a dataset": 30_300,
    "extend a consent": 47_800,
    "revoke a consent": 47_400,
    "grant a license, no fee": 60_900,
    "accept, price and first use, targeted": 102_700,
    "accept, price and first use, open": 105_000,
    "accept, nothing to pay, targeted": 68_200,
    "accept, nothing to pay, open": 70_500,
    "acceptWithPermit, targeted, first permit": 132_700,
    "acceptWithPermit, targeted": 115_600,
    "acceptWithPermit, open": 117_900,
    "record one access": 29_400,
    "100 accesses in one transaction, each": 3_830,
    "100 accesses under one root, in all": 29_400,
    "revoke a license": 36_600,
    "register an artifact with 10,000 parents": 50_500,
    "anchor a usage batch": 31_800,
    "close a session": 32_400,
    "publish a settlement, steady": 44_500,
    "publish a settlement, by the exit with its stake": 90_100,
    "claim, 131k payees, first": 101_500,
    "claim, 131k payees, later": 67_500,
    "claimSubtree, 100 payees, first": 5_300_000,
    "claimSubtree, 100 payees, later": 1_810_000,
    "fund, later": 53_400,
    "stake": 54_700,
    "unstake": 46_600,
    "unstake, other money stays": 50_300,
    "veto": 35_400,
    "challenge": 81_700,
    "resolve, upheld": 66_500,
    "resolve, dismissed": 63_700,
    "resolve, silence": 41_400,
    "rule": 25_800,
}
PAYEES = 131_044  # so that one inner node has exactly 100 leaves below it
SUBTREE = 100
WINDOW_S = 3_600
ARBITER_S = 14 * 86_400
EXIT_S = 90 * 86_400
BOND, STAKE = 10**6, 10**7


def main() -> int:
    """Exit 0: measured, and every target held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on any difference")
    check = parser.parse_args().check
    with anvil() as web3:
        gas = measure(web3)
    for name, units in gas.items():
        sys.stdout.write(f"{name:<44}{units:>12,}{TARGETS[name]:>12,}\n")
    text = json.dumps(gas, indent=1) + "\n"
    drifted = not SNAPSHOT.exists() or SNAPSHOT.read_text("utf-8") != text
    if drifted and not check:
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(text, "utf-8")
    passed = over(gas)
    for name in passed:
        sys.stderr.write(f"Error: {name}: {gas[name]:,} gas, the target is {TARGETS[name]:,}\n")
    if check and drifted:
        sys.stderr.write("Error: gas differs from snapshots/gas.json\nNext: make gas, and commit what it wrote\n")
    return int(bool(passed) or (check and drifted))


def over(gas: dict[str, int]) -> list[str]:
    """The operations that pass their target, or that were not measured."""
    return [name for name, target in TARGETS.items() if gas.get(name, target + 1) > target]


@contextmanager
def anvil() -> Iterator[Web3]:
    """A node of our own with osaka rules, gone afterwards."""
    binary = next((ROOT / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [str(binary), "--port", port, "--hardfork", "osaka", "--silent", "--mnemonic", MNEMONIC]
    process = subprocess.Popen([*command, "--timestamp", "1800000000", "--gas-limit", "60000000"])
    try:
        web3 = Web3(HTTPProvider(f"http://127.0.0.1:{port}"))
        for _ in range(200):
            if web3.is_connected():
                break
            time.sleep(0.05)
        yield web3
    finally:
        process.terminate()
        process.wait()


@dataclass
class World:
    """The contracts, and who acts on them."""

    web3: Web3
    contracts: dict[str, Contract] = field(default_factory=dict)

    def account(self, index: int) -> str:
        return self.web3.eth.accounts[index]

    def deploy(self, name: abi.Name, *arguments: object) -> Contract:
        built = abi.load(name)
        factory = self.web3.eth.contract(abi=built.abi, bytecode=built.bytecode)
        receipt = self.mined(factory.constructor(*arguments).transact({"from": self.account(0)}))
        self.contracts[name] = self.web3.eth.contract(address=receipt["contractAddress"], abi=built.abi)
        return self.contracts[name]

    def mined(self, sent: Any) -> Any:
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        if receipt["status"] != 1:
            raise SystemExit(f"reverted: {sent.hex()}")
        return receipt

    def gas(self, sender: int, contract: str, function: str, *arguments: object) -> int:
        call = self.contracts[contract].get_function_by_name(function)(*arguments)
        sent = call.transact({"from": self.account(sender), "gas": 16_000_000})
        return int(self.mined(sent)["gasUsed"])

    def advance(self, seconds: int) -> None:
        self.web3.provider.make_request("evm_increaseTime", [seconds])
        self.web3.provider.make_request("evm_mine", [])


def measure(web3: Web3) -> dict[str, int]:
    """Gas of each operation, in the order of the targets."""
    world = World(web3)
    owner = world.account(0)
    rights = world.deploy("ConsentRegistry").address
    datasets = world.deploy("DatasetRegistry", owner, owner).address
    world.deploy("DataAccess", datasets, rights)
    world.deploy("UsageLedger", owner)
    world.deploy("ArtifactRegistry")
    token = world.deploy("Token").address
    fixed = (token, digest(0), WINDOW_S, BOND, STAKE, world.contracts["DataAccess"].address)
    gas = {**registry(world), **consents(world), **usage(world)}
    gas["unstake"] = last_out(world, fixed)
    world.deploy("RoyaltyDistributor", *fixed, owner, owner, owner, owner)
    gas |= {**licenses(world), **royalties(world), **disputes(world)}
    return {name: gas[name] for name in TARGETS}


def usage(world: World) -> dict[str, int]:
    """One batch behind another; a session that its licensee closes."""
    meter, licensee = world.account(3), world.account(2)
    world.gas(0, "UsageLedger", "admitMeter", meter)
    head = world.contracts["UsageLedger"].functions.headOf(meter).call()
    session = (meter, licensee, digest(32), 1_800_000_000, FAR, 10**9, 1)
    fields = components(world, "UsageLedger", "sessionIdOf")
    signature = signed(world, ("UsageLedger", "UsageLedger"), "MeterSession", fields, session, 2)
    return {
        "anchor a usage batch": world.gas(3, "UsageLedger", "anchor", head, digest(30), 1_000_000, digest(31)),
        "close a session": world.gas(2, "UsageLedger", "closeSession", session, 123_456_789, signature),
    }


def last_out(world: World, fixed: Sequence[object]) -> int:
    """A publisher that takes its stake out of a distributor in which no other money is."""
    owner = world.account(0)
    distributor = world.deploy("RoyaltyDistributor", *fixed, owner, owner, owner, owner)
    world.gas(0, "Token", "mint", owner, 10**12)
    world.gas(0, "Token", "approve", distributor.address, 10**12)
    world.gas(0, "RoyaltyDistributor", "stake")
    return world.gas(0, "RoyaltyDistributor", "unstake", owner)


def royalties(world: World) -> dict[str, int]:
    """Four epochs: two trees, with claims on both, and a steady proposal."""
    distributor = world.contracts["RoyaltyDistributor"]
    for index in (0, 4, 6, 7):
        world.gas(0, "Token", "mint", world.account(index), 10**18)
        world.gas(index, "Token", "approve", distributor.address, 10**18)
    world.gas(4, "RoyaltyDistributor", "fund", 10**17, digest(40))
    found = {"fund, later": world.gas(4, "RoyaltyDistributor", "fund", 10**6, digest(40))}
    found["stake"] = world.gas(0, "RoyaltyDistributor", "stake")
    for epoch, word in ((1, "first"), (2, "later")):
        tree = Tree(world, [payment(index, epoch) for index in range(PAYEES)])
        propose(world, epoch, tree.nodes[0], tree.total)
        world.advance(WINDOW_S)
        single = world.gas(5, "RoyaltyDistributor", "claim", epoch, *tree.single())
        found[f"claim, 131k payees, {word}"] = single
        found[f"claimSubtree, 100 payees, {word}"] = world.gas(
            5, "RoyaltyDistributor", "claimSubtree", epoch, *tree.subtree()
        )
    for epoch in (3, 4):
        found["publish a settlement, steady"] = propose(world, epoch, digest(epoch), tree.total)
        world.advance(WINDOW_S)
    return found


def propose(world: World, epoch: int, root: bytes, total: int, sender: int = 0) -> int:
    return world.gas(sender, "RoyaltyDistributor", "propose", epoch, root, total, digest(43), digest(44))


def disputes(world: World) -> dict[str, int]:
    """Epoch 5 after four: vetoed, challenged with each outcome, at last proposed by the exit."""
    epoch, root, reason, challenger = 5, digest(5), digest(50), world.account(6)
    total = world.contracts["RoyaltyDistributor"].functions.settlement(4).call()[1]

    def answered(upheld: bool) -> int:  # noqa: FBT001 -- as the contract has it
        return world.gas(0, "RoyaltyDistributor", "resolve", epoch, root, challenger, upheld)

    def challenged() -> int:
        return world.gas(6, "RoyaltyDistributor", "challenge", epoch, root, reason)

    found = {"rule": world.gas(0, "RoyaltyDistributor", "rule", reason)}
    propose(world, epoch, root, total)
    found["veto"] = world.gas(0, "RoyaltyDistributor", "veto", epoch, root, reason)
    propose(world, epoch, root, total)
    found["challenge"] = challenged()
    found["resolve, upheld"] = answered(upheld=True)
    world.gas(0, "RoyaltyDistributor", "stake")
    propose(world, epoch, root, total)
    challenged()
    found["resolve, dismissed"] = answered(upheld=False)
    challenged()
    world.advance(ARBITER_S)
    found["resolve, silence"] = answered(upheld=True)
    found["unstake, other money stays"] = world.gas(0, "RoyaltyDistributor", "unstake", world.account(0))
    world.advance(EXIT_S)
    found["publish a settlement, by the exit with its stake"] = propose(world, epoch, root, total, sender=7)
    return found


def payment(index: int, epoch: int) -> tuple[bytes, int]:
    """A payee and its cumulative earnings after an epoch."""
    return keccak(abi_words(index))[12:], (1_000_003 + index) * epoch


@dataclass
class Tree:
    """The standard tree over payments, and the two claims that are measured."""

    world: World
    payments: list[tuple[bytes, int]]

    def __post_init__(self) -> None:
        chain, address = self.world.web3.eth.chain_id, bytes.fromhex(self.distributor[2:])
        leaves = [(keccak(keccak(abi_words(chain, address, who, sum_))), who, sum_) for who, sum_ in self.payments]
        # Both epochs must measure the same payees: their places are fixed, not sorted by hash.
        self.placed = leaves
        count = len(leaves)
        self.nodes: list[bytes] = [b""] * (count - 1) + [leaf for leaf, _, _ in leaves]
        for k in range(count - 2, -1, -1):
            self.nodes[k] = keccak(b"".join(sorted(self.nodes[2 * k + 1 : 2 * k + 3])))
        self.total = sum(sum_ for _, _, sum_ in leaves)

    @property
    def distributor(self) -> str:
        return str(self.world.contracts["RoyaltyDistributor"].address)

    def single(self) -> tuple[str, int, list[bytes]]:
        """The first leaf of the lowest level: 17 siblings."""
        node = 2**17 - 1
        who, amount = self.leaf(node)
        return who, amount, self.path(node)

    def subtree(self) -> tuple[list[tuple[str, int]], list[bytes]]:
        """The payments below the node that has exactly `SUBTREE` leaves."""
        node = next(k for k in range(1023, 2047) if len(self.below(k)) == SUBTREE)
        return [self.leaf(k) for k in self.below(node)], self.path(node)

    def below(self, node: int) -> list[int]:
        """The leaves under a node, breadth first."""
        walk, row = [], [node]
        while row:
            walk += row
            row = [child for k in row for child in (2 * k + 1, 2 * k + 2) if child < len(self.nodes)]
        return [k for k in walk if k >= len(self.payments) - 1]

    def leaf(self, node: int) -> tuple[str, int]:
        _, who, amount = self.placed[node - (len(self.payments) - 1)]
        return Web3.to_checksum_address(who), amount

    def path(self, node: int) -> list[bytes]:
        """Siblings up to the root."""
        found = []
        while node:
            found.append(self.nodes[node + 1 if node % 2 else node - 1])
            node = (node - 1) // 2
        return found


if __name__ == "__main__":
    sys.exit(main())
