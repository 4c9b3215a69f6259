"""A new event is one class and one arm of the ledger: everything else follows, and mypy refuses it without the arm.

Played in a copy of both packages, in which a contract has one more event.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.store.database import open_database

ROOT = Path(__file__).resolve().parents[2]
CLASSES, LEDGER = "provenance/domain/events/royalties.py", "provenance/domain/ledger.py"
UNION, ARM = "RoyaltyEvent: TypeAlias = (\n", "            case e.ClaimSkipped():\n"
CLASS = '''@dataclass(frozen=True, slots=True)
class BondReturned:
    """A challenger has a bond back."""

    CONTRACTS: ClassVar[tuple[str, ...]] = ("RoyaltyDistributor",)
    ABI: ClassVar[str] = "BondReturned(uint64 indexed epoch,address indexed payee,uint256 amount,uint32 days,bool whole)"
    epoch: int
    payee: Address
    amount: Wei
    days: int
    whole: bool


'''


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    for name in ("provenance", "indexer"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def write(copy: Path, name: str, before: str, addition: str) -> None:
    """One edit by hand: `addition` stands before the only place that reads `before`."""
    text = (copy / name).read_text("utf-8")
    assert text.count(before) == 1
    (copy / name).write_text(text.replace(before, addition + before), "utf-8")


def changed(copy: Path) -> set[str]:
    files = (path.relative_to(copy).as_posix() for path in copy.rglob("*.py"))
    return {name for name in files if (copy / name).read_bytes() != (ROOT / name).read_bytes()}


def checked(copy: Path) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "mypy", "--cache-dir", str(copy.parent / "mypy"), LEDGER)
    return subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=240)


def test_a_new_event_touches_two_files(copy: Path, tmp_path: Path) -> None:
    database = tmp_path / "node.db"
    open_database(str(database)).dispose()  # at the newest schema, before the event is known
    write(copy, CLASSES, UNION, CLASS)
    write(copy, CLASSES, "    Funded\n    | SettlementProposed\n", "    BondReturned |\n")
    refused = checked(copy)
    assert refused.returncode == 1, refused.stdout
    assert 'incompatible type "BondReturned"; expected "Never"' in refused.stdout
    write(
        copy, LEDGER, ARM, "            case e.BondReturned():\n                self.returned = Fact(event, logged)\n"
    )
    accepted = checked(copy)
    assert accepted.returncode == 0, accepted.stdout
    assert changed(copy) == {CLASSES, LEDGER}

    played = subprocess.run(
        (sys.executable, "-c", f"from tests.assumptions.test_new_event import play; play({str(database)!r})"),
        cwd=copy,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert played.returncode == 0, played.stderr


def play(file: str) -> None:
    """In the copy: the event is mined, mirrored, decoded, folded, made again from its log, and gone with its block."""
    import indexer
    from indexer.follow import Follower
    from indexer.rpc.source import ChainSource
    from indexer.store.facts import FACTS, decoded
    from indexer.store.history import History
    from indexer.store.mirror import ChainMirror
    from provenance.domain import events
    from provenance.domain.ledger import Ledger
    from tests.fakes.clocks import Still
    from tests.fakes.nodes import CHAIN_ID, CONTRACTS, FakeChain, FakeNode, logged

    assert Path(indexer.__file__).parents[1] == Path.cwd()
    event = events.BondReturned(7, b"\x11" * 20, 2**255, 2**32 - 1, True)  # type: ignore[attr-defined] # of the copy
    chain, database = FakeChain(), open_database(file)
    chain.mine(logged(event))
    source = ChainSource([FakeNode(chain)], CONTRACTS.values(), CHAIN_ID)
    follower = Follower(source, ChainMirror(database), CONTRACTS, first_block=1, finality="latest-2", clock=Still())
    while follower.step().outcome != "current":
        pass
    row = (1, 0, 7, b"\x11" * 20, 2**255, 2**32 - 1, True)
    table = FACTS[type(event)]
    assert table.name == "bond_returned"
    assert {index.name for index in table.indexes} == {"ix_bond_returned_epoch", "ix_bond_returned_payee"}

    def stored() -> list[tuple[object, ...]]:
        with database.read() as connection:
            return [tuple(found) for found in connection.execute(table.select())]

    assert stored() == [row]
    history = History(database, CONTRACTS)
    assert Ledger.fold(history.upto(1)).returned.event == event
    names = {address: name for name, address in CONTRACTS.items()}
    ChainMirror(database).redecode(lambda contract, topics, data: decoded(names[contract], topics, data))
    assert stored() == [row]
    chain.fork(1)
    chain.mine()
    follower.step()
    assert stored() == []
