"""The command `provenance`: modules are imported only when one of their commands is named."""

from __future__ import annotations

import gc
import importlib
import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from itertools import takewhile
from typing import TextIO

import click
from click.shell_completion import CompletionItem

from provenance import __version__
from provenance.cli.context import DryRun, Session
from provenance.cli.failure import INTERRUPTED, report
from provenance.cli.frame import HELP_NAMES
from provenance.cli.out import Declined

PLUGINS = "provenance.commands"
COMPLETE_VARIABLE = "_PROVENANCE_COMPLETE"

COMMANDS = {
    "account": ("provenance.cli.account:account", "Keys and balances."),
    "terms": ("provenance.cli.terms:terms", "Conditions of use."),
    "consent": ("provenance.cli.consent:consent", "Grants of voice owners, and their revocation."),
    "upload": ("provenance.cli.upload:upload", "Judge, seal, store and register recordings."),
    "dataset": ("provenance.cli.dataset:dataset", "Registered datasets."),
    "pool": ("provenance.cli.pool:pool", "Datasets of many holders under one license."),
    "license": ("provenance.cli.license:license_", "Offer, accept, fund and end licenses."),
    "access": ("provenance.cli.access:access", "Open and download licensed recordings."),
    "usage": ("provenance.cli.usage:usage", "Usage receipts."),
    "earnings": ("provenance.cli.earnings:earnings", "What was earned, why, and claiming it."),
    "audit": ("provenance.cli.audit:audit", "Recompute everything from chain and content."),
    "role": ("provenance.cli.role:role", "Acts of owner, guardian, arbiter and publisher."),
    "contracts": ("provenance.cli.contracts:contracts", "The contracts on a network."),
    "devnet": ("provenance.cli.devnet:devnet", "A local chain with contracts, token and accounts."),
    "demo": ("provenance.cli.demo:demo", "From recordings to paid royalties on a local chain."),
    "doctor": ("provenance.cli.doctor:doctor", "What is installed, reachable or misconfigured."),
    "config": ("provenance.cli.config:config", "The settings in force."),
    "completion": ("provenance.cli.completion:completion", "Tab completion for a shell."),
}
"""Where each command is and what it is about; the help must not import the modules to say so."""

PLUGIN_HELP = {"node": "The operator: mirror, gateway, settlement, payouts."}
HELP = {name: text for name, (_, text) in COMMANDS.items()} | PLUGIN_HELP


class Root(click.Group):
    """The command `provenance`, whose members are loaded when named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Our commands in the order in which they are needed, then those of installed packages."""
        del ctx
        return [*COMMANDS, *sorted({*PLUGIN_HELP, *_plugins()})]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The named command, its module imported."""
        del ctx
        if cmd_name in COMMANDS:
            module, _, attribute = COMMANDS[cmd_name][0].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        plugin = _plugins().get(cmd_name)
        return plugin.load() if plugin else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line per command, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, HELP.get(name, "")) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completions of a command's name, without importing any."""
        return [
            *(
                CompletionItem(name, help=HELP.get(name))
                for name in self.list_commands(ctx)
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]


@cache
def _plugins() -> dict[str, EntryPoint]:
    """Commands of installed packages; whoever asks reads the metadata of all of them, once."""
    return {point.name: point for point in entry_points(group=PLUGINS)}


@click.group("provenance", cls=Root, context_settings=HELP_NAMES)
@click.version_option(__version__, message="%(prog)s %(version)s", prog_name="provenance")
def root() -> None:
    """From a recording to a paid, audited royalty."""


def run(arguments: Sequence[str], session: Session | None = None) -> int:
    """The command line was carried out.

    Args:
        arguments: what follows `provenance`.
        session: the streams to use, and where sent transactions are noted; the process's own by default.

    Returns:
        The exit status of the table of errors; never raises but for bugs of the interpreter.
    """
    session = session or Session(sys.stdout, sys.stderr)
    options = list(takewhile(lambda argument: argument != "--", arguments))
    try:
        with redirect_stdout(session.stdout), redirect_stderr(session.stderr):
            answer = root.main(list(arguments), prog_name="provenance", standalone_mode=False, obj=session)
    except DryRun:
        return 0
    except Declined:
        session.stderr.write("Stopped: nothing more was sent.\n")
        return INTERRUPTED
    except (KeyboardInterrupt, click.Abort):
        session.stderr.write("\nInterrupted; repeat the command to go on.\n")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click exits where the reader of a pipe has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the edge: every failure becomes words and a status here
        return report(error, session.stdout, session.stderr, as_json="--json" in options, verbose=_loud(options))
    return answer if isinstance(answer, int) else 0


def _loud(arguments: Sequence[str]) -> bool:
    return any(
        argument == "--verbose" or re.fullmatch(r"-[yq]*v[vyq]*", argument) is not None for argument in arguments
    )


def main() -> None:
    """The console script."""
    gc.set_threshold(100_000, 50, 50)  # imports leave few cycles: a twentieth of a chain command's CPU time
    for stream in (sys.stdout, sys.stderr):
        reconfigure: TextIO = stream
        if hasattr(reconfigure, "reconfigure"):
            reconfigure.reconfigure(errors="backslashreplace")
    status = run(sys.argv[1:])
    if "duckdb" not in sys.modules:  # whose binding reports what nobody collected
        gc.freeze()  # else the end of the process, which frees all, begins with a search for cycles: a sixth of that time
    sys.exit(status)
