"""Roots of trust are read for https addresses only, by every client of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from indexer.rpc.node import HttpNode
from provenance.adapters import transport
from provenance.adapters.chain import Rpc
from provenance.adapters.content.gateway import Served, Trustless
from provenance.adapters.content.ipfs import Rpc as Kubo
from provenance.adapters.remote import HttpGateway

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENTS: dict[str, Callable[[Any], object]] = {
    "node": lambda url: Rpc([url]),
    "node of the mirror": HttpNode,
    "content of a gateway": Served,
    "blocks of an IPFS gateway": Trustless,
    "Kubo": Kubo,
    "gateway": lambda url: HttpGateway(url, *[None] * 3),  # type: ignore[arg-type]  # nothing is asked
}


@pytest.mark.parametrize("made", CLIENTS.values(), ids=CLIENTS.keys())
@pytest.mark.parametrize(("url", "reads"), [("http://127.0.0.1:1", 0), ("https://host.example", 1)])
def test_roots_of_trust_are_read_where_an_address_is_https(made: Callable[[str], object], url: str, reads: int):
    transport._tls.cache_clear()
    made(url)
    assert transport._tls.cache_info().misses == reads


def test_one_https_address_of_several_is_enough():
    transport._tls.cache_clear()
    transport.client(1.0, "http://127.0.0.1:1", "https://host.example")
    assert transport._tls.cache_info().misses == 1
