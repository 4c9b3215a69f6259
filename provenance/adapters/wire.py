"""The adapters that the settings ask for: the one composition root of the wallet; everything loads late."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from provenance.domain.fees import Limits
from provenance.domain.fields import base_units
from provenance.errors import Invalid, Missing, Unavailable
from provenance.types import UnixMs, UnixSeconds, Wei

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.adapters.anvil import Devnet
    from provenance.adapters.chain import EvmChain, EvmNode
    from provenance.adapters.content.embedded import Embedded
    from provenance.adapters.content.mirror import Mirror, Source
    from provenance.adapters.keys.keystore import SystemRandom
    from provenance.adapters.remote import HttpGateway
    from provenance.app.deploy import Record
    from provenance.app.ports import Journal, Signer
    from provenance.config import Network, Settings

DEVNET_CHAINS: Final = frozenset({1_337, 31_337})
DEVNET_FINALITY: Final = "latest-0"  # its one node never changes its mind
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
CLOCK_TIMEOUT_S: Final = 2.0


class HostClock:
    """Host time plus the lead of a devnet, read at each call."""

    def __init__(self, lead_s: Callable[[], int] = lambda: 0) -> None:
        self._lead_s = lead_s

    def now(self) -> UnixSeconds:
        """Unix time [s]."""
        return UnixSeconds(self.now_ms() // 1_000)

    def now_ms(self) -> UnixMs:
        """Unix time [ms]."""
        return UnixMs(time.time_ns() // 1_000_000 + self._lead_s() * 1_000)  # noqa: TID251 - this is the Clock


def record(settings: Settings) -> Record:
    """The chosen network's deployment: the named file, `./deployments`, `home`, then the installed package.

    Raises:
        Missing: none of these places has it.
        Invalid: it is for another chain.
    """
    from provenance.app.deploy import Record

    network = settings.chosen()
    file = next((place for place in _deployment_places(settings, network) if place.is_file()), None)
    if file is None and network.deployment is not None:
        raise Missing(
            f"no deployment file {network.deployment}",
            next=f"Correct `deployment` in [networks.{settings.network}] of the settings.",
            path=str(network.deployment),
        )
    if file is None:
        raise Missing(
            f"no deployment of chain {network.chain_id} is known",
            next="Set `deployment` in the network's settings; a local chain: `provenance devnet up`.",
            chainId=network.chain_id,
        )
    record_ = Record.parse(file.read_bytes())
    if record_.chain_id != network.chain_id:
        raise Invalid(
            f"{file} is for chain {record_.chain_id}, the network for {network.chain_id}",
            next="Name the network's own deployment file, or another network with --network.",
            path=str(file),
        )
    return record_


def _deployment_places(settings: Settings, network: Network) -> tuple[Path, ...]:
    if network.deployment is not None:
        return (network.deployment,)
    name = Path("deployments", f"{network.chain_id}.json")
    return (name, settings.home / name, Path(__file__).parents[1] / name)


def node(settings: Settings, journal: Journal | None = None) -> EvmNode:
    """The chosen network's RPC endpoints; with a journal, what is sent through them is remembered in it."""
    from provenance.adapters.chain import EvmNode, Outbox, Rpc

    return EvmNode(Rpc(settings.chosen().rpc), Outbox(journal) if journal else None, limits(settings))


def limits(settings: Settings) -> Limits:
    """What a transaction may cost: as the network's settings say, else its deployment document, else by default."""
    network = settings.chosen()
    try:
        known = record(settings).limits
    except (Missing, Invalid):  # whoever needs the document itself is told
        known = Limits()
    set_here = {
        name: Wei(base_units(setting, decimals, name))
        for name, setting, decimals in (
            ("max_fee_wei", network.max_fee, 18),
            ("max_gas_price_wei", network.max_gas_price, 9),
        )
        if setting is not None
    }
    return replace(known, **set_here)


