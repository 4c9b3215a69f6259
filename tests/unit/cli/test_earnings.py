"""Each command of earnings says which epoch it means where none is named."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("command", "meant"),
    [("show", "the last one"), ("statement", "the last one"), ("claim", "the newest that counts")],
)
def test_the_help_says_which_epoch_is_meant_where_none_is_named(provenance, command: str, meant: str) -> None:
    assert f"This epoch; else {meant}." in " ".join(provenance("earnings", command, "--help").stdout.split())
