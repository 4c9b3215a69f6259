"""A tree that OpenZeppelin's own JavaScript builds is one that the distributor pays from."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provenance.app.ports import Call
from provenance.domain.events import ClaimSkipped, RoyaltyClaimed
from provenance.errors import Reverted
from provenance.types import Address, Wei

if TYPE_CHECKING:
    from provenance.app.ports import Mined
    from tests.anvil import World

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
const [chainId, distributor, payments] = JSON.parse(process.argv[1]);
const values = payments.map(([payee, cumulative]) => [chainId, distributor, payee, cumulative]);
const tree = StandardMerkleTree.of(values, ["uint256", "address", "address", "uint256"]);
console.log(JSON.stringify({ root: tree.root, proofs: values.map((value) => tree.getProof(value)) }));
"""
OWNER, PUBLISHER, RELAYER = 0, 1, 9
DAY_S = 86_400


def payments() -> list[tuple[Address, Wei]]:
    return [(Address(bytes([7] * 19 + [i])), Wei(1_000 + i)) for i in range(13)]


def test_javascript_builds_python_claims_solidity_pays(chain_world: World) -> None:
    chain = chain_world.chain

    def send(signer: int, contract: str, function: str, *args: object) -> Mined:
        return chain.send(Call(contract, function, args), chain_world.signers[signer])  # type: ignore[arg-type]

    with chain_world.undone():
        distributor = chain.deployment.contracts["RoyaltyDistributor"]
        total = sum(amount for _, amount in payments())
        asked = [str(chain.deployment.chain_id), "0x" + distributor.hex()]
        text = json.dumps([*asked, [["0x" + who.hex(), str(amount)] for who, amount in payments()]])
        command = ["node", "--input-type=module", "--eval", SCRIPT, "--", text]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        tree = json.loads(done.stdout)
        root = bytes.fromhex(tree["root"][2:])
        proofs = [tuple(bytes.fromhex(one[2:]) for one in proof) for proof in tree["proofs"]]

        send(OWNER, "Token", "approve", distributor, total)
        send(OWNER, "RoyaltyDistributor", "fund", total, bytes(32))
        send(PUBLISHER, "RoyaltyDistributor", "propose", 1, root, total, bytes(32), bytes(32))
        chain_world.devnet.advance(DAY_S)
        who, amount = payments()[4]
        paid = send(RELAYER, "RoyaltyDistributor", "claim", 1, who, amount, proofs[4])
        assert [one.event for one in paid.logs] == [RoyaltyClaimed(who, 1, who, amount, amount)]
        with pytest.raises(Reverted):
            send(RELAYER, "RoyaltyDistributor", "claim", 1, who, amount + 1, proofs[4])

        claims = tuple((who, amount, proof) for (who, amount), proof in zip(payments(), proofs, strict=True))
        paid = send(RELAYER, "RoyaltyDistributor", "claimMany", 1, claims)
        assert [one.event for one in paid.logs if isinstance(one.event, ClaimSkipped)] == [ClaimSkipped(who, 1, 1)]
        assert chain.read(Call("RoyaltyDistributor", "paid", ())) == (total,)
        for payee, sum_ in payments():
            assert chain.read(Call("Token", "balanceOf", (payee,))) == (sum_,)
