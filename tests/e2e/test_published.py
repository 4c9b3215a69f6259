"""What the demo publishes, moves and costs is what it was, field by field: tests/golden/demo.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.finished_demo import FinishedDemo, named
from tests.e2e.published import decoded, differences, lines, snapshot

GOLDEN = Path(__file__).parents[1] / "golden" / "demo.json"


@pytest.fixture(scope="module")
def golden() -> Any:
    return json.loads(GOLDEN.read_text("utf-8"))


def test_documents_amounts_and_gas_are_those_of_the_snapshot(demo: FinishedDemo, golden: Any) -> None:
    taken = snapshot(demo)
    assert differences(golden, json.loads("\n".join(lines(taken))))[:40] == []


def test_every_published_format_is_in_the_snapshot_and_no_value_of_one_run(golden: Any) -> None:
    kinds = {kind.split()[0] for kind in golden["documents"]}
    assert kinds >= {"manifest", "terms", "batch", "segment", "epoch", "statements", "refusals", "snapshot"}
    assert all(manifest["body"]["consents"] for manifest in golden["documents"]["manifest"])
    assert "<?>" not in GOLDEN.read_text("utf-8")


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("manifest", '"title":', '"name":'),
        ("statements", '"amount":"228000"', '"amount":"228001"'),
        ("batch", '"purpose":1024', '"purpose":"1024"'),
        ("epoch", '"fee":"12000"', '"fee":"12001"'),
    ],
)
def test_a_renamed_field_and_a_changed_amount_are_seen(
    demo: FinishedDemo, golden: Any, tmp_path: Path, kind: str, before: str, after: str
) -> None:
    home = demo.room / "home"
    demo.copy(tmp_path)
    for name in ("deployments", "keystore"):
        (tmp_path / name).symlink_to(home / name)
    for file in named(tmp_path / "content", kind):
        file.write_text(file.read_text().replace(before, after))
    assert any(f".{kind}[" in line for line in differences(golden["documents"], decoded(tmp_path)))
