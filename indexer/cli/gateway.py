"""`node serve`: the gateway's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from indexer.cli import node
from indexer.cli.parts import database, follower, gateway_node
from provenance.cli.frame import command
from provenance.cli.values import shown_address
from provenance.errors import Conflict, Invalid

if TYPE_CHECKING:
    from socket import socket

    from provenance.cli.context import Context

STOP_S = 5  # what running requests get after SIGTERM
BACKLOG = 2_048


class AddressTaken(Conflict):
    """Nothing can listen at this address."""

    next = "Stop what listens there, or choose another address with --listen HOST:PORT."


@command(node, "serve", example=("provenance node serve", "provenance node serve --listen 127.0.0.1:9000"))
@click.option("--listen", metavar="HOST:PORT", help="Where to listen; `[node] listen` if unset.")
def serve(ctx: Context, *, listen: str | None) -> None:
    """Serve the gateway: deposits, leases, usage, catalogue. Ctrl-C or SIGTERM stops it."""
    import uvicorn

    from indexer.http import create_app

    host, _, port = (listen or ctx.settings.node.listen).rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise Invalid(f"{listen!r} is not HOST:PORT", field="listen")
    opened = database(ctx.settings)
    gateway = gateway_node(ctx, opened)
    follower(ctx, opened).check()
    listener = _bound(host.strip("[]"), int(port))
    settings = uvicorn.Config(
        create_app(gateway),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
        lifespan="off",
    )
    ctx.out.say(
        f"Gateway {shown_address(gateway.address)} on http://{host}:{listener.getsockname()[1]}; Ctrl-C stops it."
    )
    uvicorn.Server(settings).run(sockets=[listener])


def _bound(host: str, port: int) -> socket:
    """A socket that listens there; port 0 takes a free one.

    Raises:
        AddressTaken: somebody else does, or the name is none of this machine's.
    """
    import socket as sockets

    listener = sockets.socket(sockets.AF_INET6 if ":" in host else sockets.AF_INET)
    listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise AddressTaken(f"{host}:{port}: {error.strerror or error}", listen=f"{host}:{port}") from error
    return listener
