"""`node serve`: the gateway's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from indexer.cli import node
from indexer.cli.parts import gateway_node
from provenance.cli.frame import command

if TYPE_CHECKING:
    from provenance.cli.context import Context

STOP_S = 5  # what running requests get after SIGTERM


@command(node, "serve", example=("provenance node serve", "provenance node serve --listen 127.0.0.1:9000"))
@click.option("--listen", metavar="HOST:PORT", help="Where to listen; `[node] listen` if unset.")
def serve(ctx: Context, *, listen: str | None) -> None:
    """Serve the gateway: deposits, leases, usage, catalogue. Ctrl-C or SIGTERM stops it."""
    import uvicorn

    from indexer.http import create_app
    from provenance.errors import Invalid

    host, _, port = (listen or ctx.settings.node.listen).rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise Invalid(f"{listen!r} is not HOST:PORT", field="listen")
    made = gateway_node(ctx)
    settings = uvicorn.Config(
        create_app(made),
        host=host.strip("[]"),
        port=int(port),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
        lifespan="off",
    )
    ctx.out.say(f"Gateway 0x{made.address.hex()} on http://{host}:{port}; Ctrl-C stops it.")
    uvicorn.Server(settings).run()
