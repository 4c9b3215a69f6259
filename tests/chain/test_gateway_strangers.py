"""What a stranger without license, money or role does to a running gateway: honest work goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexer.gateway import batches
from provenance.domain import merkle, refusal
from provenance.domain.batch import RefusalList
from provenance.types import ZERO32
from tests.live_gateway import LiveGateway, live_gateway, speech

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anvil import World

MANY = tuple(range(100_000))


@pytest.fixture(scope="module")
def live(chain_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    with live_gateway(chain_world, tmp_path_factory.mktemp("gateway")) as made:
        yield made


def anchored(live: LiveGateway) -> batches.AnchoredDocument | None:
    live.settle_down()
    return batches.anchor(live.node, lambda call: live.world.chain.send(call, live.wallets["operator"].signer))


def test_requests_of_100_000_recordings_stop_no_anchor(live: LiveGateway) -> None:
    package = live.published([speech(1)])
    license_ = live.license(package)
    for _ in range(2):
        with pytest.raises(refusal.WrongLicensee):
            live.open(package, license_, MANY, name="thief")
    with pytest.raises(refusal.UnknownRecording) as caught:
        live.open(package, license_, MANY)
    assert caught.value.facts["refusedCount"] == len(MANY) - 1
    access = live.open(package, license_, (0,))
    batch = anchored(live)
    assert batch is not None
    assert [entry.access.request for entry in batch.batch.accesses] == [access.access.request]
    rows = RefusalList.parse(live.node.content.get(batch.batch.refusals)).refusals
    assert [(row.code, row.count, row.root) for row in rows] == [
        ("wrong-licensee", 0, ZERO32),
        ("wrong-licensee", 0, ZERO32),
        ("unknown-recording", len(MANY) - 1, merkle.root(merkle.leaf(index) for index in MANY[1:])),
    ]
    assert anchored(live) is None
