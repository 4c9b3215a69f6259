"""Every contract is deployed once, wherever `contracts deploy` is killed, and the document is the same.

The command runs once unharmed; then chain and folder are put back, it is killed before or after one change of
state (a line of its journal, a transaction, the document) and run again.
"""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from provenance import config
from provenance.adapters import wire
from provenance.adapters.anvil import Devnet
from provenance.adapters.chain import EvmNode
from provenance.adapters.keys.keystore import Keystore
from provenance.app.deploy import Record
from provenance.app.ports import ContractName
from provenance.cli.context import Session
from provenance.cli.main import run
from provenance.domain import fields
from provenance.domain.hashes import keccak
from provenance.types import Bytes32
from tests.e2e.killable import KillableCommands, killable_commands

DEPLOYER = "holder-1"
TRANSACTIONS = 6 + 1 + 3  # contracts, the meter, the offers of the role of owner


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory):
    """A devnet, its token paid for, and a warm process for the commands."""
    folder = tmp_path_factory.mktemp("deploy")
    (folder / "provenance.toml").write_text(f'home = "{folder / "home"}"\n')
    up = ["devnet", "up", "--config", str(folder / "provenance.toml")]
    assert run(up, Session(StringIO(), StringIO())) == 0
    with killable_commands(folder, folder / "provenance.toml") as commands:
        yield folder, commands
    Devnet(folder / "home" / "devnet").stop()


@pytest.fixture(scope="module")
def node(room: tuple[Path, KillableCommands]) -> EvmNode:
    return wire.node(config.load(room[0] / "provenance.toml"))


@pytest.fixture(scope="module")
def kills(request: pytest.FixtureRequest) -> int:
    count: int = request.config.getoption("--kills")
    return count


def command(folder: Path) -> list[str]:
    settings = config.load(folder / "provenance.toml")
    token = "0x" + wire.record(settings).contracts["Token"].hex()
    roles = [f"--{role}={role}" for role in ("guardian", "arbiter", "publisher")]
    said = ["contracts", "deploy", "--token", token, *roles, "--owner", "holder-2", "--meter", "relayer"]
    return [*said, "--out", str(folder / "made.json"), "--account", DEPLOYER]


def test_whatever_step_kills_it_nothing_is_deployed_twice(
    room: tuple[Path, KillableCommands], node: EvmNode, kills: int
) -> None:
    folder, commands = room
    deployer = Keystore(folder / "home" / "keystore").address(DEPLOYER)
    asked, made = command(folder), folder / "made.json"
    mark = node.rpc.call("evm_snapshot")
    before = node.nonce(deployer)
    unharmed = commands.run(*asked)
    assert unharmed.status == 0, unharmed
    expected = lasting(made, node)
    assert node.nonce(deployer) == before + TRANSACTIONS
    steps = unharmed.steps
    assert {step.split()[-1] for step in steps} >= {"fsync", "transaction", "rename"}
    assert sum(step == "after transaction" for step in steps) == TRANSACTIONS
    chosen = range(1, len(steps) + 1) if kills > 1 else _spread(steps)
    for at in chosen:
        assert node.rpc.call("evm_revert", mark)
        mark = node.rpc.call("evm_snapshot")
        made.unlink(missing_ok=True)
        made.with_suffix(".jsonl").unlink(missing_ok=True)
        killed = commands.run(*asked, at=at)
        assert killed.killed, killed
        again = commands.run(*asked)
        assert again.status == 0, (at, killed, again)
        assert lasting(made, node) == expected, (at, killed)
        assert node.nonce(deployer) == before + TRANSACTIONS, (at, killed)


def lasting(document: Path, node: EvmNode) -> Record:
    """The deployment, but for the distributor's time, which is its block's and stands in its code."""
    record = Record.parse(document.read_bytes())
    fixed = dict(fields.mapping(record.extra, "distributor"))
    time = fields.integer(fixed, "deployedAt")
    name: ContractName = "RoyaltyDistributor"
    code = node.code(record.contracts[name])
    assert record.code_hashes[name] == keccak(code)
    assert time.to_bytes(32, "big") in code
    assert node.block(record.first_block).time <= time <= node.block("latest").time
    hashes = {**record.code_hashes, name: Bytes32(bytes(32))}
    return replace(record, code_hashes=hashes, extra={**record.extra, "distributor": {**fixed, "deployedAt": 0}})


def _spread(steps: tuple[str, ...]) -> list[int]:
    """Every kind of step once, at another place each, and the last."""
    kinds = dict.fromkeys(steps)
    places = {kind: [at for at, step in enumerate(steps, 1) if step == kind] for kind in kinds}
    return sorted(
        {found[at * (len(found) - 1) // max(1, len(kinds) - 1)] for at, found in enumerate(places.values())}
        | {len(steps)}
    )