def checked_node(settings: Settings) -> EvmNode:
    """The same, on the chain that the settings say.

    Raises:
        WrongChain: the endpoint is of another.
    """
    from provenance.adapters.chain import WrongChain

    node_, network = node(settings), settings.chosen()
    if (chain_id := node_.chain_id()) != network.chain_id:
        raise WrongChain(
            f"{node_.rpc.url} is on chain {chain_id}, network {settings.network} on {network.chain_id}",
            next="Correct `rpc` or `chain_id` of the network in the settings, or name another with --network.",
            expected=network.chain_id,
            found=chain_id,
        )
    return node_


def chain(settings: Settings) -> EvmChain:
    """The chosen network's node and deployment, checked against each other."""
    return connect(node(settings), record(settings), finality=settings.chosen().finality)


def connect(node_: EvmNode, record_: Record, *, finality: str = "latest-0") -> EvmChain:
    """A deployment through a node, checked."""
    from provenance.adapters.chain import EvmChain

    return EvmChain(node_, record_.deployment(), finality=finality, code_hashes=record_.code_hashes)


def store(settings: Settings) -> Embedded:
    """This party's own content store."""
    from provenance.adapters.content.embedded import Embedded

    return Embedded(settings.home / "content")


def content(settings: Settings) -> Mirror:
    """This party's own content store, backed by the gateway and the network's content sources."""
    from provenance.adapters.content.mirror import Mirror

    return Mirror(store(settings), sources(settings))


def sources(settings: Settings) -> list[Source]:
    """Where else content is looked for: named sources first, then the gateway.

    A URL may be any IPFS gateway's or that of a gateway of this network: it is asked as the one, then as the other.
    """
    from provenance.adapters.content.embedded import Embedded
    from provenance.adapters.content.gateway import Served, Trustless

    if settings.network not in settings.networks and not settings.content and not settings.gateway:
        return []
    network = settings.chosen()
    sources_: list[Source] = []
    for place in network.content:
        if "://" not in place:
            sources_.append(Embedded(_existing(Path(place))))
        elif place.rstrip("/") == (network.gateway or "").rstrip("/"):
            continue
        else:
            sources_ += [Trustless(place), Served(place)]
    if network.gateway:
        sources_.append(Served(network.gateway))
    return sources_


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise Missing(
            f"no content folder {folder}", next="Correct --content or the setting `content`.", path=str(folder)
        )
    return folder


def gateway(settings: Settings, signer: Signer | None = None) -> HttpGateway:
    """The gateway in force as its client sees it; requests that must be known are signed by `signer`."""
    from provenance.adapters.keys.keystore import SystemRandom
    from provenance.adapters.remote import HttpGateway

    url = settings.chosen().gateway
    if not url:
        raise Missing(
            f"network {settings.network} names no gateway",
            next="Repeat with --gateway URL, or set `gateway` in the network's settings.",
        )
    return HttpGateway(url.rstrip("/"), record(settings).deployment(), clock(settings), SystemRandom(), signer)


def clock(settings: Settings) -> HostClock:
    """Host time; on a local devnet plus how far its chain was moved ahead."""
    network = settings.networks.get(settings.network)
    if network is None or not is_devnet(network):
        return HostClock()
    return HostClock(lambda: _lead_s(network.rpc))


def is_devnet(network: Network) -> bool:
    """Whether the network is a development chain on this machine."""
    return network.chain_id in DEVNET_CHAINS and all(urlsplit(url).hostname in LOOPBACK for url in network.rpc)


def _lead_s(urls: tuple[str, ...]) -> int:
    from provenance.adapters.anvil import lead_s
    from provenance.adapters.chain import EvmNode, Rpc

    try:
        return lead_s(EvmNode(Rpc(urls, timeout_s=CLOCK_TIMEOUT_S)))
    except Unavailable:  # what needs no chain goes on without it
        return 0


def devnet(settings: Settings) -> Devnet:
    """The local chain of this home."""
    from provenance.adapters.anvil import Devnet

    return Devnet(settings.home / "devnet")


def random() -> SystemRandom:
    """The system's randomness."""
    from provenance.adapters.keys.keystore import SystemRandom

    return SystemRandom()
