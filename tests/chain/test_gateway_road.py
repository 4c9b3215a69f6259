"""Deposit, lease, session and segment over real HTTP beside a real chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance.domain.refusal import ConsentWithdrawn, PurposeNotLicensed
from tests.anvil import World
from tests.desk import Desk, Package, desk, speech


@pytest.fixture(scope="module")
def counter(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(chain_world, tmp_path_factory.mktemp("desk")) as made:
        yield made


@pytest.fixture(scope="module")
def published(counter: Desk) -> Package:
    return counter.published([speech(1), speech(2)])


def test_a_licensee_decrypts_exactly_the_audio_once_its_access_is_on_chain(counter: Desk, published: Package) -> None:
    license_ = counter.license(published)
    access = counter.open(published, license_, (0, 1))
    counter.record(published, license_, access.id, 2)
    envelopes = counter.client("licensee").envelopes(access.id)
    assert [counter.plain(published, license_, one) for one in envelopes] == published.plain
