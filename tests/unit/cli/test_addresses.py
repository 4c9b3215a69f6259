"""An address that somebody typed with one wrong digit is nobody's: nothing is signed for it."""

from __future__ import annotations

import pytest

from tests.unit.domain.test_fields import WRITTEN, mistyped

RIGHT = WRITTEN[0]
WRONG = mistyped(RIGHT)


@pytest.mark.parametrize("spelling", [RIGHT, RIGHT.lower(), "0x" + RIGHT[2:].upper()])
def test_a_right_address_goes_on_to_the_next_step(provenance, spelling: str):
    refused = provenance("account", "show", spelling, "--json")
    assert (refused.status, refused.document["detail"]) == (6, f"no account {spelling}")


@pytest.mark.parametrize(
    "line",
    [
        ("consent", "grant", "--voice", "me", "--holder", WRONG, "--purpose", "train.tts", "--territory", "EU",
         "--until", "2y", "--out", "c.json"),
        ("account", "show", WRONG),
    ],
    ids=lambda line: " ".join(line[:2]),
)  # fmt: skip
def test_a_mistyped_address_is_refused_and_not_shown_with_a_fresh_checksum(provenance, line: tuple[str, ...]):
    refused = provenance(*line, "--json")
    assert (refused.status, refused.document["type"]) == (2, "/problems/wrong-checksum")
    assert WRONG in refused.document["detail"]
    assert "Copy the whole address again" in refused.document["next"]
