"""Checks and traces as people read them: singular for a count of 1, readable addresses and times."""

from __future__ import annotations

import pytest

from provenance.app.audit.evidence import judge
from provenance.cli.audit import _tree
from provenance.cli.demo.royalties import Royalties
from provenance.domain.verdict import Check, Verdict
from provenance.types import Address

pytestmark = pytest.mark.unit
LOWER = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"
CHECKED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # Source: EIP-55 §Test Cases


def counted(number: int, one: str = "") -> Check:
    return judge("leases", range(number), lambda _: None, str, "leases stay signed", singular=one)


def test_one_thing_is_told_in_the_singular() -> None:
    assert counted(0) == Check("leases", Verdict.VERIFIED, "0 leases stay signed")
    assert counted(1).detail == "1 lease stay signed"
    assert counted(1, one="lease stays signed").detail == "1 lease stays signed"
    assert counted(2, one="lease stays signed").detail == "2 leases stay signed"


def test_a_trace_shows_addresses_with_their_checksum_and_times_in_utc() -> None:
    told = _tree(
        {
            "license": {"licensee": LOWER, "id": "0x" + "ab" * 32},
            "recordings": [{"ppm": 7, "consents": [{"subject": LOWER, "notAfter": 1_800_000_000, "revokedTx": None}]}],
            "segment": {"acknowledgedAtMs": "1800000000123"},
        }
    )
    assert told == [
        "license",
        f"  licensee: {CHECKED}",
        "  id: 0x" + "ab" * 32,
        "recordings",
        "  ppm: 7",
        "  consents",
        f"    subject: {CHECKED}",
        "    notAfter: 2027-01-15T08:00:00Z",
        "    revokedTx: -",
        "segment",
        "  acknowledgedAt: 2027-01-15T08:00:00Z",
    ]


@pytest.mark.parametrize("title", ["0xMy house recordings of the year 2024, v1", LOWER])
def test_what_a_holder_wrote_is_shown_as_it_is_also_where_it_looks_like_an_address(title: str) -> None:
    told = _tree({"dataset": {"title": title}, "recordings": [{"name": title}]})
    assert told == ["dataset", f"  title: {title}", "recordings", f"  name: {title}"]


def test_the_royalty_table_shows_addresses_with_their_checksum() -> None:
    payee = Address(bytes.fromhex(LOWER[2:]))
    table = Royalties(1, 950_000, 50_000, 0, {payee: 950_000}, {payee: 95}, {payee: "voice-1"}, 6, "TUSD")
    assert table.lines()[1].split() == ["voice-1", CHECKED, "0.95", "0.000095"]
    assert table.lines()[-1] == "besides: 0.05 TUSD fee of the operator, 0 TUSD held until a ruling"
    assert table.document()["payouts"] == [{"payee": LOWER, "amount": "950000"}]
