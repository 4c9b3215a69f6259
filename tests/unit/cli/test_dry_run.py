"""A dry run says what would happen, to programs too."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("line", "would", "facts"),
    [
        (("devnet", "up"), "start anvil on 127.0.0.1 and deploy the contracts where they are missing", {}),
        (("devnet", "advance", "60"), "move the chain's clock ahead by 60 s", {"seconds": 60}),
        (("usage", "submit"), "submit 0 queues", {"queues": 0}),
    ],
)
def test_a_dry_run_says_what_would_happen_and_the_facts(provenance, line, would: str, facts: dict) -> None:
    answer = provenance(*line, "--dry-run", "--json")
    assert answer.status == 0, answer
    assert answer.document == {"dryRun": True, "would": would} | facts
    assert provenance(*line, "--dry-run").stdout == f"Would {would}\n"


def test_the_help_promises_a_cost_only_where_a_transaction_is_ready(provenance) -> None:
    told = " ".join(provenance("upload", "--help").stdout.split())
    assert (
        "--dry-run Show what would happen, with the cost of a transaction that could be sent now; change nothing."
        in told
    )
