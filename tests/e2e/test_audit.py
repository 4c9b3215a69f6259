"""The audit needs nobody, notices every change, and names it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provenance.adapters import segments
from provenance.domain.cid import Cid
from provenance.domain.fields import shown
from tests.e2e.finished_demo import FinishedDemo, address, command, judged, named, of_segments
from tests.e2e.parties import PROVENANCE

FAILED, INCOMPLETE = 10, 11


def audit(demo: FinishedDemo, home: Path, status: int = 0) -> Any:
    return command("audit", "run", "--config", str(demo.settings), "--home", str(home), status=status)


def test_chain_and_content_are_enough_when_operator_and_database_are_gone(demo: FinishedDemo) -> None:
    assert not list((demo.room / "home").rglob("node.db*"))
    done = subprocess.run(
        [*PROVENANCE, "audit", "run", "--config", str(demo.settings)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split()[:2] for line in done.stdout.split("\n\n")[0].splitlines()]
    before = json.loads(demo.printed)["audit"]["checks"]
    assert lines == [[one["verdict"], one["name"]] for one in before]
    assert "Not proved by this:" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("VERIFIED at block ")


def test_an_auditor_needs_no_settings_file(demo: FinishedDemo, tmp_path: Path) -> None:
    deployment, rpc = demo.room / "home" / "deployments" / "31337.json", demo.rpc
    given = ("--rpc", rpc, "--deployment", str(deployment), "--content", str(demo.content), "--home", str(tmp_path))
    here = command("audit", "run", *given)
    assert (here["verdict"], here["block"]) == ("VERIFIED", demo.chain().head().number)
    counted = {one["name"]: int(one["detail"].split()[0]) for one in here["checks"]}
    assert all(counted.values()), counted


def test_without_content_only_what_the_chain_alone_says_verifies(demo: FinishedDemo, tmp_path: Path) -> None:
    deployment = demo.room / "home" / "deployments" / "31337.json"
    given = ("--rpc", demo.rpc, "--deployment", str(deployment), "--home", str(tmp_path))
    told = command("audit", "run", *given, status=INCOMPLETE)["checks"]
    assert {one["name"] for one in told if one["verdict"] == "VERIFIED"} == {"contracts", "solvency"}
    assert [one for one in told if one["verdict"] != "VERIFIED" and "no content under " not in one["detail"]] == []


def test_an_auditor_who_names_a_node_only_is_asked_for_the_deployment(tmp_path: Path) -> None:
    refused = command("audit", "run", "--rpc", "http://127.0.0.1:1", "--home", str(tmp_path), status=6)
    assert "--deployment FILE" in refused["next"]


def test_what_no_block_is_final_of_yet_is_not_called_verified(demo: FinishedDemo, tmp_path: Path) -> None:
    refused = command("audit", "run", "--config", str(demo.settings), "--at", "0", status=INCOMPLETE)
    assert refused["type"] == "/problems/not-final-yet"
    assert "first block" in refused["detail"]


def test_at_every_earlier_block_the_road_so_far_verifies(demo: FinishedDemo) -> None:
    chain = demo.chain()
    blocks = range(chain.deployment.first_block, chain.head().number, 6)
    verdicts = {at: command("audit", "run", "--config", str(demo.settings), "--at", str(at)) for at in blocks}
    assert {at: judged(report) for at, report in verdicts.items()} == {at: {} for at in blocks}


SEGMENT, STATEMENT = "segment", "statements"
KINDS: dict[str, Callable[[Path], list[Path]]] = {
    "manifest": lambda content: named(content, "manifest"),
    "terms": lambda content: named(content, "terms"),
    "ruleset": lambda content: named(content, "ruleset"),
    "batch": lambda content: named(content, "batch"),
    "refusals": lambda content: named(content, "refusals"),
    SEGMENT: of_segments,
    "epoch manifest": lambda content: named(content, "epoch"),
    STATEMENT: lambda content: named(content, "statements"),
    "tree": lambda content: named(content, "tree"),
    "rejected": lambda content: named(content, "rejected"),
    "debts": lambda content: named(content, "debts"),
    "snapshot": lambda content: named(content, "snapshot"),
}


def says(report: Any, cid: Cid, verdict: str) -> None:
    """The verdict is this one, and a check names the content."""
    assert report["verdict"] == verdict
    told = judged(report)
    assert any(str(cid) in detail or cid.digest.hex() in detail for detail in told.values()), told


@pytest.mark.parametrize("kind", KINDS)
def test_one_flipped_byte_fails_by_its_address(demo: FinishedDemo, tmp_path: Path, kind: str) -> None:
    file = KINDS[kind](demo.copy(tmp_path))[-1]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    says(audit(demo, tmp_path, FAILED), address(file), "FAILED")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_gone_leaves_it_incomplete_by_its_address(demo: FinishedDemo, tmp_path: Path, kind: str) -> None:
    file = KINDS[kind](demo.copy(tmp_path))[0]
    file.unlink()
    says(audit(demo, tmp_path, INCOMPLETE), address(file), "INCOMPLETE")


@pytest.mark.parametrize("kind", [STATEMENT, "tree"])
def test_one_changed_amount_fails_by_its_address(demo: FinishedDemo, tmp_path: Path, kind: str) -> None:
    [file] = KINDS[kind](demo.copy(tmp_path))
    changed, count = re.subn(rb'"cumulative":"(\d+)"', lambda one: b'"cumulative":"%d"' % (int(one[1]) + 1),
                             file.read_bytes(), count=1)  # fmt: skip
    assert count == 1
    file.write_bytes(changed)
    report = audit(demo, tmp_path, FAILED)
    says(report, address(file), "FAILED")


def test_the_error_and_what_to_do_next_are_said_too(demo: FinishedDemo, tmp_path: Path) -> None:
    [file] = KINDS[STATEMENT](demo.copy(tmp_path))
    file.write_bytes(file.read_bytes().replace(b'"net":"', b'"net":"1', 1))
    line = [*PROVENANCE, "audit", "run", "--config", str(demo.settings), "--home", str(tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == FAILED
    assert re.search(rf"^FAILED +settlements .*{file.name}", done.stdout, re.MULTILINE), done.stdout
    assert re.search(rf"^Error: .*{file.name}", done.stderr, re.MULTILINE), done.stderr
    assert re.search(r"^Next: ", done.stderr, re.MULTILINE)


def test_a_wrong_copy_beside_a_good_one_is_healed(demo: FinishedDemo, tmp_path: Path) -> None:
    file = KINDS[SEGMENT](demo.copy(tmp_path))[0]
    good = file.read_bytes()
    file.write_bytes(good[:-1])
    given = ("audit", "run", "--config", str(demo.settings), "--home", str(tmp_path), "--content", str(demo.content))
    assert command(*given)["verdict"] == "VERIFIED"
    assert file.read_bytes() == good


def rejected(demo: FinishedDemo) -> set[str]:
    """Receipts that the demo's epoch did not count."""
    [file] = named(demo.content, "rejected")
    return {json.loads(line)["receiptId"] for line in file.read_text().splitlines()[1:]}


