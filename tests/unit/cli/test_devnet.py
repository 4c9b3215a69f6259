"""A devnet command says what it deletes, and deletes it only for those who agreed."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.unit
DESTROYING = (("devnet", "down", "--purge"), ("devnet", "reset"))
GONE = (
    "chain and deployment",
    "uploads, consents and leases",
    "meter queues",
    "SQLite",
    "named accounts",
    "keys of rec",
)


@pytest.fixture
def journal(home: Path) -> Path:
    """What an upload left in the devnet's folder."""
    path = home / "devnet" / "uploads" / "a.jsonl"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


@pytest.mark.parametrize("line", DESTROYING)
def test_help_dry_run_and_question_name_what_is_deleted(provenance, journal: Path, line: tuple[str, ...]) -> None:
    for more in ("--help", "--dry-run", "-q"):
        answer = provenance(*line, more)
        told = " ".join((answer.stdout + answer.stderr).split())
        assert [one for one in GONE if one not in told] == [], more
    assert provenance("devnet", "down", "--dry-run").stdout == "Would stop the local chain\n"
    assert journal.exists()


@pytest.mark.parametrize("line", DESTROYING)
def test_nothing_is_deleted_of_who_did_not_agree(provenance, journal: Path, line: tuple[str, ...]) -> None:
    answer = provenance(*line, "--json")
    assert (answer.status, answer.document["detail"]) == (2, "not confirmed: Delete it for ever?")
    assert journal.exists()


def test_who_agrees_is_obeyed_and_to_stop_a_chain_nobody_is_asked(provenance, journal: Path) -> None:
    assert provenance("devnet", "down", "--json").document == {"stopped": False, "purged": False}
    assert journal.exists()
    answer = provenance("devnet", "down", "--purge", "--yes", "--json")
    assert answer.document == {"stopped": False, "purged": True}
    assert not journal.exists()


@pytest.mark.parametrize("said", ["1h", "0", "-1", "1000000001", "1.5"])
def test_a_wrong_number_of_seconds_is_told_with_what_an_hour_is(provenance, said: str) -> None:
    answer = provenance("devnet", "advance", "--", said)
    assert answer.status == 2
    assert answer.stderr == (
        f"Error: {said!r} is no whole number of seconds from 1 to 1,000,000,000\n"
        "Next: Write 3600 for an hour, 86400 for a day.\n"
    )
