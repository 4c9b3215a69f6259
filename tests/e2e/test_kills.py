"""Every command, killed before or after any change of state and run again, ends as if nothing had happened.

Each stage of the operator's work is run once unharmed. Then chain and folder are put back, the
command is killed at its first step, run again and compared; put back, killed at its second, and so
on. `--kills N` with N above 1 takes every single step and N random moments.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from indexer.store.database import connect
from provenance import config
from provenance.adapters.content.embedded import Embedded
from provenance.domain import fields
from provenance.domain.events import DatasetRegistered, RoyaltyClaimed, SettlementProposed, UsageAnchored
from provenance.domain.manifest import recording_id
from provenance.types import Bytes32, DatasetId
from tests import whole
from tests.e2e.killable import End, KillableCommands, chances, killable_commands
from tests.e2e.network import WINDOW_S, OperatedNetwork
from tests.e2e.parties import parties

KEPT = {"devnet", "deployments", "keystore"}  # the node goes on running; keys do not change


@dataclass(slots=True)
class Scene:
    """A devnet and a home that can be put back to where they were."""

    network: OperatedNetwork
    commands: KillableCommands
    license: str = ""
    mark: str = ""
    saved: list[Path] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.network.room / "home"

    def rpc(self, method: str, *params: object) -> Any:
        return self.network.chain().node.rpc.call(method, *params)

    def save(self) -> None:
        self.mark = self.rpc("evm_snapshot")
        shutil.rmtree(self.network.room / "saved", ignore_errors=True)
        shutil.copytree(self.home, self.network.room / "saved", ignore=lambda _, names: KEPT & set(names))

    def restore(self) -> None:
        assert self.rpc("evm_revert", self.mark)
        self.mark = self.rpc("evm_snapshot")
        for path in self.home.iterdir():
            if path.name not in KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self.network.room / "saved", self.home, dirs_exist_ok=True)

    def state(self) -> Any:
        """The mirror's digest of every row."""
        return self.well("node", "db", "status").document["state"]

    def well(self, *arguments: str) -> End:
        """The command went well."""
        end = self.commands.run(*arguments)
        assert end.status == 0, end
        return end

    def facts(self) -> dict[str, Any]:
        """What chain, content and records came to, without times and block hashes."""
        chain = self.network.chain()
        logged = list(chain.upto(chain.head().number))
        database = connect(config.load(self.network.here.settings).database_url)
        with database.read() as connection:
            counts = {
                table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
                for table in ("batches", "payouts", "payout_lines")
            }
        database.dispose()
        return {
            "anchored": [one.event for one in logged if isinstance(one.event, UsageAnchored)],
            "proposed": [_untimed(one.event) for one in logged if isinstance(one.event, SettlementProposed)],
            "claimed": sorted(
                (one.event.payee, one.event.amount) for one in logged if isinstance(one.event, RoyaltyClaimed)
            ),
            "tokens": {name: self.network.tokens(name) for name in ("holder-1", "voice-1")},
            "content": sorted(str(cid) for cid in whole.cids(Embedded(self.home / "content"))),
            **counts,
        }


def _untimed(event: SettlementProposed) -> tuple[object, ...]:
    return event.epoch, event.root, event.usage_head, event.manifest_digest, event.total


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Uses are acknowledged, nothing is anchored, and the operator's processes have ended."""
    room = tmp_path_factory.mktemp("kills")
    with parties(room) as here, killable_commands(room, here.settings) as commands:
        config.save({"node": {"database": f"sqlite:///{room / 'home' / 'node.db'}"}}, path=here.settings)
        here.start_operator()
        made = Scene(OperatedNetwork(here), commands)
        made.license = used(made.network)
        for name in list(here.running):
            here.stop(name)
        yield made


def used(network: OperatedNetwork) -> str:
    folder, terms = network.takes("takes", ("a.wav", "b.wav"), seed=3), network.terms("terms", "holder-1")
    given, _ = network.consent("consent", "voice-1", "holder-1")
    split = ("--split", "holder-1=7000", "--split", "voice-1=3000")
    made = network.upload(folder, "Killed", terms, "holder-1", "--consent", given, *split)
    license_ = network.license(made["datasetId"], "holder-1", "1")
    network.open(license_)
    dataset = DatasetId(Bytes32(bytes.fromhex(made["datasetId"][2:])))
    network.use(license_, {recording_id(dataset, 0): 3.0, recording_id(dataset, 1): 1.0}, 6, most=10)
    network.run(
        "access", "open", license_, "--purpose", "evaluate", "--territory", "DE", "--account", "licensee", status=5
    )
    return license_


@pytest.fixture(scope="module")
def moments(request: pytest.FixtureRequest) -> int:
    count: int = request.config.getoption("--kills")
    return count


