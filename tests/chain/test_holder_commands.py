"""`consent extend`, `dataset dispute` and `dataset split` as users type them, on a devnet, without a gateway."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from provenance.adapters.anvil import Devnet
from provenance.domain.fields import checksummed
from tests import documents
from tests.chain.test_license_commands import Home

INVALID, DENIED, CONFLICT = 2, 5, 7
DAY_S = 86_400


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("wallet")
    yield Home(folder)
    Devnet(folder / "home" / "devnet").stop()


@pytest.fixture(scope="module")
def given(home: Home) -> str:
    """The file of voice-1's consent to holder-1."""
    return home.consent


def test_a_voice_extends_its_consent_and_is_told_to_whom_and_for_how_long(home: Home, given: str) -> None:
    line = ("consent", "extend", given, "holder-2")
    status, told, _ = home.run(*line, "--dry-run")
    assert (status, told["dryRun"]) == (0, True)
    holder = home.run("account", "show", "holder-2")[1]["address"]
    assert holder in told["would"]
    assert "for good" in told["would"]
    assert home.run(*line, "--account", "holder-1", "--yes")[0] == DENIED
    status, done, told = home.run(*line, "--yes")  # the voice's own account is found by the consent
    assert status == 0, told
    assert (done["holder"], [one["title"] for one in done["transactions"]]) == (holder.lower(), ["extend consent"])
    status, problem, _ = home.run(*line, "--yes")
    assert (status, problem["type"]) == (CONFLICT, "/problems/serves-already")


def test_a_signed_extension_is_a_file_that_anybody_sends_once(home: Home, given: str) -> None:
    file = str(home.folder / "extension.json")
    status, made, told = home.run("consent", "extend", given, "holder-3", "--out", file, "--yes")
    assert status == 0, told
    assert "transactions" not in made
    status, sent, told = home.run("consent", "extend", file, "--account", "licensee", "--yes")
    assert status == 0, told
    assert sent["holder"] == made["holder"]
    assert home.run("consent", "extend", file, "--account", "licensee", "--yes")[0] == CONFLICT
    assert home.run("consent", "extend", given, "holder-4", "--out", file, "--yes")[0] == CONFLICT  # it is there


def test_a_dispute_keeps_the_evidence_here_and_its_digest_on_chain(home: Home) -> None:
    evidence = home.folder / "evidence.zip"
    evidence.write_bytes(b"PK proof \x00\xff")
    line = ("dataset", "dispute", home.dataset, str(evidence), "--yes")
    assert home.run(*line, "--account", "licensee")[0] == DENIED
    status, done, told = home.run(*line, "--account", "holder-1")
    assert status == 0, told
    assert done["evidence"] == "0x" + hashlib.sha256(evidence.read_bytes()).hexdigest()
    assert home.run("dataset", "dispute", home.dataset, str(evidence) + "?", "--account", "holder-1")[0] == INVALID


def test_up_to_a_hundred_payees_are_announced_without_a_gateway(home: Home) -> None:
    payees = [checksummed(documents.Key(f"payee {n}").address) for n in range(101)]
    line = ("dataset", "split", home.dataset)
    status, problem, _ = home.run(*line, *(f"{one}=99" for one in payees), "--account", "holder-1", "--yes")
    assert (status, problem["type"]) == (INVALID, "/problems/bad-splits")
    shares = [f"{one}=100" for one in payees[:100]]
    status, done, told = home.run(*line, *shares, "--account", "holder-1", "--yes")
    assert status == 0, told
    assert [row["bps"] for row in done["shares"]] == [100] * 100
    assert [row["account"].lower() for row in done["shares"]] == sorted(one.lower() for one in payees[:100])
    assert home.run(*line, *shares, "--account", "licensee", "--yes")[0] == DENIED


def test_what_is_no_pool_is_said_to_be_none(home: Home) -> None:
    status, problem, _ = home.run("pool", "show", home.dataset)
    assert (status, problem["type"]) == (INVALID, "/problems/not-a-pool")
    status, problem, _ = home.run("pool", "leave", home.dataset, home.dataset, "--account", "holder-1", "--yes")
    assert (status, problem["type"]) == (INVALID, "/problems/not-a-pool")
    missing = "0x" + "ab" * 32
    assert home.run("pool", "show", missing)[1]["type"] == "/problems/dataset-missing"