def test_a_receipt_is_traced_to_license_terms_recording_and_consent(demo: FinishedDemo) -> None:
    uses = [use for file in of_segments(demo.content) for use in segments.read(file.read_bytes())]
    delivered = [use for use in uses if len(use.weights) > 2 and use.receipt.outcome == 1]
    paid = next(use for use in delivered if shown(use.receipt.receipt_id) not in rejected(demo))
    found = command("audit", "trace", shown(paid.receipt.receipt_id), "--config", str(demo.settings))
    assert found["receipt"]["outcome"] == "delivered"
    assert (found["settlement"]["verdict"], found["settlement"]["reason"]) == ("counted", None)
    assert found["license"]["id"] == shown(paid.receipt.license_id)
    recordings = [one for one in found["recordings"] if "name" in one]
    assert recordings
    for one in recordings:
        assert one["accesses"]
        assert one["consents"]
    chain = demo.chain()
    hashes = {found[part]["tx"] for part in ("segment", "license", "dataset", "settlement")}
    hashes |= {access["tx"] for one in recordings for access in one["accesses"]}
    for tx in hashes:
        assert chain.node.rpc.call("eth_getTransactionReceipt", tx)["status"] == "0x1"


def test_a_rejected_receipt_is_traced_to_the_withdrawal_behind_it(demo: FinishedDemo) -> None:
    found = command("audit", "trace", min(rejected(demo)), "--config", str(demo.settings))
    settled = found["settlement"]
    assert (settled["epoch"], settled["verdict"], settled["reason"]) == (1, "rejected", "consent-withdrawn")
    withdrawn = [consent for one in found["recordings"] for consent in one["consents"]]
    assert withdrawn
    assert all(consent["revokedTx"] and consent["revokedBlock"] < found["segment"]["block"] for consent in withdrawn)


def test_an_unknown_receipt_cannot_be_traced(demo: FinishedDemo) -> None:
    refused = command("audit", "trace", "0x" + "7" * 64, "--config", str(demo.settings), status=6)
    assert refused["type"] == "/problems/unknown-receipt"


def test_the_audit_runs_without_the_operators_packages(demo: FinishedDemo) -> None:
    code = """
import sys
for name in ("indexer", "sqlalchemy", "sqlmodel", "fastapi", "uvicorn", "alembic"):
    sys.modules[name] = None
from provenance.cli.main import run
sys.exit(run(["audit", "run", "--config", sys.argv[1], "--json"]))
"""
    done = subprocess.run([sys.executable, "-c", code, str(demo.settings)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
