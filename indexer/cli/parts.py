"""The parts of the operator's processes, from the settings: database, nodes, follower, gateway. Everything loads late."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Literal

from indexer.gateway import GatewayNode
from provenance.adapters import wire
from provenance.domain import canonical, fields
from provenance.errors import Invalid, ProvenanceError

if TYPE_CHECKING:
    from indexer.follow import Follower
    from indexer.rpc.source import ChainSource
    from indexer.store.database import Database
    from indexer.store.history import History
    from provenance.cli.context import Context
    from provenance.config import Settings
    from provenance.types import Address

CATCH_UP_S: Final = 30.0
CATCH_UP_POLL_S: Final = 0.05
NOT_MIRRORED: Final = "Token"  # an ERC-20 is not ours; its transfers stand in our own events


def database(settings: Settings) -> Database:
    """The operator's database at the newest schema."""
    from indexer.store.database import open_database

    return open_database(settings.database_url)


def contracts(settings: Settings) -> dict[str, Address]:
    """The mirrored contracts' addresses by name."""
    return {name: address for name, address in wire.record(settings).contracts.items() if name != NOT_MIRRORED}


def history(settings: Settings, opened: Database) -> History:
    """The facts as the mirror has them."""
    from indexer.store.history import History

    return History(opened, contracts(settings))


def source(settings: Settings) -> ChainSource:
    """The network's nodes."""
    from indexer.rpc.node import HttpNode
    from indexer.rpc.source import ChainSource

    network = settings.chosen()
    return ChainSource([HttpNode(url) for url in network.rpc], contracts(settings).values(), network.chain_id)


def follower(ctx: Context, opened: Database) -> Follower:
    """What brings the database to the chain's head."""
    from indexer.follow import Follower
    from indexer.store.mirror import ChainMirror

    ctx.log(ctx.settings)
    return Follower(
        source(ctx.settings),
        ChainMirror(opened),
        contracts(ctx.settings),
        first_block=wire.record(ctx.settings).first_block,
        finality=ctx.network.finality,
        clock=ctx.clock,
    )


def gateway_node(ctx: Context, opened: Database) -> GatewayNode:
    """The gateway of these settings: its account is `[node] meter`, its content this home's own store."""
    from indexer.store.opened import stores
    from provenance.adapters import codec
    from provenance.adapters.seal import Pao1

    ctx.log(ctx.settings)
    record = wire.record(ctx.settings)
    return GatewayNode(
        deployment=record.deployment(),
        document=fields.mapping({"deployment": canonical.loads(record.encode())}, "deployment"),
        chain=ctx.chain(),
        stores=stores(opened, contracts(ctx.settings)),
        content=wire.store(ctx.settings),
        cipher=Pao1(),
        examine=codec.examine,
        wallet=ctx.wallet(acting(ctx, "meter")),
        clock=ctx.clock,
        random=ctx.random,
        finality=ctx.network.finality,
        unregistered_bytes=ctx.settings.node.unregistered_bytes,
    )


def acting(ctx: Context, role: Literal["meter", "publisher", "relayer"]) -> str:
    """The account that `[node]` names for this role.

    Raises:
        Invalid: `--account` names another, which would be passed over.
    """
    named: str = getattr(ctx.settings.node, role)
    account = ctx.flags.account
    if account is not None and not _same(ctx, account, named):
        raise Invalid(
            f"--account {account} is not used here: {named} acts, as `[node] {role}` says",
            next=f"Leave --account out, or set `{role}` under [node] in the settings.",
            field="account",
        )
    return named


def _same(ctx: Context, account: str, other: str) -> bool:
    """Whether both, names or addresses, are one account."""
    try:
        return account == other or ctx.address(account) == ctx.address(other)
    except ProvenanceError:  # there is no account of that name
        return False


def caught_up(ctx: Context, opened: Database) -> History:
    """The facts, once the mirror has reached the chain's present head: by itself, or by the running follower.

    Raises:
        NotMirrored: another process follows and does not get there.
    """
    from indexer.follow import once
    from indexer.store.database import AlreadyRunning
    from indexer.store.mirror import ChainMirror, NotMirrored

    try:
        with opened.lock("follow"):
            once(follower(ctx, opened))
    except AlreadyRunning:
        head, deadline = ctx.chain().head().number, time.monotonic() + CATCH_UP_S
        while (position := ChainMirror(opened).position()) is None or position.number < head:
            if time.monotonic() > deadline:
                raise NotMirrored(
                    f"the mirror is at block {position.number if position else None}, the chain at {head}", block=head
                ) from None
            time.sleep(CATCH_UP_POLL_S)
    return history(ctx.settings, opened)
