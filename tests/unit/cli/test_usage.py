"""What a licensee can do with usage files alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.adapters import segments
from provenance.adapters.keys.keystore import Keystore
from provenance.domain.usage import Use
from provenance.types import ZERO32, Bytes32, UnixMs
from tests.fakes.epochs import World

WHOLE = 1_000_000


@pytest.fixture
def uses() -> list[Use]:
    world = World()
    license_ = world.license("L")
    session = world.session(license_)
    return [world.use(session, seq, {Bytes32(b"\x05" * 32): WHOLE}, units=seq + 1) for seq in range(3)]


def test_a_whole_file_is_told_with_its_counts(provenance: Callable, tmp_path: Path, uses: list[Use]) -> None:
    file = tmp_path / "part.parquet"
    file.write_bytes(segments.write(uses))
    answer = provenance("usage", "check", file, "--json")
    assert answer.status == 0, answer.stderr
    assert {name: answer.document[name] for name in ("receipts", "units", "firstSeq", "lastSeq", "delivered")} == {
        "receipts": 3,
        "units": "6",
        "firstSeq": "0",
        "lastSeq": "2",
        "delivered": 3,
    }


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"seq": 7}, "place"),
        ({"receipt_id": ZERO32}, "place"),
        ({"attribution_root": ZERO32}, "weights"),
        ({"occurred_at_ms": UnixMs(1)}, "before"),
    ],
)
def test_a_changed_receipt_is_named(
    provenance: Callable, tmp_path: Path, uses: list[Use], change: dict[str, object], word: str
) -> None:
    uses[1] = replace(uses[1], receipt=replace(uses[1].receipt, **change))
    file = tmp_path / "part.parquet"
    file.write_bytes(segments.write(uses))
    answer = provenance("usage", "check", file)
    assert answer.status == 2
    assert word in answer.stderr
    assert "Next:" in answer.stderr


def test_another_file_and_no_file_are_refused(provenance: Callable, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    assert provenance("usage", "check", tmp_path / "text").status == 2
    assert provenance("usage", "check", tmp_path / "nothing").status == 6


def test_nothing_to_submit_is_no_error(provenance: Callable) -> None:
    answer = provenance("usage", "submit", "--json")
    assert (answer.status, answer.document) == (0, [])


@pytest.mark.parametrize(("count", "told"), [(2, "there are a-0, a-1."), (7, "`provenance account list` shows them.")])
def test_a_queue_that_waits_asks_for_an_account_before_any_is_tried(
    provenance: Callable, home: Path, count: int, told: str
) -> None:
    for n in range(count):
        Keystore(home / "keystore").create(f"a-{n}", b"", scrypt_n=2)
    queue = home / "meter" / "5a"
    queue.mkdir(parents=True)
    (queue / "session.key").touch()
    answer = provenance("usage", "submit")
    assert (answer.status, answer.stdout) == (2, "")
    assert answer.stderr == f"Error: which account?\nNext: Repeat with --account NAME; {told}\n"
