"""The settings in force, and where they come from."""

from __future__ import annotations

from provenance.cli.context import Context
from provenance.cli.frame import command, group
from provenance.errors import Conflict

STARTER = """\
# Settings of `provenance`. A flag wins over PROVENANCE_* in the environment, which wins over this file.
# `provenance devnet up` adds the network devnet; `provenance config show` prints what is in force.

# network = "devnet"
# account = "studio"
# password_file = "password.txt"

# [networks.mainnet]
# rpc = ["https://one.example", "https://two.example"]
# chain_id = 1
# gateway = "https://gateway.example"
# finality = "finalized"        # or "safe", or "latest-N"
# content = ["https://content.example"]
# max_fee = "0.02"              # the most that a transaction may cost, in the chain's coin
# max_gas_price = "500"         # and for a unit of gas, in gwei; more is asked for, or refused with --yes

# [node]                        # for the operator only
# database = "postgresql+psycopg://localhost/provenance"
# listen = "127.0.0.1:8460"
"""


@group("config")
def config() -> None:
    """The settings in force."""


@command(config, "init", example="provenance config init --config provenance.toml")
def init(ctx: Context) -> None:
    """Write a settings file with every setting explained."""
    from provenance.config import default_file

    file = (ctx.flags.config or default_file()).absolute()
    if file.exists():
        raise Conflict(f"{file} exists already", next="Edit it, or name another with --config.", path=str(file))
    if ctx.dry_run:
        ctx.would(f"write {file}", path=str(file))
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as opened:
        opened.write(STARTER)
    ctx.out.emit({"path": str(file)}, text=f"Wrote {file}")


@command(config, "show", example=("provenance config show", "provenance config show --json"))
def show(ctx: Context) -> None:
    """Show the settings in force; secrets are covered."""
    ctx.out.emit(ctx.settings.model_dump(mode="json"), text=_toml(ctx.settings.model_dump(mode="json")).splitlines())


@command(config, "paths", example="provenance config paths")
def paths(ctx: Context) -> None:
    """Show where settings, keys and content are."""
    from provenance.config import default_file

    ctx.out.emit(
        {
            "settings": str(ctx.settings.file) if ctx.settings.file else None,
            "defaultSettings": str(default_file()),
            "home": str(ctx.home),
            **{name: str(ctx.home / name) for name in ("keystore", "keys", "content", "deployments", "devnet")},
            **{name: str(ctx.journals / name) for name in ("uploads", "leases", "meter", "consents.jsonl")},
        }
    )


def _toml(tree: dict[str, object]) -> str:
    import tomlkit

    def known(setting: object) -> object:
        return {k: known(v) for k, v in setting.items() if v is not None} if isinstance(setting, dict) else setting

    shown = {name: setting for name, setting in tree.items() if name != "file" and setting is not None}
    where = f"# from {tree['file']}\n" if tree["file"] else "# no settings file\n"
    return where + tomlkit.dumps(known(shown)).rstrip()  # type: ignore[arg-type]