def everywhere(scene: Scene, moments: int, *command: str, facts: Callable[[], object] | None = None) -> set[str]:
    """Killed at its steps and run again, the command ends where the unharmed one did; the kinds of steps."""
    found = facts or scene.facts
    scene.save()
    took = time.monotonic()
    steps = scene.well(*command).steps
    took = time.monotonic() - took
    expected = found()

    def again(killed: End) -> None:
        scene.well(*command)
        assert found() == expected, killed

    for at in range(1, len(steps) + 1) if moments > 1 else chosen(steps):
        scene.restore()
        end = scene.commands.run(*command, at=at)
        assert (end.killed, end.steps[-1]) == (True, steps[at - 1]), end
        again(end)
    for after_s in chances(len(steps), moments, took):
        scene.restore()
        again(scene.commands.run(*command, after_s=after_s))
    return set(steps)


def chosen(steps: Sequence[str]) -> list[int]:
    """Both sides of every transaction, of the chain or the database, and before the first and last of other kinds."""
    places = [(number, step) for number, step in enumerate(steps, 1) if step.startswith("before")]
    whole = {number for number, step in enumerate(steps, 1) if step.endswith(("transaction", "commit"))}
    first, last = {step: number for number, step in reversed(places)}, {step: number for number, step in places}
    return sorted(whole | {*first.values()} | {*last.values()})


@pytest.fixture(scope="module")
def anchored(scene: Scene, moments: int) -> set[str]:
    """Where `node anchor` was killed; it has gone well since."""
    return everywhere(scene, moments, "node", "anchor")


@pytest.fixture(scope="module")
def settled(scene: Scene, moments: int, anchored: set[str]) -> set[str]:
    """Where `node settle` was killed; it has gone well since."""
    del anchored
    return everywhere(scene, moments, "node", "settle")


@pytest.fixture(scope="module")
def paid(scene: Scene, moments: int, settled: set[str]) -> set[str]:
    """Where `node pay` was killed; it has gone well since."""
    del settled
    scene.network.run("devnet", "advance", str(WINDOW_S))
    return everywhere(scene, moments, "node", "pay")


def test_an_empty_mirror_is_filled_to_the_same_state(scene: Scene, moments: int) -> None:
    aside = scene.network.room / "records"
    aside.mkdir()
    for path in scene.home.glob("node.db*"):
        path.rename(aside / path.name)
    steps = everywhere(scene, moments, "node", "follow", "--once", facts=scene.state)
    for path in scene.home.glob("node.db*"):
        path.unlink()
    for path in aside.iterdir():
        path.rename(scene.home / path.name)
    assert {"after commit", "before commit"} <= steps


def test_what_was_acknowledged_is_anchored_once(scene: Scene, anchored: set[str]) -> None:
    assert {"before rename", "after commit", "before transaction", "after transaction"} <= anchored
    assert len(scene.facts()["anchored"]) == 1
    assert scene.well("node", "anchor").document == {"anchored": False}


def test_an_epoch_is_proposed_once_and_named_when_asked_again(scene: Scene, settled: set[str]) -> None:
    assert {"before rename", "before transaction", "after transaction"} <= settled
    [[epoch, root, _, _, total]] = scene.facts()["proposed"]
    told = scene.well("node", "settle").document
    assert (told["epoch"], told["root"], told["total"], told["gas"]) == (str(epoch), fields.shown(root), str(total), 0)
    scene.network.fund(scene.license, "0.001")
    refused = scene.commands.run("node", "settle")
    assert (refused.status, refused.document["type"]) == (7, "/problems/epoch-still-open")
    assert len(scene.facts()["proposed"]) == 1


def test_everybody_is_paid_once(scene: Scene, paid: set[str]) -> None:
    assert {"after commit", "before transaction", "after transaction"} <= paid
    assert scene.well("node", "pay").document["gas"] == 0
    assert scene.well("audit", "run").document["verdict"] == "VERIFIED"


def test_a_take_is_registered_once(scene: Scene, moments: int) -> None:
    network, number = scene.network, 0
    network.here.start_operator()
    terms = network.terms("upload-terms", "holder-2")

    def command() -> tuple[str, ...]:
        nonlocal number
        number += 1
        folder = network.takes(f"upload {number}", ("a.wav",), seed=100 + number)
        return ("upload", str(folder), "--dataset", f"Upload {number}", "--terms", terms, "--kind", "sound", "--language",
                "en", "--accept-review", "--account", "holder-2")  # fmt: skip

    def again(killed: End, line: tuple[str, ...]) -> None:
        made = scene.well(*line).document
        assert made["recordings"] == 1, killed
        assert scene.well(*line).document["datasetId"] == made["datasetId"], killed
        assert len(registered(network)) == number, killed

    took = time.monotonic()
    steps = scene.well(*command()).steps
    took = time.monotonic() - took
    for at in range(1, len(steps) + 1) if moments > 1 else chosen(steps):
        line = command()
        end = scene.commands.run(*line, at=at)
        assert (end.killed, end.steps[-1]) == (True, steps[at - 1]), end
        again(end, line)
    for after_s in chances(len(steps), moments, took):
        line = command()
        again(scene.commands.run(*line, after_s=after_s), line)
    for name in list(network.here.running):
        network.here.stop(name)


def registered(network: OperatedNetwork) -> list[Bytes32]:
    chain, holder = network.chain(), network.address("holder-2")
    found = [one.event for one in chain.upto(chain.head().number)]
    return [one.dataset_id for one in found if isinstance(one, DatasetRegistered) and one.holder == holder]
